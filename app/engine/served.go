package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Which repositories are for incidents. The App is installed in more than those: tickets, updates
// for customers and configurations are in others, and whoever can write there could commit a
// configuration of their own, which names the operator's secrets and any address. So the operator
// says where incidents are. Elsewhere no configuration is read, nobody is paged, and one comment
// says so where somebody tried.

// knownRepository is a repository's id, as it was read.
type knownRepository struct {
	id int64
	at time.Time
}

const (
	// repositoryIDLife is how long a repository's id is known by its name. A webhook brings it along.
	repositoryIDLife = time.Hour
	// bindAgain is how long a name that led to no repository is not asked about again.
	bindAgain = time.Minute
)

func boundKey(repo string) string        { return "served/" + strings.ToLower(repo) }
func firstServedKey(owner string) string { return "served-first/" + strings.ToLower(owner) }

// serves reports whether incidents of a repository are handled. id is its id if a webhook has it; 0
// if it must be asked for.
func (e *Engine) serves(ctx context.Context, repo incident.Ref, id int64) (bool, error) {
	name := repo.FullName()
	if id == 0 {
		id = e.repositoryID(ctx, repo)
	} else {
		e.noteRepositoryID(name, id)
	}
	if id == 0 { // GitHub is away: it is the one that had this name last
		id = e.boundID(ctx, name)
	}
	names, err := e.servedNames(ctx, repo.Owner)
	if err != nil {
		return false, err
	}
	unknown := e.bindListed(ctx, names, name)
	for _, entry := range names {
		if e.isServedAs(ctx, entry, name, id) {
			return true, nil
		}
	}
	if unknown != nil { // it may be the one that had that name
		return false, unknown
	}
	if len(e.Repositories) > 0 {
		return false, nil
	}
	return e.servesUnlisted(ctx, repo, id), nil
}

// isServedAs reports whether a repository is the one that an entry of a list means.
func (e *Engine) isServedAs(ctx context.Context, entry, name string, id int64) bool {
	if listed, err := strconv.ParseInt(entry, 10, 64); err == nil {
		return listed == id && id != 0
	}
	bound, isNamed := e.boundID(ctx, entry), naming.Equal(entry, name)
	switch {
	case bound != 0 && id != 0 && bound != id:
		if isNamed {
			e.Logger.Error("repository not served: another one had this name before", "repository", name,
				"id", id, "served", bound)
		}
		return false
	case bound != 0 && bound == id:
		e.bind(ctx, name, id) // for when GitHub is away: it may have another name by now
		return true
	case isNamed:
		e.bind(ctx, entry, id)
		return true
	}
	return false
}

// bindListed binds the names on a list that are bound to no repository yet, but for the one that is
// asked about: before anything happens in them, so that a repository which is renamed or loses its
// name before its first incident is known too. An error says that GitHub can't be asked about one now.
func (e *Engine) bindListed(ctx context.Context, names []string, but string) (unknown error) {
	for _, name := range names {
		owner, repo, ok := naming.SplitRepository(name)
		if !ok || naming.Equal(name, but) || e.boundID(ctx, name) != 0 {
			continue
		}
		key, now := strings.ToLower(name), e.Clock.Now()
		e.mu.Lock()
		tried := e.bindTried[key]
		e.mu.Unlock()
		if !tried.IsZero() && now.Sub(tried) < bindAgain {
			continue
		}
		id, err := e.readRepositoryID(ctx, incident.Ref{Owner: owner, Repo: repo})
		if err != nil && !ports.IsRefused(err) {
			unknown = err
			continue
		}
		e.mu.Lock()
		e.bindTried[key] = now
		e.mu.Unlock()
		e.bind(ctx, name, id)
	}
	return unknown
}

// servesUnlisted reports whether a repository counts where the operator has made no list.
func (e *Engine) servesUnlisted(ctx context.Context, repo incident.Ref, id int64) bool {
	name := repo.FullName()
	if len(e.loadKept(ctx, policyKey(name))) > 0 && e.isServedAs(ctx, name, name, id) {
		return true
	}
	if e.Reports.Repo != "" {
		if naming.Equal(name, e.Reports.FullName()) {
			return false // its name is another repository's by now
		}
		for _, rule := range e.policyOf(ctx, e.Reports).Signals {
			if rule.Repository != "" && e.isServedAs(ctx, rule.Repository, name, id) {
				return true
			}
		}
		return false
	}
	first := e.firstServed(ctx, repo)
	return e.isServedAs(ctx, first, name, id)
}

