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

// noise is the words of every incident.
var noise = stems(`alert alerts incident outage production prod customer customers user users client system service services
	site app problem issue issues broken break breaks broke down bad wrong critical major high low many several help investigate
	seems looks started since working works work new today morning`)

func stems(list string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		m[words.Stem(w)] = true
	}
	return m
}

// read reads the symptoms.
func read(s Symptoms) reading {
	r := reading{Symptoms: s, text: map[string]bool{}}
	seen := map[string]bool{}
	add := func(text string, weight float64, alert bool) {
		for _, t := range words.Terms(text) {
			if !seen[t.Stem] && !noise[t.Stem] && len(r.signs) < maxSigns {
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
	title field
	paths field
	repo  []string
}

// field is the words of a part of a change, and the lines of synonyms that they are in.
type field struct {
	in    map[string]mention
	lines map[int][]string
}

func newField() field { return field{in: map[string]mention{}, lines: map[int][]string{}} }

// add notes that a file, or the title, has a word.
func (f field) add(stem, file string) {
	m, known := f.in[stem]
	if !known {
		m.file = file
		for _, l := range synonyms[stem] {
			f.lines[l] = append(f.lines[l], stem)
		}
	}
	m.n++
	f.in[stem] = m
}

// mention is where a word is in the paths.
type mention struct {
	file string
	n    int // in how many files
}

// corpus is the words of all changes, and how many changes, and repositories, have each: what all
// have says nothing.
type corpus struct {
	docs  []doc
	in    map[string]int
	repos map[string]int
	named int // how many repositories there are
}

// maxFiles is how many files of a change are compared.
const maxFiles = 300

// index reads the words of all changes.
func index(all []candidate) corpus {
	c := corpus{in: map[string]int{}, repos: map[string]int{}}
	seen := map[string]bool{}
	for _, one := range all {
		d := readDoc(one.Change)
		c.docs = append(c.docs, d)
		for stem := range d.paths.in {
			c.in[stem]++
		}
		for stem := range d.title.in {
			if _, both := d.paths.in[stem]; !both {
				c.in[stem]++
			}
		}
		if key := naming.Key(one.Repo); !seen[key] {
			seen[key] = true
			c.named++
			for _, stem := range d.repo {
				c.repos[stem]++
			}
		}
	}
	return c
}

func readDoc(c Change) doc {
	d := doc{title: newField(), paths: newField()}
	for _, t := range words.Terms(c.Title + " " + strings.Join(c.Labels, " ")) {
		d.title.add(t.Stem, "")
	}
	for _, f := range c.Files[:min(len(c.Files), maxFiles)] {
		in := map[string]bool{}
		for _, t := range words.Terms(f) {
			if !in[t.Stem] {
				in[t.Stem] = true
				d.paths.add(t.Stem, f)
			}
		}
	}
	d.repo = strings.Fields(nameKey(c.Repo))
	return d
}

// rarity returns how telling a word is, from 0 to 1: 1 if only one change has it.
func (c corpus) rarity(stem string) float64 { return rarity(c.in[stem], len(c.docs)) }

// rarityInRepos returns how telling a word is that names of repositories have.
func (c corpus) rarityInRepos(stem string) float64 { return rarity(c.repos[stem], c.named) }

func rarity(in, of int) float64 {
	return math.Log2(1+float64(of)/float64(max(1, in))) / math.Log2(1+float64(max(1, of)))
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
	for _, s := range r.signs {
		if slices.Contains(d.repo, s.stem) {
			continue // counted as the service
		}
		if points, _ := d.title.find(s.stem, c, 1); points > 0 {
			title.add(s.weight*points, s, "")
		}
		if points, m := d.paths.find(s.stem, c, files); points > 0 {
			paths.add(s.weight*points, s, m.file)
		}
	}
	// Of a long text some word fits anything.
	scale := math.Min(1, math.Sqrt(fewSigns/float64(max(1, len(r.signs)))))
	title.sum *= scale
	paths.sum *= scale
	return title, paths
}

// fewSigns is how many words say as much as they can, each.
const fewSigns = 12

// find returns how well a field fits a word, from 0 to 1, and where it has it, or the rarest that
// means the same.
func (f field) find(stem string, c corpus, files int) (points float64, where mention) {
	if m, ok := f.in[stem]; ok {
		return c.rarity(stem) * share(m.n, files), m
	}
	found := ""
	for _, l := range synonyms[stem] {
		for _, s := range f.lines[l] {
			p := synonym * c.rarity(s) * share(f.in[s].n, files)
			if p > points || p == points && s < found {
				points, where, found = p, f.in[s], s
			}
		}
	}
	return points, where
}

// share returns how much a word says that n of the files have: in one of many files it is there by
// chance.
func share(n, files int) float64 {
	return 0.4 + 0.6*math.Sqrt(float64(n)/float64(max(n, files)))
}

// saturate returns how much of a weight a sum of words is worth: half for one rare word, then ever
// less for each further one.
func saturate(sum float64) float64 { return 1 - math.Exp2(-sum) }
