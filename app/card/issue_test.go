package card_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// A card belongs to an issue by the issue's id: another name changes nothing, and the same name of
// another issue helps nobody.
func TestACardBelongsToAnIssueByItsID(t *testing.T) {
	renamed := incident.Ref{Owner: "acme2", Repo: "p1", Number: 12}
	v := view(t)
	old := mustRender(t, v)
	v.ID = 500001
	body := mustRender(t, v)
	v.ID = 500002
	other := mustRender(t, v)
	line := regexp.MustCompile(`<!-- firebreak:issue .*-->`)
	for name, c := range map[string]struct {
		body string
		in   card.Issue
		want error
	}{
		"the same":                      {body, card.Issue{Ref: ref, ID: 500001}, nil},
		"renamed":                       {body, card.Issue{Ref: renamed, ID: 500001}, nil},
		"by name alone":                 {body, card.Issue{Ref: ref}, nil},
		"another issue":                 {body, card.Issue{Ref: ref, ID: 500002}, card.ErrElsewhere},
		"another name alone":            {body, card.Issue{Ref: renamed}, card.ErrElsewhere},
		"an older version's":            {old, card.Issue{Ref: ref, ID: 500001}, nil},
		"an older version's, renamed":   {old, card.Issue{Ref: renamed, ID: 500001}, card.ErrForged},
		"the id edited":                 {strings.Replace(body, "500001", "500002", 1), card.Issue{Ref: ref, ID: 500002}, card.ErrForged},
		"the name edited":               {strings.Replace(body, "issue 500001 acme/", "issue 500001 evil/", 1), card.Issue{Ref: ref, ID: 500001}, card.ErrForged},
		"the line gone":                 {line.ReplaceAllString(body, ""), card.Issue{Ref: ref, ID: 500001}, card.ErrForged},
		"the line and its space gone":   {strings.Replace(body, "\n\n"+line.FindString(body), "", 1), card.Issue{Ref: ref, ID: 500001}, card.ErrForged},
		"the line of another card":      {line.ReplaceAllString(body, line.FindString(other)), card.Issue{Ref: ref, ID: 500002}, card.ErrForged},
		"an older card with a line":     {strings.Replace(old, "\n\n"+card.Marker, "\n\n"+line.FindString(body)+"\n\n"+card.Marker, 1), card.Issue{Ref: ref, ID: 500001}, card.ErrForged},
		"in capitals, as the name once": {body, card.Issue{Ref: incident.Ref{Owner: "ACME", Repo: "Incidents", Number: 12}, ID: 500001}, nil},
	} {
		got, err := card.OpenIn(c.body, c.in, keys)
		if !errors.Is(err, c.want) || c.want == nil && err != nil || errors.Is(c.want, card.ErrForged) && !errors.Is(c.want, card.ErrElsewhere) && errors.Is(err, card.ErrElsewhere) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if known := err == nil || errors.Is(err, card.ErrElsewhere); known != (got.State.Declared != nil) {
			t.Errorf("%s: %v with the state %+v", name, err, got.State)
		}
		if err == nil && got.Written.Ref != ref {
			t.Errorf("%s: written as %+v", name, got.Written)
		}
	}
}

func mustRender(t *testing.T, v card.View) string {
	t.Helper()
	body, err := card.Render(investigated(t).state, 7, v, keys[0])
	if err != nil {
		t.Fatal(err)
	}
	return body
}
