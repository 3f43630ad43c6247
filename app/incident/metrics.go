package incident

import (
	"slices"
	"time"
)

// Firsts are the moments that no other part of a state keeps, or that later events overwrite there.
// Figures are counted from and to them.
type Firsts struct {
	Paged     time.Time `json:"paged,omitzero"`     // first page for a coordinator (I4)
	Answered  time.Time `json:"answered,omitzero"`  // first answer to the call for somebody (I5)
	Confirmed time.Time `json:"confirmed,omitzero"` // first confirmed severity (I3)
	Critical  time.Time `json:"critical,omitzero"`  // first confirmed severity that is critical (I3)
	Team      time.Time `json:"team,omitzero"`      // first IC and OE who differ, once critical (V1)
	// first workaround, fix or watch since the last regression
	Mitigated time.Time `json:"mitigated,omitzero"`
}

// noteFirsts notes what is so for the first time after a fact.
func (r *run) noteFirsts() {
	f := &r.Firsts
	first := func(at *time.Time, is bool) {
		if is && at.IsZero() {
			*at = r.f.At
		}
	}
	if i := slices.IndexFunc(r.Paging.Pages, func(p Page) bool { return p.Why == "team" }); i >= 0 && f.Paged.IsZero() {
		f.Paged = r.Paging.Pages[i].At
	}
	here := r.IC != "" || r.Paging.Answered != nil
	if r.Responder { // who declares it is there already; somebody else is called by the page
		first(&f.Answered, here && !f.Paged.IsZero())
	} else {
		first(&f.Answered, here || len(r.OEs) > 0 || r.Confirmed != nil)
	}
	first(&f.Confirmed, r.Confirmed != nil)
	first(&f.Critical, r.Critical(r.p))
	first(&f.Team, r.Critical(r.p) && r.IC != "" && len(withoutLogin(r.OEs, r.IC)) > 0)
	mitigated := r.Workaround != nil || r.Fix != nil || r.Phase == Monitoring || r.Phase == Closing
	first(&f.Mitigated, mitigated)
	if !mitigated {
		f.Mitigated = time.Time{}
	}
}

// Figure names one figure of an incident. Names are stable: reports in JSON and CSV use them.
type Figure string

// The figures; Definitions says what each is.
const (
	ToDeclare        Figure = "declare"
	ToAcknowledge    Figure = "acknowledge"
	ToConfirm        Figure = "confirm"
	ToTeam           Figure = "team"
	ToMitigate       Figure = "mitigate"
	ToResolve        Figure = "resolve"
	InIdentify       Figure = "phase_identify"
	InInvestigate    Figure = "phase_investigate"
	InFixing         Figure = "phase_fixing"
	InMonitoring     Figure = "phase_monitoring"
	OnStandBy        Figure = "stand_by"
	LongestSilence   Figure = "longest_silence"
	ToPostmortem     Figure = "postmortem"
	UpdatesKept      Figure = "updates_kept"
	UpdatesMissed    Figure = "updates_missed"
	UpdatesSnoozed   Figure = "updates_snoozed"
	RegressionCount  Figure = "regressions"
	FollowUpsOpen    Figure = "follow_ups_open"
	FollowUpsOverdue Figure = "follow_ups_overdue"
	FollowUpsDone    Figure = "follow_ups_done"
	FollowUpsInTime  Figure = "follow_ups_in_time"
	FollowUpsLate    Figure = "follow_ups_late"
)

// Definition says what a figure is, in words and as code.
type Definition struct {
	Figure Figure
	Title  string
	Text   string // what it is counted from and to, with the ids of the process
	Phase  Phase  // the phase that it is the time in; empty: none

	time  func(subject) (time.Duration, bool) // nil: it is a count
	count func(subject) int
}

// IsTime reports whether the figure is a time, and not a count.
func (d Definition) IsTime() bool { return d.time != nil }

// subject is what a figure is taken of.
type subject struct {
	State
	opened, now time.Time
}

