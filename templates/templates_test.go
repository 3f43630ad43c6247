package templates_test

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/app/texts/textstest"
	"github.com/firebreak-dev/firebreak/templates"
)

var update = flag.Bool("update", false, "renew the golden files")

// says lists the values of Name in every Say that a package's code makes.
func says(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no code in %s: %v", folder, err)
	}
	var names []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			switch typ := lit.Type.(type) {
			case *ast.Ident:
				ok = typ.Name == "Say"
			case *ast.SelectorExpr:
				ok = typ.Sel.Name == "Say"
			default:
				ok = false
			}
			for _, e := range lit.Elts {
				if kv, pair := e.(*ast.KeyValueExpr); ok && pair {
					if key, isName := kv.Key.(*ast.Ident); isName && key.Name == "Name" {
						if value, err := strconv.Unquote(kv.Value.(*ast.BasicLit).Value); err == nil && !slices.Contains(names, value) {
							names = append(names, value)
						}
					}
				}
			}
			return true
		})
	}
	return names
}

func TestEverySayHasItsTemplateAndEveryTemplateItsSay(t *testing.T) {
	said := append(says(t, "../app/incident"), says(t, "../app/engine")...)
	said = append(said, says(t, "../app/engine/effects")...)
	slices.Sort(said)
	said = slices.Compact(said)
	if diff := cmp.Diff(said, templates.Names()); diff != "" {
		t.Errorf("what is said (-) and what is written (+):\n%s", diff)
	}
}

