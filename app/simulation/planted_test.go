package simulation

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	planted = flag.Uint64("planted", 0, "plant each fault of testdata/planted, and play up to so many seeds until it is found")
	fault   = flag.String("fault", "", "only the faults whose file's name has this in it, or one of these: first|second")
	keep    = flag.String("keep", "", "only build the simulation with each fault, into this folder")
	known   = flag.Bool("known", false, "play only the seed by which a fault was found before")
)

// plantedFault is a fault that the product once had, or nearly had: a file of testdata/planted. Its
// first line says what it is, "By:" may name the test that finds it sooner, "Theme:" the themes to
// whose seeds the search is limited, and "Found:" says by which test and seed it was found. Edits follow, each with its place:
//
//	in app/engine func sendOnce
//	-	if !any_d.Sent.IsZero() {
//	+	if any_d.Sent.After(now) {
//
// An edit is found by its Go tokens, in any file below that folder: blanks, comments, the names of
// files, and which names are exported don't matter, and any_x matches any identifier. Lines that
// begin with a blank stay. Without a "-" line the new ones begin the function.
type plantedFault struct {
	name, title, tests string
	theme              string // names of themes, as of -theme; empty: any seed
	found              struct {
		test string
		seed uint64
	}
	edits []plantedEdit
}

type plantedEdit struct {
	pkg, function string
	before, after []string
}

// readFaults reads the faults whose file's name contains a text.
func readFaults(t *testing.T, of string) (all []plantedFault) {
	t.Helper()
	files, err := filepath.Glob("testdata/planted/*.fault")
	isMeant := func(file string) bool {
		return slices.ContainsFunc(strings.Split(of, "|"), func(part string) bool { return strings.Contains(filepath.Base(file), part) })
	}
	if err != nil || !slices.ContainsFunc(files, isMeant) {
		t.Fatal("no faults to plant: ", err)
	}
	for _, file := range files {
		if !isMeant(file) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parseFault(t, strings.TrimSuffix(filepath.Base(file), ".fault"), string(text)))
	}
	return all
}

func parseFault(t *testing.T, name, text string) plantedFault {
	t.Helper()
	f := plantedFault{name: name, tests: "TestA4FaultsChangeNothing|TestA4InvariantsHold"}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		value := func(key string) bool { return strings.HasPrefix(line, key+": ") }
		switch {
		case f.title == "":
			f.title = line
		case value("By"):
			f.tests = strings.TrimPrefix(line, "By: ")
		case value("Theme"):
			f.theme = strings.TrimPrefix(line, "Theme: ")
		case value("Found"):
			if _, err := fmt.Sscanf(line, "Found: %s %d", &f.found.test, &f.found.seed); err != nil {
				t.Fatalf("%s: %q: %v", name, line, err)
			}
		case strings.HasPrefix(line, "in "):
			pkg, function, _ := strings.Cut(strings.TrimPrefix(line, "in "), " func ")
			f.edits = append(f.edits, plantedEdit{pkg: pkg, function: function})
		case line == "" || len(f.edits) == 0:
		default:
			e := &f.edits[len(f.edits)-1]
			if line[0] != '+' {
				e.before = append(e.before, line[1:])
			}
			if line[0] != '-' {
				e.after = append(e.after, line[1:])
			}
		}
	}
	return f
}

// change replaces a part of a file.
type change struct {
	from, to int
	text     string
}

// goToken is a token of Go with its place.
type goToken struct {
	text     string
	from, to int
}

// tokensOf returns the tokens of Go code, without comments and the semicolons that line breaks mean.
func tokensOf(src []byte) (all []goToken) {
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(src))
	s.Init(file, src, func(token.Position, string) {}, 0)
	for {
		pos, tok, literal := s.Scan()
		if tok == token.EOF {
			return all
		}
		if tok == token.SEMICOLON && literal == "\n" {
			continue
		}
		if literal == "" {
			literal = tok.String()
		}
		from := file.Offset(pos)
		all = append(all, goToken{literal, from, from + len(literal)})
	}
}

