package effects

import (
	"context"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// reacher is a pager whose people have later ways.
type reacher struct {
	fakePager
	later []ports.Way
}

func (r *reacher) LaterWays(context.Context, incident.Service, []string) ([]ports.Way, error) {
	return r.later, nil
}

func (r *reacher) Ways(context.Context, incident.Service, []string) ([]ports.PersonWays, error) {
	return nil, nil
}

func (r *reacher) CheckWay([]byte) error { return nil }

func (r *reacher) ReachBy(context.Context, ports.Page, string, []byte) error { return nil }

func (r *reacher) TestPath(context.Context, ports.Page) []error { return nil }

func (r *reacher) VerifyCall(context.Context, incident.Service, string, url.Values, string) error {
	return nil
}
func (r *reacher) VerifyReceipt(context.Context, incident.Service, string) error { return nil }

// A number that is given again is another page for later ways too: a vendor that takes a key would take the
// second for the first, and reach nobody (A4, O3).
func TestO3ALaterWayIsToldByItsTime(t *testing.T) {
	r, log := &reacher{later: []ports.Way{{Login: "dan", Index: 1, Kind: "email", After: 2 * time.Minute}}}, newLog()
	later := now.Add(15 * time.Minute)
	var got []string
	for _, at := range []time.Time{now, later, now} {
		l := newLook(t)
		l.Policy.Services = []incident.Service{{Kind: ByPeople}}
		l.State.Paging.Pages = []incident.Page{{Key: "page/4", At: at, To: []string{"@dan"}, By: []string{ByPeople},
			Why: "asked"}}
		l.Now = at.Add(2 * time.Minute)
		log.Clock = clockAt(l.Now)
		e := newPages(l, newFakeGitHub(), nil, log)
		e.Pager = r
		e.RemindByWays()
	}
	for _, p := range r.pages {
		got = append(got, p.Key)
	}
	want := []string{"acme/incidents#7/" + TimedKey("page/4", now) + "/dan/1",
		"acme/incidents#7/" + TimedKey("page/4", later) + "/dan/1"}
	if !slices.Equal(got, want) {
		t.Errorf("reached by %q, want %q", got, want)
	}
}
