package effects

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/delivery"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// ByPeople is the service that reaches each person by their own ways (O3).
const ByPeople = incident.ByPeople

// LongestReach is for how long after a page somebody is still reached by a later way.
const LongestReach = 2 * time.Hour

// RemindByWays reaches those who were paged and have not answered by their later ways, each once. A
// way that fails makes the same person's next one go out at once. It returns when the next way is
// due; zero: none is.
func (e *Pages) RemindByWays() (next time.Time) {
	reacher, ok := e.Pager.(ports.Reacher)
	if !ok || e.State.Drill {
		return time.Time{}
	}
	settings, ok := e.Policy.Service(ByPeople)
	if !ok {
		return time.Time{}
	}
	for _, page := range slices.Clone(e.State.Paging.Pages) {
		if !slices.Contains(page.By, ByPeople) || e.Now.Sub(page.At) > LongestReach || page.Skipped {
			continue
		}
		ways, err := reacher.LaterWays(e.Ctx, settings, page.To)
		if err != nil {
			e.Logger.Error("ways to reach people not readable", "incident", e.Ref.String(), "page", page.Key,
				"err", ports.Redact(err))
			continue
		}
		hasFailed := map[string]bool{} // by login: the way before
		for _, w := range ways {
			if !e.State.Reminds(page, w.Login) || e.hasSeenEarly(page, w.Login) {
				continue
			}
			due := page.At.Add(w.After)
			if hasFailed[w.Login] || !due.After(e.Now) {
				hasFailed[w.Login] = e.remindBy(page, w, settings) != nil
				continue
			}
			if next.IsZero() || due.Before(next) {
				next = due
			}
		}
	}
	return next
}

// remindBy reaches one person by one way, unless that was done or has failed before.
func (e *Pages) remindBy(page incident.Page, w ports.Way, settings incident.Service) error {
	of, name := e.DeclaredRef(), fmt.Sprintf("%s %s %s/%d", TimedKey(page.Key, page.At), ByPeople, w.Login, w.Index)
	// with its time, since a number may be given again
	key := fmt.Sprintf("%s/%s/%s/%d", e.DeclaredRef(), TimedKey(page.Key, page.At), w.Login, w.Index)
	if repo, early := e.earlyKey(page); early != "" { // it may have gone out before there was an issue
		of, name = repo, incident.EarlyWayName(early, w.Login, w.Index)
		key = name
	}
	if failed := e.Deliveries.HasFailed(e.Ctx, of, name); failed {
		return errFailedBefore
	}
	send := incident.Send{Key: page.Key, To: []string{"@" + w.Login}, Why: page.Why, At: page.At}
	isNew, _, err := e.Deliveries.Send(e.Ctx, of, name,
		func(ctx context.Context, _ delivery.Attempt) error {
			p := e.pageOf(send, send.To, key)
			p.Service, p.Way = settings, &w
			return e.Pager.Page(ctx, p)
		})
	if isNew {
		e.CountPage(ByPeople, e.Ref.String(), page.Key, err)
	}
	if isNew && err != nil {
		e.Report(incident.WayFailed{Key: page.Key, Login: w.Login, Way: w.Kind, Why: ports.Reason(err)})
	}
	return err
}

// earlyKey returns the key under which a page went out before there was an issue, and the repository of its report;
// "" if it did not.
func (e *Pages) earlyKey(page incident.Page) (repo incident.Ref, key string) {
	where, _, _ := strings.Cut(e.State.Paging.Early, "/signal/")
	owner, name, ok := strings.Cut(where, "/")
	if page.Early == "" || !ok {
		return repo, ""
	}
	return incident.Ref{Owner: owner, Repo: name}, e.State.Paging.Early + page.Early
}

// hasSeenEarly reports whether somebody said before there was an issue that they have seen a page, or that they or
// somebody else takes it: their word may come to the incident later than the next way.
func (e *Pages) hasSeenEarly(page incident.Page, login string) bool {
	repo, key := e.earlyKey(page)
	return key != "" && (e.Deliveries.IsSent(e.Ctx, repo, incident.EarlySeenName(key, login)) ||
		e.Deliveries.IsSent(e.Ctx, repo, incident.EarlyAnsweredName(key)))
}

// mentioner returns what mentions one person on the issue for a page: for many it is the way to their phone
// (O3). It may be called by several at once.
func (e *Pages) mentioner(s incident.Send) func(login string) error {
	var one sync.Mutex
	return func(login string) error {
		one.Lock()
		defer one.Unlock()
		say := incident.Say{Name: "page", Reason: s.Why, Line: s.Text, Holder: s.Asker,
			Names: e.NamesToMention([]string{"@" + login})}
		switch {
		case e.State.Drill:
			say.Variant = "drill"
		case e.State.Confirmed == nil:
			say.Variant = "unconfirmed"
		}
		key := "mention/" + TimedKey(s.Key, s.At) + "/" + url.PathEscape(naming.Key(login))
		return e.WithUrgency(ports.UrgencyPage, func() error { return e.Comments.PostSay(key, say) })()
	}
}

// errFailedBefore is why a way is not tried: it failed in a look before.
var errFailedBefore = errors.New("it failed before")
