package command_test

import (
	"slices"
	"testing"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// What a workflow is given arrives byte for byte, whatever is in it and around it (X5). The texts are those of
// TestX5InputsAreReadByteForByte that a comment is most likely to spoil.
func TestX5InputsOfACommentAreKept(t *testing.T) {
	for _, value := range []string{
		"", "  two  spaces ", "a\u00a0b", "\u200b", "\u200d", "\ufeff", "\u00ad", "\u202eabc", "\u2028", "e\u0301", "👩\u200d💻", "日本語／oe", "$(rm -rf /)", "`id`", "${{ secrets.TOKEN }}",
		`"><script>alert(1)</script>`, "<div>", "</div>", "<!-- firebreak:card -->", "<!--", "-->", "@alice @acme/platform", "/ic close", "/oe run x a=b", "> quote", "- [ ] box", "**bold**", "~~gone~~",
		"[x](javascript:alert(1))", "| a | b |", "&amp;", `\\`, `\"`, "\\n", "C:\\temp\\new", "-- ", "On Mon, Bob wrote:", "```", "\t", "\u3164", "\u2800", "😀", "[[[[", "\\", "*", "_",
	} {
		text := "<b>Hello</b>\n\n/oe run rollback first=1 version='" + value + "' last=2\nThank you\n\n> quoted\n\n/ic close\n"
		all := command.Parse(text)
		if len(all) != 2 && value != "<div>" || len(all) == 0 { // an open <div> folds away what comes after its line
			t.Errorf("%q: %d commands: %+v", value, len(all), all)
			continue
		}
		c, _ := all[0].(incident.Command)
		want := []incident.InputValue{{Name: "first", Value: "1"}, {Name: "version", Value: value}, {Name: "last", Value: "2"}}
		if c.Kind != incident.RunWorkflow || !slices.Equal(c.Inputs, want) {
			t.Errorf("%q: %+v", value, all[0])
		}
	}
	for _, text := range []string{"\u00a0/oe\u00a0run\u00a0rollback version=v6", "/OE: Run rollback version=v6", "／oe run rollback version=v6\n"} {
		c, _ := command.Parse(text)[0].(incident.Command)
		if !slices.Equal(c.Inputs, []incident.InputValue{{Name: "version", Value: "v6"}}) {
			t.Errorf("%q: %+v", text, c)
		}
	}
}