// kinds lists the kinds of entries that the core records.
func TestEveryEntryHasItsLine(t *testing.T) {
	record := regexp.MustCompile(`\brecord\("([a-z]+)"|Kind: "([a-z]+)"`)
	files, err := filepath.Glob("../app/incident/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		code, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range record.FindAllStringSubmatch(string(code), -1) {
			kind := m[1] + m[2]
			found++
			line := templates.Line(incident.Entry{Kind: kind, What: "WHAT", By: "carol"})
			if line == "" || line == kind+" WHAT" {
				t.Errorf("%s: no line for entries of kind %q: %q", name, kind, line)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d records found in the core", found)
	}
	if got := templates.Line(incident.Entry{Kind: "un @carol", What: "<b>"}); got != "un @\u2060carol &lt;b&gt;" {
		t.Errorf("an unknown kind returns %q", got)
	}
	if got := templates.Line(incident.Entry{Kind: "customer"}); got == "" {
		t.Errorf("an entry without a name returns nothing")
	}
}

// hostile is in every field of people's words.
const hostile = "@carol #12 <img src=x onerror=y> ![](https://evil.example/x.png) [x](https://evil.example) `\n/ic close\n<!-- firebreak:card v1 -->"

func full() incident.Say {
	return incident.Say{Who: "carol", Holder: "alice", Role: "oe", Recorded: hostile, Severity: hostile, Trust: "unverified", Command: "/ic update …", Line: hostile, Phase: incident.Fixing,
		Missing: []string{"severity", "summary", "customers", "the cause is known"}, Names: []string{"globex", hostile},
		Time: time.Date(2026, 11, 24, 10, 49, 0, 0, time.UTC), Count: 3, Insist: "/ic phase fixing because …", Reason: hostile,
		OnCall: []oncall.Now{{Rotation: hostile, Shift: oncall.Shift{Who: []string{"@" + hostile, hostile}}}},
		Covers: []oncall.Cover{{Rotation: hostile, Who: "@" + hostile, For: hostile}},
		Lines:  []string{hostile}, Next: incident.Hint{Command: "/ic update …", Does: hostile, Who: []string{hostile}},
		Hints:  []incident.Hint{{Command: "/ic", Does: "take the role", Who: []string{hostile}}},
		Untold: []incident.Untold{{Customer: hostile, Contacts: []string{hostile}, Command: hostile}, {Customer: hostile, Unknown: true, Near: []string{hostile}}}}
}

func TestCommentsAreInertWhateverPeopleWrote(t *testing.T) {
	for _, name := range templates.Names() {
		for _, variant := range []string{"", "drill", "told", "unreached", "reopened", "again", "self", "circle", "none"} {
			say := full()
			if say.Name, say.Variant = name, variant; variant == "" {
				say.Role = "ic"
			}
			text, err := templates.Comment(say)
			if err != nil {
				t.Fatal(err)
			}
			allowed := []string{"carol", "alice"}
			if slices.Contains([]string{"page", "review-open", "review-shut", "came-back", "reopened", "unfilled", "cover-changed"}, name) {
				allowed = append(allowed, "globex") // who is paged, or asked to review, is mentioned
			}
			if strings.Contains(name, "merged") || strings.Contains(name, "closed-up") || strings.Contains(name, "review-") || name == "unfilled" {
				allowed = append(allowed, "#3") // the pull request
			}
			textstest.Harmless(t, name, text, allowed...)
		}
	}
}

func TestCommentsReadWellWhenNobodyHoldsARole(t *testing.T) {
	for _, say := range samples() {
		without := say
		without.Holder = ""
		if say.Name != "handover" { // somebody is always asked
			without.Who = ""
		}
		for _, say := range []incident.Say{say, without} {
			text, err := templates.Comment(say)
			if err != nil {
				t.Fatal(err)
			}
			for _, bad := range []string{"!", "  ", "<no value>", "****", " ,", " .", "0001", "%!", "``", "\n\n\n", "::"} {
				if strings.Contains(strings.ReplaceAll(text, "  \n", "\n"), bad) {
					t.Errorf("%s holds %q:\n%s", say.Name, bad, text)
				}
			}
			if strings.TrimSpace(text) == "" || len(text) > 8000 {
				t.Errorf("%s reads\n%s", say.Name, text)
			}
		}
	}
	if _, err := templates.Comment(incident.Say{Name: "no such"}); err == nil {
		t.Error("a comment without a template was written")
	}
}

// samples are what the core says, one of each, as people will read them.
func samples() []incident.Say {
	at := time.Date(2026, 11, 24, 10, 49, 0, 0, time.UTC)
	var out []incident.Say
	add := func(s incident.Say) { out = append(out, s) }
	for _, effect := range []string{"labels", "assignees", "state", "ticket", "ticket change", "ticket move", "document", "refresh", "check", "nudge", "customer version", "status"} {
		add(incident.Say{Name: "github-refused", Who: "carol", Line: effect, Count: 2, Names: []string{"acme/payments"}, Reason: "Git Repository is empty. (409)"})
		add(incident.Say{Name: "github-accepted", Line: effect, Count: 2})
	}
	add(incident.Say{Name: "update-shared", Who: "carol", Names: []string{"globex"}, Line: "issue", Time: at})
	add(incident.Say{Name: "ticket-moved", Line: "acme/payments#7"})
	add(incident.Say{Name: "put-aside", Who: "carol", Line: "issue_comment.created", Reason: "the issue can't be read"})
	add(incident.Say{Name: "permission-unknown", Who: "bob", Line: "/ic close", Reason: "Resource not accessible by integration (403)"})
	add(incident.Say{Name: "permission-unknown", Who: "bob", Line: "/oe revert owner/repo#n", Reason: "Server Error (422)", Lines: []string{"acme/payments"}})
	add(incident.Say{Name: "permission-unknown", Who: "bob", Line: "/ic @login", Reason: "Server Error (422)", Names: []string{"dan"}})
	add(incident.Say{Name: "not-handled", Who: "bob"})
	add(incident.Say{Name: "done", Who: "bob"})
	add(incident.Say{Name: "inform-nobody", Who: "carol"})
	add(incident.Say{Name: "inform-failed", Who: "carol", Line: "#incidents", Reason: "channel_not_found"})
	add(incident.Say{Name: "tapped", Names: []string{"bob"}, Line: "/ic severity critical"})
	for _, how := range incident.PageAnswers {
		add(incident.Say{Name: "page-answered", Variant: how, Names: []string{"carol"}, Reason: "link"})
	}
	add(incident.Say{Name: "slack-said", Names: []string{"carol"}, Reason: "inc-12-checkout"})
	add(incident.Say{Name: "link-unknown", Who: "carol"})
	add(incident.Say{Name: "linked", Who: "carol", Line: "U0CAROL"})
	add(incident.Say{Name: "linked", Who: "carol"})
	add(incident.Say{Name: "slack-pinned", Names: []string{"carol"}, Who: "dan", Line: "It is the <cache>", Reason: "inc-12-checkout"})
	add(incident.Say{Name: "slack-said", Names: []string{"carol"}, Line: "/ic update We look into it, @dan <b>", Reason: "inc-12-checkout"})
	add(incident.Say{Name: "page-answered", Variant: "pass", Names: []string{"dan"}, Reason: "call", Time: at})
	add(incident.Say{Name: "page-answered", Variant: "seen", Names: []string{"dan"}, Reason: "ntfy"})
	add(incident.Say{Name: "way-failed", Names: []string{"dan"}, Line: "sms", Reason: "the receiver answers 401 Unauthorized"})
	add(incident.Say{Name: "way-failed", Names: []string{"dan"}, Line: "ntfy", Reason: "no answer within 10s"})
	add(incident.Say{Name: "who-ticked", Line: "/ic severity critical"})
	mine := func(command, does string) incident.Hint {
		return incident.Hint{Command: command, Does: does, Mine: true}
	}
	theirs := func(command, does string, who ...string) incident.Hint {
		return incident.Hint{Command: command, Does: does, Who: who}
	}
	add(incident.Say{Name: "brief", Who: "carol", Brief: &incident.Brief{State: incident.State{Phase: incident.Fixing, Since: incident.Stamp{At: at},
		Confirmed: &incident.Stamp{At: at}, Severity: "critical", IC: "carol", OEs: []string{"alice"}, Customers: []string{"globex"}, Began: at,
		Impact:  &incident.Stamp{By: "bob", At: at, Text: "30 % of checkouts fail"},
		Hit:     incident.Hit{Name: "payments", Owners: []string{"@acme/payments"}},
		Cause:   &incident.Stamp{By: "alice", At: at, Text: "a memory limit"},
		Found:   []incident.Stamp{{By: "alice", At: at, Text: "payments restarts"}},
		Tried:   []incident.Stamp{{By: "alice", At: at, Text: "restarted payments"}},
		Updates: incident.Updates{Last: at, Due: at.Add(20 * time.Minute)}}, Critical: true, Now: at.Add(24 * time.Hour), Holder: "carol", Told: incident.Sent{Text: "We look into it"},
		Call: "https://meet.example/p1-12", Waiting: []string{"initech"}, Missing: []string{"a workaround or a fix"}, Next: incident.Monitoring,
		Mine: []incident.Hint{mine("/oe workaround …", "record the temporary fix")}}})
	add(incident.Say{Name: "blocked", Who: "carol", Phase: incident.Fixing, Missing: []string{"the cause"}, Next: theirs("/oe cause …", "", "alice"), Force: mine("/ic phase fixing because …", "")})
	add(incident.Say{Name: "blocked", Who: "carol", Phase: incident.Investigate, Missing: []string{"a confirmed severity", "two people: an Incident Coordinator and an Operations Engineer"}, Next: mine("/ic severity critical", "")})
	add(incident.Say{Name: "closed", Who: "carol", Next: mine("/oe regression …", ""), Hints: []incident.Hint{mine("/incident note …", ""), mine("/ic followup …", "")}})
	add(incident.Say{Name: "closed", Who: "bob", Next: theirs("/oe regression …", "", "alice"), Hints: []incident.Hint{mine("/incident note …", ""), theirs("/ic followup …", "", "carol")}})
	add(incident.Say{Name: "not-engineer", Who: "bob", Names: []string{"alice"}})
	add(incident.Say{Name: "not-engineer", Who: "bob", Hints: []incident.Hint{mine("/oe", "take the role of Operations Engineer: you debug")}})
	add(incident.Say{Name: "not-impacted", Who: "carol", Lines: []string{"globex"}, Names: []string{"initech"}})
	add(incident.Say{Name: "not-impacted", Who: "carol", Lines: []string{"globex", "initech"}})
	add(incident.Say{Name: "not-pinned", Who: "carol"})
	add(incident.Say{Name: "severity-stays", Who: "bob", Line: "regular", Reason: "critical", Next: theirs("/ic severity regular", "", "carol")})
	add(incident.Say{Name: "severity-stays", Who: "bob", Line: "critical", Next: theirs("/ic severity critical", "", "alice")})
	add(incident.Say{Name: "corrected", Who: "alice", Recorded: "finding", Line: "The disk is full"})
	add(incident.Say{Name: "corrected", Who: "carol", Recorded: "update", Line: "We are back at 10:00"})
	add(incident.Say{Name: "not-on-pull", Who: "carol", Line: "/ic close"})
	add(incident.Say{Name: "no-postmortem", Who: "carol", Phase: incident.Monitoring, Next: mine("/ic close", "")})
	add(incident.Say{Name: "no-postmortem", Who: "carol", Phase: incident.Closing, Count: 42})
	add(incident.Say{Name: "review-shut", Count: 42, Names: []string{"carol"}, Lines: []string{"acme/platform#7"}})
	add(incident.Say{Name: "signals", Line: "Alertmanager", Variant: "fired", Count: 14, Time: at})
	add(incident.Say{Name: "signals", Line: "Alertmanager", Variant: "recovered", Count: 14, Time: at})
	add(incident.Say{Name: "message", Line: "Email", Reason: "Any news?\n\n/ic close", Names: []string{"screenshot.png"}})
	add(incident.Say{Name: "message", Line: "Email", Who: "carol", Holder: "gina@globex.example", Trust: "unverified", Reason: "It is back", Links: []incident.Link{{Name: "Call", URL: "https://zoom.us/j/1"}}})
	add(incident.Say{Name: "message", Line: "Email", Who: "carol", Holder: "gina@globex.example", Lines: []string{"globex"}, Reason: "Still broken"})
	add(incident.Say{Name: "customer-answered", Who: "carol", Holder: "gina", Line: "acme/customer-globex#4", Names: []string{"globex"}, Reason: "Still broken\n\n/ic close", Command: "/ic update …"})
	add(incident.Say{Name: "customer-answered", Holder: "gina", Line: "acme/customer-globex#4", Names: []string{"globex"}, Reason: "Thank you"})
	add(incident.Say{Name: "customer-answered", Who: "carol", Holder: "slack:U0GINA00", Names: []string{"globex"}, Reason: "Still broken"})
	add(incident.Say{Name: "customer-answered", Variant: "many", Who: "carol", Holder: "gina", Line: "acme/customer-globex#4", Names: []string{"globex"}, Time: at})
	add(incident.Say{Name: "came-back", Names: []string{"carol", "alice"}, Line: "Alertmanager", Phase: incident.Investigate})
	add(incident.Say{Name: "came-back", Who: "alice", Line: "Alertmanager", Phase: incident.Investigate})
	add(incident.Say{Name: "came-back", Names: []string{"carol"}, Phase: incident.Investigate})
	add(incident.Say{Name: "no-answer", Who: "carol", Names: []string{"alice", "bob"}})
	add(incident.Say{Name: "handover-unanswered", Who: "carol", Names: []string{"dan"}, Holder: "carol"})
	add(incident.Say{Name: "handover-unanswered", Who: "alice", Names: []string{"dan"}})
	add(incident.Say{Name: "fires-again", Line: "Alertmanager", Phase: incident.Investigate})
	add(incident.Say{Name: "recovered", Who: "carol", Line: "Alertmanager", Phase: incident.Investigate, Hints: []incident.Hint{
		theirs("/oe workaround …", "record the temporary fix", "alice"), mine("/incident decline …", "false alarm: close it as not planned, not counted")}})
	add(incident.Say{Name: "recovered", Who: "carol", Line: "Alertmanager", Phase: incident.Monitoring, Hints: []incident.Hint{mine("/ic agree …", "record that the customer agrees that it is over")}})
	add(incident.Say{Name: "reported", Line: "Alertmanager", Reason: "APIServerDown on eu-1", Lines: []string{"alertname: APIServerDown"}, Links: []incident.Link{{Name: "Details", URL: "https://alertmanager.example/#/alerts", IsVerified: true}}, Count: 5})
	add(incident.Say{Name: "reported", Line: "Alertmanager", Reason: "APIServerDown on eu-1", Missing: []string{"acme/typo", "the App is not installed there, or was not given this repository"}})
	add(incident.Say{Name: "reported", Line: "email", Trust: "unverified", Reason: "Nothing works", Names: []string{"log.txt"}})
	add(incident.Say{Name: "ended", Who: "carol", Reason: "declined"})
	add(incident.Say{Name: "role-vacant", Who: "alice", Role: "ic", Teams: []string{"acme/incident-coordinators"}})
	add(incident.Say{Name: "role-vacant", Who: "carol", Role: "oe"})
	add(incident.Say{Name: "page-failed", Line: "incident-coordinators", Reason: "PagerDuty refuses the routing key", Names: []string{"On-call desk, +49 30 5550 100"}})
	add(incident.Say{Name: "page-failed", Line: "platform", Reason: "no answer within 10 s"})
	add(incident.Say{Name: "acknowledged", Line: "Dan Example", Reason: "pagerduty"})
	add(incident.Say{Name: "config-broken", Reason: "Line 7, column 3: coordinater is not known; did you mean coordinators?"})
	add(incident.Say{Name: "config-removed", Line: "defaults"})
	add(incident.Say{Name: "on-call-broken", Reason: "Line 7, column 3: peple is not known; did you mean people?"})
	add(incident.Say{Name: "on-call-broken", Variant: "unread", Line: "incident-coordinators",
		Reason: "GitHub refuses it (403): Resource not accessible by integration."})
	add(incident.Say{Name: "on-call-broken", Variant: "unread", Line: "incident-coordinators",
		Names: []string{"primary", "secondary"}})
	add(incident.Say{Name: "on-call-broken", Variant: "early", Line: "incident-coordinators", Lines: []string{"primary"},
		Reason: "GitHub was not asked yet"})
	add(incident.Say{Name: "on-call-gap", Variant: "instead", Lines: []string{"primary"}, Line: "incident-coordinators"})
	add(incident.Say{Name: "on-call-gap", Lines: []string{"primary"}})
	add(incident.Say{Name: "on-call-gap", Variant: "next", Lines: []string{"primary", "secondary"}})
	add(incident.Say{Name: "on-call-gap", Variant: "nobody", Lines: []string{"primary"}, Names: []string{"On-call desk, +49 30 5550 100"}})
	add(incident.Say{Name: "on-call-gap", Variant: "nobody", Lines: []string{"primary"}})
	day := time.Date(2026, 3, 6, 18, 0, 0, 0, time.UTC)
	cover := oncall.Cover{Rotation: "primary", From: day, Until: day.Add(15 * time.Hour), Who: "@dan", For: "@bob"}
	team := cover
	team.Who, team.For = "platform", ""
	add(incident.Say{Name: "on-call", Time: day, OnCall: []oncall.Now{
		{Rotation: "primary", Shift: oncall.Shift{Who: []string{"@bob", "platform"}, Until: day.Add(time.Hour)},
			Next: oncall.Shift{Who: []string{"@carol"}, Until: day.Add(25 * time.Hour)}},
		{Rotation: "secondary", Shift: oncall.Shift{Until: day.Add(time.Hour)}, Next: oncall.Shift{Until: day.Add(25 * time.Hour)}},
	}})
	add(incident.Say{Name: "cover-changed", Names: []string{"dan"}, Covers: []oncall.Cover{cover}})
	add(incident.Say{Name: "cover-changed", Teams: []string{"platform"}, Covers: []oncall.Cover{team}, Line: "acme/incidents#7"})
	add(incident.Say{Name: "cover-changed", Variant: "taken back", Names: []string{"dan", "bob"}, Covers: []oncall.Cover{cover}})
	for _, v := range []string{"none", "too many", "no cover"} {
		add(incident.Say{Name: "cover-refused", Variant: v})
	}
	add(incident.Say{Name: "cover-refused", Variant: "which", Lines: []string{"primary", "secondary"}})
	add(incident.Say{Name: "cover-refused", Variant: "cannot respond", Names: []string{"mallory"}})
	add(incident.Say{Name: "cover-refused", Variant: "not yours", Line: "primary", Names: []string{"platform", "alice"}})
	add(incident.Say{Name: "cover-refused", Variant: "when", Reason: "it ends before it begins"})
	add(incident.Say{Name: "cover-refused", Variant: "not both", Line: "primary", Names: []string{"dan"}})
	add(incident.Say{Name: "cover-refused", Variant: "no shifts", Line: "primary", Names: []string{"dan"}})
	add(incident.Say{Name: "cover-refused", Variant: "write", Who: "bob", Reason: "its covers are not a list with a line for each: change the file by hand"})
	add(incident.Say{Name: "template-broken", Reason: "Line 3, column 3: {{timeline}} is a whole section: it needs a line by itself"})
	add(incident.Say{Name: "config-removed", Line: "acme/.github"})
	add(incident.Say{Name: "review-open", Count: 42, Names: []string{"carol", "alice"}})
	add(incident.Say{Name: "follow-up-due", Who: "erin", Line: "2026-12-04"})
	add(incident.Say{Name: "follow-up-due", Who: "erin", Line: "2026-12-04", Count: 1})
	add(incident.Say{Name: "missing-data", Who: "alice", Missing: []string{"severity", "summary", "customers"}})
	add(incident.Say{Name: "page", Reason: "team", Variant: "unconfirmed", Names: []string{"acme/incident-coordinators"}})
	add(incident.Say{Name: "unclaimed", Line: "Alertmanager", Severity: "regular", Time: at, Teams: []string{"acme/incident-coordinators"}})
	add(incident.Say{Name: "news", Who: "carol", Line: "Alertmanager", Severity: "critical", Lines: []string{"APIServerDown: the API of eu-1 does not answer", "@carol"}, Reason: "- APIServerDown\n/ic close", Command: "/ic severity critical"})
	add(incident.Say{Name: "news", Line: "A webhook", Lines: []string{"eu-1 lost data"}, Teams: []string{"acme/incident-coordinators"},
		Links: []incident.Link{{Name: "Runbook", URL: "https://runbooks.example/eu-1", IsVerified: true}}})
	add(incident.Say{Name: "unanswered", Names: []string{"On-call desk, +49 30 5550 100"}, Count: 6})
	add(incident.Say{Name: "unanswered", Count: 1})
	add(incident.Say{Name: "unanswered", Variant: "unconfirmed", Lines: []string{"On-call desk, +49 30 5550 100"}, Count: 4, Time: at})
	add(incident.Say{Name: "unanswered", Names: []string{"On-call desk, +49 30 5550 100"}, Count: 4, Time: at})
	add(incident.Say{Name: "unanswered", Teams: []string{"acme/incident-coordinators", "dan"}, Count: 5, Time: at})
	add(incident.Say{Name: "unanswered", Teams: []string{"acme/incident-coordinators"}, Count: 5, Time: at, Holder: "carol"})
	add(incident.Say{Name: "page", Names: []string{"carol"}, Reason: "again", Line: "Orders fail again", Holder: "alice"})
	add(incident.Say{Name: "page", Names: []string{"acme/incident-coordinators"}, Reason: "silent"})
	add(incident.Say{Name: "not-paged", Who: "carol", Line: "platfrom", Command: "/ic escalate platform …", Insist: "/ic escalate why"})
	add(incident.Say{Name: "unknown-name", Who: "carol", Line: "paymants", Command: "/ic escalate payments …"})
	add(incident.Say{Name: "not-paged", Who: "carol", Names: []string{"gina"}, Lines: []string{"dan"}, Insist: "/ic escalate why"})
	add(incident.Say{Name: "not-paged", Who: "carol", Names: []string{"gina"}, Missing: []string{"acme/nobody"}, Insist: "/ic escalate why"})
	add(incident.Say{Name: "no-reason", Who: "carol", Lines: []string{"platform"}})
	add(incident.Say{Name: "unasked", Who: "carol", Names: []string{"database"}, Lines: []string{"incident-coordinators"}})
	add(incident.Say{Name: "role-open", Who: "carol", Role: "oe", Names: []string{"carol"}})
	add(incident.Say{Name: "role-open", Who: "bob", Role: "ic", Holder: "bob", Names: []string{"carol"}})
	add(incident.Say{Name: "role-open", Who: "alice", Role: "oe", Reason: "two people", Names: []string{"alice"}})
	add(incident.Say{Name: "role-open", Who: "carol", Role: "ic", Names: []string{"carol"}})
	add(incident.Say{Name: "unclear", Who: "bob", Line: "/ic udpate all is well", Command: "/ic update text", Next: theirs("/ic update text", "", "carol")})
	add(incident.Say{Name: "unclear", Who: "carol", Line: "/ic snooze soon", Command: "/ic snooze 15m why", Reason: "Add how long: 15m, 1h or 1h30m", Next: mine("/ic snooze 15m why", "")})
	add(incident.Say{Name: "unclear", Who: "bob", Line: "/ic foo"})
	add(incident.Say{Name: "declared-already", Who: "bob", Line: "/incident noet", Command: "/incident note [HH:MM] text"})
	add(incident.Say{Name: "declared-already", Who: "bob", Line: "/incident the"})
	add(incident.Say{Name: "cannot-respond", Who: "carol", Names: []string{"mallory"}})
	add(incident.Say{Name: "handover", Who: "dan", Holder: "carol", Phase: incident.Investigate, Time: at, Names: []string{"alice", "bob"}, Count: 2})
	add(incident.Say{Name: "two-people", Who: "carol", Holder: "carol", Next: mine("/oe @user", ""), Force: mine("/oe because …", ""), Hints: []incident.Hint{mine("/ic @user", "")}})
	add(incident.Say{Name: "two-people", Who: "alice", Holder: "carol", Next: mine("/oe @user", ""), Hints: []incident.Hint{theirs("/ic @user", "", "carol")}})
	add(incident.Say{Name: "nothing-due", Who: "carol"})
	add(incident.Say{Name: "nothing-to-pin", Who: "carol", Command: "/ic pin [link] [note]"})
	add(incident.Say{Name: "propose", Who: "carol", Holder: "alice", Recorded: "cause", Phase: incident.Fixing, Next: mine("/ic phase fixing", "start fixing")})
	add(incident.Say{Name: "propose", Who: "carol", Holder: "alice", Recorded: "workaround", Phase: incident.Monitoring, Missing: []string{"two people: an Incident Coordinator and an Operations Engineer"},
		Next: theirs("/oe", ""), Force: mine("/ic phase monitoring because …", "")})
	add(incident.Say{Name: "help", Who: "carol", Hints: []incident.Hint{mine("/ic phase fixing", "start fixing"), theirs("/oe finding …", "record what you see", "alice"), theirs("/oe", "take the role")}})
	add(incident.Say{Name: "refused-reader", Who: "mallory", Line: "/ic close"})
	add(incident.Say{Name: "refused-role", Who: "bob", Role: "ic", Holder: "carol", Command: "/ic"})
	add(incident.Say{Name: "refused-role", Who: "bob", Role: "ic", Holder: "alice", Reason: "covering", Command: "/ic"})
	add(incident.Say{Name: "refused-role", Who: "bob", Role: "oe", Holder: "carol", Names: []string{"alice"}, Command: "/oe"})
	add(incident.Say{Name: "refused-role", Who: "bob", Role: "oe", Holder: "carol", Command: "/oe"})
	add(incident.Say{Name: "refused-role", Who: "bob", Holder: "carol", Names: []string{"alice"}, Command: "/ic"})
	add(incident.Say{Name: "ic-does-not-debug", Who: "carol", Names: []string{"alice"}, Next: theirs("/oe finding …", "", "alice")})
	add(incident.Say{Name: "write-again", Who: "bob"})
	add(incident.Say{Name: "github-refused", Who: "carol", Line: "document", Variant: "again", Reason: "Conflict (409)"})
	add(incident.Say{Name: "regression-early", Who: "alice", Next: mine("/oe finding …", "")})
	add(incident.Say{Name: "regression-early", Who: "carol", Next: theirs("/oe finding …", "", "alice"), Hints: []incident.Hint{mine("/incident note …", "")}})
	add(incident.Say{Name: "agree-early", Who: "carol", Phase: incident.Monitoring, Next: theirs("/oe workaround …", "", "alice")})
	add(incident.Say{Name: "update-unconfirmed", Who: "bob", Names: []string{"globex"}, Next: mine("/ic severity critical", "")})
	add(incident.Say{Name: "contested", Who: "carol", Names: []string{"label-sync[bot]"}, Lines: []string{"the label phase/fixing", "whether this issue is open"}})
	add(incident.Say{Name: "contested", Lines: []string{"my card"}})
	add(incident.Say{Name: "contested-postmortem", Names: []string{"format[bot]"}})
	add(incident.Say{Name: "contested-postmortem"})
	add(incident.Say{Name: "unassignable", Names: []string{"dan"}})
	add(incident.Say{Name: "not-incident", Who: "bob", Command: "/incident"})
	add(incident.Say{Name: "unknown-severity", Who: "bob", Line: "huge", Names: []string{"critical", "regular"}})
	add(incident.Say{Name: "unknown-phase", Who: "bob", Line: "phase/deploying", Names: []string{"identify", "investigate", "fixing", "monitoring", "closing"}})
	add(incident.Say{Name: "label-refused", Who: "bob", Line: "phase/closing", Holder: "carol", Names: []string{"alice"}, Command: "/ic"})
	add(incident.Say{Name: "label-kept", Who: "bob", Line: "incident", Hints: []incident.Hint{mine("/incident decline …", "false alarm"), mine("/ic close", "close the incident")}})
	add(incident.Say{Name: "which-role", Who: "bob", Holder: "carol"})
	add(incident.Say{Name: "close-refused", Who: "bob", Holder: "carol", Command: "/ic"})
	add(incident.Say{Name: "reopened", Who: "bob", Phase: incident.Monitoring, Hints: []incident.Hint{theirs("/oe regression …", "it came back: investigate again", "alice"), mine("/ic close", "close the incident")}})
	add(incident.Say{Name: "reopened", Who: "bob", Phase: incident.Monitoring})
	add(incident.Say{Name: "reopened", Who: "bob", Phase: incident.Monitoring, Names: []string{"carol", "alice"}})
	add(incident.Say{Name: "unfilled", Count: 3, Names: []string{"carol", "alice"}, Lines: []string{"Root cause", "Detection"}})
	add(incident.Say{Name: "unfilled", Count: 3, Lines: []string{"Root cause"}})
	suspects := []incident.Suspect{
		{Ref: "acme/payments#41", Title: "Lower memory limits", URL: "https://github.example/acme/payments/pull/41", By: "erin",
			Why: []string{"live 9 min before the start", "changes deploy/payments.yaml, which fits \"memory\" in the summary or a finding"}},
		{Ref: "acme/web@3f2c1a9", Title: "Deployment to production", By: "dependabot"},
	}
	past := []incident.PastIncident{
		{Ref: "acme/incidents#12", Title: "API server down", URL: "https://github.example/acme/incidents/blob/HEAD/postmortems/2026-01-04-12-api-server-down.md",
			At: at.Add(-57 * 24 * time.Hour), Why: []string{"the same alert: APIServerDown", "the same words: etcd, space"}, Cause: "etcd ran out of space, closes #7",
			Workaround: "Compaction by hand, @alice", Fix: "A larger disk"},
		{Ref: "acme/incidents#3", URL: "https://github.example/acme/incidents/blob/HEAD/postmortems/2025-01-04-3.json"},
	}
	add(incident.Say{Name: "similar", Past: past, Count: 30})
	add(incident.Say{Name: "similar", Count: 1})
	add(incident.Say{Name: "similar"})
	add(incident.Say{Name: "similar", Missing: []string{"the merged postmortems: not allowed (403)"}})
	add(incident.Say{Name: "changes", Suspects: suspects, Time: at, Since: at.Add(-24 * time.Hour), Count: 30})
	add(incident.Say{Name: "changes", Suspects: suspects[:1], Time: at, Since: at.Add(-2 * time.Hour), Count: 1,
		Missing: []string{"workflow runs of acme/web"}})
	frozen := incident.Freeze{Stamp: incident.Stamp{By: "carol", At: at, Text: "the rollback"}, Repo: "acme/payments", From: at, Until: at.Add(2 * time.Hour),
		Way: incident.FreezeByRuleset, URL: "https://github.example/acme/payments/rules/7", Waited: []int{41, 42}}
	byStatus, byWord, notOn := frozen, frozen, incident.Freeze{Repo: "acme/gone"}
	byStatus.Way, byStatus.Weak, byStatus.Repo = incident.FreezeByStatus, "Resource not accessible by integration (403)", "acme/web"
	byWord.Way, byWord.Weak, byWord.Repo = incident.FreezeByWord, "the App is not installed there", "acme/shop"
	add(incident.Say{Name: "freeze-on", Who: "carol", Freezes: []incident.Freeze{frozen}, Time: frozen.Until, Variant: "phase", Reason: "the rollback"})
	add(incident.Say{Name: "freeze-on", Freezes: []incident.Freeze{frozen, byStatus, byWord, notOn}, Time: frozen.Until, Teams: []string{"acme/platform", "acme/web"}})
	for _, variant := range []string{"thaw", "time", "phase", "over", "hand"} {
		add(incident.Say{Name: "freeze-off", Who: "carol", Variant: variant, Count: len(variant) - 3, Freezes: []incident.Freeze{frozen, byStatus}[:1+len(variant)%2]})
	}
	add(incident.Say{Name: "freeze-propose", Who: "carol", Names: []string{"acme/payments", "acme/web"}})
	add(incident.Say{Name: "freeze-edited", Who: "carol", Line: "acme/payments", Reason: "it does not require the status any more", Links: []incident.Link{{URL: frozen.URL}}})
	for _, variant := range []string{"on", "off", "lost"} {
		add(incident.Say{Name: "freeze-trouble", Who: "carol", Line: "acme/payments", Variant: variant, Reason: "GitHub refuses it (403): Repository was archived", Links: []incident.Link{{URL: frozen.URL}}})
	}
	for _, variant := range []string{"unknown", "nothing", "other owner", "no access", "drill", "over", "not frozen", "too many"} {
		add(incident.Say{Name: "freeze-refused", Who: "carol", Variant: variant, Line: "chekout", Names: []string{"acme/payments"}, Count: 8})
	}
	for _, say := range []incident.Say{{Variant: "not frozen"}, {}, {Count: 1}, {Count: 2}} {
		say.Name, say.Who, say.Line = "deployments-refused", "carol", "acme/payments"
		add(say)
	}
	add(incident.Say{Name: "let-through", Who: "carol", Line: "acme/payments#41", Reason: "0123456789abcdef0123456789abcdef01234567"})
	for _, variant := range []string{"", "not frozen", "too many"} {
		add(incident.Say{Name: "let-refused", Who: "carol", Line: "acme/payments#41", Variant: variant, Count: 10, Reason: "it is not open"})
	}
	add(incident.Say{Name: "changes", Time: at, Since: at.Add(-2 * time.Hour), Count: 1})
	for _, variant := range []string{"", "longer"} {
		add(incident.Say{Name: "runbook", Variant: variant, Lines: []string{"# When pods restart", "1. Look at `kubectl top pods`, and at @globex"},
			Links: []incident.Link{{Name: "acme/payments/docs/runbooks/PodsRestart.md", URL: "https://github.example/acme/payments/blob/HEAD/docs/runbooks/PodsRestart.md", IsVerified: true}}})
	}
	for _, variant := range []string{"", "monitoring"} {
		add(incident.Say{Name: "revert-merged", Who: "carol", Line: "acme/payments#41", Names: []string{"acme/payments#44"}, Variant: variant})
		add(incident.Say{Name: "revert-live", Who: "carol", Line: "acme/payments#41", Names: []string{"acme/payments#44"}, Variant: variant, Time: at})
	}
	for _, variant := range []string{"", "before", "asked"} {
		add(incident.Say{Name: "revert-opened", Line: "acme/payments#41", Names: []string{"acme/payments#44"}, Variant: variant})
	}
	for _, variant := range []string{"", "no access", "too many", "missing", "open"} {
		add(incident.Say{Name: "revert-refused", Who: "alice", Line: "acme/payments#41", Variant: variant, Reason: "it is not merged (422)"})
	}
	rollback := incident.Workflow{Name: "rollback", Repo: "acme/payments", File: "rollback.yml", About: "Roll back to the release before", Who: []string{"platform", "@dan"},
		Phases: []incident.Phase{incident.Fixing}, Inputs: []incident.WorkflowInput{{Name: "version", Type: incident.InputText, Required: true, About: "such as v1.4.0"},
			{Name: "to", Type: incident.InputChoice, Choices: []string{"staging", "production"}}, {Name: "dry", Type: incident.InputBoolean}}}
	runs := incident.Say{Name: "run-refused", Who: "alice", Line: "rollback", Workflows: []incident.Workflow{rollback}, Links: []incident.Link{{URL: "https://github.example/acme/payments/actions/workflows/rollback.yml"}},
		Names: []string{"platform", "@dan"}, Lines: []string{"versionn is not an input of it", "version is missing"}, Count: 4, Phase: incident.Identify, Reason: "GitHub refuses it (422): No ref found for: main"}
	for _, variant := range []string{"", "permission", "unknown", "no access", "other owner", "who", "drill", "phase", "too many", "owed", "inputs", "late", "doubted", "lost"} {
		runs.Variant = variant
		add(runs)
	}
	add(incident.Say{Name: "run-refused", Who: "alice", Line: "rollback", Variant: "unknown"})
	add(incident.Say{Name: "run-list", Workflows: []incident.Workflow{rollback, {Name: "restart", Repo: "acme/web", File: "restart.yml"}}, Phase: incident.Identify, Variant: "drill"})
	add(incident.Say{Name: "run-list"})
	for _, variant := range []string{"", "guessed"} {
		add(incident.Say{Name: "run-started", Who: "alice", Line: "rollback", Variant: variant, Lines: []string{"acme/payments"}, Links: []incident.Link{{URL: "https://github.example/acme/payments/actions/runs/9"}}})
	}
	for _, variant := range []string{"run-succeeded", "run-failed"} {
		add(incident.Say{Name: "run-ended", Who: "alice", Line: "rollback", Variant: variant, Reason: "failure", Links: []incident.Link{{URL: "https://github.example/acme/payments/actions/runs/9"}}})
	}
	add(incident.Say{Name: "changes", Time: at, Since: at.Add(-2 * time.Hour), Names: []string{"acme/payments#41"},
		Missing: []string{"what changed: not allowed (403)"}})
	add(incident.Say{Name: "service-unknown", Line: "payrolls", Names: []string{"payments", "web"}})
	add(incident.Say{Name: "service-unknown", Line: "payrolls"})
	payments := incident.Hit{Name: "payments", Owners: []string{"money", "@dan"}, Runbook: "https://wiki.acme.example/payments",
		DependsOn: []string{"ledger"}, NeededBy: []string{"checkout"}}
	add(incident.Say{Name: "service", Hit: payments, Time: at, OnCall: []oncall.Now{{Rotation: "payments",
		Shift: oncall.Shift{Who: []string{"@erin"}, Until: at.Add(6 * time.Hour)}}}})
	payments.How, payments.By = incident.HitSummary, "Payments *API*"
	add(incident.Say{Name: "service", Hit: payments, Time: at, OnCall: []oncall.Now{{Rotation: "payments"}}})
	add(incident.Say{Name: "service", Hit: incident.Hit{Name: "web", How: incident.HitSuspect, By: "acme/web#41"}, Time: at})
	add(incident.Say{Name: "service", Names: []string{"payments", "web"}})
	add(incident.Say{Name: "service"})
	add(incident.Say{Name: "merged", Count: 42, Names: []string{"carol", "alice"}})
	add(incident.Say{Name: "closed-up", Count: 42, Names: []string{"acme/platform#7", "acme/incidents#43"}})
	add(incident.Say{Name: "update-due", Who: "carol", Time: at, Names: []string{"globex"}, Count: 1, Command: "/ic update …"})
	add(incident.Say{Name: "update-failed", Names: []string{"globex"}, Lines: []string{"email: 550 no such user"}, Time: at})
	add(incident.Say{Name: "update-failed", Who: "carol", Variant: "unreached", Names: []string{"globex"}, Lines: []string{"issue: 410 issues are off", "email: 550 no such user"}, Time: at, Count: 1, Untold: []incident.Untold{
		{Customer: "globex", Contacts: []string{"Gina, +49 30 5550 142"}, Command: "/ic told globex by phone"}}})
	add(incident.Say{Name: "update-due", Who: "carol", Time: at, Names: []string{"initech"}, Count: 1, Command: "/ic update …", Untold: []incident.Untold{
		{Customer: "initech", Contacts: []string{"Bill, +49 30 5550 177"}, Command: "/ic told initech by phone"}}})
	add(incident.Say{Name: "update-untold", Who: "carol", Variant: "unnamed", Command: "/ic customer add NAME…"})
	add(incident.Say{Name: "update-untold", Who: "carol", Variant: "unnamed", Line: "told", Command: "/ic customer add NAME…"})
	add(incident.Say{Name: "update-untold", Who: "carol", Variant: "none", Command: "/ic customer add NAME…"})
	add(incident.Say{Name: "update-untold", Who: "carol", Untold: []incident.Untold{
		{Customer: "initech", Contacts: []string{"Bill, +49 30 5550 177"}, Command: "/ic told initech by phone"}}})
	add(incident.Say{Name: "update-untold", Who: "carol", Names: []string{"globex"}, Time: at, Untold: []incident.Untold{
		{Customer: "initech", Command: "/ic told initech by phone"}, {Customer: "Hoolie", Unknown: true, Near: []string{"hooli"}}, {Customer: "Umbrella", Unknown: true, Command: "/ic told Umbrella by phone"}}})
	add(incident.Say{Name: "told-partly", Who: "carol", Names: []string{"globex"}, Time: at, Untold: []incident.Untold{
		{Customer: "initech", Contacts: []string{"Bill, +49 30 5550 177"}, Command: "/ic told initech by phone"}}})
	add(incident.Say{Name: "customer-unknown", Who: "alice", Line: "Globx", Names: []string{"globex"}, Start: "/ic customer add"})
	add(incident.Say{Name: "customer-unknown", Who: "alice", Line: "Umbrella", Lines: []string{"globex", "initech"}, Start: "/ic customer add"})
	add(incident.Say{Name: "customer-unknown", Who: "carol", Variant: "told", Line: "globx", Names: []string{"globex"}, Lines: []string{"globex", "initech"}, Start: "/ic told"})
	add(incident.Say{Name: "customer-unknown", Who: "carol", Variant: "told", Line: "Umbrella", Lines: []string{"globex", "initech"}, Start: "/ic told"})
	add(incident.Say{Name: "customer-unknown", Who: "carol", Variant: "unimpacted", Line: "hooli", Command: "/ic customer add hooli"})
	add(incident.Say{Name: "document-failed", Names: []string{"globex"}, Line: "email", Reason: "550 no such user"})
	add(incident.Say{Name: "mail-bounced", Who: "carol", Line: "oncall@acme.example", Reason: "550 no such user"})
	add(incident.Say{Name: "mail-delayed", Names: []string{"globex"}, Line: "gina@globex.example", Reason: "451 try later", Time: at})
	add(incident.Say{Name: "stand-by-over", Who: "carol", Variant: "none", Command: "/ic close"})
	add(incident.Say{Name: "tell-customer", Who: "carol", Phase: incident.Monitoring, Names: []string{"globex"}, Command: "/ic update …"})
	add(incident.Say{Name: "check-in", Who: "carol", Time: at.Add(16 * time.Hour), Count: 1, Hints: []incident.Hint{theirs("/oe regression …", "it came back: investigate again", "alice"), mine("/ic agree …", "record that the customer agrees that it is over")}})
	add(incident.Say{Name: "stand-by-over", Who: "carol", Names: []string{"globex"}, Command: "/ic agree who and how"})
	add(incident.Say{Name: "unserved", Line: "acme/payments"})
	add(incident.Say{Name: "page", Reason: "team", Names: []string{"acme/incident-coordinators"}, Count: 1})
	add(incident.Say{Name: "page", Reason: "team", Missing: []string{"On-call desk, +49 30 5550 100"}, Count: 3})
	add(incident.Say{Name: "page", Reason: "update", Names: []string{"acme/incident-coordinators"}})
	add(incident.Say{Name: "page", Reason: "asked", Variant: "drill", Names: []string{"dan"}, Holder: "carol", Line: "we need somebody\nwho knows etcd"})
	out = append(out, foldSamples()...)
	for _, name := range templates.Names() { // what needs no more than somebody who reads it
		if !slices.ContainsFunc(out, func(s incident.Say) bool { return s.Name == name }) {
			add(incident.Say{Name: name, Who: "carol"})
		}
	}
	return out
}

func TestCommentsAsPeopleReadThem(t *testing.T) {
	var b strings.Builder
	for _, say := range samples() {
		text, err := templates.Comment(say)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("<!-- " + say.Name + " -->\n\n" + text + "\n---\n\n")
	}
	golden := "testdata/comments.md"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("the comments changed; go test ./templates -update renews them:\n%s", diff)
	}
}

