package github_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// notGranted is the token that starts workflows, asked for by each of two calls, and the one that shows that the App is
// installed all the same.
const notGranted = "incidents: actions=write metadata=read, then : issues=read metadata=read pull_requests=read, " +
	"then incidents: actions=write metadata=read"

// gatesNotGranted is notGranted of what answers deployments.
var gatesNotGranted = strings.ReplaceAll(notGranted, "actions=write", "actions=read deployments=write")

// wantRefusal returns an error unless GitHub refused something.
func wantRefusal(err error) error {
	if ports.IsRefused(err) {
		return nil
	}
	return fmt.Errorf("it is not refused: %w", err)
}

// dispatches answers as GitHub does to who starts workflows, and keeps what it was asked.
type dispatches struct {
	bodies []string
	runs   string // of the list of runs
	status int    // of a dispatch
	answer string
}

func (d *dispatches) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, ""
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/access_tokens"):
		status, body = http.StatusCreated, `{"token":"x","expires_at":"`+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+`"}`
	case strings.HasSuffix(path, "/installation"):
		body = `{"id":7001}`
	case strings.HasSuffix(path, "/app"):
		body = `{"slug":"firebreak"}`
	case strings.HasSuffix(path, "/dispatches"):
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		d.bodies = append(d.bodies, string(sent))
		status, body = d.status, d.answer
	case strings.HasSuffix(path, "/runs"):
		body = d.runs
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func (d *dispatches) app(t *testing.T) *github.App {
	t.Helper()
	app, err := github.New(github.Options{BaseURL: "https://github.test", AppID: 17, PEM: key(), Transport: d})
	if err != nil {
		t.Fatal(err)
	}
	return app
}

var payments = incident.Ref{Owner: "acme", Repo: "payments"}

// Inputs leave byte for byte, and once; which run it is is known where GitHub says so (X5).
func TestX5InputsLeaveByteForByte(t *testing.T) {
	d := &dispatches{status: http.StatusOK, answer: `{"workflow_run_id":9,"run_url":"https://x/api/9","html_url":"https://x/9"}`}
	want := map[string]string{"": "", "a": "\u00a0\u200b $(id) `id` ${{ secrets.X }} \"><script> & \\n \\u0041 é👩\u200d💻 /ic close \u2028", "b": "\x01\x7f\t", "c": strings.Repeat("é", 2000)}
	run, err := d.app(t).StartRun(t.Context(), ports.NewRun{Repo: payments, File: "rollback.yml", Branch: "main", Inputs: want})
	if err != nil || run.ID != 9 || run.URL != "https://x/9" || len(d.bodies) != 1 {
		t.Fatalf("%+v, %v, after %d requests", run, err, len(d.bodies))
	}
	var sent struct {
		Ref     string
		Inputs  map[string]string
		Details bool `json:"return_run_details"`
	}
	if err := json.Unmarshal([]byte(d.bodies[0]), &sent); err != nil || !maps.Equal(sent.Inputs, want) || sent.Ref != "main" || !sent.Details {
		t.Errorf("it sends %s: %v", d.bodies[0], err)
	}
}

func TestX5WhatGitHubAnswersToADispatch(t *testing.T) {
	for _, c := range []struct {
		status    int
		answer    string
		isRefused bool
		isUnknown bool
	}{
		{http.StatusNoContent, "", false, false}, // a server from before 2025
		{http.StatusUnprocessableEntity, `{"message":"No ref found for: main"}`, true, false}, {http.StatusNotFound, `{"message":"Not Found"}`, true, false},
		{http.StatusForbidden, `{"message":"Resource not accessible by integration"}`, false, false}, // of a token that was made just now
		{http.StatusBadGateway, "", false, true}, {http.StatusOK, "<html>", false, true},
	} {
		d := &dispatches{status: c.status, answer: c.answer}
		run, err := d.app(t).StartRun(t.Context(), ports.NewRun{Repo: payments, File: "rollback.yml", Branch: "main"})
		if run.ID != 0 || ports.IsRefused(err) != c.isRefused || errors.Is(err, ports.ErrUnavailable) != c.isUnknown || errors.Is(err, ports.ErrNotYet) != (c.status == 403) || len(d.bodies) != 1 {
			t.Errorf("%d %s: %+v, %v, after %d requests", c.status, c.answer, run, err, len(d.bodies))
		}
	}
}

// Only runs that the app itself asked for since then are found, the oldest first (X5).
func TestX5OwnRunsAreFound(t *testing.T) {
	run := func(id int, event, actor, at string) string {
		return fmt.Sprintf(`{"id":%d,"event":%q,"status":"queued","conclusion":null,"created_at":%q,"updated_at":%q,"actor":{"login":%q,"type":"Bot"}}`, id, event, at, at, actor)
	}
	d := &dispatches{runs: `{"total_count":5,"workflow_runs":[` + strings.Join([]string{run(5, "workflow_dispatch", "firebreak[bot]", "2026-03-02T10:45:00Z"), run(4, "workflow_dispatch", "alice", "2026-03-02T10:44:00Z"),
		run(3, "push", "firebreak[bot]", "2026-03-02T10:43:00Z"), run(2, "workflow_dispatch", "Firebreak[bot]", "2026-03-02T10:42:00Z"), run(1, "workflow_dispatch", "firebreak[bot]", "2026-03-02T10:41:00Z")}, ",") + "]}"}
	found, err := d.app(t).FindRuns(t.Context(), payments, "rollback.yml", time.Date(2026, 3, 2, 10, 42, 0, 0, time.UTC))
	if err != nil || len(found) != 2 || found[0].ID != 2 || found[1].ID != 5 || found[0].Outcome != "" {
		t.Errorf("found %+v, %v", found, err)
	}
}
