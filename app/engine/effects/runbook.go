package effects

import (
	"context"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/similar"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// RunbookAPI is what Runbook needs of GitHub.
type RunbookAPI interface {
	// ReadTexts returns those of some files of a repository's default branch that are there. Where
	// everybody may read the incident, a private repository has none. It makes 1 call.
	ReadTexts(ctx context.Context, ref incident.Ref, repo string, paths []string) (texts map[string]string, err error)
	// FileURL returns where people read a file of the default branch.
	FileURL(repo, path string) string
}

// Runbook finds the runbook of an alert (L2): the one that the report names, or the one of the alert's
// name in the repository of the service that is hit, or in the incident's own.
type Runbook struct {
	*look.Look
	GitHub RunbookAPI
}

const (
	// runbookTimeout is how long a runbook is looked for.
	runbookTimeout = 4 * time.Second
	// runbookFolder is where runbooks are, by the names of alerts.
	runbookFolder = "docs/runbooks"
	// runbookLines is how many lines of one are shown, and of each how many characters: they travel in a
	// message. mostAlerts is how many names are tried.
	runbookLines = 20
	runbookLine  = 500
	mostAlerts   = 5
)

// Apply finds it, if that is owed. It never fails because of GitHub: nothing else waits for it.
func (e Runbook) Apply() error {
	return look.ForEach(e.Look, func(incident.FindRunbook) error {
		if !e.State.Runbook.Owed {
			return nil // done by an effect before
		}
		ctx, cancel := context.WithTimeout(e.Ctx, runbookTimeout)
		defer cancel()
		found, err := e.find(ctx)
		switch {
		case err == nil:
			e.Report(found)
		case e.Ctx.Err() != nil:
			return err
		default:
			e.Logger.Warn("the runbook is looked for later", "incident", e.Ref.String(), "err", ports.Redact(err))
			e.Report(incident.RunbookUnread{})
		}
		return nil
	})
}

// find returns the first of the places that has one. What GitHub refuses has none.
func (e Runbook) find(ctx context.Context) (incident.RunbookFound, error) {
	for _, place := range e.places() {
		texts, err := e.GitHub.ReadTexts(ctx, e.Ref, place.repo, place.paths)
		if ports.IsRefused(err) {
			e.Logger.Warn("no runbook can be read there", "incident", e.Ref.String(), "repository", place.repo,
				"err", ports.Redact(err))
			continue
		}
		if err != nil {
			return incident.RunbookFound{}, err
		}
		for _, p := range place.paths {
			if text := strings.TrimSpace(texts[p]); text != "" {
				return e.shown(place.repo, p, text), nil
			}
		}
	}
	return incident.RunbookFound{}, nil
}

// shown returns how a runbook begins.
func (e Runbook) shown(repo, file, text string) incident.RunbookFound {
	found := incident.RunbookFound{Name: repo + "/" + file, URL: e.GitHub.FileURL(repo, file)}
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if len(found.Lines) == runbookLines {
			found.IsLonger = true
			break
		}
		found.Lines = append(found.Lines, texts.Truncate(line, runbookLine))
	}
	return found
}

// runbookPlace is where runbooks may be.
type runbookPlace struct {
	repo  string
	paths []string
}

// places returns where the runbook may be, the likeliest first.
func (e Runbook) places() (all []runbookPlace) {
	for _, l := range e.State.Links {
		if repo, file, ok := fileOf(l.URL); ok && strings.HasPrefix(strings.ToLower(l.Name), "runbook") && e.isOwn(repo) {
			all = append(all, runbookPlace{repo, []string{file}})
		}
	}
	var paths []string
	for _, name := range similar.AlertNames(e.Snapshot.Title + "\n" + e.Snapshot.Body) {
		if len(paths) < mostAlerts {
			paths = append(paths, path.Join(runbookFolder, name+".md"))
		}
	}
	if len(paths) == 0 {
		return all
	}
	repos := []string{e.Ref.FullName()}
	if e.State.Hit.Repo != "" && e.isOwn(e.State.Hit.Repo) {
		repos = slices.Insert(repos, 0, e.State.Hit.Repo)
	}
	for _, repo := range repos {
		all = append(all, runbookPlace{repo, paths})
	}
	return all
}

// isOwn reports whether a repository is of the incident's owner: this installation reads no other.
func (e Runbook) isOwn(repo string) bool {
	owner, _, ok := naming.SplitRepository(repo)
	return ok && naming.Equal(owner, e.Ref.Owner)
}

// fileOf returns the repository and the path in an address of a file on GitHub:
// https://host/owner/repo/blob/ref/path.
func fileOf(address string) (repo, file string, ok bool) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", false
	}
	parts := strings.SplitN(strings.TrimPrefix(u.Path, "/"), "/", 5)
	if len(parts) < 5 || parts[2] != "blob" || !strings.HasSuffix(strings.ToLower(parts[4]), ".md") {
		return "", "", false
	}
	return parts[0] + "/" + parts[1], path.Clean(parts[4]), true
}
