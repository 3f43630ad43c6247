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
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/postmortem"
	"github.com/firebreak-dev/firebreak/templates"
)

// file is the last good configuration of a repository, when it was read, and what is wrong with the newest.
type file struct {
	policy incident.Policy
	kept   []byte // as it stands outside the process; nil: nobody knows
	read   time.Time
	broken incident.BrokenConfig

	from    string    // the repository that it was read from; empty: there was none
	missed  time.Time // since when GitHub shows none although there was one; zero: it shows it
	removed bool      // of that, so long that it counts as removed
	before  []byte    // the version before
	changed time.Time // when this version was read first
}

// configured is how long a command goes by the configuration as it was read: every call counts when somebody waits for an
// answer, and the clocks of an incident read it often enough.
const configured = 15 * time.Minute

// load reads the repository's policy, or else the organisation's. A broken file never stops an incident: the last good one
// goes on, or the defaults, and the incident says so.
func (p *pass) load() error {
	name := p.settingsName()
	p.mu.Lock()
	last, known := p.files[name]
	p.mu.Unlock()
	if known && p.m.Comment() != nil && p.now.Sub(last.read) < configured {
		p.use(last)
		return nil
	}
	content, from, err := p.readConfiguration()
	if isRefused(err) {
		return p.goOnWithLastGood(last, known, err)
	}
	if err != nil {
		return err
	}
	if !known {
		last = p.keptUnderAnyName()
	}
	if p.isMissed(&last, content, from) {
		p.use(last)
		return nil
	}
	policy, err := config.Parse(content)
	last.read, last.broken = p.now, incident.BrokenConfig{}
	if err != nil {
		sum := sha256.Sum256(content)
		last.broken = incident.BrokenConfig{Where: hex.EncodeToString(sum[:6]), Why: mistakes(err)}
		p.Logger.Warn("configuration invalid: using the last good one", "repository", name, "file", config.Path, "lines", lines(err))
	} else {
		if kept := keptText(name, from, content); !bytes.Equal(kept, last.kept) {
			last.before, last.changed = last.kept, p.now
		}
		last.policy, last.from = policy, from
		last.kept = p.keep(p.ctx, name, last.kept, keptText(name, from, content))
	}
	p.use(last)
	return nil
}

// use goes by a configuration, and remembers it for the next look.
func (p *pass) use(f file) {
	p.mu.Lock()
	p.files[p.settingsName()] = f
	p.mu.Unlock()
	p.policy, p.broken = f.policy, f.broken
	if d := p.before.Declared; f.removed && f.broken.Where == "" && d != nil && d.At.Before(f.missed.Add(removedAfter)) {
		p.broken = incident.BrokenConfig{Where: fmt.Sprintf("removed/%d", f.missed.Unix()), Instead: "defaults"}
		if !isBlank(f.kept) {
			p.broken.Instead = f.from
		}
	}
}

// goOnWithLastGood uses the last good configuration while GitHub refuses to show the file. The incident says so.
func (p *pass) goOnWithLastGood(last file, known bool, refused error) error {
	name := p.settingsName()
	if !known {
		last = p.keptUnderAnyName()
	}
	last.read, last.broken = p.now, incident.BrokenConfig{Where: "unreadable", Why: reason(refused)}
	p.Logger.Warn("configuration not readable: going on with the last good one", "repository", name, "file", config.Path, "err", brief(refused))
	p.use(last)
	return nil
}

// keep stores a good configuration outside the process if it is not there yet, and gives what is. A failure costs nothing now:
// the next look tries again.
func (e *Engine) keep(ctx context.Context, repo string, before, file []byte) []byte {
	if e.Shelf == nil || before != nil && bytes.Equal(before, file) {
		return before
	}
	if err := e.Shelf.Keep(ctx, policyName(repo), file); err != nil {
		e.Logger.Warn("the configuration could not be kept for when GitHub is out", "repository", repo, "err", brief(err))
		return nil
	}
	return file
}

func policyName(repo string) string { return "policies/" + repo }

// lastPolicy gives a repository's policy as it was read last, by this process or another, without asking GitHub.
func (e *Engine) lastPolicy(ctx context.Context, repo string) incident.Policy {
	e.mu.Lock()
	last, known := e.files[repo]
	e.mu.Unlock()
	if !known {
		last = e.kept(ctx, repo)
	}
	return last.policy
}

