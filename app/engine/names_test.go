package engine_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/sandbox"
)

// respell renames every label of a repository so that each word of it begins with a capital letter:
// Severity/Critical.
func (w *world) respell(repository string) (names []string) {
	w.t.Helper()
	var labels []struct{ Name string }
	w.ok("alice", "GET", "/api/v3/repos/"+repository+"/labels?per_page=100", nil, &labels)
	for _, l := range labels {
		var words []string
		for _, word := range strings.Split(l.Name, "/") {
			words = append(words, strings.ToUpper(word[:1])+word[1:])
		}
		name := strings.Join(words, "/")
		w.ok("alice", "PATCH", "/api/v3/repos/"+repository+"/labels/"+url.PathEscape(l.Name),
			map[string]string{"new_name": name}, nil)
		names = append(names, name)
	}
	return names
}

// A repository that spells the labels in another case has its incidents all the same: nothing that
// people see is another, and no label is made or is there twice.
func TestK13LabelsAreTheSameInAnyCase(t *testing.T) {
	skipUnderRace(t)
	plain, spelt := newWorld(t), newWorld(t)
	names := spelt.respell("acme/incidents")
	plain.tell(whole(t))
	spelt.tell(whole(t))
	if d := cmp.Diff(strings.ToLower(plain.everything()), strings.ToLower(spelt.everything())); d != "" {
		t.Errorf("spelt otherwise (-plain +spelt):\n%s", d)
	}
	var labels []struct{ Name string }
	spelt.ok("alice", "GET", "/api/v3/repos/acme/incidents/labels?per_page=100", nil, &labels)
	for _, l := range labels {
		if !slices.Contains(names, l.Name) && l.Name != "follow-up" { // which no repository has at first
			t.Errorf("the label %s was made", l.Name)
		}
	}
	for _, l := range spelt.view().labels() {
		if !slices.Contains(names, l) {
			t.Errorf("the issue has the label %s", l)
		}
	}
}

// Labels that people set by hand count as the repository spells them.
func TestK13LabelsByHandInAnyCase(t *testing.T) {
	w := newWorld(t)
	w.respell("acme/incidents")
	w.tell("alice writes \"The API is down\"\n  since 10:38\nalice labels Incident")
	if labels := strings.Join(w.view().labels(), ", "); !strings.Contains(labels, "Phase/Identify") {
		t.Fatalf("the label declares nothing: %s", labels)
	}
	w.tell("alice labels severity/critical\nalice: /ic\nalice: /oe because I am alone\nalice labels PHASE/investigate\nalice labels DRILL")
	if labels := strings.Join(w.view().labels(),
		", "); labels != "Drill, Incident, Phase/Investigate, Severity/Critical" {
		t.Errorf("the labels are %s", labels)
	}
	w.tell("bob labels Phase/Closing\nalice unlabels incident\nalice unlabels drill")
	if labels := strings.Join(w.view().labels(),
		", "); labels != "Incident, Phase/Investigate, Severity/Critical" {
		t.Errorf("the labels are %s", labels)
	}
	before := strings.Join(w.view().labels(), ", ")
	w.tell("alice deletes card\nalice: /incident note it is back")
	if after := strings.Join(w.view().labels(), ", "); after != before {
		t.Errorf("with the card lost the labels are %s, and were %s", after, before)
	}
}

// Managed users (name_shortcode) and accounts from before 2013 (bob-, a--b) take part as everybody
// else does.
func TestK16NamesThatGitHubHas(t *testing.T) {
	w := newWorld(t)
	for _, login := range []string{"jo-e_acme", "bob-", "a--b"} {
		w.add(sandbox.Person{Login: login, Team: "platform",
			Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleWrite}})
	}
	w.form("jo-e_acme", "The API is down", []string{"Summary: 503 since 10:38", "Severity: critical",
		"Customers impacted: globex"})
	w.settle()
	w.tell("jo-e_acme: /ic\njo-e_acme: /oe @bob-, @a--b\njo-e_acme: /ic followup acme/platform: Watch the certificate @bob- due:+7d\njo-e_acme: /ic @a--b\njo-e_acme: /ic escalate @bob- please look")
	if got := slices.Sorted(slices.Values(w.view().assignees())); !slices.Equal(got,
		[]string{"a--b", "bob-", "jo-e_acme"}) {
		t.Errorf("assigned are %s", got)
	}
	if said := w.said("@a--b: "); len(said) == 0 {
		t.Errorf("nobody asks a--b to take over:\n%s", w.everything())
	}
	if said := w.said("is a name on GitHub"); len(said) != 0 {
		t.Errorf("it says %q", said)
	}
	if card := w.card(); !strings.Contains(card, "**bob-**") || !strings.Contains(card, "**jo-e_acme**") {
		t.Errorf("the card says\n%s", card)
	}
	w.tell("a--b: /ic\na--b: /oe cause an expired certificate\na--b: /ic close because this is a test")
	var tickets []struct {
		Title     string
		Assignees []struct{ Login string }
	}
	w.ok("alice", "GET", "/api/v3/repos/acme/platform/issues", nil, &tickets)
	if len(tickets) != 1 || tickets[0].Title != "Watch the certificate" || len(tickets[0].Assignees) != 1 ||
		tickets[0].Assignees[0].Login != "bob-" {
		t.Errorf("the tickets are %+v", tickets)
	}
	var reviewers struct{ Users []struct{ Login string } }
	w.ok("alice", "GET", fmt.Sprintf("/api/v3/repos/acme/incidents/pulls/%d/requested_reviewers", w.pull()),
		nil, &reviewers)
	if len(reviewers.Users) == 0 {
		t.Errorf("nobody is asked for a review")
	}
}

