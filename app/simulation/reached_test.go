package simulation

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// onCall returns who is on call in rotations at a time, by each version of the file by which the product may
// go then: what changed just now, or while it could not be read, it need not know.
func (r *reach) onCall(rotations []string, at time.Time, isTrusted bool) (all [][]string) {
	known := 2 * time.Minute
	if !isTrusted {
		known = 25 * time.Minute // a configuration that was read counts for a quarter of an hour if a push is lost
	}
	for _, v := range r.versions {
		if v.from.After(at.Add(time.Second)) {
			continue
		}
		patience := known
		for _, s := range r.spoilt {
			if s.from.Before(at) && s.to.After(v.to.Add(-known)) {
				patience += s.to.Sub(s.from)
			}
		}
		if v.to.IsZero() || at.Sub(v.to) <= patience {
			all = append(all, v.at(rotations, at))
		}
	}
	return all
}

// look notes what cards say of pages.
func (r *reach) look(titles []string) {
	for _, title := range titles {
		s, _, ok := r.w.stateOf(title)
		if !ok {
			continue
		}
		if r.pages[title] == nil {
			r.pages[title] = map[time.Time]incident.Page{}
		}
		for _, p := range s.Paging.Pages {
			r.pages[title][p.At] = p
		}
	}
}

// inTime is how long a page may take.
const inTime = time.Minute

// unreached returns the pages to people on call that reached none of them in time, although one of their ways
// worked, and those that reached nobody and of which nobody was told. It goes by what the vendors and the
// receiver of pages took, and by the file.
func (w *world) unreached(titles []string, acts []acted, isTrusted bool) (lines []string) {
	r := w.reach
	if r == nil || w.renamed || w.reconfigured {
		return nil
	}
	r.look(titles)
	for _, title := range titles {
		if r.wrong[title] != "" {
			lines = append(lines, r.wrong[title])
		}
		for _, at := range slices.SortedFunc(maps.Keys(r.pages[title]), time.Time.Compare) {
			p := r.pages[title][at]
			if len(r.rotationsOf(p)) == 0 || p.Skipped || !slices.Contains(p.By, incident.ByPeople) || !r.isRead(p.At) || !r.knew(title, p, acts, isTrusted) {
				pagesJudged.add("not judged: " + r.whyNot(p))
				continue
			}
			if why := r.missed(title, p, isTrusted); why != "" {
				lines = append(lines, fmt.Sprintf("%s: %s of %s to %v of %v, because %s: %s", title, p.Key, at.Format(time.DateTime), p.To, r.rotationsOf(p), p.Why, why))
			}
		}
	}
	return lines
}

// pagesJudged counts pages to people on call.
var pagesJudged tally

// whyNot returns why a page is not judged.
func (r *reach) whyNot(p incident.Page) string {
	switch {
	case p.Skipped:
		return "not needed any more"
	case len(r.rotationsOf(p)) == 0 || !slices.Contains(p.By, incident.ByPeople):
		return "to others"
	case !r.isRead(p.At):
		return "nobody had read the file"
	}
	return "known late"
}

// rotationsOf returns the rotations of which a page is to reach somebody. Once the rounds are over, that are all.
func (r *reach) rotationsOf(p incident.Page) []string {
	isPerson := func(to string) bool { return strings.HasPrefix(to, "@") }
	switch {
	case len(p.Rotations) > 0 || !incident.Escalates(p.Why):
		return p.Rotations
	case slices.ContainsFunc(p.To, isPerson):
		return r.steps
	}
	return slices.DeleteFunc(slices.Clone(p.To), func(to string) bool { return !slices.Contains(r.steps, to) })
}

// stall notes that the product waits for an answer from now on.
func (r *reach) stall(d time.Duration) {
	if r == nil {
		return
	}
	now := r.w.box.Clock().Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stalls = append(r.stalls, span{now, now.Add(d)})
}

// until is the end of the time in which a page must be out: an answer that the product waited for counts
// besides, for time passes here only then.
func (r *reach) until(at time.Time) time.Time {
	end := at.Add(inTime)
	for _, s := range r.stalls { // in their order
		if !s.from.After(end) && s.to.After(at) {
			end = end.Add(s.to.Sub(s.from))
		}
	}
	return end
}

// knew reports whether the product knew of what makes a page due when it was. A timer it knows of, whatever
// GitHub does, if it paged before and nobody did anything since; of the rest it hears from GitHub.
func (r *reach) knew(title string, p incident.Page, acts []acted, isTrusted bool) bool {
	last := began
	for _, a := range acts {
		if a.on == title && !a.at.After(p.At) {
			last = a.at
		}
	}
	for _, at := range r.answered {
		if !at.After(p.At) && at.After(last) {
			last = at
		}
	}
	for _, m := range r.messages {
		if r.titleOf(m) == title && !m.at.Before(last) && m.at.Before(p.At) {
			return true
		}
	}
	return isTrusted && len(r.answered) == 0
}

