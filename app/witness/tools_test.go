package witness

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func post(t *testing.T, h http.Handler, path, body string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer demo-alice")
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestTheSinkKeepsRepetitions(t *testing.T) {
	var s Sink
	for _, body := range []string{
		`{"kind":"page","key":"a"}`, `{"kind":"page","key":"b"}`, `{"kind":"announce","key":"a"}`,
		`{"kind":"page","key":"a"}`, `no JSON`,
	} {
		if res := post(t, &s, "/sink/page", body); res.StatusCode != http.StatusOK {
			t.Errorf("%s is answered %d", body, res.StatusCode)
		}
	}
	if n := len(s.Sent()); n != 5 {
		t.Errorf("it keeps %d requests, want 5", n)
	}
	if d := cmp.Diff([]string{"page a"}, s.Repeated()); d != "" {
		t.Errorf("repeated (-want +got):\n%s", d)
	}
}

func TestTheSinkStandsInFrontOfAnother(t *testing.T) {
	var s Sink
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		http.Error(w, "refused: "+string(body), http.StatusTeapot)
	})
	res := post(t, s.Tee(next), "/sandbox/receive/page", `{"kind":"page","key":"a"}`)
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusTeapot || string(body) != "refused: {\"kind\":\"page\",\"key\":\"a\"}\n" {
		t.Errorf("the other's answer is %d %q", res.StatusCode, body)
	}
	if got := s.Sent(); len(got) != 1 || got[0].Key != "a" || got[0].Path != "/sandbox/receive/page" {
		t.Errorf("it keeps %+v", got)
	}
}

func TestTheRecorderTellsTwoGitHubsAlike(t *testing.T) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(body)
	})
	var a, b Recorder
	const comments = "/api/v3/repos/acme/incidents/issues/comments/"
	post(t, a.Record(answer), comments+"7000001/reactions",
		`{"at":"2026-03-02T10:40:00Z","url":"http://127.0.0.1:4711/acme"}`)
	post(t, b.Record(answer), comments+"1/reactions",
		`{"at":"2026-03-02T10:40:00.012Z","url":"http://127.0.0.1:80/api/v3/acme"}`)
	ours, n := a.Since(0)
	theirs, _ := b.Since(0)
	if n != 1 || ours[0].Who != "person" || ours[0].Answer != ours[0].Body ||
		ours[0].Status != http.StatusCreated {
		t.Errorf("%d exchanges, the first: %+v", n, ours[0])
	}
	const want = `POST /repos/acme/incidents/issues/comments/ID/reactions 201 {"at":"TIME","url":"https://github.test/acme"}`
	if ours[0].String() != want || theirs[0].String() != want {
		t.Errorf("told as\n%s\n%s\nwant\n%s", ours[0], theirs[0], want)
	}
}
