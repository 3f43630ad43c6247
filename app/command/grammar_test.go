package command_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// lines is a note's entries: what is said of the time as HH:MM, with a Z for UTC, and the text.
func lines(said ...string) (out []incident.Line) {
	for i := 0; i < len(said); i += 2 {
		out = append(out, incident.Line{When: moment(said[i]), Text: said[i+1]})
	}
	return out
}

func moment(said string) incident.Moment {
	clock, utc := strings.CutSuffix(said, "Z")
	hour, minute, ok := strings.Cut(clock, ":")
	if !ok {
		return incident.Moment{}
	}
	m := incident.Moment{Said: said, Plain: !utc}
	m.Hour, _ = strconv.Atoi(hour)
	m.Minute, _ = strconv.Atoi(minute)
	if utc {
		m.Zone = incident.NewZone(time.UTC)
	}
	return m
}

func TestWhatFollowsTheWord(t *testing.T) {
	for _, x := range []struct {
		body string
		want c
	}{
		// Verbs, as phones write them.
		{"/Ic", c{Kind: incident.TakeIC, Verb: "ic"}},
		{"/oe.", c{Kind: incident.TakeOE, Verb: "oe"}},
		{"/oe: Finding: disk full", c{Kind: incident.Finding, Verb: "oe", Text: "disk full"}},
		{"/ic\u00a0close", c{Kind: incident.Close, Verb: "ic"}},
		{"/ic\tclose.", c{Kind: incident.Close, Verb: "ic"}},
		{"/IC   CUSTOMER\tREMOVE globex", c{Kind: incident.RemoveCustomer, Verb: "ic", Customers: []string{"globex"}}},

		// What a command doesn't take is for people.
		{"/ic\n\nI take it", c{Kind: incident.TakeIC, Verb: "ic"}},
		{"/oe drop\n\nGood night", c{Kind: incident.DropOE, Verb: "oe"}},
		{"/ic close now, please", c{Kind: incident.Close, Verb: "ic"}},
		{"/incident status\n\nthanks", c{Kind: incident.Status, Verb: "incident"}},
		{"/ic customer add globex\n\nThey called at 10:40", c{Kind: incident.AddCustomer, Verb: "ic", Customers: []string{"globex"}}},

		{"/incident\n\nAPI is down", c{Kind: incident.Declare, Verb: "incident", Text: "API is down"}},
		{"/incident p2 - slow\n\nsince 10:40", c{Kind: incident.Declare, Verb: "incident", Severity: "regular", Text: "slow\n\nsince 10:40"}},
		{"/incident Critical", c{Kind: incident.Declare, Verb: "incident", Severity: "critical"}},
		{"/incident critically slow", c{Kind: incident.Declare, Verb: "incident", Text: "critically slow"}},
		{"/incident regular update of eu-1 fails", c{Kind: incident.Declare, Verb: "incident", Severity: "regular", Text: "update of eu-1 fails"}},
		{"/incident node down", c{Kind: incident.Declare, Verb: "incident", Text: "node down", Like: "/incident note [HH:MM] text"}}, // one letter from "note"

		{"/ic because: I am alone\nat night", c{Kind: incident.TakeIC, Verb: "ic", Because: "I am alone\nat night"}},
		{"/oe Because nobody else", c{Kind: incident.TakeOE, Verb: "oe", Because: "nobody else"}},
		{"/ic close because it never was", c{Kind: incident.Close, Verb: "ic", Because: "it never was"}},
		{"/ic phase FIXING, because we know", c{Kind: incident.MovePhase, Verb: "ic", Phase: "fixing", Because: "we know"}},

		{"/ic @octo-cat: I sleep", c{Kind: incident.GiveIC, Verb: "ic", Logins: []string{"octo-cat"}, Text: "I sleep"}},
		{"/oe @a,@b, and @c_corp and help them", c{Kind: incident.GiveOE, Verb: "oe", Logins: []string{"a", "b", "c_corp"}, Text: "and help them"}},
		{"/ic @bob-", c{Kind: incident.GiveIC, Verb: "ic", Logins: []string{"bob-"}}}, // accounts from before 2013
		{"/oe @a--b, @dave_acme: help", c{Kind: incident.GiveOE, Verb: "oe", Logins: []string{"a--b", "dave_acme"}, Text: "help"}},
		{"/oe @a @A", c{Kind: incident.GiveOE, Verb: "oe", Logins: []string{"a"}}},

		{"/ic severity P1", c{Kind: incident.SetSeverity, Verb: "ic", Severity: "p1"}}, // the config may name it so
		{"/ic severity\ncritical: all is down", c{Kind: incident.SetSeverity, Verb: "ic", Severity: "critical", Text: "all is down"}},

		{"/ic customer add globex; Big Corp., \"x\", globex", c{Kind: incident.AddCustomer, Verb: "ic", Customers: []string{"globex", "Big Corp", "x"}}},
		{"/ic customer add globex and initech", c{Kind: incident.AddCustomer, Verb: "ic", Customers: []string{"globex and initech"}}},
		{"/ic customer add none, globex", c{Kind: incident.AddCustomer, Verb: "ic", Customers: []string{"globex"}}},
		{"/ic customer add None.", c{Kind: incident.AddCustomer, Verb: "ic", None: true}},

		{"/ic escalate @bob, @acme/db and @carol the disk is full\nand fills", c{Kind: incident.Escalate, Verb: "ic", Text: "@bob, @acme/db and @carol the disk is full\nand fills"}},

		{"/ic snooze 90 minutes: in a call", c{Kind: incident.Snooze, Verb: "ic", After: 90 * time.Minute, Text: "in a call"}},
		{"/ic snooze 1h 30m\nin a call", c{Kind: incident.Snooze, Verb: "ic", After: 90 * time.Minute, Text: "in a call"}},
		{"/ic snooze 24 hours they sleep", c{Kind: incident.Snooze, Verb: "ic", After: 24 * time.Hour, Text: "they sleep"}},

		{"/ic pin <https://ghe.example.com/a/b/issues/1#issuecomment-7>", c{Kind: incident.Pin, Verb: "ic", Link: 7}},
		{"/ic pin see [this one](https://github.com/a/b/issues/1#issuecomment-7) it tells all", c{Kind: incident.Pin, Verb: "ic", Link: 7, Text: "see it tells all"}},
		{"/ic unpin #issuecomment-7", c{Kind: incident.Unpin, Verb: "ic", Link: 7}},
		{"/ic pin https://grafana.example.com/d/1", c{Kind: incident.Pin, Verb: "ic", Text: "https://grafana.example.com/d/1"}},
		{"> not this\n\n> > nested\n>  - this\n\ntext\n\n/ic pin the list", c{Kind: incident.Pin, Verb: "ic", Quote: "> nested\n - this", Text: "the list"}},
		{"/ic pin\n\n> this", c{Kind: incident.Pin, Verb: "ic", Quote: "this"}},
		{"/ic pin\n\nOn Tue, Carol <c@example.com> wrote:\n> all of the mail", c{Kind: incident.Pin, Verb: "ic"}},
		{"> quoted\n\n/ic unpin https://github.com/a/b/issues/1#issuecomment-7", c{Kind: incident.Unpin, Verb: "ic", Link: 7}},

		{"/ic followup due:+2w, @erin: acme/x is no repository here", c{Kind: incident.AddFollowUp, Verb: "ic", Logins: []string{"erin"}, Due: "+2w", Text: "acme/x is no repository here"}},
		{"/ic followup\nAdd a limit Due: 2028-02-29\n\nwith a test, says @carol\n@erin\n\n- so", c{Kind: incident.AddFollowUp, Verb: "ic", Logins: []string{"erin"}, Due: "2028-02-29", Text: "Add a limit\n\nwith a test, says @carol\n\n- so"}},
		{"/ic follow up", c{}},
		{"/ic followup jdoe_acme/tools Fix it @erin due:+7d", c{Kind: incident.AddFollowUp, Verb: "ic", Repo: "jdoe_acme/tools", Logins: []string{"erin"}, Due: "+7d", Text: "Fix it"}},
		{"/ic followup acme/platform: Fix alerting @dave_acme", c{Kind: incident.AddFollowUp, Verb: "ic", Repo: "acme/platform", Logins: []string{"dave_acme"}, Text: "Fix alerting"}},
		{"/ic followup bob-/.github, Fix alerting", c{Kind: incident.AddFollowUp, Verb: "ic", Repo: "bob-/.github", Text: "Fix alerting"}},
		{"/ic followup acme/..: no repository", c{Kind: incident.AddFollowUp, Verb: "ic", Text: "acme/..: no repository"}},
		{"/oe followup ask @acme/db or a@b.c", c{Kind: incident.AddFollowUp, Verb: "oe", Text: "ask @acme/db or a@b.c"}},

		{"/incident duplicate 12 the same alert", c{Kind: incident.Duplicate, Verb: "incident", Number: 12, Text: "the same alert"}},

		{"/incident note\n- 9:05 paged\n* 23:59Z: came\n\n1. 24 is no time\n12:3 neither\n10:4000 nor this\n10:40\nlate", c{Kind: incident.Note, Verb: "incident",
			Entries: lines("9:05", "paged", "23:59Z", "came", "", "24 is no time", "", "12:3 neither", "", "10:4000 nor this", "10:40", "late")}},
		{"/incident note 10:40 the log\n```\n10:41 not a time\n\n/ic close\n```\n10:42Z after", c{Kind: incident.Note, Verb: "incident",
			Entries: lines("10:40", "the log\n```\n10:41 not a time\n\n/ic close\n```", "10:42Z", "after")}},
	} {
		got := command.Parse(x.body)
		if x.want.Kind == "" {
			if len(got) != 1 || !isMisspelt(got[0]) {
				t.Errorf("%q returns %+v", x.body, got)
			}
			continue
		}
		if d := cmp.Diff([]any{x.want}, got); d != "" {
			t.Errorf("%q (-want +got):\n%s", x.body, d)
		}
	}
}

