package intake

import "context"

// Settings are what the sources need.
type Settings struct {
	// Secrets gives a source's signing secret or token, and the one before while rotating. A source without any is not served.
	Secrets func(source string) [][]byte
	// Topics are the ARNs of the SNS topics that may speak by their signature.
	Topics []string
	// Fetch gets a certificate of SNS's; nil: Fetch of this package.
	Fetch func(ctx context.Context, url string) ([]byte, error)
	// Severities are offered in Slack, the most severe first; nil: critical and regular.
	Severities []string
}

// Sources gives the sources that have a secret. SNS is served as well if it has topics.
func Sources(s Settings) []Source {
	if s.Fetch == nil {
		s.Fetch = Fetch
	}
	if s.Severities == nil {
		s.Severities = []string{"critical", "regular"}
	}
	secret := func(name string) Secrets { return s.Secrets(name) }
	var served []Source
	for _, source := range []Source{
		&Alertmanager{secret("alertmanager")}, &Grafana{Secrets: secret("grafana")}, &PagerDuty{secret("pagerduty")},
		&Opsgenie{secret("opsgenie")}, &EventBridge{secret("eventbridge")}, &Email{secret("email")},
		&Slack{Secrets: secret("slack"), Severities: s.Severities}, &Generic{secret("generic")},
	} {
		if len(s.Secrets(source.Name())) > 0 {
			served = append(served, source)
		}
	}
	if len(secret("sns")) > 0 || len(s.Topics) > 0 {
		served = append(served, &SNS{Secrets: secret("sns"), Topics: s.Topics, Fetch: s.Fetch})
	}
	return served
}