// firstServed returns the first repository of an owner that was used, which is this one if none
// was.
func (e *Engine) firstServed(ctx context.Context, repo incident.Ref) string {
	owner := strings.ToLower(repo.Owner)
	e.mu.Lock()
	first := e.firstServedOf[owner]
	e.mu.Unlock()
	if first != "" {
		return first
	}
	if first = string(e.loadKept(ctx, firstServedKey(owner))); first == "" {
		first = repo.FullName()
		e.Logger.Warn("no list of incident repositories: the first one that is used is served, and no "+
			"other of its owner. Set FIREBREAK_REPOSITORIES",
			"repository", first)
		if e.Store != nil {
			if err := e.Store.Save(ctx, firstServedKey(owner), []byte(first)); err != nil {
				e.Logger.Warn("not kept outside GitHub", "name", firstServedKey(owner), "err",
					ports.Redact(err))
			}
		}
	}
	e.mu.Lock()
	e.firstServedOf[owner] = first
	e.mu.Unlock()
	return first
}

// servedNames lists the names and ids of the repositories that the operator names, or leaves to an
// owner's .github repository.
func (e *Engine) servedNames(ctx context.Context, owner string) (names []string, err error) {
	for _, entry := range e.Repositories {
		if of, repo, _ := strings.Cut(entry, "/"); repo != sharedRepository {
			names = append(names, entry)
		} else if naming.Equal(of, owner) {
			listed, err := e.readRepositoryList(ctx, of)
			if err != nil {
				return nil, err
			}
			names = append(names, listed...)
		} else { // the owner may have another name by now
			names = append(names, e.lastRepositoryList(ctx, of)...)
		}
	}
	if e.Reports.Repo != "" {
		names = append(names, e.Reports.FullName())
	}
	return names, nil
}

// repositoryList is the list of incident repositories in an owner's .github repository.
type repositoryList struct {
	names  []string
	read   time.Time
	missed time.Time // since when GitHub shows none although there was one; zero: it shows it
}

// repositoryListLife is how long an owner's list counts without being read again.
const repositoryListLife = time.Minute

func repositoryListKey(owner string) string { return "served-list/" + strings.ToLower(owner) }

// readRepositoryList returns the repositories that an owner's .github repository names. A list that
// can't be read or understood, or is not shown for a moment, is as it was: incidents that run must
// go on.
func (e *Engine) readRepositoryList(ctx context.Context, owner string) ([]string, error) {
	now, key := e.Clock.Now(), strings.ToLower(owner)
	e.mu.Lock()
	list := e.repositoryLists[key]
	e.mu.Unlock()
	if !list.read.IsZero() && now.Sub(list.read) < repositoryListLife {
		return list.names, nil
	}
	list.names = e.lastRepositoryList(ctx, owner)
	content, ok, err := e.GitHub.ReadFile(ctx, incident.Ref{Owner: owner, Repo: sharedRepository},
		config.RepositoriesPath)
	var names []string
	if err == nil && ok {
		names, err = config.ParseRepositories(content, owner)
	}
	switch {
	case err != nil && len(list.names) == 0 && !ports.IsRefused(err) &&
		(errors.Is(err, ErrUnavailable) || errors.Is(err, ErrLimited) || errors.Is(err, ErrNotYet)):
		return nil, err // the message waits until it is known
	case err != nil:
		e.Logger.Warn("list of incident repositories not readable: going on with the last good one",
			"owner", owner, "file", config.RepositoriesPath, "err", ports.Redact(err))
	case ok:
		if !slices.Equal(names, list.names) && e.Store != nil {
			if err := e.Store.Save(ctx, repositoryListKey(owner),
				[]byte(strings.Join(names, " "))); err != nil {
				e.Logger.Warn("not kept outside GitHub", "name", repositoryListKey(owner), "err",
					ports.Redact(err))
			}
		}
		list.names, list.missed = names, time.Time{}
	case len(list.names) > 0 && list.missed.IsZero():
		list.missed = now
	case len(list.names) > 0 && now.Sub(list.missed) >= removedAfter:
		e.Logger.Warn("list of incident repositories removed", "owner", owner, "file",
			config.RepositoriesPath)
		list.names = nil
	}
	list.read = now
	e.mu.Lock()
	e.repositoryLists[key] = list
	e.mu.Unlock()
	return list.names, nil
}

