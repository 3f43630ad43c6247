package postmortem

import (
	"strings"
	"testing"
)

// TestC3RowsAreReadAsPeopleWriteThem holds what the table of the follow-ups says, however its cells
// are written.
func TestC3RowsAreReadAsPeopleWriteThem(t *testing.T) {
	for _, c := range []struct{ cells, owner, due string }{
		{"| 1 | Add a limit | **erin** | 2026-12-24 | – | open |", "erin", "2026-12-24"},
		{"| 1 | Add a limit | @erin | 24 Dec 2026 |", "erin", "24 Dec 2026"},
		{"|1|Add \\| split|`erin`| |", "erin", ""},
		{"| **1** | Add | nobody | no date |", "", ""},
		{"| 1 | Add | *anna\\_acme* | tbd", "anna_acme", ""},
		{"| 1 | Add | somebody else | soon |", "somebody else", "soon"},
	} {
		t.Run(c.cells, func(t *testing.T) {
			for _, end := range []string{"\n", "\r\n"} {
				document := strings.ReplaceAll("# A\n\n<!-- firebreak:begin followups -->\n\n| # | "+
					"Follow-up | Owner | Due | Ticket | State |\n|---|---|---|---|---|---|\n"+c.cells+
					"\n\n<!-- firebreak:end followups -->\n", "\n", end)
				rows := Rows(document)
				if len(rows) != 1 || rows[0].Number != 1 || rows[0].Owner != c.owner ||
					rows[0].Due != c.due || rows[0].Line != 7 {
					t.Errorf("reads %+v", rows)
				}
			}
		})
	}
	for _, document := range []string{"", "| # | Owner |\n|---|---|\n| 1 | erin |\n",
		"<!-- firebreak:begin followups -->\n\n| Who | What |\n|---|---|\n| 1 | erin |\n\n<!-- " +
			"firebreak:end followups -->\n"} {
		if rows := Rows(document); len(rows) != 0 {
			t.Errorf("%q reads as %+v", document, rows)
		}
	}
}

func TestC3DatesAreReadAsPeopleWriteThem(t *testing.T) {
	for _, said := range []string{"2026-12-24", "24 Dec 2026", "24 December 2026", "Dec 24, 2026",
		"24.12.2026"} {
		if day, ok := DayOf(said); !ok || day != "2026-12-24" {
			t.Errorf("%q reads as %q", said, day)
		}
	}
	for _, said := range []string{"", "soon", "24.12.", "2026-13-01", "12/24/2026"} {
		if day, ok := DayOf(said); ok {
			t.Errorf("%q reads as %q", said, day)
		}
	}
}

// TestC3WhatPeopleWroteIntoTheTableStays holds that cells which can't be read back, titles, and
// rows of people's own outlive a refresh.
func TestC3WhatPeopleWroteIntoTheTableStays(t *testing.T) {
	f := rich()
	document := documentOf(t, f)
	rows := Rows(document)
	if len(rows) < 2 || rows[0].Number != 1 {
		t.Fatalf("the table is %+v", rows)
	}
	data, err := JSON(f)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range LastWritten(data) {
		if w.Owner != rows[i].Owner || w.Due != rows[i].Due {
			t.Errorf("row %d was written as %+v and reads as %+v", i+1, w, rows[i])
		}
	}
	all := lines(document)
	was := all[rows[0].at]
	all[rows[0].at] = strings.Replace(was, rows[0].Cell(ColumnOwner), "the whole team", 1) +
		"| | My own | erin | soon | | |\n"
	edited := strings.Join(all, "")
	got := KeepRows(edited, refreshed(t, edited, f), Kept{1: {ColumnOwner}})
	if !strings.Contains(got, "| the whole team |") ||
		!strings.Contains(got, "| | My own | erin | soon | | |\n") {
		t.Errorf("kept:\n%s", got)
	}
	if again := KeepRows(got, refreshed(t, got, f), Kept{1: {ColumnOwner}}); again != got {
		t.Errorf("refreshed twice:\n%s\nwant\n%s", again, got)
	}
	if plain := KeepRows(document, refreshed(t, document, f), nil); plain != document {
		t.Error("a document that nobody touched changes")
	}
}

func TestC4ATicketFollowsItsFollowUp(t *testing.T) {
	_, body, err := Ticket(rich(), 0)
	if err != nil {
		t.Fatal(err)
	}
	changed := TicketOf(body, "bob", "2026-12-24")
	if !strings.Contains(changed, "| Owner | **bob** |\n") ||
		!strings.Contains(changed, "| Due | **2026-12-24** |\n") ||
		TicketOf(changed, "bob", "2026-12-24") != changed {
		t.Errorf("the ticket says\n%s", changed)
	}
	if bare := TicketOf("Somebody wrote it anew", "bob", ""); bare != "Somebody wrote it anew" {
		t.Errorf("a ticket without the rows says %q", bare)
	}
}
