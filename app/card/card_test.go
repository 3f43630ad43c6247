package card_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

var (
	update = flag.Bool("update", false, "renew the golden files")
	ref    = incident.Ref{Owner: "acme", Repo: "incidents", Number: 12}
	keys   = card.Keys([][]byte{[]byte("secret"), []byte("the one before")})
	start  = time.Date(2026, 11, 24, 10, 41, 0, 0, time.UTC)
)

func policy(t testing.TB) incident.Policy {
	p, err := config.Parse([]byte(templates.Repository()[config.Path]))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func view(t testing.TB) card.View {
	return card.View{Ref: ref, URL: "https://github.example/acme/incidents/issues/12", Title: "API server of eu-1 answers 503", Policy: policy(t)}
}

// story plays facts at minutes after start.
type story struct {
	policy incident.Policy
	state  incident.State
	n      int
}

func tell(t testing.TB, o incident.Opened, by string) *story {
	s := &story{policy: policy(t)}
	s.state, _ = incident.Step(s.state, incident.Fact{ID: "opened", At: start, By: incident.Person{Login: by, Respond: by != "firebreak[bot]" && by != "gina", Bot: strings.HasSuffix(by, "[bot]")}, What: o}, s.policy)
	return s
}

func (s *story) at(minute int, by string, what any) *story {
	s.n++
	f := incident.Fact{At: start.Add(time.Duration(minute) * time.Minute), What: what}
	if by != "" {
		f.ID = fmt.Sprintf("c%d.0", 1000+s.n)
		f.By = incident.Person{Login: by, Respond: true}
	}
	s.state, _ = incident.Step(s.state, f, s.policy)
	return s
}

func (s *story) clock(minute int) *story { return s.at(minute, "", incident.Clock{}) }

func cmd(k incident.Kind) incident.Command { return incident.Command{Kind: k, Text: "words"} }

func phase(p incident.Phase) incident.Command {
	return incident.Command{Kind: incident.MovePhase, Phase: p}
}

func form() incident.Opened {
	return incident.Opened{Source: "form", Summary: true, Severity: "critical", Customers: []string{"globex"}}
}

func alert() incident.Opened {
	return incident.Opened{Source: "Alertmanager", Summary: true, Severity: "critical"}
}

// investigated has carol and alice at work, one update sent.
func investigated(t testing.TB) *story {
	return tell(t, form(), "alice").at(2, "carol", cmd(incident.TakeIC)).at(8, "carol", phase(incident.Investigate)).
		at(11, "carol", cmd(incident.Update)).at(13, "alice", cmd(incident.Finding)).at(14, "alice", cmd(incident.Action))
}

func fixing(t testing.TB) *story {
	return investigated(t).at(20, "alice", cmd(incident.Cause)).at(21, "carol", phase(incident.Fixing)).at(25, "carol", cmd(incident.Update)).
		at(26, "carol", incident.Command{Kind: incident.AddFollowUp, Text: "alert earlier", Repo: "acme/platform", Logins: []string{"bob"}, Due: "2026-12-01"})
}

func monitoring(t testing.TB) *story {
	return fixing(t).at(33, "alice", cmd(incident.Workaround)).at(34, "carol", phase(incident.Monitoring)).at(35, "carol", cmd(incident.Update))
}

// frozen holds the merges into the service's repository, and has let the fix through.
func frozen(t testing.TB) *story {
	until := start.Add(152 * time.Minute)
	s := fixing(t).at(32, "carol", incident.Command{Kind: incident.StartFreeze, Repo: "acme/payments", Org: "acme", Text: "the rollback"}).
		at(32, "", incident.FreezeOn{Number: 1, From: start.Add(32 * time.Minute), Way: incident.FreezeByRuleset, Ruleset: 7, Until: until,
			URL: "https://github.com/acme/payments/rules/7"}).
		at(33, "", incident.FreezeSeen{Number: 1, Held: []incident.HeldPull{{Pull: 40}, {Pull: 42}}}).
		at(33, "carol", incident.Command{Kind: incident.LetThrough, Repo: "acme/payments", Number: 41, Org: "acme", Text: "it is the fix"})
	id := s.state.Freezes[0].Through[0].ID
	return s.at(33, "", incident.PullLetThrough{Number: 1, ID: id, Head: strings.Repeat("a", 40)})
}

func closing(t testing.TB) *story {
	return monitoring(t).at(1500, "carol", cmd(incident.Agree)).at(1505, "carol", cmd(incident.Close))
}

func closed(t testing.TB) *story {
	return closing(t).at(1505, "", incident.TicketOpened{Index: 0, Ticket: "acme/platform#7"}).
		at(1505, "", incident.TicketOpened{Index: 1, Ticket: "acme/incidents#14"}).at(1506, "", incident.DocumentOpened{Number: 13})
}

// states are the moments at which the card matters.
func states(t testing.TB) map[string]incident.State {
	all := map[string]incident.State{
		"unconfirmed-alert":   tell(t, alert(), "firebreak[bot]").state,
		"unconfirmed-reader":  tell(t, incident.Opened{Source: "form"}, "gina").state,
		"unconfirmed-data":    tell(t, incident.Opened{Source: "command", Severity: "critical"}, "alice").state,
		"unconfirmed-taken":   tell(t, alert(), "firebreak[bot]").at(1, "alice", cmd(incident.TakeOE)).state,
		"critical-new":        tell(t, form(), "alice").state,
		"critical-paging":     tell(t, form(), "alice").clock(6).state,
		"critical-unanswered": tell(t, form(), "alice").clock(90).state,
		"page-failed":         tell(t, form(), "alice").clock(0).at(0, "", incident.PageFailed{Key: "page/1", Why: "502 from pager.example"}).state,
		"investigate":         investigated(t).state,
		"investigate-amber":   investigated(t).clock(27).state,
		"investigate-due":     investigated(t).clock(32).state,
		"investigate-overdue": investigated(t).clock(40).state,
		"handover":            investigated(t).at(15, "carol", incident.Command{Kind: incident.GiveIC, Logins: []string{"dan"}}).state,
		"no-operations":       investigated(t).at(15, "alice", cmd(incident.DropOE)).state,
		"update-unsent":       investigated(t).at(16, "", incident.Unsent{Customer: "globex", Failed: []incident.Failure{{Channel: "email", Why: "550"}}}).state,
		"fixing":              fixing(t).state,
		"frozen":              frozen(t).state,
		"monitoring":          monitoring(t).state,
		"monitoring-over":     monitoring(t).clock(1600).state,
		"regression":          monitoring(t).at(200, "alice", cmd(incident.Regression)).state,
		"closing":             closing(t).state,
		"closed":              closed(t).state,
		"closed-merged":       closed(t).at(3000, "carol", incident.DocumentMerged{Number: 13}).state,
		"declined":            tell(t, alert(), "firebreak[bot]").at(4, "alice", cmd(incident.Decline)).state,
		"duplicate":           tell(t, alert(), "firebreak[bot]").at(4, "alice", incident.Command{Kind: incident.Duplicate, Number: 9}).state,
		"regular":             tell(t, incident.Opened{Source: "form", Summary: true, Severity: "regular", Customers: []string{"globex", "initech"}}, "alice").at(3, "alice", cmd(incident.TakeOE)).at(5, "alice", phase(incident.Investigate)).state,
		"drill": tell(t, incident.Opened{Source: "form", Summary: true, Severity: "critical", None: true, Drill: true}, "alice").at(2, "carol", cmd(incident.TakeIC)).
			at(3, "", incident.Unassignable{Logins: []string{"carol"}}).state,
	}
	maps.Copy(all, oddStates(t))
	return all
}

// lastly returns when the newest entry of a state was made, for a card that is written then.
func lastly(s incident.State) time.Time {
	last := s.Since.At
	for _, e := range s.Timeline {
		if e.At.After(last) {
			last = e.At
		}
	}
	if s.StandBy.Asked {
		return s.StandBy.Ends
	}
	return last
}

// TestV3ACardTellsADateThatIsNotToday holds the dates of a card that is written on another day than
// what it is about.
func TestV3ACardTellsADateThatIsNotToday(t *testing.T) {
	for _, c := range []struct {
		name  string
		state incident.State
		now   time.Time
		want  []string
		not   string
	}{
		{"the same day", investigated(t).state, start.Add(13 * time.Hour), []string{"since 10:43 UTC", "| 10:41 | alice"}, "Nov"},
		{"after midnight", investigated(t).state, start.Add(14 * time.Hour), []string{"since 24 Nov 10:43 UTC", "**24 Nov 11:12 UTC**", "| 24 Nov 10:41 | alice", "| 10:43 |"}, "2026 "},
		{"in the new year", investigated(t).state, start.AddDate(0, 2, 0), []string{"since 24 Nov 2026 10:43 UTC", "| 24 Nov 2026 10:41 | alice"}, ""},
		{"closed, the same day", closed(t).state, start.Add(26 * time.Hour), []string{"Closed** 25 Nov 2026 11:46 UTC", "24 Nov 11:01 UTC", "25 Nov 11:41 UTC"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := visible(renderAt(t, c.state, c.now))
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("the card has no %q:\n%s", want, text)
				}
			}
			if c.not != "" && strings.Contains(text, c.not) {
				t.Errorf("the card has %q:\n%s", c.not, text)
			}
		})
	}
}

