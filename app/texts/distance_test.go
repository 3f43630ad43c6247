package texts_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/texts"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"pin", "pin", 0}, {"PIN", "pin", 0},
		{"pin", "pni", 1}, {"incidnet", "incident", 1}, {"incdent", "incident", 1}, {"kitten", "sitting", 3},
		{"ca", "abc", 3}, // a swapped pair is not touched again
		{"@", "`", 1},    // not letters, though one bit apart as letters of two cases are
		{strings.Repeat("a", 65), "a", texts.Far},
	} {
		if got := texts.Distance(c.a, c.b); got != c.want {
			t.Errorf("from %q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestPropertyDistanceIsOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-c]{0,8}`)
		a, b, c := word.Draw(t, "a"), word.Draw(t, "b"), word.Draw(t, "c")
		switch {
		case texts.Distance(a, b) != texts.Distance(b, a):
			t.Fatal("it is longer one way")
		case (texts.Distance(a, b) == 0) != (a == b):
			t.Fatal("only the same word is 0 away")
		case texts.Distance(a, b) > max(len(a), len(b)):
			t.Fatal("changing every letter is shorter")
		case texts.Distance(a+c, b+c) > texts.Distance(a, b):
			t.Fatal("the same end makes words no farther")
		}
	})
}
