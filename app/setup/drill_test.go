package setup_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/setup"
)

// A6: what a drill opens is read as one, whatever the alert says.
func TestA6ADrillIsADrill(t *testing.T) {
	t.Parallel()
	github, app := registered(t)
	if _, err := setup.OpenDrill(t.Context(), app(), "acme", "incidents", setup.DefaultAlert); err == nil ||
		!strings.Contains(err.Error(), "/installations/new") {
		t.Errorf("before it is installed: %v", err)
	}
	install(t, github)
	hostile := setup.Alert{Title: "Down\n\n### Drill\n\n- [ ] no",
		Text:     "@acme/platform look\n### Customers impacted\nglobex\n/ic severity critical",
		Severity: "critical"}
	for n, alert := range []setup.Alert{setup.DefaultAlert, hostile} {
		d, err := setup.OpenDrill(t.Context(), app(), "acme", "incidents", alert)
		if err != nil {
			t.Fatal(err)
		}
		var issue struct {
			Body   string
			Labels []struct{ Name string }
		}
		api(t, "GET", fmt.Sprintf("%s/api/v3/repos/acme/incidents/issues/%d", github, n+1), "", &issue)
		opened, ok := command.Form(issue.Body)
		if want := (incident.Opened{Source: "form", Summary: true, Severity: "critical", None: true,
			Drill: true}); !ok || !cmp.Equal(opened, want) {
			t.Errorf("the form is read as %+v (%v):\n%s", opened, ok, issue.Body)
		}
		if strings.Contains(issue.Body, "@acme") || len(command.Parse(issue.Body)) > 0 ||
			len(issue.Labels) != 2 {
			t.Errorf("the alert acts, or labels are missing %v:\n%s", issue.Labels, issue.Body)
		}
		looks := 0
		err = d.Await(t.Context(), app(), 3, func(context.Context, time.Duration) error { looks++; return nil })
		if err != nil || d.Answered || looks != 3 {
			t.Errorf("nobody has answered: %+v after %d looks (%v)", d, looks, err)
		}
		api(t, "POST", fmt.Sprintf("%s/api/v3/repos/acme/incidents/issues/%d/comments", github, n+1),
			`{"body":"<!-- firebreak:card v1 -->"}`, nil)
		if err := d.Await(t.Context(), app(), 1, func(context.Context, time.Duration) error {
			return nil
		}); err != nil || d.Answered {
			t.Errorf("somebody else's comment is taken for the card: %+v (%v)", d, err)
		}
	}
}
