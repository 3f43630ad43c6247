package suspect

import (
	"testing"
	"time"
)

// deployed returns a deployment of a commit.
func deployed(repo, commit, env string, age time.Duration) Change {
	return Change{Kind: Deployment, Ref: repo + "@" + commit[:min(7, len(commit))], Repo: repo, Live: ago(age), Commit: commit, Environment: env}
}

// merged returns a pull request with its merge commit.
func (c Change) merged(commit string) Change { c.Commit = commit; return c }

// reverting returns a pull request as the revert of another.
func (c Change) reverting(ref string) Change { c.Reverts = ref; return c }

func TestJoin(t *testing.T) {
	const repo = "acme/payments"
	one := pull(repo+"#1", 3*time.Hour, "One", "one.go").merged("1111111aaa")
	two := pull(repo+"#2", 2*time.Hour, "Two", "two.go").merged("2222222bbb")
	three := pull(repo+"#3", 1*time.Hour, "Three", "three.go").merged("3333333ccc")
	for _, c := range []struct {
		name    string
		changes []Change
		want    map[string]time.Duration // how long before the start each was live; 0: only merged
		not     string                   // which is known not to be live
	}{
		{"a deployment brings all since the one before", []Change{one, two, three,
			deployed(repo, "1111111aaa", "production", 150*time.Minute), deployed(repo, "3333333ccc", "production", 10*time.Minute)},
			map[string]time.Duration{one.Ref: 150 * time.Minute, two.Ref: 10 * time.Minute, three.Ref: 10 * time.Minute}, ""},
		{"a short hash is the same commit", []Change{one, deployed(repo, "1111111", "production", time.Minute)},
			map[string]time.Duration{one.Ref: time.Minute}, ""},
		{"what was not deployed", []Change{one, two, deployed(repo, "1111111aaa", "production", time.Minute)},
			map[string]time.Duration{one.Ref: time.Minute, two.Ref: 0}, two.Ref},
		{"what was deployed after the start", []Change{one, deployed(repo, "1111111aaa", "production", -time.Hour)},
			map[string]time.Duration{}, ""},
		{"a deployment that was reported after it hurt", []Change{one, deployed(repo, "1111111aaa", "production", -8*time.Minute)},
			map[string]time.Duration{one.Ref: -8 * time.Minute}, ""},
		{"the last environment before the start", []Change{one, deployed(repo, "1111111aaa", "eu", 2*time.Hour),
			deployed(repo, "1111111aaa", "us", 5*time.Minute), deployed(repo, "1111111aaa", "asia", -time.Hour)},
			map[string]time.Duration{one.Ref: 5 * time.Minute}, ""},
		{"a deployment of an older commit is one of its own", []Change{one, deployed(repo, "0000000fff", "production", time.Minute)},
			map[string]time.Duration{one.Ref: 0, repo + "@0000000": time.Minute}, ""},
		{"a deployment again is one of its own", []Change{one, deployed(repo, "1111111aaa", "production", time.Hour),
			deployed(repo, "1111111aaa", "production", time.Minute)},
			map[string]time.Duration{one.Ref: time.Hour, repo + "@1111111": time.Minute}, ""},
		{"a deployment without a commit", []Change{one, deployed(repo, "", "production", 150*time.Minute), two},
			map[string]time.Duration{one.Ref: 150 * time.Minute, two.Ref: 0}, ""},
		{"a release where nothing is deployed", []Change{one,
			{Kind: Release, Ref: repo + "@v1", Repo: repo, Live: ago(time.Minute), Commit: "1111111aaa"}},
			map[string]time.Duration{one.Ref: time.Minute}, ""},
		{"a release of what is deployed", []Change{one, deployed(repo, "1111111aaa", "production", time.Hour),
			{Kind: Release, Ref: repo + "@v1", Repo: repo, Live: ago(time.Minute), Commit: "1111111aaa"}},
			map[string]time.Duration{one.Ref: time.Hour}, ""},
		{"a workflow that deploys", []Change{one,
			{Kind: Workflow, Ref: repo + "@w1", Repo: repo, Title: "Deploy", Live: ago(time.Minute), Commit: "1111111aaa"}},
			map[string]time.Duration{one.Ref: time.Minute}, ""},
		{"a workflow that tests", []Change{one,
			{Kind: Workflow, Ref: repo + "@w1", Repo: repo, Title: "Tests", Live: ago(time.Minute), Commit: "1111111aaa"}},
			map[string]time.Duration{one.Ref: 0}, ""},
		{"another repository's deployment", []Change{one, deployed("acme/web", "1111111aaa", "production", time.Minute)},
			map[string]time.Duration{one.Ref: 0, "acme/web@1111111": time.Minute}, ""},
	} {
		got := Rank(c.changes, Symptoms{Start: start}, 9)
		if len(got) != len(c.want) {
			t.Errorf("%s: %s", c.name, refs(got))
			continue
		}
		for _, s := range got {
			age, known := c.want[s.Ref]
			live := time.Duration(0)
			if !s.Live.IsZero() {
				live = start.Sub(s.Live)
			}
			if !known || live != age || has(s, NotLive) != (s.Ref == c.not) {
				t.Errorf("%s: %s was live %s before the start, want %s: %v", c.name, s.Ref, live, age, s.Reasons)
			}
		}
	}
}