func isMisspelt(what any) bool { _, ok := what.(incident.Misspelt); return ok }

func TestA1WhatIsMissingIsSaid(t *testing.T) {
	for body, want := range map[string]incident.Misspelt{
		"/ic foo bar":                                  {Known: "", Why: incident.NotACommand},
		"/ic clsoe":                                    {Known: "/ic close", Why: incident.NotACommand},
		"/ic follow-up x":                              {Known: "/ic followup [owner/repo] title [@owner] [due:DATE]", Why: incident.NotACommand},
		"/oe folowup x":                                {Known: "/oe followup [owner/repo] title [@owner] [due:DATE]", Why: incident.NotACommand},
		"/oe close":                                    {Known: "/ic close", Why: incident.NotACommand},
		"/ic becuase I am alone":                       {Known: "/ic because …", Why: incident.NotACommand},
		"/oe fin x":                                    {Known: "/oe fix text or owner/repo#n", Why: incident.NotACommand}, // as near to "pin", of the other verb
		"/ic fin x":                                    {Known: "/ic pin [link] [note]", Why: incident.NotACommand},
		"/ic bob":                                      {Known: "", Why: incident.NotACommand},
		"/ic customers globex":                         {Known: "/ic customer add NAME…", Why: incident.NotACommand},
		"/ic customer remve globex":                    {Known: "/ic customer remove NAME…", Why: incident.NotACommand},
		"/incdent critical API down":                   {Known: "/incident [severity] [summary]", Why: incident.NotACommand},
		"/incidents note x":                            {Known: "/incident note [HH:MM] text", Why: incident.NotACommand},
		"/INCIDNET":                                    {Known: "/incident [severity] [summary]", Why: incident.NotACommand},
		"/incident close":                              {Known: "/ic close", Why: "severity first"},
		"/incident update we know more":                {Known: "/ic update text", Why: "severity first"},
		"/incident customer globex is down":            {Known: "/ic customer add NAME…", Why: "severity first"},
		"/incident status page is down":                {Known: "/incident status", Why: "severity first"},
		"/incident statsu":                             {Known: "/incident status", Why: incident.NotACommand},
		"/incident note":                               {Known: "/incident note [HH:MM] text", Why: "text"},
		"/incident note 10:40":                         {Known: "/incident note [HH:MM] text", Why: "text"},
		"/incident decline":                            {Known: "/incident decline why", Why: "false alarm"},
		"/incident duplicate":                          {Known: "/incident duplicate #n", Why: "#12"},
		"/incident duplicate #0":                       {Known: "/incident duplicate #n", Why: "#12"},
		"/ic because":                                  {Known: "/ic because …", Why: "reason"},
		"/ic close because":                            {Known: "/ic close because …", Why: "reason"},
		"/ic @-bob":                                    {Known: "/ic @user", Why: "@-bob can't be a name"},
		"/ic @bob_x_y":                                 {Known: "/ic @user", Why: "can't be a name"},
		"/ic @alerts[bot]":                             {Known: "/ic @user", Why: "@alerts[bot] is an app's bot: name a person"},
		"/ic followup x @alerts[bot]":                  {Known: "/ic followup [owner/repo] title [@owner] [due:DATE]", Why: "@alerts[bot] is an app's bot"},
		"/ic @":                                        {Known: "/ic @user", Why: "can't be a name"},
		"/ic @" + strings.Repeat("a", 40):              {Known: "/ic @user", Why: "can't be a name"},
		"/ic @acme/db":                                 {Known: "/ic @user", Why: "name a person"},
		"/oe @bob's turn":                              {Known: "/oe @user", Why: "can't be a name"},
		"/ic severity":                                 {Known: "/ic severity critical [why]", Why: "add the severity"},
		"/ic customer add":                             {Known: "/ic customer add NAME…", Why: "customers' names"},
		"/ic customer add , and":                       {Known: "/ic customer add NAME…", Why: "customers' names"},
		"/ic customer remove none":                     {Known: "/ic customer remove NAME…", Why: "customers' names"},
		"/ic snooze":                                   {Known: "/ic snooze 15m why", Why: "how long"},
		"/ic snooze 15 in a call":                      {Known: "/ic snooze 15m why", Why: "how long"},
		"/ic snooze 15months x":                        {Known: "/ic snooze 15m why", Why: "how long"},
		"/ic snooze 99999m x":                          {Known: "/ic snooze 15m why", Why: "how long"},
		"/ic snooze 0m x":                              {Known: "/ic snooze 15m why", Why: "24 hours"},
		"/ic snooze 24h1m x":                           {Known: "/ic snooze 15m why", Why: "24 hours"},
		"/ic pin https://x.com/a/b/issues/12":          {Known: "/ic pin [link] [note]", Why: "#issuecomment-"},
		"/ic pin #issuecomment-99999999999999999999":   {Known: "/ic pin [link] [note]", Why: "no comment with that number"},
		"/ic unpin #issuecomment-0":                    {Known: "/ic unpin [link]", Why: "no comment with that number"},
		"/ic phase":                                    {Known: "/ic phase NAME [because why]", Why: "identify, investigate, fixing, monitoring, closing"},
		"/ic phase nowhere":                            {Known: "/ic phase NAME [because why]", Why: "name a phase"},
		"/ic phase monitor":                            {Known: "/ic phase monitoring", Why: "the phase monitor"},
		"/ic phase investigating":                      {Known: "/ic phase investigate", Why: "the phase investigating"},
		"/ic phase fixing because":                     {Known: "/ic phase NAME [because why]", Why: "reason"},
		"/ic agree":                                    {Known: "/ic agree who and how", Why: "who agreed"},
		"/ic followup acme/db":                         {Known: "/ic followup [owner/repo] title [@owner] [due:DATE]", Why: "add a title"},
		"/ic followup @bob due:+7d":                    {Known: "/ic followup [owner/repo] title [@owner] [due:DATE]", Why: "add a title"},
		"/ic followup x @bob @carol":                   {Known: "/ic followup [owner/repo] title [@owner] [due:DATE]", Why: "one owner"},
		"/ic followup x @-bob":                         {Known: "/ic followup [owner/repo] title [@owner] [due:DATE]", Why: "@-bob can't be a name"},
		"/ic followup x due:+1d due:+2d":               {Known: "/ic followup [owner/repo] title [@owner] [due:DATE]", Why: "one date"},
		"/ic followup x due:friday":                    {Known: "/ic followup [owner/repo] title [@owner] [due:DATE]", Why: "2026-12-31"},
		"/oe followup x due:+7000d":                    {Known: "/oe followup [owner/repo] title [@owner] [due:DATE]", Why: "2026-12-31"},
		"/oe fix":                                      {Known: "/oe fix text or owner/repo#n", Why: "what the fix is"},
		"/oe regression \n\n> only what a mail quoted": {Known: "/oe regression text", Why: "what came back"},
	} {
		got := command.Parse(body)
		if len(got) != 1 || !isMisspelt(got[0]) {
			t.Errorf("%q returns %+v", body, got)
			continue
		}
		m := got[0].(incident.Misspelt)
		first, _, _ := strings.Cut(body, "\n")
		if m.Known != want.Known || !strings.Contains(m.Why, want.Why) || m.Line != strings.TrimSpace(first) {
			t.Errorf("%q: %+v, want %q suggested and %q said", body, m, want.Known, want.Why)
		}
	}
}

