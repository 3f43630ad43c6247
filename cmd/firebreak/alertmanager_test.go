package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A real Alertmanager groups, repeats, meets our outage, recovers and fires again: that is one
// incident, which describes all of it.
func TestI1I6ARealAlertmanager(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := start(t, nil, "demo", "--listen", "127.0.0.1:0", "--data", data)
	a := startAlertmanager(t, p.url)

	a.fire("api-1", "api-2")
	a.delivers(1)
	settle(t, p.url)
	claimed(t, p.url)
	minute(t, p.url) // what it says again sooner may be its second try, and is not counted
	a.delivers(2)    // nothing changed: its repeat_interval is over
	a.counted(p.url, 2)
	a.fire("api-3")
	a.delivers(2) // the second of these at the latest lists the third alert
	a.counted(p.url, 3)

	p.end(syscall.SIGTERM)
	_, before := a.deliveries()
	a.fire("api-4")
	until(t, "Alertmanager meets the outage", func() bool {
		_, failed := a.deliveries()
		return failed > before
	})
	p = start(t, nil, "demo", "--listen", strings.TrimPrefix(p.url, "http://"), "--data", data)
	a.delivers(1)
	a.counted(p.url, 4)

	a.resolve("api-1", "api-2", "api-3", "api-4")
	var r reports
	seen := 0
	until(t, "the recovery is told", func() bool {
		if taken, _ := a.deliveries(); taken > seen {
			seen, r = taken, told(t, p.url)
		}
		return r.recovered
	})
	// Alertmanager is silent now, for it repeats no recovery: the numbers stay as they are.
	fired, _ := a.deliveries()
	fired-- // without the recovery
	if r.count < 4 || r.count > fired || r.questions != 1 {
		t.Errorf("%d reports and a recovery were delivered, and the incident tells %+v", fired, r)
	}
	before = r.count

	a.fire("api-1")
	a.delivers(1)
	// The question whether it is over goes: it fires.
	if r := told(t, p.url); r.recovered || r.count <= before || r.questions != 0 {
		t.Errorf("it fires anew after %d reports, and the incident tells %+v", before, r)
	}
	want := []string{"reported it (Alertmanager)", "Alertmanager said that it recovered",
		"Alertmanager fired again"}
	history := timeline(t, p.url)
	// It claims to be critical, so people are paged until somebody takes it (I7): how often hangs
	// on how long this took.
	isPage := func(entry string) bool {
		return strings.HasPrefix(entry, "paged ") || strings.HasPrefix(entry, "nobody answered")
	}
	if !slices.ContainsFunc(history, isPage) {
		t.Errorf("nobody was paged: %q", history)
	}
	if history = slices.DeleteFunc(history, isPage); !slices.Equal(history, want) {
		t.Errorf("the timeline is %q, want %q", history, want)
	}
	p.end(syscall.SIGTERM)
}

// alertmanager is Debian's, a process of its own.
type alertmanager struct {
	t   *testing.T
	url string
}

