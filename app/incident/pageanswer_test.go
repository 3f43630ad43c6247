package incident

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// What a comment says of an answer is read back as the same fact, and nothing else is (A5, I8).
func TestI8AnswersAreReadFromTheirComments(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 41, 0, 0, time.UTC)
	for _, how := range PageAnswers {
		a := PageAnswer{Page: "page/3", By: "carol", How: how, Via: ViaLink, At: at}
		f := a.Fact()
		key := f.What.(PageAnswered).key(f)
		if got, ok := ParsePageAnswered(key); !ok || !reflect.DeepEqual(got, f) {
			t.Errorf("%s: %+v, %t, want %+v", key, got, ok, f)
		}
		text, err := json.Marshal(Message{Ref: Ref{"acme", "incidents", 7}, Why: "link", What: &a})
		var m Message
		if err != nil || json.Unmarshal(text, &m) != nil || !reflect.DeepEqual(m.PageAnswer(), &a) {
			t.Errorf("%s: stored as %s: %+v", how, text, m.PageAnswer())
		}
	}
	for _, bad := range []string{"", "link/page%2F3/1772447000/carol/seen", "link/page%2F3/1772447000/carol/everything/link",
		"link/page%2F3/now/carol/seen/link", "link/page%2F3/1772447000//seen/link", "link/page%2/1772447000/carol/seen/link",
		"link/page%2F3/1772447000/carol/seen/li%nk", "links/page%2F3/1772447000/carol/seen/link",
		"link/page%2F3/1772447000/carol/seen/link/more"} {
		if _, ok := ParsePageAnswered(bad); ok {
			t.Errorf("%q is read as an answer", bad)
		}
	}
}

// Who is still to be reached for a page by another way.
func TestO3WhoIsStillReached(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 41, 0, 0, time.UTC)
	running := State{Declared: &Stamp{By: "alice", At: at}, Phase: Investigate, Paging: Paging{Next: at.Add(time.Minute)}}
	with := func(change func(*State)) State { s := running.clone(); change(&s); return s }
	team := Page{Key: "page/1", Why: "team"}
	asked := Page{Key: "page/2", Why: "asked"}
	for name, c := range map[string]struct {
		state State
		page  Page
		want  bool
	}{
		"nobody answered":     {running, team, true},
		"carol has seen it":   {running, Page{Key: "page/1", Why: "team", Answers: []string{"seen Carol"}}, false},
		"carol passed it on":  {running, Page{Key: "page/1", Why: "team", Answers: []string{"pass carol"}}, false},
		"dan has seen it":     {running, Page{Key: "page/1", Why: "team", Answers: []string{"seen dan"}}, true},
		"dan coordinates":     {with(func(s *State) { s.IC = "dan" }), team, false},
		"answered at a pager": {with(func(s *State) { s.Paging.Next = time.Time{} }), team, false},
		"it was skipped":      {running, Page{Key: "page/1", Why: "team", Skipped: true}, false},
		"asked for":           {with(func(s *State) { s.IC = "dan" }), asked, true},
		"asked for, and came": {with(func(s *State) { s.OEs = []string{"carol"} }), asked, false},
		"it is over":          {with(func(s *State) { s.Closed = &Stamp{At: at} }), asked, false},
		"an old update":       {running, Page{Key: "page/3", Why: "update"}, false},
	} {
		if got := c.state.Reminds(c.page, "carol"); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
