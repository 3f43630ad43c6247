package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/app/postmortem"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/app/wait"
	"github.com/firebreak-dev/firebreak/templates"
)

// cachedPolicy is the last good configuration of a repository, when it was read, and what is wrong
// with the newest.
type cachedPolicy struct {
	policy incident.Policy
	kept   []byte // as it is in the store; nil: unknown
	read   time.Time
	broken incident.BrokenConfig

	from    string    // the repository that it was read from; empty: there was none
	missed  time.Time // since when GitHub shows none although there was one; zero: it shows it
	removed bool      // of that, so long that it counts as removed
	before  []byte    // the version before
	changed time.Time // when this version was read first

	onCall cachedOnCall
	parsed parsedPolicy
}

// parsedPolicy is what a file said, with the rotations that it was read with: most looks read what the look
// before read, and parsing costs as much as rendering the card.
type parsedPolicy struct {
	content, rotations []byte
	policy             incident.Policy
	isValid            bool // the rest counts
}

// parsePolicy parses a file, unless it is the one that was parsed last.
func (f *cachedPolicy) parsePolicy(content []byte) (incident.Policy, error) {
	// rotations that could not be kept are not known by what was kept
	isKnown := f.onCall.isKnown && (len(f.onCall.kept) > 0 || len(f.onCall.schedule.Names()) == 0)
	if p := f.parsed; isKnown && p.isValid && bytes.Equal(p.content, content) && bytes.Equal(p.rotations, f.onCall.kept) {
		return p.policy, nil
	}
	policy, err := config.ParseWith(content, f.onCall.rotations())
	f.parsed = parsedPolicy{content, f.onCall.kept, policy, err == nil && isKnown}
	return policy, err
}

// policyLife is how long a command goes by the configuration as it was read. Every call counts when
// somebody waits for an answer, and the incident's timers read it often enough.
const policyLife = 15 * time.Minute

// loadPolicy loads the repository's policy, or else the organisation's. A broken file never stops
// an incident: the last good one goes on, or the defaults, and the incident says so.
func (r *reconciliation) loadPolicy() error {
	name := r.settingsName()
	r.mu.Lock()
	last, known := r.policies[name]
	r.mu.Unlock()
	mayBeOlder := r.m.Comment() != nil || r.m.Sought() != nil || r.m.ChatSaid() != nil || r.m.IsInChat()
	isRecent := r.Now.Sub(last.read) < policyLife && last.onCall.isKnown
	if known && isRecent && mayBeOlder {
		r.usePolicy(last)
		return nil
	}
	content, from, err := r.readConfiguration()
	if ports.IsRefused(err) {
		return r.useLastGood(last, known, err)
	}
	if err != nil {
		return err
	}
	if !known {
		last = r.lastGoodUnderAnyName()
	}
	if r.isMissed(&last, content, from) {
		r.usePolicy(last)
		return nil
	}
	// Where that fails for a moment the look is made again. GitHub may be away by then, and people are paged
	// by what is kept: the configuration, which was read.
	unread := r.loadOnCall(&last, from)
	policy, err := last.parsePolicy(content)
	last.read, last.broken = r.Now, incident.BrokenConfig{}
	if err != nil {
		sum := sha256.Sum256(content)
		last.broken = incident.BrokenConfig{Where: hex.EncodeToString(sum[:6]), Why: firstMistakes(err)}
		r.Logger.Warn("configuration invalid: using the last good one", "repository", name, "file",
			config.Path, "lines", mistakeLines(err))
	} else {
		if kept := savedConfiguration(name, from, content); !bytes.Equal(kept, last.kept) {
			last.before, last.changed = last.kept, r.Now
		}
		last.policy, last.from = policy.Of(accountOf(from)), from
		last.kept = r.savePolicy(r.Ctx, name, last.kept, savedConfiguration(name, from, content))
	}
	r.usePolicy(last)
	return unread
}

// usePolicy goes by a configuration, and remembers it for the next look.
func (r *reconciliation) usePolicy(f cachedPolicy) {
	f.policy.OnCall = f.onCall.rotations()
	r.mu.Lock()
	r.policies[r.settingsName()] = f
	r.mu.Unlock()
	r.Policy, r.brokenConfig, r.brokenOnCall = f.policy.For(r.Ref), f.broken, f.onCall.said(f.policy)
	if d := r.Before.Declared; f.removed && f.broken.Where == "" && d != nil &&
		d.At.Before(f.missed.Add(removedAfter)) {
		r.brokenConfig = incident.BrokenConfig{Where: fmt.Sprintf("removed/%d", f.missed.Unix()),
			Instead: "defaults"}
		if !isBlank(f.kept) {
			r.brokenConfig.Instead = f.from
		}
	}
}