// kinds parses a comment and returns the kinds of what is found.
func kinds(body string) string {
	var out []string
	for _, what := range command.Parse(body) {
		if cmd, ok := what.(c); ok {
			out = append(out, string(cmd.Kind))
		} else {
			out = append(out, "?")
		}
	}
	return strings.Join(out, ", ")
}

func TestWhereACommandMayStand(t *testing.T) {
	for body, want := range map[string]string{
		"text\n/ic\nmore\n\n/oe\n\n/ic close": "ic, oe, close",
		"   /ic":                              "ic",
		"text\n    /ic":                       "", // four spaces are code, even where Markdown takes them for the paragraph's
		"*so\n/ic\nso*":                       "ic",
		"~~a\n/ic\nb~~":                       "", // struck through is taken back
		"![a\n/ic\nb](http://x)":              "?",
		"<a href=\"x\n/ic\ny\">":              "",
		"a <b\n/ic\n> c":                      "ic", // a quote begins before any tag ends
		"/ic\n===":                            "ic", // nobody means a heading
		"/ic close\n\n---\nsent from a train": "close",
		"\\/ic":                               "",
		"<!-- hidden -->\n/ic":                "ic",
		"<!--\n\n/ic\n\n-->":                  "",
		"<pre>\n\n/ic\n\n</pre>\n\n/oe":       "oe",
		"<details><summary>log</summary>\n\n/ic\n\n</details>\n\n/oe":                "oe",
		"<details>\n\n```\n/ic\n```\n\ntext </details>\n\n/oe":                       "oe",
		"<details>\n\n- item\n\n  </details>\n\n/oe":                                 "oe",
		"- item\n\n  <div>\n\n/oe":                                                   "oe",
		"<Blockquote>\n\n/ic\n\n</blockquote>\n\n/oe":                                "oe",
		"/oe finding <del>not\n/ic\nthis</del>\n/oe":                                 "finding, oe",
		"/oe finding see\n\n<details>\n\n/ic\n\n</details>\n\nand more\n\n/ic close": "finding, close",
		"- a\n/ic":                       "?", // goes on with the item
		"- a\n\n/ic":                     "ic",
		"> a\n\n/ic":                     "ic",
		"| a |\n|---|\n| b |\n\n/ic":     "ic",
		"/ic | x\n--- | ---\n/oe | x":    "",
		"```\n/ic":                       "",
		"```\ncode\n```\n/ic":            "ic",
		"[a]: http://x\n/ic":             "ic",
		"/ic\r/oe\r\n/ic close":          "ic, oe, close",
		"/usr/bin\n/indigo\n/identity x": "",
		"/incident/12\n/ic-2\n/oe_x":     "",
		"/ic?":                           "",
		"/ic:x":                          "",
		"/İc\n/ıc":                       "",
		"/incidint\n/incidentally":       "?",
	} {
		if got := kinds(body); got != want {
			t.Errorf("%q returns %s, want %s", body, got, want)
		}
	}
}

