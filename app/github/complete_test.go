package github_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// lacking takes a field out of some answers on the way from an embedded GitHub.
type lacking struct {
	next  http.RoundTripper
	match *regexp.Regexp // of "METHOD path"
	field string         // such as "tree.sha"; of the elements of a list
	set   any            // what is there instead; nil: nothing
}

func (l *lacking) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := l.next.RoundTrip(r)
	if err != nil || !l.match.MatchString(r.Method+" "+r.URL.Path) || res.StatusCode >= 300 {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, err
	}
	if l.field == "permission" {
		l.take(v, []string{"role_name"})
	}
	if l.field == "" {
		v = nil
	}
	l.take(v, strings.Split(l.field, "."))
	if body, err = json.Marshal(v); err != nil {
		return nil, err
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Del("Content-Length")
	res.Header.Del("ETag")
	return res, nil
}

func (l *lacking) take(v any, path []string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			l.take(e, path)
		}
	case map[string]any:
		switch {
		case len(path) > 1:
			l.take(v[path[0]], path[1:])
		case l.set != nil:
			v[path[0]] = l.set
		default:
			delete(v, path[0])
		}
	}
}

// An answer without a field that is built on is an error that names the field, and comes as
// GitHub's own failures do: nothing is decided or written from half of an answer.
func TestA8AnAnswerThatLacksAFieldIsAnError(t *testing.T) {
	ctx := t.Context()
	open := func(*ports.Snapshot, string) (incident.Cursor, bool) { return incident.Cursor{}, false }
	look := func(a *github.App) error { _, err := a.ReadIssue(ctx, it, open); return err }
	readFile := func(a *github.App) error { _, _, err := a.ReadFile(ctx, it, "README.md"); return err }
	publish := func(branch string) func(*github.App) error {
		return func(a *github.App) error {
			_, err := a.OpenPullRequest(ctx, it, ports.Publication{Branch: branch,
				Files: map[string]string{"postmortems/a.md": "# A"}, Message: "Add it", Title: "A"})
			return err
		}
	}
	var head string
	write := func(a *github.App) error {
		_, err := a.WriteFiles(ctx, it, "postmortem/1", head, "Change it",
			map[string]string{"postmortems/a.md": "# B"})
		return err
	}
	pull := func(a *github.App) error { _, err := a.ReadPullRequest(ctx, it, 2); return err }
	check := func(a *github.App) error {
		return a.ReportCheck(ctx, it, ports.CheckRun{Commit: head, Name: "postmortem", Title: "x",
			Summary: "x"})
	}
	for _, c := range []struct {
		name, match, field string
		set                any
		call               func(*github.App) error
		says               string
	}{
		{"app", `GET .*/app$`, "slug", nil, look, "slug"},
		{"issue", `GET .*/issues/1$`, "id", nil, look, "id"},
		{"issue", `GET .*/issues/1$`, "number", nil, look, "number"},
		{"issue", `GET .*/issues/1$`, "state", nil, look, "state"},
		{"issue", `GET .*/issues/1$`, "html_url", nil, look, "html_url"},
		{"issue", `GET .*/issues/1$`, "updated_at", nil, look, "updated_at"},
		{"issue", `GET .*/issues/1$`, "labels", nil, look, "labels"},
		{"issue", `GET .*/issues/1$`, "assignees", nil, look, "assignees"},
		{"timeline", `GET .*/timeline$`, "", nil, look, "items"},
		{"timeline", `GET .*/timeline$`, "id", nil, look, "id of"},
		{"timeline", `GET .*/timeline$`, "event", nil, look, "event"},
		{"timeline", `GET .*/timeline$`, "created_at", nil, look, "created_at of"},
		{"timeline", `GET .*/timeline$`, "label.name", nil, look, "label of labeled"},
		{"timeline", `GET .*/timeline$`, "body", nil, look, "body of commented"},
		{"comment", `POST .*/comments$`, "id", nil,
			func(a *github.App) error { _, err := a.PostComment(ctx, it, "x"); return err }, "id"},
		{"assign", `POST .*/assignees$`, "assignees", nil,
			func(a *github.App) error { _, err := a.Assign(ctx, it, []string{"alice"}); return err }, "assignees"},
		{"permission", `GET .*/permission$`, "permission", nil,
			func(a *github.App) error { _, err := a.CanRespond(ctx, it, "alice", nil); return err }, "permission"},
		{"ticket", `GET .*/platform/issues/1$`, "state", nil,
			func(a *github.App) error { _, err := a.ReadTicket(ctx, ticket); return err }, "state"},
		{"ticket", `GET .*/platform/issues/1$`, "assignees", nil, func(a *github.App) error {
			return a.ChangeTicket(ctx, ticket, func(string) string { return "x" }, "", "")
		}, "assignees"},
		{"new ticket", `POST .*/platform/issues$`, "number", nil, func(a *github.App) error {
			_, _, err := a.OpenIssue(ctx, "acme/platform", ports.NewIssue{Title: "x"})
			return err
		}, "number"},
		{"file", `GET .*/contents/README.md$`, "content", nil, readFile, "content"},
		{"file", `GET .*/contents/README.md$`, "encoding", nil, readFile, "encoding"},
		{"file", `GET .*/contents/README.md$`, "sha", nil, readFile, "sha"},
		{"half a file", `GET .*/contents/README.md$`, "content", "IyBh", readFile, "bytes"},
		{"another file of that length", `GET .*/contents/README.md$`, "sha", strings.Repeat("0", 40),
			readFile, "bytes"},
		{"branch", `GET .*/git/ref/`, "object.sha", nil, publish("postmortem/2"), "object.sha"},
		{"commit", `GET .*/git/commits/`, "tree.sha", nil, publish("postmortem/2"), "tree.sha"},
		{"commit", `GET .*/git/commits/`, "sha", nil, publish("postmortem/2"), "sha"},
		{"tree", `POST .*/git/trees$`, "sha", nil, publish("postmortem/2"), "sha"},
		{"new commit", `POST .*/git/commits$`, "sha", nil, publish("postmortem/2"), "sha"},
		{"repository", `GET .*/acme/incidents$`, "default_branch", nil, publish("postmortem/2"),
			"default_branch"},
		{"pull requests", `GET .*/pulls$`, "head.ref", nil, publish("postmortem/1"), "head.ref"},
		{"pull requests", `GET .*/pulls$`, "number", nil, publish("postmortem/1"), "number"},
		{"commit, to write", `GET .*/git/commits/`, "tree.sha", nil, write, "tree.sha"},
		{"tree, to write", `POST .*/git/trees$`, "sha", nil, write, "sha"},
		{"commit, written", `POST .*/git/commits$`, "sha", nil, write, "sha"},
		{"pull request", `GET .*/pulls/2$`, "head.sha", nil, pull, "head.sha"},
		{"pull request", `GET .*/pulls/2$`, "merged", nil, pull, "merged"},
		{"pull request", `GET .*/pulls/2$`, "state", nil, pull, "state"},
		{"checks", `GET .*/check-runs$`, "check_runs", nil, check, "check_runs"},
	} {
		t.Run(c.name+" without "+c.field, func(t *testing.T) {
			m := newMinted(t)
			if err := publish("postmortem/1")(m.app(t)); err != nil {
				t.Fatal(err)
			}
			pr, err := m.app(t).ReadPullRequest(ctx, it, 2)
			if err != nil {
				t.Fatal(err)
			}
			head = pr.Head
			before := m.get("acme/incidents/branches")
			app, err := github.New(github.Options{BaseURL: "https://github.test", AppID: 17, PEM: key(),
				Now:       time.Now,
				Transport: &lacking{next: m, match: regexp.MustCompile(c.match), field: c.field, set: c.set}})
			if err != nil {
				t.Fatal(err)
			}
			err = c.call(app)
			if err == nil || !errors.Is(err, ports.ErrUnavailable) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %v", err)
			}
			if after := m.get("acme/incidents/branches"); after != before {
				t.Errorf("the branches were changed:\n%s\nbefore\n%s", after, before)
			}
		})
	}
}

// What is not a file, or one that GitHub does not show, is refused: waiting for it helps nobody.
func TestAFolderIsNoFile(t *testing.T) {
	m := newMinted(t)
	if _, err := m.app(t).OpenPullRequest(t.Context(), it,
		ports.Publication{Branch: "postmortem/1", Files: map[string]string{"postmortems/a.md": "# A"},
			Message: "Add it", Title: "A"}); err != nil {
		t.Fatal(err)
	}
	var refusal *ports.Refusal
	if _, _, err := m.app(t).ReadFileAt(t.Context(), it, "postmortems", "postmortem/1"); !errors.As(err,
		&refusal) || !strings.Contains(refusal.Reason, "is a folder") {
		t.Errorf("the error is %v", err)
	}
}
