package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// openIncidentLife is how long a dedup key's incident is known without asking GitHub.
const openIncidentLife = 10 * time.Minute

// openIncident is the open incident of a dedup key.
type openIncident struct {
	ref incident.Ref
	at  time.Time
}

// findIncident returns the open incident of a dedup key; its number is 0 if there is none. Where
// somebody waits for its address GitHub is asked, as another process may have closed the one known
// here.
func (r *reconciliation) findIncident(repo incident.Ref, s intake.Signal) (incident.Ref, error) {
	key := repo.FullName() + " " + s.DedupKey
	r.mu.Lock()
	known, ok := r.openIncidents[key]
	r.mu.Unlock()
	if ok && !r.m.Signal().IsReturned && s.Reply == "" && r.Now.Sub(known.at) < openIncidentLife {
		return known.ref, nil
	}
	ref, err := r.findOpenIncident(repo, r.dedupHashes(repo, s)...)
	if err != nil {
		return repo, fmt.Errorf("look for the incident of a signal: %w", err)
	}
	if ref.Number != 0 {
		r.rememberOpenIncident(key, ref)
	}
	return ref, nil
}

func (r *reconciliation) rememberOpenIncident(key string, ref incident.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, known := range r.openIncidents {
		if r.Now.Sub(known.at) >= openIncidentLife {
			delete(r.openIncidents, k)
		}
	}
	r.openIncidents[key] = openIncident{ref, r.Now}
}

// forgetOpenIncident makes the next report of a closed incident's dedup key open another incident.
func (r *reconciliation) forgetOpenIncident(ref incident.Ref) {
	for _, trouble := range r.dropOpenIncident(ref) {
		r.openedIssues().Forget(ref.FullName(), trouble, ref.Number)
	}
}

// dropOpenIncident drops an incident from those known to be open, and returns the hashes of its
// dedup keys.
func (r *reconciliation) dropOpenIncident(ref incident.Ref) (troubles []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, known := range r.openIncidents {
		if known.ref == ref {
			delete(r.openIncidents, k)
			_, dedup, _ := strings.Cut(k, " ")
			trouble := r.dedupHash(dedup)
			r.endEpisode(ref.FullName() + "/signal/" + trouble)
			troubles = append(troubles, trouble)
		}
	}
	return troubles
}

// openedIssues returns what is known of the incidents that were opened for reports, by the hashes
// of their dedup keys. Another process may have opened one, and GitHub's list may be behind.
func (r *reconciliation) openedIssues() effects.Issues {
	issues := effects.Issues{Look: r.Look, GitHub: r.GitHub, Known: r.knownIssues}
	if lag := r.memoryOf(r.Ref).recentLag(r.Now); lag > 0 {
		issues.Patience = min(lag, maxLag) + wait.ForReads(lag)
	}
	return issues
}

// dedupHash returns the hash of a dedup key. The repository's name is not part of it: that may
// change.
func (e *Engine) dedupHash(key string) string { return e.hash("signal", key)[:24] }

// dedupHashes returns the hashes of a report's dedup key, this version's and that of older ones,
// and of the mails that a mail answers.
func (e *Engine) dedupHashes(repo incident.Ref, s intake.Signal) []string {
	older := e.hash("signal", strings.ToLower(repo.FullName()), s.DedupKey)[:24]
	hashes := []string{e.dedupHash(s.DedupKey), older}
	for _, id := range s.Thread.Answered() {
		if h := e.dedupHash(intake.MailKey(id)); h != hashes[0] {
			hashes = append(hashes, h)
		}
	}
	return hashes
}

// isAboutDedup returns a function that reports whether the app opened an incident for one of some
// dedup keys.
func (e *Engine) isAboutDedup(ctx context.Context, troubles ...string) IsMarked {
	var marks []mark.Mark
	for _, t := range troubles {
		marks = append(marks, signalMark(t), mark.Mark{Kind: mailKind, Text: t})
	}
	return look.IsMarked(e.markKeys(), e.signedSince(ctx), []string{noIncident}, marks...)
}

// signalMark returns the mark of an incident's dedup key.
func signalMark(trouble string) mark.Mark { return mark.Mark{Kind: "signal", Text: trouble} }

// findOpenIncident finds the open incident of a dedup key, by its hash in this version and older
// ones; else the one into which its newest was folded, the one that was transferred, or the one
// that was opened just now. Its number is 0 if there is none.
func (r *reconciliation) findOpenIncident(repo incident.Ref, troubles ...string) (incident.Ref, error) {
	at := incident.Ref{Owner: repo.Owner, Repo: repo.Repo}
	is := r.isAboutDedup(r.Ctx, troubles...)
	var err error
	if at.Number, err = r.GitHub.FindIncident(r.Ctx, repo.FullName(), is); err != nil || at.Number != 0 {
		return at, err
	}
	folded := at
	if folded.Number, err = r.GitHub.FindFolded(r.Ctx, repo.FullName(), is); err != nil {
		return at, err
	}
	if folded.Number != 0 {
		at.Number, err = r.followFolds(r.Ctx, folded)
		return at, err
	}
	for _, trouble := range troubles {
		if ref, open, err := r.findTransferred(r.Ctx, trouble); err != nil || open {
			return ref, err
		}
	}
	for _, trouble := range troubles {
		if at.Number = r.openedIssues().Recent(repo.FullName(), trouble, maxLag); at.Number != 0 {
			break
		}
	}
	return at, nil
}

// forgetOpenIncidents makes the next report of any dedup key ask GitHub. A duplicate that was
// reopened gets its own reports again, and it is unknown here under which key the other incident
// got them.
func (r *reconciliation) forgetOpenIncidents() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.openIncidents)
}

// hasOpenIncident reports whether an incident is open for a report, as far as GitHub answers at
// once: its people need no page of its own each time the alert fires.
func (e *Engine) hasOpenIncident(ctx context.Context, repo incident.Ref, d intake.Decision,
	s intake.Signal) bool {
	if owner, name, ok := strings.Cut(d.Repository, "/"); ok {
		repo = incident.Ref{Owner: owner, Repo: name}
	}
	key, now := repo.FullName()+" "+s.DedupKey, e.Clock.Now()
	e.mu.Lock()
	known, ok := e.openIncidents[key]
	e.mu.Unlock()
	if ok && now.Sub(known.at) < openIncidentLife {
		return true
	}
	patient, stop := context.WithTimeout(ctx, policyPatience)
	defer stop()
	open, err := e.listings.open(patient, repo.FullName(), e.GitHub.FindIncident)
	if err != nil {
		return false
	}
	repo.Number = 0
	if at := slices.IndexFunc(open, e.isAboutDedup(patient, e.dedupHashes(repo, s)...)); at >= 0 {
		repo.Number = open[at].Number
	}
	if repo.Number == 0 {
		ref, isOpen, err := e.findTransferred(patient, e.dedupHash(s.DedupKey))
		if err == nil && !isOpen {
			ref, err = e.findConversation(patient, repo, s)
			isOpen = ref.Number != 0
		}
		if err != nil || !isOpen {
			return false
		}
		repo = ref
	}
	e.mu.Lock()
	e.openIncidents[key] = openIncident{repo, now}
	e.mu.Unlock()
	return true
}
