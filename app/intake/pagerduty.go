package intake

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/PagerDuty/go-pagerduty/webhookv3"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// PagerDuty reads PagerDuty's V3 webhooks.
// https://developer.pagerduty.com/docs/webhooks-overview
type PagerDuty struct{ Secrets Secrets }

// Name returns "pagerduty".
func (p *PagerDuty) Name() string { return "pagerduty" }

// Early needs what may be a signature: while PagerDuty's secret is renewed there are several, with
// commas.
func (p *PagerDuty) Early(h http.Header, _ time.Time) error {
	for one := range strings.SplitSeq(h.Get("X-PagerDuty-Signature"), ",") {
		if needForm(strings.TrimSpace(one), "v1=") == nil {
			return nil
		}
	}
	return rejected("signature", "X-PagerDuty-Signature does not fit")
}

type pagerDutyEvent struct {
	ID         string `json:"id"`
	EventType  string `json:"event_type"`
	OccurredAt string `json:"occurred_at"`
	Agent      struct {
		Summary string `json:"summary"`
	} `json:"agent"`
	Data struct {
		ID          string           `json:"id"`
		HTMLURL     string           `json:"html_url"`
		IncidentKey string           `json:"incident_key"`
		CreatedAt   string           `json:"created_at"`
		Title       string           `json:"title"`
		Service     pagerDutySummary `json:"service"`
		Priority    pagerDutySummary `json:"priority"`
		Urgency     string           `json:"urgency"`
		Bridge      struct {
			Number string `json:"conference_number"`
			URL    string `json:"conference_url"`
		} `json:"conference_bridge"`
	} `json:"data"`
}

type pagerDutySummary struct {
	ID      string `json:"id"`
	Summary string `json:"summary"`
}

// Read returns a Signal for an incident that is triggered, reopened or resolved, an Ack for one
// that is acknowledged, and nothing for other events.
func (p *PagerDuty) Read(_ context.Context, r Request) (Result, error) {
	if !p.verified(r) {
		return Result{}, rejected("signature", "X-PagerDuty-Signature does not fit")
	}
	var body struct {
		Event pagerDutyEvent `json:"event"`
	}
	if err := decode(r.Body, &body); err != nil {
		return Result{}, err
	}
	e := body.Event
	if e.EventType == "" {
		return Result{}, bad("not a V3 webhook: event.event_type is needed")
	}
	kind, relevant := strings.CutPrefix(e.EventType, "incident.")
	if !relevant ||
		kind != "triggered" && kind != "reopened" && kind != "resolved" && kind != "acknowledged" {
		return Result{}, nil
	}
	if e.Data.ID == "" {
		return Result{}, bad("the incident has no id")
	}
	// The key is the alert's own where one was given, so that the same trouble has the same after a
	// resolution too.
	dedup := key(p.Name(), e.Data.Service.ID, cmp.Or(e.Data.IncidentKey, e.Data.ID))
	if kind == "acknowledged" {
		return Result{
			Acks: []Ack{
				{
					Source:   p.Name(),
					Key:      line(e.Data.IncidentKey, maxKey),
					DedupKey: dedup,
					By:       line(e.Agent.Summary, maxWord),
					At:       plausible(parseTime(e.OccurredAt), r.Now),
				},
			},
		}, nil
	}
	if ownPage(e.Data.IncidentKey) {
		return Result{}, nil
	}
	s := Signal{
		Source: p.Name(), DedupKey: dedup, Event: e.ID, Firing: kind != "resolved", Trust: Verified,
		Title: e.Data.Title, URL: e.Data.HTMLURL, Started: parseTime(e.Data.CreatedAt),
		SeverityHint: cmp.Or(e.Data.Priority.Summary, e.Data.Urgency), CallLinks: []string{e.Data.Bridge.URL},
		Labels: map[string]string{
			"service":  e.Data.Service.Summary,
			"priority": e.Data.Priority.Summary,
			"urgency":  e.Data.Urgency,
		},
	}
	for _, t := range [][2]string{{"Service: ", e.Data.Service.Summary}, {"Call: ", e.Data.Bridge.Number},
		{"Call: ", e.Data.Bridge.URL}} {
		if t[1] != "" {
			s.Text += t[0] + t[1] + "\n"
		}
	}
	return Result{Signals: []Signal{sealed(r, s)}}, nil
}

func (p *PagerDuty) verified(r Request) bool {
	ok := false
	for _, secret := range p.Secrets {
		if len(secret) > 0 {
			request := &http.Request{Header: r.Header, Body: io.NopCloser(bytes.NewReader(r.Body))}
			ok = webhookv3.VerifySignature(request, string(secret)) == nil || ok
		}
	}
	return ok
}

// ownPage reports whether an alert's key is of a page that we sent: its event must not open another
// incident, which would page again.
func ownPage(key string) bool {
	i := strings.IndexByte(key, '#')
	if i < 0 {
		return false
	}
	number, _, ok := strings.Cut(key[i:], "/")
	_, err := incident.ParseRef(key[:i] + number)
	return ok && err == nil
}
