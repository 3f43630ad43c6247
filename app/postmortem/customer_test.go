package postmortem

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// toCustomer is a document of an incident of acme whose section for the customer holds a text.
func toCustomer(said string) string {
	return strings.Replace(frame(""), "A disk was full.", said, 1)
}

// TestC3InternalNames: a line for the customer names nobody and nothing of the house.
func TestC3InternalNames(t *testing.T) {
	names := []string{"carol", "@Dora-K", "acme/db-tools", "eu-1", "Jörg", " ", "alertmanager[bot]",
		"vault.acme.corp"}
	first := strings.Count(toCustomer("")[:strings.Index(toCustomer(""), "## For the customer")], "\n") + 3
	for said, want := range map[string][]string{
		"Carol repaired it, carols and carolina did not.":       {"1 Carol"},
		"Nothing here: carols, carol_2, xcarol, Jörgen, eu-10.": nil,
		"(@carol)": {"1 @carol"},
		"CAROL’s disk\nin EU-1 and dora-k": {"1 carol", "2 eu-1",
			"2 dora-k"},
		"Ask jörg, or [bot] of alertmanager[bot].": {"1 jörg",
			"1 alertmanager[bot]"},
		"It ran on vault.acme.corp:8200": {"1 vault.acme.corp"},
		"See acme/db-tools and acme/other.": {"1 acme/db-tools",
			"1 acme/other"},
		"See globex/acme, and/or 24/7": nil,
		"Fixed in #12, GH-3, other/repo#4": {"1 #12", "1 GH-3",
			"1 other/repo#4"},
		// copied from above
		"acme/platform\\#\u20607 and @\u2060frank": {"1 acme/platform\\#\u20607",
			"1 @\u2060frank"},
		"C#7, &#124;, #x, https://status.example.com/#12": nil,
		"Ask @frank or @acme/all":                         {"1 @frank", "1 @acme/all"},
		"Write to support@acme.example or at @ 5":         nil,
		"In commit 0a1b2c3 and 0123456789abcdef0123456789abcdef01234567": {"1 0a1b2c3",
			"1 0123456789abcdef0123456789abcdef01234567"},
		"1234567 requests, defaced, 12ab34": nil,
		"[a](https://GitHub.com/acme/incidents/issues/12) b https://github.com/x": {"1 https://GitHub.com/acme/incidents/issues/12",
			"1 https://github.com/x"},
		"https://status.example.com/github.com": nil,
		"`carol`\n\n```\neu-1\n```":             {"1 carol", "4 eu-1"}, // it is sent all the same
		"[x](https://example.com/carol)":        {"1 carol"},
		"<!-- carol\n#12 -->\neu-1":             {"3 eu-1"}, // comments are not sent
		"a\n\n### In detail\n\ncarol":           {"5 carol"},
	} {
		var got []string
		for _, p := range Lint(toCustomer(said), LintOptions{Internal: names}) {
			what, _, _ := strings.Cut(p.Message, " is internal")
			got = append(got, fmt.Sprintf("%d %s", p.Line-first+1, what))
			if p.Rule != "internal-name" || p.Level != Failure {
				t.Errorf("%s: %+v", said, p)
			}
		}
		wanted := map[string]int{}
		for _, w := range want {
			wanted[strings.ToLower(w)]++
		}
		gotten := map[string]int{}
		for _, g := range got {
			gotten[strings.ToLower(g)]++
		}
		if diff := cmp.Diff(wanted, gotten); diff != "" {
			t.Errorf("%s (-want +got):\n%s", said, diff)
		}
	}
	if got := Lint(frame("carol, #12, @dora and acme/db-tools in eu-1"),
		LintOptions{Internal: names}); len(got) > 0 {
		t.Errorf("outside of the customer's section: %v", got)
	}
}

// The host is the one on which the incident is.
func TestC3InternalHost(t *testing.T) {
	said := "https://git.acme.example/a and https://github.com/a"
	document := strings.Replace(toCustomer(said), "# Postmortem\n",
		"# Postmortem\n\n[acme/incidents#12](https://git.acme.example/acme/incidents/issues/12)\n", 1)
	got := Lint(document, LintOptions{})
	if len(got) != 1 || !strings.Contains(got[0].Message, "https://git.acme.example/a ") {
		t.Errorf("%v", got)
	}
}

