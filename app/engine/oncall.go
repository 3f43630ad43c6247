package engine

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/templates"
)

// cachedOnCall is who is on call by the last good file (O1).
type cachedOnCall struct {
	schedule oncall.Schedule
	kept     []byte // as it is in the store; empty: there is no file
	broken   incident.BrokenOnCall
	read     time.Time // when GitHub was asked for it
	missed   time.Time // since when GitHub shows no file although there was one; zero: it shows it

	isKnown bool     // GitHub showed once, to any process, which rotations there are, or that there is no file
	unread  string   // why not, as GitHub answered last
	lost    []string // names of the rotations of a file that was removed
}

// rotations returns who is on call. Where nothing ever said which rotations there are, the schedule says so: a step's
// name may be one, and it would be paged as a team that nobody knows.
func (c cachedOnCall) rotations() oncall.Schedule {
	s := c.schedule
	if s.Lost = c.lost; !c.isKnown {
		s.Unread = cmp.Or(c.unread, "GitHub was not asked yet")
	}
	return s
}

// said returns what is to be said of the file.
func (c cachedOnCall) said(p incident.Policy) incident.BrokenOnCall {
	switch {
	case c.broken.Where != "":
		return c.broken
	case !c.isKnown && c.unread != "":
		return incident.BrokenOnCall{Where: "unread", Why: c.unread}
	}
	for _, step := range p.Escalation {
		if slices.ContainsFunc(step.To, func(to string) bool { return naming.Contains(c.lost, to) }) {
			return incident.BrokenOnCall{Where: "lost"}
		}
	}
	return incident.BrokenOnCall{}
}

// noRotations is what the store keeps where there is no file: that is known, then, for a time when GitHub can't be
// asked. A file that was removed leaves the names of its rotations.
const noRotations = "# no rotations"

// absent returns what the store keeps of a file that is not there.
func absent(lost []string) []byte {
	return []byte(strings.Join(append([]string{noRotations}, lost...), " "))
}

// onCallLife is how long the rotations count as they were read. A push that changes them ends it.
const onCallLife = time.Minute

// expireOnCall has the configuration and the rotations read again where they are needed next: somebody
// changed them.
func (e *Engine) expireOnCall() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, p := range e.policies {
		p.read, p.onCall.read = time.Time{}, time.Time{}
		e.policies[name] = p
	}
}

// loadOnCall reads who is on call next to the configuration, which is from that repository; empty: this
// one. What can't be read stops nothing: the last good file goes on, as it does for a while when GitHub
// shows none any more. Where none was ever read, a step would page a team of the rotation's name, so an
// error is returned for a moment: the look is made again.
func (r *reconciliation) loadOnCall(last *cachedPolicy, from string) error {
	name, where := r.settingsName(), r.Ref
	if owner, repo, ok := strings.Cut(from, "/"); ok {
		where = incident.Ref{Owner: owner, Repo: repo}
	}
	known := &last.onCall
	life := onCallLife
	if len(known.kept) == 0 {
		life = policyLife // most repositories have none
	}
	if !known.read.IsZero() && r.Now.Sub(known.read) < life {
		return nil
	}
	content, ok, err := r.GitHub.ReadFile(r.Ctx, where, oncall.Path)
	if err != nil {
		known.unread = ports.Reason(err)
		if known.read.IsZero() && len(known.kept) == 0 && !ports.IsRefused(err) && r.isJustReceived() {
			return err
		}
		r.Logger.Warn("rotations not readable: going on with the last good ones", "repository", name, "file",
			oncall.Path, "known", known.isKnown, "err", ports.Redact(err))
		return nil
	}
	known.read = r.Now
	if (!ok || isBlank(content)) && len(known.kept) > 0 {
		if known.missed.IsZero() {
			known.missed = r.Now
		}
		if r.Now.Sub(known.missed) < removedAfter {
			return nil
		}
		r.Logger.Warn("rotations removed", "repository", name, "file", oncall.Path, "since", known.missed)
		known.lost = known.schedule.Names()
	}
	known.missed = time.Time{}
	if !ok || isBlank(content) {
		r.keepNoRotations(name, known)
		return nil
	}
	if bytes.Equal(content, known.kept) {
		known.broken = incident.BrokenOnCall{}
		return nil
	}
	schedule, err := config.ParseOnCall(content)
	if err != nil {
		sum := sha256.Sum256(content)
		known.broken = incident.BrokenOnCall{Where: hex.EncodeToString(sum[:6]), Why: firstMistakes(err)}
		known.unread = "it has mistakes"
		r.Logger.Warn("rotations invalid: going on with the last good ones", "repository", name, "file", oncall.Path,
			"lines", mistakeLines(err))
		return nil
	}
	known.schedule, known.broken = schedule, incident.BrokenOnCall{}
	known.isKnown, known.lost = true, nil
	if r.Store != nil {
		if err := r.Store.Save(r.Ctx, onCallKey(name), content); err != nil {
			r.Logger.Warn("the rotations could not be kept for when GitHub is out", "repository", name, "err",
				ports.Redact(err))
			known.kept = nil
			return nil
		}
	}
	known.kept = content
	return nil
}