// lastRepositoryList returns an owner's list as it was read last, by this process or another.
func (e *Engine) lastRepositoryList(ctx context.Context, owner string) []string {
	e.mu.Lock()
	list, known := e.repositoryLists[strings.ToLower(owner)]
	e.mu.Unlock()
	if known {
		return list.names
	}
	return strings.Fields(string(e.loadKept(ctx, repositoryListKey(owner))))
}

// repositoryID returns the id of the repository that has a name; 0 if GitHub does not tell.
func (e *Engine) repositoryID(ctx context.Context, repo incident.Ref) int64 {
	id, err := e.readRepositoryID(ctx, repo)
	if err != nil && !errors.Is(err, ErrNoAccess) {
		e.Logger.Warn("repository's id not known: going by its name", "repository", repo.FullName(),
			"err", ports.Redact(err))
	}
	return id
}

// readRepositoryID returns the id of the repository that has a name, which may be known; 0 with an error.
func (e *Engine) readRepositoryID(ctx context.Context, repo incident.Ref) (int64, error) {
	name, now := strings.ToLower(repo.FullName()), e.Clock.Now()
	e.mu.Lock()
	known := e.repositoryIDs[name]
	e.mu.Unlock()
	if known.id != 0 && now.Sub(known.at) < repositoryIDLife {
		return known.id, nil
	}
	id, err := e.GitHub.RepositoryID(ctx, repo)
	if err != nil {
		return 0, err
	}
	e.noteRepositoryID(repo.FullName(), id)
	return id, nil
}

func (e *Engine) noteRepositoryID(name string, id int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.repositoryIDs[strings.ToLower(name)] = knownRepository{id, e.Clock.Now()}
}

// boundID returns the id of the repository that was served by a name; 0: none was.
func (e *Engine) boundID(ctx context.Context, name string) int64 {
	key := strings.ToLower(name)
	e.mu.Lock()
	id, known := e.boundIDs[key]
	e.mu.Unlock()
	if known || e.Store == nil {
		return id
	}
	text, err := e.Store.Load(ctx, boundKey(name))
	if err != nil {
		e.Logger.Warn("not readable outside GitHub", "name", boundKey(name), "err", ports.Redact(err))
		return 0
	}
	id, _ = strconv.ParseInt(string(text), 10, 64)
	e.mu.Lock()
	e.boundIDs[key] = id
	e.mu.Unlock()
	return id
}

// bind notes the id of the repository that is served by a name.
func (e *Engine) bind(ctx context.Context, name string, id int64) {
	if id == 0 || e.boundID(ctx, name) == id {
		return
	}
	if e.Store != nil {
		if err := e.Store.Save(ctx, boundKey(name), []byte(strconv.FormatInt(id, 10))); err != nil {
			e.Logger.Warn("not kept outside GitHub", "name", boundKey(name), "err", ports.Redact(err))
			return
		}
	}
	e.mu.Lock()
	e.boundIDs[strings.ToLower(name)] = id
	e.mu.Unlock()
}

// servesNow reports whether a repository is for incidents, for pages that must not wait: where
// nobody knows, the repository's name decides.
func (e *Engine) servesNow(ctx context.Context, repo incident.Ref) bool {
	patient, stop := context.WithTimeout(ctx, policyPatience)
	defer stop()
	ok, err := e.serves(patient, repo, 0)
	return ok && err == nil
}

// cameFromServed reports whether the incident was declared in a repository that is served, and
// transferred to this one: it goes on, by the settings of the one where it was declared.
func (r *reconciliation) cameFromServed() (bool, error) {
	if r.IsRebuilt {
		return false, nil
	}
	return r.servesHome(r.DeclaredRef())
}

// servesHome reports whether the repository where the incident was declared is another one, and is
// served.
func (r *reconciliation) servesHome(declared incident.Ref) (bool, error) {
	if naming.Equal(declared.FullName(), r.Ref.FullName()) {
		return false, nil
	}
	return r.serves(r.Ctx, declared, r.boundID(r.Ctx, declared.FullName()))
}

