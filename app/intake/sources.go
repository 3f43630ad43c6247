package intake

import (
	"context"

	"github.com/firebreak-dev/firebreak/app/sources"
)

// Settings are what the sources need.
type Settings struct {
	// Secrets returns a source's signing secret or token, and the one before while rotating. A
	// source without any is not served.
	Secrets func(source string) [][]byte
	// Topics are the ARNs of the SNS topics that may speak by their signature.
	Topics []string
	// Fetch gets a certificate of SNS's; nil: Fetch of this package.
	Fetch func(ctx context.Context, url string) ([]byte, error)
	// Severities are offered in Slack, the most severe first; nil: critical and regular.
	Severities []string
	// Slack is where Slack's Web API is, if not at Slack.
	Slack string
}

// Severities are what is offered in Slack where nothing else is set, the most severe first.
var Severities = []string{"critical", "regular"}

// readers makes what reads the requests of each source of package sources that is served; a test
// compares them.
var readers = map[string]func(Secrets, Settings) Source{
	"alertmanager": func(s Secrets, _ Settings) Source { return &Alertmanager{s} },
	"grafana":      func(s Secrets, _ Settings) Source { return &Grafana{Secrets: s} },
	"pagerduty":    func(s Secrets, _ Settings) Source { return &PagerDuty{s} },
	"opsgenie":     func(s Secrets, _ Settings) Source { return &Opsgenie{s} },
	"sns":          func(s Secrets, o Settings) Source { return &SNS{Secrets: s, Topics: o.Topics, Fetch: o.Fetch} },
	"eventbridge":  func(s Secrets, _ Settings) Source { return &EventBridge{s} },
	"email":        func(s Secrets, _ Settings) Source { return &Email{s} },
	"slack": func(s Secrets, o Settings) Source {
		return &Slack{Secrets: s, Severities: o.Severities, URL: o.Slack}
	},
	"generic": func(s Secrets, _ Settings) Source { return &Generic{s} },
}

// Sources returns the sources that have a secret. SNS is served as well if it has topics.
func Sources(s Settings) (served []Source) {
	if s.Fetch == nil {
		s.Fetch = Fetch
	}
	if s.Severities == nil {
		s.Severities = Severities
	}
	for _, kind := range sources.Kinds(sources.Source.IsServed) {
		secrets := Secrets(s.Secrets(kind))
		if len(secrets) > 0 || kind == "sns" && len(s.Topics) > 0 {
			served = append(served, readers[kind](secrets, s))
		}
	}
	return served
}
