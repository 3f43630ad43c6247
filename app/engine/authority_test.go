package engine_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/templates"
)

// deed is a command as it is tried: its text, and what was said before it where it needs more than
// an incident under investigation with a coordinator and an engineer. %d is the number of another
// incident, %s the address of bob's comment.
type deed struct {
	kind   incident.Kind
	text   string
	before []string
	plain  bool // on an ordinary issue
}

// preparedDeeds are the commands that need something of their own, in the order of the table.
var preparedDeeds = []deed{
	{kind: incident.Declare, text: "/incident critical The line is down", plain: true},
	{kind: incident.Help, text: "/incident help"},
	{kind: incident.LinkChat, text: "/incident link none"},
	{kind: incident.Status, text: "/incident status"},
	{kind: incident.Note, text: "/incident note 10:30 The first alert"},
	{kind: incident.Decline, text: "/incident decline it was the probe"},
	{kind: incident.Duplicate, text: "/incident duplicate #%d"},
	{kind: incident.TakeIC, text: "/ic"},
	{kind: incident.GiveIC, text: "/ic @dan"},
	{kind: incident.SetSeverity, text: "/ic severity regular it can wait"},
	{kind: incident.AddCustomer, text: "/ic customer add initech"},
	{kind: incident.RemoveCustomer, text: "/ic customer remove globex"},
	{kind: incident.Escalate, text: "/ic escalate @dan one more pair of eyes"},
	{kind: incident.Update, text: "/ic update We look into it"},
	{kind: incident.Told, text: "/ic told by phone"},
	{kind: incident.Snooze, text: "/ic snooze 10m in a call"},
	{kind: incident.Pin, text: "/ic pin %s"},
	{kind: incident.Unpin, text: "/ic unpin %s", before: []string{"carol: /ic pin %s"}},
	{kind: incident.MovePhase, text: "/ic phase fixing because it can't wait"},
	{kind: incident.Agree, text: "/ic agree Gina, on the phone",
		before: []string{"carol: /ic phase monitoring because we watch it"}},
	{kind: incident.AddFollowUp, text: "/ic followup acme/payments Add a limit"},
	{kind: incident.AddFollowUp, text: "/oe followup acme/payments Add a limit"},
	{kind: incident.Close, text: "/ic close because this is a test"},
	{kind: incident.Postmortem, text: "/ic postmortem",
		before: []string{"carol: /ic close because this is a test"}},
	{kind: incident.Postmortem, text: "/oe postmortem",
		before: []string{"carol: /ic close because this is a test"}},
	{kind: incident.TakeOE, text: "/oe"},
	{kind: incident.GiveOE, text: "/oe @bob"},
	{kind: incident.DropOE, text: "/oe drop"},
	{kind: incident.Finding, text: "/oe finding The disk is full"},
	{kind: incident.Action, text: "/oe action Restarted the node"},
	{kind: incident.Cause, text: "/oe cause A log that nobody rotates"},
	{kind: incident.Workaround, text: "/oe workaround The log is deleted"},
	{kind: incident.Fix, text: "/oe fix acme/payments#1"},
	{kind: incident.Regression, text: "/oe regression It is full again",
		before: []string{"carol: /ic phase monitoring because we watch it"}},
}

// deeds are the commands that are tried: those, and all others as their rows have them.
var deeds = allDeeds()

func allDeeds() []deed {
	all := slices.Clone(preparedDeeds)
	for _, row := range incident.Commands {
		if !slices.ContainsFunc(all, func(d deed) bool { return d.kind == row.Kind }) {
			all = append(all, deed{kind: row.Kind, text: row.Example})
		}
	}
	return all
}

// kinds are the kinds of person, in the order of the table's columns, and how each writes a command.
var kinds = []struct {
	name, who string
	give      func(*tribunal, string) int64 // the comment; 0: there is none
}{
	{"IC", "carol, who took the role", says("carol")},
	{"OE", "alice, who declared it and operates", says("alice")},
	{"responder", "bob, who has write access", says("bob")},
	{"team member", "tom, who may only read, and is in the team that `responders` names", says("tom")},
	{"reader", "mallory, who may only read", says("mallory")},
	{"outsider", "otto, who has no access: GitHub refuses the comment", refused("otto")},
	{"bot", "another App's, with write access", says("alerts[bot]")},
	{"deleted", "somebody with write access who wrote it, and whose account was deleted before the look",
		leaves((*sandbox.Sandbox).Delete)},
	{"suspended", "the same, who was suspended instead", leaves((*sandbox.Sandbox).Suspend)},
	{"edited", "carol's comment, into which bob, with write access, edited the command", edited},
	{"transferred", "carol, on an incident that was transferred: what she ordered is done there, once, and the webhook from here comes too late", transferred},
	{"fork", "carol, in a fork on which the App is not installed: a webhook that is signed all the same",
		forked},
}

