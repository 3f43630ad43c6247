package calendar

import (
	"context"
	"crypto/hmac"
	"net/http"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/oncall"
)

// Handler serves calendars at addresses of Path.
type Handler struct {
	Keys     [][]byte // the App's own secrets, current first
	Schedule func(ctx context.Context, repo string) (oncall.Schedule, error)
	Now      func() time.Time
}

// ServeHTTP serves GET Prefix + SECRET/OWNER/REPO/NAME.ics. Whatever is wrong with an address, the
// answer is the same, so that nobody finds out by trying what there is.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed: use GET", http.StatusMethodNotAllowed)
		return
	}
	repo, name, ok := h.read(r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	schedule, err := h.Schedule(r.Context(), repo)
	if err != nil {
		w.Header().Set("Retry-After", "300")
		http.Error(w, "who is on call can't be read now: try again", http.StatusServiceUnavailable)
		return
	}
	calendar, ok := Write(schedule, name, h.Now().Truncate(time.Minute))
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	w.Header().Set("Cache-Control", "private, max-age=300")
	w.Header().Set("X-Robots-Tag", "noindex")
	w.Header().Set("Referrer-Policy", "no-referrer")
	if r.Method == http.MethodGet {
		_, _ = w.Write(calendar)
	}
}

// maxPath is how long an address may be.
const maxPath = 400

// read reads an address, and reports whether its secret is right.
func (h Handler) read(path string) (repo, name string, ok bool) {
	rest, ok := strings.CutPrefix(path, Prefix)
	parts := strings.Split(rest, "/")
	if !ok || len(path) > maxPath || len(parts) != 4 {
		return "", "", false
	}
	repo = parts[1] + "/" + parts[2]
	name, ok = strings.CutSuffix(parts[3], ".ics")
	login, isPerson := strings.CutPrefix(name, "@")
	if !ok || !naming.IsRepository(repo) || isPerson && !naming.IsLogin(login) || !isPerson && !naming.IsTeam(name) {
		return "", "", false
	}
	isRight := false
	for _, key := range h.Keys {
		isRight = hmac.Equal([]byte(parts[0]), []byte(Secret(key, repo, name))) || isRight
	}
	return repo, name, isRight
}
