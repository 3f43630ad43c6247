package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// row returns the first line of a text that holds all of some words.
func row(text string, words ...string) string {
	for line := range strings.Lines(text) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// TestC3WhatPeopleWriteIntoTheTableOfFollowUpsIsReadBack holds that an owner and a date count that
// somebody wrote into the postmortem, that nonsense stays as written with the reason on its line,
// and that a lost card comes back with both.
func TestC3WhatPeopleWriteIntoTheTableOfFollowUpsIsReadBack(t *testing.T) {
	w := closed(t)
	_, _, before := w.file(".md")
	if !strings.Contains(row(before, "| 1 |", "Add a"), "| **erin** | 2026-03-20 |") {
		t.Fatalf("the table begins as %q", row(before, "| 1 |", "Add a"))
	}
	w.edit("alice", func(text string) string {
		return strings.Replace(text, "| **erin** | 2026-03-20 |", "| @bob | 24 Dec 2026 |", 1)
	})
	_, _, text := w.file(".md")
	if got := row(text, "| 1 |", "Add a"); !strings.Contains(got, "| **bob** | 2026-12-24 |") {
		t.Errorf("the row reads %q", got)
	}
	if got := row(w.card(), "acme/payments#1"); !strings.Contains(got, "**bob** · due 2026-12-24") {
		t.Errorf("the card says %q", got)
	}
	var ticket struct {
		Body      string
		Assignees []struct{ Login string }
	}
	w.ok("alice", "GET", "/api/v3/repos/acme/payments/issues/1", nil, &ticket)
	if len(ticket.Assignees) != 1 || ticket.Assignees[0].Login != "bob" ||
		!strings.Contains(ticket.Body, "| Due | **2026-12-24** |") ||
		!strings.Contains(ticket.Body, "| Owner | **bob** |") {
		t.Errorf("the ticket is of %v and says\n%s", ticket.Assignees, ticket.Body)
	}
	card := w.card()
	w.tell("alice deletes card")
	if again := w.card(); sorted(again) != sorted(card) {
		t.Errorf("a lost card comes back as\n%s\nand was\n%s", again, card)
	}

	w.edit("alice", func(text string) string {
		line := row(text, "| 1 |", "Add a")
		changed := strings.Replace(strings.Replace(line, "| **bob** | 2026-12-24 |",
			"| somebody else | soon |", 1), "Add a limit", "Add a *lower* limit", 1)
		return strings.Replace(text, line, changed+"\n| | A row of my own | erin | 2026-12-24 | | |", 1)
	})
	w.tell("alice: /incident note 10:31 more")
	_, _, text = w.file(".md")
	if got := row(text, "| 1 |", "lower"); !strings.Contains(got,
		"| Add a *lower* limit | somebody else | soon | [acme/payments#1]") {
		t.Errorf("the row reads %q", got)
	}
	if row(text, "A row of my own") == "" {
		t.Errorf("the row that somebody added is gone:\n%s", text)
	}
	if got := row(w.card(), "acme/payments#1"); !strings.Contains(got, "**bob** · due 2026-12-24") {
		t.Errorf("nonsense counts: the card says %q", got)
	}
	runs := w.checks(w.pullView().Head.SHA)
	for _, want := range []string{"“somebody else” is not a name on GitHub", "“soon” is not a date",
		"no follow-up of the incident yet"} {
		if !strings.Contains(runs[0].Output.Summary, want) {
			t.Errorf("the check doesn't say %q:\n%s", want, runs[0].Output.Summary)
		}
	}
	w.tell("alice: /ic followup 1 @erin\ncarol: /ic followup 1 @erin")
	w.tell("carol: /ic followup 1 @erin due:2026-11-11")
	if got := row(w.card(), "acme/payments#1"); !strings.Contains(got, "**erin** · due 2026-11-11") {
		t.Errorf("after a command the card says %q", got)
	}
}

// TestI3APullRequestIsNoOtherIncident holds the one wrong number that a story can't write.
func TestI3APullRequestIsNoOtherIncident(t *testing.T) {
	w := closed(t)
	var opened struct{ Number int }
	w.ok("carol", "POST", "/api/v3/repos/acme/incidents/issues",
		map[string]string{"title": "Something", "body": "/incident regular it is slow"}, &opened)
	w.settle()
	pull := w.pull()
	w.ref.Number = opened.Number
	w.comment("carol", fmt.Sprintf("/incident duplicate %s/acme/incidents/pull/%d", w.url, pull))
	w.settle()
	all := w.list()
	if last := all[len(all)-1]; !strings.Contains(last.Body, "is a pull request") ||
		w.view().State != "open" {
		t.Errorf("it is %s and says %q", w.view().State, last.Body)
	}
}

// TestI3ADuplicateCostsWhatItDid holds what a duplicate costs: six calls of its own, and the look
// of the other incident, which is an issue, a page of its timeline, a comment and the card.
func TestI3ADuplicateCostsWhatItDid(t *testing.T) {
	w := newWorld(t)
	w.tell("alice opens \"One\"\n  Summary: It is down\n  Severity: regular\n  Customers impacted: globex\nbob opens \"Two\"\n  Summary: It is down\n  Severity: regular\n  Customers impacted: globex\non 2\nbob: /incident status")
	w.calls()
	w.comment("bob", "/incident duplicate #1")
	w.settle()
	if calls := w.calls(); len(calls) != 6+4 {
		t.Errorf("%d calls: %+v", len(calls), calls)
	}
}

// TestI6ReportsOfADuplicateFollowItToTheOtherIncident holds where a source's reports go once their
// incident was folded into another one: to that, also by two steps and by a process that knows
// nothing of it, and to their own again when that is reopened.
func TestI6ReportsOfADuplicateFollowItToTheOtherIncident(t *testing.T) {
	w := newWorld(t)
	w.tell("alice opens \"The API is down\"\n  Summary: It is down\n  Severity: regular\n  Customers impacted: globex\nbob opens \"Orders fail\"\n  Summary: All of them\n  Severity: regular\n  Customers impacted: globex")
	n := 0
	report := func(status string) {
		t.Helper()
		w.advance(time.Minute)
		n++
		w.alert(status, "APIServerDown", n)
		w.settle()
		w.advance(time.Minute)
	}
	issues := func() int {
		var all []struct{ Number int }
		w.ok("alice", "GET", "/api/v3/repos/acme/incidents/issues?state=all", nil, &all)
		return len(all)
	}
	reports := func(n int) (said string) {
		w.ref.Number = n
		for _, c := range w.list() {
			if strings.Contains(c.Body, "Alertmanager") && !strings.Contains(c.Body, "firebreak:card") &&
				!strings.Contains(c.Body, "folded/") {
				said += visible(c.Body) + "\n"
			}
		}
		return said
	}
	report("firing")
	if n := issues(); n != 3 {
		t.Fatalf("%d issues after an alert", n)
	}
	w.tell("on 3\nbob: /incident duplicate #2\non 2\nbob: /incident duplicate #1")
	report("firing")
	if n := issues(); n != 3 || reports(1) == "" {
		t.Errorf("%d issues; the incident at the end says %q", n, reports(1))
	}
	w.restart()
	report("resolved")
	if !strings.Contains(reports(1), "recovered") || issues() != 3 {
		t.Errorf("%d issues; after the recovery the incident at the end says %q", issues(), reports(1))
	}
	w.ref.Number = 1
	if card := w.card(); !strings.Contains(card, "| Duplicates |") ||
		!strings.Contains(card, "issues/2) · reported by **Alertmanager**") {
		t.Errorf("the card says\n%s", card)
	}
	before := reports(3)
	w.tell("on 3\nbob reopens")
	report("firing")
	if reports(3) == before || issues() != 3 {
		t.Errorf("%d issues; the reopened duplicate says %q", issues(), reports(3))
	}
}
