package incident

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How much is kept of what sources said.
const (
	keptTurns   = 12
	keptReports = 8
	keptMails   = 20
)

// signalled takes what a source says of an incident that is open: it counts, asks, and never closes
// anything (I6).
func (r *run) signalled(s Signalled) {
	if r.Signals.hasTaken(s.Report, s.Text != "") {
		return
	}
	r.Signals.remember(s.Report)
	was := r.Signals
	at := r.f.At
	if s.Report.At != 0 { // when it came, so that handed out again it is the same
		at = time.Unix(s.Report.At, 0).UTC()
	}
	if s.Text != "" { // somebody wrote: that isn't a repetition but news
		r.recordMessage(s)
		return
	}
	r.Signals.Last, r.Signals.Firing = at, s.Firing
	if s.Firing {
		r.Signals.Count += s.Count
	}
	if s.Firing != was.Firing || was.Count == 0 {
		r.recordTurn(at, s.Firing, s.Source)
	}
	r.emit(Remind{Key: r.Signals.encode(), Edit: true, At: r.f.At, Say: Say{
		Name: "signals", Line: s.Source, Variant: firingName(s.Firing), Count: r.Signals.Count, Time: at}})
	r.reportNews(s)
	holder, _ := r.Coordinator()
	switch {
	case r.Phase == Monitoring && s.Firing && at.Before(r.Since.At):
		// It waited, as for GitHub, while somebody began to watch: what fired before has not come back.
	case r.Phase == Monitoring && s.Firing && (!was.Firing || was.Last.Before(r.Since.At)):
		r.comeBack(s.Source, at)
	case s.Firing && !was.Firing && was.Count > 0:
		// the question whether it is over is answered, and nobody needs to be woken
		r.emit(Remind{Key: fmt.Sprintf("again/%d", at.Unix()), At: r.f.At,
			Say: Say{Name: "fires-again", Line: s.Source, Phase: r.Phase}})
	case !s.Firing && was.Firing:
		r.emit(Remind{Key: fmt.Sprintf("recovered/%d", at.Unix()), At: r.f.At, Say: Say{
			Name: "recovered", Who: holder, Line: s.Source, Phase: r.Phase, Try: r.ifOver()}})
	}
}

// ifOver lists the commands for an incident that may be over. Those that would be refused now are not shown.
func (r *run) ifOver() []string {
	switch {
	case r.Phase == Monitoring:
		return []string{"/ic agree …", "/ic close"}
	case r.Workaround != nil || r.Fix != nil:
		return []string{"/ic phase monitoring", "/incident decline …"}
	}
	return []string{"/oe workaround …", "/oe fix …", "/incident decline …"}
}

// recordMessage takes what somebody outside wrote. The coordinator is mentioned where a customer
// wrote (V6), and once the incident is over, as nobody reads along then.
func (r *run) recordMessage(s Signalled) {
	r.Signals.rememberMail(s.Report)
	r.record("message", s.Source, s.Text)
	r.addLinks(s.Links)
	r.claimSeverity(s.Severity, s.Page, s.Paged)
	say := Say{Name: "message", Line: s.Source, Reason: s.Text, Names: s.Names, Links: s.Links,
		Holder: s.From, Trust: s.Trust, Lines: s.Of}
	isCustomer := len(s.Of) > 0 && !s.Auto
	if isCustomer || r.Closed != nil {
		say.Who, _ = r.Coordinator()
	}
	if isCustomer {
		r.noteAnswer(Answered{Customer: s.Of[0], By: s.From, At: r.f.At, Text: beginningOf(s.Text)})
	}
	r.emit(Remind{Key: messageKey(s), At: r.f.At, Say: say})
}

// recordTurn writes down that a trouble recovered or fires again.
func (r *run) recordTurn(at time.Time, firing bool, source string) {
	r.Signals.Turns = keepNewest(append(r.Signals.Turns, at.Unix()), keptTurns)
	r.recordAt(Entry{At: at, Kind: firingName(firing), What: source})
}