// startAlertmanager starts one that sends what fires to the product at an address, and waits until it
// listens.
func startAlertmanager(t *testing.T, product string) *alertmanager {
	t.Helper()
	path, err := exec.LookPath("prometheus-alertmanager")
	switch {
	case err != nil && os.Getenv("CI") != "":
		t.Fatal(err)
	case err != nil:
		t.Skipf("%v: it is in Debian's package of that name; in CI that fails", err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(file, fmt.Appendf(nil, `
route:
  receiver: firebreak
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 2s
receivers:
  - name: firebreak
    webhook_configs:
      - url: %s/intake/alertmanager
        send_resolved: true
        http_config:
          authorization: {type: Bearer, credentials: demo-intake}
`, product), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(stop)
	cmd := exec.CommandContext(ctx, path, "--config.file="+file,
		"--storage.path="+filepath.Join(dir, "data"), "--log.format=json",
		"--web.listen-address=127.0.0.1:0", "--web.external-url=http://alertmanager.example",
		"--cluster.listen-address=")
	cmd.Dir = dir
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address, read := make(chan string, 1), make(chan bool)
	var lines []string
	go func() {
		defer close(read)
		defer close(address)
		for in := bufio.NewScanner(log); in.Scan(); {
			lines = append(lines, in.Text())
			var said struct{ Msg, Address string }
			if json.Unmarshal(in.Bytes(), &said) == nil && said.Msg == "Listening on" {
				select {
				case address <- said.Address:
				default: // it is known
				}
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-read
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("Alertmanager's log:\n%s", strings.Join(lines, "\n"))
		}
	})
	at, ok := <-address
	if !ok {
		t.Fatal("Alertmanager ended before it listened")
	}
	return &alertmanager{t: t, url: "http://" + at}
}

// fire posts what Prometheus posts when alerts of the one group fire.
func (a *alertmanager) fire(instances ...string) { a.post(nil, instances) }

// resolve posts what Prometheus posts when they don't any more.
func (a *alertmanager) resolve(instances ...string) {
	now := time.Now()
	a.post(&now, instances)
}

func (a *alertmanager) post(ended *time.Time, instances []string) {
	a.t.Helper()
	type alert struct {
		Labels       map[string]string `json:"labels"`
		Annotations  map[string]string `json:"annotations"`
		GeneratorURL string            `json:"generatorURL"`
		EndsAt       *time.Time        `json:"endsAt,omitempty"`
	}
	var alerts []alert
	for _, instance := range instances {
		alerts = append(alerts, alert{
			Labels: map[string]string{"alertname": "APIServerDown", "instance": instance,
				"severity": "critical", "customer": "globex"},
			Annotations:  map[string]string{"summary": "The API server of eu-1 is down"},
			GeneratorURL: "http://prometheus.example/graph",
			EndsAt:       ended,
		})
	}
	body, err := json.Marshal(alerts)
	if err != nil {
		a.t.Fatal(err)
	}
	if status, said := request(a.t, "", "POST", a.url+"/api/v2/alerts", string(body)); status != 200 {
		a.t.Fatalf("Alertmanager does not take alerts: %d %s", status, said)
	}
}

var attempts = regexp.MustCompile(`(?m)^alertmanager_notification_requests_(failed_)?total\{integration="webhook"\} ([0-9]+)$`)

// deliveries returns how many of its requests Alertmanager saw taken, and how many failed.
func (a *alertmanager) deliveries() (taken, failed int) {
	a.t.Helper()
	_, metrics := request(a.t, "", "GET", a.url+"/metrics", "")
	found := attempts.FindAllStringSubmatch(metrics, -1)
	if len(found) != 2 {
		a.t.Fatalf("Alertmanager does not tell what it sent:\n%s", metrics)
	}
	for _, m := range found {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			a.t.Fatal(err)
		}
		if m[1] == "" {
			taken += n
		} else {
			taken, failed = taken-n, n
		}
	}
	return taken, failed
}

// delivers waits until n more of its requests were taken.
func (a *alertmanager) delivers(n int) {
	a.t.Helper()
	before, _ := a.deliveries()
	until(a.t, fmt.Sprintf("Alertmanager delivers %d times", n), func() bool {
		now, _ := a.deliveries()
		return now >= before+n
	})
}

// counted holds the incident to having counted each delivery so far that told something new, and no
// more than there were.
func (a *alertmanager) counted(github string, news int) {
	a.t.Helper()
	r := told(a.t, github)
	if all, _ := a.deliveries(); r.count < news || r.count > all || r.recovered || r.questions > 0 {
		a.t.Errorf("Alertmanager reported it %d times, %d of them with news, and the incident tells %+v",
			all, news, r)
	}
}

// until waits for what another process does.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.After(patience); !done(); {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("waited %s in vain until %s", patience, what)
		}
	}
}

