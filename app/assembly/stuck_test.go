package assembly_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-dev/firebreak/app/assembly"
)

// stuck is a network in which every request hangs and notices nothing, as a computation would.
type stuck chan struct{}

func (s stuck) RoundTrip(*http.Request) (*http.Response, error) {
	<-s
	return nil, errors.New("released")
}

// Health means that work gets done: while every worker hangs it answers 503, and webhooks are
// stored all the same. Then the process ends, for only a new one is rid of what hangs.
func TestHealthFailsWhileEveryWorkerHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hanging := make(stuck)
		s, err := assembly.New(env(nil), assembly.Options{Transport: hanging})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- s.Run(context.Background()) }()
		h := s.Handler()
		hook := func(number string) {
			t.Helper()
			body := strings.ReplaceAll(`{"action":"labeled","label":{"name":"incident"},"issue":{"number":N,"state":"open","labels":[{"name":"incident"}],"user":{"login":"alice","type":"User"},"html_url":"https://github.com/acme/incidents/issues/N"},"repository":{"name":"incidents","owner":{"login":"acme"}},"sender":{"login":"alice","type":"User"},"installation":{"id":1}}`, "N", number)
			if w := do(h, "POST", "/webhook", body, sign(body, "now"), "issues"); w.Code != 202 {
				t.Errorf("the webhook of %s: %d %s", number, w.Code, w.Body)
			}
		}
		check := func(path string, want int) {
			t.Helper()
			if w := do(h, "GET", path, "", "", ""); w.Code != want {
				t.Errorf("%s says %d %s, want %d", path, w.Code, w.Body, want)
			}
		}
		for _, number := range []string{"1", "2", "3", "4"} {
			hook(number)
		}
		<-time.After(4 * time.Minute)
		check("/healthz", 200)
		<-time.After(65 * time.Second)
		check("/healthz", 503)
		check("/readyz", 200)
		hook("5")
		<-time.After(time.Minute)
		check("/healthz", 503)
		select {
		case err := <-ended:
			if err == nil || !strings.Contains(err.Error(), "looks hang") {
				t.Errorf("it ended: %v", err)
			}
		default:
			t.Error("it goes on, with no worker that works")
		}
		close(hanging)
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
