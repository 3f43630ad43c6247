package engine_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

// everywhere puts into repositories the configuration and the form of an incident repository, as their
// writers could commit them.
func everywhere(names ...string) map[string]map[string]string {
	files := map[string]map[string]string{"acme/incidents": templates.Repository()}
	for _, name := range names {
		files[name] = templates.Repository()
	}
	return files
}

// serving makes a world whose product serves these repositories, and has this one for reports.
func serving(t *testing.T, files map[string]map[string]string, list, reports string) *world {
	w := newWorldWith(t, files)
	w.env["FIREBREAK_REPOSITORIES"], w.env["FIREBREAK_INTAKE_REPOSITORY"] = list, reports
	w.restart()
	return w
}

// in goes to the newest issue of a repository that a step opens.
func (w *world) in(repo string) *world {
	owner, name, _ := strings.Cut(repo, "/")
	w.ref = incident.Ref{Owner: owner, Repo: name, Number: 1}
	return w
}

// byApp lists what the app wrote on the issue.
func (w *world) byApp() (bodies []string) {
	for _, c := range w.list() {
		if strings.HasSuffix(c.User.Login, "[bot]") {
			bodies = append(bodies, visible(c.Body))
		}
	}
	return bodies
}

// isServed reports whether the incident of the issue runs.
func (w *world) isServed() bool {
	return slices.Contains(w.view().labels(), "phase/identify") ||
		slices.Contains(w.view().labels(), "phase/investigate")
}

// byCommand declares an incident where no form is that GitHub would label.
const byCommand = "alice writes \"Checkout is down\"\n  /incident critical Checkout is down\nalice: /ic customer add globex\n"

// uses are the ways in which somebody declares, and uses, an incident.
var uses = map[string]string{
	"form":    opened,
	"command": "bob writes \"It burns\"\n  /incident critical It burns\n",
	"comment": "bob writes \"It burns\"\n  Does it?\nbob: /incident critical It burns\n",
	"label":   "bob writes \"It burns\"\n  It does.\nbob labels incident\n",
}

const goesOnUsing = `bob: /ic
bob: /ic severity critical
alice: /oe
bob: /ic customer add globex
bob: /ic update Pay your invoices to mallory
bob: /ic escalate @dan wake up
bob: /ic followup acme/platform Run this
bob labels severity/critical
wait 6m
wait 25m
bob closes
`

// A writer of a repository that nobody listed has a configuration of their own there, which names
// the operator's secrets and any address. Nothing leaves, nobody is paged or mentioned, no other
// repository is written to, and one comment says why.
func TestOnlyListedRepositoriesAreServed(t *testing.T) {
	for name, how := range map[string]struct {
		list, reports string
		files         map[string]string
	}{
		"another is listed":              {list: "acme/incidents", reports: "acme/incidents"},
		"another is listed by its id":    {list: "1", reports: ""},
		"only that of the reports":       {reports: "acme/incidents"},
		"another of the owner was first": {},
		"the owner lists another": {list: "acme/.github",
			files: map[string]string{".github/firebreak-repositories.yml": "repositories: [incidents]\n"}},
		"the owner lists none": {list: "acme/.github"},
		"the owner's list has a mistake": {list: "acme/.github",
			files: map[string]string{".github/firebreak-repositories.yml": "repositories: [payments, other/payments]\n"}},
		"the owner is not asked": {list: "acme/incidents",
			files: map[string]string{".github/firebreak-repositories.yml": "repositories: [payments]\n"}},
		"the owner has settings for all": {list: "acme/incidents", files: templates.Repository()},
		"the configuration names the list": {list: "acme/incidents other/payments",
			reports: "acme/incidents"},
	} {
		for use, steps := range uses {
			t.Run(name+"/"+use, func(t *testing.T) {
				t.Parallel()
				files := everywhere("acme/payments")
				if how.files != nil {
					files["acme/.github"] = how.files
				}
				w := serving(t, files, how.list, how.reports)
				if name == "another of the owner was first" {
					w.tell("alice writes \"The first\"\n  /incident regular\nalice: /incident decline it was nothing\nwait 1m")
				}
				before := len(w.outbox())
				w.in("acme/payments").mark()
				w.tell(steps + goesOnUsing)
				if sent := w.outbox()[before:]; len(sent) > 0 {
					t.Errorf("sent %+v", sent)
				}
				said := w.byApp()
				if len(said) != 1 || !strings.Contains(said[0], "does nothing here") ||
					!strings.Contains(said[0], "acme/payments") || strings.Contains(said[0], "@") {
					t.Errorf("the app wrote %q", said)
				}
				for _, c := range w.calls() {
					if c.Method != "GET" && !strings.HasSuffix(c.Path, "/access_tokens") &&
						!strings.HasPrefix(c.Path, "/api/v3/repos/acme/payments/issues/1/comments") {
						t.Errorf("%s %s", c.Method, c.Path)
					}
				}
				if v := w.view(); w.isServed() || v.Pinned != nil || len(v.Assignees) > 0 ||
					v.State != "closed" {
					t.Errorf("the issue is %+v", v)
				}
			})
		}
	}
}

