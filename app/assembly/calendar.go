package assembly

import (
	"context"
	"net/http"
	"strings"

	"github.com/firebreak-dev/firebreak/app/calendar"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/oncall"
)

// calendars returns what serves who is on call as calendars, at addresses that follow from the
// webhook's secrets (O1).
func (e Environment) calendars(of *engine.Engine, clock engine.Clock) http.Handler {
	return calendar.Handler{Keys: e.Secrets, Now: clock.Now,
		Schedule: func(ctx context.Context, repo string) (oncall.Schedule, error) {
			owner, name, _ := naming.SplitRepository(repo)
			return of.OnCall(ctx, incident.Ref{Owner: owner, Repo: name}), nil
		}}
}

// withCalendars serves calendars next to what sources report.
func withCalendars(reports, calendars http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, calendar.Prefix) {
			calendars.ServeHTTP(w, r)
			return
		}
		reports.ServeHTTP(w, r)
	})
}