// tribunal tries commands. Incidents are prepared once and used as long as nothing changed them.
type tribunal struct {
	*world
	people  int               // who left so far
	theirs  int64             // bob's comment in the incident that is tried
	carols  int64             // carol's
	other   int               // the number of an incident that nobody touches
	left    int               // the number of the incident that was transferred
	tried   string            // the command under way
	moved   map[string]int64  // by command, the delivery of carol's comment on the incident that was transferred
	reasons map[string]string // why something was refused: what it is called in the table, and a reply that says so
}

func says(who string) func(*tribunal, string) int64 {
	return func(w *tribunal, text string) int64 { return w.comment(who, text) }
}

func refused(who string) func(*tribunal, string) int64 {
	return func(w *tribunal, text string) int64 {
		if status := w.as(who, "POST", w.issue()+"/comments", map[string]string{"body": text},
			nil); status != http.StatusNotFound {
			w.t.Errorf("GitHub answers %s with %d", who, status)
		}
		return 0
	}
}

// leaves lets somebody write a command whose webhook is late: by then they are gone.
func leaves(how func(*sandbox.Sandbox, string) error) func(*tribunal, string) int64 {
	return func(w *tribunal, text string) int64 {
		w.people++
		who := fmt.Sprintf("worker-%d", w.people)
		w.add(sandbox.Person{Login: who, Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleWrite}})
		id, delivery := w.unheard(who, text)
		if err := how(w.sandbox, who); err != nil {
			w.t.Fatal(err)
		}
		w.late(delivery)
		return id
	}
}

func edited(w *tribunal, text string) int64 {
	w.ok("bob", "PATCH", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d", w.carols),
		map[string]string{"body": text}, nil)
	return w.carols
}

func transferred(w *tribunal, text string) int64 {
	w.late(w.moved[w.tried])
	return 0
}

func forked(w *tribunal, text string) int64 {
	body := fmt.Sprintf(`{"action":"created","issue":{"number":%d,"labels":[{"name":"incident"}]},"comment":{"id":77,"body":%q,"user":{"login":"carol","type":"User"}},
		"repository":{"name":"incidents","full_name":"mallory/incidents","owner":{"login":"mallory"}},"installation":{"id":7001},"sender":{"login":"carol","type":"User"}}`, w.ref.Number, text)
	w.deliver("issue_comment", body)
	return 0
}

// deliver hands the product a webhook that is signed rightly.
func (w *world) deliver(event, body string) {
	w.t.Helper()
	mac := hmac.New(sha256.New, []byte(w.env["FIREBREAK_WEBHOOK_SECRET"]))
	mac.Write([]byte(body))
	req, err := http.NewRequest("POST", w.url+"/webhook", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "X-GitHub-Event": event,
		"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil))} {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	if res.Body.Close(); res.StatusCode != http.StatusAccepted {
		w.t.Fatalf("the webhook is answered %d", res.StatusCode)
	}
}

// unheard writes a comment whose webhook is lost, and returns the delivery.
func (w *world) unheard(who, text string) (comment, delivery int64) {
	w.t.Helper()
	w.order(`{"drop_webhooks":1}`)
	comment = w.comment(who, text)
	w.settle()
	var all []struct{ ID int64 }
	w.as("", "GET", "/sandbox/deliveries", nil, &all)
	return comment, all[len(all)-1].ID
}

// late lets a lost webhook arrive.
func (w *world) late(delivery int64) {
	w.t.Helper()
	if status := w.as("", "POST", fmt.Sprintf("/sandbox/deliveries/%d/redeliver", delivery), nil,
		nil); status != http.StatusOK {
		w.t.Fatalf("redelivering %d: %d", delivery, status)
	}
}

func (w *world) add(p sandbox.Person) {
	w.t.Helper()
	if err := w.sandbox.Add(p); err != nil {
		w.t.Fatal(err)
	}
}