// In a repository that is listed everything is as it was.
func TestAListedRepositoryIsServed(t *testing.T) {
	list := func(names string) map[string]string {
		return map[string]string{".github/firebreak-repositories.yml": "repositories: [" + names + "]\n"}
	}
	for name, how := range map[string]struct {
		list, reports, repo string
		files               map[string]string
	}{
		"by its name":    {list: "acme/incidents", repo: "acme/incidents"},
		"one of several": {list: "acme/incidents,acme/payments", repo: "acme/payments"},
		"in capitals":    {list: "Acme/Payments", repo: "acme/payments"},
		"beside that of reports": {list: "acme/payments", reports: "acme/incidents",
			repo: "acme/incidents"},
		"by its owner": {list: "acme/.github", repo: "acme/payments",
			files: list("incidents, payments")},
		"by its owner, in full": {list: "acme/platform acme/.github", repo: "acme/payments",
			files: list("acme/payments")},
		"as that of reports":       {reports: "acme/incidents", repo: "acme/incidents"},
		"as the first of an owner": {repo: "acme/payments"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := everywhere("acme/payments")
			if how.files != nil {
				files["acme/.github"] = how.files
			}
			w := serving(t, files, how.list, how.reports).in(how.repo)
			w.tell(byCommand + "carol: /ic\nbob: /oe\ncarol: /ic update We look into it\n")
			if sent := w.outbox(); len(sent) < 2 || !w.isServed() || w.view().Pinned == nil {
				t.Errorf("sent %+v; the issue is %+v", sent, w.view())
			}
		})
	}
}

// The list changes with a restart: what was declared by then is used on the next look, and what
// is no longer listed is left.
func TestTheListChanges(t *testing.T) {
	t.Parallel()
	w := serving(t, everywhere("acme/payments"), "acme/incidents", "acme/incidents").in("acme/payments")
	w.tell(byCommand)
	if w.isServed() || len(w.outbox()) > 0 {
		t.Fatal("it is served")
	}
	w.env["FIREBREAK_REPOSITORIES"] = "acme/incidents acme/payments"
	w.restart()
	w.tell("carol: /incident status\ncarol: /ic\nwait 1m")
	if sent := len(w.outbox()); !w.isServed() || sent == 0 {
		t.Errorf("it is not served: %d sent, %+v", sent, w.view())
	}
	w.env["FIREBREAK_REPOSITORIES"] = "acme/incidents"
	w.restart()
	before, said := len(w.outbox()), len(w.byApp())
	w.tell("carol: /ic escalate @dan wake up\ncarol: /ic update Gone\nwait 2h\ncarol: /ic")
	if sent := w.outbox()[before:]; len(sent) > 0 {
		t.Errorf("sent %+v", sent)
	}
	if got := w.byApp(); len(got) != said { // it said so above
		t.Errorf("the app wrote %q", got[said:])
	}
}

// A listed repository that is renamed is served on, with and without GitHub, and one that gets its
// old name is not. After a restart the process knows it still.
func TestARepositoryIsServedByItsID(t *testing.T) {
	for name, list := range map[string]string{"listed": "acme/incidents", "for reports": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := serving(t, everywhere("acme/payments"), list, "acme/incidents")
			w.tell(opened)
			w.bringAbout(`{"rename":["acme/incidents","acme/p1"]}`)
			w.settle()
			w.restart()
			w.in("acme/p1").tell("carol: /ic\ncarol: /ic update We look into it\nwait 1m")
			if sent := w.outbox(); len(sent) < 2 || !w.isServed() {
				t.Errorf("the renamed one is not served: %+v", sent)
			}
			w.bringAbout(`{"rename":["acme/payments","acme/incidents"]}`)
			w.settle()
			before := len(w.outbox())
			w.in("acme/incidents").tell(opened + "carol: /ic\nwait 10m")
			if left := w.outbox()[before:]; w.isServed() ||
				slices.ContainsFunc(left,
					func(s sent) bool { return strings.Contains(s.Key, "acme/incidents#1/page") }) {
				t.Errorf("another repository is served by the old name: %+v", left)
			}
			if said := w.byApp(); len(said) != 1 || !strings.Contains(said[0], "does nothing here") {
				t.Errorf("the app wrote %q", said)
			}
		})
	}
}

