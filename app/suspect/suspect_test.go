package suspect

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 27, 14, 0, 0, 0, time.UTC)

// ago returns a time before the start of the impact.
func ago(d time.Duration) time.Time { return start.Add(-d) }

// pull returns a merged pull request.
func pull(ref string, age time.Duration, title string, files ...string) Change {
	repo, _, _ := strings.Cut(ref, "#")
	return Change{Kind: Pull, Ref: ref, Repo: repo, Title: title, By: "alice", Merged: ago(age), Files: files, Lines: 40}
}

func refs(all []Suspect) string {
	var out []string
	for _, s := range all {
		out = append(out, s.Ref)
	}
	return strings.Join(out, " ")
}

func TestRank(t *testing.T) {
	memory := Symptoms{Start: start, Words: "Checkout fails for all customers",
		Labels: map[string]string{"alertname": "KubePodOOMKilled", "service": "payments", "severity": "critical"}}
	for _, c := range []struct {
		name    string
		changes []Change
		s       Symptoms
		want    string
	}{
		{"the service before what is newer", []Change{
			pull("acme/web#1", 5*time.Minute, "New colours", "src/theme.css"),
			pull("acme/payments#2", 40*time.Minute, "Retry orders", "orders.go"),
		}, memory, "acme/payments#2 acme/web#1"},
		{"the path that fits the alert", []Change{
			pull("acme/payments#1", 20*time.Minute, "Rename a handler", "api/handler.go"),
			pull("acme/payments#2", 30*time.Minute, "Tune values", "deploy/memory.yaml"),
		}, memory, "acme/payments#2 acme/payments#1"},
		{"the newer of two alike", []Change{
			pull("acme/payments#1", 9*time.Hour, "Retry orders", "orders.go"),
			pull("acme/payments#2", 20*time.Minute, "Retry orders", "orders.go"),
		}, memory, "acme/payments#2 acme/payments#1"},
		{"nothing after the start, but for clocks", []Change{
			pull("acme/payments#1", -time.Minute, "Retry orders"),
			pull("acme/payments#2", -5*time.Minute, "Retry orders"),
		}, memory, "acme/payments#1"},
		{"code before documentation and tests", []Change{
			pull("acme/payments#1", 5*time.Minute, "Explain memory", "docs/memory.md"),
			pull("acme/payments#2", 6*time.Minute, "Test memory", "memory_test.go"),
			pull("acme/payments#3", 3*time.Hour, "Retry orders", "orders.go"),
		}, memory, "acme/payments#3 acme/payments#1 acme/payments#2"},
		{"a service in a repository of many", []Change{
			pull("acme/gitops#1", 10*time.Minute, "Bump", "clusters/prod/search/values.yaml"),
			pull("acme/gitops#2", 20*time.Minute, "Bump", "clusters/prod/payments/values.yaml"),
		}, memory, "acme/gitops#2 acme/gitops#1"},
		{"a service that people name", []Change{
			pull("acme/search#1", 10*time.Minute, "Faster", "a.go"),
			pull("acme/orders#2", 90*time.Minute, "Faster", "a.go"),
		}, Symptoms{Start: start, Words: "the orders service is down", Services: []string{"orders"}}, "acme/orders#2 acme/search#1"},
		{"what came again after a revert", []Change{
			pull("acme/payments#1", 20*time.Minute, "Retry orders", "orders.go"),
			{Kind: Pull, Ref: "acme/payments#2", Repo: "acme/payments", Title: "Pool connections", Merged: ago(30 * time.Minute),
				Files: []string{"pool.go"}, Lines: 40, RevertedBefore: true},
		}, memory, "acme/payments#2 acme/payments#1"},
		{"cleared", []Change{
			pull("acme/payments#1", 20*time.Minute, "Retry orders", "orders.go"),
			pull("acme/web#2", 20*time.Minute, "New colours", "src/theme.css"),
		}, Symptoms{Start: start, Services: []string{"payments"}, Cleared: []string{"Acme/Payments#1"}}, "acme/web#2"},
		{"nothing", nil, memory, ""},
	} {
		if got := refs(Rank(c.changes, c.s, 5)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A service that the words name counts in the paths of other repositories, too.
func TestMentionedServices(t *testing.T) {
	s := Symptoms{Start: start, Words: "the orders service is down"}
	got := Rank([]Change{
		pull("acme/gitops#1", 10*time.Minute, "Bump", "clusters/prod/search/values.yaml"),
		pull("acme/gitops#2", 20*time.Minute, "Bump", "clusters/prod/orders/values.yaml"),
		pull("acme/orders-api#3", 40*time.Minute, "Bump", "a.go"),
		pull("acme/search#4", 30*time.Minute, "Bump", "a.go"),
	}, s, 2)
	if refs(got) != "acme/gitops#2 acme/orders-api#3" || !has(got[0], ServicePath) || !has(got[1], Named) {
		t.Errorf("%v", got)
	}
	for _, r := range got[0].Reasons {
		if r.Kind == ServicePath && r.String() != "changes clusters/prod/orders/values.yaml, which has the name of a service in the summary or a finding" {
			t.Errorf("%q", r)
		}
	}
}

// The labels of a report count where they are only in the words of the issue, as it lists them.
func TestLabelsInTheWords(t *testing.T) {
	changes := []Change{
		pull("acme/web#1", 10*time.Minute, "Colours of the cluster", "a.go"),
		pull("acme/payments#2", time.Hour, "Retry", "a.go"),
	}
	body := "Reported by **Alertmanager**\n\n- alertname: KubePodOOMKilled\n- cluster: colours\n- service: payments\n- note: see this: it is red\n"
	got := Rank(changes, Symptoms{Start: start, Words: body}, 1)
	if refs(got) != "acme/payments#2" || got[0].Reasons[1].String() != "in acme/payments, the service of the alert" {
		t.Errorf("%v", got)
	}
	labels, rest := splitLabels(body)
	if len(labels) != 2 || labels["alertname"] != "KubePodOOMKilled" || strings.Contains(rest, "colours") || !strings.Contains(rest, "it is red") {
		t.Errorf("%v\n%s", labels, rest)
	}
	if labels, _ := splitLabels("- service\\_name: `pay-ments`\nproject: we had two of them\n"); labels["service_name"] != "pay-ments" || len(labels) != 1 {
		t.Errorf("%v", labels)
	}
}

func TestRankIsBounded(t *testing.T) {
	var all []Change
	for i := range 30 {
		all = append(all, pull(fmt.Sprintf("acme/web#%d", i), time.Duration(i)*time.Minute, "Colours"))
	}
	for n, want := range map[int]int{-1: 0, 0: 0, 5: 5, 30: 30, 99: 30} {
		if got := len(Rank(all, Symptoms{Start: start}, n)); got != want {
			t.Errorf("of %d there are %d", n, got)
		}
	}
}

// Rank orders alike however the changes come, so that the comment doesn't change without a reason.
func TestRankDoesNotDependOnTheOrder(t *testing.T) {
	s := Symptoms{Start: start, Words: "memory is short", Services: []string{"payments"}}
	all := []Change{
		pull("acme/payments#1", time.Hour, "Heap and memory", "heap.go", "memory.go"),
		pull("acme/payments#2", time.Hour, "Heap and memory", "heap.go", "memory.go"),
		pull("acme/web#3", time.Hour, "Limits of heaps", "limits/oom.go"),
		{Kind: Deployment, Ref: "acme/web@3f2c1a9", Repo: "acme/web", Live: ago(time.Minute)},
	}
	want := fmt.Sprint(Rank(all, s, 5))
	for range 20 {
		all = append(all[1:], all[0])
		if got := fmt.Sprint(Rank(all, s, 5)); got != want {
			t.Fatalf("%s\nwant %s", got, want)
		}
	}
}

func TestReasons(t *testing.T) {
	s := Symptoms{Start: start, Words: "Checkout fails", Labels: map[string]string{"alertname": "PaymentsMemoryHigh", "service": "payments"}}
	c := pull("acme/payments#41", 3*time.Hour, "Cut the memory limit", "deploy/memory.yaml", "main.go")
	c.Lines, c.Commit, c.RevertedBefore = 14, "3f2c1a9d00", true
	d := Change{Kind: Deployment, Ref: "acme/payments@3f2c1a9", Repo: "acme/payments", Live: ago(9 * time.Minute),
		Commit: "3f2c1a9d00", Environment: "production"}
	got := Rank([]Change{c, d, pull("acme/web#1", time.Hour, "Colours")}, s, 5)
	if len(got) != 2 || got[0].Ref != "acme/payments#41" || got[0].Environment != "production" || !got[0].Live.Equal(d.Live) {
		t.Fatalf("the deployment and its pull request are not one: %+v", got)
	}
	var said []string
	for _, r := range got[0].Reasons {
		said = append(said, r.String())
	}
	want := []string{
		"live 9 min before the start, with acme/payments@3f2c1a9",
		"in acme/payments, the service of the alert",
		`its title fits "Memory" in the alert`,
		"was reverted before",
		`changes deploy/memory.yaml, which fits "Memory" in the alert`,
		"deployed to production",
		"2 files, 14 lines",
	}
	if !slices.Equal(said, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(said, "\n"), strings.Join(want, "\n"))
	}
}

// Each kind of reason says something in words, and has a weight.
func TestEveryReasonHasWords(t *testing.T) {
	for kind := range weights {
		r := Reason{Kind: kind, Detail: "a/b", Word: "memory", Files: 1, Lines: 2, Before: 49 * time.Hour}
		if s := r.String(); s == "" || strings.Contains(s, "%!") || strings.Contains(s, "cause") {
			t.Errorf("%s: %q", kind, s)
		}
	}
	for _, c := range []struct {
		r    Reason
		want string
	}{
		{Reason{Kind: Live, Before: 9 * time.Minute}, "live 9 min before the start"},
		{Reason{Kind: Live, Before: 130 * time.Minute, Merged: true}, "merged 2 h 10 min before the start"},
		{Reason{Kind: Live, Before: 20 * time.Hour}, "live 20 h before the start"},
		{Reason{Kind: Live, Before: -time.Minute}, "live as the impact started"},
		{Reason{Kind: Size, Files: 1, Lines: 1}, "1 file, 1 line"},
		{Reason{Kind: Size, Lines: 12}, "12 lines"},
	} {
		if got := c.r.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
