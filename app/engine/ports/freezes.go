package ports

import (
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Freeze is a ruleset by which a repository is frozen (X4). All that is known of it is on GitHub: who wants it and
// until when are in its name, so that whoever finds it there knows, with or without the App.
type Freeze struct {
	Repo    incident.Ref // without a number
	ID      int64
	Holder  string    // who wants it: acme/incidents#12/1, or of the command line alice/20260302T120000
	Until   time.Time // when it ends, as its name says
	Created time.Time
	URL     string
	// IsActive says that it holds merges: nobody has disabled it.
	IsActive bool
	// IsAltered says that somebody changed what it holds.
	IsAltered bool
}

const (
	freezeName  = "firebreak freeze of "
	freezeUntil = " until "
	freezeLift  = "; to lift it, delete this ruleset"
	freezeTime  = "2006-01-02 15:04 UTC"
)

// Name returns what the ruleset is called. It says how to lift it: GitHub has no description of a ruleset.
func (f Freeze) Name() string {
	return freezeName + f.Holder + freezeUntil + f.Until.UTC().Format(freezeTime) + freezeLift
}

// Context returns the status that lets a commit through.
func (f Freeze) Context() string { return FreezeContext(f.Holder) }

// FreezeContext returns the status by which a commit is let through a freeze of a holder, or is told to wait. Each
// freeze has its own: an exception from one does not count for another.
func FreezeContext(holder string) string { return "firebreak/freeze " + holder }

// ReadFreeze reads the name of a ruleset. ok is false if it is not of ours.
func ReadFreeze(name string) (f Freeze, ok bool) {
	rest, ok := strings.CutPrefix(name, freezeName)
	if !ok {
		return Freeze{}, false
	}
	rest, _, _ = strings.Cut(rest, ";")
	at := strings.LastIndex(rest, freezeUntil)
	if at < 0 {
		return Freeze{}, false
	}
	until, err := time.Parse(freezeTime, rest[at+len(freezeUntil):])
	if err != nil {
		return Freeze{}, false
	}
	return Freeze{Holder: rest[:at], Until: until}, true
}

// Incident returns the incident that wants a freeze; ok is false for one of the command line.
func (f Freeze) Incident() (incident.Ref, bool) {
	at := strings.LastIndexByte(f.Holder, '/')
	if at < 0 || !strings.Contains(f.Holder, "#") {
		return incident.Ref{}, false
	}
	ref, err := incident.ParseRef(f.Holder[:at])
	return ref, err == nil
}

// WaitingPull is an open pull request that is merged as soon as nothing is in its way.
type WaitingPull struct {
	Number int
	Head   string // commit
}

// CommitStatus is what the app says of a commit.
type CommitStatus struct {
	Context     string
	State       string // "success" or "pending"
	Description string
	URL         string
}

// mostDescription is how long GitHub takes the description of a status.
const mostDescription = 140

// Short returns the description, no longer than GitHub takes it.
func (s CommitStatus) Short() string {
	text := []rune(s.Description)
	if len(text) <= mostDescription {
		return s.Description
	}
	return fmt.Sprintf("%s…", string(text[:mostDescription-1]))
}
