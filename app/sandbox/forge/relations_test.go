package forge

import "testing"

func TestNothingIsReferredToFromCodeAndComments(t *testing.T) {
	for text, want := range map[string]string{
		"see #1":                        "see #1",
		"a <!-- #1 --> b <b>#2</b>":     "a   b <b>#2</b>",
		"<!-- #1":                       "<!-- #1",
		"a `#1` b `#2":                  "a   b `#2",
		"a `b\nc` #1":                   "a `b\nc` #1",
		"a ``b ` #1`` c":                "a   c",
		"a\n```\n#1\n```\nb #2":         "a\n \nb #2",
		"a\n   ~~~ sh\n#1 ``\n~~~ #2":   "a\n     #2",
		"a\n```\n#1":                    "a\n ",
		"a ~~~ #1":                      "a ~~~ #1",
		"`<!--` #1 `-->`":               "  #1  ",
		"<!-- ` --> #1 <!-- ` --> @bob": "  #1   @bob",
	} {
		if got := withoutInert(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
