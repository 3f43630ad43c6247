package github_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// What GitHub says often means nothing without a second question. Where that is not answered nothing is known yet:
// neither that a ticket is gone, nor that an account is a stranger's, that an issue was deleted, or that a service
// has no owner (A8).
func TestA8WhatIsNotAnsweredIsNotKnown(t *testing.T) {
	t.Parallel()
	ticket := incident.Ref{Owner: "acme", Repo: "payments", Number: 7}
	for name, tt := range map[string]struct {
		second string // the call that is not answered
		ask    func(*github.App) error
	}{
		"a ticket": {"GET repos/acme/payments/issues/7 of all", func(a *github.App) error {
			return a.ChangeTicket(t.Context(), ticket, func(s string) string { return s + "!" }, "", "")
		}},
		"an issue": {"GET repos/acme/payments/issues/7 of all", func(a *github.App) error {
			_, err := a.PeekIssue(t.Context(), ticket)
			return err
		}},
		"an account": {"GET repos/other/incidents/installation", func(a *github.App) error {
			_, err := a.PostComment(t.Context(), incident.Ref{Owner: "other", Repo: "incidents", Number: 1}, "It burns")
			return err
		}},
		"an owner": {"GET repos/acme/payments/properties/values of all", func(a *github.App) error {
			_, err := a.ReadOwners(t.Context(), it, "acme/payments")
			return err
		}},
	} {
		for _, status := range []int{502, 0} { // or no answer at all
			t.Run(fmt.Sprintf("%s, %d", name, status), func(t *testing.T) {
				asked := 0
				transport := roundTrip(func(r *http.Request) (*http.Response, error) {
					body, code := `{"message":"Not Found"}`, http.StatusNotFound
					path := strings.TrimPrefix(r.URL.Path, "/api/v3/")
					path = strings.TrimPrefix(path, "/api/")
					call := r.Method + " " + path
					by := ""
					if r.Header.Get("Authorization") == "token ghs_all" {
						by = " of all"
					}
					if call+by == tt.second {
						if asked++; status == 0 {
							return nil, errors.New("connection reset by peer")
						}
						body, code = `{"message":"Server Error"}`, status
						return answered(r, code, body), nil
					}
					switch call {
					case "GET app":
						body, code = `{"slug":"firebreak"}`, http.StatusOK
					case "GET repos/acme/incidents/installation", "GET repos/acme/payments/installation":
						body, code = `{"id":7}`, http.StatusOK
					case "POST app/installations/7/access_tokens":
						sent, err := io.ReadAll(r.Body)
						if err != nil {
							t.Error(err)
						}
						token := "all"
						if strings.Contains(string(sent), "repositories") {
							token = "one"
						}
						body, code = fmt.Sprintf(`{"token":"ghs_%s","expires_at":%q}`, token,
							time.Now().Add(time.Hour).Format(time.RFC3339)), http.StatusCreated
					case "POST graphql":
						body, code = `{"data":{"repository":{"nameWithOwner":"acme/payments"}}}`, http.StatusOK
					}
					return answered(r, code, body), nil
				})
				app, err := github.New(github.Options{BaseURL: "https://github.test", AppID: 17, PEM: key(),
					Transport: transport, Accounts: []string{"acme"}})
				if err != nil {
					t.Fatal(err)
				}
				if err := tt.ask(app); !errors.Is(err, ports.ErrUnavailable) || asked == 0 {
					t.Errorf("it says %v, after %d questions", err, asked)
				}
			})
		}
	}
}

// Where the App is not installed any more nobody can say that an incident is over, and its freezes stay until their
// end (X4).
func TestX4AnIncidentThatCannotBeSeenIsNotOver(t *testing.T) {
	t.Parallel()
	app, err := github.New(github.Options{BaseURL: "https://github.test", AppID: 17, PEM: key(),
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			return answered(r, http.StatusNotFound, `{"message":"Not Found"}`), nil
		})})
	if err != nil {
		t.Fatal(err)
	}
	if _, isOver, err := app.IncidentEnded(t.Context(), it); isOver || err == nil {
		t.Errorf("over: %t, %v", isOver, err)
	}
}

// A comment that may be there is not posted again while GitHub lists fewer comments than the issue has (A4).
func TestA4AListThatLacksCommentsShowsNothing(t *testing.T) {
	t.Parallel()
	m := newMinted(t)
	app := m.app(t)
	is := func(w ports.Written) bool { return strings.HasPrefix(w.Body, "We are on it") }
	m.order(t, `{"match":"^GET .*/issues/1/comments","lag":"1m"}`)
	first, err := app.CommentOnce(t.Context(), ticket, ports.Once{}, "We are on it")
	if err != nil {
		t.Fatal(err)
	}
	if id, err := app.CommentOnce(t.Context(), ticket, ports.Once{Is: is, IsTried: true}, "We are on it"); id != 0 ||
		!errors.Is(err, ports.ErrBehind) || !strings.Contains(err.Error(), "acme/platform#1") {
		t.Errorf("it is comment %d, %v", id, err)
	}
	m.order(t, `{"match":"^GET .*/issues/1/comments","lag":"0s"}`)
	for _, isTried := range []bool{true, false} {
		id, err := app.CommentOnce(t.Context(), ticket, ports.Once{Is: is, IsTried: isTried}, "We are on it")
		if id != first || err != nil {
			t.Errorf("it is comment %d, not %d: %v", id, first, err)
		}
	}
	other := ports.Once{Is: func(ports.Written) bool { return false }, IsTried: true}
	if id, err := app.CommentOnce(t.Context(), ticket, other, "It is over"); id == first || err != nil {
		t.Errorf("where none is missing it is comment %d: %v", id, err)
	}
}

// answered is an answer of GitHub's.
func answered(r *http.Request, code int, body string) *http.Response {
	return &http.Response{StatusCode: code, Status: fmt.Sprint(code), Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
}