func TestWhereATextEnds(t *testing.T) {
	for body, want := range map[string]string{
		"/oe finding a\n\n- b\n- c\n\n```\nd\n```\n\n\n": "a\n\n- b\n- c\n\n```\nd\n```",
		"/oe finding\n\n\ta":                             "a",
		"/oe finding a\n> q":                             "a",
		"/oe finding a\n\n> q\n\n> r\nlazy\n":            "a",
		"/oe finding a\n\n> q\n\nb":                      "a\n\n> q\n\nb",
		"/oe finding a\n\n> q\n\n/ic close":              "a",
		"/oe finding a\n\n```\n> q\n```":                 "a\n\n```\n> q\n```",
		"/oe finding a\n\n    > q":                       "a\n\n    > q",
		"/oe finding a\n\n- > q":                         "a\n\n- > q",
		"/oe finding carol wrote:\n\n> q":                "carol wrote:",
		"/oe finding a\n\nOn Tue, carol wrote:\n>":       "a",
		"/oe finding a\n\nOn Tue, Nov 24, 2026 at 10:40 AM Carol\n<carol@example.com> wrote:\n\n> q": "a",
		"/oe finding a\n\nAm Di., 24. Nov. schrieb Carol ***@***.***>:\n> q":                         "a",
		"/oe finding a\nOn Tue, carol wrote:\n> q":                                                   "a",
		"/oe finding a\n\nThis is what @carol saw:\n> q":                                             "a\n\nThis is what @carol saw:",
		"/oe finding On Tue, carol wrote:\n> q":                                                      "On Tue, carol wrote:",
		"/oe finding a\n\nb\n\nOn we go: carol wrote:\nno quote follows":                             "a\n\nb\n\nOn we go: carol wrote:\nno quote follows",
		"/oe finding a  \nb\\\nc":                                                                    "a  \nb\\\nc",
		"/oe finding a\r\n\r\n> q\r\n\r\nb\r\n":                                                      "a\n\n> q\n\nb",
	} {
		got := command.Parse(body)
		if len(got) == 0 || got[0].(c).Text != want {
			t.Errorf("%q returns %+v, want %q", body, got, want)
		}
	}
}