func has(s Suspect, k ReasonKind) bool {
	for _, r := range s.Reasons {
		if r.Kind == k {
			return true
		}
	}
	return false
}

func TestReverts(t *testing.T) {
	const repo = "acme/payments"
	bad := pull(repo+"#1", 5*time.Hour, "Pool", "pool.go")
	back := pull(repo+"#2", 4*time.Hour, `Revert "Pool"`, "pool.go").reverting(bad.Ref)
	again := pull(repo+"#3", time.Hour, `Reapply "Pool"`, "pool.go").reverting(back.Ref)
	late := pull(repo+"#4", -time.Hour, `Revert "Pool"`, "pool.go").reverting(again.Ref)

	for _, c := range []struct {
		name    string
		changes []Change
		want    string
		reason  ReasonKind // of the first
	}{
		{"taken back before the start", []Change{bad, back}, back.Ref, Revert},
		{"taken back, and back again", []Change{bad, back, again}, again.Ref, RevertedBefore},
		{"taken back after the start", []Change{bad, back, again, late}, again.Ref, TakenBack},
		{"taken back by what was not deployed", []Change{bad.merged("1111111aaa"), back.merged("2222222bbb"),
			deployed(repo, "1111111aaa", "production", time.Hour)}, bad.Ref + " " + back.Ref, TakenBack},
	} {
		got := Rank(c.changes, Symptoms{Start: start}, 5)
		if refs(got) != c.want || !has(got[0], c.reason) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// A release of several pull requests is one suspect, with what each of them touches; what is cleared of it doesn't
// count.
func TestAReleaseOfSeveral(t *testing.T) {
	const repo = "acme/ui-kit"
	one := pull(repo+"#1", 3*time.Hour, "Colours", "theme.css").merged("1111111aaa")
	two := pull(repo+"#2", 2*time.Hour, "Keep the heap small", "heap.go").merged("2222222bbb")
	r := Change{Kind: Release, Ref: repo + "@v1.4.0", Repo: repo, Title: "v1.4.0", Live: ago(5 * time.Minute), Commit: "2222222bbb"}
	s := Symptoms{Start: start, Words: "memory is short"}

	got := Rank([]Change{one, two, r}, s, 5)
	if refs(got) != r.Ref || !has(got[0], Brings) || !has(got[0], Path) || len(got[0].Files) != 2 || got[0].Lines != 80 {
		t.Fatalf("%+v", got)
	}
	for _, reason := range got[0].Reasons {
		if want := "brings acme/ui-kit#1, acme/ui-kit#2"; reason.Kind == Brings && reason.String() != want {
			t.Errorf("%q, want %q", reason, want)
		}
	}
	if s.Cleared = []string{two.Ref}; refs(Rank([]Change{one, two, r}, s, 5)) != one.Ref {
		t.Errorf("%+v", Rank([]Change{one, two, r}, s, 5))
	}
}

// Cleared is the deployment as well as the pull request, since they are one suspect.
func TestClearedWithItsDeployment(t *testing.T) {
	c := pull("acme/payments#1", time.Hour, "One").merged("1111111aaa")
	d := deployed("acme/payments", "1111111aaa", "production", time.Minute)
	for _, ref := range []string{c.Ref, d.Ref} {
		if got := Rank([]Change{c, d}, Symptoms{Start: start, Cleared: []string{ref}}, 5); len(got) != 0 {
			t.Errorf("%s is cleared, and yet: %s", ref, refs(got))
		}
	}
}
