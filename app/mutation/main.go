// Command mutation measures tests: it changes a package's code in one small way at a time, and
// counts how many of the changes some test notices.
//
//	go run ./app/mutation -n 100 app/engine          100 mutants, drawn by -seed
//	go run ./app/mutation -n 0 -run 'TestA2' app/incident      all, by some of the tests
//
// It does what gremlins does, for packages whose tests take too long for a run of all of them per
// mutant: all mutants are built into one test binary, an environment variable says which one is
// alive, and of each only those tests run that come by it, the fastest first.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	n := flag.Int("n", 100, "how many mutants; 0: all")
	seed := flag.Uint64("seed", 1, "which ones are drawn")
	run := flag.String("run", ".", "the tests that run")
	byRun := flag.String("by-run", ".", "the tests of the further packages that run")
	skip := flag.String("skip", "", "the tests that don't")
	by := flag.String("by", "", "further packages whose tests count, with commas between them")
	patience := flag.Duration("patience", time.Minute,
		"how long the tests of one mutant may take; what is slower is not run")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	packages := []string{flag.Arg(0)}
	if *by != "" {
		packages = append(packages, strings.Split(*by, ",")...)
	}
	if err := measure(packages, *n, *seed, *run, *byRun, *skip, *patience); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// measure tries n mutants of the first of some packages by the tests of all of them.
func measure(packages []string, n int, seed uint64, run, byRun, skip string, patience time.Duration) error {
	dir, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := buildAll(packages, dir)
	if err != nil {
		return err
	}
	tests, err := b.tests(run, byRun, skip, patience)
	if err != nil {
		return err
	}
	ids := slices.Sorted(maps.Keys(b.mutants))
	rand.New(rand.NewPCG(seed, 1)).Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	if n > 0 && n < len(ids) {
		ids = ids[:n]
	}
	count, logic := map[string]int{}, map[string]int{}
	for i, id := range ids {
		outcome := b.try(id, tests, patience)
		if b.mutants[id].isLogic() {
			logic[outcome]++
		} else {
			count[outcome]++
		}
		if outcome != "killed" {
			fmt.Printf("%-10s %s\n", outcome, b.mutants[id])
		}
		if i%50 == 49 {
			fmt.Printf("… %d of %d: %v\n", i+1, len(ids), count)
		}
	}
	fmt.Printf("%s: %d mutants of %d tried\n", packages[0], len(ids), len(b.mutants))
	fmt.Printf("what gremlins changes: %v, %.1f %% killed\n", count, killed(count))
	fmt.Printf("&&, || and !: %v, %.1f %% killed\n", logic, killed(logic))
	return nil
}

// killed returns how many of a hundred were killed.
func killed(count map[string]int) float64 {
	all := 0
	for _, n := range count {
		all += n
	}
	return 100 * float64(count["killed"]) / float64(max(1, all))
}

// built are test binaries with all mutants of a package.
type built struct {
	root, dir string
	packages  []string // whose tests they are; the first is the one that has the mutants
	mutants   map[int]mutant
}

var position = regexp.MustCompile(`(\w+\.go):(\d+):\d+: `)

// buildAll builds the tests of some packages with all mutants of the first, but for those that
// don't compile.
func buildAll(packages []string, dir string) (*built, error) {
	root, err := filepath.Abs(".")
	if err != nil {
		return nil, err
	}
	b := &built{root: root, dir: dir, packages: packages}
	dropped := map[string]bool{} // lines
	overlay := filepath.Join(dir, "overlay.json")
	for range 40 {
		replaced := map[string]string{}
		if b.mutants, err = mutate(filepath.Join(root, packages[0]), dir, dropped, replaced); err != nil {
			return nil, err
		}
		text, err := json.Marshal(map[string]any{"Replace": replaced})
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(overlay, text, 0o600); err != nil {
			return nil, err
		}
		out, err := b.build(packages[0], overlay)
		if err == nil {
			break
		}
		before := len(dropped)
		for _, m := range position.FindAllStringSubmatch(out, -1) {
			dropped[m[1]+":"+m[2]] = true
		}
		if len(dropped) == before {
			return nil, fmt.Errorf("the mutants don't compile: %w\n%s", err, out)
		}
	}
	for _, pkg := range packages[1:] {
		if out, err := b.build(pkg, overlay); err != nil {
			return nil, fmt.Errorf("%w\n%s", err, out)
		}
	}
	return b, nil
}

