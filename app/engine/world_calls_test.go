package engine_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

type call struct {
	N      int
	Method string
	Path   string
	Status int
	Actor  string
}

// calls lists the product's calls since the last time.
func (w *world) calls() []call {
	w.t.Helper()
	var answer struct {
		Next  int
		Calls []call
	}
	w.as("", "GET", "/sandbox/calls?since="+strconv.Itoa(w.since), nil, &answer)
	w.since = answer.Next
	return slices.DeleteFunc(answer.Calls,
		func(c call) bool { return !strings.Contains(c.Actor, "firebreak") })
}

// writes counts the calls that change something.
func writes(calls []call) int {
	n := 0
	for _, c := range calls {
		if c.Method != "GET" && !strings.HasSuffix(c.Path, "/access_tokens") {
			n++
		}
	}
	return n
}

// mark begins a step: what was before it is not told.
func (w *world) mark() { w.calls() }

// changes returns what the product did since mark: its writes, since how often it looks depends on
// which webhooks met.
func (w *world) changes() string {
	w.t.Helper()
	var out strings.Builder
	var wrote []string
	for _, c := range w.calls() {
		path, _, _ := strings.Cut(c.Path, "?")
		if writes([]call{c}) == 0 || strings.HasSuffix(path, "/graphql") {
			continue // GraphQL reads, apart from the look and so at any time
		}
		wrote = append(wrote, fmt.Sprintf("- %s %s %d\n", c.Method, strings.TrimPrefix(path, "/api/v3"),
			c.Status))
	}
	if w.several {
		slices.Sort(wrote)
	}
	out.WriteString(strings.Join(wrote, ""))
	v := w.view()
	now := fmt.Sprintf("%s · %s · assigned: %s\n", v.State, strings.Join(v.labels(), ", "),
		strings.Join(v.assignees(), ", "))
	if now != w.last {
		fmt.Fprintf(&out, "\n%s", now)
		w.last = now
	}
	for _, c := range w.list() {
		told := seen{body: visible(c.Body), reactions: reactionsOf(c)}
		before, known := w.comments[c.ID]
		w.comments[c.ID] = told
		if told.reactions != before.reactions {
			fmt.Fprintf(&out, "\n%s on %q\n", told.reactions, firstLine(c.Body))
		}
		if strings.HasSuffix(c.User.Login, "[bot]") && !known &&
			!strings.Contains(c.Body, "<!-- firebreak:card") {
			fmt.Fprintf(&out, "\n> %s\n", strings.ReplaceAll(told.body, "\n", "\n> "))
		}
	}
	outbox := w.outbox()
	for _, e := range outbox[w.left:] {
		fmt.Fprintf(&out, "\n→ %s to %s: %s (%s)\n", e.Kind, e.To, e.Text, e.Key)
	}
	w.left = len(outbox)
	out.WriteString("\n")
	return out.String()
}

type sent struct {
	Kind, Channel, To, Text, Key string
	Count                        int
}

// leftOnce checks that each message left once, where the story doesn't say that it may leave again.
func (w *world) leftOnce() {
	w.t.Helper()
	for _, e := range w.sandbox.Repeated() {
		if !w.repeats {
			w.t.Errorf("%s to %s with key %s left %d times: %+v", e.Kind, e.To, e.Key, e.Count, e.Repeats)
		}
	}
}

// outbox lists what left for people outside GitHub.
func (w *world) outbox() (all []sent) {
	w.t.Helper()
	w.as("", "GET", "/sandbox/outbox", nil, &all)
	return all
}