// keepNoRotations remembers, for this process and the next, that there is no file.
func (r *reconciliation) keepNoRotations(name string, known *cachedOnCall) {
	isNew := !known.isKnown || len(known.kept) > 0
	known.schedule, known.broken, known.kept, known.isKnown = oncall.Schedule{}, incident.BrokenOnCall{}, nil, true
	if r.Store == nil || !isNew {
		return
	}
	if err := r.Store.Save(r.Ctx, onCallKey(name), absent(known.lost)); err != nil {
		r.Logger.Warn("that there are no rotations could not be kept for when GitHub is out", "repository", name, "err",
			ports.Redact(err))
	}
}

// firstPatience is for how long after a webhook its look waits for rotations of which nothing is known. A page
// must not wait for longer.
const firstPatience = 30 * time.Second

// isJustReceived reports whether GitHub told of what is handled a moment ago, and a page can wait.
func (r *reconciliation) isJustReceived() bool {
	f := r.m.Floor
	return f != nil && !f.Received.IsZero() && r.Now.Sub(f.Received) < firstPatience
}

func onCallKey(repo string) string { return "oncall/" + repo }

// loadLastOnCall returns who is on call by the last good file that any process read.
func (e *Engine) loadLastOnCall(ctx context.Context, repo string) (known cachedOnCall) {
	content, err := e.Store.Load(ctx, onCallKey(repo))
	if err != nil || len(content) == 0 {
		if err != nil {
			e.Logger.Warn("last good rotations not found", "repository", repo, "err", ports.Redact(err))
		}
		return cachedOnCall{}
	}
	if lost, ok := bytes.CutPrefix(content, []byte(noRotations)); ok {
		return cachedOnCall{isKnown: true, lost: strings.Fields(string(lost))}
	}
	schedule, err := config.ParseOnCall(content)
	if err != nil { // what an older version understood a newer one may not
		return cachedOnCall{}
	}
	return cachedOnCall{schedule: schedule, kept: content, isKnown: true}
}

// mostAsked is how many people and teams a check asks GitHub about: each is a call.
const mostAsked = 30

// checkOnCall adds to a check what the rotations of its commit come to: the next four weeks, and what
// may not be meant. None of that makes it fail.
func (r *reconciliation) checkOnCall(run *CheckRun, schedule oncall.Schedule, people oncall.People) {
	warnings := append(schedule.Warnings(r.Now, people), r.warnOfTests(schedule)...)
	for _, w := range warnings {
		line := max(1, w.Line)
		run.Notes = append(run.Notes, Note{Path: oncall.Path, Line: line, EndLine: line, Warning: true,
			Title: "Is this meant?", Text: templates.Capital(w.Text) + "."})
	}
	if n := len(warnings); n > 0 && run.Passed {
		run.Title += ", with " + templates.Plural(n, "warning", "warnings")
	}
	if table := schedule.Table(r.Now); table != "" {
		run.Summary += "\n\n### On call in the next four weeks\n\n" + table
	}
}

// knows returns what says whether somebody may respond, or a team is there.
func (r *reconciliation) knows() func(name string) bool {
	asked := 0
	return func(name string) bool {
		if asked++; asked > mostAsked {
			return true
		}
		known, err := r.isKnown(name)
		if err != nil {
			r.Logger.Warn("look-up for the rotations failed", "repository", r.Ref.FullName(), "err", ports.Redact(err))
		}
		return known || err != nil
	}
}

