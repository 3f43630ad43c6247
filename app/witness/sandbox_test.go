package witness

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/demo"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/templates"
)

const webhookSecret = "a secret of the tests"

var began = time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)

// ours is the sandbox.
type ours struct {
	*sandbox.Sandbox
	url string
}

func newOurs(t testing.TB) *Stage {
	return newStage(t, func(url string, p *product) GitHub {
		box, err := demo.New(sandbox.Options{
			URL: url, WebhookURL: url + "/webhook", WebhookSecret: webhookSecret, Frozen: true, Start: began,
			Files: map[string]map[string]string{repository: templates.Repository()}, Follower: p,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = box.Close() })
		return ours{Sandbox: box, url: url}
	})
}

func (o ours) Now() time.Time { return o.Clock().Now() }

func (o ours) Advance(ctx context.Context, d time.Duration) error { return o.Clock().Advance(ctx, d) }

// formFields are the names under which the form's page sends its fields.
var formFields = map[string]string{
	"Summary": "summary", "Severity": "severity", "Customers impacted": "customers",
	"How did you learn of it?": "source", "Drill": "drill",
}

// OpenForm opens an issue by the page of the form.
func (o ours) OpenForm(who, title string, answers []string) error {
	values := url.Values{"issue-title": {title}}
	for _, line := range answers {
		if heading, value, ok := strings.Cut(line, ": "); ok {
			if heading == "Drill" {
				value = "0" // its first box
			}
			values.Set(formFields[heading], value)
		}
	}
	req, err := http.NewRequest("POST", o.url+"/"+repository+"/issues/new?template=incident.yml",
		strings.NewReader(values.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.AddCookie(&http.Cookie{Name: "person", Value: who})
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("the form answers %d", res.StatusCode)
	}
	return nil
}
