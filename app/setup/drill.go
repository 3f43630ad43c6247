package setup

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// Alert is what a drill plays: an alert as monitoring would report it.
type Alert struct {
	Title    string
	Text     string
	Severity string
}

// DefaultAlert is one that everybody understands.
var DefaultAlert = Alert{Title: "APIServerDown: the API of eu-1 answers with 503",
	Text: "12 of 12 requests failed within 5 minutes", Severity: "critical"}

// Drill is an exercise that was opened.
type Drill struct {
	Incident string `json:"incident"`
	URL      string `json:"html_url"`
	Answered bool   `json:"answered"` // the product has written its card
	// Played is what the alert did, where it was played through the intake.
	Played []string `json:"played,omitempty"`
	ref    incident.Ref
}

var blanks = regexp.MustCompile(`\s+`)

// OpenDrill opens an incident as the form would, ticked as a drill, with what an alert says (A6).
// The App opens it, so that its severity is a claim, as with a real alert: somebody must confirm
// it.
func OpenDrill(ctx context.Context, app *github.App, owner, repo string, a Alert) (*Drill, error) {
	line := func(text string) string { return texts.Inert(blanks.ReplaceAllString(text, " "), 300) }
	body := fmt.Sprintf(`### Summary

%s. %s

### Severity

%s

### Customers impacted

none

### How did you learn of it?

An alert, played by firebreak drill

### Drill

- [x] This is a drill. Nobody is paged, no customer is told, and it stays out of the metrics.
`, line(a.Title), line(a.Text), line(a.Severity))
	number, _, err := app.OpenIssue(ctx, owner+"/"+repo,
		engine.NewIssue{Title: "Drill: " + blanks.ReplaceAllString(a.Title, " "), Body: body,
			Labels: []string{incident.LabelIncident, incident.LabelDrill}})
	if err != nil {
		return nil, Explain(ctx, app, owner+"/"+repo, err)
	}
	ref := incident.Ref{Owner: owner, Repo: repo, Number: number}
	return &Drill{Incident: ref.String(), URL: app.IssueURL(ref), ref: ref}, nil
}

// Await returns once the product has answered a drill by its card, or not within so many looks.
func (d *Drill) Await(ctx context.Context, app *github.App, looks int,
	wait func(context.Context, time.Duration) error) error {
	for range looks {
		body, err := app.ReadCard(ctx, d.ref, func(body string) bool {
			return strings.Contains(body, "firebreak:card")
		})
		var later *engine.RetryAfter
		if err != nil && !errors.Is(err, engine.ErrUnavailable) && !errors.As(err, &later) {
			return err
		}
		if d.Answered = body != ""; d.Answered {
			return nil
		}
		if err := wait(ctx, time.Second); err != nil {
			return err
		}
	}
	return nil
}