// A listed repository that got another name before its first incident is served as soon as GitHub says
// which one it is: while GitHub was away, or refused everything, nobody could ask.
func TestARepositoryRenamedWhileGitHubIsSilentIsServed(t *testing.T) {
	for name, c := range map[string]struct{ begin, end func(w *world) }{
		"away": {func(w *world) { w.order(`{"outage":"2m"}`) }, func(*world) {}},
		"refuses": {func(w *world) { w.bringAbout(`{"allow_list":"acme"}`) },
			func(w *world) { w.bringAbout(`{"allow_list":""}`) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := serving(t, everywhere("acme/payments"), "acme/incidents", "")
			c.begin(w)
			w.bringAbout(`{"rename":["acme/incidents","acme/p1"]}`)
			w.in("acme/p1").tell(opened + "wait 2m")
			c.end(w)
			w.ref.Number++
			w.tell(opened + "wait 10s")
			if !w.isServed() {
				t.Errorf("it is not served: %v, the app wrote %q", w.view().labels(), w.byApp())
			}
		})
	}
}

// An incident that was transferred goes on by the settings of the repository where it was declared,
// and not by those of a repository that is not listed.
func TestATransferredIncidentIsServed(t *testing.T) {
	t.Parallel()
	files := everywhere()
	evil := strings.ReplaceAll(templates.Repository()[".github/firebreak.yml"], "globex.example",
		"mallory.example")
	files["acme/platform"] = map[string]string{".github/firebreak.yml": evil}
	w := serving(t, files, "acme/incidents", "acme/incidents")
	w.tell(opened + "carol: /ic\nbob: /oe")
	w.bringAbout(`{"transfer":["acme/incidents#1","acme/platform"]}`)
	w.settle()
	before := len(w.outbox())
	w.in("acme/platform").tell("carol: /ic update We look into it\ncarol: /ic escalate @dan wake up\nwait 1m")
	sent := w.outbox()[before:]
	if len(sent) < 2 {
		t.Errorf("it does not go on: %+v", sent)
	}
	if text, _ := json.Marshal(sent); strings.Contains(string(text), "mallory") {
		t.Errorf("sent %s", text)
	}
	w.tell("bob writes \"Another\"\n  /incident critical\n")
	w.ref.Number = 2
	if said := w.byApp(); len(said) != 1 || w.isServed() {
		t.Errorf("another incident there is served: %q", said)
	}
}

// What a source reports is opened where a rule leads it only if that is a repository for incidents;
// else it stays, and is not lost.
func TestRulesLeadToListedRepositories(t *testing.T) {
	for name, how := range map[string]struct{ list, goesTo string }{
		"listed":     {"acme/incidents acme/payments", "acme/payments"},
		"not listed": {"acme/incidents", "acme/incidents"},
		"no list":    {"", "acme/payments"}, // as it was
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := everywhere("acme/payments")
			files["acme/incidents"] = mapWith(files["acme/incidents"], ".github/firebreak.yml",
				"\nsignals:\n  - {source: alertmanager, do: page, repository: acme/payments}\n")
			w := serving(t, files, how.list, "acme/incidents")
			w.alert("firing", "APIServerDown", 1)
			w.settle()
			w.alert("firing", "APIServerDown", 2)
			w.settle()
			if w.in(how.goesTo); !w.isServed() {
				t.Errorf("no incident is in %s", how.goesTo)
			}
			if n := len(w.outbox()); n == 0 {
				t.Error("nobody is paged")
			}
		})
	}
}

