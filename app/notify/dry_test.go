package notify_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/notify"
)

type refusing struct{ t *testing.T }

func (r refusing) RoundTrip(req *http.Request) (*http.Response, error) {
	r.t.Errorf("something was sent to %s", req.URL.Host)
	return nil, http.ErrAbortHandler
}

// What is prepared in a dry run needs all that a real page needs, and goes nowhere.
func TestADryPageIsNotSent(t *testing.T) {
	for name, v := range vendors(t) {
		n := newNotifier(t, nil)
		n.Through(refusing{t})
		if err := v.send(notify.Dry(t.Context()), n); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	missing := incident.Service{Kind: "opsgenie", Secret: "NONE", Targets: map[string]string{"platform": "team:Platform"}}
	if err := newNotifier(t, nil).Page(notify.Dry(t.Context()), page(missing, "platform")); err == nil || !strings.Contains(err.Error(), "NONE") {
		t.Errorf("without its secret: %v", err)
	}
}
