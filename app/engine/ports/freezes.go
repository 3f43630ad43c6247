package ports

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
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
	// IsTight says that nothing was let through it, as its incident's card says: GitHub need not be asked.
	IsTight bool
}

const (
	freezeName  = "firebreak freeze of "
	freezeUntil = " until "
	freezeLift  = "; to lift it, delete this ruleset"
	freezeTime  = "2006-01-02 15:04 UTC"
)

// Name returns what the ruleset is called. It says how to lift it: GitHub has no description of a ruleset.
func (f Freeze) Name() string {
	return f.ShortName() + freezeLift
}

// ShortName returns what the ruleset is called where GitHub does not take its name.
func (f Freeze) ShortName() string {
	return freezeName + f.Holder + freezeUntil + f.Until.UTC().Format(freezeTime)
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
func (f Freeze) Incident() (ref incident.Ref, ok bool) {
	ref, _, ok = f.Of()
	return ref, ok
}

// Of returns the incident that wants a freeze, and the freeze's number there; ok is false for one of the command line.
func (f Freeze) Of() (ref incident.Ref, number int, ok bool) {
	at := strings.LastIndexByte(f.Holder, '/')
	if at < 0 || !strings.Contains(f.Holder, "#") {
		return incident.Ref{}, 0, false
	}
	ref, err := incident.ParseRef(f.Holder[:at])
	number, _ = strconv.Atoi(f.Holder[at+1:])
	return ref, number, err == nil
}

// ErrFreezerAway is joined with ErrUnavailable where it is not GitHub that does not answer, but the process that holds
// the key of the App for freezes.
var ErrFreezerAway = errors.New("the process for freezes can't be reached")

// WaitingPull is an open pull request that is merged as soon as nothing is in its way.
type WaitingPull struct {
	Number int
	Head   string // commit
	// Place is its place in the merge queue, from the front; 0: it is in none.
	Place int
	// Group is the commit by which the queue would bring it, and all before it; empty as long as the queue has not
	// made one.
	Group string
}

// JudgeQueue returns what a freeze says of the commits of a merge queue. Such a commit brings all before it in the
// queue too. So it may be merged where all of it is let through. What is not let through waits, and keeps its place;
// but where something behind it is let through, the queue is to put it out, and makes what is behind it another commit,
// without it.
func JudgeQueue(waiting []WaitingPull, isLet func(WaitingPull) bool) (said []incident.QueueSaid) {
	queue := slices.DeleteFunc(slices.Clone(waiting), func(w WaitingPull) bool { return w.Place == 0 })
	slices.SortStableFunc(queue, func(a, b WaitingPull) int { return a.Place - b.Place })
	isClear := true
	for i, w := range queue {
		is := isLet(w)
		isClear = isClear && is
		state := incident.QueuePending
		switch {
		case w.Group == "" || is && !isClear:
			continue
		case isClear:
			state = incident.QueueSuccess
		case slices.ContainsFunc(queue[i:], isLet):
			state = incident.QueueFailure
		}
		said = append(said, incident.QueueSaid{Commit: w.Group, State: state})
	}
	return said
}

// CommitStatus is what the app says of a commit.
type CommitStatus struct {
	Context     string
	State       string // "success", "failure" or "pending"
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

// Gate is a deployment that waits for the app's word, by a deployment protection rule (X4).
type Gate struct {
	Repo        incident.Ref // without a number
	Run         int64        // of a workflow
	Environment string
	Commit      string
	IsOwn       bool // the app started the run
	IsKnown     bool // GitHub was not asked of it, as the caller knew of it
}

// What the app says of a deployment.
const (
	GateApproved = "approved"
	GateRejected = "rejected"
)