// prepare makes an incident on which a command can be tried.
func (w *tribunal) prepare(d deed) {
	w.t.Helper()
	if d.plain {
		w.open("bob", `writes "The line is down"`)
		w.carols = w.comment("carol", "On my way")
		return
	}
	w.open("alice", `opens "The line is down"`, "Summary: The line is down", "Severity: critical",
		"Customers impacted: globex")
	w.comment("carol", "/ic")
	w.settle()
	w.comment("carol", "/ic phase investigate")
	w.carols = w.comment("carol", "On my way")
	w.theirs = w.comment("bob", "I am looking at the graphs")
	for _, line := range d.before {
		w.settle()
		who, text, _ := strings.Cut(line, ": ")
		w.comment(who, w.filled(text))
	}
	w.settle()
}

// open opens an issue, and makes it the one that is tried.
func (w *tribunal) open(who, how string, body ...string) {
	w.t.Helper()
	var all []issueView
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/issues?state=all&per_page=1", nil, &all)
	last := w.left // its number is not given again
	if len(all) > 0 {
		last = max(last, all[0].Number)
	}
	w.ref.Number = last + 1
	w.step(step{head: who + " " + how, body: body})
	w.settle()
}

func (w *tribunal) filled(text string) string {
	text = strings.ReplaceAll(text, "%d", fmt.Sprint(w.other))
	return strings.ReplaceAll(text, "%s", fmt.Sprintf("%s/acme/incidents/issues/%d#issuecomment-%d", w.url,
		w.ref.Number, w.theirs))
}

// picture is all that a command could change.
func (w *tribunal) picture() string {
	w.t.Helper()
	var tickets []issueView
	for _, repo := range []string{"payments", "customer-globex"} {
		var some []issueView
		w.ok("alice", "GET", "/api/v3/repos/acme/"+repo+"/issues?state=all&per_page=100", nil, &some)
		tickets = append(tickets, some...)
	}
	v := w.view()
	return fmt.Sprint(v.State, v.labels(), v.assignees(), len(tickets), len(w.outbox()), w.card())
}

// try writes a command and returns what came of it.
func (w *tribunal) try(give func(*tribunal, string) int64, d deed) string {
	w.t.Helper()
	before := len(w.list())
	w.calls()
	w.tried = d.text
	id := give(w, w.filled(d.text))
	w.settle()
	n := writes(w.calls())
	var replies []string
	reaction := ""
	for i, c := range w.list() {
		if c.ID == id && id != 0 {
			reaction = reactionsOf(c)
		}
		if i >= before && c.ID != id && c.User.Login == "firebreak[bot]" &&
			!strings.Contains(c.Body, "<!-- firebreak:card") {
			replies = append(replies, visible(c.Body))
		}
	}
	switch {
	case reaction == "+1":
		return fmt.Sprintf("done (%d)", n)
	case reaction == "-1" && len(replies) == 1:
		return fmt.Sprintf("%s (%d)", w.reason(replies[0]), n)
	case reaction == "" && n == 0:
		return "nothing"
	}
	w.t.Errorf("%s: %d writes, the reaction %q and the replies %q", d.text, n, reaction, replies)
	return "?"
}

// whys tell the reasons of a refusal by a part of the reply.
var whys = []struct{ name, part string }{
	{"readers may not", "only responders can use"},
	{"the IC's or the OE's", "or an Operations Engineer ("},
	{"the IC's", "only the Incident Coordinator ("},
	{"the OE's", "only the Operations Engineer ("},
	{"the IC doesn't debug", "you are the Incident Coordinator, and"},
	{"two people", "one person coordinates, another debugs"},
	{"severity stays", "the severity is"},
	{"declared already", "this is an incident already"},
	{"no rotations", "here are no rotations here"},
	{"nobody to inform", "nobody was told"},
	{"not frozen", "this incident has "},
}

func (w *tribunal) reason(reply string) string {
	for _, why := range whys {
		if strings.Contains(reply, why.part) {
			if w.reasons[why.name] == "" {
				w.reasons[why.name] = who.ReplaceAllString(code.ReplaceAllString(reply, "`COMMAND`"),
					"@SOMEBODY: ")
			}
			return why.name
		}
	}
	w.t.Errorf("a reason that the table has no word for: %s", reply)
	return "?"
}

// plenty leaves so many calls that nobody waits for another: the whole table is played in one
// moment.
func plenty(o *sandbox.Options) { o.Calls = 1_000_000 }

var (
	who  = regexp.MustCompile(`^@\S+: `)
	code = regexp.MustCompile("`/[^`]*`")
)