func TestWhatAnEditAdds(t *testing.T) {
	for _, x := range []struct{ before, after, want string }{
		{"", "/ic", "ic"},
		{"/ic\n\n/oe", "/oe\n\n/ic", ""},
		{"/ic", "/IC\n\nthank you all", ""},
		{"/oe finding  a\nb", "/oe   Finding a b", ""},
		{"/oe finding a", "/oe finding b", "finding"},
		{"/ic\n/ic", "/ic", ""},
		{"/ic", "/ic\n/ic\n/ic", "ic, ic"},
		{"```\n/ic\n```", "/ic", "ic"},
		{"/ic update", "/ic update we are back", "update"},
		{"/ic foo", "/ic foo\n\n/oe", "oe"},
		{"/oe finding " + strings.Repeat("x", 20<<10), "/oe finding x", "finding"},
		{"/oe finding " + strings.Repeat("x", 20<<10), "/oe finding " + strings.Repeat("x", 30<<10), ""},
	} {
		var got []string
		for _, what := range command.Added(x.before, x.after) {
			if cmd, ok := what.(c); ok {
				got = append(got, string(cmd.Kind))
			} else {
				got = append(got, "?")
			}
		}
		if strings.Join(got, ", ") != x.want {
			t.Errorf("%.40q → %.40q adds %v, want %s", x.before, x.after, got, x.want)
		}
	}
}

