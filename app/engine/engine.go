// Package engine reconciles incidents: it reads one from GitHub, lets package incident step over
// what is new, and applies the effects.
//
// A message never says what happened, only where to look, so duplicates, reordering and lost
// deliveries are one ordinary case. Effects are idempotent by their own keys and applied in order
// of urgency, and the card, with the moved cursor, is written last: after a crash anywhere before
// it the message is handled again, and changes nothing twice (A4).
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/engine/delivery"
	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// Options are what an engine needs. Without a Pager people are only mentioned, and without an
// Announcer customers are reached on GitHub only.
type Options struct {
	GitHub    GitHub
	Scheduler Scheduler
	Queue     Queue // for signals; nil: they are not handled
	Replier   Replier
	Store     Store // nil: while GitHub is out only what this process has read is known
	Pager     Pager
	Announcer Announcer
	Chat      Chat // where incidents have channels; nil: nowhere
	Clock     Clock

	// for incidents, by their names or ids; owner/.github names a list: see served.go
	Repositories []string
	Reports      incident.Ref // the repository in which what sources report becomes an incident; zero: none

	// PublicURL is where the product is served, for links at which people answer (I8); empty: pages
	// have none.
	PublicURL string

	Secrets [][]byte // webhook secrets, current first: the card's keys are derived from them
	Metrics metrics.Recorder
	Logger  *slog.Logger
}

// Engine runs incidents: it looks at them one at a time, and remembers what spares calls or closes
// gaps between looks.
type Engine struct {
	Options
	keys [][]byte

	deliveries     *delivery.Log
	givenReactions *effects.GivenReactions
	knownIssues    *effects.KnownIssues

	mu              sync.Mutex
	policies        map[string]cachedPolicy // by repository
	openIncidents   map[string]openIncident // by repository and dedup key
	listings        listings
	recordedRepeats map[incident.Ref]time.Time     // when a source's repetition was written down last
	pagedEarly      map[string]earlyPage           // by key, what was paged before GitHub was asked
	testsOverdue    map[string]overdueTests        // by owner, for how long tests of what reaches people are missing
	lastLooks       map[incident.Ref]lastLook      // of running incidents, what the last look read
	deferrals       map[incident.Ref]look.Deferral // when a look comes for what GitHub's limits held back
	knownCards      map[incident.Ref]knownCard     // what the cards of the incidents looked at of late say

	memories      map[incident.Ref]memory // what was written and read in the last minutes
	memoriesSwept time.Time               // when those were forgotten that nobody looked at

	repositoryIDs   map[string]knownRepository // by name, the ids of repositories
	boundIDs        map[string]int64           // by name, the ids of those that are served
	firstServedOf   map[string]string          // by owner, the first repository that was used
	repositoryLists map[string]repositoryList  // by owner, the repositories that they name
	bindTried       map[string]time.Time       // by name, when a repository's id was asked for, to bind it

	membersKnown map[string]memberKnown // who members in Slack are, by their e-mail addresses
	chatsAsked   map[incident.Ref]int   // for which card an incident's channel was asked for last

	unservedNoticed map[incident.Ref]time.Time // where it was said that nothing is done

	// by repository, login and teams: of who ever had access, whether they had when GitHub was asked last
	hadAccess map[string]bool

	marksSignedSince time.Time // since when marks are signed here; zero: not read yet

	refusedCards     map[incident.Ref]refusedCard // cards that GitHub refuses
	refusedLooks     map[incident.Ref]refusedLook // looks that GitHub refuses
	unavailableSince map[incident.Ref]time.Time   // since when looks fail because GitHub is away
}

// New builds an engine.
func New(o Options) *Engine {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = metrics.Discard{}
	}
	e := &Engine{
		Options: o,
		keys:    card.Keys(o.Secrets),

		deliveries:     &delivery.Log{Store: o.Store, Clock: o.Clock, Logger: o.Logger},
		givenReactions: &effects.GivenReactions{},
		knownIssues:    &effects.KnownIssues{Store: o.Store},

		policies:         map[string]cachedPolicy{},
		openIncidents:    map[string]openIncident{},
		recordedRepeats:  map[incident.Ref]time.Time{},
		pagedEarly:       map[string]earlyPage{},
		testsOverdue:     map[string]overdueTests{},
		lastLooks:        map[incident.Ref]lastLook{},
		deferrals:        map[incident.Ref]look.Deferral{},
		knownCards:       map[incident.Ref]knownCard{},
		memories:         map[incident.Ref]memory{},
		repositoryIDs:    map[string]knownRepository{},
		boundIDs:         map[string]int64{},
		firstServedOf:    map[string]string{},
		repositoryLists:  map[string]repositoryList{},
		bindTried:        map[string]time.Time{},
		membersKnown:     map[string]memberKnown{},
		chatsAsked:       map[incident.Ref]int{},
		unservedNoticed:  map[incident.Ref]time.Time{},
		hadAccess:        map[string]bool{},
		refusedCards:     map[incident.Ref]refusedCard{},
		refusedLooks:     map[incident.Ref]refusedLook{},
		unavailableSince: map[incident.Ref]time.Time{},
	}
	if o.Clock != nil {
		e.knownIssues.Since = o.Clock.Now()
	}
	return e
}

// ErrNotLooked is returned when a message is done with although its incident was not looked at, as
// it said nothing new or went on to another incident. Whatever else asked for a look still needs
// it.
var ErrNotLooked = errors.New("done without a look")

// Handle looks at an incident and acts. After a *RetryAfter the message is due again at its time,
// after any other error at once.
func (e *Engine) Handle(ctx context.Context, m Message) error {
	err := e.HandleInTurn(ctx, m)
	if errors.Is(err, ErrNotLooked) {
		return nil
	}
	return err
}

// HandleInTurn is Handle for a queue that drops all requests for a look once there was one. It
// returns ErrNotLooked if there was none.
func (e *Engine) HandleInTurn(ctx context.Context, m Message) error {
	if m.IsSelfTests() {
		return e.handleTests(ctx, m.Ref.Owner)
	}
	ctx, calls := metrics.Counted(ctx)
	r := e.newReconciliation(ctx, m)
	start := time.Now()
	err := r.reconcile()
	r.recordMetrics(err, time.Since(start), calls)
	err = r.staggerRetry(err)
	if err != nil {
		return fmt.Errorf("handle %s (%s): %w", m.Ref, m.Why, err)
	}
	if !r.hasLooked {
		return ErrNotLooked
	}
	r.clearUnavailable()
	return nil
}
