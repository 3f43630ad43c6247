package incident

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The commands of this file.
const (
	Agree      Kind = "agree"
	Regression Kind = "regression"
)

var _ = register(Row{
	Kind: Agree, Verbs: []string{VerbIC}, Word: "agree",
	Usage: "/ic agree who and how", Does: "record that the customer agrees that it is over",
	Example: "/ic agree Gina, by phone", Who: HolderIC, Place: 320, IsCorrectable: true,
}, parseText("add who agreed, and how"), (*run).recordAgreement)

var _ = register(Row{
	Kind: Regression, Verbs: []string{VerbOE}, Word: "regression",
	Usage: "/oe regression text", Does: "it came back: investigate again",
	Example: "/oe regression 502 again", Who: Holder, Place: 480, AfterClosing: true, IsCorrectable: true,
}, parseText("add what came back"), (*run).reportRegression)

// reportRegression acts on the word that it came back (M3). What was never mended can't come back;
// and what somebody adds to a reportRegression that is known is a finding, so that nobody is called
// twice and it counts once.
func (r *run) reportRegression(c Command) {
	switch {
	case r.isMended() || r.Regressions == 0 && r.wasWatched():
		r.returnToInvestigate(c.Text)
		r.summonRoles("again", c.Text, false)
		r.done()
	case r.Regressions > 0:
		r.Findings++
		r.record("finding", "", c.Text)
		r.done()
	default:
		r.react(Unclear)
		r.reply(Say{Name: "regression-early", Command: "/oe finding …", Try: []string{"/incident note …"}})
	}
}

// isMended reports whether something is in place that can fail again, or was until somebody saw it
// return: a workaround or a fix, or the incident was watched or over.
func (s State) isMended() bool {
	return s.Workaround != nil || s.Fix != nil || s.Closed != nil || s.Phase == Monitoring || s.Phase == Closing
}

// wasWatched reports whether the incident has been in monitoring or closing before.
func (s State) wasWatched() bool {
	return slices.ContainsFunc(s.Phases, func(p Span) bool { return p.Phase == Monitoring || p.Phase == Closing })
}

// returnToInvestigate is M3: it came back.
func (r *run) returnToInvestigate(text string) {
	r.Closed = nil
	r.Regressions++
	r.Agreed, r.Workaround, r.Fix = nil, nil, nil
	r.record("regression", "", text)
	if r.Phase != Investigate {
		r.enterPhase(Investigate)
	}
	r.StandBy = StandBy{}
	if r.Critical(r.p) {
		r.startUpdates()
		if len(r.Customers) > 0 {
			r.StandBy.Update = r.f.At.Add(r.p.AskUpdate)
		}
	}
}

// comeBack takes an incident back to investigate because its source reports the trouble again (M3),
// at the time of the report. The comment that says so brings it back when the timeline is read
// again, so it has no topic: none takes its place.
func (r *run) comeBack(source string, at time.Time) {
	f := r.f
	defer func() { r.f = f }()
	r.f = Fact{At: at.Truncate(time.Second)}
	if r.f.At.Before(r.Since.At) {
		r.f.At = r.Since.At // it was said before, and heard after, the phase was entered
	}
	r.returnToInvestigate("")
	people := r.summonRoles("again", "", true)
	say := Say{Name: "came-back", Names: people, Line: source, Phase: r.Phase}
	if len(people) == 0 {
		say.Who, _ = r.Coordinator()
	}
	r.emit(Remind{Key: fmt.Sprintf("regression/%d/%s", at.Unix(), url.PathEscape(source)), At: r.f.At, Say: say})
}

// ParseCameBack reads what a comment says of a trouble that came back: regression/1772447000/Alertmanager.
func ParseCameBack(key string) (CameBack, bool) {
	rest, ok := strings.CutPrefix(key, "regression/")
	stamp, name, cut := strings.Cut(rest, "/")
	var unix int64
	_, err := fmt.Sscanf(stamp, "%d", &unix)
	source, err2 := url.PathUnescape(name)
	return CameBack{Source: source, At: time.Unix(unix, 0).UTC()}, ok && cut && err == nil && err2 == nil
}

// recordAgreement records that the customer agrees that it is over (C1). That needs something to
// agree on: the incident is watched, or closing.
func (r *run) recordAgreement(c Command) {
	if r.Phase != Monitoring && r.Phase != Closing {
		r.refuse(Say{Name: "agree-early", Phase: Monitoring, Command: r.towards(Monitoring, r.p)})
		return
	}
	r.Agreed = r.stampedText(c.Text)
	r.record("agreed", "", c.Text)
	r.done()
}

// nextCheckIn returns the next check-in of the stand-by: in working hours, and before its end, or never.
func (r *run) nextCheckIn() time.Time {
	at := r.p.Hours.Next(r.f.At.Add(r.p.CheckIn), r.p.Zone)
	if !at.Before(r.StandBy.Ends) {
		return time.Time{}
	}
	return at
}

// checkIn is M2's question, every 8 hours of stand-by.
func (r *run) checkIn() {
	r.StandBy.Checks++
	r.StandBy.CheckIn = r.nextCheckIn()
	holder, _ := r.Coordinator()
	r.emit(Remind{Key: fmt.Sprintf("check-in/%d", r.f.At.Unix()), At: r.f.At, Say: Say{
		Name: "check-in", Who: holder, Time: r.StandBy.Ends, Count: r.StandBy.Checks,
		Try: []string{"/oe regression …", "/ic agree …"}}})
}

// standByOver asks for the customer's agreement at the end of stand-by.
func (r *run) standByOver() {
	r.StandBy.Asked = true
	if r.Agreed != nil {
		return
	}
	holder, _ := r.Coordinator()
	say := Say{Name: "stand-by-over", Who: holder, Names: r.Customers, Command: "/ic agree …"}
	if r.NothingToTell() {
		say.Variant, say.Command = "none", "/ic close"
	}
	r.emit(Remind{Key: fmt.Sprintf("stand-by/%d", r.StandBy.Ends.Unix()), At: r.f.At, Say: say})
}
