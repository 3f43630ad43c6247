package incident

import (
	"net/url"
	"slices"
)

// WayFailed says that somebody who was paged could not be reached by one of their ways (O3).
type WayFailed struct {
	Key, Login, Way, Why string
	// IsReached is set where another way reached the same person at that time.
	IsReached bool
}

// mostMissed is how many failed ways of a page the card shows.
const mostMissed = 6

// wayFailed says so, as nobody else would notice: a phone that does not ring is silent. Where another
// way rang, the card alone shows it.
func (r *run) wayFailed(f WayFailed) {
	i := slices.IndexFunc(r.Paging.Pages, func(p Page) bool { return p.Key == f.Key })
	if missed := f.Way + " " + f.Login; i >= 0 {
		p := &r.Paging.Pages[i]
		if !slices.Contains(p.Missed, missed) && len(p.Missed) < mostMissed {
			p.Missed = append(slices.Clone(p.Missed), missed)
		}
	}
	if f.IsReached {
		return
	}
	r.emit(Remind{Key: "way/" + f.Key + "/" + url.PathEscape(f.Login) + "/" + url.PathEscape(f.Way), At: r.f.At,
		Say: Say{Name: "way-failed", Names: []string{f.Login}, Line: f.Way, Reason: f.Why}})
}
