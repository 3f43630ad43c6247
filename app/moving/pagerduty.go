package moving

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/PagerDuty/go-pagerduty"
)

// pagerDutyDocument is an answer of PagerDuty's REST API v2, or several in one.
type pagerDutyDocument struct {
	Schedule           *pagerduty.Schedule          `json:"schedule"`
	Schedules          []pagerduty.Schedule         `json:"schedules"`
	EscalationPolicy   *pagerduty.EscalationPolicy  `json:"escalation_policy"`
	EscalationPolicies []pagerduty.EscalationPolicy `json:"escalation_policies"`
	Teams              []pagerduty.Team             `json:"teams"`
	Users              []pagerduty.User             `json:"users"`
	Members            []pagerduty.Member           `json:"members"`
	TeamID             string                       `json:"team_id"` // of the members; not PagerDuty's
}

// ReadPagerDuty reads answers of PagerDuty's REST API v2.
func ReadPagerDuty(documents []Document) (Export, error) {
	e := Export{Vendor: "PagerDuty"}
	members := map[string][]Who{} // by their team's id
	for _, d := range documents {
		var doc pagerDutyDocument
		if err := json.Unmarshal(d.Content, &doc); err != nil {
			return Export{}, fmt.Errorf("read %s: %w", d.Name, err)
		}
		if doc.Schedule != nil {
			doc.Schedules = append(doc.Schedules, *doc.Schedule)
		}
		if doc.EscalationPolicy != nil {
			doc.EscalationPolicies = append(doc.EscalationPolicies, *doc.EscalationPolicy)
		}
		for _, s := range doc.Schedules {
			if err := e.pagerDutySchedule(s); err != nil {
				return Export{}, fmt.Errorf("read %s: schedule %s: %w", d.Name, s.Name, err)
			}
		}
		for _, p := range doc.EscalationPolicies {
			e.pagerDutyPolicy(p)
		}
		for _, t := range doc.Teams {
			e.Teams = append(e.Teams, Team{ID: t.ID, Name: cmp.Or(t.Name, t.Summary)})
		}
		for _, u := range doc.Users {
			e.Users = append(e.Users, Who{Kind: User, ID: u.ID, Name: cmp.Or(u.Name, u.Summary), Email: u.Email})
			for _, t := range u.Teams {
				members[t.ID] = append(members[t.ID], e.Users[len(e.Users)-1])
			}
		}
		for _, m := range doc.Members {
			members[doc.TeamID] = append(members[doc.TeamID], pagerDutyWho(m.User))
		}
	}
	for i := range e.Teams {
		e.Teams[i].Members = members[e.Teams[i].ID]
	}
	e.complete()
	if len(e.Schedules) == 0 && len(e.Policies) == 0 {
		return Export{}, fmt.Errorf("there is no schedule and no escalation policy in it: it needs answers of " +
			"GET /schedules/{id} and GET /escalation_policies")
	}
	return e, nil
}

func pagerDutyWho(o pagerduty.APIObject) Who {
	kind := Kind(strings.TrimSuffix(o.Type, "_reference"))
	if kind != OfSchedule && kind != OfTeam {
		kind = User
	}
	return Who{Kind: kind, ID: o.ID, Name: o.Summary}
}

// pagerDutySchedule adds a schedule. The API lists the layers from the last, which wins, to the first.
// https://developer.pagerduty.com/api-reference/3f03afb2c84a4-get-a-schedule
func (e *Export) pagerDutySchedule(o pagerduty.Schedule) error {
	where := "schedule " + cmp.Or(o.Name, o.Summary)
	s := Schedule{ID: o.ID, Name: cmp.Or(o.Name, o.Summary, o.ID), Zone: e.zone(where, o.TimeZone), IsLayered: true}
	for _, t := range o.Teams {
		s.Owners = append(s.Owners, Who{Kind: OfTeam, ID: t.ID, Name: t.Summary})
	}
	for _, l := range slices.Backward(o.ScheduleLayers) {
		p := Part{ID: l.ID, Name: l.Name, Every: time.Duration(l.RotationTurnLengthSeconds) * time.Second}
		var errs [3]error
		p.Start, errs[0] = parseMoment(l.RotationVirtualStart)
		p.From, errs[1] = parseMoment(l.Start)
		p.Until, errs[2] = parseMoment(l.End)
		if err := errors.Join(errs[:]...); err != nil {
			return err
		}
		if p.Start.IsZero() {
			p.Start = p.From
		}
		for _, u := range l.Users {
			u.User.Type = "user"
			p.Turns = append(p.Turns, pagerDutyWho(u.User))
		}
		for _, r := range l.Restrictions {
			at, err := time.Parse(time.TimeOnly, r.StartTimeOfDay)
			if err != nil {
				return fmt.Errorf("the restriction's start %q is not a time of day", r.StartTimeOfDay)
			}
			p.Hours = append(p.Hours, Span{IsDaily: r.Type != "weekly_restriction", Day: time.Weekday(r.StartDayOfWeek % 7),
				From:   time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute,
				Length: (time.Duration(r.DurationSeconds) * time.Second).Truncate(time.Minute)})
		}
		s.Parts = append(s.Parts, p)
	}
	overrides, err := pagerDutyPeriods(o.OverrideSubschedule.RenderedScheduleEntries)
	if err != nil {
		return err
	}
	for _, p := range overrides {
		s.Overrides = append(s.Overrides, Override{From: p.From, Until: p.Until, Who: p.Who})
	}
	if s.Rendered, err = pagerDutyPeriods(o.FinalSchedule.RenderedScheduleEntries); err != nil {
		return err
	}
	for _, p := range s.Rendered {
		if s.RenderedFrom.IsZero() || p.From.Before(s.RenderedFrom) {
			s.RenderedFrom = p.From
		}
		if p.Until.After(s.RenderedTo) {
			s.RenderedTo = p.Until
		}
	}
	if len(s.Parts) == 0 && len(o.EscalationPolicies)+len(o.Users) > 0 {
		e.note(where, "the export has none of its layers: take the answer of GET /schedules/%s", o.ID)
	}
	e.Schedules = append(e.Schedules, s)
	return nil
}

func pagerDutyPeriods(entries []pagerduty.RenderedScheduleEntry) (out []Period, err error) {
	for _, entry := range entries {
		p := Period{Who: pagerDutyWho(entry.User)}
		if p.From, err = parseMoment(entry.Start); err != nil {
			return nil, err
		}
		if p.Until, err = parseMoment(entry.End); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func (e *Export) pagerDutyPolicy(o pagerduty.EscalationPolicy) {
	p := Policy{ID: o.ID, Name: cmp.Or(o.Name, o.Summary), Repeats: int(o.NumLoops)}
	at := time.Duration(0)
	for _, rule := range o.EscalationRules {
		step := Step{At: at}
		for _, target := range rule.Targets {
			step.To = append(step.To, pagerDutyWho(target))
		}
		p.Steps = append(p.Steps, step)
		p.Wait = time.Duration(rule.Delay) * time.Minute
		at += p.Wait
	}
	e.Policies = append(e.Policies, p)
}
