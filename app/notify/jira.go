package notify

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// jiraAlert is the body of "Create alert",
// https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v2/api-group-alerts/
type jiraAlert struct {
	Message         string            `json:"message"`
	Responders      []jiraResponder   `json:"responders"`
	Alias           string            `json:"alias"`
	Entity          string            `json:"entity"`
	Source          string            `json:"source"`
	Description     string            `json:"description"`
	Priority        string            `json:"priority"`
	ExtraProperties map[string]string `json:"extraProperties,omitempty"`
}

type jiraResponder struct {
	ID   string `json:"id"`
	Type string `json:"type"` // team, user, schedule or escalation
}

// pageJira creates an alert in the Operations of Jira Service Management, Opsgenie's successor, for
// which Atlassian keeps no Go library. The alias is the page's key, as there. Options["cloud"] is
// the site's cloud id, Options["user"] the address of an account that may create alerts, and
// Service.Secret names its API token. A target is a responder's id, as "team:ID", "user:ID",
// "schedule:ID" or "escalation:ID"; a bare id is a team's. There is no team of an integration to
// fall back to, so one target at least is needed.
func (n *Notifier) pageJira(ctx context.Context, p engine.Page) error {
	const kind = "jira"
	cloud, user := p.Service.Options["cloud"], p.Service.Options["user"]
	if !uuid.MatchString(cloud) || user == "" {
		return final(kind, "the options cloud and user must be the site's cloud id and an account's address")
	}
	names, _ := n.targets(p)
	if len(names) == 0 {
		return final(kind, "no target is configured for "+strings.Join(p.To, ", "))
	}
	token, err := n.secret(ctx, kind, p.Service.Secret)
	if err != nil {
		return err
	}
	a := jiraAlert{
		Message: texts.Truncate(title(p), alertMessage), Alias: p.Key, Entity: p.Ref.String(), Source: "Firebreak",
		Description: alertText(p), Priority: "P1", ExtraProperties: alertDetails(p),
	}
	for _, name := range names {
		of, id := responder(name)
		a.Responders = append(a.Responders, jiraResponder{ID: id, Type: of})
	}
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + token))
	return n.postAlert(
		ctx,
		kind,
		"https://api.atlassian.com/jsm/ops/api/"+cloud+"/v1/alerts",
		"Basic "+basic,
		[]string{token, basic},
		a,
	)
}