// Definitions is the one place in which figures are defined, in the order in which reports show
// them. A time is known once both of its ends are; until then, and where it can't be, the incident
// is not counted for it.
var Definitions = []Definition{
	{Figure: ToDeclare, Title: "Time to declare",
		Text: "from the opening of the issue, by whoever or whatever saw it first, to the fact that made " +
			"it an incident: the form, the command or the label (I1)",
		time: func(s subject) (time.Duration, bool) { return between(s.opened, s.Declared.At) }},
	{Figure: ToAcknowledge, Title: "Time to acknowledge",
		Text: "from the call for somebody to the first answer (I4, I5). What a source or a reader " +
			"declares calls when it is declared, and a role, an answer at the pager or a confirmed " +
			"severity answers it; what a responder declares calls with its first page for a coordinator, " +
			"and a coordinator or an answer at the pager answers it",
		time: func(s subject) (time.Duration, bool) {
			if s.Responder {
				return between(s.Firsts.Paged, s.Firsts.Answered)
			}
			return between(s.Declared.At, s.Firsts.Answered)
		}},
	{Figure: ToConfirm, Title: "Time to confirm",
		Text: "from the declaration to the first confirmed severity (I3); a responder's own answer in the " +
			"form confirms at once",
		time: func(s subject) (time.Duration, bool) { return between(s.Declared.At, s.Firsts.Confirmed) }},
	{Figure: ToTeam, Title: "Time to team",
		Text: "from the first confirmation as critical to an Incident Coordinator and an Operations " +
			"Engineer who are two people (I4, V1)",
		time: func(s subject) (time.Duration, bool) { return between(s.Firsts.Critical, s.Firsts.Team) }},
	{Figure: ToMitigate, Title: "Time to mitigate",
		Text: "from the start of the impact, where somebody said when it was (/incident started), or else from " +
			"the declaration, to the workaround or fix that held, or to monitoring where none was named (F2, M1); " +
			"a regression takes back what came before it (M3)",
		time: func(s subject) (time.Duration, bool) { return between(s.began(), s.Firsts.Mitigated) }},
	{Figure: ToResolve, Title: "Time to resolve",
		Text: "from the start of the impact, as for the time to mitigate, to the closing up after which the " +
			"incident closed, so with its stand-by (C1, C5)",
		time: func(s subject) (time.Duration, bool) { return between(s.began(), s.closedAt()) }},
	inPhase(InIdentify, Identify), inPhase(InInvestigate, Investigate),
	inPhase(InFixing, Fixing), inPhase(InMonitoring, Monitoring),
	{Figure: OnStandBy, Title: "Stand-by",
		Text: "from the last move to monitoring to closing up: the watch that ended well (M2)",
		time: func(s subject) (time.Duration, bool) {
			last := len(s.Phases) - 1
			if last < 0 || s.Phases[last].Phase != Monitoring {
				return 0, false
			}
			return between(s.Phases[last].From, s.closedAt())
		}},
	{Figure: LongestSilence, Title: "Longest silence",
		Text: "the longest wait for a customer update that reached them, from the confirmation or the " +
			"update before to the next one or to the end of the updates, or to now while it goes on (V3)",
		time: func(s subject) (time.Duration, bool) {
			longest := s.Updates.LongestAt(s.now)
			return longest, longest > 0
		}},
	{Figure: ToPostmortem, Title: "Postmortem lead time",
		Text: "from closing up to the merge of the postmortem's pull request (C3, C5)",
		time: func(s subject) (time.Duration, bool) {
			if s.Document.Merged == nil {
				return 0, false
			}
			return between(s.closedAt(), s.Document.Merged.At)
		}},
	{Figure: UpdatesKept, Title: "Updates kept",
		Text:  "customer updates that were sent by the time they were due (V3)",
		count: func(s subject) int { return s.Updates.Kept }},
	{Figure: UpdatesMissed, Title: "Updates missed",
		Text: "times at which a customer update was due and none had been sent (V3); updates on time is " +
			"kept ÷ (kept + missed)",
		count: func(s subject) int { return s.Updates.Missed }},
	{Figure: UpdatesSnoozed, Title: "Updates snoozed",
		Text:  "times at which a customer update was put off with a reason (V3)",
		count: func(s subject) int { return s.Updates.Snoozed }},
	{Figure: RegressionCount, Title: "Regressions",
		Text:  "times at which it came back, by the word of somebody who responds (M3)",
		count: func(s subject) int { return s.Regressions }},
	{Figure: FollowUpsOpen, Title: "Follow-ups open",
		Text:  "follow-ups that are not done, the overdue ones among them (C4)",
		count: func(s subject) int { return s.followUps(func(f FollowUp) bool { return !f.Done }) }},
	{Figure: FollowUpsOverdue, Title: "Follow-ups overdue",
		Text:  "follow-ups that are not done after the day on which they were due, in UTC (C4)",
		count: func(s subject) int { return s.followUps(func(f FollowUp) bool { return !f.Done && f.past(s.now) }) }},
	{Figure: FollowUpsDone, Title: "Follow-ups done",
		Text:  "follow-ups whose ticket is closed, with or without a due date (C4)",
		count: func(s subject) int { return s.followUps(func(f FollowUp) bool { return f.Done }) }},
	{Figure: FollowUpsInTime, Title: "Follow-ups done in time",
		Text: "follow-ups with a due date whose ticket was closed by the end of that day, in UTC (C4)",
		count: func(s subject) int {
			return s.followUps(func(f FollowUp) bool { return f.Done && f.Due != "" && !f.Ended.IsZero() && !f.past(f.Ended) })
		}},
	{Figure: FollowUpsLate, Title: "Follow-ups done late",
		Text:  "follow-ups with a due date whose ticket was closed after that day, in UTC (C4)",
		count: func(s subject) int { return s.followUps(func(f FollowUp) bool { return f.Done && f.past(f.Ended) }) }},
}