func TestRepositoryHoldsTheFormThatTheSandboxPromises(t *testing.T) {
	files := templates.Repository()
	for _, name := range []string{".github/ISSUE_TEMPLATE/incident.yml", ".github/firebreak.yml", "README.md"} {
		if files[name] == "" {
			t.Errorf("no %s in %d files", name, len(files))
		}
	}
	var form struct {
		Labels []string
		Body   []struct {
			Type       string
			Attributes struct {
				Label   string
				Options yaml.MapSlice `yaml:"-"`
			}
		}
	}
	if err := yaml.Unmarshal([]byte(files[".github/ISSUE_TEMPLATE/incident.yml"]), &form); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range form.Body {
		got = append(got, b.Type+" "+b.Attributes.Label)
	}
	want := []string{"textarea Summary", "dropdown Severity", "input Customers impacted", "input How did you learn of it?", "checkboxes Drill"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !slices.Equal(form.Labels, []string{incident.LabelIncident}) {
		t.Errorf("labels %q", form.Labels)
	}
}

func TestTimesAndDurations(t *testing.T) {
	day := time.Date(2026, 11, 24, 23, 59, 0, 0, time.UTC)
	berlin := time.FixedZone("CET", 3600)
	for got, want := range map[string]string{
		templates.UTC(time.Date(2026, 11, 24, 0, 5, 0, 0, time.UTC), day):         "00:05 UTC",
		templates.UTC(time.Date(2026, 11, 25, 0, 5, 0, 0, time.UTC), day):         "25 Nov 00:05 UTC",
		templates.UTC(time.Date(2025, 11, 24, 0, 5, 0, 0, time.UTC), day):         "24 Nov 2025 00:05 UTC",
		templates.UTC(time.Date(2026, 11, 24, 0, 5, 0, 0, time.UTC), time.Time{}): "24 Nov 2026 00:05 UTC",
		templates.Dated(time.Date(2026, 11, 24, 0, 5, 0, 0, time.UTC), day):       "24 Nov 00:05 UTC",
		templates.Dated(time.Time{}, day):                                         "",
		templates.UTC(time.Date(2026, 11, 25, 0, 5, 0, 0, berlin), day):           "23:05 UTC",
		templates.UTC(time.Time{}, day):                                           "",
		templates.Duration(0):                                                     "0 min",
		templates.Duration(20 * time.Second):                                      "under 1 min",
		templates.Duration(17*time.Minute + 40*time.Second):                       "18 min",
		templates.Duration(2*time.Hour + 5*time.Minute):                           "2 h 5 min",
		templates.Duration(24 * time.Hour):                                        "24 h",
		templates.Duration(71 * time.Hour):                                        "3 days",
		templates.List(nil):                                                       "",
		templates.List([]string{"a"}):                                             "**a**",
		templates.List([]string{"a", "b", "c"}):                                   "**a**, **b** and **c**",
		templates.List(strings.Split("a b c d e f g h i j k", " ")):               "**a**, **b**, **c**, **d**, **e**, **f**, **g**, **h** and 3 more",
		templates.Mention("acme/incident-coordinators"):                           "@acme/incident-coordinators",
		templates.Mention("firebreak[bot]"):                                       `**firebreak\[bot\]**`,
		texts.Code("/ic pin `x`"):                                                 "`` /ic pin `x` ``",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
