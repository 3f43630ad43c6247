package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/templates"
)

// pullsOf returns the pull requests of a repository, the newest first.
func (w *world) pullsOf(repo string) (all []struct {
	Number             int
	Title, Body, State string
	User               struct{ Login string }
}) {
	w.t.Helper()
	w.ok("alice", "GET", "/api/v3/repos/"+repo+"/pulls?state=all&sort=created&direction=desc", nil, &all)
	return all
}

// deploy deploys the default branch of a repository to production, with success.
func (w *world) deploy(who, repo string) {
	w.t.Helper()
	var d struct{ ID int64 }
	w.ok(who, "POST", "/api/v3/repos/"+repo+"/deployments", map[string]any{"ref": "main", "environment": "production",
		"required_contexts": []string{}}, &d)
	w.ok(who, "POST", fmt.Sprintf("/api/v3/repos/%s/deployments/%d/statuses", repo, d.ID), map[string]string{"state": "success"}, nil)
}

// heard returns whether the app said something in the incident.
func (w *world) heard(words string) int {
	n := 0
	for _, c := range w.list() {
		if strings.HasPrefix(c.User.Login, "firebreak") && !strings.Contains(c.Body, "<!-- firebreak:card") && strings.Contains(c.Body, words) {
			n++
		}
	}
	return n
}

