package words

import (
	"slices"
	"strings"
	"testing"
)

func TestFirstLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"\xff\xfe\r/ic":             "\uFFFD",
		" a line \n and another ":   "a line",
		strings.Repeat("ü", 20<<10): strings.Repeat("ü", 80),
	} {
		if got := FirstLine(text); got != want {
			t.Errorf("the first line of %q is %q, want %q", text[:min(len(text), 40)], got, want)
		}
	}
}

func TestList(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
		none bool
	}{
		{"", nil, false},
		{"globex, Initech; Globex", []string{"globex", "Initech"}, false},
		{"- globex\n- “Hooli XYZ”", []string{"globex", "Hooli XYZ"}, false},
		{"none", nil, true},
		{"No customers.", nil, true},
		{"none, globex", []string{"globex"}, false},
		{"-, and", nil, false},
	} {
		if got, none := List(c.text); !slices.Equal(got, c.want) || none != c.none {
			t.Errorf("%q is read as %q, %t, want %q, %t", c.text, got, none, c.want, c.none)
		}
	}
}

func TestCutPrefix(t *testing.T) {
	for _, c := range []struct {
		line, prefix, want string
		ok                 bool
	}{
		{"Customer  ADD: globex", "customer add", "globex", true},
		{"customer remove globex", "customer add", "", false},
		{"phases", "phase", "", false},
		{"", "phase", "", false},
	} {
		if got, ok := CutPrefix(c.line, c.prefix); got != c.want || ok != c.ok {
			t.Errorf("%q without %q is %q, %t, want %q, %t", c.line, c.prefix, got, ok, c.want, c.ok)
		}
	}
}
