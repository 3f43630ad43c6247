package config

import (
	"fmt"
	regex "regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a Lambda's system has no time zones

	"github.com/goccy/go-yaml/ast"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// shape is what a setting may hold. It reads a node, and reports what is wrong with it. The schema
// and the reference have a description of each shape.
type shape interface {
	read(r *reader, n ast.Node) value
}

// reader collects what is wrong with a file, so that one look at it shows every mistake.
type reader struct {
	problems []*Error
	patterns int // the size of all regular expressions so far
}

func (r *reader) problem(n ast.Node, problem string) {
	line, column := position(n)
	r.problems = append(r.problems, &Error{line, column, problem})
}

// invalid reports a problem, and returns an invalid value.
func (r *reader) invalid(n ast.Node, problem string) value {
	r.problem(n, problem)
	return value{node: n, invalid: true}
}

// text reads a scalar.
func (r *reader) text(n ast.Node) value {
	text, ok := scalar(n)
	if !ok {
		return r.invalid(n, fmt.Sprintf("a text is expected here; this is %s", describe(n)))
	}
	return value{node: n, text: text}
}

// word is a text of a certain form.
type word struct {
	name    string // in the schema's definitions; "" if there is only one
	pattern string // valid in Go and in JSON Schema
	not     string // a pattern that it must not fit, in the schema; fits says the same
	fits    func(string) bool
	refusal string // "" is "is not allowed here"
	allowed string // for people
	example string
}

func (w word) read(r *reader, n ast.Node) value {
	v := r.text(n)
	if !v.invalid && !w.fits(v.text) {
		refusal := w.refusal
		if refusal == "" {
			refusal = "is not allowed here"
		}
		return r.invalid(n, fmt.Sprintf("%s %s; allowed: %s", shown(v.text), refusal, w.allowed))
	}
	return v
}

// matching returns a word that is told by its pattern alone.
func matching(name, pattern, allowed, example string) word {
	return word{
		name:    name,
		pattern: pattern,
		fits:    lazily.Compile(pattern).MatchString,
		allowed: allowed,
		example: example,
	}
}

// choice is one of a few words.
type choice struct {
	name  string // in the schema's definitions; "" if there is only one
	words []string
}

func (c choice) read(r *reader, n ast.Node) value {
	v := r.text(n)
	if !v.invalid && !slices.Contains(c.words, v.text) {
		return r.invalid(
			n,
			fmt.Sprintf("%s is not allowed here%s; allowed: %s", shown(v.text), suggest(v.text, c.words),
				strings.Join(c.words, ", ")),
		)
	}
	return v
}

// boolean is true or false.
type boolean struct{}

func (boolean) read(r *reader, n ast.Node) value {
	if b, ok := n.(*ast.BoolNode); ok {
		return value{node: n, yes: b.Value}
	}
	return r.invalid(n, fmt.Sprintf("true or false is expected here; this is %s", describe(n)))
}

// count is a whole number.
type count struct {
	least, most int
	of          string
}

func (c count) read(r *reader, n ast.Node) value {
	text, _ := scalar(n)
	i, err := strconv.Atoi(text)
	if err != nil || i < c.least || i > c.most {
		return r.invalid(
			n,
			fmt.Sprintf(
				"a number of %s from %d to %d is expected here; this is %s",
				c.of,
				c.least,
				c.most,
				describe(n),
			),
		)
	}
	return value{node: n, number: i}
}

// longest is how long a time span of the file may be.
const longest = 90 * 24 * time.Hour

const spanPattern = `^(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?$`

var spanForm = lazily.Compile(spanPattern)

// span is a time span such as 20m, 1h30m or 2d.
type span struct {
	least time.Duration
	never string // a word that means no time at all, "" if there is none
}

func (s span) read(r *reader, n ast.Node) value {
	v := r.text(n)
	if v.invalid {
		return v
	}
	if s.never != "" {
		switch v.text {
		case s.never:
			return v
		case "none", "no", "off":
			return r.invalid(
				n,
				fmt.Sprintf("%s is not a time span (did you mean %s?)", shown(v.text), s.never),
			)
		}
	}

	d, ok := parseSpan(v.text)
	switch {
	case !ok:
		return r.invalid(n, shown(v.text)+
			" is not a time span; allowed: days, hours, minutes and seconds such as 20m, 1h30m or 2d")
	case d < s.least && s.never != "":
		return r.invalid(
			n,
			fmt.Sprintf(
				"%s is too short: %s is the shortest; to send no more pages, write %s",
				shown(v.text),
				short(s.least),
				s.never,
			),
		)
	case d < s.least && s.least < time.Minute:
		return r.invalid(n, shown(v.text)+" is too short: it must be longer than zero")
	case d < s.least:
		return r.invalid(n, fmt.Sprintf("%s is too short: %s is the shortest", shown(v.text), short(s.least)))
	case d > longest:
		return r.invalid(n, shown(v.text)+" is too long; allowed: up to 90d")
	}
	v.span = d
	return v
}

func parseSpan(s string) (time.Duration, bool) {
	m := spanForm.FindStringSubmatch(s)
	if m == nil || s == "" {
		return 0, false
	}
	var d time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi("0" + m[i+1])
		// what is too long stays too long, and overflows nothing
		d += min(time.Duration(n), longest/unit+1) * unit
	}
	return d, true
}

