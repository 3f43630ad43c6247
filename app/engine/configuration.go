package engine

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// A configuration that GitHub fails to show once, shows empty, or shows as it was before, was not
// removed: the last good one goes on. It counts as removed once it was missed for a time in which
// the repository could be read.

// removedAfter is for how long GitHub must show no configuration until it counts as removed.
const removedAfter = 15 * time.Minute

// readConfiguration reads the repository's configuration, or else the organisation's, and returns
// from which repository it is. from is empty if neither has one; content then is as if it were
// empty.
func (r *reconciliation) readConfiguration() (content []byte, from string, err error) {
	own, org := r.Ref, incident.Ref{Owner: r.Ref.Owner, Repo: sharedRepository}
	var ok bool
	if !r.isUnserved { // whose writers are not to be believed
		content, ok, err = r.GitHub.ReadFile(r.Ctx, own, config.Path)
		if err != nil || ok {
			return content, own.FullName(), err
		}
	}
	if content, ok, err = r.formerSettings(); err != nil || ok {
		return content, r.DeclaredRef().FullName(), err
	}
	content, ok, err = r.GitHub.ReadFile(r.Ctx, org, config.Path)
	if errors.Is(err, ErrNoAccess) {
		ok, err = false, nil
	}
	if err != nil || ok {
		return content, org.FullName(), err
	}
	return []byte{}, "", nil
}

// isMissed reports whether less was read than was good before, and not for long enough to be
// believed. It notes in last since when.
func (r *reconciliation) isMissed(last *cachedPolicy, content []byte, from string) bool {
	name, own := r.settingsName(), r.Ref.FullName()
	hadOne := len(bytes.TrimSpace(last.kept)) > 0
	isOlder := last.before != nil && bytes.Equal(savedConfiguration(name, from, content), last.before) &&
		r.Now.Sub(last.changed) < maxLag
	isLess := isBlank(content) || from == "" || from != own && last.from == own
	switch {
	case hadOne && isOlder:
		return true
	case !hadOne || !isLess:
		if !isLess && !last.missed.IsZero() && (!last.removed || !hadOne || from != last.from) { // it is back
			last.missed, last.removed = time.Time{}, false
			r.saveMissed(name, "")
		}
		return false
	}
	if last.missed.IsZero() || last.removed {
		last.missed, last.removed = r.Now, false
		r.saveMissed(name, r.Now.Format(time.RFC3339))
	}
	if r.Now.Sub(last.missed) < removedAfter {
		r.Logger.Warn("configuration missed: going on with the last good one", "repository", name, "file",
			config.Path, "since", last.missed)
		return true
	}
	r.Logger.Warn("configuration removed", "repository", name, "file", config.Path, "since", last.missed,
		"instead", from)
	last.removed = true
	r.saveMissed(name, "removed "+last.missed.Format(time.RFC3339))
	return false
}

// isBlank reports whether a configuration says nothing, as one that was written half.
func isBlank(content []byte) bool { return len(bytes.TrimSpace(content)) == 0 }

func missedKey(repo string) string { return "missed/" + repo }

// saveMissed keeps outside the process since when a configuration is missed: another may read it
// next.
func (r *reconciliation) saveMissed(repo, text string) {
	if r.Store == nil {
		return
	}
	if err := r.Store.Save(r.Ctx, missedKey(repo), []byte(text)); err != nil {
		r.Logger.Warn("missed configuration not noted", "repository", repo, "err", ports.Redact(err))
	}
}

// loadMissed returns since when a configuration is missed, and whether it counts as removed.
func (e *Engine) loadMissed(ctx context.Context, repo string) (since time.Time, removed bool) {
	text, err := e.Store.Load(ctx, missedKey(repo))
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

// savedConfiguration returns a configuration as it is kept outside the process.
func savedConfiguration(repo, from string, content []byte) []byte {
	if from == "" || from == repo {
		return content
	}
	return append([]byte(readFrom+from+"\n"), content...)
}

// savedFrom returns the repository that a kept configuration was read from; empty: there was none.
func savedFrom(repo string, kept []byte) string {
	line, _, _ := bytes.Cut(kept, []byte("\n"))
	if from, ok := bytes.CutPrefix(line, []byte(readFrom)); ok {
		return string(from)
	}
	if isBlank(kept) {
		return ""
	}
	return repo
}
