package config

import (
	"fmt"
	regex "regexp/syntax"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// rulesFile writes a file of rules, one for each pattern.
func rulesFile(patterns ...string) []byte {
	var b strings.Builder
	b.WriteString("signals:\n")
	for _, p := range patterns {
		fmt.Fprintf(&b, "- {source: alertmanager, title: '%s', do: drop}\n", p)
	}
	return []byte(b.String())
}

// Expressions that are short to write and large to match, and lists without end, are mistakes with
// a place.
func TestWhatIsTooLargeIsAMistake(t *testing.T) {
	list := func(before, each, after string, n int) []byte {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(each, "N", fmt.Sprintf("a%d", i)))
		}
		return []byte(before + b.String() + after)
	}
	for name, c := range map[string]struct {
		content []byte
		want    string // "" : it can be used
	}{
		"ordinary":                 {rulesFile("prod-.*", "^(eu|us)-[0-9]{1,3}$"), ""},
		"a long repetition":        {rulesFile("x{1000}"), ""},
		"two long repetitions":     {rulesFile("x{1000}y{1000}"), "line 2, column 33: \"x{1000}y{1000}\" is too large: with its repetitions it stands for 2001 characters, and 1000 are allowed"},
		"many long repetitions":    {rulesFile(strings.Repeat("[^a]{0,999}", 45)), "is too large"},
		"repetitions in others":    {rulesFile("((x{10}){10}){10}y"), "is too large"},
		"letters of all scripts":   {rulesFile(`(?i)\pL{1000}`), ""},
		"too many of them":         {rulesFile("a{1000}", "b{1000}", "c{1000}", "d{1000}", "e{1000}", "f{1000}"), "line 7, column 33: the expressions up to this one are too large together"},
		"20 severities":            {list("severities:\n critical: {critical: true}\n", " N:\n", "", 19), ""},
		"21 severities":            {list("severities:\n critical: {critical: true}\n", " N:\n", "", 20), "severities has 21 entries; 20 are allowed"},
		"500 customers":            {list("customers:\n", " N: {contacts: [x]}\n", "", 500), ""},
		"501 customers":            {list("customers:\n", " N: {contacts: [x]}\n", "", 501), "customers has 501 entries; 500 are allowed"},
		"201 rules":                {list("signals:\n", "- {source: email, do: drop}\n", "", 201), "signals has 201 entries; 200 are allowed"},
		"21 steps":                 {list("escalation:\n steps:\n", " - {to: [platform]}\n", "", 21), "steps has 21 entries; 20 are allowed"},
		"101 phones":               {list("phones:\n", "- N\n", "", 101), "phones has 101 entries; 100 are allowed"},
		"101 responders":           {list("responders: [", "N,", "b]", 100), "responders has 101 entries; 100 are allowed"},
		"a list of lists of lists": {[]byte("a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nresponders: *c\n"), "an anchor or alias, which are not supported"},
	} {
		_, err := Parse(c.content)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// What is taken for an expression's size bounds the program that matches it, whatever the
// expression is.
func TestPropertyASizeBoundsTheProgram(t *testing.T) {
	piece := rapid.SampledFrom([]string{"a", "bc", ".", `\pL`, "[^x]", "(?i)k", "(", "(?:", ")", "|", "*", "+", "?", "{3}", "{0,7}", "{2,}", "{40}", "{1000}", "^", "$", `\b`, "é", "[a-z0-9_]"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 0, 20).Draw(t, "pieces"), "")
		size, err := patternSize(text)
		if err != nil || size > maxPattern {
			return
		}
		re, err := regex.Parse(text, regex.Perl)
		if err != nil {
			t.Fatal(err)
		}
		program, err := regex.Compile(re.Simplify())
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if most := 3*size + 10; len(program.Inst) > most {
			t.Errorf("%s has %d instructions, and its size is %d", text, len(program.Inst), size)
		}
	})
}