// read gets something of the repository of incidents as alice.
func read(t *testing.T, github, path string, into any) {
	t.Helper()
	status, said := request(t, "alice", "GET", github+"/api/v3/repos/acme/incidents/issues"+path, "")
	if status != 200 {
		t.Fatalf("issues%s: %d %s", path, status, said)
	}
	if err := json.Unmarshal([]byte(said), into); err != nil {
		t.Fatal(err)
	}
}

// incidentIssue is what GitHub shows of the incident.
type incidentIssue struct {
	Title, Body, State string
	User               struct{ Login string }
	Labels             []struct{ Name string }
	Pinned             struct{ Body string } `json:"pinned_comment"`
}

// claimed holds the incident to being what the first report says, and confirmed by nobody.
func claimed(t *testing.T, github string) {
	t.Helper()
	var issue incidentIssue
	read(t, github, "/1", &issue)
	if issue.Title != "APIServerDown: The API server of eu-1 is down" || issue.User.Login != "firebreak[bot]" {
		t.Errorf("%s opened %q", issue.User.Login, issue.Title)
	}
	for _, part := range []string{"instance=api-1, firing", "instance=api-2, firing", "severity: critical",
		"[Details at alertmanager.example](<http://alertmanager.example>)"} {
		if !strings.Contains(issue.Body, part) {
			t.Errorf("%q is missing in\n%s", part, issue.Body)
		}
	}
	for _, part := range []string{"Unconfirmed · Identify", "reported by **Alertmanager** as critical",
		"customer **globex**"} {
		if !strings.Contains(issue.Pinned.Body, part) {
			t.Errorf("%q is missing on the card\n%s", part, issue.Pinned.Body)
		}
	}
	for _, l := range issue.Labels {
		if strings.HasPrefix(l.Name, "severity/") {
			t.Errorf("a claim is labelled %s", l.Name)
		}
	}
}

// reports is what the incident's comments tell of its source.
type reports struct {
	count     int
	recovered bool
	questions int // whether it is over
}

var tally = regexp.MustCompile(`^\*\*Alertmanager\*\* (?:has reported this ([0-9]+) times, last|(says that it recovered), at .*, after ([0-9]+) reports)`)

// told lets all be written that waits, as what comes close after another does, and reads it.
// Exactly one incident has to be there, which is open.
func told(t *testing.T, github string) (r reports) {
	t.Helper()
	settle(t, github)
	minute(t, github)
	var issues []incidentIssue
	read(t, github, "?state=all", &issues)
	if len(issues) != 1 || issues[0].State != "open" {
		t.Fatalf("not one incident that is open: %+v", issues)
	}
	var comments []struct{ Body string }
	read(t, github, "/1/comments", &comments)
	tallies := 0
	for _, c := range comments {
		if strings.HasPrefix(c.Body, "**Alertmanager** says that it recovered. Is it over?") {
			r.questions++
		}
		if m := tally.FindStringSubmatch(c.Body); m != nil {
			tallies++
			r.count, _ = strconv.Atoi(m[1] + m[3])
			r.recovered = m[2] != ""
		}
	}
	if tallies != 1 {
		t.Fatalf("%d comments count: %+v", tallies, comments)
	}
	return r
}

// minute lets a minute pass.
func minute(t *testing.T, github string) {
	t.Helper()
	if status, said := request(t, "", "POST", github+"/sandbox/clock", `{"advance":"1m"}`); status != 200 {
		t.Fatalf("the clock: %d %s", status, said)
	}
}

var row = regexp.MustCompile(`(?m)^\| [0-9][^|]* \| [^|]* \| (.*) \|$`)

// timeline lists what the card says was reported.
func timeline(t *testing.T, github string) (history []string) {
	t.Helper()
	var issue incidentIssue
	read(t, github, "/1", &issue)
	for _, m := range row.FindAllStringSubmatch(issue.Pinned.Body, -1) {
		history = append(history, m[1])
	}
	return history
}