// useLastGood uses the last good configuration while GitHub refuses to show the file. The incident
// says so.
func (r *reconciliation) useLastGood(last cachedPolicy, known bool, refused error) error {
	name := r.settingsName()
	if !known {
		last = r.lastGoodUnderAnyName()
	}
	if !last.onCall.isKnown {
		last.onCall.unread = ports.Reason(refused)
	}
	last.read, last.broken = r.Now, incident.BrokenConfig{Where: "unreadable", Why: ports.Reason(refused)}
	r.Logger.Warn("configuration not readable: going on with the last good one", "repository", name, "file",
		config.Path, "err", ports.Redact(refused))
	r.usePolicy(last)
	return nil
}

// savePolicy saves a good configuration if it is not saved yet, and returns what is saved. A
// failure costs nothing now: the next look tries again.
func (e *Engine) savePolicy(ctx context.Context, repo string, before, file []byte) []byte {
	if e.Store == nil || before != nil && bytes.Equal(before, file) {
		return before
	}
	if err := e.Store.Save(ctx, policyKey(repo), file); err != nil {
		e.Logger.Warn("the configuration could not be kept for when GitHub is out", "repository", repo,
			"err", ports.Redact(err))
		return nil
	}
	return file
}

func policyKey(repo string) string { return "policies/" + repo }

// lastPolicy returns a repository's policy as this process or another read it last, without asking
// GitHub.
func (e *Engine) lastPolicy(ctx context.Context, repo string) incident.Policy {
	e.mu.Lock()
	last, known := e.policies[repo]
	e.mu.Unlock()
	if !known {
		last = e.loadLastGood(ctx, repo)
	}
	return last.policy
}

// loadLastGood returns the last good configuration that any process read, or the defaults.
func (e *Engine) loadLastGood(ctx context.Context, repo string) cachedPolicy {
	unknown := cachedPolicy{policy: incident.DefaultPolicy()}
	if e.Store == nil {
		return unknown
	}
	unknown.missed, unknown.removed = e.loadMissed(ctx, repo)
	unknown.onCall = e.loadLastOnCall(ctx, repo)
	unknown.policy.OnCall = unknown.onCall.rotations()
	content, err := e.Store.Load(ctx, policyKey(repo))
	if err != nil {
		e.Logger.Warn("last good configuration not found: using defaults", "repository", repo, "err",
			ports.Redact(err))
		return unknown
	}
	policy, err := config.ParseWith(content, unknown.onCall.rotations())
	if content == nil || err != nil { // what an older version understood a newer one may not
		return unknown
	}
	last := unknown
	last.kept, last.from = content, savedFrom(repo, content)
	last.policy = policy.Of(accountOf(last.from))
	return last
}

// accountOf returns whose repository it is.
func accountOf(repo string) string {
	owner, _, _ := strings.Cut(repo, "/")
	return owner
}

// lastGoodUnderAnyName returns the last good configuration that any process read, under the
// repository's present name or, if nothing was read under that yet, under a former one; else the
// defaults.
func (r *reconciliation) lastGoodUnderAnyName() cachedPolicy {
	present := r.loadLastGood(r.Ctx, r.settingsName())
	if present.kept != nil {
		return present
	}
	for _, ref := range r.names() {
		if former := r.loadLastGood(r.Ctx, ref.FullName()); former.kept != nil {
			former.missed, former.removed = present.missed, present.removed
			return former
		}
	}
	return present
}

// firstMistakes returns the first mistakes of a configuration, with their places.
func firstMistakes(err error) string {
	const most = 3
	var told []string
	for _, m := range config.Mistakes(err) {
		if len(told) == most {
			told = append(told, "…")
			break
		}
		told = append(told, m.Error())
	}
	return templates.Capital(strings.Join(told, "; "))
}

// mistakeLines returns the lines of the mistakes. Their text may be a phone number, and must not be
// logged.
func mistakeLines(err error) (all []int) {
	for _, m := range config.Mistakes(err) {
		all = append(all, m.Line)
	}
	return all
}