func inPhase(figure Figure, phase Phase) Definition {
	return Definition{Figure: figure, Title: "In " + string(phase), Phase: phase,
		Text: "all the time in the phase " + string(phase) +
			", over every visit; not known while the incident is in it",
		time: func(s subject) (time.Duration, bool) { return s.spent(phase) }}
}

// Define returns the definition of a figure.
func Define(f Figure) Definition {
	return Definitions[slices.IndexFunc(Definitions, func(d Definition) bool { return d.Figure == f })]
}

// between is the time from one moment to another, known if both are and in that order.
func between(from, to time.Time) (time.Duration, bool) {
	if from.IsZero() || to.Before(from) {
		return 0, false
	}
	return to.Sub(from), true
}

// began returns when the impact began: as somebody said, or else when the incident was declared.
func (s State) began() time.Time {
	if !s.Began.IsZero() {
		return s.Began
	}
	return s.Declared.At
}

// closedAt returns when an incident that is over was closed up, or the zero time.
func (s State) closedAt() time.Time {
	if s.Closed == nil {
		return time.Time{}
	}
	return s.Closed.At
}

// spent returns the time in a phase. A state keeps the newest visits only: where the first are gone
// nothing is known.
func (s State) spent(phase Phase) (total time.Duration, known bool) {
	if phase == s.Phase || len(s.Phases) == 0 || !s.Phases[0].From.Equal(s.Declared.At) {
		return 0, false
	}
	for _, span := range s.Phases {
		if span.Phase == phase {
			total, known = total+span.To.Sub(span.From), true
		}
	}
	return total, known
}

func (s State) followUps(is func(FollowUp) bool) (n int) {
	for _, f := range s.FollowUps {
		if is(f) {
			n++
		}
	}
	return n
}

// past reports whether the day on which it is due is over.
func (f FollowUp) past(at time.Time) bool {
	day, err := time.Parse(time.DateOnly, f.Due)
	return err == nil && !at.Before(day.AddDate(0, 0, 1))
}

// Metrics are the figures of one incident.
type Metrics struct {
	Declared  time.Time
	Severity  string // confirmed; empty: none was
	Customers []string
	Phase     Phase
	Closed    bool
	// why reports don't count it: "drill" (A6), "declined", "duplicate"; empty: they do
	LeftOut string
	Times   map[Figure]time.Duration // those that are known
	Counts  map[Figure]int
}

// Measure takes an incident's figures. opened is when its issue was opened; now decides what is overdue.
func Measure(state State, opened, now time.Time) Metrics {
	if state.Declared == nil {
		return Metrics{}
	}
	m := Metrics{
		Declared: state.Declared.At, Severity: state.Severity, Customers: state.Customers,
		Phase: state.Phase, Closed: state.Closed != nil, LeftOut: string(state.Outcome),
		Times: map[Figure]time.Duration{}, Counts: map[Figure]int{},
	}
	if state.Drill {
		m.LeftOut = "drill"
	}
	s := subject{state, opened, now}
	for _, d := range Definitions {
		if !d.IsTime() {
			m.Counts[d.Figure] = d.count(s)
		} else if t, known := d.time(s); known {
			m.Times[d.Figure] = t
		}
	}
	return m
}
