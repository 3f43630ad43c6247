package main_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // to delete what a test leaves

	"github.com/firebreak-dev/firebreak/app/incident"
)

const incidents = "/api/v3/repos/acme/incidents"

// redeliver asks again for each webhook that was not taken, as GitHub's page of an App's deliveries
// does.
func (g *github) redeliver() {
	g.t.Helper()
	for range 10 {
		var all []struct {
			ID     int64
			GUID   string
			Status int
		}
		g.ask("", "GET", "/sandbox/deliveries", "", &all)
		taken := map[string]bool{}
		for _, d := range all {
			taken[d.GUID] = taken[d.GUID] || d.Status == http.StatusAccepted
		}
		lost := 0
		for _, d := range all {
			if !taken[d.GUID] {
				taken[d.GUID] = true // once is enough
				lost++
				g.ask("", "POST", fmt.Sprintf("/sandbox/deliveries/%d/redeliver", d.ID), "", nil)
			}
		}
		if lost == 0 {
			return
		}
		g.settle()
	}
	g.t.Fatal("ten times a webhook was not taken")
}

var didMark = regexp.MustCompile(`<!-- firebreak:did (\S+) -->`)

type remark struct {
	ID        int64
	Body      string
	User      struct{ Login string }
	Reactions map[string]any
}

// story is how an incident goes, as who and what.
var story = [][2]string{
	{"carol", "/ic"}, {"alice", "/oe"}, {"alice", "/oe finding The disk is full"},
	{"carol", "/ic update We are at it"}, {"alice", "/oe cause A log"},
	{"carol", "/ic phase fixing"}, {"alice", "/oe workaround Deleted it by hand"},
	{"carol", "/ic phase monitoring"}, {"carol", "/ic update It is back"},
	{"carol", "/ic agree Gina, by phone"}, {"carol", "/ic close because the customer is content"},
}

// TestA4ServeIsKilledAgainAndAgain kills the process in the midst of whatever it does, while
// nothing looks for what was lost: what was answered is done all the same, and nothing is there
// twice.
func TestA4ServeIsKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	n := *kills
	if testing.Short() {
		n = min(n, 6)
	}
	g := newGitHub(t, *killSeed)
	g.serve()
	g.killAgainAndAgain(n)
	g.served.end(syscall.SIGTERM)
}

// TestA4TwoServersAreKilledAgainAndAgain does it to two processes that share a PostgreSQL database.
func TestA4TwoServersAreKilledAgainAndAgain(t *testing.T) {
	address := os.Getenv("FIREBREAK_TEST_DATABASE_URL")
	if address == "" {
		t.Skip("without PostgreSQL: set FIREBREAK_TEST_DATABASE_URL")
	}
	t.Parallel()
	schema := fmt.Sprintf("recovery_%d", os.Getpid())
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	g := newGitHub(t, *killSeed)
	g.env = append(g.env, "FIREBREAK_DATABASE_URL="+address+separator+"search_path="+schema)
	t.Cleanup(func() {
		db, err := sql.Open("pgx", address)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec("DROP SCHEMA IF EXISTS " + schema + " CASCADE"); err != nil {
			t.Error(err)
		}
	})
	g.serve()
	g.servePeer()
	g.killAgainAndAgain(*kills)
	g.served.end(syscall.SIGTERM)
	g.peer.end(syscall.SIGTERM)
}

// killAgainAndAgain plays incidents until a process was killed so many times.
func (g *github) killAgainAndAgain(n int) {
	t := g.t
	t.Helper()
	g.mu.Lock()
	g.fuse = 5
	g.mu.Unlock()
	for number := 1; g.kills() < n; number++ {
		g.incident(number)
		if t.Failed() {
			t.Fatalf("after %d kills, with -killseed %d", g.kills(), *killSeed)
		}
	}
	g.mu.Lock()
	g.fuse = 0
	g.mu.Unlock()
	g.settle()
	left := g.box.Outbox()
	for _, e := range left {
		if e.Count > 1 { // it was killed over calls to GitHub, when what had left was noted
			t.Errorf("%s left %d times: %q", e.Key, e.Count, e.Text)
		}
	}
	t.Logf("%d messages left over %d kills", len(left), g.kills())
}

