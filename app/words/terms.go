package words

import (
	"strings"
	"unicode"
)

// Term is a word of a text or of a name, in a form in which it can be compared.
type Term struct {
	Stem string // in lower case, without the endings of the plural, "-ing" and "-ed"
	Word string // as it was written
}

// Terms returns the words of a text that say something: names of code, alerts and files are split
// at their case, digits, dots, dashes and underscores ("KubePodOOMKilled" is kube, pod, oom, kill),
// numbers, hashes and the commonest words of English are left out. A word that comes again is
// there again.
func Terms(text string) []Term {
	var all []Term
	for _, w := range splitNames(text) {
		low := strings.ToLower(w)
		if len(low) < 2 || len(low) > maxTerm || common[low] {
			continue
		}
		if s := Stem(low); !common[s] {
			all = append(all, Term{Stem: s, Word: w})
		}
	}
	return all
}

// maxTerm is the length from which a word isn't one: a token, a hash, a line of base64.
const maxTerm = 32

// splitNames cuts a text into runs of letters, where the case says that a word begins too. A digit
// stays in a word that has letters on both sides of it or before it ("5xx", "s3", "http2").
func splitNames(text string) []string {
	var all []string
	for run := range strings.FieldsFuncSeq(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		if isHash(run) {
			continue
		}
		all = append(all, splitCase(run)...)
	}
	return all
}

// splitCase cuts a name at its capitals: "parseHTTPHeader" is parse, HTTP and Header. Plurals of
// abbreviations stay whole: "URLs".
func splitCase(name string) []string {
	var all []string
	r := []rune(name)
	start := 0
	for i := 1; i < len(r); i++ {
		lower := unicode.IsLower(r[i-1]) || unicode.IsDigit(r[i-1])
		begins := unicode.IsUpper(r[i]) && lower
		if !begins && unicode.IsUpper(r[i-1]) && unicode.IsLower(r[i]) && i-1 > start {
			if i+1 == len(r) && r[i] == 's' {
				continue // "URLs"
			}
			all, start = append(all, string(r[start:i-1])), i-1
		}
		if begins {
			all, start = append(all, string(r[start:i])), i
		}
	}
	return append(all, string(r[start:]))
}

// isHash reports whether a run of letters and digits is a number or a commit's hash, which are no
// words. Names as short as "5xx" and "v2" are.
func isHash(s string) bool {
	digits, hex := 0, true
	for _, r := range s {
		if unicode.IsDigit(r) {
			digits++
		}
		hex = hex && strings.ContainsRune("0123456789abcdefABCDEF", r)
	}
	return digits == len(s) || digits > 0 && hex && len(s) >= 7 || digits > 3
}

// Stem cuts the endings off a word in lower case that say no more about what it means: "queries",
// "failing" and "timeouts" are query, fail and timeout. It errs for some words, but for the same
// word always in the same way.
func Stem(w string) string {
	switch {
	case strings.HasSuffix(w, "ies") && len(w) > 4:
		w = w[:len(w)-3] + "y"
	case strings.HasSuffix(w, "sses"), strings.HasSuffix(w, "xes"), strings.HasSuffix(w, "ches"):
		w = w[:len(w)-2]
	case strings.HasSuffix(w, "s") && len(w) > 3 && !hasAnySuffix(w, "ss", "us", "is", "dns", "tls", "aws"):
		w = w[:len(w)-1]
	}
	for _, end := range []string{"ing", "ed"} {
		if cut, ok := strings.CutSuffix(w, end); ok && len(cut) > 3 {
			w = cut
			if n := len(w); w[n-1] == w[n-2] && !strings.ContainsRune("lsz", rune(w[n-1])) {
				w = w[:n-1] // "dropped"
			}
			break
		}
	}
	if len(w) > 4 {
		w = strings.TrimSuffix(w, "e") // "cache" as "caching"
	}
	return w
}

func hasAnySuffix(w string, all ...string) bool {
	for _, s := range all {
		if strings.HasSuffix(w, s) {
			return true
		}
	}
	return false
}

// common are words that are in every text, and so say nothing about one.
var common = set(`a about after again all also am an and any anybody are as at be because been before being
between both but by can cannot could did didn do does doesn don down during each else for from get gets got had has
have having he her here his how if in into is isn it its just let like made make many may me more most much must my no
nobody none nor not now of off on once one only or other our out over own per please same see seem she should since
so some somebody still such than that the their them then there these they this those through to too try two under
until up us use used using very via was we well were what when where which while who whom why will with won would yet
you your re ve ll com org net www http https io github
co main master src lib pkg cmd internal test tests
go js ts tsx jsx py rb rs java kt cpp cc hh md txt json yml yaml toml lock html css svg png
fix fixes fixed add adds added remove removes removed change changes changed update updates updated feat chore refactor
pr pull request merge merged branch`)

// set returns the words of a list.
func set(list string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		m[w] = true
	}
	return m
}
