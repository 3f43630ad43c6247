package incident

import "net/url"

// WayFailed says that somebody who was paged could not be reached by one of their ways (O3).
type WayFailed struct{ Key, Login, Way, Why string }

// wayFailed says so, as nobody else would notice: a phone that does not ring is silent.
func (r *run) wayFailed(f WayFailed) {
	r.emit(Remind{Key: "way/" + f.Key + "/" + url.PathEscape(f.Login) + "/" + url.PathEscape(f.Way), At: r.f.At,
		Say: Say{Name: "way-failed", Names: []string{f.Login}, Line: f.Way, Reason: f.Why}})
}