// short writes a duration as people write it in the file.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// clock is a time of day; 24:00 is the day's end.
type clock struct{}

var clockForm = lazily.Compile(`^([0-9]{1,2}):([0-5][0-9])$`)

func (clock) read(r *reader, n ast.Node) value {
	v := r.text(n)
	if v.invalid {
		return v
	}
	if m := clockForm.FindStringSubmatch(v.text); m != nil {
		hour, _ := strconv.Atoi(m[1])
		minute, _ := strconv.Atoi(m[2])
		v.span = time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
		if v.span <= 24*time.Hour {
			return v
		}
	}
	return r.invalid(n, shown(v.text)+` is not a time of day; allowed: "00:00" to "24:00"`)
}

// clockTime writes a time of day.
func clockTime(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// zone is the name of a time zone.
type zone struct{}

func (zone) read(r *reader, n ast.Node) value {
	v := r.text(n)
	if v.invalid {
		return v
	}
	if _, err := time.LoadLocation(v.text); err != nil || v.text == "" || v.text == "Local" {
		return r.invalid(n, shown(v.text)+" is not a time zone; allowed: names such as Europe/Berlin and UTC")
	}
	return v
}

// maxLine is how long a line may be, in bytes.
const maxLine = 200

// line is a free text.
type line struct{}

func (line) read(r *reader, n ast.Node) value {
	v := r.text(n)
	if v.invalid {
		return v
	}
	if v.text = texts.Squeeze(v.text); v.text == "" || len(v.text) > maxLine {
		return r.invalid(n, fmt.Sprintf("a line of 1 to %d characters is expected here", maxLine))
	}
	return v
}

// Sizes of regular expressions. Everybody who may write to a repository writes its file, and every
// report is held against them.
const (
	maxPatternText = 500  // characters
	maxPattern     = 1000 // characters that an expression unfolds to: its time at each report grows with that
	maxPatterns    = 5000 // all of them together
)

// pattern is a regular expression.
type pattern struct{}

func (pattern) read(r *reader, n ast.Node) value {
	v := r.text(n)
	if v.invalid {
		return v
	}
	size, err := patternSize(v.text)
	r.patterns += size
	switch {
	case err != nil || v.text == "" || len(v.text) > maxPatternText:
		return r.invalid(
			n,
			shown(v.text)+" is not a regular expression; allowed: a word, or an expression such as prod-.*",
		)
	case size > maxPattern:
		return r.invalid(
			n,
			fmt.Sprintf(
				"%s is too large: with its repetitions it stands for %d characters, and %d are allowed",
				shown(v.text),
				size,
				maxPattern,
			),
		)
	case r.patterns > maxPatterns:
		return r.invalid(n, fmt.Sprintf("the expressions up to this one are too large together: "+
			"they stand for more than %d characters", maxPatterns))
	}
	return v
}

// patternSize returns how many characters and branches a regular expression unfolds to once its
// repetitions are written out, which is the size of the program that matches it. It writes nothing
// out itself.
func patternSize(text string) (int, error) {
	re, err := regex.Parse(text, regex.Perl)
	if err != nil {
		return 0, err
	}
	return sizeOf(re), nil
}

func sizeOf(re *regex.Regexp) int {
	const enough = 1 << 30 // so that nothing overflows
	size := 1
	for _, sub := range re.Sub {
		size = min(size+sizeOf(sub), enough)
	}
	switch re.Op {
	case regex.OpLiteral:
		size = len(re.Rune)
	case regex.OpRepeat:
		size = min((size-1)*max(re.Min, re.Max, 1), enough)
	}
	return size
}

// sameKey returns what two entries of a list or of named values have in common if they are the
// same.
func sameKey(text string, fold bool) string {
	if fold {
		return naming.Key(text)
	}
	return text
}
