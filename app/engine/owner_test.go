package engine_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/templates"
)

// put writes a file into a repository's default branch.
func (w *world) put(repo, path, content string) {
	w.t.Helper()
	w.ok("bob", "PUT", "/api/v3/repos/"+repo+"/contents/"+path, map[string]string{"message": "Add " + path,
		"content": base64.StdEncoding.EncodeToString([]byte(content))}, nil)
}

// ownerCalls counts the calls by which owners are read.
func (w *world) ownerCalls() (n int) {
	for _, c := range w.calls() {
		if strings.HasSuffix(c.Path, "graphql") || strings.HasSuffix(c.Path, "/properties/values") {
			n++
		}
	}
	return n
}

const paymentsCatalog = `kind: Component
metadata:
  name: payments
  links: [{url: "https://wiki.acme.example/payments", title: Runbook}]
spec: {owner: others, dependencyOf: ["component:checkout"]}
`

// Whoever names the service that is hit sees on the card whose it is, with its runbook and what needs it;
// escalating to the service pages its owners (X2).
func TestX2TheServiceThatIsHitHasAnOwner(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.put("acme/payments", ".github/CODEOWNERS", "* @acme/platform\n/deploy/ @acme/payments\n")
	w.put("acme/payments", "catalog-info.yaml", paymentsCatalog)
	w.tell("alice opens \"checkout fails\"")
	w.comment("carol", "/incident regular checkout fails")
	w.settle()
	if n := w.ownerCalls(); n != 0 {
		t.Errorf("%d calls though nobody named a service", n)
	}
	w.comment("carol", "/incident service payments")
	w.settle()
	if n := w.ownerCalls(); n != 2 {
		t.Errorf("whose it is takes %d calls, want 2", n)
	}
	card := w.card()
	for _, want := range []string{"| Service | **payments**", "owned by **platform**", "Runbook at wiki.acme.example", "needed by **checkout**"} {
		if !strings.Contains(card, want) {
			t.Errorf("the card lacks %q:\n%s", want, card)
		}
	}
	w.comment("carol", "/ic")
	before := len(w.outbox())
	w.comment("carol", "/ic escalate payments cards are refused")
	w.settle()
	if to := w.paged(before); !slices.Equal(to, []string{"platform"}) {
		t.Errorf("the owners are not paged: %q", to)
	}

	w.comment("carol", "/incident service payrolls")
	w.settle()
	all := w.list()
	if last := visible(all[len(all)-1].Body); !strings.Contains(last, "I know nothing of a service called `payrolls`") {
		t.Errorf("a name of which nothing is known: %s", last)
	}
}

// An alert names the service that is hit. Its owners are paged besides the coordinators where the
// configuration says so: at once where it names them, else as soon as they are read (X2).
func TestX2AnAlertPagesTheOwnersOfItsService(t *testing.T) {
	skipUnderRace(t)
	for name, tt := range map[string]struct {
		catalog string
		paged   []string // by each page, whom
	}{
		"they are configured":      {"page-owners: true, services: {payments: {owners: [payments]}}", []string{"incident-coordinators, payments"}},
		"CODEOWNERS has them":      {"page-owners: true", []string{"incident-coordinators", "payments"}},
		"they are not to be paged": {"services: {payments: {owners: [payments]}}", []string{"incident-coordinators"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := templates.Repository()
			files[".github/firebreak.yml"] += "\ncatalog: {" + tt.catalog + "}\n"
			w := newWorldWith(t, map[string]map[string]string{"acme/incidents": files})
			w.put("acme/payments", ".github/CODEOWNERS", "* @acme/payments\n")
			w.post("/intake/alertmanager", "application/json", `{"version":"4","groupKey":"{}","status":"firing","groupLabels":{},
				"commonLabels":{"alertname":"Down","severity":"critical","service":"payments"},"commonAnnotations":{"summary":"Cards fail"},
				"alerts":[{"status":"firing","labels":{"alertname":"Down"},"startsAt":"2026-03-02T10:39:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"f"}]}`)
			w.settle()
			if to := w.paged(0); !slices.Equal(to, tt.paged) {
				t.Errorf("paged %q, want %q", to, tt.paged)
			}
			if card := w.card(); !strings.Contains(card, "| Service | **payments**") {
				t.Errorf("the card does not name the service:\n%s", card)
			}
		})
	}
}

// While GitHub does not answer whose it is, it is read later, and the name counts at once (X2, A8).
func TestX2TheOwnerComesLaterWhenGitHubIsOut(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.put("acme/payments", "CODEOWNERS", "* @acme/platform\n")
	w.tell("alice opens \"checkout fails\"")
	w.comment("carol", "/incident regular checkout fails")
	w.settle()
	w.order(`{"match":"POST .*graphql$","status":502,"count":1}`)
	w.comment("carol", "/incident service payments")
	w.settle()
	if card := w.card(); !strings.Contains(card, "| Service | **payments** |") {
		t.Errorf("the card without an answer:\n%s", card)
	}
	w.advance(time.Minute)
	w.advance(time.Minute)
	if card := w.card(); !strings.Contains(card, "owned by **platform**") {
		t.Errorf("the card after the outage:\n%s", card)
	}
}

// Where nobody names the service, the summary does, and else the most suspect change: shown as a guess, in
// two calls (X2).
func TestX2TheServiceIsGuessed(t *testing.T) {
	skipUnderRace(t)
	for name, tt := range map[string]struct{ said, want string }{
		"by the summary": {"pay answers 500", "| Service | **payments** · owned by **platform** · guessed by “pay” in the summary |"},
		"by a suspect":   {"pods are OOMKilled", "| Service | **payments** · owned by **money** · guessed by the suspect change acme/payments"},
	} {
		t.Run(name, func(t *testing.T) {
			files := templates.Repository()
			files[".github/firebreak.yml"] += "\ncatalog: {services: {payments: {aliases: [pay]}}}\n"
			w := newWorldWith(t, map[string]map[string]string{"acme/incidents": files})
			w.put("acme/payments", "CODEOWNERS", "* @acme/platform\n/deploy/ @acme/money\n")
			w.merge("bob", "acme/payments", "Lower memory limits", "deploy/payments.yaml", "memory: 256Mi\n")
			w.advance(5 * time.Minute)
			w.tell("alice opens \"" + tt.said + "\"")
			w.calls()
			w.comment("alice", "/incident critical")
			w.settle()
			if card := w.card(); !strings.Contains(card, tt.want) {
				t.Errorf("the card lacks %s:\n%s", tt.want, card)
			}
			properties := 0
			for _, c := range w.calls() {
				if strings.HasSuffix(c.Path, "/properties/values") {
					properties++
				}
			}
			if properties != 1 {
				t.Errorf("whose it is is read %d times", properties)
			}
			w.comment("carol", "/incident service")
			w.settle()
			if w.heard("The service that is hit: **payments**") != 1 {
				t.Errorf("the answer: %s", w.everything())
			}
		})
	}
}
