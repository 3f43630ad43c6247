package incident_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/incident"
)

func TestV5WhomAnEscalationNames(t *testing.T) {
	p := incident.DefaultPolicy()
	p.Responders = []string{"db-team"}
	p.Escalation = append(p.Escalation, incident.EscalationStep{To: []string{"platform", "acme/storage", "@frank"}})
	p.Services = make([]incident.Service, 1)
	p.Services[0].Targets = map[string]string{"network": "S1"}
	p.Reviewers = []string{"acme/release"}
	const group = "incident-coordinators"
	type want = incident.Targets
	to := func(text string, names ...string) want { return want{To: names, Text: text} }
	for text, want := range map[string]want{
		"":                                      to("", group),
		"nobody here knows it":                  to("nobody here knows it", group),
		"platform the api is slow":              to("the api is slow", "platform"),
		"Platform: the api is slow":             to("the api is slow", "platform"),
		"`platform` the api is slow":            to("the api is slow", "platform"),
		"platform":                              to("", "platform"),
		"@platform the api is slow":             to("the api is slow", "platform"),
		"acme/platform the api is slow":         to("the api is slow", "platform"),
		"@acme/platform the api is slow":        to("the api is slow", "platform"),
		"storage, network the disk is full":     to("the disk is full", "acme/storage", "network"),
		"release and db-team it is stuck":       to("it is stuck", "acme/release", "db-team"),
		"payments the card page is down":        to("the card page is down", "payments"),
		"acme/payments the card page is down":   to("the card page is down", "payments"),
		"@acme/payments the card page is down":  to("the card page is down", "payments"),
		"@payments the card page is down":       to("the card page is down", "payments"),
		"@dan we need one more":                 to("we need one more", "@dan"),
		"@dan, @bob and platform, payments now": to("now", "@dan", "@bob", "platform", "payments"),
		"@dave_acme and @bob- please":           to("please", "@dave_acme", "@bob-"),
		"@a--b please":                          {Cannot: []string{"@a--b"}, Text: "please"},
		"@acme/Payments, @acme/_ops now":        to("now", "payments", "_ops"),
		"@dan\nwe need one more":                to("we need one more", "@dan"),
		"frank knows it":                        to("knows it", "@frank"),
		"carol and @dan please":                 to("please", "@carol", "@dan"),
		"platform platform is slow":             to("platform is slow", "platform"),
		"@dan read-only since 10:40":            to("read-only since 10:40", "@dan"),
		"@dan and the disk is full":             to("and the disk is full", "@dan"),
		"read-only since 10:40":                 to("read-only since 10:40", group),
		"api/v2 answers 500":                    to("api/v2 answers 500", group),
		"acme/checkout answers 500":             to("acme/checkout answers 500", group),
		"502s everywhere":                       to("502s everywhere", group),
		"phone calls keep coming":               to("phone calls keep coming", group),
		"help, the database is gone":            to("help, the database is gone", group),
		"the platform is down":                  to("the platform is down", group),

		"platfrom the api is slow":          {Unknown: []incident.Meant{{Word: "platfrom", Name: "platform"}}, Text: "the api is slow"},
		"@platfrom the api is slow":         {Unknown: []incident.Meant{{Word: "@platfrom", Name: "platform"}}, Text: "the api is slow"},
		"incident-cordinators it is bad":    {Unknown: []incident.Meant{{Word: "incident-cordinators", Name: group}}, Text: "it is bad"},
		"acme/storag the disk":              {Unknown: []incident.Meant{{Word: "acme/storag", Name: "storage"}}, Text: "the disk"},
		"carrol please":                     {Unknown: []incident.Meant{{Word: "carrol", Name: "@carol"}}, Text: "please"},
		"@dan, platfrom the api is slow":    {To: []string{"@dan"}, Unknown: []incident.Meant{{Word: "platfrom", Name: "platform"}}, Text: "the api is slow"},
		"@gina please":                      {Cannot: []string{"@gina"}, Text: "please"},
		"@gina, @dan please":                {To: []string{"@dan"}, Cannot: []string{"@gina"}, Text: "please"},
		"@acme/checkout answers 500":        {Cannot: []string{"@acme/checkout"}, Text: "answers 500"},
		"@other/payments answers 500":       {Cannot: []string{"@other/payments"}, Text: "answers 500"},
		"@d.b please":                       {Cannot: []string{"@d.b"}, Text: "please"},
		"because payments answer 500":       {To: []string{p.Coordinators}, Text: "because payments answer 500"},
		"@dan because @bob is out":          {To: []string{"@dan"}, Text: "because @bob is out"},
		"payments, because carol is out":    {To: []string{"payments"}, Text: "because carol is out"},
		"@database @mallory both are asked": {Cannot: []string{"@database", "@mallory"}, Text: "both are asked"},
	} {
		t.Run(text, func(t *testing.T) {
			answer := func(names ...string) func(string) incident.Answer {
				return func(name string) incident.Answer {
					if slices.Contains(names, name) {
						return incident.Yes
					}
					return incident.No
				}
			}
			ask := incident.Directory{Team: answer("payments", "_ops"), Person: answer("dan", "bob", "carol", "frank", "dave_acme", "bob-")}
			if d := cmp.Diff(want, incident.ReadTargets(text, "acme", p, []string{"carol"}, ask)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestV5WhatIsAskedOfGitHub(t *testing.T) {
	p := incident.DefaultPolicy()
	for text, want := range map[string][]string{
		"incident-coordinators please":  nil,
		"@incident-coordinators please": nil,
		"@dan please":                   {"@dan"},
		"the api is slow":               {"the"},
		"read-only since 10:40":         {"read-only"},
		"because the api is slow":       nil,
		"no, it is down":                {"no"},
		"@dan, no idea":                 {"@dan", "no"},
		"it's down":                     nil,
		"acme/payments please":          {"payments"},
	} {
		t.Run(text, func(t *testing.T) {
			var asked []string
			incident.ReadTargets(text, "acme", p, nil, incident.Directory{
				Team:   func(slug string) incident.Answer { asked = append(asked, slug); return incident.No },
				Person: func(login string) incident.Answer { asked = append(asked, "@"+login); return incident.Yes },
			})
			if !slices.Equal(asked, want) {
				t.Errorf("asks for %q, want %q", asked, want)
			}
		})
	}
	many := ""
	for range 40 {
		many += "@someone-else" + string(rune('a'+len(many)%26)) + " "
	}
	asked := 0
	count := func(string) incident.Answer { asked++; return incident.Yes }
	incident.ReadTargets(many, "acme", p, nil, incident.Directory{Team: count, Person: count})
	if asked > 10 {
		t.Errorf("one comment makes %d look-ups", asked)
	}
}

func TestV5WhatGitHubCannotBeAskedIsPagedAllTheSame(t *testing.T) {
	p := incident.DefaultPolicy()
	unasked := func(string) incident.Answer { return incident.Unasked }
	for text, want := range map[string]incident.Targets{
		"database it is full":       {To: []string{"incident-coordinators"}, Text: "database it is full", Unsure: []string{"database"}},
		"@acme/database it is full": {To: []string{"database"}, Text: "it is full", Unsure: []string{"@acme/database"}},
		"@dan it is full":           {To: []string{"@dan"}, Text: "it is full", Unsure: []string{"@dan"}},
		"incident-cordinators help": {To: []string{"incident-coordinators"}, Text: "incident-cordinators help", Unsure: []string{"incident-cordinators"}},
		"incident-coordinators now": {To: []string{"incident-coordinators"}, Text: "now"},
	} {
		t.Run(text, func(t *testing.T) {
			got := incident.ReadTargets(text, "acme", p, nil, incident.Directory{Team: unasked, Person: unasked})
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func escalate(text string) incident.Command {
	return incident.Command{Kind: incident.Escalate, Text: text, Org: "acme", Logins: []string{"dan"}, Teams: []string{"payments"}}
}

func TestV5AnEscalationIsAnswered(t *testing.T) {
	for _, c := range []struct {
		text  string
		to    []string
		react incident.Reaction
		says  []string
	}{
		{"payments the card page is down", []string{"payments"}, incident.Done, nil},
		{"", []string{"incident-coordinators"}, incident.Done, []string{"no-reason"}},
		{"@dan", []string{"@dan"}, incident.Done, []string{"no-reason"}},
		{"incident-cordinators help", nil, incident.Unclear, []string{"not-paged"}},
		{"@gina help", nil, incident.Refused, []string{"not-paged"}},
		{"@gina and @dan help", []string{"@dan"}, incident.Unclear, []string{"not-paged"}},
		{"incident-cordinators, carrol help", nil, incident.Unclear, []string{"not-paged", "unknown-name"}},
	} {
		t.Run(c.text, func(t *testing.T) {
			s := critical(t)
			before := len(s.pages())
			s.at(10, "carol", escalate(c.text)).expectSays(c.says...)
			var to []string
			for _, p := range s.pages()[before:] {
				to = append(to, p.To...)
			}
			if !slices.Equal(to, c.to) {
				t.Errorf("pages %q, want %q", to, c.to)
			}
			for _, e := range s.effects {
				if r, ok := e.(incident.React); ok && r.How != c.react {
					t.Errorf("reacts by %v, want %v", r.How, c.react)
				}
			}
		})
	}
}
