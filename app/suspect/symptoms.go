package suspect

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

// sign is a word of the symptoms.
type sign struct {
	word   string // as it was written
	stem   string
	weight float64 // 1 for a word of the summary
	alert  bool    // it is from an alert
	name   bool    // it is of the name of what is hit: in paths it is counted as the service
}

// hit is the name of something that is said to be hit.
type hit struct {
	name  string // "payments", "acme/payments"
	key   string // its words, in a form in which names are compared
	alert bool
	// mentioned says that it is only named in the words, of which rare is how telling they are.
	mentioned bool
	rare      float64
}

// trust returns how much it counts that this is hit, from 0 to 1.
func (h hit) trust() float64 {
	if h.mentioned {
		return h.rare
	}
	return 1
}

// reading is the symptoms, read.
type reading struct {
	Symptoms
	signs []sign
	hits  []hit
}

// maxSigns is how many different words of the symptoms are compared.
const maxSigns = 300

// serviceLabels are the labels of alerts whose value is the name of a service.
var serviceLabels = strings.Fields(`service app application component job namespace deployment container workload
	statefulset repository repo project service_name kubernetes_namespace app_kubernetes_io_name`)

// otherLabels are those that say nothing about what broke.
var otherLabels = strings.Fields(`severity instance pod prometheus endpoint cluster region env environment node monitor
	priority receiver team owner uid id`)

// noise is the words of every incident.
var noise = stems(`alert alerts incident outage production prod customer customers user users client system
	service services site app problem issue issues broken break breaks broke down bad wrong
	critical major high low many several help investigate seems looks started since working
	works work new today morning`)

func stems(list string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		m[words.Stem(w)] = true
	}
	return m
}

// read reads the symptoms.
func read(s Symptoms) reading {
	r := reading{Symptoms: s}
	seen := map[string]bool{}
	add := func(text string, weight float64, alert bool) {
		for _, t := range words.Terms(text) {
			if !seen[t.Stem] && !noise[t.Stem] && len(r.signs) < maxSigns {
				seen[t.Stem] = true
				r.signs = append(r.signs, sign{word: t.Word, stem: t.Stem, weight: weight, alert: alert})
			}
		}
	}
	labels, text := splitLabels(s.Words)
	maps.Copy(labels, s.Labels)
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		key, v := strings.ToLower(k), labels[k]
		switch {
		case slices.Contains(serviceLabels, key):
			r.hits = append(r.hits, hit{name: v, key: nameKey(v), alert: true})
		case !slices.Contains(otherLabels, key):
			add(v, 1.2, true)
		}
	}
	add(text, 1, false)
	for _, v := range s.Services {
		r.hits = append(r.hits, hit{name: v, key: nameKey(v)})
	}
	for _, h := range r.hits {
		before := len(r.signs)
		add(h.key, 0.8, h.alert)
		for i := range r.signs[before:] {
			r.signs[before+i].name = true
		}
	}
	return r
}

// splitLabels returns the labels among the lines of a text, and the rest: the issue of a report lists
// its labels as "- service: payments", and people write so, too. Only labels that are known to say
// something of an alert are taken for some.
func splitLabels(text string) (labels map[string]string, rest string) {
	labels = map[string]string{}
	var kept []string
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.ReplaceAll(strings.Trim(line, "-*>`| \t\r\n"), `\`, ""), ":")
		key, value := strings.ToLower(strings.TrimSpace(name)), strings.Trim(value, "` ")
		switch {
		case ok && len(strings.Fields(value)) == 1 && (slices.Contains(serviceLabels, key) || isAlertName(key)):
			labels[key] = value
		case ok && slices.Contains(otherLabels, key):
		default:
			kept = append(kept, line)
		}
	}
	return labels, strings.Join(kept, "")
}

func isAlertName(key string) bool { return key == "alertname" || key == "alarmname" }

// mention adds the repositories that the words name, in full or each word of their names.
func (r *reading) mention(repos []string, c corpus) {
	text := map[string]bool{}
	for w := range strings.FieldsFuncSeq(strings.ToLower(r.Words), isBetweenWords) {
		text[words.Stem(w)] = true
	}
	for _, repo := range repos {
		h := hit{name: repo, key: nameKey(repo), mentioned: true, rare: 1}
		named := h.key != ""
		for w := range strings.FieldsSeq(h.key) {
			named = named && text[w]
			h.rare = min(h.rare, c.rarityInRepos(w))
		}
		if full := naming.Key(repo); named || full != "" && strings.Contains(naming.Key(r.Words), full) {
			r.hits = append(r.hits, h)
		}
	}
}

func isBetweenWords(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// parts are words that names of services and repositories have or lack for the same thing.
var parts = []string{"service", "svc", "api", "app", "server", "backend", "prod", "production"}

// nameKey returns the words of a name, without an owner and without what only says that it is a
// service: "payments" for "acme/payments-api".
func nameKey(name string) string {
	if _, repo, ok := naming.SplitRepository(name); ok {
		name = repo
	}
	var all, short []string
	for w := range strings.FieldsFuncSeq(strings.ToLower(name), isBetweenWords) {
		all = append(all, words.Stem(w))
		if !slices.Contains(parts, w) {
			short = append(short, words.Stem(w))
		}
	}
	if len(short) == 0 {
		short = all
	}
	return strings.Join(short, " ")
}