func (g *github) incident(number int) {
	t := g.t
	t.Helper()
	title := fmt.Sprint("Incident ", number)
	form := "### Summary\n\nCustomers get 502\n\n### Severity\n\ncritical\n\n### Customers " +
		"impacted\n\nglobex\n\n### How did you learn of it?\n\nA call\n\n### Drill\n\n- [ ] This is a drill"
	var issue struct {
		Number int
		State  string
	}
	body, err := json.Marshal(map[string]any{"title": title, "body": form, "labels": []string{"incident"}})
	if err != nil {
		t.Fatal(err)
	}
	g.ask("alice", "POST", incidents+"/issues", string(body), &issue)
	at := fmt.Sprintf("%s/issues/%d", incidents, issue.Number)
	g.settle()
	g.redeliver()
	for _, s := range story {
		var said remark
		body, err := json.Marshal(map[string]string{"body": s[1]})
		if err != nil {
			t.Fatal(err)
		}
		g.ask(s[0], "POST", at+"/comments", string(body), &said)
		g.settle()
		g.redeliver()
		g.ask("alice", "GET", fmt.Sprintf("%s/issues/comments/%d", incidents, said.ID), "", &said)
		if said.Reactions["+1"] != 1.0 {
			t.Errorf("%s: %q was taken and has the reactions %v", title, s[1], said.Reactions)
		}
	}
	// whether a ticket was opened whose answer was lost is known within a minute, labels come after two
	g.settleIn(5 * time.Minute)
	g.redeliver()
	if g.ask("alice", "GET", at, "", &issue); issue.State != "closed" {
		t.Errorf("%s is %s", title, issue.State)
	}
	var remarks []remark
	g.ask("alice", "GET", at+"/comments?per_page=100", "", &remarks)
	cards, did := 0, map[string]int{}
	for _, c := range remarks {
		if !strings.HasSuffix(c.User.Login, "[bot]") {
			continue
		}
		if strings.Contains(c.Body, "<!-- firebreak:card") {
			cards++
		}
		for _, m := range didMark.FindAllStringSubmatch(c.Body, -1) {
			did[m[1]]++
		}
	}
	if cards != 1 {
		t.Errorf("%s has %d cards", title, cards)
	}
	for key, times := range did {
		if times > 1 {
			t.Errorf("%s: %s is said %d times", title, key, times)
		}
	}
	g.outside(title, number, issue.Number)
}

// outside holds what left the nth incident to being there once.
func (g *github) outside(title string, n, number int) {
	t := g.t
	t.Helper()
	ref := fmt.Sprintf("acme/incidents#%d", number)
	var sent []struct{ Kind, Key, Text string }
	g.ask("", "GET", "/sandbox/outbox", "", &sent)
	pages, mails := map[string]int{}, 0
	for _, s := range sent {
		if s.Kind == "page" && strings.HasPrefix(s.Key, ref+"/") {
			pages[s.Key]++
		}
		if s.Kind == "announce" {
			mails++
		}
	}
	if len(pages) == 0 {
		t.Errorf("%s: nobody was paged", title)
	}
	for key, times := range pages {
		if times > 1 {
			t.Errorf("%s was sent %d times", key, times)
		}
	}
	if mails != 2*n {
		t.Errorf("%d mails to customers after %d incidents with 2 updates each", mails, n)
	}
	var pulls []struct{ Head struct{ Ref string } }
	g.ask("alice", "GET", incidents+"/pulls?state=all&per_page=100", "", &pulls)
	found := 0
	for _, p := range pulls {
		if p.Head.Ref == fmt.Sprintf("postmortem/%d", number) {
			found++
		}
	}
	if found != 1 {
		t.Errorf("%s has %d postmortems", title, found)
	}
	var issues []struct{ Body string }
	g.ask("alice", "GET", incidents+"/issues?state=all&per_page=100", "", &issues)
	tickets := map[int]int{}
	for _, i := range issues {
		if ref, index, ok := incident.ReadTicketMark(i.Body); ok && ref.Number == number {
			tickets[index]++
		}
	}
	if len(tickets) != 1 || tickets[0] != 1 {
		t.Errorf("%s has the tickets %v, want one to replace the workaround", title, tickets)
	}
	var told []struct{ Body string }
	g.ask("alice", "GET", "/api/v3/repos/acme/customer-globex/issues?state=all&per_page=100", "", &told)
	if len(told) != n {
		t.Errorf("globex has %d issues after %d incidents", len(told), n)
	}
}

