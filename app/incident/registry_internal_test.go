package incident

import (
	"slices"
	"testing"

	"github.com/firebreak-dev/firebreak/app/words"
)

// A row that lacks something can't be registered: the program, and so each of its tests, ends as it starts.
func TestARowThatLacksSomethingIsRefused(t *testing.T) {
	whole := Row{
		Kind: "sample", Verbs: []string{VerbOE}, Word: "sample", Usage: "/oe sample", Does: "take a sample", Example: "/oe sample", Place: 1,
		parse: parseNothing, handle: func(*run, Command) {},
	}
	if err := whole.check(); err != nil {
		t.Fatalf("a whole row: %v", err)
	}
	for name, spoil := range map[string]func(*Row){
		"no name":         func(r *Row) { r.Kind = "" },
		"no verb":         func(r *Row) { r.Verbs = nil },
		"no usage":        func(r *Row) { r.Usage = "" },
		"no help":         func(r *Row) { r.Does = "" },
		"no example":      func(r *Row) { r.Example = "" },
		"no parser":       func(r *Row) { r.parse = nil },
		"no handler":      func(r *Row) { r.handle = nil },
		"another's name":  func(r *Row) { r.Kind = Close },
		"another's place": func(r *Row) { r.Place = RowOf(Close).Place },
	} {
		row := whole
		spoil(&row)
		if row.check() == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

// What help shows is in the order of the rows' places, and each row reads its own example.
func TestCommandsAreInOrderAndReadTheirExamples(t *testing.T) {
	if len(Commands) < 31 || !slices.IsSortedFunc(Commands, func(a, b Row) int { return a.Place - b.Place }) {
		t.Errorf("%d commands, or not in their order", len(Commands))
	}
	for _, row := range Commands {
		line, ok := words.CutPrefix(row.Example, "/"+row.Verbs[0])
		if row.Word != "" && ok {
			line, ok = words.CutPrefix(line, row.Word)
		}
		if _, err := row.Parse(words.Words{Line: line, Quote: func() string { return "" }}); !ok || err != nil {
			t.Errorf("%s: %v", row.Example, err)
		}
	}
}
