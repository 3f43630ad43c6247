// Package replay shows what the engine would do with a recorded delivery: it reads GitHub as it is
// now, and writes nothing.
package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/webhook"
)

// Delivery is a webhook as GitHub recorded it.
// https://docs.github.com/en/rest/apps/webhooks#get-a-delivery-for-an-app-webhook
type Delivery struct {
	GUID    string
	Event   string
	Payload json.RawMessage
}

// Parse reads a delivery as GET /app/hook/deliveries/{id} answers it.
func Parse(text []byte) (Delivery, error) {
	var in struct {
		GUID    string `json:"guid"`
		Event   string `json:"event"`
		Request struct {
			Headers map[string]string `json:"headers"`
			Payload json.RawMessage   `json:"payload"`
		} `json:"request"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return Delivery{}, fmt.Errorf("this is not a delivery: %w", err)
	}
	d := Delivery{GUID: in.GUID, Event: in.Event, Payload: in.Request.Payload}
	if d.Event == "" {
		d.Event = in.Request.Headers["X-GitHub-Event"]
	}
	if d.GUID == "" {
		d.GUID = in.Request.Headers["X-GitHub-Delivery"]
	}
	if d.Event == "" || len(d.Payload) == 0 || d.Payload[0] != '{' {
		return d, errors.New("this is not a delivery as GitHub records it: it needs event and " +
			"request.payload; get one with GET /app/hook/deliveries/ID")
	}
	return d, nil
}

// Step is one thing that would be done.
type Step struct {
	Do    string `json:"do"`
	Where string `json:"where,omitempty"`
	Text  string `json:"text,omitempty"`
}

// Plan is what would be done. Why is empty if somebody would look at all.
type Plan struct {
	Delivery string `json:"delivery"`
	Event    string `json:"event"`
	Incident string `json:"incident,omitempty"`
	Why      string `json:"nothing_because,omitempty"`
	Steps    []Step `json:"steps"`
}

// Options are what a plan is made with.
type Options struct {
	GitHub  engine.GitHub // only read
	Clock   engine.Clock
	Secrets [][]byte
	Self    webhook.Self
	Logger  *slog.Logger
}

// Make makes the plan for a delivery.
func Make(ctx context.Context, o Options, d Delivery) (Plan, error) {
	plan := Plan{Delivery: d.GUID, Event: d.Event, Steps: []Step{}}
	m, relevant, err := webhook.Decide(d.Event, d.Payload, o.Self)
	if err != nil {
		return plan, err
	}
	if !relevant {
		plan.Why = "the webhook would not even be queued: it says nothing of an incident, a postmortem " +
			"or the configuration, or is the App's own doing"
		return plan, nil
	}
	m.Delivery = d.GUID
	plan.Incident = m.Ref.FullName()
	if m.Ref.Number != 0 {
		plan.Incident = m.Ref.String()
	}
	r := &recorder{github: o.GitHub}
	e := engine.New(engine.Options{GitHub: r, Scheduler: r, Queue: r, Pager: r, Announcer: r, Replier: r,
		Clock: o.Clock, Secrets: o.Secrets, Logger: o.Logger})
	err = e.Handle(ctx, m)
	plan.Steps = append(plan.Steps, r.steps...)
	var later *engine.RetryAfter
	if errors.As(err, &later) {
		r.note("look again at "+later.Until.UTC().Format("15:04:05 UTC"), "", later.Err.Error())
		plan.Steps, err = append([]Step{}, r.steps...), nil
	}
	return plan, err
}
