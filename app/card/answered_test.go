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
		{"the escalation's last", []incident.Page{pg(0, "team"), pg(5, "team")}, 6, 0}, // in one row
		{"and another after it", []incident.Page{pg(0, "team"), pg(5, "team"), pg(9, "team")}, 6, 0},
		{"what was asked for since", []incident.Page{pg(0, "team"), pg(3, "asked"), pg(4, "update")}, 6, 0},
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

func TestI5PagesThatRepeatTakeOneRow(t *testing.T) {
	at := time.Date(2026, 3, 2, 23, 50, 0, 0, time.UTC)
	pg := func(minute int, to string) incident.Page {
		return incident.Page{At: at.Add(time.Duration(minute) * time.Minute), To: []string{to}, By: []string{"webhook"}, Why: "team"}
	}
	p := &page{today: at}
	p.S.Paging.Pages = []incident.Page{pg(0, "dan"), pg(5, "platform"), pg(15, "platform"), pg(25, "platform"), pg(30, "dan")}
	p.pages()
	want := []string{"**dan** 2 Mar 23:50 by", "**platform** 2 Mar 23:55, 3 Mar 00:05, 00:15 by", "**dan** 3 Mar 00:20 by"}
	for i, w := range want {
		if len(p.Pages) != len(want) || !strings.HasPrefix(p.Pages[i].Text, w) {
			t.Fatalf("shows %v, want %q", p.Pages, want)
		}
	}
}
