package rest

import (
	"net/http"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// isByApp reports whether the App calls, by its own token or by its installation's.
func (q *request) isByApp() bool { return q.app || q.by != nil && q.by.ViaApp }

// isApps reports whether a request carries a token of the App, whether it is good or not.
func (q *request) isApps() bool {
	_, token, _ := strings.Cut(q.r.Header.Get("Authorization"), " ")
	return strings.HasPrefix(token, "ghs_") || strings.Count(token, ".") == 2
}

// authenticate returns who calls. Nobody may call, too: there is little that they may see.
func (q *request) authenticate() error {
	scheme, token, _ := strings.Cut(q.r.Header.Get("Authorization"), " ")
	switch strings.ToLower(scheme) {
	case "bearer", "token":
	case "":
		return nil
	default:
		return &forge.Error{Status: http.StatusUnauthorized, Message: "Bad credentials"}
	}
	switch login, isPerson := strings.CutPrefix(token, "demo-"); {
	case isPerson:
		by, ok := q.forge.PersonActor(login)
		if ok {
			q.by = by
			q.head.Set("X-OAuth-Scopes", "gist, read:org, repo, workflow")
			return nil
		}
	case strings.HasPrefix(token, "ghs_"):
		if g, ok := grantOf(q.forge, token, q.a.host.Now()); ok && !isRevoked(q.forge, token) {
			g.Permissions = q.forge.RestrictToGranted(g.Permissions)
			q.by = g.actor(q.forge.App)
			return q.forge.CheckNotSuspended()
		}
	case strings.Count(token, ".") == 2:
		if q.forge.IsAppless() {
			break
		}
		if err := verifyJWT(q.forge.App, token, time.Now().Add(q.a.host.Skew())); err != nil {
			return err
		}
		q.app = true
		return nil
	}
	return &forge.Error{Status: http.StatusUnauthorized, Message: "Bad credentials"}
}