func render(t testing.TB, s incident.State) string {
	t.Helper()
	return renderAt(t, s, lastly(s))
}

func renderAt(t testing.TB, s incident.State, now time.Time) string {
	t.Helper()
	v := view(t)
	v.Now = now
	body, err := card.Render(s, 7, v, keys[0])
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func visible(body string) string {
	v, _, _ := strings.Cut(body, "\n\n"+card.Marker)
	return v
}

func TestCardsAsPeopleReadThem(t *testing.T) {
	for name, state := range states(t) {
		got := visible(render(t, state)) + "\n"
		golden := "testdata/" + name + ".md"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s changed; go test ./app/card -update renews it:\n%s", name, diff)
		}
	}
}

// CARD.md's rules that hold in every state.
func TestCardsKeepTheRules(t *testing.T) {
	emoji := regexp.MustCompile(`[\x{1F300}-\x{1FAFF}\x{26AA}\x{26AB}]`)
	for name, state := range states(t) {
		text := visible(render(t, state))
		first, _, _ := strings.Cut(text, "\n")
		if n := len(emoji.FindAllString(text, -1)); n != 1 || !emoji.MatchString(first) {
			t.Errorf("%s has %d emoji, one is allowed, in the first line: %s", name, n, first)
		}
		if n := strings.Count(text, "> [!"); n > 1 {
			t.Errorf("%s has %d boxes", name, n)
		}
		if regexp.MustCompile("(?m)(^|[^`\\w])@[a-z]").MatchString(regexp.MustCompile("`[^`]*`").ReplaceAllString(text, "")) {
			t.Errorf("%s mentions somebody:\n%s", name, text)
		}
		if n := strings.Count(text, "\n- `/"); n > 4 {
			t.Errorf("%s proposes %d commands", name, n)
		}
		for _, bad := range []string{"0001", "<no value>", "****", "%!", "\n\n\n", "  ", " ·  ", "· ·", "()", "|  |"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s holds %q:\n%s", name, bad, text)
			}
		}
	}
}

