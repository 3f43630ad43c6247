package intake

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"strings"
	"time"
)

// Opsgenie reads Opsgenie's outgoing webhook. It signs nothing, so its integration sends a custom
// header with a token.
// https://support.atlassian.com/opsgenie/docs/integrate-opsgenie-with-outgoing-webhook/
type Opsgenie struct{ Secrets Secrets }

// Name returns "opsgenie".
func (o *Opsgenie) Name() string { return "opsgenie" }

// Early needs the token.
func (o *Opsgenie) Early(h http.Header, _ time.Time) error { return needToken(o.Secrets, h) }

type opsgenieAlert struct {
	AlertID     string            `json:"alertId"`
	Alias       string            `json:"alias"`
	Message     string            `json:"message"`
	Description string            `json:"description"`
	Priority    string            `json:"priority"`
	Entity      string            `json:"entity"`
	Source      string            `json:"source"`
	Username    string            `json:"username"`
	CreatedAt   int64             `json:"createdAt"`
	UpdatedAt   int64             `json:"updatedAt"`
	Tags        []string          `json:"tags"`
	Details     map[string]string `json:"details"`
}

// Read returns a Signal for an alert that is created, closed or deleted, an Ack for one that is
// acknowledged, and nothing for other actions: an alert that is routed on says Create to the
// integration of the team it comes to.
func (o *Opsgenie) Read(_ context.Context, r Request) (Result, error) {
	if err := needToken(o.Secrets, r.Header); err != nil {
		return Result{}, err
	}
	var body struct {
		Action string        `json:"action"`
		Alert  opsgenieAlert `json:"alert"`
	}
	if err := decode(r.Body, &body); err != nil {
		return Result{}, err
	}
	a := body.Alert
	if body.Action == "" || a.AlertID == "" {
		return Result{}, bad("not a webhook as Opsgenie sends it: action and alert.alertId are needed")
	}
	// there is one open alert for an alias, and its next one has another id
	raised := cmp.Or(a.Alias, a.AlertID)
	dedup := key(o.Name(), raised)
	switch body.Action {
	case "Acknowledge":
		return Result{
			Acks: []Ack{
				{
					Source:   o.Name(),
					Key:      line(raised, maxKey),
					DedupKey: dedup,
					By:       line(a.Username, maxWord),
					At:       plausible(sinceEpoch(a.UpdatedAt), r.Now),
				},
			},
		}, nil
	case "Create", "Close", "Delete":
	default:
		return Result{}, nil
	}
	if ownPage(raised) {
		return Result{}, nil
	}
	s := Signal{
		Source: o.Name(), DedupKey: dedup, Event: digest(a.AlertID, body.Action),
		Firing: body.Action == "Create", Trust: SharedSecret,
		Title: a.Message, Text: a.Description, Started: sinceEpoch(a.CreatedAt), SeverityHint: a.Priority,
		Labels:       map[string]string{},
		CustomerHint: a.Details["customer"], Runbook: cmp.Or(a.Details["runbook_url"], a.Details["runbook"]),
		URL: "https://app.opsgenie.com/alert/detail/" + a.AlertID + "/details",
	}
	maps.Copy(s.Labels, a.Details)
	maps.Copy(
		s.Labels,
		map[string]string{
			"priority": a.Priority,
			"entity":   a.Entity,
			"source":   a.Source,
			"tags":     strings.Join(a.Tags, ","),
		},
	)
	return Result{Signals: []Signal{sealed(r, s)}}, nil
}

// sinceEpoch reads milliseconds, or nanoseconds: Opsgenie's own examples of updatedAt are in
// either.
func sinceEpoch(n int64) time.Time {
	if n > 1e17 {
		return time.Unix(0, n)
	}
	return time.UnixMilli(n)
}