// readForm writes an issue form's body as GitHub does.
func readForm(summary, severity, customers, source, drill string) string {
	return fmt.Sprintf("### Summary\n\n%s\n\n### Severity\n\n%s\n\n### Customers impacted\n\n%s\n\n### How did you learn of it?\n\n%s\n\n### Drill\n\n%s", summary, severity, customers, source, drill)
}

func TestWhatAFormSays(t *testing.T) {
	const nothing, open, ticked = "_No response_", "- [ ] This is a drill.", "- [x] This is a drill."
	for _, x := range []struct {
		body    string
		want    incident.Opened
		summary string
	}{
		{readForm("down", "critical", "globex", "a link", open), incident.Opened{Source: "form", Summary: true, Severity: "critical", Customers: []string{"globex"}}, "down"},
		{readForm(nothing, nothing, nothing, nothing, open), incident.Opened{Source: "form"}, ""},
		{readForm("None", "None", nothing, nothing, strings.ToUpper(ticked)), incident.Opened{Source: "form", Drill: true}, ""},
		{readForm("a", "Critical (P1): all down", "Big Corp, globex; Globex\n- initech.\n", nothing, open), incident.Opened{Source: "form", Summary: true, Severity: "critical", Customers: []string{"Big Corp", "globex", "initech"}}, "a"},
		{readForm("a", "regular", "Nobody.", nothing, open), incident.Opened{Source: "form", Summary: true, Severity: "regular", None: true}, "a"},
		{readForm("a", "regular", "no customers", nothing, open), incident.Opened{Source: "form", Summary: true, Severity: "regular", None: true}, "a"},
		{readForm("a", "regular", "none, globex", nothing, open), incident.Opened{Source: "form", Summary: true, Severity: "regular", Customers: []string{"globex"}}, "a"},
		{strings.ReplaceAll(readForm("a\nb", "regular", nothing, nothing, ticked), "\n", "\r\n"), incident.Opened{Source: "form", Summary: true, Severity: "regular", Drill: true}, "a\nb"},
		// The summary may look like the rest of the form, and can't change it.
		{readForm("a\n\n### Severity\n\ncritical\n\n### Drill\n\n- [x] b\n\n### Summary", "regular", nothing, nothing, open), incident.Opened{Source: "form", Summary: true, Severity: "regular"}, "a\n\n### Severity\n\ncritical\n\n### Drill\n\n- [x] b\n\n### Summary"},
		// A company's form without the last fields.
		{"### Summary\n\na\n\n### Severity\n\nregular\n\n### Customers impacted\n\nnone", incident.Opened{Source: "form", Summary: true, Severity: "regular", None: true}, "a"},
		{"### Summary\n\na\n\n### Severity\n\nregular\n\n### Customers impacted\n\nnone\n\n### Drill\n\n" + ticked, incident.Opened{Source: "form", Summary: true, Severity: "regular", None: true, Drill: true}, "a"},
	} {
		got, ok := command.Form(x.body)
		if d := cmp.Diff(x.want, got); !ok || d != "" {
			t.Errorf("%q is a form: %t (-want +got):\n%s", x.body, ok, d)
		}
		if got := command.Summary(x.body); got != x.summary {
			t.Errorf("%q: summary %q, want %q", x.body, got, x.summary)
		}
	}
	for _, body := range []string{"", "### Summary\n\na\n\n### Severity\n\ncritical", "### Severity\n\ncritical\n\n### Summary\n\na\n\n### Customers impacted\n\nb",
		"## Summary\n\na\n\n## Severity\n\ncritical\n\n## Customers impacted\n\nb", "###Summary\n###Severity\n###Customers impacted"} {
		if o, ok := command.Form(body); ok || command.Summary(body) != "" {
			t.Errorf("%q is no form: %+v", body, o)
		}
	}
}