// TestA3Authority tries every command as every kind of person, and holds what each gets against
// testdata/authority.txt, which is written to be read. A command without a line fails, so does a
// refusal that changes anything.
func TestA3Authority(t *testing.T) {
	skipUnderRace(t)
	if testing.Short() {
		t.Skip("it tries 400 commands, one after the other: the scenarios go the same ways")
	}
	t.Parallel()
	files := templates.Repository()
	files[".github/firebreak.yml"] = strings.Replace(files[".github/firebreak.yml"], "#responders: [platform, payments]", "responders: [support]", 1)
	w := &tribunal{world: newWorldJudged(t, map[string]map[string]string{"acme/incidents": files}, func(h http.Handler) http.Handler { return h }, plenty), moved: map[string]int64{}, reasons: map[string]string{}}
	w.add(sandbox.Person{Login: "tom", Team: "support", Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleRead}})
	w.add(sandbox.Person{Login: "otto"})
	w.add(sandbox.Person{Login: "alerts[bot]", Bot: true, Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleWrite}})
	w.prepare(deed{})
	w.other = w.ref.Number
	w.transfer()

	known := map[string]bool{}
	var table strings.Builder
	columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprint(columns, "command")
	for _, k := range kinds {
		fmt.Fprint(columns, "\t", k.name)
	}
	fmt.Fprintln(columns)
	for _, d := range deeds {
		verb, _, _ := strings.Cut(strings.TrimPrefix(d.text, "/"), " ")
		known[string(d.kind)+" "+verb] = true
		fmt.Fprint(columns, strings.Join(strings.Fields("/"+verb+" "+strings.TrimPrefix(string(d.kind), verb)), " "))
		before := ""
		for _, k := range kinds {
			if before == "" {
				w.prepare(d)
				before = w.picture()
			}
			got := w.try(k.give, d)
			fmt.Fprint(columns, "\t", got)
			if after := w.picture(); after != before {
				if !strings.HasPrefix(got, "done") {
					t.Errorf("%s by %s is answered %q, and something changed:\n%s", d.text, k.name, got, cmp.Diff(before, after))
				}
				before = "" // the next one gets an incident of its own
			}
		}
		fmt.Fprintln(columns)
	}
	_ = columns.Flush()
	for _, row := range incident.Commands {
		for _, verb := range row.Verbs {
			if !known[string(row.Kind)+" "+verb] {
				t.Errorf("/%s %s is tried by nobody", verb, row.Word)
			}
		}
	}
	w.hold(table.String())
}

// transfer moves an incident away on which carol gave every command, of which the product hears
// only by that.
func (w *tribunal) transfer() {
	w.prepare(deed{})
	for _, d := range deeds {
		_, w.moved[d.text] = w.unheard("carol", w.filled(d.text))
	}
	w.left = w.ref.Number
	if err := w.sandbox.Transfer("carol", "acme/incidents", w.ref.Number, "acme/platform"); err != nil {
		w.t.Fatal(err)
	}
	w.settle()
}

// hold holds the table, with the words that explain it, against the golden file.
func (w *tribunal) hold(table string) {
	w.t.Helper()
	var text strings.Builder
	text.WriteString("Who may do what, as TestA3Authority found it through the real engine and client. go test ./app/engine -run TestA3Authority -update\n" +
		"renews it. In brackets: how many calls to GitHub wrote something, answers included. \"nothing\": no write, and no word.\n" +
		"Every refusal was held to have changed nothing. The incident is critical and under investigation.\n\n" + table + "\nWho they are\n")
	for _, k := range kinds {
		fmt.Fprintf(&text, "  %s: %s\n", k.name, k.who)
	}
	text.WriteString("\nWhat a refusal says\n")
	for _, why := range whys {
		if reply := w.reasons[why.name]; reply != "" {
			fmt.Fprintf(&text, "  %s: %s\n", why.name, reply)
		}
	}
	lines := strings.Split(text.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	got, want := w.steady(strings.Join(lines, "\n")), filepath.Join("testdata", "authority.txt")
	if *update {
		if err := os.WriteFile(want, []byte(got), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(want)
	if err != nil {
		w.t.Fatalf("%v (run with -update)", err)
	}
	if d := cmp.Diff(slices.Collect(strings.Lines(string(golden))), slices.Collect(strings.Lines(got))); d != "" {
		w.t.Errorf("not as %s says (-want +got); look at it, then run with -update:\n%s", want, d)
	}
}
