// Package look holds the working state of one look at one incident: what was read, the state that
// the core derives from it, and the effects that are still to be applied. Everything that happens
// in a look, also what an effect brings about, goes through Step: so what follows from a fact is
// decided in the core alone.
package look

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// Look is one look at one incident.
type Look struct {
	Ctx      context.Context
	Ref      incident.Ref
	Now      time.Time
	Snapshot *ports.Snapshot
	Policy   incident.Policy

	Before  incident.State    // what the card says
	State   incident.State    // what follows from all facts so far
	Effects []incident.Effect // what the core asks for; effects append to it while they are applied

	IsRebuilt  bool // the card was missing or not in order: the state comes from the whole timeline
	IsCardLost bool // IsRebuilt, and the app was here before

	DeclaredAs string // the name under which the incident was declared; empty: its present one
	// of the issue before it was transferred, as far as the card does not have them yet
	FormerIDs []int64
	Posted    map[string]int64 // the comment of each key that the app's own comments carry; see NotPosted
	Asker     string           // who gave the newest command of this look
	Deferral  Deferral         // the next look for what GitHub's limits held back

	Logger  *slog.Logger
	Metrics metrics.Recorder
	Clock   ports.Clock

	Reported func(what any) // is told what effects report; nil: nobody

	Keys        mark.Keys                       // which sign marks, the current one first
	SignedSince func(context.Context) time.Time // when a version that signs marks ran first; see Marks

	firstWithSignature map[string]int64
}

// NotPosted is in Posted for a comment that GitHub did not take. The card shows its text, and a
// later look posts it.
const NotPosted = -1

// Deferral is when a look comes for what GitHub's limits held back, and how urgent the most urgent
// of it is. The zero value means that nothing was held back.
type Deferral struct {
	At      time.Time
	Urgency ports.Urgency
}

// Step steps the core over one fact and keeps the effects. A fact that the core can't handle must
// not keep the others from being handled: it counts as read, and whoever wrote it gets an answer
// (A8).
func (l *Look) Step(f incident.Fact) {
	defer func() {
		failure := recover()
		if failure == nil {
			return
		}
		if f.ID == "" {
			// the clock and effects' results can't be skipped: the message is tried again, then put aside
			panic(failure)
		}
		l.Logger.Error("fact skipped: it can't be handled", "incident", l.Ref.String(), "fact", f.ID,
			"kind", fmt.Sprintf("%T", f.What), "panic", fmt.Sprint(failure), "stack", string(debug.Stack()))
		state, effects := incident.Skip(l.State, f, l.Policy)
		l.State, l.Effects = state, append(l.Effects, effects...)
	}()
	state, effects := incident.Step(l.State, f, l.Policy)
	l.State, l.Effects = state, append(l.Effects, effects...)
}

// Report steps the core over what an effect brought about.
func (l *Look) Report(what any) {
	if l.Reported != nil {
		l.Reported(what)
	}
	l.Step(incident.Fact{At: l.Now, What: what})
}

// ForEach calls do with each effect of type T, also with those that do adds.
func ForEach[T incident.Effect](l *Look, do func(T) error) error {
	for i := 0; i < len(l.Effects); i++ { //nolint:intrange // do may add effects
		if t, ok := l.Effects[i].(T); ok {
			if err := do(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// Attempt applies one effect. A refusal by GitHub becomes a fact, of which a person hears (A8);
// while it lasts, the effect is tried only when the state says so. Any other error is returned: it
// ends the look, and the message comes back.
func (l *Look) Attempt(effect string, do func() error) error {
	if l.State.IsHeldBack(effect) {
		return nil
	}
	if err := do(); err != nil {
		return l.RecordRefusal(effect, err)
	}
	if l.State.IsRefused(effect) {
		l.Report(incident.TakenByGitHub{Effect: effect})
	}
	return nil
}

// RecordRefusal turns a refusal into a fact and returns any other error.
func (l *Look) RecordRefusal(effect string, err error) error {
	var refusal *ports.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	l.Logger.Warn("effect refused by GitHub", "incident", l.Ref.String(), "effect", effect, "status",
		refusal.Status,
		"err", ports.Redact(err))
	l.Report(incident.RefusedByGitHub{Effect: effect, Reason: fmt.Sprintf("%s (%d)", refusal.Reason,
		refusal.Status), By: l.Asker})
	return nil
}

// WithUrgency returns stage so that its requests to GitHub are that urgent.
func (l *Look) WithUrgency(u ports.Urgency, stage func() error) func() error {
	return func() error {
		before := l.Ctx
		l.Ctx = ports.WithUrgency(before, u)
		defer func() { l.Ctx = before }()
		return stage()
	}
}

// DeferUntil asks for another look at that time, for what was held back.
func (l *Look) DeferUntil(at time.Time, u ports.Urgency) {
	if l.Deferral.At.IsZero() || at.Before(l.Deferral.At) {
		l.Deferral.At = at
	}
	l.Deferral.Urgency = max(l.Deferral.Urgency, u)
}

// RecordWait measures how long something waited until GitHub had it.
func (l *Look) RecordWait(u ports.Urgency, since time.Time) {
	if since.IsZero() || l.IsCardLost {
		return
	}
	l.Metrics.Record(metrics.WriteWait, max(0, l.Clock.Now().Sub(since)).Seconds(), u.String())
}

// DeclaredRef returns the name under which the incident was declared. Marks and keys of pages are
// made with it, so that they stay the same when the incident gets another name.
func (l *Look) DeclaredRef() incident.Ref {
	if ref, err := incident.ParseRef(l.DeclaredAs); err == nil {
		return ref
	}
	return l.Ref
}

// DocumentRef returns the incident in the repository of its postmortem: where it was when that was
// written.
func (l *Look) DocumentRef() incident.Ref {
	ref := l.Ref
	if owner, repo, ok := strings.Cut(l.State.Document.Repo, "/"); ok {
		ref.Owner, ref.Repo = owner, repo
	}
	return ref
}
