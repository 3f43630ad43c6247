package suspect

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

// sign is a word of the symptoms.
type sign struct {
	word   string // as it was written
	stem   string
	weight float64 // 1 for a word of the summary
	alert  bool    // it is from an alert
}

// hit is the name of something that is said to be hit.
type hit struct {
	name  string // "payments", "acme/payments"
	key   string // its words, in a form in which names are compared
	alert bool
}

// reading is the symptoms, read.
type reading struct {
	Symptoms
	signs []sign
	hits  []hit
	text  map[string]bool // the stems of the words
}

// maxSigns is how many different words of the symptoms are compared.
const maxSigns = 300

// serviceLabels are the labels of alerts whose value is the name of a service.
var serviceLabels = strings.Fields(`service app application component job namespace deployment container workload
	statefulset repository repo project service_name kubernetes_namespace app_kubernetes_io_name`)

// otherLabels are those that say nothing about what broke.
var otherLabels = strings.Fields(`severity instance pod prometheus endpoint cluster region env environment node monitor
	priority receiver team owner uid id`)

// read reads the symptoms.
func read(s Symptoms) reading {
	r := reading{Symptoms: s, text: map[string]bool{}}
	seen := map[string]bool{}
	add := func(text string, weight float64, alert bool) {
		for _, t := range words.Terms(text) {
			if !seen[t.Stem] && len(r.signs) < maxSigns {
				seen[t.Stem] = true
				r.signs = append(r.signs, sign{word: t.Word, stem: t.Stem, weight: weight, alert: alert})
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(s.Labels)) {
		key, v := strings.ToLower(k), s.Labels[k]
		switch {
		case slices.Contains(serviceLabels, key):
			r.hits = append(r.hits, hit{name: v, key: nameKey(v), alert: true})
		case !slices.Contains(otherLabels, key):
			add(v, 1.2, true)
		}
	}
	add(s.Words, 1, false)
	for _, t := range words.Terms(s.Words) {
		r.text[t.Stem] = true
	}
	for _, v := range s.Services {
		r.hits = append(r.hits, hit{name: v, key: nameKey(v)})
	}
	for _, h := range r.hits {
		add(h.name, 0.8, h.alert)
	}
	return r
}

// parts are words that names of services and repositories have or lack for the same thing.
var parts = []string{"service", "svc", "api", "app", "server", "backend", "prod", "production"}

// nameKey returns the words of a name, without an owner and without what only says that it is a
// service: "payments" for "acme/payments-api".
func nameKey(name string) string {
	if _, repo, ok := naming.SplitRepository(name); ok {
		name = repo
	}
	var all, short []string
	isBetween := func(r rune) bool { return strings.ContainsRune("-_. ", r) }
	for w := range strings.FieldsFuncSeq(strings.ToLower(name), isBetween) {
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

// doc is the words of a change.
type doc struct {
	title map[string]bool
	paths map[string]mention
	repo  []string
	all   map[string]bool
}

// mention is where a word is in the paths.
type mention struct {
	file string
	n    int // in how many files
}

// corpus is the words of all changes, and how many changes have each: what all have says nothing.
type corpus struct {
	docs []doc
	in   map[string]int
}

// maxFiles is how many files of a change are compared.
const maxFiles = 300

// index reads the words of all changes.
func index(all []candidate) corpus {
	c := corpus{in: map[string]int{}}
	for _, one := range all {
		d := readDoc(one.Change)
		c.docs = append(c.docs, d)
		for stem := range d.all {
			c.in[stem]++
		}
	}
	return c
}

func readDoc(c Change) doc {
	d := doc{title: map[string]bool{}, paths: map[string]mention{}, all: map[string]bool{}}
	for _, t := range words.Terms(c.Title + " " + strings.Join(c.Labels, " ")) {
		d.title[t.Stem], d.all[t.Stem] = true, true
	}
	for _, f := range c.Files[:min(len(c.Files), maxFiles)] {
		in := map[string]bool{}
		for _, t := range words.Terms(f) {
			if in[t.Stem] {
				continue
			}
			in[t.Stem], d.all[t.Stem] = true, true
			m := d.paths[t.Stem]
			if m.file == "" {
				m.file = f
			}
			m.n++
			d.paths[t.Stem] = m
		}
	}
	_, repo, _ := strings.Cut(c.Repo, "/")
	for _, t := range words.Terms(repo) {
		d.repo = append(d.repo, t.Stem)
		d.all[t.Stem] = true
	}
	return d
}

// rarity returns how telling a stem is, from 0 to 1: 1 if only one change has it.
func (c corpus) rarity(stem string) float64 {
	n := float64(len(c.docs))
	return math.Log2(1+n/float64(max(1, c.in[stem]))) / math.Log2(1+n)
}

// match is the best word of the symptoms that a part of a change fits.
type match struct {
	sum  float64 // of all words that fit
	best float64
	sign sign
	file string
}

func (m *match) add(points float64, s sign, file string) {
	m.sum += points
	if points > m.best {
		m.best, m.sign, m.file = points, s, file
	}
}

// synonym is how much a word of the same meaning fits, against the word itself.
const synonym = 0.5

// fits returns how the title and the paths of a change fit the words of the symptoms.
func (r reading) fits(d doc, c corpus, files int) (title, paths match) {
	own := map[string]bool{}
	for _, s := range d.repo {
		own[s] = true // counted as the service
	}
	for _, s := range r.signs {
		if own[s.stem] {
			continue
		}
		if d.title[s.stem] {
			title.add(s.weight*c.rarity(s.stem), s, "")
		} else if points, _ := nearest(s.stem, maps.Keys(d.title), c); points > 0 {
			title.add(synonym*s.weight*points, s, "")
		}
		if m, ok := d.paths[s.stem]; ok {
			paths.add(s.weight*c.rarity(s.stem)*share(m.n, files), s, m.file)
		} else if points, stem := nearest(s.stem, maps.Keys(d.paths), c); points > 0 {
			m := d.paths[stem]
			paths.add(synonym*s.weight*points*share(m.n, files), s, m.file)
		}
	}
	return title, paths
}

// nearest returns the rarest of the stems that means the same, and how rare it is.
func nearest(stem string, of func(func(string) bool), c corpus) (points float64, found string) {
	if synonyms[stem] == nil {
		return 0, ""
	}
	for s := range of {
		if !areSynonyms(stem, s) {
			continue
		}
		if p := c.rarity(s); p > points || p == points && s < found {
			points, found = p, s
		}
	}
	return points, found
}

// share returns how much a word says that n of the files have: in one of many files it is there by
// chance.
func share(n, files int) float64 {
	return 0.4 + 0.6*math.Sqrt(float64(n)/float64(max(n, files)))
}

// saturate returns how much of a weight a sum of words is worth: half for one rare word, then ever
// less for each further one.
func saturate(sum float64) float64 { return 1 - math.Exp2(-sum) }
