package github_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/github"
)

// answers is a GitHub that answers as a function says, and mints tokens.
type answers func(r *http.Request, body string) (status int, answer string)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	status, answer := http.StatusOK, `{"id":7}`
	switch {
	case strings.HasSuffix(r.URL.Path, "/access_tokens"):
		status, answer = http.StatusCreated, fmt.Sprintf(`{"token":"t","expires_at":%q}`, time.Now().Add(time.Hour).Format(time.RFC3339))
	case strings.HasSuffix(r.URL.Path, "/installation"):
	default:
		status, answer = a(r, string(body))
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(answer))}, nil
}

func newAnswered(t *testing.T, a answers) *github.App {
	t.Helper()
	app, err := github.New(github.Options{BaseURL: "https://github.test", AppID: 17, PEM: key(), Transport: a, Unlimited: true})
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// Whatever GitHub says to the name of a ruleset: that it is there, which another process made; that it is too long; or
// that the ruleset is refused for another reason (X4).
func TestX4ARulesetWhoseNameIsRefused(t *testing.T) {
	repo := it
	repo.Repo, repo.Number = "payments", 0
	want := ports.Freeze{Repo: repo, Holder: "acme/incidents#1/1", Until: time.Date(2026, 3, 2, 12, 40, 0, 0, time.UTC)}
	for name, c := range map[string]struct {
		longest int
		there   string
		id      int64
	}{
		"it is there":          {there: fmt.Sprintf(`[{"id":9,"name":%q,"enforcement":"active"}]`, want.Name()), id: 9},
		"another one is there": {there: `[{"id":9,"name":"main","enforcement":"active"}]`},
		"it is too long":       {there: "[]", longest: 80, id: 10},
	} {
		t.Run(name, func(t *testing.T) {
			app := newAnswered(t, func(r *http.Request, body string) (int, string) {
				_, is, _ := strings.Cut(body, `"name":"`)
				is, _, _ = strings.Cut(is, `"`)
				switch {
				case r.Method == http.MethodGet:
					return http.StatusOK, c.there
				case len(is) > c.longest:
					return http.StatusUnprocessableEntity, `{"message":"Validation Failed","errors":["Name is invalid"]}`
				}
				return http.StatusCreated, fmt.Sprintf(`{"id":10,"name":%q,"enforcement":"active"}`, is)
			})
			made, err := app.SaveFreeze(t.Context(), want)
			if made.ID != c.id || (err == nil) != (c.id != 0) || err != nil && !ports.IsRefused(err) {
				t.Fatalf("%+v, %v", made, err)
			}
			if err == nil && (made.Holder != want.Holder || !made.Until.Equal(want.Until)) {
				t.Errorf("it is %+v", made)
			}
		})
	}
}

// A name that is taken, by a ruleset that GitHub's list does not have yet, is waited for: the repository is not less
// frozen for that, nor frozen twice (X4).
func TestX4ARulesetThatIsNotListedYetIsWaitedFor(t *testing.T) {
	repo := it
	repo.Repo, repo.Number = "payments", 0
	for _, id := range []int64{0, 8} {
		var names []string
		app := newAnswered(t, func(r *http.Request, body string) (int, string) {
			if r.Method == http.MethodGet {
				return http.StatusOK, `[{"id":8,"name":"main","enforcement":"active"}]`
			}
			names = append(names, body)
			return http.StatusUnprocessableEntity, `{"message":"Validation Failed","errors":["Name must be unique"]}`
		})
		_, err := app.SaveFreeze(t.Context(), ports.Freeze{ID: id, Repo: repo, Holder: "acme/incidents#1/1",
			Until: time.Date(2026, 3, 2, 12, 40, 0, 0, time.UTC)})
		if !errors.Is(err, ports.ErrUnavailable) || ports.IsRefused(err) || len(names) != 1 {
			t.Errorf("ruleset %d: after %d tries %v", id, len(names), err)
		}
	}
}

// A commit on one that is the newest no more is refused, though the branch seems to have that still; and where GitHub
// does not say what the branch has, it is asked again (C3).
func TestC3AHeadThatIsNotShownYetHasMoved(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusBadGateway} {
		app := newAnswered(t, func(r *http.Request, _ string) (int, string) {
			switch {
			case r.Method == http.MethodPatch:
				return http.StatusUnprocessableEntity, `{"message":"Update is not a fast forward"}`
			case strings.Contains(r.URL.Path, "/git/ref/"):
				return status, `{"ref":"refs/heads/postmortem/1","object":{"sha":"h1"}}`
			case strings.HasSuffix(r.URL.Path, "/git/trees"):
				return http.StatusCreated, `{"sha":"t2"}`
			}
			return http.StatusCreated, `{"sha":"c1","tree":{"sha":"t1"}}`
		})
		_, err := app.WriteFiles(t.Context(), it, "postmortem/1", "h1", "Change it", map[string]string{"a.md": "# A"})
		var moved *ports.Moved
		isMoved := errors.As(err, &moved) && moved.Head == "h1"
		if isMoved != (status == http.StatusOK) || !isMoved && !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("the branch answers %d: %v", status, err)
		}
	}
}

// The merge queue is read from its branches where GitHub does not show it to the App (X4).
func TestX4AQueueThatIsNotShownIsReadFromItsBranches(t *testing.T) {
	repo := it
	repo.Repo, repo.Number = "payments", 0
	sha := func(digit string) string { return strings.Repeat(digit, 40) }
	const pulls = `{"data":{"repository":{"defaultBranchRef":{"name":"main"},"pullRequests":{"nodes":[` +
		`{"number":1,"headRefOid":"h1","baseRefName":"main"},{"number":2,"headRefOid":"h2","baseRefName":"main"},` +
		`{"number":3,"headRefOid":"h3","baseRefName":"main","autoMergeRequest":{"enabledAt":"2026-03-02T10:00:00Z"}},` +
		`{"number":4,"headRefOid":"h4","baseRefName":"main"}],"pageInfo":{"hasNextPage":false}}}}%s}`
	const hidden = `,"errors":[{"type":"FORBIDDEN","message":"Resource not accessible by integration",` +
		`"path":["repository","pullRequests","nodes",0,"mergeQueueEntry"]}]`
	for name, c := range map[string]struct {
		errors string
		want   []ports.WaitingPull
	}{
		"it is shown, and empty": {want: []ports.WaitingPull{{Number: 3, Head: "h3"}}},
		"it is not shown": {errors: hidden, want: []ports.WaitingPull{{Number: 1, Head: "h1", Place: 2, Group: sha("b")},
			{Number: 2, Head: "h2", Place: 1, Group: sha("a")}, {Number: 3, Head: "h3"}}},
	} {
		t.Run(name, func(t *testing.T) {
			app := newAnswered(t, func(r *http.Request, _ string) (int, string) {
				if !strings.Contains(r.URL.Path, "matching-refs") {
					return http.StatusOK, fmt.Sprintf(pulls, c.errors)
				}
				var refs []string
				for _, ref := range [][3]string{{"pr-1", "a", "b"}, {"pr-2", "0", "a"}, {"x", "0", "c"}} {
					refs = append(refs, fmt.Sprintf(`{"ref":"refs/heads/gh-readonly-queue/main/%s-%s","object":{"sha":%q}}`, ref[0],
						sha(ref[1]), sha(ref[2])))
				}
				return http.StatusOK, "[" + strings.Join(refs, ",") + "]"
			})
			got, err := app.WaitingPulls(t.Context(), repo)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}
