package command_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
)

func TestI3DuplicatesAreNamedAsPeopleNameThem(t *testing.T) {
	for said, want := range map[string]incident.Command{
		"#4":                                {Number: 4},
		"4":                                 {Number: 4},
		"#4.":                               {Number: 4},
		"GH-4":                              {Number: 4},
		"of #4":                             {Number: 4},
		"of incident #4, as it is the same": {Number: 4, Text: "as it is the same"},
		"#4 as it is the same":              {Number: 4, Text: "as it is the same"},
		"acme/incidents#4":                  {Repo: "acme/incidents", Number: 4},
		"jdoe_acme/tools#4":                 {Repo: "jdoe_acme/tools", Number: 4},
		"(acme/incidents#4)":                {Repo: "acme/incidents", Number: 4},
		"https://github.com/acme/incidents/issues/4":                                {Repo: "acme/incidents", Number: 4},
		"<https://github.com/acme/incidents/issues/4>":                              {Repo: "acme/incidents", Number: 4},
		"https://ghe.example/git/acme/incidents/issues/4#issuecomment-7 same":       {Repo: "acme/incidents", Number: 4, Text: "same"},
		"github.com/acme/incidents/issues/4?x=1":                                    {Repo: "acme/incidents", Number: 4},
		"https://github.com/acme/incidents/pull/4":                                  {Repo: "acme/incidents", Number: 4},
		"[The API is down · Issue #9](https://github.com/acme/incidents/issues/4)":  {Repo: "acme/incidents", Number: 4},
		"of [#4](https://github.com/acme/incidents/issues/4 \"The API\"), the same": {Repo: "acme/incidents", Number: 4, Text: "the same"},
		"the same as we saw in #4":                                                  {Number: 4, Text: "the same as we saw in #4"},
	} {
		t.Run(said, func(t *testing.T) {
			want.Kind, want.Verb = incident.Duplicate, "incident"
			if diff := cmp.Diff([]any{want}, command.Parse("/incident duplicate "+said)); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, said := range []string{"", "of", "the same", "#0", "#x", "https://example.com", "[x](y)", "of 4 pods are down?"} {
		t.Run("not "+said, func(t *testing.T) {
			got := command.Parse("/incident duplicate " + said)
			if said == "of 4 pods are down?" { // a number where one is expected is one
				return
			}
			if len(got) != 1 || !isMisspelt(got[0]) {
				t.Errorf("gives %+v", got)
			}
		})
	}
}

func TestC4AFollowUpIsChangedByItsNumberOrItsTicket(t *testing.T) {
	for said, want := range map[string]incident.Command{
		"2 due:2026-12-24 @erin":     {Number: 2, Due: "2026-12-24", Logins: []string{"erin"}},
		"#2 @erin":                   {Number: 2, Logins: []string{"erin"}},
		"2":                          {Number: 2},
		"2 due:+2w":                  {Number: 2, Due: "+2w"},
		"2 to @erin, due 2026-12-24": {Number: 2, Due: "2026-12-24", Logins: []string{"erin"}},
		"2 owner: @erin":             {Number: 2, Logins: []string{"erin"}},
		"2 @erin\ndue:2026-12-24":    {Number: 2, Due: "2026-12-24", Logins: []string{"erin"}},
		"acme/payments#12 @erin":     {Repo: "acme/payments", Number: 12, Logins: []string{"erin"}},
		"https://github.com/acme/payments/issues/12 due:2026-12-24": {Repo: "acme/payments", Number: 12, Due: "2026-12-24"},
		"2 replicas are too few @erin":                              {Text: "2 replicas are too few", Logins: []string{"erin"}},
		"acme/payments#12 must be reverted":                         {Text: "acme/payments#12 must be reverted"},
		"acme/payments Add a limit due:+2w":                         {Repo: "acme/payments", Text: "Add a limit", Due: "+2w"},
	} {
		t.Run(said, func(t *testing.T) {
			want.Kind, want.Verb = incident.AddFollowUp, "oe"
			if diff := cmp.Diff([]any{want}, command.Parse("/oe followup "+said)); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, said := range []string{"2 @a @b", "2 due:soon", "2 due:2026-12-24 due:2026-12-25"} {
		t.Run("not "+said, func(t *testing.T) {
			if got := command.Parse("/ic followup " + said); len(got) != 1 || !isMisspelt(got[0]) {
				t.Errorf("gives %+v", got)
			}
		})
	}
}

// A repository is one of GitHub's by its grammar, also of a managed user, and a colon may follow (K16).
func TestK16FollowUpsNameAnyRepository(t *testing.T) {
	for said, want := range map[string]incident.Command{
		"jdoe_acme/tools Fix it @erin due:+7d": {Repo: "jdoe_acme/tools", Text: "Fix it", Logins: []string{"erin"}, Due: "+7d"},
		"acme/platform: Fix alerting":          {Repo: "acme/platform", Text: "Fix alerting"},
		"bob-/.github Fix it @a--b":            {Repo: "bob-/.github", Text: "Fix it", Logins: []string{"a--b"}},
		"a--b/c.d_e: Fix it @jo-e_acme":        {Repo: "a--b/c.d_e", Text: "Fix it", Logins: []string{"jo-e_acme"}},
		"-a/b Fix it":                          {Text: "-a/b Fix it"},
		"and/or both":                          {Repo: "and/or", Text: "both"},
	} {
		t.Run(said, func(t *testing.T) {
			want.Kind, want.Verb = incident.AddFollowUp, "ic"
			if diff := cmp.Diff([]any{want}, command.Parse("/ic followup "+said)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
