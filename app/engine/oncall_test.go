package engine_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/templates"
)

// rotations has bob on call until 11:00 of the day on which stories begin, then carol, and nobody at
// all in the second rotation.
const rotations = `# reviewed by the team
rotations:
  primary:
    owners: ["@alice"]
    people: ["@bob", "@carol", "@dan"]
    every: 1 day
    start: 2026-03-01
    handover: "11:00" # after the stand-up
  secondary:
    people: ["@dan"]
    start: 2026-06-01
`

const escalatesToRotations = `
pager: webhook
escalation:
  steps:
  - to: [primary]
  - to: [secondary]
    after: 30m
  - to: [primary]
    after: 30m
`

func newWorldOnCall(t *testing.T, onCall string) *world {
	files := maps.Clone(templates.Repository())
	files[config.Path], files[oncall.Path] = escalatesToRotations, onCall
	return newWorldWith(t, map[string]map[string]string{"acme/incidents": files})
}

// pagedTo lists whom pages went to.
func (w *world) pagedTo() (to []string) {
	w.t.Helper()
	for _, s := range w.outbox() {
		if s.Kind == "page" && s.To != "incident-coordinators" { // who hear of the overdue update
			to = append(to, s.To)
		}
	}
	return to
}

const critical = "alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n" +
	"  Customers impacted: globex\n"

func TestO1AStepPagesWhoIsOnCall(t *testing.T) {
	w := newWorldOnCall(t, rotations)
	w.tell(critical)
	if got := strings.Join(w.pagedTo(), " "); got != "@bob" {
		t.Fatalf("paged %s", got)
	}
	if card := w.card(); !strings.Contains(card, "bob** (primary) 10:40") && !strings.Contains(card, "(primary)") ||
		!strings.Contains(card, "secondary (nobody)") {
		t.Errorf("the card says\n%s", card)
	}
	w.tell("wait 31m") // nobody is on call in the second, which is said, and the third step follows at once
	if got := strings.Join(w.pagedTo(), " "); got != "@bob @carol" {
		t.Errorf("paged %s", got)
	}
	said := ""
	for _, c := range w.list() {
		if strings.Contains(c.Body, "Nobody is on call in secondary") {
			said = c.Body
		}
	}
	if !strings.Contains(said, "I page the next step at once") {
		t.Errorf("the gap is not said: %s", said)
	}
}

// Where nobody is on call in the first step the next one follows at once, and where no step has anybody
// the coordinators are paged: an incident never waits for nobody.
func TestO1AFirstStepWithNobodyOnCall(t *testing.T) {
	for name, c := range map[string]struct{ steps, want, says string }{
		"another step follows": {"[{to: [secondary]}, {to: [primary], after: 30m}]", "@bob", "I page the next step at once"},
		"one step alone":       {"[{to: [secondary]}]", "incident-coordinators", "Nobody is on call in secondary"},
		"with the phone list":  {"[{to: [secondary, phone]}]", "incident-coordinators", "Nobody is on call in secondary"},
		"no step has anybody":  {"[{to: [secondary]}, {to: [secondary], after: 30m}]", "incident-coordinators", "Nobody is on call in secondary"},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(templates.Repository())
			files[config.Path], files[oncall.Path] = "pager: webhook\nphones: [\"Desk, +49 30 5550 100\"]\n"+
				"escalation: {steps: "+c.steps+"}\n", rotations
			w := newWorldWith(t, map[string]map[string]string{"acme/incidents": files})
			w.tell(critical)
			paged := w.outbox()
			if len(paged) == 0 || paged[0].To != c.want {
				t.Errorf("paged %v, want %s at once", paged, c.want)
			}
			if len(w.said(c.says)) != 1 {
				t.Errorf("what is said of it: %q", w.said("Nobody is on call"))
			}
		})
	}
}

func TestO1EscalateNamesARotation(t *testing.T) {
	w := newWorldOnCall(t, rotations)
	w.tell(critical + "bob: /ic\nbob: /ic escalate primary we need somebody who knows etcd\nbob: /ic escalate secondary you too")
	if got := w.pagedTo(); len(got) != 2 || got[1] != "@bob" {
		t.Errorf("paged %v", got)
	}
	if last := w.list(); !strings.Contains(last[len(last)-1].Body, "**Nobody is on call in secondary.** I paged nobody") {
		t.Errorf("said %s", last[len(last)-1].Body)
	}
}