// kept gives the last good configuration that any process read, or the defaults.
func (e *Engine) kept(ctx context.Context, repo string) file {
	unknown := file{policy: incident.DefaultPolicy()}
	if e.Shelf == nil {
		return unknown
	}
	unknown.missed, unknown.removed = e.missedSince(ctx, repo)
	content, err := e.Shelf.Kept(ctx, policyName(repo))
	if err != nil {
		e.Logger.Warn("last good configuration not found: using defaults", "repository", repo, "err", brief(err))
		return unknown
	}
	policy, err := config.Parse(content)
	if content == nil || err != nil { // what an older version understood a newer one may not
		return unknown
	}
	last := unknown
	last.policy, last.kept, last.from = policy, content, keptFrom(repo, content)
	return last
}

// keptUnderAnyName returns the last good configuration that any process read, under the present name of the repository or, if nothing
// was read under that yet, under a name that it had. Without one it returns the defaults.
func (p *pass) keptUnderAnyName() file {
	present := p.kept(p.ctx, p.settingsName())
	if present.kept != nil {
		return present
	}
	for _, ref := range p.names() {
		if former := p.kept(p.ctx, ref.FullName()); former.kept != nil {
			former.missed, former.removed = present.missed, present.removed
			return former
		}
	}
	return present
}

// mistakes tells the first mistakes of a configuration, with their places.
func mistakes(err error) string {
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

// lines tells where the mistakes are. What is written there may be a phone number, and stands in no log.
func lines(err error) (all []int) {
	for _, m := range config.Mistakes(err) {
		all = append(all, m.Line)
	}
	return all
}

// shared is the repository of an organisation whose configuration counts where a repository has none.
// https://docs.github.com/en/communities/setting-up-your-project-for-healthy-contributions/creating-a-default-community-health-file
const shared = ".github"

// checkSettings checks the configuration and the postmortem template, of which a push changed one, before it is merged: on the
// commit, line by line.
func (p *pass) checkSettings() error {
	served, err := p.serves(p.ctx, p.m.Ref, p.m.Repository)
	if err != nil || !served && p.m.Ref.Repo != shared {
		return err
	}
	configuration, hasConfiguration, err := p.GitHub.FileAt(p.ctx, p.m.Ref, config.Path, p.m.Commit())
	if isRefused(err) {
		return nil // the app was removed
	}
	if err != nil {
		return err
	}
	template, hasTemplate, err := p.GitHub.FileAt(p.ctx, p.m.Ref, postmortem.TemplatePath, p.m.Commit())
	if err != nil && !isRefused(err) {
		return err
	}
	if waited := p.now.Sub(p.received()); !hasConfiguration && !hasTemplate && p.m.Floor != nil && waited < lagging {
		return &Later{Until: p.now.Add(pause(waited)), Err: fmt.Errorf("GitHub's API does not show commit %s of %s yet", p.m.Commit(), p.m.Ref.FullName())}
	}
	if !hasConfiguration && !hasTemplate {
		return nil // removed again
	}
	run := CheckRun{Commit: p.m.Commit(), Name: "firebreak.yml", Passed: true, Title: "The configuration can be used", Summary: "Every setting is valid."}
	var summaries []string
	if _, err := config.Parse(configuration); err != nil {
		summaries = append(summaries, config.Summary(config.Path, err, true))
		for _, m := range config.Mistakes(err) {
			run.note(config.Path, m.Line, m.Problem)
		}
	}
	if mistakes := postmortem.LintTemplate(string(template)); len(mistakes) > 0 {
		summaries = append(summaries, fmt.Sprintf("%s can't be used: %s. Postmortems have the standard one.",
			templates.Code(postmortem.TemplatePath), templates.Inert(templateMistakes(mistakes), 900)))
		for _, m := range mistakes {
			run.note(postmortem.TemplatePath, m.Line, fmt.Sprintf("column %d: %s", m.Column, m.Text))
		}
	}
	if n := len(run.Notes); n > 0 {
		run.Passed, run.Title, run.Summary = false, templates.Plural(n, "mistake", "mistakes"), strings.Join(summaries, "\n\n")
	}
	err = p.GitHub.Check(p.ctx, p.m.Ref, run)
	if isRefused(err) { // there is no incident to tell
		p.Logger.Warn("configuration's check refused by GitHub", "repository", p.m.Ref.FullName(), "commit", p.m.Commit(), "err", brief(err))
		return nil
	}
	return err
}

// note adds a mistake to a check.
func (run *CheckRun) note(path string, line int, problem string) {
	line = max(1, line)
	run.Notes = append(run.Notes, Note{Path: path, Line: line, EndLine: line, Title: "Firebreak can't use this", Text: problem})
}