// cameFromServedOffline reports, while GitHub is away, whether the incident came from a repository
// that is for incidents, by what is kept outside GitHub.
func (r *reconciliation) cameFromServedOffline() bool {
	if r.Store == nil {
		return false
	}
	s, err := r.loadOutageSnapshot()
	if err != nil {
		return false
	}
	declared, err := incident.ParseRef(s.State.DeclaredAs)
	if err != nil {
		return false
	}
	served, err := r.servesHome(declared)
	return err == nil && served
}

// leaveUnserved handles a look at an issue of a repository that is not for incidents, and reports
// whether it ends with that. It does not for an incident that was transferred there, or went away
// from a repository that is for incidents.
func (r *reconciliation) leaveUnserved(looked error) (over bool, err error) {
	if r.m.Was.Number != 0 {
		if from, err := r.serves(r.Ctx, r.m.Was, 0); err != nil || from &&
			(looked != nil || r.Snapshot.Gone) {
			return err != nil, err
		}
	}
	if looked != nil {
		if r.cameFromServedOffline() {
			return false, nil
		}
		if ports.IsRefused(looked) || errors.Is(looked, ErrNoAccess) {
			r.hasLooked = true
			return true, nil
		}
		return true, looked
	}
	if !r.Snapshot.Gone && !isSame(r.Snapshot.Ref, r.Ref) {
		return false, nil // it is passed on to the name that it has
	}
	if from, err := r.cameFromServed(); err != nil || from {
		return err != nil, err
	}
	r.hasLooked = true
	r.Logger.Warn("issue left: its repository is not for incidents", "incident", r.Ref.String(), "id",
		r.m.Repository, "why", r.m.Why)
	if !r.Snapshot.Gone && !r.Snapshot.Pull && r.isUsed() {
		if err := r.postUnservedNotice(); err != nil {
			return true, err
		}
	}
	return true, r.Scheduler.Schedule(r.Ctx, r.Ref, time.Time{})
}

// isUsed reports whether somebody used the issue as an incident.
func (r *reconciliation) isUsed() bool {
	return naming.Contains(r.Snapshot.Labels, incident.LabelIncident) || r.m.Pull() == 0 &&
		(r.m.Comment() != nil || r.m.Why == "issues.opened")
}

// unservedKey marks the comment that says that nothing is done in a repository.
const unservedKey = "unserved"

// postUnservedNotice says once that the repository is not for incidents. It mentions nobody.
func (r *reconciliation) postUnservedNotice() error {
	text, err := r.Render(incident.Say{Name: "unserved", Line: r.Ref.FullName()})
	if err != nil {
		return err
	}
	said := look.MarksFor(unservedKey)
	_, err = r.GitHub.CommentOnce(r.Ctx, r.Ref, ports.Once{Is: r.IsMarked(said[0])}, r.SignComment(text, said...))
	if ports.IsRefused(err) {
		r.Logger.Warn("not said that the repository is not for incidents", "incident", r.Ref.String(),
			"err", ports.Redact(err))
	} else if err != nil {
		return fmt.Errorf("say that %s is not for incidents: %w", r.Ref.FullName(), err)
	}
	r.noteUnservedNotice()
	return nil
}

// isUnservedNoticed reports whether this process has said so of late.
func (r *reconciliation) isUnservedNoticed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.unservedNoticed[r.Ref]
	return ok && r.Now.Sub(at) < repositoryIDLife
}

func (r *reconciliation) noteUnservedNotice() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ref, at := range r.unservedNoticed {
		if r.Now.Sub(at) >= repositoryIDLife {
			delete(r.unservedNoticed, ref)
		}
	}
	r.unservedNoticed[r.Ref] = r.Now
}

// routedRepository returns the repository to which a rule leads a report: one that is for
// incidents, or else the rule's own.
func (r *reconciliation) routedRepository(to string) (incident.Ref, error) {
	owner, name, ok := naming.SplitRepository(to)
	if !ok {
		return r.Ref, nil
	}
	repo := incident.Ref{Owner: owner, Repo: name}
	if naming.Equal(repo.FullName(), r.Ref.FullName()) {
		return repo, nil
	}
	served, err := r.serves(r.Ctx, repo, 0)
	if err != nil {
		return repo, err
	}
	if !served {
		r.Logger.Error("rule leads to a repository that is not for incidents: its report stays here",
			"repository", r.Ref.FullName(), "to", to)
		return r.Ref, nil
	}
	return repo, nil
}
