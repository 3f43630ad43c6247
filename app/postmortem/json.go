package postmortem

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// jsonVersion is that of the fields below: one that is added leaves it as it is, one that is
// renamed, dropped or given another meaning raises it.
const jsonVersion = 1

// exported is the document for other tools. Every time is RFC 3339 in UTC, and null where there was
// none; every duration is in whole seconds; a list is empty and never null; texts are as people
// wrote them, not escaped for anything.
type exported struct {
	Version    int          `json:"version"` // 1
	Incident   jsonIncident `json:"incident"`
	Severity   string       `json:"severity"` // the confirmed one; "" if none was
	Drill      bool         `json:"drill"`    // out of every metric
	Customers  []string     `json:"customers"`
	NoCustomer bool         `json:"no_customer"` // somebody said that no customer was impacted
	Summary    string       `json:"summary"`     // as it was reported
	Source     string       `json:"source"`      // how people learned of it
	Times      jsonTimes    `json:"times"`
	People     jsonPeople   `json:"people"`
	Impact     jsonImpact   `json:"impact"`

	Phases    []jsonPhase    `json:"phases"`    // in the order of time; a phase that came again is there again
	Roles     []jsonRole     `json:"roles"`     // the coordinators, then the operations engineers
	Handovers []jsonHandover `json:"handovers"` // of the coordination
	Timeline  []jsonEntry    `json:"timeline"`  // everything, oldest first
	Updates   jsonUpdates    `json:"updates"`
	Pages     []jsonPage     `json:"pages"`

	Findings    []jsonSaid `json:"findings"`
	Causes      []jsonSaid `json:"causes"`
	Actions     []jsonSaid `json:"actions"` // changes to systems
	Workarounds []jsonSaid `json:"workarounds"`
	Fixes       []jsonSaid `json:"fixes"`
	Regressions []jsonSaid `json:"regressions"`
	Agreements  []jsonSaid `json:"agreements"` // of the customer that it is over
	Pinned      []jsonSaid `json:"pinned"`     // comments, with what was said of them

	FollowUps []jsonFollowUp `json:"follow_ups"`
}

// jsonIncident names the issue.
type jsonIncident struct {
	ID         string `json:"id"`         // owner/repo#number
	Repository string `json:"repository"` // owner/repo
	Number     int    `json:"number"`
	URL        string `json:"url"`
	Title      string `json:"title"`
}

type jsonTimes struct {
	Earliest  *string `json:"earliest"` // of the timeline, if before the declaration
	Began     *string `json:"began"`    // when the impact did, as somebody said; null: nobody did
	Declared  *string `json:"declared"`
	Confirmed *string `json:"confirmed"` // the severity
	Mitigated *string `json:"mitigated"` // the end of the impact: the last repair held from then on
	Closed    *string `json:"closed"`
}

// jsonPeople are logins on GitHub.
type jsonPeople struct {
	DeclaredBy  string   `json:"declared_by"`
	ConfirmedBy string   `json:"confirmed_by"`
	Coordinator []string `json:"coordinator"` // in the order of time
	Operations  []string `json:"operations"`
}

type jsonImpact struct {
	// from its beginning, or the declaration, to the mitigation; null: not mitigated
	Seconds *int64     `json:"seconds"`
	Said    []jsonSaid `json:"said"` // how bad it was
	// of them, those not under watch (phase monitoring); before a mitigation, of all phases
	Active      int64 `json:"active_seconds"`
	Regressions int   `json:"regressions"` // how often it came back
}

type jsonPhase struct {
	Phase   incident.Phase `json:"phase"`
	From    *string        `json:"from"`
	To      *string        `json:"to"`
	Seconds int64          `json:"seconds"`
}

type jsonRole struct {
	Role string  `json:"role"` // "ic" or "oe"
	Who  string  `json:"who"`
	From *string `json:"from"`
	To   *string `json:"to"`
}

type jsonHandover struct {
	At       *string `json:"at"`
	From     string  `json:"from"`
	To       string  `json:"to"`
	Answered *string `json:"answered"` // null: somebody else took the role, or nobody
	Text     string  `json:"text"`
	URL      string  `json:"url"`
}

type jsonEntry struct {
	At   *string `json:"at"`
	By   string  `json:"by"`   // "" is the clock
	Kind string  `json:"kind"` // "finding", "phase", "update", …
	What string  `json:"what"` // a name: the phase, the severity, the person, the customer
	Text string  `json:"text"` // of "left", the role
	URL  string  `json:"url"`  // "" for what the clock did
}

type jsonUpdates struct {
	Rhythm  bool         `json:"rhythm"` // updates were due at all
	Kept    int          `json:"kept"`
	Missed  int          `json:"missed"`
	Snoozed int          `json:"snoozed"`
	Longest int64        `json:"longest_gap_seconds"`
	Sent    []jsonUpdate `json:"sent"`
}

type jsonUpdate struct {
	At    *string `json:"at"`
	By    string  `json:"by"`
	Text  string  `json:"text"`
	URL   string  `json:"url"`
	After int64   `json:"after_seconds"` // since the one before, or since the severity was confirmed
}

type jsonPage struct {
	At            *string  `json:"at"`
	To            []string `json:"to"`
	By            []string `json:"by"`          // kinds of services
	Why           string   `json:"why"`         // "team", "escalation", "update", "asked"
	Failed        string   `json:"failed"`      // why it could not be sent; "" if it was
	AnsweredBy    string   `json:"answered_by"` // "" for nobody, and where no answer was asked for
	AnsweredAfter *int64   `json:"answered_after_seconds"`
}