// missed returns what is wrong with a page; empty: nothing.
func (r *reach) missed(title string, p incident.Page, isTrusted bool) string {
	from, until := p.At, r.until(p.At)
	if p.Key == "page/1" && r.w.reported[title] {
		from = from.Add(-time.Hour) // it went out before there was an issue
	}
	versions := r.onCall(r.rotationsOf(p), p.At, isTrusted)
	worked := true // by each version by which the product may go
	for _, people := range versions {
		isWorking := false
		for _, login := range people {
			if r.got(title, p, login, from, until) {
				pagesJudged.add("reached")
				return ""
			}
			isWorking = isWorking || r.canReach(login, from, until)
		}
		worked = worked && isWorking
	}
	switch {
	case worked && p.Failed != "":
		return fmt.Sprintf("it is said that it reached nobody, and one of %v could be reached", versions)
	case worked:
		return fmt.Sprintf("none of %v, who were on call, got it by %s, and one of them could be reached", versions, until.Format(time.TimeOnly))
	case p.Failed == "":
		return fmt.Sprintf("none of %v, who were on call, got it by %s, and nobody was told", versions, until.Format(time.TimeOnly))
	}
	pagesJudged.add("said to have failed, and nobody could be reached")
	return ""
}

// got reports whether somebody got a page.
func (r *reach) got(title string, p incident.Page, login string, from, until time.Time) bool {
	if slices.ContainsFunc(r.messages, func(m message) bool {
		return m.isTaken && m.login == login && r.titleOf(m) == title && !m.at.Before(from) && !m.at.After(until)
	}) {
		return true
	}
	key := fmt.Sprintf("#%d/%s", r.w.issues[title], p.Key)
	return slices.ContainsFunc(r.w.receipts, func(one receipt) bool {
		at, _, _ := strings.Cut(one.Key, "@")
		return one.Kind == "page" && (strings.HasSuffix(at, key) || from.Before(p.At)) && strings.Contains(one.To, login) &&
			!one.at.Before(from) && !one.at.After(until)
	})
}

// mostAnHour is how many calls and how many texts somebody gets in an hour.
const mostAnHour = 12

// canReach reports whether one of somebody's ways works all the time.
func (r *reach) canReach(login string, from, until time.Time) bool {
	return slices.ContainsFunc(r.ways[login], func(way wayTo) bool {
		if slices.ContainsFunc(r.faults, func(f vendorFault) bool {
			return f.vendor == vendorOf[way.kind] && !f.from.After(until) && !f.to.Before(from)
		}) {
			return false
		}
		had := 0
		for _, m := range r.messages {
			if m.login != login || m.kind != way.kind || m.at.After(until) || from.Sub(m.at) > time.Hour {
				continue
			}
			if had++; !m.isTaken && !m.at.Before(from) {
				return false
			}
		}
		return vendorOf[way.kind] != "twilio" || had < mostAnHour
	})
}

// unpagedNow notes which incidents nobody is paged for, whenever the product is idle: they are critical, nobody
// coordinates or did anything for long, and neither a message nor a word of the app is there.
func (r *reach) unpagedNow(titles []string, acts []acted, isTrusted bool) {
	now := r.w.box.Clock().Now()
	for _, title := range titles {
		s, _, ok := r.w.stateOf(title)
		if !ok || !isTrusted || !s.Running() || s.Drill || s.IC != "" || s.Confirmed == nil || s.Severity != "critical" ||
			s.Phase == incident.Closing || s.Paging.Answered != nil || r.wrong[title] != "" {
			continue
		}
		last := s.Confirmed.At
		for _, a := range acts {
			if a.on == title && a.at.After(last) {
				last = a.at
			}
		}
		for _, m := range r.messages {
			if r.titleOf(m) == title && m.at.After(last) {
				last = m.at
			}
		}
		for _, c := range list[told](r.w, r.w.path(title)+"/comments") {
			if strings.HasSuffix(c.User.Login, "[bot]") && loud.MatchString(c.Body) && c.Created.After(last) {
				last = c.Created
			}
		}
		if longest := 11*time.Minute + inTime; now.Sub(last) > longest {
			r.wrong[title] = fmt.Sprintf("%s: it is critical, and from %s to %s nobody was paged and nothing was said", title, last.Format(time.DateTime), now.Format(time.DateTime))
		}
	}
}

// told is a comment with its time.
type told struct {
	Body    string
	User    struct{ Login string }
	Created time.Time `json:"created_at"`
}

// loud are the marks of what is said when nobody could be reached, or answers.
var loud = regexp.MustCompile(`firebreak:did (failed|gap|unanswered|page)/`)
