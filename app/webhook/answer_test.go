package webhook_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/webhook"
)

// What a person writes in a customer's issue is an answer, and never a command (V6).
func TestV6AnswersInACustomersIssue(t *testing.T) {
	const marks = `<!-- firebreak:signed 1 ab -->\n<!-- firebreak:did shared/cd -->\n<!-- firebreak:answers ef -->`
	issue := func(by, kind, body, more string) string {
		return fmt.Sprintf(`"issue":{"id":77,"number":4,"body":%q,"user":{"login":%q,"type":%q},"created_at":"2026-03-02T10:00:00Z"%s},`,
			body, by, kind, more) + `"repository":{"id":9,"name":"customer-globex","full_name":"acme/customer-globex","owner":{"login":"acme"}},`
	}
	text := "We see errors\n\n" + strings.ReplaceAll(marks, `\n`, "\n")
	shared := issue("firebreak[bot]", "Bot", text, "")
	gina := `"sender":{"login":"gina","type":"User"}}`
	for _, c := range []struct {
		name, body string
		want       bool
	}{
		{"an answer", `{"action":"created",` + shared + by("gina", "User", "/ic close") + gina, true},
		{"an edit of one", `{"action":"edited","changes":{"body":{"from":"x"}},` + shared + by("gina", "User", "/incident") + gina, false},
		{"a deleted one", `{"action":"deleted",` + shared + by("gina", "User", "/oe cause x") + gina, false},
		{"another bot's", `{"action":"created",` + shared + by("mirror[bot]", "Bot", "x") + `"sender":{"login":"mirror[bot]","type":"Bot"}}`, false},
		{"the app's own", `{"action":"created",` + shared + by("firebreak[bot]", "Bot", "x") + bot + `}`, false},
		{"in a person's issue", `{"action":"created",` + issue("mallory", "User", text, "") + by("gina", "User", "x") + gina, false},
		{"in another bot's issue", `{"action":"created",` + issue("mirror[bot]", "Bot", text, "") + by("gina", "User", "x") + gina, false},
		{"in an incident", `{"action":"created",` + issue("firebreak[bot]", "Bot", text, `,"comments":3,"labels":[{"name":"incident"}]`) + by("gina", "User", "x") + gina, false},
		{"on a pull request", `{"action":"created",` + issue("firebreak[bot]", "Bot", text, `,"pull_request":{}`) + by("gina", "User", "x") + gina, false},
		{"in another issue of the app's", `{"action":"created",` + issue("firebreak[bot]", "Bot", "A ticket", "") + by("gina", "User", "x") + gina, false},
		{"below endless marks", `{"action":"created",` + issue("firebreak[bot]", "Bot", strings.Repeat(text, 100), "") + by("gina", "User", "x") + gina, false},
	} {
		m, got, err := webhook.Decide("issue_comment", []byte(c.body), webhook.Self{AppID: appID, Login: "firebreak[bot]"})
		if err != nil || got != c.want || got != (m.CustomerAnswer() != nil) {
			t.Errorf("%s: %v %v %+v, want %v", c.name, got, err, m.What, c.want)
		}
		if !got {
			continue
		}
		want := &incident.CustomerAnswer{Issue: "acme/customer-globex#4", ID: 77,
			Opened: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), Marks: strings.ReplaceAll(marks, `\n`, "\n"), Comment: 5, Author: "gina",
			Body: "/ic close", At: time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)}
		if d := cmp.Diff(want, m.CustomerAnswer()); d != "" || m.Floor != nil {
			t.Errorf("%s: (-want +got)\n%s, floor %+v", c.name, d, m.Floor)
		}
	}
}
