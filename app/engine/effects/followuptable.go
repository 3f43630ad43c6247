package effects

import (
	"fmt"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/postmortem"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// followUpTable is what people wrote into the postmortem's table of follow-ups.
type followUpTable struct {
	kept     postmortem.Kept
	problems map[int][]string // by the number of the follow-up
}

// keep leaves a cell as somebody wrote it. problem says what is wrong with it, if anything is.
func (t followUpTable) keep(number int, column, problem string) {
	t.kept[number] = append(t.kept[number], column)
	if problem != "" {
		t.problems[number] = append(t.problems[number], problem)
	}
}

// readFollowUpTable reads back what people wrote into the table since the app wrote it (C3). An
// owner who may respond and a date count from now on. Anything else stays as written, and the check
// says what is wrong with it.
func (e *Postmortem) readFollowUpTable(document string, data []byte) (followUpTable, error) {
	t := followUpTable{kept: postmortem.Kept{}, problems: map[int][]string{}}
	written := postmortem.LastWritten(data)
	for _, row := range postmortem.Rows(document) {
		i := row.Number - 1
		if i < 0 || i >= len(written) || i >= len(e.State.FollowUps) {
			continue
		}
		edited := incident.FollowUpEdited{Index: i, Read: e.Now}
		var err error
		if edited.Owner, err = e.readOwner(t, row, written[i].Owner); err != nil {
			return t, err
		}
		edited.Due = e.readDue(t, row, written[i].Due)
		if row.Cell(postmortem.ColumnTitle) != texts.Inert(written[i].Title, 300) {
			t.keep(row.Number, postmortem.ColumnTitle, "")
		}
		if edited.Owner != "" || edited.Due != "" {
			e.Report(edited)
		}
	}
	return t, nil
}

// readOwner returns the new owner that somebody wrote into a row; "" if the owner is as before, or
// can't be one.
func (e *Postmortem) readOwner(t followUpTable, row postmortem.Row, before string) (owner string, err error) {
	switch {
	case naming.Equal(row.Owner, before):
		return "", nil
	case row.Owner == "":
		t.keep(row.Number, postmortem.ColumnOwner, "") // the check asks for one
		return "", nil
	case !naming.IsLogin(row.Owner):
		t.keep(row.Number, postmortem.ColumnOwner,
			fmt.Sprintf("“%s” is not a name on GitHub: write the name of one person", row.Owner))
		return "", nil
	}
	canRespond, err := e.CanRespond(row.Owner)
	if err != nil {
		return "", err
	}
	if !canRespond {
		t.keep(row.Number, postmortem.ColumnOwner,
			fmt.Sprintf("%s may not respond here: name somebody who may", row.Owner))
		return "", nil
	}
	return row.Owner, nil
}

// readDue returns the new date that somebody wrote into a row, or "none" if they removed it; "" if
// it is as before, or can't be one.
func (e *Postmortem) readDue(t followUpTable, row postmortem.Row, before string) (due string) {
	if row.Due == before {
		return ""
	}
	day, ok := postmortem.DayOf(row.Due)
	switch why := incident.DueProblem(day, e.Now, e.Policy.Zone); {
	case row.Due == "":
		return "none"
	case ok && day == before:
	case !ok:
		t.keep(row.Number, postmortem.ColumnDue, fmt.Sprintf("“%s” is not a date: write it as 2026-12-31",
			row.Due))
	case why == "past":
		t.keep(row.Number, postmortem.ColumnDue, day+" is over: write a date that comes")
	case why != "":
		t.keep(row.Number, postmortem.ColumnDue,
			day+" is more than two years from now: write an earlier date")
	default:
		return day
	}
	return ""
}

// problemsIn returns what is wrong with the rows of a document's table.
func (t followUpTable) problemsIn(document string, followUps int) (all []postmortem.Problem) {
	add := func(row postmortem.Row, message string) {
		all = append(all, postmortem.Problem{Line: row.Line, EndLine: row.Line, Level: postmortem.Failure,
			Rule:    "follow-up",
			Message: message})
	}
	for _, row := range postmortem.Rows(document) {
		if row.Number < 1 || row.Number > followUps {
			add(row, "this row is no follow-up of the incident yet: write /ic followup title @owner "+
				"due:2026-12-31 in a comment here, and take the row out")
		}
		for _, problem := range t.problems[row.Number] {
			add(row, fmt.Sprintf("follow-up %d: %s", row.Number, problem))
		}
	}
	return all
}