type jsonSaid struct {
	At   *string `json:"at"`
	By   string  `json:"by"`
	Text string  `json:"text"`
	URL  string  `json:"url"`
	Back *string `json:"came_back"` // when the incident came back after this repair or agreement
}

type jsonFollowUp struct {
	Title string `json:"title"`
	// with the title, which is its first line; of an automatic one, the workaround's
	Text       string  `json:"text"`
	Auto       bool    `json:"auto"` // asked for by nobody: a workaround is to be replaced
	Repository string  `json:"repository"`
	Owner      string  `json:"owner"`
	Due        *string `json:"due"`    // YYYY-MM-DD
	Ticket     string  `json:"ticket"` // owner/repo#number; "" until it is opened
	URL        string  `json:"url"`    // the ticket's
	Done       bool    `json:"done"`   // the ticket is closed
	AskedBy    string  `json:"asked_by"`
	AskedAt    *string `json:"asked_at"`
}

// JSON returns the facts of the document to other tools: version 1 of the fields of exported.
func JSON(f Facts) ([]byte, error) {
	v := look(f)
	e := exported{
		Version: jsonVersion,
		Incident: jsonIncident{ID: f.Ref.String(), Repository: f.Ref.FullName(), Number: f.Ref.Number,
			URL: v.URL, Title: f.Title},
		Severity: v.Severity, Drill: f.State.Drill, Customers: list(v.Customers),
		NoCustomer: f.State.NoCustomer, Summary: f.Summary, Source: f.Source,
		Times: jsonTimes{Earliest: rfc(v.Earliest), Began: rfc(f.State.Began), Declared: rfc(v.Declared),
			Confirmed: rfc(v.Confirmed), Mitigated: rfc(v.Mitigated), Closed: rfc(v.Closed)},
		People: jsonPeople{DeclaredBy: v.Declarer, Coordinator: list(v.Coordinators),
			Operations: list(v.Engineers)},
		Impact: jsonImpact{Active: seconds(v.Unmitigated), Regressions: f.State.Regressions},
		Updates: jsonUpdates{Rhythm: v.Rhythm, Kept: f.State.Updates.Kept, Missed: f.State.Updates.Missed,
			Snoozed: f.State.Updates.Snoozed, Longest: seconds(v.Longest)},
	}
	if f.State.Confirmed != nil {
		e.People.ConfirmedBy = f.State.Confirmed.By
	}
	if !v.Mitigated.IsZero() {
		s := seconds(v.Mitigated.Sub(v.Began))
		e.Impact.Seconds = &s
	}
	e.Phases = each(v.Phases, func(s incident.Span) jsonPhase {
		return jsonPhase{s.Phase, rfc(s.From), rfc(s.To), seconds(s.To.Sub(s.From))}
	})
	e.Roles = each(v.Roles, func(h held) jsonRole { return jsonRole{h.Role, h.Who, rfc(h.From), rfc(h.To)} })
	e.Handovers = each(v.Handovers, func(h handover) jsonHandover {
		return jsonHandover{rfc(h.At), h.From, h.To, rfc(h.Answered), h.Text, h.URL}
	})
	e.Timeline = each(v.Entries, func(t incident.Entry) jsonEntry {
		return jsonEntry{rfc(t.At), t.By, t.Kind, t.What, t.Text, v.permalink(t.Ref)}
	})
	e.Updates.Sent = each(v.Updates, func(u told) jsonUpdate {
		return jsonUpdate{rfc(u.At), u.By, u.Text, u.URL, seconds(u.After)}
	})
	e.Pages = each(v.Paged, func(p paged) jsonPage {
		page := jsonPage{At: rfc(p.At), To: list(p.To), By: list(p.By), Why: p.Why, Failed: p.Failed,
			AnsweredBy: p.Answerer}
		if p.Answerer != "" {
			s := seconds(p.After)
			page.AnsweredAfter = &s
		}
		return page
	})
	for _, l := range []struct {
		to   *[]jsonSaid
		from []said
	}{
		{&e.Findings, v.Findings}, {&e.Causes, v.Causes}, {&e.Actions, v.Actions},
		{&e.Workarounds, v.Workarounds},
		{&e.Fixes, v.Fixes}, {&e.Regressions, v.Regressions}, {&e.Agreements, v.Agreements},
		{&e.Pinned, v.Pins}, {&e.Impact.Said, v.Impacts},
	} {
		*l.to = each(l.from, func(s said) jsonSaid {
			return jsonSaid{rfc(s.At), s.By, s.Text, s.URL, rfc(s.Back)}
		})
	}
	e.FollowUps = each(v.Work, func(w work) jsonFollowUp {
		out := jsonFollowUp{Title: w.Name, Text: w.Title, Auto: w.Auto, Repository: w.Repo, Owner: w.Does,
			Ticket: w.Ticket,
			URL:    w.URL, Done: w.Done, AskedBy: w.By, AskedAt: rfc(w.At)}
		if out.Repository == "" {
			out.Repository = f.Ref.FullName()
		}
		if w.Due != "" {
			out.Due = &w.Due
		}
		return out
	})
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(e); err != nil {
		return nil, fmt.Errorf("postmortem of %s as JSON: %w", f.Ref, err)
	}
	return b.Bytes(), nil
}

// rfc returns a time as RFC 3339 in UTC, or nil if there was none.
func rfc(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format(time.RFC3339)
	return &s
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// list returns an empty list for none.
func list(names []string) []string { return append([]string{}, names...) }

func each[A, B any](all []A, one func(A) B) []B {
	out := make([]B, 0, len(all))
	for _, a := range all {
		out = append(out, one(a))
	}
	return out
}
