package incident

import (
	"errors"
	"fmt"
	"slices"

	"github.com/firebreak-dev/firebreak/app/words"
)

// Kind names a command.
type Kind string

// Permission says who may use a command. It is what Step enforces and what help prints.
type Permission int

// The permissions, from the widest.
const (
	Anyone    Permission = iota // everybody who can comment; such a command changes nothing
	Responder                   // write access, or a member of a configured team (A3)
	HolderIC                    // who holds IC; until somebody takes it, the declarer (V2)
	HolderOE                    // who holds OE; until somebody takes it, who holds IC (V2)
	Holder                      // either of them
)

// String returns the permission in words, for help and the README.
func (p Permission) String() string {
	return [...]string{"anyone", "responders", "IC", "OE", "IC or OE"}[p]
}

// Row is one command. What it is called, who may use it and when, how it is read and what it does
// come from its row and from nowhere else. To add one, register it: docs/adding-a-command.md walks
// through that.
type Row struct {
	Kind    Kind
	Verbs   []string // VerbIncident, VerbIC, VerbOE
	Word    string   // what follows the verb: "severity", "customer add"; empty for the verb alone
	Usage   string   // as a person writes it
	Does    string   // what it does, in one line
	Example string   // as somebody who knows it writes it
	Who     Permission
	Place   int // of the row in help, from the top; no two have the same

	// What an incident takes besides the commands of one that runs.
	AfterClosing bool // once it is closed
	AfterEnding  bool // once it was declined, or folded into another
	OnPull       bool // in a comment on the postmortem's pull request (C3)

	// IsCorrectable says that it writes words into the timeline: an edit of them corrects, and does
	// not say them again.
	IsCorrectable bool

	parse  Parser
	handle func(*run, Command)
}

// Parser reads what follows a command's name. An error says what is missing or wrong.
type Parser func(words.Words) (Command, error)

// Parse reads what follows the command's name.
func (r Row) Parse(w words.Words) (Command, error) { return r.parse(w) }

// Commands lists all commands, in the order in which help shows them.
var Commands []Row

// The verbs that a command starts with.
const (
	VerbIncident = "incident"
	VerbIC       = "ic"
	VerbOE       = "oe"
)

// register adds a command. It panics, before the program does anything, if the row lacks something.
//
//nolint:unparam // the result lets a package variable call it
func register(row Row, parse Parser, handle func(*run, Command)) bool {
	row.parse, row.handle = parse, handle
	if err := row.check(); err != nil {
		panic(fmt.Sprintf("incident: command %q: %v", row.Kind, err))
	}
	at, _ := slices.BinarySearchFunc(Commands, row, func(a, b Row) int { return a.Place - b.Place })
	Commands = slices.Insert(Commands, at, row)
	return true
}

// check returns what a row lacks.
func (r Row) check() error {
	switch {
	case r.Kind == "" || len(r.Verbs) == 0:
		return errors.New("it has no name")
	case r.Usage == "" || r.Does == "" || r.Example == "":
		return errors.New("it lacks its usage, its help or its example")
	case r.parse == nil || r.handle == nil:
		return errors.New("it lacks its parser or its handler")
	}
	for _, other := range Commands {
		if other.Kind == r.Kind || other.Place == r.Place {
			return fmt.Errorf("%q has the same name or place", other.Kind)
		}
	}
	return nil
}

// RowOf returns a command's row; the zero value if there is no such command.
func RowOf(kind Kind) Row {
	for _, r := range Commands {
		if r.Kind == kind {
			return r
		}
	}
	return Row{}
}
