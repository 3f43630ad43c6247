package moving

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// Report returns what people need to know before they rely on the files: what has no counterpart, and
// both calendars next to each other.
func Report(e Export, r Result, calendars []Calendars, from, until time.Time) string {
	var b strings.Builder
	if len(r.Notes) > 0 {
		fmt.Fprintf(&b, "No counterpart, or yours to do (%d):\n", len(r.Notes))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "- %s\n", oneText(n.String()))
	}
	if len(r.Notes) > 0 {
		b.WriteByte('\n')
	}
	all := 0
	for _, c := range calendars {
		all += c.Differences()
	}
	fmt.Fprintf(&b, "Calendars from %s until %s: %s\n", stamp(from), stamp(until), count(all))
	for _, c := range calendars {
		fmt.Fprintf(&b, "\n%s is %s here, times in %s: %s\n", oneText(c.Schedule), strings.Join(c.Rotations, ", "), c.Zone,
			count(c.Differences()))
		computed := false
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintf(w, "FROM\tUNTIL\t%s\tFIREBREAK\t\n", strings.ToUpper(e.Vendor))
		for _, row := range c.Rows {
			mark := ""
			if row.IsComputed {
				computed, mark = true, " *"
			}
			differs := ""
			if row.IsDifferent {
				differs = "<- differs"
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s%s\t%s\t%s\n", wall(row.From, c.Zone), wall(row.Until, c.Zone), list(row.Theirs),
				mark, list(row.Ours), differs)
		}
		_ = w.Flush()
		if computed {
			fmt.Fprintf(&b, "* The export has no calendar of this time: computed from %s's own rotations and overrides, as its "+
				"documentation says.\n", e.Vendor)
		}
	}
	lines := strings.Split(b.String(), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ") // the table's last column
	}
	return strings.Join(lines, "\n")
}

func count(differences int) string {
	switch differences {
	case 0:
		return "no difference"
	case 1:
		return "1 difference"
	}
	return fmt.Sprintf("%d differences", differences)
}

func wall(t time.Time, zone *time.Location) string { return t.In(zone).Format("Mon 2 Jan 15:04") }

func list(names []string) string {
	if len(names) == 0 {
		return "nobody"
	}
	return oneText(strings.Join(names, ", "))
}

// oneText is a text in a line, whatever a vendor's name holds.
func oneText(s string) string { return strings.Join(strings.Fields(oneLine(s)), " ") }