func TestTheTableHasEveryCommandAndWhoMayUseIt(t *testing.T) {
	table := command.Table()
	for _, row := range incident.Commands {
		if strings.Count(table, "| `"+row.Usage+"`") != 1 || !strings.Contains(table, row.Does) {
			t.Errorf("the table does not have %s once", row.Usage)
		}
	}
	if strings.Count(table, "\n|---|---|---|\n") != 3 {
		t.Errorf("three groups, three tables:\n%s", table)
	}
	got := command.Help([]incident.Row{incident.RowOf(incident.AddFollowUp), {Usage: "/x a|b", Does: "c|d"}})
	want := "| command | what it does | who may use it |\n|---|---|---|\n" +
		"| `/ic followup [owner/repo] title [@owner] [due:DATE]`, `/oe followup …` | add a follow-up ticket | IC or OE |\n" +
		"| `/x a\\|b` | c\\|d | anyone |\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// comment draws lines that comments are made of, some of them hardly text.
func comment(t *rapid.T) string {
	line := rapid.OneOf(piece, piece, rapid.String(), rapid.StringMatching(`/(ic|oe|incident) [a-z@/:#,+ 0-9-]{0,20}`),
		rapid.SampledFrom([]string{"<details>", "</details>", "~~", "- ", "1. x", "[a]: b", "/incidnet", "/ic snooze 15m x", "/incident note 10:40 x", "\x00", "\xff", "\u2028", "/oe @a @b", "On x wrote:"}))
	end := rapid.SampledFrom([]string{"\n", "\n", "\n", "\r\n", "\r", "\n\n", ""})
	var b strings.Builder
	for range rapid.IntRange(0, 15).Draw(t, "count") {
		b.WriteString(line.Draw(t, "line") + end.Draw(t, "end"))
	}
	return b.String()
}

func TestPropertyWhateverIsWrittenIsReadOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := comment(t)
		got := command.Parse(body)
		if len(got) > 0 && !command.Has(body) {
			t.Fatalf("Has overlooks %v", got)
		}
		if d := cmp.Diff(got, command.Parse(strings.ReplaceAll(strings.ReplaceAll(body, "\r\n", "\n"), "\r", "\n"))); d != "" {
			t.Fatalf("line ends change what is read:\n%s", d)
		}
		if added := command.Added(body, body); len(added) > 0 {
			t.Fatalf("added to itself: %v", added)
		}
		if added := command.Added("", body); len(added) != len(got) {
			t.Fatalf("%d of %d added to nothing", len(added), len(got))
		}
		for _, what := range got {
			if m, ok := what.(incident.Misspelt); ok && (m.Why == "" || m.Line == "" || len([]rune(m.Line)) > 80) {
				t.Fatalf("%+v says too little or too much", m)
			}
		}
	})
}

