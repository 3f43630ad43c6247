package incident_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	. "github.com/firebreak-dev/firebreak/app/incident" //nolint:revive // a table of its types
)

// A queue holds what the version before wrote, and after a roll-back what this one wrote (A4): each
// kind of message is read as it was meant, and written as it was. Of the installation only a sweep
// reads.
func TestA4AStoredMessageOutlivesItsVersion(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	for _, c := range []struct {
		name, stored string
		want         Request
	}{
		{"a timer",
			`{"ref":{"owner":"acme","repo":"incidents","number":1},"why":"clock","due":"2026-03-02T10:40:00Z","again":"2026-03-02T10:40:00Z"}`,
			nil},
		{"a label",
			`{"ref":{"owner":"acme","repo":"incidents","number":1},"was":{"owner":"acme","repo":"old","number":1},"why":"issues.labeled","delivery":"d","installation":7,"repository":3,"issue":{"id":9,"title":"Down","author":"alice","url":"u","created":"2026-03-02T10:40:00Z"},"floor":{"updated":"2026-03-02T10:40:00Z","event":"labeled","name":"incident","by":"alice"}}`,
			Refresh{Issue: &Issue{ID: 9, Title: "Down", Author: "alice", URL: "u", Created: at}}},
		{"a comment",
			`{"ref":{"owner":"acme","repo":"incidents","number":1},"why":"issue_comment.created","delivery":"d","installation":7,"repository":3,"comment":{"id":5,"author":"alice","body":"/ic","created":"2026-03-02T10:40:00Z","updated":"2026-03-02T10:40:00Z"},"floor":{"received":"2026-03-02T10:40:00Z","updated":"2026-03-02T10:40:00Z","comment":5}}`,
			&Comment{ID: 5, Author: "alice", Body: "/ic", Created: at, Updated: at}},
		{"a comment on the pull request",
			`{"ref":{"owner":"acme","repo":"incidents","number":1},"why":"issue_comment.created","delivery":"d","installation":7,"repository":3,"pull":4,"comment":{"id":5,"author":"alice","body":"/ic","created":"2026-03-02T10:40:00Z","updated":"2026-03-02T10:40:00Z"},"floor":{"received":"2026-03-02T10:40:00Z","updated":"2026-03-02T10:40:00Z","comment":5}}`,
			&Comment{ID: 5, Author: "alice", Body: "/ic", Created: at, Updated: at, Pull: 4}},
		{"the pull request",
			`{"ref":{"owner":"acme","repo":"incidents","number":1},"why":"pull_request.closed","delivery":"d","installation":7,"pull":4}`,
			PullChanged{4}},
		{"the card was edited",
			`{"ref":{"owner":"acme","repo":"incidents","number":1},"why":"issue_comment.edited","delivery":"d","installation":7,"doubted":true,"floor":{"touched":6}}`,
			CardEdited{}},
		{"an answer",
			`{"ref":{"owner":"acme","repo":"incidents","number":1},"why":"ack","delivery":"d","ack":{"page":"page/3","service":"pagerduty","name":"Dan","at":"2026-03-02T10:40:00Z"}}`,
			&Ack{Page: "page/3", Service: "pagerduty", Name: "Dan", At: at}},
		{"a ticket",
			`{"ref":{"owner":"acme","repo":"incidents","number":1},"why":"ticket.closed","delivery":"d","installation":7,"ticket":1}`,
			&Ticket{0}},
		{"a push",
			`{"ref":{"owner":"acme","repo":"incidents","number":0},"why":"push","delivery":"d","installation":7,"commit":"abcd"}`,
			ConfigPush{"abcd"}},
		{"a deployment",
			`{"ref":{"owner":"acme","repo":"payments","number":0},"why":"deployment_status","delivery":"d","repository":3,"deployed":{"environment":"production"}}`,
			&Deployed{Environment: "production"}},
		{"a merge queue",
			`{"ref":{"owner":"acme","repo":"incidents","number":1},"why":"push","delivery":"d","queue":"acme/payments"}`,
			QueueChanged{"acme/payments"}},
		{"a deployment that waits",
			`{"ref":{"owner":"acme","repo":"payments","number":0},"why":"deployment_protection_rule","delivery":"d",` +
				`"gate":{"run":9,"environment":"production"}}`,
			&GateAsked{9, "production"}},
		{"a sweep",
			`{"ref":{"owner":"acme","repo":"","number":0},"why":"installation.created","delivery":"d","installation":7,"sweep":true,"at":"2026-03-02T10:40:00Z"}`,
			Sweep{Installation: 7, At: at}},
		{"a signal",
			`{"ref":{"owner":"acme","repo":"incidents","number":1},"why":"signal","signal":{"source":"x"},"key":"a true","count":2,"paged":true,"page":true,"severity":"critical","event":"a 1","id":"XKQM","at":"2026-03-02T10:40:00Z","rules":"acme/rules","back":true,"floor":{"received":"2026-03-02T10:40:00Z"}}`,
			&Signal{Body: []byte(`{"source":"x"}`), Key: "a true", Count: 2, Event: "a 1", ID: "XKQM", At: at,
				Rules: "acme/rules", IsReturned: true, IsPaged: true, Pages: true, Severity: "critical"}},
		{"a message put aside",
			`{"ref":{"owner":"acme","repo":"incidents","number":1},"why":"aside","delivery":"aside 1","aside":{"What":"signal","Why":"it fails","ID":"1","Comment":0}}`,
			&PutAside{What: "signal", Why: "it fails", ID: "1"}},
		{"a fold",
			`{"ref":{"owner":"acme","repo":"incidents","number":1},"why":"fold","delivery":"d","fold":{"from":2,"fact":"c5.0","by":"alice","at":"2026-03-02T10:40:00Z"}}`,
			&Fold{From: 2, Fact: "c5.0", By: "alice", At: at}},
		{"a removal",
			`{"ref":{"owner":"acme","repo":"incidents","number":1},"why":"issues.deleted","delivery":"d","installation":7,"removed":{"how":"deleted","by":"bob","title":"Down"}}`,
			&Removed{How: "deleted", By: "bob", Title: "Down"}},
		{"a customer's answer",
			`{"ref":{"owner":"acme","repo":"incidents","number":1},"why":"customer answer","delivery":"d","answer":{"issue":"acme/customer-globex#4","id":77,"opened":"2026-03-02T10:40:00Z","comment":5,"author":"gina","body":"Still broken","at":"2026-03-02T10:40:00Z","routed":true,"customer":"globex"}}`,
			&CustomerAnswer{Issue: "acme/customer-globex#4", ID: 77, Opened: at, Comment: 5, Author: "gina",
				Body: "Still broken", At: at, IsRouted: true, Customer: "globex"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m Message
			if err := json.Unmarshal([]byte(c.stored), &m); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(m.What, c.want) {
				t.Errorf("it brings %#v, want %#v", m.What, c.want)
			}

			stored, err := json.Marshal(m)
			want := c.stored
			if _, isSweep := m.Sweep(); !isSweep {
				want = strings.Replace(want, `"installation":7,`, "", 1)
			}
			if err != nil || string(stored) != want {
				t.Errorf("it is written as\n%s, want\n%s (%v)", stored, want, err)
			}
		})
	}
}