// Who may respond is said by the role, also by one of the organisation's own.
func TestA3RolesOfTheRepository(t *testing.T) {
	w := newWorld(t)
	for login, p := range map[string]sandbox.Person{
		"triager": {Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleTriage}}, "keeper": {Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleMaintain}},
		"owner": {Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleAdmin}}, "releaser": {Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleWrite}, RoleName: "release-crew"},
		"greeter": {Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleTriage},
			RoleName: "community-manager"},
	} {
		p.Login = login
		w.add(p)
	}
	w.form("alice", "The API is down", []string{"Summary: 503", "Severity: regular",
		"Customers impacted: none"})
	w.settle()
	for _, who := range []string{"triager", "greeter"} {
		w.tell(who + ": /oe finding it burns")
		if said := w.said("@" + who + ": "); len(said) == 0 {
			t.Errorf("%s responds", who)
		}
	}
	for _, who := range []string{"keeper", "owner", "releaser"} {
		w.tell(who + ": /oe")
		if got := strings.Join(w.view().assignees(), ", "); !strings.Contains(got, who) {
			t.Errorf("%s does not respond: assigned are %s", who, got)
		}
	}
}

// Whoever deleted their account holds nothing and breaks nothing: what they wrote stays, shown as
// the ghost's; what they approved is nobody's.
func TestDeletedAccountsMidIncident(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.add(sandbox.Person{Login: "sue", Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleWrite}})
	w.add(sandbox.Person{Login: "tom", Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleWrite}})
	w.form("sue", "The API is down", []string{"Summary: 503 since 10:38", "Severity: critical",
		"Customers impacted: none"})
	w.settle()
	w.tell("sue: /ic\nsue: /oe @tom\ntom: /oe finding the disk is full")
	if err := w.sandbox.Delete("sue"); err != nil {
		t.Fatal(err)
	}
	w.tell("carol deletes card\nwait 25m\ncarol: /incident status")
	if card := w.card(); strings.Contains(card, "@ghost") {
		t.Errorf("the ghost is spoken to:\n%s", card)
	}
	if got := strings.Join(w.view().assignees(), ", "); strings.Contains(got, "ghost") {
		t.Errorf("assigned are %s", got)
	}
	w.tell("carol: /ic\ncarol: /ic severity critical\ncarol: /ic close because this is a test")
	w.advance(time.Minute)
	review := fmt.Sprintf("/api/v3/repos/acme/incidents/pulls/%d/reviews", w.pull())
	if status := w.as("tom", "POST", review, map[string]string{"event": "APPROVE"},
		nil); status != http.StatusOK {
		t.Fatalf("the review is answered %d", status)
	}
	w.settle()
	if card := w.card(); !strings.Contains(card, "approved by **tom**") {
		t.Fatalf("the card says\n%s", card)
	}
	if err := w.sandbox.Delete("tom"); err != nil {
		t.Fatal(err)
	}
	w.ok("bob", "POST", review, map[string]string{"event": "REQUEST_CHANGES",
		"body": "Why did the disk fill?"}, nil)
	w.settle()
	if card := w.card(); strings.Contains(card, "approved by") ||
		!strings.Contains(card, "**bob** asked for changes") {
		t.Errorf("the card says\n%s", card)
	}
}

// The operator may spell the repository of the intake in another case than GitHub: its incidents
// are looked at under one name, so that nobody is paged or reminded twice.
func TestA8ARepositoryInAnotherCaseIsTheSame(t *testing.T) {
	skipUnderRace(t)
	play := func(repository string) string {
		w := newWorld(t)
		w.env["FIREBREAK_INTAKE_REPOSITORY"] = repository
		w.restart()
		alert := func(state string) {
			w.post("/intake/generic", "application/json",
				fmt.Sprintf(`{"title":"APIServerDown","severity":"critical","state":%q,"dedup_key":"api"}`,
					state))
			w.settle()
		}
		alert("firing")
		w.tell("carol: /ic\ncarol: /ic severity critical\nwait 25m")
		alert("firing")
		w.tell("wait 25m\ncarol: /ic customer add none")
		alert("resolved")
		w.tell("wait 10m\ncarol: /ic close because this is a test")
		// The first page goes out before GitHub is asked, so that its key has the name as it was
		// configured; no other one may.
		seen := w.everything()
		if n := strings.Count(seen, repository); repository != "acme/incidents" && n > 1 {
			t.Errorf("%s stands there %d times:\n%s", repository, n, seen)
		}
		return strings.ReplaceAll(seen, repository, "acme/incidents")
	}
	if d := cmp.Diff(play("acme/incidents"), play("ACME/Incidents")); d != "" {
		t.Errorf("in another case (-as GitHub spells it +otherwise):\n%s", d)
	}
}

// The repository spells the one label in capitals, as it had it before: the label declares (K13, A2).
func TestK13TheLabelOfIncidentsInCapitals(t *testing.T) {
	w := newWorld(t)
	w.ok("alice", "PATCH", "/api/v3/repos/acme/incidents/labels/incident", map[string]string{"new_name": "Incident"}, nil)
	w.tell("alice writes \"The API is down\"\n  since 10:38\nalice labels Incident\nbob: /ic severity critical\ncarol: /ic")
	if labels := strings.Join(w.view().labels(), ", "); labels != "Incident, phase/investigate, severity/critical" {
		t.Errorf("the labels are %s", labels)
	}
	if card := w.card(); !strings.Contains(card, "Incident Coordinator **carol**") || len(w.outbox()) != 1 {
		t.Errorf("paged %d times, and the card says\n%s", len(w.outbox()), card)
	}
}