// find returns where an edit belongs in a file. There must be one place in its package.
func (e plantedEdit) find(src []byte) (places []change) {
	from, to := 0, len(src)
	if e.function != "" {
		var ok bool
		if from, to, ok = bodyOf(src, e.function); !ok {
			return nil
		}
	}
	after := strings.Join(e.after, "\n")
	if len(e.before) == 0 {
		return []change{{from + 1, from + 1, "\n" + after + "\n"}}
	}
	pattern, all := tokensOf([]byte(strings.Join(e.before, "\n"))), tokensOf(src)
	for i := 0; i+len(pattern) <= len(all); i++ {
		bound, isMatch := map[string]string{}, all[i].from >= from && all[i+len(pattern)-1].to <= to
		for j := 0; j < len(pattern) && isMatch; j++ {
			want, got := pattern[j].text, all[i+j].text
			is, known := bound[want]
			isMatch = strings.EqualFold(want, got) || strings.HasPrefix(want, "any_") && token.IsIdentifier(got) && (!known || is == got)
			bound[want] = got
		}
		if isMatch {
			text := identifier.ReplaceAllStringFunc(after, func(name string) string { return cmp.Or(bound[name], name) })
			places = append(places, change{all[i].from, all[i+len(pattern)-1].to, text})
		}
	}
	return places
}

var identifier = regexp.MustCompile(`\b[A-Za-z_]\w*`)

// bodyOf returns where the body of a function or method is, with its braces.
func bodyOf(src []byte, name string) (from, to int, ok bool) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", src, parser.SkipObjectResolution)
	if err != nil {
		return 0, 0, false
	}
	for _, d := range file.Decls {
		if f, is := d.(*ast.FuncDecl); is && strings.EqualFold(f.Name.Name, name) && f.Body != nil {
			return set.Position(f.Body.Lbrace).Offset, set.Position(f.Body.End()).Offset, true
		}
	}
	return 0, 0, false
}