func firingName(firing bool) string {
	if firing {
		return "fired"
	}
	return "recovered"
}

// restoreSignals takes what a comment of the app's own says of the reports, which a lost card knew.
func (r *run) restoreSignals(c Signals) {
	if !c.Last.After(r.Signals.Last) && c.Count <= r.Signals.Count && len(c.Turns) <= len(r.Signals.Turns) {
		return
	}
	firing := c.Firing == (len(c.Turns)%2 == 0) // as it was before the first turn
	for _, t := range c.Turns {
		firing = !firing
		if !slices.Contains(r.Signals.Turns, t) {
			r.recordTurn(time.Unix(t, 0).UTC(), firing, r.Source)
		}
	}
	r.Signals.Count, r.Signals.Last, r.Signals.Firing = c.Count, c.Last, c.Firing
	for _, report := range c.Taken {
		r.Signals.remember(report)
	}
}

// remember remembers a report.
func (s *Signals) remember(r Report) {
	if r.Mark != "" && !slices.Contains(s.Taken, r) {
		s.Taken = keepNewest(append(s.Taken, r), keptReports)
	}
}

// rememberMail remembers a mail, so that an answer to it finds the incident.
func (s *Signals) rememberMail(r Report) {
	if r.Mark != "" && !slices.Contains(s.Mails, r.Mark) {
		s.Mails = keepNewest(append(s.Mails, r.Mark), keptMails)
	}
}

// hasTaken reports whether a report was taken before: it is handed out again, or the source got no
// answer and tries again at once. A letter says nothing new however late it comes again.
func (s Signals) hasTaken(r Report, letter bool) bool {
	if r.Mark == "" {
		return false
	}
	if slices.ContainsFunc(s.Taken, func(t Report) bool { return t == r || letter && t.Mark == r.Mark }) {
		return true
	}
	n := len(s.Taken)
	return n > 0 && s.Taken[n-1].Mark == r.Mark && time.Unix(r.At, 0).Sub(time.Unix(s.Taken[n-1].At, 0)).Abs() < retry
}

// String returns the mark, the id and the time, for the hidden part of a comment.
func (r Report) String() string { return fmt.Sprintf("%s.%s.%d", r.Mark, r.ID, r.At) }

// ParseReport reads what String wrote.
func ParseReport(s string) (Report, bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return Report{}, false
	}
	at, err := strconv.ParseInt(parts[2], 10, 64)
	return Report{Mark: parts[0], ID: parts[1], At: at}, err == nil
}

// encode writes the reports for the comment that reports them:
// signals/14/fired/1772447000/1772446000,1772446500/3f9a.XKQM.1772447000.
func (s Signals) encode() string {
	var turns, taken []string
	for _, t := range s.Turns {
		turns = append(turns, strconv.FormatInt(t, 10))
	}
	for _, t := range s.Taken {
		taken = append(taken, t.String())
	}
	return fmt.Sprintf("signals/%d/%s/%d/%s/%s", s.Count, firingName(s.Firing), s.Last.Unix(),
		strings.Join(turns, ","), strings.Join(taken, ","))
}

// ParseSignals reads what a comment says of the reports.
func ParseSignals(key string) (s Signals, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) < 4 || parts[0] != "signals" {
		return s, false
	}
	n, err1 := strconv.Atoi(parts[1])
	at, err2 := strconv.ParseInt(parts[3], 10, 64)
	s = Signals{Count: n, Firing: parts[2] == firingName(true), Last: time.Unix(at, 0).UTC()}
	for _, list := range parts[4:] {
		for item := range strings.SplitSeq(list, ",") {
			if report, ok := ParseReport(item); ok {
				s.Taken = append(s.Taken, report)
			} else if t, err := strconv.ParseInt(item, 10, 64); err == nil {
				s.Turns = append(s.Turns, t)
			}
		}
	}
	return s, err1 == nil && err2 == nil
}
