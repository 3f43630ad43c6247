package notify

import (
	"context"
	"slices"

	"github.com/PagerDuty/go-pagerduty"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// The Events API's addresses by Options["region"],
// https://support.pagerduty.com/main/docs/service-regions
var pagerDutyRegions = map[string]string{
	"":   "https://events.pagerduty.com",
	"us": "https://events.pagerduty.com",
	"eu": "https://events.eu.pagerduty.com",
}

// pagePagerDuty triggers an alert by Events API v2,
// https://developer.pagerduty.com/docs/events-api-v2/trigger-events/. A target is the name of the
// secret that holds a team's routing key; who has none is paged by Service.Secret. The page's key
// is the deduplication key, which an acknowledgement brings back.
func (n *Notifier) pagePagerDuty(ctx context.Context, p engine.Page) error {
	const kind = "pagerduty"
	base, ok := pagerDutyRegions[p.Service.Options["region"]]
	if !ok {
		return final(kind, `region must be "us" or "eu"`)
	}
	secrets, unknown := n.targets(p)
	if fallback := p.Service.Secret; fallback != "" && (len(unknown) > 0 || len(secrets) == 0) &&
		!slices.Contains(secrets, fallback) {
		secrets = append(secrets, fallback)
	}
	if len(secrets) == 0 {
		return final(kind, "neither a target nor the service names the secret with a routing key")
	}
	event := pagerDutyEvent(p)
	return each(kind, secrets, func(name string) error {
		key, err := n.secret(ctx, kind, name)
		if err != nil {
			return err
		}
		event := event
		event.RoutingKey = key
		client := pagerduty.NewClient("", pagerduty.WithV2EventsAPIEndpoint(base))
		client.HTTPClient = n.client
		return n.send(ctx, kind, []string{key}, func(ctx context.Context) error {
			_, err := client.ManageEventWithContext(ctx, &event)
			return err
		})
	})
}

// pagerDutyEvent is the event without its routing key.
func pagerDutyEvent(p engine.Page) pagerduty.V2Event {
	severity := "critical" // somebody is to be woken, whatever the company calls it
	if slices.Contains([]string{"error", "warning", "info"}, p.Severity) {
		severity = p.Severity
	}
	details := map[string]any{"paged": p.To}
	if p.Text != "" {
		details["text"] = texts.Truncate(p.Text, 10_000)
	}
	e := pagerduty.V2Event{
		Action: "trigger", DedupKey: p.Key, Client: "Firebreak", ClientURL: p.URL,
		Payload: &pagerduty.V2Payload{
			Summary:  texts.Truncate(title(p), 1024),
			Source:   p.Ref.Owner + "/" + p.Ref.Repo,
			Severity: severity,
			Details:  details,
		},
	}
	if p.URL != "" {
		e.Links = []any{map[string]string{"href": p.URL, "text": p.Ref.String()}}
	}
	return e
}
