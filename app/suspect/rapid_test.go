package suspect

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyChange draws a change out of few names and times, so that they meet.
func anyChange(t *rapid.T) Change {
	when := func(label string) time.Time {
		m := rapid.IntRange(-60, 3000).Draw(t, label)
		if m > 2900 {
			return time.Time{}
		}
		return ago(time.Duration(m) * time.Minute)
	}
	repo := rapid.SampledFrom([]string{"acme/payments", "acme/Payments", "acme/web", "acme/", "odd", ""}).Draw(t, "repo")
	ref := func(label string) string { return fmt.Sprintf("%s#%d", repo, rapid.IntRange(1, 6).Draw(t, label)) }
	c := Change{
		Kind: rapid.SampledFrom([]Kind{Pull, Deployment, Release, Push, Dependency, Workflow, Configuration, "odd", ""}).Draw(t, "kind"),
		Ref:  ref("ref"), Repo: repo, Title: rapid.SampledFrom([]string{"Deploy", "Memory", "Bump a from 1.0 to 2.0", "", "\xff\x00"}).Draw(t, "title"),
		By: rapid.SampledFrom([]string{"alice", "dependabot[bot]", ""}).Draw(t, "by"), Merged: when("merged"), Live: when("live"),
		Files: rapid.SliceOfN(rapid.SampledFrom([]string{"deploy/memory.yaml", "a_test.go", "docs/a.md", "go.mod", "payments/a.go", "", "/", ".", "\xff"}), 0, 4).Draw(t, "files"),
		Lines: rapid.IntRange(-1, 1<<40).Draw(t, "lines"), Environment: rapid.SampledFrom([]string{"", "eu", "us"}).Draw(t, "environment"),
		Commit: rapid.SampledFrom([]string{"", "abc", "1111111aaa", "1111111", "2222222bbb"}).Draw(t, "commit"),
	}
	if rapid.Bool().Draw(t, "reverts") {
		c.Reverts = ref("reverted")
	}
	return c
}

// Whatever changes there are, the suspects are so many, before the start, in order, and scored by their reasons alone.
func TestRankOfAnyChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		changes := rapid.SliceOfN(rapid.Custom(anyChange), 0, 12).Draw(t, "changes")
		s := Symptoms{Start: start, Words: rapid.SampledFrom([]string{"", "payments out of memory", "acme/web"}).Draw(t, "words"),
			Labels:   map[string]string{"service": rapid.SampledFrom([]string{"", "payments", "web"}).Draw(t, "service")},
			Services: rapid.SliceOfN(rapid.SampledFrom([]string{"web", "", "acme/payments"}), 0, 2).Draw(t, "services")}
		if len(changes) > 0 && rapid.Bool().Draw(t, "cleared") {
			s.Cleared = []string{changes[0].Ref}
		}
		n := rapid.IntRange(-1, 6).Draw(t, "n")
		got := Rank(changes, s, n)
		if len(got) > max(0, n) {
			t.Fatalf("%d of %d", len(got), n)
		}
		for i, one := range got {
			sum := 0.0
			for _, r := range one.Reasons {
				sum += r.Points
				if r.String() == "" {
					t.Fatalf("%s has no words", r.Kind)
				}
			}
			if math.IsNaN(one.Score) || math.Abs(sum-one.Score) > 1e-9 {
				t.Fatalf("%s has the score %v, its reasons %v", one.Ref, one.Score, sum)
			}
			if i > 0 && got[i-1].Score < one.Score {
				t.Fatalf("%s is before %s", got[i-1].Ref, one.Ref)
			}
			if len(s.Cleared) > 0 && one.Ref == s.Cleared[0] {
				t.Fatalf("%s is cleared", one.Ref)
			}
			if at(one.Change).After(start.Add(rollout)) {
				t.Fatalf("%s came at %s", one.Ref, at(one.Change))
			}
		}
	})
}
