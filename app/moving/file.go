package moving

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/oncall"
)

// oneLine takes from a text what a comment or a name of one line can't hold.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			return ' '
		}
		return r
	}, s)
	if list := []rune(s); len(list) > 200 {
		s = string(list[:200])
	}
	return strings.TrimSpace(s)
}

// quoted returns a text as YAML and JSON quote it.
func quoted(s string) string {
	out, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(out))
}

func quotedAll(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, quoted(s))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// short returns a time as the files write it.
func short(d time.Duration) string {
	switch {
	case d == 0:
		return "0s"
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dm", d/time.Minute)
}

func clockOf(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", d/time.Hour, d%time.Hour/time.Minute)
}

// OnCallFile returns the text of .github/oncall.yml.
func (r Result) OnCallFile(vendor string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# yaml-language-server: $schema=%s\n"+
		"# Taken over from %s. Compare the calendars before you rely on it.\n",
		"https://raw.githubusercontent.com/firebreak-dev/firebreak/main/templates/oncall.schema.json", vendor)
	if len(r.Schedule.Rotations) == 0 {
		b.WriteString("rotations: {}\n")
		return []byte(b.String())
	}
	b.WriteString("rotations:\n")
	for _, rotation := range r.Schedule.Rotations {
		fmt.Fprintf(&b, "  %s:\n    time-zone: %s\n", quoted(rotation.Name), quoted(rotation.Zone.String()))
		if len(rotation.Owners) > 0 {
			fmt.Fprintf(&b, "    owners: %s\n", quotedAll(rotation.Owners))
		}
		if len(rotation.Layers) == 1 {
			r.writeLayer(&b, "    ", rotation, 0)
			continue
		}
		b.WriteString("    layers:\n")
		for i, l := range rotation.Layers {
			fmt.Fprintf(&b, "    - name: %s\n", quoted(l.Name))
			r.writeLayer(&b, "      ", rotation, i)
		}
	}
	if len(r.Schedule.Covers) > 0 {
		b.WriteString("covers:\n")
	}
	for _, c := range r.Schedule.Covers {
		fmt.Fprintf(&b, "- { rotation: %s, from: %s, until: %s, who: %s }\n", quoted(c.Rotation),
			c.From.UTC().Format("2006-01-02T15:04Z"), c.Until.UTC().Format("2006-01-02T15:04Z"), quoted(c.Who))
	}
	return []byte(b.String())
}

func (r Result) writeLayer(b *strings.Builder, indent string, rotation oncall.Rotation, i int) {
	l := rotation.Layers[i]
	missing := r.missing[key(rotation.Name, i)]
	fmt.Fprintf(b, "%speople:\n", indent)
	for n, turn := range l.Turns {
		text, comment := quotedAll(turn), ""
		switch len(turn) {
		case 0:
			text = oncall.Nobody
		case 1:
			text = quoted(turn[0])
		}
		if n < len(missing) && missing[n] != "" {
			comment = " # " + oneLine(missing[n])
		}
		fmt.Fprintf(b, "%s- %s%s\n", indent, text, comment)
	}
	date := func(c oncall.Clock) string { return fmt.Sprintf("%04d-%02d-%02d", c.Year, c.Month, c.Day) }
	fmt.Fprintf(b, "%severy: %s\n%sstart: %s\n%shandover: \"%02d:%02d\"\n", indent, l.Every, indent, date(l.Start), indent,
		l.Start.Hour, l.Start.Minute)
	if !l.Until.IsZero() {
		fmt.Fprintf(b, "%suntil: %s\n", indent, date(l.Until))
	}
	if len(l.Hours) > 0 {
		fmt.Fprintf(b, "%shours:\n", indent)
	}
	for _, w := range l.Hours {
		days := ""
		if slices.Contains(w.Days[:], false) {
			var list []string
			for d := range 7 {
				if w.Days[(d+1)%7] {
					list = append(list, strings.ToLower(time.Weekday((d + 1) % 7).String()[:3]))
				}
			}
			days = fmt.Sprintf("days: [%s], ", strings.Join(list, ", "))
		}
		fmt.Fprintf(b, "%s- { %sfrom: %q, to: %q }\n", indent, days, clockOf(w.From), clockOf(w.To))
	}
}

// EscalationBlock returns the escalation of firebreak.yml; nothing if there is no policy.
func (r Result) EscalationBlock() []byte {
	if r.Escalation == nil {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "escalation:\n  rounds: %d\n  steps:\n", r.Escalation.Rounds)
	for i, s := range r.Escalation.Steps {
		b.WriteString("  - ")
		if i > 0 || s.After > 0 {
			fmt.Fprintf(&b, "after: %s\n    ", short(s.After))
		}
		fmt.Fprintf(&b, "to: %s", quotedAll(s.To))
		for _, m := range s.Missing {
			fmt.Fprintf(&b, " # not %s", oneLine(m))
		}
		b.WriteByte('\n')
	}
	return []byte(b.String())
}
