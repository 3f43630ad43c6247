package card

import (
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

func TestI5TheAnswerStandsAtThePageThatWasAnswered(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	pg := func(minute int, why string) incident.Page {
		return incident.Page{At: at.Add(time.Duration(minute) * time.Minute), To: []string{"platform"}, By: []string{"webhook"}, Why: why}
	}
	for _, c := range []struct {
		name     string
		pages    []incident.Page
		answered int // minute
		want     int
	}{
		{"the escalation's last", []incident.Page{pg(0, "team"), pg(5, "team")}, 6, 1},
		{"what was asked for meanwhile", []incident.Page{pg(0, "team"), pg(3, "asked"), pg(4, "update")}, 6, 0},
		{"asked for in the second of the answer", []incident.Page{pg(0, "team"), pg(1, "asked")}, 1, 0},
		{"a regression", []incident.Page{pg(0, "team"), pg(3, "again")}, 4, 1},
		{"before the page", []incident.Page{pg(0, "team"), pg(9, "again")}, 4, 0},
		{"none that is shown", []incident.Page{pg(9, "again")}, 4, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &page{today: at}
			p.S.Paging.Pages = c.pages
			p.S.Paging.Answered = &incident.Stamp{By: "carol", At: at.Add(time.Duration(c.answered) * time.Minute)}
			p.pages()
			for i, cell := range p.Pages {
				if has := strings.Contains(cell.Text, "answered"); has != (i == c.want) {
					t.Errorf("page %d says %q", i, cell.Text)
				}
			}
		})
	}
}
