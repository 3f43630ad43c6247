package card_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// What a card may take, however long its incident lasts and whatever people write (V4).
const (
	mostBytes = 60_000 // with its hidden block; GitHub takes 65,536 characters
	mostShown = 20 << 10
	mostLines = 60 // that are not folded
)

var (
	folded  = regexp.MustCompile(`(?s)<details>.*?</details>`)
	address = regexp.MustCompile(`\]\([^)]*\)`)
)

// The card is as large as its incident is long only up to a bound (V4).
func TestV4TheCardIsBounded(t *testing.T) {
	long := rapid.StringOfN(rapid.RuneFrom([]rune("abc XYZ@#<>&|*_`\n/éß😀-")), 0, 2500, -1)
	rapid.Check(t, func(t *rapid.T) {
		p := incident.DefaultPolicy()
		for i := range 30 {
			p.Customers = append(p.Customers, incident.Customer{Name: fmt.Sprintf("customer-%d", i),
				Contacts: []string{strings.Repeat("c", 200)},
				Channels: []incident.Channel{{Kind: "issue", To: "acme/shared"}, {Kind: "email", To: "x@customer.example"}}})
		}
		words := long.Draw(t, "words")
		s, _ := incident.Step(incident.State{}, incident.Fact{ID: "opened", At: start, By: incident.Person{Login: "alice", Respond: true},
			What: incident.Opened{Source: "form", Summary: true, Severity: "critical", Customers: []string{"customer-0"}}}, p)
		kinds := []incident.Kind{incident.Finding, incident.Action, incident.Cause, incident.Workaround, incident.Fix,
			incident.Update, incident.AddFollowUp, incident.Impact, incident.TakeIC, incident.TakeOE, incident.Note,
			incident.Escalate, incident.AddCustomer, incident.Regression, incident.Agree, incident.MovePhase, incident.RunWorkflow}
		p.Workflows = []incident.Workflow{{Name: "rollback", Repo: "acme/payments", File: "rollback.yml", Inputs: []incident.WorkflowInput{{Name: "version", Type: incident.InputText}}}}
		input := "\"" + strings.Repeat("<\x01", 150) // each is six bytes in a card
		people := []string{"alice", "carol", "bob", "dan", "erin"}
		n := rapid.IntRange(50, 400).Draw(t, "commands")
		at := start
		for i := range n {
			at = at.Add(time.Duration(rapid.IntRange(1, 1500).Draw(t, "seconds")) * time.Second)
			f := incident.Fact{ID: fmt.Sprintf("c%d.0", 1000+i), At: at,
				By: incident.Person{Login: rapid.SampledFrom(people).Draw(t, "who"), Respond: true}}
			switch rapid.IntRange(0, 9).Draw(t, "source") {
			case 0:
				f = incident.Fact{ID: incident.AnswerID(int64(i + 1)), At: at, By: incident.Person{Login: "gina"},
					What: incident.CustomerAnswered{Customer: "customer-0", Issue: "acme/shared#4", Comment: int64(i), Text: words}}
			case 1:
				f.What = incident.RefusedByGitHub{Effect: fmt.Sprintf("ticket/%d", i), Reason: words}
			default:
				f.What = incident.Command{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Text: words, Because: words,
					Customers: []string{fmt.Sprintf("customer-%d", i%30)}, Phase: rapid.SampledFrom(incident.Phases).Draw(t, "phase"),
					Entries: []incident.Line{{Text: words}}, Names: []string{"rollback"}, Inputs: []incident.InputValue{{Name: "version", Value: input}}}
			}
			s, _ = incident.Step(s, f, p)
		}
		s, _ = incident.Step(s, incident.Fact{At: at, What: incident.MergedChecked{Unfilled: []string{words, "b", "c", "d", "e", "f", "g"}}}, p)

		if rapid.Bool().Draw(t, "GitHub refuses much") {
			for i := range 25 {
				s, _ = incident.Step(s, incident.Fact{At: at, What: incident.RefusedByGitHub{
					Effect: fmt.Sprintf("ticket/%d", i), Reason: words}}, p)
			}
		}
		body, err := card.Render(s, n, card.View{Ref: ref, ID: 7, URL: "https://github.example/acme/incidents/issues/12",
			Title: words, Policy: p, Now: at}, keys[0])
		if err != nil {
			t.Fatal(err)
		}
		shown, _, _ := strings.Cut(body, "<!-- firebreak:issue")
		lines := 0
		for line := range strings.Lines(folded.ReplaceAllString(shown, "")) {
			line = address.ReplaceAllString(strings.TrimSpace(line), "]")
			if line != "" && !strings.HasPrefix(line, "|:--") {
				lines++
			}
		}
		if len(shown) > mostShown || lines > mostLines || len(body) > mostBytes {
			t.Fatalf("the card has %d bytes, of which %d are shown, in %d lines:\n%s", len(body), len(shown), lines, shown)
		}
	})
}