// The escalation goes on by the last good rotations while GitHub is out, in another process too.
func TestO1RotationsOutliveAnOutage(t *testing.T) {
	skipUnderRace(t)
	w := newWorldOnCall(t, rotations)
	w.tell(critical)
	w.order(`{"outage":"50m"}`)
	w.tell("wait 1m")
	w.restart()
	w.tell("wait 40m")
	if got := strings.Join(w.pagedTo(), " "); got != "@bob @carol @carol" { // in the second round again
		t.Errorf("while GitHub is out, paged %s", got)
	}
}

// Where no rotations are known yet, one answer that GitHub fails to give must not make a page go to a team of the
// rotation's name; nor may nobody be paged while the file can't be read at all: then it is the coordinators, loudly,
// and whoever is on call as soon as that is known.
func TestO1TheFirstReadOfTheRotationsIsTriedAgain(t *testing.T) {
	skipUnderRace(t)
	for name, c := range map[string]struct {
		order string
		want  string
		says  string
	}{
		"it fails for a moment": {`{"match":"GET .*/contents/.github/oncall.yml$","status":502,"count":3}`, "@bob", ""},
		"it fails for hours": {`{"match":"GET .*/contents/.github/oncall.yml$","status":502,"count":-1}`,
			"incident-coordinators", "I can't read `.github/oncall.yml`"},
		"it is refused": {`{"match":"GET .*/contents/.github/oncall.yml$","status":403,"count":-1}`,
			"incident-coordinators", "I can't read `.github/oncall.yml`"},
		"all files are refused": {`{"match":"GET .*/contents/.github/.*.yml$","status":403,"count":-1}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldOnCall(t, rotations)
			w.order(c.order)
			w.tell(critical + "wait 55s")
			if got := strings.Join(w.everybodyPaged(), " "); got != c.want {
				t.Errorf("paged %q, want %q", got, c.want)
			}
			if c.says == "" {
				return
			}
			if said := w.said(c.says); len(said) != 1 || !strings.Contains(said[0], "**incident-coordinators** instead") {
				t.Errorf("said %q", said)
			}
			if card := w.card(); !strings.Contains(card, "unknown: incident-coordinators") {
				t.Errorf("the card does not say that the next rotation is unknown:\n%s", card)
			}
			w.as("", "DELETE", "/sandbox/faults", nil, nil)
			w.tell("wait 3m")
			if got := strings.Join(w.everybodyPaged(), " "); got != c.want+" @bob" {
				t.Errorf("once it can be read, paged %q", got)
			}
		})
	}
}

// everybodyPaged lists whom pages went to.
func (w *world) everybodyPaged() (to []string) {
	for _, s := range w.outbox() {
		if s.Kind == "page" {
			to = append(to, s.To)
		}
	}
	return to
}

// A file with mistakes of which no good version was ever read names nobody.
func TestO1AFileThatWasNeverGoodPagesTheCoordinators(t *testing.T) {
	w := newWorldOnCall(t, "rotations: {primary: {peple: ['@dan']}}\n")
	w.tell(critical + "wait 1m")
	if got := strings.Join(w.everybodyPaged(), " "); got != "incident-coordinators" {
		t.Errorf("paged %q", got)
	}
	if said := w.said("I can't read `.github/oncall.yml`"); len(said) != 1 || !strings.Contains(said[0], "peple") {
		t.Errorf("said %q", said)
	}
}

// Where the file was removed, steps that still name its rotations page no team of that name.
func TestO1ARemovedFilePagesTheCoordinators(t *testing.T) {
	w := newWorldOnCall(t, rotations)
	w.tell("alice opens \"Slow\"\n  Severity: major\nwait 1m")
	w.order(`{"match":"GET .*/contents/.github/oncall.yml$","status":404,"count":-1}`)
	w.tell("wait 40m\nalice: /ic severity critical because it got worse\nwait 1m")
	if got := w.everybodyPaged(); len(got) == 0 || got[len(got)-1] != "incident-coordinators" {
		t.Errorf("paged %q", got)
	}
	if said := w.said("was removed, and steps of the escalation still name its rotations"); len(said) != 1 {
		t.Errorf("said %q", said)
	}
	w.restart()
	w.tell("wait 31m")
	if got := strings.Join(w.pagedTo(), " "); got != "" {
		t.Errorf("another process paged %q", got)
	}
}

func TestO1ABrokenFileStopsNothing(t *testing.T) {
	w := newWorldOnCall(t, rotations)
	w.tell(critical)
	w.pushFile(oncall.Path, "main", "rotations: {primary: {peple: ['@dan']}}\n")
	w.tell("wait 20m\nbob: /ic\nbob: /ic escalate primary help")
	if got := w.pagedTo(); len(got) != 2 || got[1] != "@carol" {
		t.Errorf("paged %v", got)
	}
	said := 0
	for _, c := range w.list() {
		if strings.Contains(c.Body, "I can't use the new `.github/oncall.yml`") {
			said++
		}
	}
	if said != 1 {
		t.Errorf("said %d times", said)
	}
}

// pushFile writes a file to a branch, which is made where it is missing, and returns the commit.
func (w *world) pushFile(path, branch, content string) (commit string) {
	w.t.Helper()
	const repo = "/api/v3/repos/acme/incidents/"
	var head struct{ Object struct{ SHA string } }
	w.ok("alice", "GET", repo+"git/ref/heads/main", nil, &head)
	if branch != "main" {
		w.as("alice", "POST", repo+"git/refs", map[string]string{"ref": "refs/heads/" + branch, "sha": head.Object.SHA}, nil)
	}
	change := map[string]string{"message": "Change it", "branch": branch,
		"content": base64.StdEncoding.EncodeToString([]byte(content))}
	var file struct{ SHA string }
	if w.as("alice", "GET", repo+"contents/"+path+"?ref="+branch, nil, &file); file.SHA != "" {
		change["sha"] = file.SHA
	}
	var done struct{ Commit struct{ SHA string } }
	w.ok("alice", "PUT", repo+"contents/"+path, change, &done)
	w.settle()
	return done.Commit.SHA
}

func TestO1AChangeIsCheckedBeforeItIsMerged(t *testing.T) {
	w := newWorldOnCall(t, rotations)
	bad := w.checks(w.pushFile(oncall.Path, "tune", "rotations:\n  primary:\n    peple: ['@dan']\n"))
	if len(bad) != 1 || bad[0].Conclusion != "failure" || bad[0].Output.AnnotationsCount != 1 ||
		!strings.Contains(bad[0].Output.Summary, "line 3, column 5") {
		t.Errorf("the check says %+v", bad)
	}
	good := w.checks(w.pushFile(oncall.Path, "tune", rotations+`  third:
    people: ["@bob", "@nobody-we-know"]
    every: 2 weeks
    start: 2026-03-01
`))
	if len(good) != 1 || good[0].Conclusion != "success" {
		t.Fatalf("the check says %+v", good)
	}
	for _, want := range []string{"| Mon 2 Mar 11:00 | Tue 3 Mar 11:00 | carol |", "| Mon 2 Mar 10:40 | Mon 30 Mar 10:40 | **nobody** |"} {
		if !strings.Contains(good[0].Output.Summary, want) {
			t.Errorf("the check lacks %s:\n%s", want, good[0].Output.Summary)
		}
	}
	var notes []struct{ Message string }
	w.ok("alice", "GET", fmt.Sprintf("/api/v3/repos/acme/incidents/check-runs/%d/annotations", good[0].ID), nil, &notes)
	for _, want := range []string{"In third, only webhook reaches bob", "nights in a row, up to that of", "nights-in-a-row is 7"} {
		if !strings.Contains(fmt.Sprint(notes), want) {
			t.Errorf("the check lacks %s: %v", want, notes)
		}
	}
	if good[0].Output.AnnotationsCount < 3 || !strings.Contains(good[0].Output.Title, "warnings") {
		t.Errorf("the check says %q with %d notes", good[0].Output.Title, good[0].Output.AnnotationsCount)
	}
}

func (w *world) onCallFile(branch string) string {
	w.t.Helper()
	var file struct{ Content string }
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/contents/"+oncall.Path+"?ref="+branch, nil, &file)
	text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(file.Content, "\n", ""))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// says checks that a comment of the app has some words.
func (w *world) says(want string) {
	w.t.Helper()
	all := ""
	for _, c := range w.list() {
		if strings.Contains(c.Body, want) {
			return
		}
		all += c.Body + "\n---\n"
	}
	w.t.Errorf("nobody says %s:\n%s", want, all)
}

func TestO1WhoIsOnCallIsAnswered(t *testing.T) {
	w := newWorldOnCall(t, rotations)
	w.tell(critical + "bob: /incident oncall")
	w.says("- **primary**: **bob** until 11:00 UTC, then carol until 3 Mar 11:00")
	w.says("- **secondary**: **nobody** until")
}

func TestO2ACoverIsOneWord(t *testing.T) {
	skipUnderRace(t)
	w := newWorldOnCall(t, rotations)
	w.tell(critical + "bob: /incident cover @dan until 10:55")
	line := "- { rotation: primary, from: 2026-03-02 10:40, until: 2026-03-02 10:55, who: \"@dan\", for: \"@bob\" }\n"
	if got := w.onCallFile("main"); got != rotations+"covers:\n"+line {
		t.Fatalf("the file is\n%s", got)
	}
	w.says("@dan: The cover is written.")
	w.tell("bob: /ic\nbob: /ic escalate primary we need you")
	if got := w.pagedTo(); got[len(got)-1] != "@dan" {
		t.Errorf("paged %v", got)
	}
	w.tell("dan: /incident uncover")
	if got := w.onCallFile("main"); got != rotations {
		t.Errorf("once it is declined, the file is\n%s", got)
	}
	w.says("@bob: The cover is taken back.")
}

func TestO2ASwapIsTwoCovers(t *testing.T) {
	w := newWorldOnCall(t, rotations)
	w.tell(critical + "carol: /incident swap @dan")
	got := w.onCallFile("main")
	for _, want := range []string{
		`from: 2026-03-02 11:00, until: 2026-03-03 11:00, who: "@dan", for: "@carol" }`,
		`from: 2026-03-03 11:00, until: 2026-03-04 11:00, who: "@carol", for: "@dan" }`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the file lacks %s:\n%s", want, got)
		}
	}
	w.tell("dan: /incident uncover primary")
	if got := w.onCallFile("main"); got != rotations {
		t.Errorf("once it is declined, the file is\n%s", got)
	}
}

func TestO2WhoMayNotCoverIsTold(t *testing.T) {
	w := newWorldOnCall(t, rotations)
	w.tell(critical + "erin: /incident cover @dan primary until 12:00\nbob: /incident cover @mallory until 12:00\n" +
		"bob: /incident uncover")
	w.says("Only people of primary and its owners (alice) can change who covers it")
	w.says("mallory can't respond here")
	w.says("You have no cover")
	if got := w.onCallFile("main"); got != rotations {
		t.Errorf("the file is\n%s", got)
	}
	w.tell("alice: /incident cover @dan until 12:00") // its owner
	if got := w.onCallFile("main"); !strings.Contains(got, `who: "@dan" }`) {
		t.Errorf("the file is\n%s", got)
	}
}

func TestO2ARuledBranchGetsAPullRequest(t *testing.T) {
	w := newWorldOnCall(t, rotations)
	w.bringAbout(`{"ruleset":"acme/incidents"}`)
	w.tell(critical + "bob: /incident cover @dan until 10:55")
	w.says("It counts once acme/incidents#2 is merged")
	if got := w.onCallFile("main"); got != rotations {
		t.Errorf("the file is\n%s", got)
	}
	var pull struct{ Head struct{ Ref string } }
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/pulls/2", nil, &pull)
	if got := w.onCallFile(pull.Head.Ref); !strings.Contains(got, `who: "@dan", for: "@bob"`) {
		t.Errorf("the pull request has\n%s", got)
	}
}

// Somebody else changes the file between its read and the write: the cover is written all the same.
func TestO2ACoverOutlivesAConflict(t *testing.T) {
	w := newWorldOnCall(t, rotations)
	w.tell(critical)
	w.order(`{"match":"PUT .*/contents/.github/oncall.yml$","status":409,"count":2}`)
	w.tell("bob: /incident cover @dan until 10:55")
	if got := w.onCallFile("main"); strings.Count(got, "@dan\", for") != 1 {
		t.Errorf("the file is\n%s", got)
	}
}

// A cover that was declined stays so, though the card is lost and the incident is read again from its
// start.
func TestO2ADeclinedCoverStaysDeclined(t *testing.T) {
	skipUnderRace(t)
	w := newWorldOnCall(t, rotations)
	w.tell(critical + "bob: /incident cover @dan until 18:00\ndan: /incident uncover")
	if got := w.onCallFile("main"); got != rotations {
		t.Fatalf("the file is\n%s", got)
	}
	before := len(w.list())
	w.tell("alice deletes card\nbob: /incident status\nwait 2m")
	if got := w.onCallFile("main"); got != rotations {
		t.Errorf("once the card is lost, the file is\n%s", got)
	}
	if after := len(w.list()); after > before+2 {
		t.Errorf("%d comments became %d", before, after)
	}
}

// Who is on call matters after an incident too.
func TestO2ACoverOnAnIncidentThatIsOver(t *testing.T) {
	w := newWorldOnCall(t, rotations)
	w.tell(critical + "alice: /incident decline it was a test\nbob: /incident cover @dan until 18:00")
	if got := w.onCallFile("main"); !strings.Contains(got, `who: "@dan", for: "@bob" }`) {
		t.Errorf("the file is\n%s", got)
	}
	w.says("@dan: The cover is written.")
}