func TestOpenGivesWhatWasRendered(t *testing.T) {
	for name, state := range states(t) {
		s, seq, err := card.Open(render(t, state), ref, keys)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(state, s, cmpopts.EquateEmpty()); diff != "" || seq != 7 {
			t.Errorf("%s, seq %d:\n%s", name, seq, diff)
		}
	}
}

func TestOpenBelievesNothingElse(t *testing.T) {
	body := render(t, investigated(t).state)
	for name, c := range map[string]struct {
		body string
		ref  incident.Ref
		keys [][]byte
		want error
	}{
		"no card":                 {"**P1** no block", ref, keys, card.ErrNone},
		"empty":                   {"", ref, keys, card.ErrNone},
		"visible text edited":     {strings.Replace(body, "carol", "mallory", 1), ref, keys, card.ErrForged},
		"a check ticked":          {strings.Replace(body, "- [ ] the cause", "- [x] the cause", 1), ref, keys, card.ErrForged},
		"state edited":            {strings.Replace(body, `"ic":"carol"`, `"ic":"mallory"`, 1), ref, keys, card.ErrForged},
		"earlier card's place":    {strings.Replace(body, `{"seq":7,`, `{"seq":8,`, 1), ref, keys, card.ErrForged},
		"signature edited":        {strings.Replace(body, " -->", "0 -->", 1), ref, keys, card.ErrForged},
		"signature gone":          {regexp.MustCompile(` [0-9a-f]{64} -->`).ReplaceAllString(body, " -->"), ref, keys, card.ErrForged},
		"cut":                     {body[:len(body)-20], ref, keys, card.ErrForged},
		"visible part gone":       {body[strings.Index(body, card.Marker):], ref, keys, card.ErrForged},
		"something after it":      {body + "and more", ref, keys, card.ErrForged},
		"something before it":     {"more\n" + body, ref, keys, card.ErrForged},
		"two cards":               {body + "\n" + body, ref, keys, card.ErrForged},
		"another version":         {strings.Replace(body, "firebreak:card v1", "firebreak:card v2", 1), ref, keys, card.ErrForged},
		"another issue":           {body, incident.Ref{Owner: "acme", Repo: "incidents", Number: 13}, keys, card.ErrForged},
		"another repository":      {body, incident.Ref{Owner: "acme", Repo: "incidents2", Number: 12}, keys, card.ErrForged},
		"another key":             {body, ref, card.Keys([][]byte{[]byte("other")}), card.ErrForged},
		"no key":                  {body, ref, nil, card.ErrForged},
		"an empty key":            {body, ref, [][]byte{{}}, card.ErrForged},
		"a key that was replaced": {body, ref, [][]byte{card.Keys([][]byte{[]byte("new")})[0], keys[0]}, nil},
		"capitals of the name":    {body, incident.Ref{Owner: "Acme", Repo: "Incidents", Number: 12}, keys, nil},
		"line ends of a browser":  {strings.ReplaceAll(body, "\n", "\r\n"), ref, keys, nil},
		"white space around":      {"\n" + strings.TrimSpace(body) + " \n\n", ref, keys, nil},
	} {
		s, _, err := card.Open(c.body, c.ref, c.keys)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if err != nil && s.Declared != nil {
			t.Errorf("%s: an error with a state", name)
		}
	}
}