// waysTo returns what says by which ways the rotations of a file reach somebody (O3).
func (r *reconciliation) waysTo(policy incident.Policy, schedule oncall.Schedule,
) func(rotation, name string) ([]string, bool) {
	own, isKnown := map[string][]string{}, true
	if settings, ok := policy.Service(incident.ByPeople); ok {
		var names []string
		for _, rotation := range schedule.Rotations {
			names = append(names, rotation.Members()...)
		}
		for _, c := range schedule.Covers {
			names = append(names, c.Who)
		}
		var err error
		own, err = r.ownWays(settings, names)
		if isKnown = err == nil; err != nil {
			r.Logger.Warn("ways to reach people not readable", "repository", r.Ref.FullName(), "err", ports.Redact(err))
		}
	}
	return func(rotation, name string) (fewest []string, _ bool) {
		for i, services := range policy.ServicesFor(rotation) {
			if !isKnown && slices.Contains(services, incident.ByPeople) {
				return nil, false
			}
			var ways []string
			for _, way := range incident.WaysBy(services, own[naming.Key(strings.TrimPrefix(name, "@"))]) {
				ways = append(ways, templates.Way(way))
			}
			if i == 0 || len(ways) < len(fewest) {
				fewest = ways
			}
		}
		return fewest, true
	}
}

// ownWays returns by which vendors people's own ways reach them, by login.
func (r *reconciliation) ownWays(settings incident.Service, names []string) (map[string][]string, error) {
	reacher, ok := r.Pager.(Reacher)
	if !ok {
		return nil, errors.New("nothing here reaches people by their own ways")
	}
	all, err := reacher.Ways(r.Ctx, settings, names)
	own := map[string][]string{}
	for _, one := range all {
		own[naming.Key(one.Login)] = one.Vendors
	}
	return own, err
}

// isKnown reports whether somebody on call may respond, or a team is there.
func (r *reconciliation) isKnown(name string) (bool, error) {
	if login, ok := strings.CutPrefix(name, "@"); ok {
		return r.canRespond(login)
	}
	_, slug, isFull := naming.SplitTeam(name)
	if !isFull {
		slug = name
	}
	return r.GitHub.HasTeam(r.Ctx, r.Ref, slug)
}

// onCallRepo returns the repository whose rotations count here: the one that has the configuration.
func (r *reconciliation) onCallRepo() incident.Ref {
	r.mu.Lock()
	from := r.policies[r.settingsName()].from
	r.mu.Unlock()
	if owner, repo, ok := strings.Cut(from, "/"); ok {
		return incident.Ref{Owner: owner, Repo: repo}
	}
	return incident.Ref{Owner: r.Ref.Owner, Repo: r.Ref.Repo}
}

// lookUpCover looks up whether who takes over may respond, and of which rotations the author's teams
// have turns or are owners (O2).
func (r *reconciliation) lookUpCover(f incident.Fact, c incident.Command) (incident.Command, error) {
	if err := r.lookUpNamed(&c); err != nil {
		return c, err
	}
	name := "@" + f.By.Login
	for _, rotation := range r.Policy.OnCall.Rotations {
		all := append(rotation.Members(), rotation.Owners...)
		if naming.Contains(all, name) || len(c.Names) > 0 && !naming.Equal(c.Names[0], rotation.Name) {
			continue
		}
		var teams []string
		for _, who := range all {
			if !oncall.IsPerson(who) {
				teams = append(teams, who[strings.LastIndexByte(who, '/')+1:])
			}
		}
		is, err := r.GitHub.IsMember(r.Ctx, r.Ref, f.By.Login, teams)
		switch {
		case ports.IsRefused(err):
			c.Unsure = ports.Reason(err)
		case err != nil:
			return c, err
		case is:
			c.Teams = append(c.Teams, rotation.Name)
		}
	}
	return c, nil
}

// OnCall returns who is on call by the rotations of a repository that the App serves, as they were read
// last or are read now: GitHub may take a moment, and then the last good ones count.
func (e *Engine) OnCall(ctx context.Context, repo incident.Ref) oncall.Schedule {
	if !e.servesNow(ctx, repo) {
		return oncall.Schedule{}
	}
	return e.policyOf(ctx, repo).OnCall
}