// Only what says nothing but where to look is bare: any other look answers it.
func TestA4OnlyABareMessageIsAnsweredByAnyLook(t *testing.T) {
	for name, c := range map[string]struct {
		m    Message
		want bool
	}{
		"a timer":                 {Message{Why: "clock"}, true},
		"a new incident":          {Message{What: Refresh{Issue: &Issue{}}}, true},
		"a webhook without event": {Message{Floor: &Floor{Comment: 5}}, true},
		"a label":                 {Message{Floor: &Floor{Event: "labeled"}}, false},
		"a deleted comment":       {Message{Floor: &Floor{Deleted: 5}}, false},
		"a touched comment":       {Message{Floor: &Floor{Touched: 5}}, false},
		"a comment":               {Message{What: &Comment{}}, false},
		"a signal":                {Message{What: &Signal{}}, false},
		"an edited card":          {Message{What: CardEdited{}}, false},
		"a pull request":          {Message{What: PullChanged{4}}, false},
		"a merged revert":         {Message{What: Refresh{}, Why: RevertClosed}, false},
		"a deployed revert":       {Message{What: Refresh{}, Why: RevertDeployed}, false},
	} {
		if got := c.m.IsBare(); got != c.want {
			t.Errorf("%s is bare: %t, want %t", name, got, c.want)
		}
	}
}

// Who ticks a box of the card edits it: the webhook says only whether anything else changed.
func TestAnEditOfTheCard(t *testing.T) {
	for _, tt := range []struct {
		what Request
		want bool
	}{
		{nil, false}, {CardEdited{}, true}, {&Tick{IsClean: true}, false}, {&Tick{}, true},
	} {
		if got := (Message{What: tt.what}).IsCardEdited(); got != tt.want {
			t.Errorf("%#v: %t", tt.what, got)
		}
	}
}
