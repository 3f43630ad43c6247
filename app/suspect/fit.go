package suspect

import (
	"math"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

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

// anyFile is names of files that say nothing.
var anyFile = stems("index main mod init types util utils helper helpers")

// corpus is the words of all changes, and how many changes, and repositories, have each: what all
// have says nothing.
type corpus struct {
	docs  []doc
	in    map[string]int
	repos map[string]int
	names []string // of the repositories
}

// maxFiles is how many files of a change are compared.
const maxFiles = 300

// index reads the words of all changes.
func index(all []candidate) corpus {
	c := corpus{in: map[string]int{}, repos: map[string]int{}}
	seen := map[string]bool{}
	for _, one := range all {
		d := readDoc(one)
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
			c.names = append(c.names, one.Repo)
			for _, stem := range d.repo {
				c.repos[stem]++
			}
		}
	}
	return c
}

func readDoc(c candidate) doc {
	d := doc{title: newField(), paths: newField()}
	for _, one := range append(c.brings, c.Change) {
		for _, t := range words.Terms(one.Title + " " + strings.Join(one.Labels, " ")) {
			d.title.add(t.Stem, "")
		}
	}
	for _, f := range c.Files[:min(len(c.Files), maxFiles)] {
		in := map[string]bool{}
		for _, t := range words.Terms(f) {
			if !in[t.Stem] && !anyFile[t.Stem] {
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
func (c corpus) rarityInRepos(stem string) float64 { return rarity(c.repos[stem], len(c.names)) }

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
const synonym = 0.6

// fits returns how the title and the paths of a change fit the words of the symptoms.
func (r reading) fits(d doc, c corpus, files int) (title, paths match) {
	for _, s := range r.signs {
		if slices.Contains(d.repo, s.stem) {
			continue // counted as the service
		}
		if points, _ := d.title.find(s.stem, c, 1); points > 0 {
			title.add(s.weight*points, s, "")
		}
		if points, m := d.paths.find(s.stem, c, files); points > 0 && !s.name {
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
const fewSigns = 30

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
