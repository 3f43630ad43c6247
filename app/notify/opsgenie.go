package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// opsgenieEnds is said wherever Opsgenie is used: pages that stop one day without a word are the
// worst of all.
const opsgenieEnds = "Opsgenie's API ends on 2027-04-05: move to the kind jira (Jira Service Management)"

// What an alert may hold, https://docs.opsgenie.com/docs/alert-api#create-alert; its successor's
// the same.
const (
	alertMessage     = 130
	alertDescription = 15_000
)

var opsgenieRegions = map[string]string{
	"":   "https://api.opsgenie.com",
	"us": "https://api.opsgenie.com",
	"eu": "https://api.eu.opsgenie.com",
}

// opsgenieAlert is the body of "Create alert".
type opsgenieAlert struct {
	Message     string              `json:"message"`
	Alias       string              `json:"alias"`
	Description string              `json:"description"`
	Responders  []opsgenieResponder `json:"responders,omitempty"`
	Details     map[string]string   `json:"details,omitempty"`
	Entity      string              `json:"entity"`
	Source      string              `json:"source"`
	Priority    string              `json:"priority"`
}

type opsgenieResponder struct {
	Type     string `json:"type"` // team, user, schedule or escalation
	ID       string `json:"id,omitempty"`
	Name     string `json:"name,omitempty"`
	Username string `json:"username,omitempty"` // of a user
}

// pageOpsgenie creates an alert whose alias is the page's key: Opsgenie keeps one open alert per
// alias. Service.Secret names the key of an API integration. A target is a responder, as
// "team:NAME", "user:ADDRESS", "schedule:NAME" or "escalation:NAME"; a bare name is a team's, and
// without any the integration's own team is paged.
//
// Opsgenie's API ends on 2027-04-05; pageJira is for its successor. Its Go library is kept no more:
// it writes a variable of its package for every client, which pages at the same time race for, and
// with a go-retryablehttp that has CVE-2024-6104 mended it loses the context, so that a page may
// hang for ever.
func (n *Notifier) pageOpsgenie(ctx context.Context, p engine.Page) error {
	const kind = "opsgenie"
	n.Logger.Warn(opsgenieEnds, "incident", p.Ref.String())
	base, ok := opsgenieRegions[p.Service.Options["region"]]
	if !ok {
		return final(kind, `region must be "us" or "eu"`)
	}
	key, err := n.secret(ctx, kind, p.Service.Secret)
	if err != nil {
		return err
	}
	a := opsgenieAlert{
		Message: texts.Truncate(title(p), alertMessage), Alias: p.Key, Description: alertText(p),
		Details: alertDetails(p), Entity: p.Ref.String(), Source: "Firebreak", Priority: "P1",
	}
	names, _ := n.targets(p)
	for _, name := range names {
		a.Responders = append(a.Responders, newOpsgenieResponder(name))
	}
	err = n.postAlert(ctx, kind, base+"/v2/alerts", "GenieKey "+key, []string{key}, a)
	if e := (*Error)(nil); errors.As(err, &e) {
		e.text += " (" + opsgenieEnds + ")"
	}
	return err
}

func newOpsgenieResponder(target string) opsgenieResponder {
	of, name := responder(target)
	switch {
	case uuid.MatchString(name):
		return opsgenieResponder{Type: of, ID: name}
	case of == "user":
		return opsgenieResponder{Type: of, Username: name}
	}
	return opsgenieResponder{Type: of, Name: name}
}

// uuid is the shape of ids at Opsgenie and Atlassian.
var uuid = lazily.Compile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// responder takes a target apart.
func responder(target string) (of, name string) {
	of, name, ok := strings.Cut(target, ":")
	if !ok {
		return "team", target
	}
	return strings.TrimSpace(of), strings.TrimSpace(name)
}

// alertText is an alert's long text.
func alertText(p engine.Page) string {
	return texts.Truncate(strings.TrimSpace(title(p)+"\n\n"+p.Text+"\n\n"+p.URL), alertDescription)
}

func alertDetails(p engine.Page) map[string]string {
	if p.URL == "" {
		return nil
	}
	return map[string]string{"url": p.URL}
}

// postAlert creates an alert at Opsgenie or its successor.
func (n *Notifier) postAlert(
	ctx context.Context,
	kind, url, authorization string,
	hide []string,
	alert any,
) error {
	body, err := json.Marshal(alert)
	if err != nil {
		return final(kind, err.Error())
	}
	return n.send(ctx, kind, hide, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", authorization)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json")
		return do(n.client, req)
	})
}