// build builds the tests of one package.
func (b *built) build(pkg, overlay string) (string, error) {
	build := exec.Command("go", "test", "-c", "-vet=off", "-gcflags=-e", "-ldflags=-s -w",
		"-overlay", overlay, "-o", b.binary(pkg), "./"+pkg)
	out, err := build.CombinedOutput()
	return string(out), err
}

func (b *built) binary(pkg string) string {
	return filepath.Join(b.dir, strings.ReplaceAll(pkg, "/", "-")+".test")
}

// test is a test, with what it takes and which mutants it comes by.
type test struct {
	pkg, name string
	took      time.Duration
	hits      map[int]bool
}

// tests runs each test once, without a mutant, and returns them, the fastest first.
func (b *built) tests(run, byRun, skip string, patience time.Duration) (all []test, err error) {
	for i, pkg := range b.packages {
		if i > 0 {
			run = byRun
		}
		list, err := b.command(context.Background(), pkg, "-test.list", run).Output()
		if err != nil {
			return nil, err
		}
		for name := range strings.FieldsSeq(string(list)) {
			isTest := strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz")
			if !isTest || skip != "" && regexp.MustCompile(skip).MatchString(name) {
				continue
			}
			if t, why := b.once(pkg, name, patience); why != "" {
				fmt.Printf("%s is left out: %s\n", name, why)
			} else {
				all = append(all, t)
			}
		}
	}
	slices.SortFunc(all, func(a, b test) int { return int(a.took - b.took) })
	return all, nil
}

// once runs a test once, and returns what it comes by, or why it can't be used.
func (b *built) once(pkg, name string, patience time.Duration) (t test, why string) {
	hits := filepath.Join(b.dir, "hits")
	_ = os.Remove(hits)
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	cmd := b.command(ctx, pkg, "-test.short", "-test.run", "^"+name+"$")
	cmd.Env = append(os.Environ(), "MUTANT_HITS="+hits)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return t, "it takes longer than " + patience.String()
	case err != nil:
		return t, fmt.Sprintf("it fails without a mutant: %v\n%.2000s", err, out)
	}
	t = test{pkg: pkg, name: name, took: time.Since(began), hits: map[int]bool{}}
	text, _ := os.ReadFile(hits)
	for id := range strings.FieldsSeq(string(text)) {
		if n, err := strconv.Atoi(id); err == nil {
			t.hits[n] = true
		}
	}
	return t, ""
}

func (b *built) command(ctx context.Context, pkg string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.binary(pkg), args...)
	cmd.Dir = filepath.Join(b.root, pkg)
	cmd.WaitDelay = time.Second
	return cmd
}

// together is how many tests run at once.
const together = 8

// try runs the tests that come by a mutant until one fails.
func (b *built) try(id int, tests []test, patience time.Duration) string {
	outcome, left := "uncovered", patience
	var batch []test
	run := func() (killed bool) {
		byPackage := map[string][]string{}
		for _, t := range batch {
			byPackage[t.pkg] = append(byPackage[t.pkg], t.name)
		}
		batch = nil
		for pkg, names := range byPackage {
			ctx, stop := context.WithTimeout(context.Background(), 3*patience)
			cmd := b.command(ctx, pkg, "-test.short", "-test.failfast", "-test.run", "^("+strings.Join(names, "|")+")$")
			cmd.Env = append(os.Environ(), "MUTANT="+strconv.Itoa(id))
			err := cmd.Run()
			stop()
			if err != nil { // a time-out too
				return true
			}
		}
		return false
	}
	for _, t := range tests {
		if !t.hits[id] || t.took > left {
			continue
		}
		outcome, left, batch = "lived", left-t.took, append(batch, t)
		if len(batch) == together && run() {
			return "killed"
		}
	}
	if run() {
		return "killed"
	}
	return outcome
}