// plant returns what a fault changes, by file.
func (f plantedFault) plant(root string) (map[string][]change, error) {
	changes := map[string][]change{}
	for _, e := range f.edits {
		n := 0
		err := filepath.WalkDir(filepath.Join(root, e.pkg), func(file string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			src, err := os.ReadFile(file)
			for _, c := range e.find(src) {
				changes[file] = append(changes[file], c)
				n++
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if n != 1 {
			return nil, fmt.Errorf("%s does not fit the code any more: %d places in %s %s for %q", f.name, n, e.pkg, e.function, e.before)
		}
	}
	return changes, nil
}

// overlay writes changed files and the list of them that the go command takes.
func overlay(t *testing.T, changes map[string][]change) string {
	t.Helper()
	dir, replaced := t.TempDir(), map[string]string{}
	for _, file := range slices.Sorted(maps.Keys(changes)) {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all := slices.SortedFunc(slices.Values(changes[file]), func(a, b change) int { return b.from - a.from })
		for _, c := range all {
			src = slices.Concat(src[:c.from], []byte(c.text), src[c.to:])
		}
		replaced[file] = filepath.Join(dir, fmt.Sprintf("%d.go", len(replaced)))
		if err := os.WriteFile(replaced[file], src, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestPlantedFaultsFit holds that each fault still has its place in the code, and compiles there:
// all of them at once, but for those that change the same place.
func TestPlantedFaultsFit(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds half of the product")
	}
	root := rootOf(t)
	faults := readFaults(t, "")
	for len(faults) > 0 {
		all, packages := map[string][]change{}, map[string]bool{}
		var names []string
		faults = slices.DeleteFunc(faults, func(f plantedFault) bool {
			if f.title == "" || len(f.edits) == 0 {
				t.Errorf("%s: no title, or no edits", f.name)
				return true
			}
			changes, err := f.plant(root)
			if err != nil {
				t.Error(err)
				return true
			}
			for file, some := range changes {
				for _, c := range some {
					if slices.ContainsFunc(all[file], func(o change) bool { return c.from <= o.to && o.from <= c.to }) {
						return false
					}
				}
			}
			for file, some := range changes {
				all[file] = append(all[file], some...)
				packages[filepath.Dir(file)] = true
			}
			names = append(names, f.name)
			return true
		})
		if len(names) == 0 {
			continue
		}
		cmd := exec.Command("go", slices.Concat([]string{"build", "-overlay", overlay(t, all)}, slices.Sorted(maps.Keys(packages)))...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("one of %v does not compile: %v\n%s", names, err, out)
		}
	}
}

// TestPlantedFaultsAreFound measures what the simulation sees: each fault is planted, and seeds are
// played until one fails that passes without it. It builds and plays for long, so it has to be
// asked for:
//
//	go test ./app/simulation -run PlantedFaultsAreFound -planted 2000 -timeout 12h -v
//
// With -known only the seeds are played by which the faults were found before, which takes minutes.
func TestPlantedFaultsAreFound(t *testing.T) {
	if *planted == 0 && !*known && *keep == "" {
		t.Skip("it takes hours: ask for it with -planted 2000")
	}
	root := rootOf(t)
	whole := build(t, root, nil)
	for _, f := range readFaults(t, *fault) {
		t.Run(f.name, func(t *testing.T) {
			changes, err := f.plant(root)
			if err != nil {
				t.Fatal(err)
			}
			broken := build(t, root, changes)
			if *keep != "" {
				if err := os.Rename(broken, filepath.Join(*keep, f.name)); err != nil {
					t.Fatal(err)
				}
				return
			}
			if *known {
				if f.found.seed == 0 {
					t.Skip("no seed is known that finds it")
				}
				if seed, _ := find(t, broken, whole, f.found.test, "", f.found.seed, f.found.seed); seed == 0 {
					t.Errorf("%s: seed %d of %s does not find it any more", f.title, f.found.seed, f.found.test)
				}
				return
			}
			seed, why := find(t, broken, whole, f.tests, f.theme, *first, *planted)
			if seed == 0 {
				t.Fatalf("%s: not found within %d seeds", f.title, *planted)
			}
			t.Logf("%s\nFound: %s %d", f.title, why, seed)
		})
	}
}

func rootOf(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// build builds the simulation with changes to the product.
func build(t *testing.T, root string, changes map[string][]change) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "simulation")
	cmd := exec.Command("go", "test", "-c", "-ldflags=-s -w", "-overlay", overlay(t, changes), "-o", to, "./app/simulation")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return to
}

var failedSeed = regexp.MustCompile(`--- FAIL: (TestA4\w+)/seed=(\d+) `)

// find plays seeds until one fails that passes without the fault.
func find(t *testing.T, broken, whole, tests, theme string, from, to uint64) (seed uint64, why string) {
	t.Helper()
	together := uint64(6)
	if theme != "" {
		together = 1
	}
	for ; from <= to; from += together {
		if !isOfTheme(from, theme) && together == 1 {
			continue
		}
		out, failed := play(t, broken, tests, "-first", fmt.Sprint(from), "-seeds", fmt.Sprint(min(together, to-from+1)))
		if !failed {
			continue
		}
		for _, m := range failedSeed.FindAllStringSubmatch(out, -1) {
			if _, both := play(t, whole, m[1], "-first", m[2], "-seeds", "1"); both {
				continue
			}
			var n uint64
			if _, err := fmt.Sscan(m[2], &n); err == nil && (seed == 0 || n < seed) {
				seed, why = n, m[1]
			}
		}
		if seed != 0 {
			return seed, why
		}
	}
	return 0, ""
}

// play plays seeds, and reports whether one failed.
func play(t *testing.T, binary, tests string, args ...string) (out string, failed bool) {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"-test.run", "^(" + tests + ")$", "-test.parallel", "2", "-test.timeout", "1h"}, args...)...)
	text, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(text), err != nil
}