// sharedRepository is the repository of an organisation whose configuration counts where a
// repository has none.
// https://docs.github.com/en/communities/setting-up-your-project-for-healthy-contributions/creating-a-default-community-health-file
const sharedRepository = ".github"

// checkConfiguration checks the configuration and the postmortem template, of which a push changed
// one, before it is merged: on the commit, line by line.
func (r *reconciliation) checkConfiguration() error {
	r.expireOnCall()
	served, err := r.serves(r.Ctx, r.Ref, r.m.Repository)
	if err != nil || !served && r.Ref.Repo != sharedRepository {
		return err
	}
	configuration, hasConfiguration, err := r.GitHub.ReadFileAt(r.Ctx, r.Ref, config.Path, r.m.Commit())
	if ports.IsRefused(err) {
		return nil // the app was removed
	}
	if err != nil {
		return err
	}
	template, hasTemplate, err := r.GitHub.ReadFileAt(r.Ctx, r.Ref, postmortem.TemplatePath, r.m.Commit())
	if err != nil && !ports.IsRefused(err) {
		return err
	}
	rotations, hasRotations, err := r.GitHub.ReadFileAt(r.Ctx, r.Ref, oncall.Path, r.m.Commit())
	if err != nil && !ports.IsRefused(err) {
		return err
	}
	if waited := r.Now.Sub(r.receivedAt()); !hasConfiguration && !hasTemplate && !hasRotations && r.m.Floor != nil &&
		waited < maxLag {
		return &RetryAfter{Until: r.Now.Add(wait.ForReads(waited)),
			Err: fmt.Errorf("GitHub's API does not show commit %s of %s yet", r.m.Commit(), r.Ref.FullName())}
	}
	if !hasConfiguration && !hasTemplate && !hasRotations {
		return nil // removed again
	}
	run := r.checkFiles(configuration, template, rotations, hasRotations)
	err = r.GitHub.ReportCheck(r.Ctx, r.Ref, run)
	if ports.IsRefused(err) { // no incident can say so
		r.Logger.Warn("configuration's check refused by GitHub", "repository", r.Ref.FullName(), "commit",
			r.m.Commit(), "err", ports.Redact(err))
		return nil
	}
	return err
}

// checkFiles returns what is wrong with the files of a commit.
func (r *reconciliation) checkFiles(configuration, template, rotations []byte, hasRotations bool) CheckRun {
	run := CheckRun{Commit: r.m.Commit(), Name: "firebreak.yml", Passed: true,
		Title: "The configuration can be used", Summary: "Every setting is valid."}
	var summaries []string
	schedule, wrong := config.ParseOnCall(rotations)
	policy, broken := config.ParseWith(configuration, schedule)
	if err := broken; err != nil {
		summaries = append(summaries, config.Summary(config.Path, err, true))
		for _, m := range config.Mistakes(err) {
			addNote(&run, config.Path, m.Line, m.Problem)
		}
	}
	if mistakes := postmortem.LintTemplate(string(template)); len(mistakes) > 0 {
		summaries = append(summaries, fmt.Sprintf("%s can't be used: %s. Postmortems have the standard one.",
			texts.Code(postmortem.TemplatePath), texts.Inert(templateMistakes(mistakes), 900)))
		for _, m := range mistakes {
			addNote(&run, postmortem.TemplatePath, m.Line, fmt.Sprintf("column %d: %s", m.Column, m.Text))
		}
	}
	if wrong != nil {
		summaries = append(summaries, config.Summary(oncall.Path, wrong, true))
		for _, m := range config.Mistakes(wrong) {
			addNote(&run, oncall.Path, m.Line, m.Problem)
		}
	}
	if n := len(run.Notes); n > 0 {
		run.Passed, run.Title, run.Summary = false, templates.Plural(n, "mistake",
			"mistakes"), strings.Join(summaries, "\n\n")
	}
	if hasRotations && wrong == nil {
		people := oncall.People{IsKnown: r.knows()}
		if broken == nil {
			people.Ways = r.waysTo(policy, schedule)
		}
		r.checkOnCall(&run, schedule, people)
	}
	return run
}

// addNote adds a mistake to a check.
func addNote(run *CheckRun, path string, line int, problem string) {
	line = max(1, line)
	run.Notes = append(run.Notes, Note{Path: path, Line: line, EndLine: line,
		Title: "Firebreak can't use this", Text: problem})
}