func TestKeys(t *testing.T) {
	if len(keys) != 2 || len(keys[0]) != 32 || string(keys[0]) == string(keys[1]) || string(keys[0]) == "secret" {
		t.Errorf("keys %x", keys)
	}
	if got := card.Keys([][]byte{nil, []byte("secret"), {}}); len(got) != 1 || string(got[0]) != string(keys[0]) {
		t.Errorf("an empty secret returns a key: %x", got)
	}
	if _, err := card.Render(incident.State{}, 1, view(t), nil); err == nil {
		t.Error("a card without a key was written")
	}
}

func TestACardStaysWithinWhatGitHubTakes(t *testing.T) {
	long := fixing(t).state
	for i := range 10_000 {
		at := start.Add(time.Duration(i) * time.Second)
		long.Timeline = append(long.Timeline, incident.Entry{At: at, By: "alice", Kind: "finding", Ref: fmt.Sprintf("c%d.0", i), What: strings.Repeat("<", 30)})
		long.Paging.Pages = append(long.Paging.Pages, incident.Page{Key: fmt.Sprint("page/", i), At: at, To: []string{strings.Repeat("t", 90)}, Failed: strings.Repeat("<&>", 100)})
		long.Phases = append(long.Phases, incident.Span{Phase: incident.Fixing, From: at, To: at})
		long.Pinned = append(long.Pinned, int64(i))
	}
	long.Entries = 10_000
	for i := range 100 {
		long.Customers = append(long.Customers, fmt.Sprint("customer-", i))
		long.OEs = append(long.OEs, fmt.Sprint("person-", i))
		long.FollowUps = append(long.FollowUps, incident.FollowUp{Stamp: incident.Stamp{By: "alice", At: start, ID: fmt.Sprint("c", i)}, Repo: "acme/platform"})
	}
	body := render(t, long)
	if len(body) > card.MaxLength {
		t.Errorf("%d bytes", len(body))
	}
	s, _, err := card.Open(body, ref, keys)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.FollowUps) != 101 || s.Entries != 10_000 || len(s.OEs) != 101 || len(s.Timeline) == 0 || s.Timeline[len(s.Timeline)-1].Ref != "c9999.0" {
		t.Errorf("lost more than the old: %d follow-ups, %d entries of %d, %d people", len(s.FollowUps), len(s.Timeline), s.Entries, len(s.OEs))
	}
	if len(long.Timeline) != 10_000+len(fixing(t).state.Timeline) {
		t.Error("rendering changed the state that it was given")
	}
	for range 3000 {
		long.FollowUps = append(long.FollowUps, long.FollowUps[0])
	}
	if _, err := card.Render(long, 1, view(t), keys[0]); err == nil || !strings.Contains(err.Error(), "acme/incidents#12") {
		t.Errorf("what can't fit must say so: %v", err)
	}
}

