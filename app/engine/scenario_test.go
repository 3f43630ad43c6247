package engine_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "renew the golden files of the scenarios")

// TestScenarios plays the stories of testdata/scenarios against the embedded GitHub, through the
// real client, queue and webhook. A story is what people do and how time passes; the golden file is
// what the product answered: its calls, the labels, who is assigned, every comment, and the card at
// the end. The folder's name begins with the ids of PROCESS.md.
//
//	alice opens "Title"        the lines below it, indented, answer the form (Heading: value)
//	alice writes "Title"       an ordinary issue; the lines below are its text
//	carol: /ic                 a comment; indented lines go on
//	alice edits 2: text        edits the second comment that a person wrote
//	alice labels NAME · unlabels NAME · assigns WHO · unassigns WHO · closes · reopens · renames Title · merges · deletes card · tampers card
//	on 2                       what follows is about the second issue
//	wait 20m
//	redeliver                  every webhook so far, again
func TestScenarios(t *testing.T) {
	skipUnderRace(t)
	dirs, err := filepath.Glob("testdata/scenarios/*/story.txt")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range dirs {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			story, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, tops := play(t, string(story))
			compareGolden(t, filepath.Join(dir, "want.md"), got)
			compareGolden(t, filepath.Join(dir, "tops.md"), strings.Join(tops, topsEnd))
		})
	}
}

// compareGolden fails unless a file says what came out; with -update it makes it say so.
func compareGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run with -update)", err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("not as %s says (-want +got); look at it, then run with -update:\n%s", file, d)
	}
}

// step is one line of a story with the indented lines below it.
type step struct {
	head string
	body []string
}

func steps(story string) []step {
	var out []step
	for line := range strings.Lines(story) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.TrimSpace(line) == "" && len(out) == 0, strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "  "):
			out[len(out)-1].body = append(out[len(out)-1].body, strings.TrimPrefix(line, "  "))
		case line == "" && len(out[len(out)-1].body) > 0:
			out[len(out)-1].body = append(out[len(out)-1].body, "")
		case line != "":
			out = append(out, step{head: line})
		}
	}
	return out
}

var action = regexp.MustCompile(`^([\w-]+)(?::| (\w+)) ?(.*)$`)

// play plays a story and returns what the product did, and the top of each card that it led to: what
// is above "Now", which a browser's test measures.
func play(t *testing.T, story string) (did string, tops []string) {
	w := newWorld(t)
	w.several = strings.Contains(story, "\non ")
	var out strings.Builder
	for _, s := range steps(story) {
		w.settle()
		w.mark()
		body := strings.TrimSpace(strings.Join(s.body, "\n"))
		fmt.Fprintf(&out, "## %s\n", s.head)
		if body != "" && !strings.Contains(s.head, " opens ") {
			fmt.Fprintf(&out, "%s\n", body)
		}
		w.step(s)
		w.settle()
		out.WriteString(w.changes())
		top, _, hasNow := strings.Cut(w.card(), "**Now**")
		if top = w.steady(top) + "**Now**\n"; hasNow && !slices.Contains(tops, top) {
			tops = append(tops, top)
		}
	}
	out.WriteString("## The card\n" + w.card() + "\n")
	if strings.Contains(story, "\ngina answers ") {
		out.WriteString("## What globex reads\n" + w.customersIssue() + "\n")
	}
	return w.steady(out.String()), tops
}

// topsEnd is between the tops of cards in a scenario's file.
const topsEnd = "\n***\n\n"

// customersIssue returns the issue in which globex reads updates, as a person sees it.
func (w *world) customersIssue() string {
	w.t.Helper()
	var issue struct{ Title, Body, State string }
	w.ok("gina", "GET", "/api/v3/repos/acme/customer-globex/issues/1", nil, &issue)
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s\n\n%s\n", issue.State, issue.Title, visible(issue.Body))
	var all []commentView
	w.ok("gina", "GET", "/api/v3/repos/acme/customer-globex/issues/1/comments", nil, &all)
	for _, c := range all {
		fmt.Fprintf(&out, "\n%s: %s\n", c.User.Login, visible(c.Body))
	}
	return out.String()
}

// step does one step of a story.
func (w *world) step(s step) {
	w.t.Helper()
	if wait, ok := strings.CutPrefix(s.head, "wait "); ok {
		d, err := time.ParseDuration(wait)
		if err != nil {
			w.t.Fatal(err)
		}
		w.advance(d)
		return
	}
	if n, ok := strings.CutPrefix(s.head, "on "); ok {
		number, err := strconv.Atoi(n)
		if err != nil {
			w.t.Fatal(err)
		}
		w.ref.Number = number
		return
	}
	if s.head == "redeliver" {
		w.redeliver()
		return
	}
	m := action.FindStringSubmatch(s.head)
	if m == nil {
		w.t.Fatalf("a line of the story that means nothing: %q", s.head)
	}
	w.act(m[1], m[2], m[3], s.body)
}