func TestC3CustomerVersion(t *testing.T) {
	for name, c := range map[string]struct{ document, want string }{
		"text": {toCustomer("A disk\r\nwas full.\n\n- really"),
			"A disk\nwas full.\n\n- really\n"},
		"subsections": {toCustomer("### What\n\nA disk.\n\n#### More\n\nb"),
			"### What\n\nA disk.\n\n#### More\n\nb\n"},
		"comments": {toCustomer("<!-- prompt: customer -->\nA <!-- acme\nonly --> " +
			"disk.\n\n<!-- c -->\n\n\n- a\n  <!-- d -->"), "A \n disk.\n\n- a\n"},
		"marks in code": {toCustomer("```\n<!-- a -->\n_Write here: b_\n```"),
			"```\n<!-- a -->\n_Write here: b_\n```\n"},
		"beside a prompt": {toCustomer("_Write here: a **b**._ A disk was full."), ""},
		"a prompt below": {toCustomer("A disk was full.\n\n### More\n\n- a\n\n- _Write " +
			"here: b_"), ""},
		"renamed": {strings.Replace(toCustomer("<!-- prompt: customer -->\nA disk."),
			"## For the customer", "## To globex", 1), "A disk.\n"},
		"parts with prompts of their own": {toCustomer("### What\n\n<!-- prompt: what -->\nA disk."),
			"### What\n\nA disk.\n"},
		"a prompt elsewhere": {toCustomer("A disk.") + "\n\n_Write here: b_", "A disk.\n"},
		"underlined": {strings.Replace(toCustomer("A disk."), "## For the customer",
			"For the\ncustomer\n---", 1), "A disk.\n"},
		"to the end":    {"# for the Customer", ""},
		"at the end":    {"# For the customer\na", "a\n"},
		"the first one": {"# For the customer\na\n# For the customer\nb", "a\n"},
		"empty":         {toCustomer(""), ""},
		"only comments": {toCustomer("<!-- a -->"), ""},
		"only a prompt": {toCustomer("<!-- prompt: customer -->\n_Write here: for **globex**. No " +
			"internal name._"), ""},
		"a bare prompt": {toCustomer("Write here: a\nb"), ""},
		"none":          {"# Postmortem\n\ntext", ""},
		"in code":       {"```\n# For the customer\na\n```", ""},
		"nothing":       {"", ""},
		"too deep":      {toCustomer(strings.Repeat("> ", 100) + "a"), ""},
	} {
		got, ok := CustomerVersion(c.document)
		if ok != (c.want != "") {
			t.Errorf("%s: ok is %v", name, ok)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for name, f := range map[string]Facts{"rich": rich(), "minimal": minimal(), "drill": drill()} {
		document, err := Document(f)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := CustomerVersion(document); ok {
			t.Errorf("%s, fresh, tells the customer %q", name, got)
		}
		if got, ok := CustomerVersion(written(t, f)); ok != (name == "rich") ||
			ok && got != "The disk was full, and nothing warned of it.\n" {
			t.Errorf("%s, written, tells the customer %q, %v", name, got, ok)
		}
	}
}

// TestA7MachineSectionsStay: what Firebreak wrote is never sent, wherever somebody put it.
func TestA7MachineSectionsStay(t *testing.T) {
	section := func(name string) string {
		return "<!-- firebreak:begin " + name + " -->\n\n| secret |\n|---|\n\n<!-- firebreak:end " + name +
			" -->"
	}
	for name, said := range map[string]string{
		"a section":        section("roles"),
		"a copy":           section("roles") + "\n\n" + section("roles"),
		"the follow-ups":   section("followups") + "\n\n" + section("followups"),
		"an unknown one":   section("x-2"),
		"in a list":        "- a\n\n  " + strings.ReplaceAll(section("roles"), "\n", "\n  "),
		"in a quote":       "> " + strings.ReplaceAll(section("roles"), "\n", "\n> "),
		"in a paragraph":   "a <!-- firebreak:begin roles --> secret\nsecret <!-- firebreak:end roles -->",
		"without an end":   strings.ReplaceAll(section("roles"), "<!-- firebreak:end roles -->", "secret"),
		"with another end": strings.ReplaceAll(section("roles"), "end roles", "begin roles") + "\n\nsecret",
	} {
		document := toCustomer("A disk.\n\n" + said + "\n\n### Then\n\nIt was repaired.")
		got, ok := CustomerVersion(document)
		if !ok || !strings.HasPrefix(got, "A disk.\n\n") ||
			!strings.HasSuffix(got, "\n\n### Then\n\nIt was repaired.\n") ||
			strings.Contains(got, "secret") || strings.Contains(got, "<!--") {
			t.Errorf("%s: %v, %q", name, ok, got)
		}
		for _, p := range Lint(document, LintOptions{Internal: []string{"secret"}}) {
			if p.Rule == "internal-name" {
				t.Errorf("%s: what is not sent is told to be: %+v", name, p)
			}
		}
	}
}