func TestPropertyATextEndsWhereTheNextCommandBegins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "commands")
		block := rapid.SampledFrom([]string{"", "text\n", "two\nlines\n", "- item\n\n", "```\ncode\n```\n", "> quote\n\n", "<b>x</b>\n\n", "| a |\n|---|\n| b |\n\n", "# heading\n", "    code\n\n"})
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "\n/oe finding mark%d\n\n", i)
			for range rapid.IntRange(0, 3).Draw(t, "blocks") {
				b.WriteString(block.Draw(t, "block"))
			}
			b.WriteString("\n")
		}
		got := command.Parse(b.String())
		if len(got) != n {
			t.Fatalf("%d commands of %d in\n%s", len(got), n, b.String())
		}
		for i, what := range got {
			text := what.(c).Text
			if !strings.HasPrefix(text, fmt.Sprintf("mark%d", i)) || strings.Count(text, "mark") != 1 || strings.Contains(text, "/oe") {
				t.Fatalf("command %d says %q", i, text)
			}
		}
	})
}

func TestPropertyWhatHoldsACommandKeepsIt(t *testing.T) {
	inert := map[string]func(string) string{
		"quote":     func(s string) string { return "> " + strings.ReplaceAll(s, "\n", "\n> ") },
		"fence":     func(s string) string { return "````\n" + s + "\n````" },
		"code":      func(s string) string { return "    " + strings.ReplaceAll(s, "\n", "\n    ") },
		"list":      func(s string) string { return "- " + strings.ReplaceAll(s, "\n", "\n  ") },
		"number":    func(s string) string { return "1. " + strings.ReplaceAll(s, "\n", "\n   ") },
		"comment":   func(s string) string { return "<!--\n" + s + "\n-->" },
		"pre":       func(s string) string { return "<pre>\n" + s + "\n</pre>" },
		"details":   func(s string) string { return "<details>\n\n" + s + "\n\n</details>" },
		"code span": func(s string) string { return "``" + strings.ReplaceAll(s, "\n\n", "\n") + "``" },
		"cell":      func(s string) string { return "| a |\n|---|\n| " + strings.ReplaceAll(s, "\n", " |\n| ") + " |" },
	}
	names := make([]string, 0, len(inert))
	for name := range inert {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(t *rapid.T) {
		said := rapid.SliceOfN(rapid.SampledFrom([]string{"/ic", "/oe finding x", "/ic close", "text", "/incidnet", "\n/ic"}), 1, 6).Draw(t, "lines")
		name := rapid.SampledFrom(names).Draw(t, "in")
		body := "before\n\n" + inert[name](strings.Join(said, "\n")) + "\n\n/oe action after"
		got := command.Parse(body)
		if len(got) != 1 || got[0].(c).Text != "after" {
			t.Fatalf("in a %s: %+v\n%s", name, got, body)
		}
	})
}
