package incident_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// says is one report that comes so many seconds after the incident was opened by the report "a".
func says(mark, id string, seconds int, firing bool) incident.Signalled {
	return incident.Signalled{Source: "Alertmanager", Firing: firing, Count: 1, Report: incident.Report{Mark: mark, ID: id, At: firstSaid.Unix() + int64(seconds)}}
}

var firstSaid = time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)

func reportedIncident(t *testing.T) incident.State {
	t.Helper()
	s, _ := incident.Step(incident.State{}, incident.Fact{ID: "opened", At: firstSaid, By: incident.Person{Login: "firebreak[bot]", Bot: true},
		What: incident.Opened{Source: "Alertmanager", Summary: true, Signal: true, Count: 3, Report: incident.Report{Mark: "a", ID: "1", At: firstSaid.Unix()}}}, incident.DefaultPolicy())
	return s
}

// A report that is handed out again, or that its source sends again because the answer was lost, is
// not counted twice.
func TestA4I6AReportIsCountedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		said []incident.Signalled
		want int
	}{
		"the opening report handed out again":     {[]incident.Signalled{says("a", "1", 0, true)}, 3},
		"its source tries again":                  {[]incident.Signalled{says("a", "2", 20, true)}, 3},
		"it says the same again later":            {[]incident.Signalled{says("a", "2", 60, true)}, 4},
		"another alert of the group":              {[]incident.Signalled{says("b", "2", 1, true)}, 4},
		"another, handed out again":               {[]incident.Signalled{says("b", "2", 1, true), says("b", "2", 1, true)}, 4},
		"handed out again behind a later one":     {[]incident.Signalled{says("b", "2", 1, true), says("c", "3", 2, true), says("b", "2", 1, true), says("c", "3", 2, true)}, 5},
		"it recovers and fires again at once":     {[]incident.Signalled{says("r", "2", 1, false), says("a", "3", 2, true)}, 4},
		"without a name, as before there was one": {[]incident.Signalled{{Firing: true, Count: 1}, {Firing: true, Count: 1}}, 5},
	} {
		s := reportedIncident(t)
		for i, said := range c.said {
			s, _ = incident.Step(s, incident.Fact{At: firstSaid.Add(time.Duration(61+i) * time.Second), What: said}, incident.DefaultPolicy())
		}
		if s.Signals.Count != c.want {
			t.Errorf("%s: counted %d, want %d", name, s.Signals.Count, c.want)
		}
	}
}

// A letter that comes again, however late, is not news.
func TestA4I1ALetterIsTakenOnce(t *testing.T) {
	s := reportedIncident(t)
	mail := incident.Signalled{Source: "Email", Text: "Any news?", Firing: true, Count: 1, Report: incident.Report{Mark: "m", ID: "9", At: firstSaid.Unix() + 60}}
	told := 0
	for i := range 3 {
		mail.Report.ID, mail.Report.At = string(rune('0'+i)), mail.Report.At+3600
		var effects []incident.Effect
		s, effects = incident.Step(s, incident.Fact{At: firstSaid.Add(time.Duration(i+1) * time.Hour), What: mail}, incident.DefaultPolicy())
		for _, e := range effects {
			if r, ok := e.(incident.Remind); ok && r.Say.Name == "message" {
				told++
			}
		}
	}
	if told != 1 {
		t.Errorf("the letter is told %d times", told)
	}
}

// What the comment on the reports says is enough to have them back, every turn included: a lost
// card loses no recovery.
func TestA5I6TheReportsAreRebuiltFromTheirComment(t *testing.T) {
	s := reportedIncident(t)
	key := ""
	for i, said := range []incident.Signalled{says("b", "2", 70, true), says("r", "3", 140, false), says("a", "4", 210, true), says("r", "5", 280, false)} {
		var effects []incident.Effect
		s, effects = incident.Step(s, incident.Fact{At: firstSaid.Add(time.Duration(70*(i+1)) * time.Second), What: said}, incident.DefaultPolicy())
		for _, e := range effects {
			if r, ok := e.(incident.Remind); ok && incident.TopicOf(r.Key) == "signals" {
				key = r.Key
			}
		}
	}
	read, ok := incident.ParseSignals(key)
	if !ok {
		t.Fatalf("%q can't be read", key)
	}
	again := reportedIncident(t)
	for range 2 { // it is told once, however often it is read
		again, _ = incident.Step(again, incident.Fact{ID: "c5.0", At: firstSaid.Add(time.Minute), What: incident.Counted(read)}, incident.DefaultPolicy())
		again, _ = incident.Step(again, incident.Fact{ID: "c5.1", At: firstSaid.Add(time.Minute), What: incident.Counted(read)}, incident.DefaultPolicy())
	}
	if d := cmp.Diff(s.Signals, again.Signals); d != "" || again.Signals.Firing || again.Signals.Count != 5 {
		t.Errorf("rebuilt (-want +got):\n%s", d)
	}
	if d := cmp.Diff(s.Timeline, again.Timeline); d != "" {
		t.Errorf("the timeline (-want +got):\n%s", d)
	}
}