// A disk that is full makes webhooks be refused, or the process end, and says so. What was taken is
// done once there is room.
func TestA4ServeOnAFullDisk(t *testing.T) {
	t.Parallel()
	g := newGitHub(t, 1)
	p, err := launch(t, g.env, "sh", "-c", `ulimit -f 1600; exec "$@"`, "sh", binary, "serve", "--listen",
		"127.0.0.1:0", "--data", g.data)
	if err != nil {
		t.Fatal(err)
	}
	g.served = p
	taken := 0
	for status := http.StatusAccepted; status == http.StatusAccepted; {
		if taken++; taken > 200 {
			t.Fatal("200 webhooks were taken on a disk of 800 KB")
		}
		status = g.declare(taken)
	}
	if taken < 3 {
		t.Fatalf("webhook %d was not taken: there was no room at all", taken)
	}
	until(t, "the log says what is wrong", func() bool { // GitHub has its answer before
		said := p.err.String()
		return strings.Contains(said, "firebreak.db") && strings.Contains(said, "disk is full") &&
			strings.Contains(said, "delivered again")
	})
	p.kill()
	g.serve()
	g.settle()
	for n := 1; n < taken; n++ {
		if body := g.card(n); body == "" {
			t.Errorf("the webhook of incident %d of %d was taken, and nothing came of it", n, taken)
		}
	}
}

// declare opens an incident, and returns what the product answered to the webhook.
func (g *github) declare(number int) int {
	g.t.Helper()
	g.ask("alice", "POST", incidents+"/issues",
		fmt.Sprintf(`{"title":"Incident %d","body":"/incident regular %s"}`, number,
			strings.Repeat("word ", 400)), nil)
	ctx, stop := context.WithTimeout(g.t.Context(), patience)
	defer stop()
	if err := g.box.Settled(ctx); err != nil {
		g.t.Fatal(err)
	}
	var all []struct{ Status int }
	g.ask("", "GET", "/sandbox/deliveries", "", &all)
	return all[len(all)-1].Status
}

// card returns the body of an incident's card; "": it has none.
func (g *github) card(number int) string {
	g.t.Helper()
	var issue struct {
		Pinned *struct{ Body string } `json:"pinned_comment"`
	}
	g.ask("alice", "GET", fmt.Sprintf("%s/issues/%d", incidents, number), "", &issue)
	if issue.Pinned == nil {
		return ""
	}
	return issue.Pinned.Body
}

// Where the file is damaged it is put aside, and what stood in it is known again from GitHub: the
// timers of an incident, too, in which nothing has happened for days.
func TestA5ServeOnADamagedFile(t *testing.T) {
	t.Parallel()
	g := newGitHub(t, 1)
	g.serve()
	g.ask("alice", "POST", incidents+"/issues",
		`{"title":"The API is down","body":"/incident critical\n/ic customer add globex\n/ic severity critical"}`,
		nil)
	g.settle()
	before := g.card(1)
	g.served.end(syscall.SIGTERM)
	g.mu.Lock()
	g.served, g.sweeps = nil, true
	g.mu.Unlock()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	if err := g.box.Clock().Advance(ctx, 5*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(g.data, "firebreak.db")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	copy(text, bytes.Repeat([]byte{0xa5}, len(text)/2))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for len(g.wrote) > 0 {
		<-g.wrote
	}
	g.serve()
	select {
	case <-g.wrote:
	case <-time.After(patience):
		t.Fatalf("nobody looked:\n%s", g.served.err)
	}
	g.settle()
	if after := g.card(1); after == before {
		t.Error("the card is as it was five days ago")
	}
	if kept, err := os.ReadFile(file + ".damaged-1"); err != nil || !bytes.Equal(kept, text) {
		t.Errorf("the damaged file is not kept: %v", err)
	}
	g.served.end(syscall.SIGTERM)
	if said := g.served.err.String(); !strings.Contains(said, file+".damaged-1") {
		t.Errorf("the log does not say where the damaged file is:\n%s", said)
	}
}