func TestThePersonsWordsInACardAreInert(t *testing.T) {
	evil := "<img src=x>@carol --> #12 [x](https://evil.example) | `"
	s := fixing(t).state
	s.Customers = []string{evil, "globex"}
	s.IC, s.OEs, s.Handover, s.Severity, s.Source = evil, []string{evil}, evil, evil, evil
	s.Updates.Unsent, s.Unplaced = []string{evil}, []string{evil}
	s.Timeline = append(s.Timeline, incident.Entry{At: start, By: evil, Kind: evil, What: evil}, incident.Entry{At: start, Kind: "customer", What: evil})
	s.Paging.Pages = []incident.Page{{To: []string{evil}, Why: evil, Failed: evil}}
	s.FollowUps = append(s.FollowUps, incident.FollowUp{Repo: evil, Owner: evil, Due: evil, Ticket: evil})
	s.Updates.Shared = []incident.Shared{{Customer: "globex", Issue: evil}}
	body := render(t, s)
	text := visible(body)
	for _, bad := range []string{"<img", "@carol", "(https://evil", "--> #12"} {
		if strings.Contains(regexp.MustCompile("`[^`]*`").ReplaceAllString(text, ""), bad) {
			t.Errorf("%q acts in\n%s", bad, text)
		}
	}
	if strings.Count(body, "-->") != 1+strings.Count(body, "<!-- tap ") || strings.Count(body, card.Marker) != 1 {
		t.Error("the hidden block can be ended early")
	}
	if got, _, err := card.Open(body, ref, keys); err != nil || got.Handover != evil {
		t.Errorf("%v, %q", err, got.Handover)
	}
}

