package incident

import "fmt"

// signalled takes what a source says of an incident that is open: it counts, asks, and never closes anything (I6).
func (r *run) signalled(s Signalled) {
	was := r.Signals
	if s.Text != "" { // somebody wrote: that is no repetition but news
		r.record("message", s.Source, s.Text)
		r.do(Remind{Key: "message/" + s.Mark, At: r.f.At, Say: Say{Name: "message", Line: s.Source, Reason: s.Text, Names: s.Names}})
		return
	}
	r.Signals = Signals{Count: was.Count, Last: r.f.At, Firing: s.Firing}
	if s.Firing {
		r.Signals.Count += s.Count
	}
	role := "fired"
	if !s.Firing {
		role = "recovered"
	}
	if s.Firing != was.Firing || was.Count == 0 {
		r.record(role, s.Source, "")
	}
	r.do(Remind{Key: fmt.Sprintf("signals/%d/%s/%d", r.Signals.Count, role, r.f.At.Unix()), Topic: "signals", Edit: true, At: r.f.At, Say: Say{
		Name: "signals", Line: s.Source, Role: role, Count: r.Signals.Count, Time: r.f.At}})
	holder, _ := r.Coordinator()
	switch {
	case r.Phase == Monitoring && s.Firing && !was.Firing, r.Phase == Monitoring && s.Firing && was.Last.Before(r.Since.At):
		// M3, with a person's word: an alert alone does not know whether it is the same trouble.
		r.do(Remind{Key: fmt.Sprintf("again/%d", r.f.At.Unix()), Topic: "signal", At: r.f.At, Say: Say{
			Name: "fires-again", Who: holder, Line: s.Source, Phase: r.Phase, Command: "/oe regression what you see"}})
	case s.Firing && !was.Firing && was.Count > 0: // the question whether it is over is answered, and nobody needs to be woken
		r.do(Remind{Key: fmt.Sprintf("again/%d", r.f.At.Unix()), Topic: "signal", At: r.f.At, Say: Say{Name: "fires-again", Line: s.Source, Phase: r.Phase}})
	case !s.Firing && was.Firing:
		r.do(Remind{Key: fmt.Sprintf("recovered/%d", r.f.At.Unix()), Topic: "signal", At: r.f.At, Say: Say{
			Name: "recovered", Who: holder, Line: s.Source, Phase: r.Phase}})
	}
}

// pageUnconfirmed walks the escalation before anybody confirmed the severity, where the configuration says so for what the
// source reports. The first step may be out already: people are paged before GitHub is asked.
func (r *run) pageUnconfirmed(paged bool) {
	r.startPaging()
	if !paged || r.Paging.Next.IsZero() {
		return
	}
	step := r.p.Escalation[0]
	r.Paging.Sent = 1
	r.Paging.Pages = []Page{{Key: "page/1", At: r.f.At, To: step.To, By: r.by(step.By), Why: "team"}}
	r.record("page", list(step.To), "")
	r.stepDone()
}
