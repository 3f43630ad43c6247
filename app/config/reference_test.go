package config

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// reference returns docs/configuration.md.
func reference() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<!-- Written from app/config/settings.go and app/services/table.go: go test ./app/config -run Reference -update -->
# Configuration

`+"`%s`"+` in an incident repository says how incidents run there. Everything may be left out: the defaults work with
no file at all. Editors that know [YAML schemas](https://github.com/redhat-developer/yaml-language-server) complete and check it with

`+"```yaml"+`
# yaml-language-server: $schema=https://raw.githubusercontent.com/firebreak-dev/firebreak/main/templates/firebreak.schema.json
`+"```"+`

A push that changes the file is checked: the commit gets a check run that says of each mistake where it is and what is allowed
there. A file with a mistake changes nothing; the last good one goes on. It may have %d KiB.

`, Path, MaxSize>>10)
	writeSettings(&b, settings, "##")
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
}

func writeSettings(b *bytes.Buffer, file block, heading string) {
	for _, s := range file.settings {
		fmt.Fprintf(b, "%s %s\n\n%s\n\n", heading, s.name, s.about)
		writeTable(b, s)
		for _, example := range s.examples {
			fmt.Fprintf(b, "```yaml\n%s: %s\n```\n\n", s.name, example)
		}
	}
}

const settingsMark = "<!-- Written from app/config/oncall.go: go test ./app/config -run Reference -update -->\n"

// onCallReference returns docs/oncall.md: what is written by hand, with the settings below.
func onCallReference(t *testing.T) []byte {
	t.Helper()
	page, err := os.ReadFile("../../docs/oncall.md")
	if err != nil {
		t.Fatal(err)
	}
	hand, _, ok := bytes.Cut(page, []byte(settingsMark))
	if !ok {
		t.Fatalf("docs/oncall.md has no line %s", settingsMark)
	}
	var b bytes.Buffer
	b.Write(hand)
	b.WriteString(settingsMark + "\n")
	writeSettings(&b, onCallSettings, "###")
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
}

// settingsBelow is what a block holds: its settings have rows of their own.
const settingsBelow = "settings"

// row is a setting in the reference.
type row struct{ path, holds, standard, about string }

// writeTable writes a setting of the file with all that is in it.
func writeTable(b *bytes.Buffer, s setting) {
	b.WriteString("| setting | holds | default | |\n|---|---|---|---|\n")
	all := rows(s.name, s)
	if len(all) > 1 && all[0].holds == settingsBelow {
		all = all[1:] // it is above the table
	}
	for _, r := range all {
		if r.standard != "" {
			r.standard = "`" + r.standard + "`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", r.path, cell(r.holds), cell(r.standard), cell(r.about))
	}
	b.WriteByte('\n')
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// rows returns a setting and what is in it.
func rows(path string, s setting) []row {
	about := s.about
	if !strings.Contains(path, ".") && !strings.Contains(path, "[") {
		about = "" // it is above the table
	}
	about, _, _ = strings.Cut(about, " Allowed: ") // it is in the column before
	if len(s.examples) > 0 && about != "" {
		about += " Such as `" + strings.Join(s.examples, "`, `") + "`."
	}
	holds, inside := describeShape(s.of)
	out := []row{{path, holds, s.standard, about}}
	for inner := s.of; inner != nil; {
		switch shape := inner.(type) {
		case list:
			inner, path = shape.of, path+"[]"
		case named:
			inner, path = shape.of, path+".NAME"
		case orWord:
			inner = shape.of
		case block:
			for _, one := range shape.settings {
				more := rows(path+"."+one.name, one)
				if slices.Contains(shape.required, one.name) {
					more[0].holds += "; required"
				}
				out = append(out, more...)
			}
			inner = nil
		default:
			inner = nil
		}
	}
	if inside != "" {
		out[0].holds += "; " + inside
	}
	return out
}

// describeShape returns what a shape holds, and its bounds.
func describeShape(s shape) (holds, bounds string) {
	switch s := s.(type) {
	case word:
		return s.allowed, ""
	case choice:
		return "`" + strings.Join(s.words, "`, `") + "`", ""
	case boolean:
		return "`true` or `false`", ""
	case count:
		return s.of, fmt.Sprintf("%d to %d", s.least, s.most)
	case span:
		return describeSpan(s)
	case clock:
		return `a time of day, "00:00" to "24:00"`, ""
	case zone:
		return "a time zone", ""
	case date:
		return "a date such as 2026-12-07", ""
	case moment:
		return "a time such as 2026-12-24 18:00", ""
	case period:
		return "a number of hours, days, weeks or months", "1 to 999"
	case line:
		return "a text", "at most " + strconv.Itoa(maxLine) + " characters"
	case pattern:
		return "a regular expression (RE2)", fmt.Sprintf("at most %d characters; with its repetitions at most %d, all of the file %d", maxPatternText, maxPattern, maxPatterns)
	case secret:
		return "the name of a secret, such as `PAGERDUTY`", ""
	case list:
		of, _ := describeShape(s.of)
		return "a list: " + of, "at most " + strconv.Itoa(s.most)
	case named:
		of, _ := describeShape(s.of)
		return "names, and for each: " + of, "at most " + strconv.Itoa(s.most)
	case orWord:
		of, _ := describeShape(s.of)
		return "`" + s.word + "`, or " + of, ""
	case block:
		if s.isOne {
			return "one of the following", ""
		}
		return settingsBelow, ""
	}
	panic(fmt.Sprintf("no description of %T", s))
}

func describeSpan(s span) (holds, bounds string) {
	holds = "a time such as `20m`, `1h30m`, `2d`"
	if s.never != "" {
		holds += ", or `" + s.never + "`"
	}
	least := "0s"
	if s.least > 0 {
		least = short(s.least)
	}
	return holds, fmt.Sprintf("%s to %dd", least, int(longest/(24*time.Hour)))
}