// A revert is a pull request by GitHub's own means, opened once whatever is lost, and followed: merged
// it is the workaround, live the coordinator is asked to go on (X3).
func TestX3ARevertIsOpenedOnceAndFollowed(t *testing.T) {
	skipUnderRace(t)
	for name, fault := range map[string]string{
		"":                        "",
		"the answer is lost":      `{"match":"POST .*graphql$","status":502,"count":1,"applied":true}`,
		"the mutation is lost":    `{"match":"POST .*graphql$","status":502,"count":2,"applied":true}`,
		"the card is not taken":   `{"match":"PATCH .*/issues/comments/.*","status":502,"count":2}`,
		"the webhook comes twice": `{"duplicate_webhooks":3}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			of := w.merge("bob", "acme/payments", "Lower memory limits", "deploy/payments.yaml", "memory: 256Mi\n")
			w.advance(5 * time.Minute)
			w.tell("alice opens \"payments restarts\"")
			w.comment("alice", "/incident critical payments restarts")
			w.comment("carol", "/ic")
			w.settle()
			if fault != "" {
				w.order(fault)
			}
			ref := fmt.Sprintf("acme/payments#%d", of)
			w.comment("alice", "/oe revert "+ref+" the limit is too low")
			w.settle()
			w.comment("carol", "/oe revert "+ref)
			for range 4 {
				w.advance(time.Minute)
			}
			pulls := w.pullsOf("acme/payments")
			if len(pulls) != 2 || pulls[0].Title != `Revert "Lower memory limits"` || pulls[0].User.Login != "firebreak[bot]" ||
				!strings.Contains(pulls[0].Body, "Reverts "+ref) || !strings.Contains(pulls[0].Body, "the limit is too low") ||
				strings.Contains(pulls[0].Body, "@alice") {
				t.Fatalf("the pull requests: %+v", pulls)
			}
			revert := fmt.Sprintf("acme/payments#%d", pulls[0].Number)
			if w.heard("The revert is open: ") != 1 || w.heard(revert[strings.Index(revert, "#"):]) == 0 {
				t.Errorf("nobody is told of it: %s", w.everything())
			}
			if w.heard("is merged.") != 0 || strings.Contains(w.card(), "takes back") {
				t.Errorf("told as merged:\n%s", w.card())
			}

			w.ok("bob", "PUT", fmt.Sprintf("/api/v3/repos/acme/payments/pulls/%d/merge", pulls[0].Number), map[string]string{}, nil)
			w.settle()
			if fault == "" && w.heard("is merged.") != 1 {
				t.Errorf("the webhook of the merge is not enough")
			}
			for range 3 {
				w.advance(time.Minute)
			}
			if w.heard("is merged.") != 1 || !strings.Contains(w.card(), "**Workaround**") {
				t.Errorf("merged, and told %d times:\n%s", w.heard("is merged."), w.card())
			}
			w.deploy("bob", "acme/payments")
			for range 4 {
				w.advance(time.Minute)
			}
			if w.heard("is live since") != 0 { // the App of this world may not read deployments
				t.Errorf("live, and told %d times", w.heard("is live since"))
			}
		})
	}
}

// What the card said is read from the pull request once it is lost (X3, A4).
func TestX3ARevertIsNotOpenedAgainOnceTheCardIsLost(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	of := w.merge("bob", "acme/payments", "Lower memory limits", "deploy/payments.yaml", "memory: 256Mi\n")
	w.tell("alice opens \"payments restarts\"")
	w.comment("alice", "/incident critical payments restarts")
	w.settle()
	w.comment("alice", fmt.Sprintf("/oe revert acme/payments#%d", of))
	w.settle()
	w.advance(time.Hour)
	w.as("alice", "DELETE", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d", w.view().Pinned.ID), nil, nil)
	w.settle()
	if pulls := w.pullsOf("acme/payments"); len(pulls) != 2 {
		t.Errorf("%d pull requests", len(pulls))
	}
	if !strings.Contains(w.card(), "takes back") && !strings.Contains(w.everything(), "The revert is open") {
		t.Errorf("the card:\n%s", w.card())
	}
}

// Who may not write there may not ask, and what GitHub does not revert is said with what to do; both
// leave nothing half done (X3, A3).
func TestX3WhoMayNotWriteThereMayNotAsk(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	of := w.merge("bob", "acme/payments", "Lower memory limits", "deploy/payments.yaml", "memory: 256Mi\n")
	w.tell("alice opens \"payments restarts\"")
	w.comment("alice", "/incident critical payments restarts")
	w.settle()
	w.comment("alice", "/oe revert acme/payments#4711")
	w.comment("alice", "/oe revert other/payments#1")
	w.comment("bob", fmt.Sprintf("/oe revert acme/payments#%d", of))
	w.comment("mallory", fmt.Sprintf("/oe revert acme/payments#%d", of))
	w.settle()
	if n := len(w.pullsOf("acme/payments")); n != 1 {
		t.Errorf("%d pull requests, of which one was there before", n)
	}
	if w.heard("I see no pull request") != 1 || w.heard("you can't write to the repository of") != 1 {
		t.Errorf("the answers: %s", w.everything())
	}
}

// A single refusal does not say that somebody may not write there; one that stays is told as what it is
// (X3, A8).
func TestX3ARefusedLookUpIsNoRefusalOfThePerson(t *testing.T) {
	skipUnderRace(t)
	for count, want := range map[int]string{1: "+1", 50: "confused"} {
		w := newWorld(t)
		of := w.merge("bob", "acme/payments", "Lower memory limits", "deploy/payments.yaml", "memory: 256Mi\n")
		w.tell("alice opens \"payments restarts\"")
		w.comment("alice", "/incident critical payments restarts")
		w.settle()
		w.order(fmt.Sprintf(`{"match":"GET .*/payments/collaborators/alice/permission$","status":403,"count":%d}`, count))
		w.comment("alice", fmt.Sprintf("/oe revert acme/payments#%d", of))
		w.settle()
		w.advance(time.Minute) // what is refused to a new token is asked again a second later
		for _, c := range w.list() {
			if strings.HasPrefix(c.Body, "/oe revert") && reactionsOf(c) != want {
				t.Errorf("refused %d times, and answered by %q", count, reactionsOf(c))
			}
		}
		if n := w.heard("GitHub does not tell me whether you may write to acme/payments"); (n == 1) != (want == "confused") {
			t.Errorf("refused %d times: %s", count, w.everything())
		}
	}
}

// Where the App may read deployments, the coordinator hears once a revert is live: when a deployment
// to production that has it succeeds, and by no other (X3).
func TestX3ARevertIsLiveWithItsDeployment(t *testing.T) {
	skipUnderRace(t)
	w := newWorldWith(t, map[string]map[string]string{"acme/incidents": templates.Repository()},
		func(o *sandbox.Options) { o.Morning = true })
	w.tell("alice opens \"payments restarts\"")
	w.comment("alice", "/incident critical payments pods are OOMKilled")
	w.comment("carol", "/ic")
	w.settle()
	if card := w.card(); !strings.Contains(card, "suspect: [acme/payments\\#\u20606 “Lower memory limits”]") {
		t.Fatalf("the morning's culprit is not on the card:\n%s", card)
	}
	w.comment("alice", "/oe revert acme/payments#6")
	w.settle()
	revert := w.pullsOf("acme/payments")[0]
	w.ok("erin", "PUT", fmt.Sprintf("/api/v3/repos/acme/payments/pulls/%d/merge", revert.Number), map[string]string{}, nil)
	w.settle()
	w.advance(5 * time.Minute)
	if w.heard("is merged.") != 1 || w.heard("is live since") != 0 {
		t.Errorf("merged: %d, live: %d", w.heard("is merged."), w.heard("is live since"))
	}
	w.deploy("erin", "acme/payments")
	w.settle() // the webhook is enough
	if w.heard("is live since") != 1 || !strings.Contains(w.card(), "of acme/payments#6, live since") {
		t.Errorf("live: %d\n%s", w.heard("is live since"), w.card())
	}
}

// That GitHub shows no deployments keeps nobody from hearing that a revert is merged (X3, A8).
func TestX3ARevertIsMergedWhereDeploymentsAreRefused(t *testing.T) {
	skipUnderRace(t)
	w := newWorldWith(t, map[string]map[string]string{"acme/incidents": templates.Repository()},
		func(o *sandbox.Options) { o.Morning = true })
	w.tell("alice opens \"payments restarts\"")
	w.comment("alice", "/incident critical payments pods are OOMKilled")
	w.comment("carol", "/ic")
	w.comment("alice", "/oe revert acme/payments#6")
	w.settle()
	w.order(`{"match":"GET .*/payments/deployments.*","status":404,"count":-1}`)
	revert := w.pullsOf("acme/payments")[0]
	w.ok("erin", "PUT", fmt.Sprintf("/api/v3/repos/acme/payments/pulls/%d/merge", revert.Number), map[string]string{}, nil)
	w.settle()
	w.advance(5 * time.Minute)
	if w.heard("is merged.") != 1 {
		t.Errorf("the merge is not said: %s", w.everything())
	}
}

// The owners of the service are asked for a review with who wrote and who merged the change, each alone where
// GitHub does not take one of them: a private repository may have no code owners (X3).
func TestX3TheOwnersAreAskedForAReview(t *testing.T) {
	skipUnderRace(t)
	files := templates.Repository()
	files[".github/firebreak.yml"] += "\ncatalog: {services: {payments: {repository: acme/payments, owners: [platform, nobody, \"@dan\"]}}}\n"
	w := newWorldWith(t, map[string]map[string]string{"acme/incidents": files})
	of := w.merge("bob", "acme/payments", "Lower memory limits", "deploy/payments.yaml", "memory: 256Mi\n")
	w.advance(5 * time.Minute)
	w.tell("alice opens \"payments restarts\"")
	w.comment("alice", "/incident critical payments restarts")
	w.settle()
	w.comment("alice", fmt.Sprintf("/oe revert acme/payments#%d", of))
	w.settle()
	number := w.pullsOf("acme/payments")[0].Number
	var asked struct {
		Users []struct{ Login string }
		Teams []struct{ Slug string }
	}
	w.ok("alice", "GET", fmt.Sprintf("/api/v3/repos/acme/payments/pulls/%d/requested_reviewers", number), nil, &asked)
	var names []string
	for _, u := range asked.Users {
		names = append(names, u.Login)
	}
	for _, team := range asked.Teams {
		names = append(names, team.Slug)
	}
	slices.Sort(names)
	if want := []string{"bob", "dan", "platform"}; !slices.Equal(names, want) {
		t.Errorf("asked %q for a review, want %q", names, want)
	}
}

// What can't be taken back is said with what to do instead: by hand where others changed the same since, and
// nothing where nothing was merged (X3).
func TestX3WhatCannotBeTakenBackIsSaid(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	first := w.merge("bob", "acme/payments", "Lower memory limits", "deploy/payments.yaml", "memory: 256Mi\n")
	w.merge("bob", "acme/payments", "Lower them more", "deploy/payments.yaml", "memory: 128Mi\n")
	open := w.propose("bob", "acme/payments", "And more", "deploy/payments.yaml", "memory: 64Mi\n")
	w.tell("alice opens \"payments restarts\"")
	w.comment("alice", "/incident critical payments restarts")
	w.settle()
	for _, tt := range []struct {
		of     int
		want   string
		byHand int // how often it was said by then
	}{
		{open, "is not merged, so there is nothing to take back", 0},
		{4711, "I see no pull request", 0},
		{first, "I could not open a revert of", 1},
	} {
		w.comment("alice", fmt.Sprintf("/oe revert acme/payments#%d", tt.of))
		w.settle()
		if w.heard(tt.want) != 1 || w.heard("git revert") != tt.byHand {
			t.Errorf("#%d: %s", tt.of, w.everything())
		}
	}
}