// states of any kind, whether or not the core can reach them.
func anyState() *rapid.Generator[incident.State] {
	at := rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(1, 4e9).Draw(t, "at"), 0).UTC()
	})
	word := rapid.SampledFrom([]string{"", "carol", "alice", "globex", "critical", "regular", "-->", "<!-- firebreak:card v1 {} -->", "\n\n", "@x", "é", "acme/platform#7", "-globex", "15m0s"})
	return rapid.Custom(func(t *rapid.T) incident.State {
		stamp := rapid.Custom(func(t *rapid.T) incident.Stamp {
			return incident.Stamp{By: word.Draw(t, "by"), At: at.Draw(t, "at"), ID: rapid.SampledFrom([]string{"", "c12.0", "e9", "c"}).Draw(t, "id")}
		})
		maybe := func(name string) *incident.Stamp {
			if !rapid.Bool().Draw(t, name) {
				return nil
			}
			s := stamp.Draw(t, name)
			return &s
		}
		list := func(name string) []string { return rapid.SliceOfN(word, 0, 4).Draw(t, name) }
		kinds := []string{"customer", "declared", "page", "phase", "ic", "oe", "left", "snooze", "pinned", "followup", "finding", "?"}
		return incident.State{
			Declared: maybe("declared"), Responder: rapid.Bool().Draw(t, "responder"), Source: word.Draw(t, "source"), Claimed: word.Draw(t, "claimed"),
			Severity: word.Draw(t, "severity"), Confirmed: maybe("confirmed"), Customers: list("customers"), Drill: rapid.Bool().Draw(t, "drill"),
			Phase: rapid.SampledFrom(append([]incident.Phase{""}, incident.Phases...)).Draw(t, "phase"), Since: stamp.Draw(t, "since"),
			Alone: maybe("alone"), Regressions: rapid.IntRange(0, 3).Draw(t, "regressions"), Closed: maybe("closed"),
			Outcome:   rapid.SampledFrom([]incident.Outcome{"", incident.Declined, incident.Duplicated}).Draw(t, "outcome"),
			Duplicate: rapid.IntRange(0, 9).Draw(t, "duplicate"), IC: word.Draw(t, "ic"), Handover: word.Draw(t, "handover"), OEs: list("oes"),
			Unplaced: list("unplaced"), Cause: maybe("cause"), Workaround: maybe("workaround"), Fix: maybe("fix"), Agreed: maybe("agreed"),
			FollowUps: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) incident.FollowUp {
				return incident.FollowUp{Stamp: stamp.Draw(t, "stamp"), Repo: word.Draw(t, "repo"), Owner: word.Draw(t, "owner"), Auto: rapid.Bool().Draw(t, "auto"), Ticket: word.Draw(t, "ticket")}
			}), 0, 3).Draw(t, "followups"),
			Findings: rapid.IntRange(0, 5).Draw(t, "findings"), Entries: rapid.IntRange(0, 50).Draw(t, "entries"),
			Timeline: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) incident.Entry {
				return incident.Entry{At: at.Draw(t, "at"), By: word.Draw(t, "by"), Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Ref: "c3.1", What: word.Draw(t, "what")}
			}), 0, 6).Draw(t, "timeline"),
			Updates: incident.Updates{Due: at.Draw(t, "due"), From: at.Draw(t, "from"), Stage: rapid.IntRange(0, 3).Draw(t, "stage"), Kept: rapid.IntRange(0, 9).Draw(t, "kept"),
				Longest: time.Duration(rapid.Int64Range(0, 1e14).Draw(t, "longest")), Overdue: rapid.Bool().Draw(t, "overdue"), Unsent: list("unsent")},
			Paging: incident.Paging{Pages: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) incident.Page {
				return incident.Page{Key: "page/1", At: at.Draw(t, "at"), To: list("to"), Why: word.Draw(t, "why"), Failed: word.Draw(t, "failed")}
			}), 0, 8).Draw(t, "pages"), Sent: 3, Step: rapid.IntRange(0, 9).Draw(t, "step"), Next: at.Draw(t, "next"), Answered: maybe("answered"), GaveUp: rapid.Bool().Draw(t, "gaveUp")},
			StandBy:  incident.StandBy{Ends: at.Draw(t, "ends"), Asked: rapid.Bool().Draw(t, "asked")},
			Document: incident.Pull{Number: rapid.IntRange(0, 9).Draw(t, "number"), Merged: maybe("merged"), IsClosed: rapid.Bool().Draw(t, "shut")},
			Cursor:   incident.Cursor{Items: 3, Horizon: at.Draw(t, "horizon"), Seen: []incident.Seen{{ID: "c1", At: at.Draw(t, "seen")}}},
		}
	})
}

func TestOpenGivesBackEveryState(t *testing.T) {
	v := view(t)
	rapid.Check(t, func(t *rapid.T) {
		s := anyState().Draw(t, "state")
		seq := rapid.IntRange(0, 1e9).Draw(t, "seq")
		if rapid.Bool().Draw(t, "plain") {
			v.URL = ""
		}
		body, err := card.Render(s, seq, v, keys[1])
		if err != nil {
			t.Fatal(err)
		}
		again, _ := card.Render(s, seq, v, keys[1])
		if body != again {
			t.Fatalf("rendered twice, two cards:\n%s", cmp.Diff(body, again))
		}
		got, n, err := card.Open(body, ref, keys)
		if err != nil || n != seq {
			t.Fatalf("seq %d: %v in\n%s", n, err, body)
		}
		if diff := cmp.Diff(s, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		if len(body) > card.MaxLength {
			t.Fatalf("%d bytes", len(body))
		}
	})
}

// FuzzOpen: nothing but what a key of ours signed is believed, and nothing makes it panic.
func FuzzOpen(f *testing.F) {
	body, err := card.Render(investigated(f).state, 7, view(f), keys[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add("x\n\n" + card.Marker + " v1 {} 00 -->")
	f.Add("\n\n" + card.Marker + " v1  -->")
	f.Fuzz(func(t *testing.T, text string) {
		s, _, err := card.Open(text, ref, keys)
		if err == nil && strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")) != strings.TrimSpace(body) {
			t.Fatalf("believed %q: %+v", text, s)
		}
	})
}
