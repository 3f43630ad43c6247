package engine

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// A configuration that GitHub does not show once, shows empty, or shows as it was before, is none that somebody removed: the last
// good one goes on. It counts as removed once it was missed for a time in which the repository could be read.

// removedAfter is for how long GitHub must show no configuration before there is none.
const removedAfter = 15 * time.Minute

// readConfiguration reads the repository's configuration, or else the organisation's, and says from which repository. from is empty
// if there is none, and content then is as if it were empty.
func (p *pass) readConfiguration() (content []byte, from string, err error) {
	own, org := p.m.Ref, incident.Ref{Owner: p.m.Ref.Owner, Repo: shared}
	ok := false
	if !p.foreign { // whose writers are not to be believed
		content, ok, err = p.GitHub.File(p.ctx, own, config.Path)
		if err != nil || ok {
			return content, own.FullName(), err
		}
	}
	if content, ok, err = p.formerSettings(); err != nil || ok {
		return content, p.identity().FullName(), err
	}
	content, ok, err = p.GitHub.File(p.ctx, org, config.Path)
	if errors.Is(err, ErrNoAccess) {
		ok, err = false, nil
	}
	if err != nil || ok {
		return content, org.FullName(), err
	}
	return []byte{}, "", nil
}

// isMissed reports whether what was read is less than what was good before, and not for long enough to be believed. It notes in last
// since when.
func (p *pass) isMissed(last *file, content []byte, from string) bool {
	name, own := p.settingsName(), p.m.Ref.FullName()
	hadOne := len(bytes.TrimSpace(last.kept)) > 0
	isOlder := last.before != nil && bytes.Equal(keptText(name, from, content), last.before) && p.now.Sub(last.changed) < lagging
	isLess := isBlank(content) || from == "" || from != own && last.from == own
	switch {
	case hadOne && isOlder:
		return true
	case !hadOne || !isLess:
		if !isLess && !last.missed.IsZero() && (!last.removed || !hadOne || from != last.from) { // it is back
			last.missed, last.removed = time.Time{}, false
			p.noteMissed(name, "")
		}
		return false
	}
	if last.missed.IsZero() || last.removed {
		last.missed, last.removed = p.now, false
		p.noteMissed(name, p.now.Format(time.RFC3339))
	}
	if p.now.Sub(last.missed) < removedAfter {
		p.Logger.Warn("configuration missed: going on with the last good one", "repository", name, "file", config.Path, "since", last.missed)
		return true
	}
	p.Logger.Warn("configuration removed", "repository", name, "file", config.Path, "since", last.missed, "instead", from)
	last.removed = true
	p.noteMissed(name, "removed "+last.missed.Format(time.RFC3339))
	return false
}

// isBlank reports whether a configuration says nothing, as one that was written half.
func isBlank(content []byte) bool { return len(bytes.TrimSpace(content)) == 0 }

func missedName(repo string) string { return "missed/" + repo }

// noteMissed keeps outside the process since when a configuration is missed: another may read it next.
func (p *pass) noteMissed(repo, text string) {
	if p.Shelf == nil {
		return
	}
	if err := p.Shelf.Keep(p.ctx, missedName(repo), []byte(text)); err != nil {
		p.Logger.Warn("missed configuration not noted", "repository", repo, "err", brief(err))
	}
}

// missedSince returns since when a configuration is missed, and whether it counts as removed.
func (e *Engine) missedSince(ctx context.Context, repo string) (since time.Time, removed bool) {
	text, err := e.Shelf.Kept(ctx, missedName(repo))
	if err != nil || len(text) == 0 {
		return time.Time{}, false
	}
	at, removed := strings.CutPrefix(string(text), "removed ")
	since, err = time.Parse(time.RFC3339, at)
	if err != nil {
		return time.Time{}, false
	}
	return since, removed
}

// readFrom begins a kept configuration that was not read from the repository itself.
const readFrom = "# read from "

// keptText returns a configuration as it is kept outside the process.
func keptText(repo, from string, content []byte) []byte {
	if from == "" || from == repo {
		return content
	}
	return append([]byte(readFrom+from+"\n"), content...)
}

// keptFrom returns the repository that a kept configuration was read from; empty: there was none.
func keptFrom(repo string, kept []byte) string {
	line, _, _ := bytes.Cut(kept, []byte("\n"))
	if from, ok := bytes.CutPrefix(line, []byte(readFrom)); ok {
		return string(from)
	}
	if isBlank(kept) {
		return ""
	}
	return repo
}