// A report whose rule leads to a repository that GitHub refuses holds up no other: after a minute it is
// opened in the rule's own repository, which says why, is counted there and pages (I1, A8).
func TestI1ARuleToARefusedRepositoryHoldsUpNothing(t *testing.T) {
	skipUnderRace(t)
	files := everywhere("acme/payments")
	files["acme/incidents"] = mapWith(files["acme/incidents"], ".github/firebreak.yml",
		"\nsignals:\n  - {source: alertmanager, labels: {alertname: Payments}, do: page, repository: acme/payments}\n"+
			"  - {source: alertmanager, do: page}\n")
	w := serving(t, files, "acme/incidents acme/payments", "acme/incidents")
	w.order(`{"match":" /api/v3/repos/acme/payments/","status":404,"count":1000}`)
	w.alert("firing", "Payments", 1)
	w.alert("firing", "APIServerDown", 2)
	w.settle()
	if n := len(w.outbox()); !w.isServed() || n == 0 {
		t.Errorf("another report waits: %d pages", n)
	}
	// who answers at the pager while it waits is not asked again
	key := ""
	for _, sent := range w.outbox() {
		if strings.Contains(fmt.Sprint(sent), "Payments") {
			key = sent.Key
		}
	}
	w.post("/intake/opsgenie", "application/json", fmt.Sprintf(`{"action":"Acknowledge","source":{"name":"web","type":"web"},
		"alert":{"alertId":"1","alias":%q,"message":"x","username":"dan@acme.example","updatedAt":1772448120000}}`, key))
	w.settle()
	w.advance(2 * time.Minute)
	w.settle()
	w.ref.Number = 2
	if !strings.Contains(w.card(), "dan@acme.example") {
		t.Errorf("the answer at the pager is lost:\n%s", w.card())
	}
	var issue struct{ Body string }
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/issues/2", nil, &issue)
	if !w.isServed() || !strings.Contains(issue.Body, "A rule leads this to `acme/payments`") {
		t.Fatalf("the refused one is lost: %s", issue.Body)
	}
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.alert("firing", "Payments", 3)
	w.settle()
	var there []struct{ Number int }
	if w.ok("alice", "GET", "/api/v3/repos/acme/payments/issues?state=all", nil, &there); len(there) > 0 {
		t.Error("once it is allowed, the next report opens a second incident there")
	}
}

// Where only the rule's own repository is refused, what it leads elsewhere is opened there (I1, A8).
func TestI1ARefusedRepositoryOfTheRuleHoldsUpNothing(t *testing.T) {
	skipUnderRace(t)
	files := everywhere("acme/payments")
	files["acme/incidents"] = mapWith(files["acme/incidents"], ".github/firebreak.yml",
		"\nsignals:\n  - {source: alertmanager, do: page, repository: acme/payments}\n")
	w := serving(t, files, "acme/incidents acme/payments", "acme/incidents")
	w.order(`{"match":" /api/v3/repos/acme/incidents/issues","status":404,"count":1000}`)
	w.alert("firing", "APIServerDown", 1)
	w.settle()
	if w.in("acme/payments"); !w.isServed() {
		t.Error("it waits for issues that are disabled")
	}
}

// mapWith returns a copy of files in which one has more text.
func mapWith(files map[string]string, name, more string) map[string]string {
	out := map[string]string{}
	for k, v := range files {
		out[k] = v
	}
	out[name] += more
	return out
}

// Without a list, what an earlier version served is served on, so that an update ends no incident.
func TestAnUpdateEndsNoIncident(t *testing.T) {
	t.Parallel()
	w := serving(t, everywhere("acme/payments"), "acme/incidents acme/payments",
		"acme/incidents").in("acme/payments")
	w.tell(byCommand)
	w.env["FIREBREAK_REPOSITORIES"] = ""
	w.restart()
	before := len(w.outbox())
	w.tell("wait 6m\ncarol: /ic")
	if sent := w.outbox()[before:]; len(sent) == 0 || !strings.Contains(fmt.Sprint(w.card()), "carol") {
		t.Errorf("it does not go on: %+v\n%s", sent, w.card())
	}
}

// Customers read updates in an issue of a shared repository, and follow-ups are tickets elsewhere.
// Where such a repository is renamed and another takes its name, nothing of the incident gets into
// an issue of that.
func TestA7NothingGetsIntoARepositoryThatTookTheName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 { // whose first has the number of the shared issue
		w.ok("alice", "POST", "/api/v3/repos/acme/web/issues", map[string]string{"title": "Something else"},
			nil)
	}
	w.tell(opened + "carol: /ic\nbob: /oe\ncarol: /ic update We look into it")
	shared := w.stateOf().Updates.Shared
	if len(shared) != 1 || shared[0].Issue != "acme/customer-globex#1" || shared[0].ID == 0 {
		t.Fatalf("shared %+v", shared)
	}
	w.bringAbout(`{"rename":["acme/customer-globex","acme/customer-old"]}`)
	w.bringAbout(`{"rename":["acme/web","acme/customer-globex"]}`)
	w.settle()
	w.tell("wait 2h\ncarol: /ic update It is the database\nwait 1m")
	var all []commentView
	w.ok("alice", "GET", "/api/v3/repos/acme/customer-globex/issues/1/comments", nil, &all)
	if len(all) != 0 {
		t.Errorf("the other repository reads %q", all[0].Body)
	}
	if card := w.card(); !strings.Contains(card, "another repository has the name") {
		t.Errorf("the card does not say so:\n%s", card)
	}
}
