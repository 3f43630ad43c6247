package github_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// The role says who may respond. permission folds triage into read and maintain into write, and an
// organisation's own role has its base there and a name of its own.
func TestA3TheRoleDecidesWhoResponds(t *testing.T) {
	for said, want := range map[string]bool{
		`"permission":"admin","role_name":"admin"`:            true,
		`"permission":"write","role_name":"maintain"`:         true,
		`"permission":"maintain","role_name":"maintain"`:      true, // as GitHub said it on 2023-06-05
		`"permission":"write","role_name":"write"`:            true,
		`"permission":"write","role_name":"Security Manager"`: true,
		`"permission":"maintain","role_name":"release-crew"`:  true,
		`"permission":"admin","role_name":"platform-owner"`:   true,
		// GitHub Enterprise Server before role_name
		`"permission":"write"`:                                true,
		`"permission":"write","role_name":""`:                 true,
		`"permission":"read","role_name":"triage"`:            false,
		`"permission":"write","role_name":"triage"`:           false,
		`"permission":"read","role_name":"read"`:              false,
		`"permission":"read","role_name":"community-manager"`: false,
		`"permission":"none","role_name":"none"`:              false,
		`"permission":"read"`:                                 false,
	} {
		app := serve(t, map[string]answer{"repos/acme/incidents/collaborators/dave_acme/permission": {body: `{` + said + `}`}})
		may, err := app.CanRespond(context.Background(),
			incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}, "dave_acme", nil)
		if err != nil || may != want {
			t.Errorf("%s lets them respond: %v, %v", said, may, err)
		}
	}
}

// Nobody can be asked about an account that is gone, and "ghost" is another person's.
func TestA3ADeletedAccountRespondsNowhere(t *testing.T) {
	app := serve(t, nil)
	for _, login := range []string{"", "ghost", "Ghost"} {
		if may, err := app.CanRespond(context.Background(),
			incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}, login, []string{"platform"}); may ||
			err != nil {
			t.Errorf("%q may respond: %v, %v", login, may, err)
		}
	}
}

// What somebody said in a review whose account is deleted since is nobody's word; two of them are
// not one person's.
func TestC3AReviewByADeletedAccountIsNobodys(t *testing.T) {
	review := func(user, state string) string { return fmt.Sprintf(`{"user":%s,"state":%q}`, user, state) }
	app := serve(t, map[string]answer{"repos/acme/incidents/pulls/2/reviews?per_page=100": {body: `[` +
		review(`null`, "APPROVED") + `,` + review(`{"login":"ghost"}`, "APPROVED") + `,` +
		review(`null`, "CHANGES_REQUESTED") + `,` +
		review(`{"login":"carol"}`, "APPROVED") + `,` + review(`{"login":"bob-"}`, "CHANGES_REQUESTED") +
		`]`}})
	approved, changes, err := app.ReadReviews(context.Background(),
		incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}, 2)
	if err != nil || !slices.Equal(approved, []string{"carol"}) || !slices.Equal(changes, []string{"bob-"}) {
		t.Errorf("approved by %q, changes asked by %q, %v", approved, changes, err)
	}
}

// A null user is not the empty login, by which the app knows itself: it has the name that GitHub
// shows.
func TestDeletedAccountsHaveAName(t *testing.T) {
	app := serve(t, map[string]answer{
		"repos/acme/incidents/issues/1": {body: `{"id":9,"number":1,"user":null,"html_url":"https://github.com/acme/incidents/issues/1","state":"open","created_at":"2026-03-02T10:40:00Z","updated_at":"2026-03-02T10:40:00Z","labels":[{"name":"Incident"}],
			"assignees":[],"pinned_comment":{"id":3,"user":null,"body":"<!-- firebreak:card v1 -->"}}`},
		"repos/acme/incidents/issues/1/timeline?per_page=100&page=1": {body: `[{"id":1,"event":"commented","created_at":"2026-03-02T10:40:00Z","user":null,"actor":null,"body":"/ic"},
			{"id":2,"event":"labeled","created_at":"2026-03-02T10:40:00Z","actor":null,"label":{"name":"Incident"}},{"id":3,"event":"assigned","created_at":"2026-03-02T10:40:00Z","actor":null,"assigner":null,"assignee":null},
			{"event":"commented","id":4,"created_at":"2026-03-02T10:40:00Z","user":{"login":"bob-","type":"User"},"body":"hello"}]`},
	})
	snap, err := app.ReadIssue(context.Background(), incident.Ref{Owner: "acme", Repo: "incidents",
		Number: 1}, func(*ports.Snapshot, string) (incident.Cursor, bool) { return incident.Cursor{}, false })
	if err != nil || snap.Author != "ghost" || snap.Card != nil || len(snap.Items) != 4 {
		t.Fatalf("%+v, %v", snap, err)
	}
	for i, want := range []string{"ghost", "ghost", "ghost", "bob-"} {
		if it := snap.Items[i]; it.By != want || it.Own || it.Bot {
			t.Errorf("item %d is by %q, own %v, a bot's %v", i, it.By, it.Own, it.Bot)
		}
	}
}
