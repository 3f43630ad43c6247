package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

// file is the last good configuration of a repository, when it was read, and what is wrong with the newest.
type file struct {
	policy incident.Policy
	kept   []byte // as it stands outside the process; nil: nobody knows
	read   time.Time
	broken incident.BrokenConfig
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
	if known && p.m.Comment != nil && p.now.Sub(last.read) < configured {
		p.policy, p.broken = last.policy, last.broken
		return nil
	}
	content, ok, err := p.GitHub.File(p.ctx, p.m.Ref, config.Path)
	if err == nil && !ok {
		content, ok, err = p.formerSettings()
	}
	if err == nil && !ok {
		content, ok, err = p.GitHub.File(p.ctx, incident.Ref{Owner: p.m.Ref.Owner, Repo: shared}, config.Path)
		if errors.Is(err, ErrNoAccess) {
			err = nil
		}
	}
	if isRefused(err) {
		return p.goOnWithLastGood(last, known, err)
	}
	if err != nil {
		return err
	}
	if !ok {
		content = []byte{} // as if it were empty
	}
	policy, err := config.Parse(content)
	if err != nil && !known {
		last = p.kept(p.ctx, name)
	}
	last.read, last.broken = p.now, incident.BrokenConfig{}
	if err != nil {
		sum := sha256.Sum256(content)
		last.broken = incident.BrokenConfig{Where: hex.EncodeToString(sum[:6]), Why: mistakes(err)}
		p.Logger.Warn("configuration invalid: using the last good one", "repository", name, "file", config.Path, "lines", lines(err))
	} else {
		last.policy = policy
		last.kept = p.keep(p.ctx, name, last.kept, content)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files[name], p.policy, p.broken = last, last.policy, last.broken
	return nil
}

// goOnWithLastGood uses the last good configuration while GitHub refuses to show the file. The incident says so.
func (p *pass) goOnWithLastGood(last file, known bool, refused error) error {
	name := p.settingsName()
	if !known {
		last = p.kept(p.ctx, name)
	}
	last.read, last.broken = p.now, incident.BrokenConfig{Where: "unreadable", Why: reason(refused)}
	p.Logger.Warn("configuration not readable: going on with the last good one", "repository", name, "file", config.Path, "err", brief(refused))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files[name], p.policy, p.broken = last, last.policy, last.broken
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
	content, err := e.Shelf.Kept(ctx, policyName(repo))
	if err != nil {
		e.Logger.Warn("last good configuration not found: using defaults", "repository", repo, "err", brief(err))
		return unknown
	}
	policy, err := config.Parse(content)
	if content == nil || err != nil { // what an older version understood a newer one may not
		return unknown
	}
	return file{policy: policy, kept: content}
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

// checkSettings checks the configuration that a push changed, before it is merged: on the commit, line by line.
func (p *pass) checkSettings() error {
	content, ok, err := p.GitHub.FileAt(p.ctx, p.m.Ref, config.Path, p.m.Commit)
	if isRefused(err) || err == nil && !ok {
		return nil // removed again, or the app was
	}
	if err != nil {
		return err
	}
	run := CheckRun{Commit: p.m.Commit, Name: "firebreak.yml", Passed: true, Title: "The configuration can be used", Summary: "Every setting is valid."}
	if _, err := config.Parse(content); err != nil {
		found := config.Mistakes(err)
		run.Passed, run.Title, run.Summary = false, "1 mistake", config.Summary(config.Path, err, true)
		if n := len(found); n != 1 {
			run.Title = fmt.Sprintf("%d mistakes", n)
		}
		for _, m := range found {
			line := max(1, m.Line)
			run.Notes = append(run.Notes, Note{Path: config.Path, Line: line, EndLine: line, Title: "Firebreak can't use this", Text: m.Problem})
		}
	}
	err = p.GitHub.Check(p.ctx, p.m.Ref, run)
	if isRefused(err) { // there is no incident to tell
		p.Logger.Warn("configuration's check refused by GitHub", "repository", p.m.Ref.FullName(), "commit", p.m.Commit, "err", brief(err))
		return nil
	}
	return err
}
