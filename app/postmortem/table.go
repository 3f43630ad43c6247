package postmortem

import (
	"encoding/json"
	"html"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// What people write into the table of the follow-ups is read back: its owners and dates count, and
// its titles stay.

// The columns that people change.
const (
	ColumnTitle = "follow-up"
	ColumnOwner = "owner"
	ColumnDue   = "due"
)

// Row is a row of the table of the follow-ups, as it is in a document.
type Row struct {
	Number     int // of the follow-up; 0: the row has none
	Line       int // from 1
	Owner, Due string
	cells      map[string]string // as written, by the names of the columns
	columns    []string
	at         int // line, from 0
}

// Cell returns a cell as it is written, in Markdown.
func (r Row) Cell(column string) string { return r.cells[column] }

// Rows reads the table of the follow-ups. Of a document without one it returns none.
func Rows(document string) (rows []Row) {
	all := lines(document)
	for _, s := range markedSections(all) {
		if s.name != "followups" {
			continue
		}
		var columns []string
		for at := s.begin + 1; at < s.end; at++ {
			cells := cellsOf(all[at])
			switch {
			case len(cells) == 0:
				columns = nil
			case columns == nil:
				for _, c := range cells {
					columns = append(columns, headingKey(c))
				}
				if !slices.Contains(columns, "#") || !slices.Contains(columns, ColumnOwner) {
					return rows // another table
				}
			case strings.Trim(all[at], "|-: \t\r\n") == "": // the line below the head
			default:
				rows = append(rows, rowOf(columns, cells, at))
			}
		}
	}
	return rows
}

func rowOf(columns, cells []string, at int) Row {
	r := Row{Line: at + 1, at: at, columns: columns, cells: map[string]string{}}
	for i, name := range columns {
		if i < len(cells) {
			r.cells[name] = cells[i]
		}
	}
	r.Number, _ = strconv.Atoi(wordsOf(r.cells["#"]))
	r.Owner, r.Due = strings.TrimPrefix(wordsOf(r.cells[ColumnOwner]), "@"), wordsOf(r.cells[ColumnDue])
	if nothing[headingKey(r.Owner)] {
		r.Owner = ""
	}
	if nothing[headingKey(r.Due)] {
		r.Due = ""
	}
	return r
}

// cellsOf splits a line of a table; none if it isn't such a line.
func cellsOf(line string) (cells []string) {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "|") {
		return nil
	}
	line = strings.TrimPrefix(line, "|")
	var b strings.Builder
	escaped := false
	for _, r := range line {
		if r == '|' && !escaped {
			cells = append(cells, strings.TrimSpace(b.String()))
			b.Reset()
			continue
		}
		escaped = r == '\\' && !escaped
		b.WriteRune(r)
	}
	if rest := strings.TrimSpace(b.String()); rest != "" {
		cells = append(cells, rest)
	}
	return cells
}

var backslashed = lazily.Compile(`\\([[:punct:]])`)

// wordsOf returns a cell's words without what is Markdown about them.
func wordsOf(cell string) string {
	cell = strings.ReplaceAll(cell, texts.Joiner, "")
	cell = strings.Trim(strings.TrimSpace(cell), "*`")
	return strings.TrimSpace(html.UnescapeString(backslashed.ReplaceAllString(cell, "$1")))
}

// dayLayouts are the ways in which people write a date into the table.
var dayLayouts = []string{time.DateOnly, "2 Jan 2006", "2 January 2006", "Jan 2, 2006", "January 2, 2006",
	"2.1.2006"}

// DayOf reads a date as people write it into the table, and returns it as YYYY-MM-DD.
func DayOf(said string) (day string, ok bool) {
	for _, layout := range dayLayouts {
		if t, err := time.Parse(layout, said); err == nil {
			return t.Format(time.DateOnly), true
		}
	}
	return "", false
}

// Written is what the machine wrote last of a follow-up: what differs from it was written by a person.
type Written struct{ Title, Owner, Due string }

// LastWritten reads what the machine wrote last from the data next to the document; none if they can't be read.
func LastWritten(data []byte) (out []Written) {
	var e struct {
		FollowUps []struct {
			Title string  `json:"title"`
			Owner string  `json:"owner"`
			Due   *string `json:"due"`
		} `json:"follow_ups"`
	}
	if json.Unmarshal(data, &e) != nil {
		return nil
	}
	for _, fu := range e.FollowUps {
		w := Written{Title: fu.Title, Owner: fu.Owner}
		if fu.Due != nil {
			w.Due = *fu.Due
		}
		out = append(out, w)
	}
	return out
}

// Kept are the cells of the table that stay as people wrote them: columns by the number of the follow-up.
type Kept map[int][]string

// KeepRows copies what people wrote into the table of an old document to the same table of a fresh
// one: the cells that are kept, and below them the rows that are no follow-up of the incident.
func KeepRows(old, fresh string, kept Kept) string {
	before, now := Rows(old), Rows(fresh)
	if len(now) == 0 {
		return fresh
	}
	all := lines(fresh)
	known := map[int]bool{}
	for _, r := range now {
		known[r.Number] = true
		i := slices.IndexFunc(before, func(b Row) bool { return b.Number == r.Number })
		if i < 0 || len(kept[r.Number]) == 0 {
			continue
		}
		for _, column := range kept[r.Number] {
			r.cells[column] = before[i].cells[column]
		}
		var cells []string
		for _, name := range r.columns {
			cells = append(cells, r.cells[name])
		}
		all[r.at] = ended("| "+strings.Join(cells, " | ")+" |\n", all[r.at])
	}
	last := now[len(now)-1].at
	oldLines := lines(old)
	for _, r := range before {
		if r.Number == 0 || !known[r.Number] {
			all[last] += ended(strings.TrimRight(oldLines[r.at], "\r\n")+"\n", all[last])
		}
	}
	return strings.Join(all, "")
}
