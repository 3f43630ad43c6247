// Command mutation measures tests: it changes a package's code in one small way at a time, and
// counts how many of the changes some test notices.
//
//	go run ./app/mutation -n 100 app/engine          100 mutants, drawn by -seed
//	go run ./app/mutation -n 0 -run 'TestA2' app/incident      all, by some of the tests
//	go run ./app/mutation -by app/card,app/engine=TestScenarios app/incident
//	go run ./app/mutation -n 0 -from survivors app/incident    those of an earlier output
//
// It does what gremlins does, for packages whose tests take too long for a run of all of them per
// mutant: all mutants are built into one test binary, an environment variable says which one is
// alive, and of each only those tests run that come by it: the package's own before those of other
// packages, and the fastest first. Tests that take a while are run subtest by subtest.
//
// testdata/equivalent lists the mutants that change nothing, and why. They are not tried.
package main

import (
	"context"
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

// options is what the command line says.
type options struct {
	n             int
	seed          uint64
	run, skip, by string
	from          string
	patience      time.Duration
}

func main() {
	var o options
	flag.IntVar(&o.n, "n", 100, "how many mutants; 0: all")
	flag.Uint64Var(&o.seed, "seed", 1, "which ones are drawn")
	flag.StringVar(&o.run, "run", ".", "the tests that run")
	flag.StringVar(&o.skip, "skip", "", "the tests that don't")
	flag.StringVar(&o.by, "by", "",
		"further packages whose tests count, with commas between them; app/engine=TestA: only these tests")
	flag.StringVar(&o.from, "from", "",
		"a file with the output of an earlier run: only what lived there is tried, by all tests at once")
	flag.DurationVar(&o.patience, "patience", time.Minute,
		"how much of a processor the tests of one mutant may take; what is slower is not run")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := measure(filepath.ToSlash(filepath.Clean(flag.Arg(0))), o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// measure tries mutants of a package.
func measure(pkg string, o options) error {
	dir, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	suites := []suite{{pkg, o.run}}
	if o.by != "" {
		for by := range strings.SplitSeq(o.by, ",") {
			name, run, ok := strings.Cut(by, "=")
			if !ok {
				run = "."
			}
			suites = append(suites, suite{name, run})
		}
	}
	b, err := buildAll(suites, dir)
	if err != nil {
		return err
	}
	ids, equivalent, err := b.drawn(o)
	if err != nil {
		return err
	}
	var tests []test
	if o.from == "" {
		tests, err = b.tests(o.skip, o.patience)
	} else {
		tests, err = b.suitesWhole(ids, o)
	}
	if err != nil {
		return err
	}
	count, logic := map[string]int{}, map[string]int{}
	for i, id := range ids {
		outcome := b.try(id, tests, o.patience)
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
	fmt.Printf("%s: %d mutants of %d tried, %d left out that change nothing\n", pkg, len(ids), len(b.mutants), equivalent)
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

// drawn returns the mutants that are to be tried, and how many of those that were drawn change
// nothing.
func (b *built) drawn(o options) (ids []int, equivalent int, err error) {
	ids = slices.Sorted(maps.Keys(b.mutants))
	if o.from != "" {
		text, err := os.ReadFile(o.from)
		if err != nil {
			return nil, 0, err
		}
		lived := map[string]bool{}
		for _, m := range survivor.FindAllStringSubmatch(string(text), -1) {
			lived[m[1]] = true
		}
		ids = slices.DeleteFunc(ids, func(id int) bool { return !lived[b.mutants[id].key()] })
	}
	rand.New(rand.NewPCG(o.seed, 1)).Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	if o.n > 0 && o.n < len(ids) {
		ids = ids[:o.n]
	}
	known, err := readEquivalent(filepath.Join(b.root, "app/mutation/testdata/equivalent"))
	if err != nil {
		return nil, 0, err
	}
	all := len(ids)
	ids = slices.DeleteFunc(ids, func(id int) bool {
		return known[b.suites[0].pkg][b.mutants[id].key()] != ""
	})
	return ids, all - len(ids), nil
}

// survivor is a line of the output about a mutant that was not killed.
var survivor = regexp.MustCompile(`(?m)^(?:lived|uncovered) +\w+\.go:\d+:\d+: (.+)$`)

// test is a test, or a part of one, with what it takes and which mutants it comes by.
type test struct {
	suite     int
	name      string // as in -test.run, without ^ and $
	skip      string // as in -test.skip, where it is a whole suite
	took      time.Duration
	hits      map[int]bool
	parts     []string
	isPartial bool
	isSuite   bool // name is a pattern for many tests
}

// suitesWhole returns each suite as one test, without looking what comes by which mutant: for a few
// mutants that takes less time.
func (b *built) suitesWhole(ids []int, o options) (all []test, err error) {
	for i, s := range b.suites {
		args := []string{"-test.short", "-test.run", s.run}
		if o.skip != "" {
			args = append(args, "-test.skip", o.skip)
		}
		cmd := b.command(context.Background(), i, args...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s fails without a mutant: %w\n%.2000s", s.pkg, err, out)
		}
		t := test{suite: i, name: s.run, skip: o.skip, isPartial: true, isSuite: true,
			took: processorTime(cmd), hits: map[int]bool{}}
		for _, id := range ids {
			t.hits[id] = true
		}
		all = append(all, t)
	}
	return all, nil
}

// processorTime is what a command took of a processor: on a busy machine it is the same.
func processorTime(cmd *exec.Cmd) time.Duration {
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// longTest is from when on the parts of a test are run each on its own.
const longTest = 2 * time.Second

// tests runs each test once, without a mutant, and returns them: the package's own first, and the
// fastest first.
func (b *built) tests(skip string, patience time.Duration) (all []test, err error) {
	skipped := regexp.MustCompile(skip)
	for i, s := range b.suites {
		list, err := b.command(context.Background(), i, "-test.list", s.run).Output()
		if err != nil {
			return nil, err
		}
		for name := range strings.FieldsSeq(string(list)) {
			isTest := strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz")
			if !isTest || skip != "" && skipped.MatchString(name) {
				continue
			}
			t, why := b.once(i, name, patience)
			if why != "" {
				fmt.Printf("%s is left out: %s\n", name, why)
				continue
			}
			all = append(all, b.parts(t, patience)...)
		}
	}
	slices.SortStableFunc(all, func(a, b test) int {
		if own := min(a.suite, 1) - min(b.suite, 1); own != 0 {
			return own
		}
		return int(a.took - b.took)
	})
	return all, nil
}

// parts returns the subtests of a test that takes a while, or else the test.
func (b *built) parts(t test, patience time.Duration) []test {
	if t.took < longTest || len(t.parts) < 2 || len(t.parts) > 100 || len(t.hits) == 0 {
		return []test{t}
	}
	var parts []test
	for _, name := range t.parts {
		part, why := b.once(t.suite, t.name+"/"+regexp.QuoteMeta(name), patience)
		if why != "" { // it needs those before it
			return []test{t}
		}
		part.isPartial = true
		parts = append(parts, part)
	}
	return parts
}

var subtest = regexp.MustCompile(`(?m)^=== RUN   \w+/([^/\n]+)$`)

// once runs a test once, and returns what it comes by, or why it can't be used.
func (b *built) once(suite int, name string, patience time.Duration) (t test, why string) {
	hits := filepath.Join(b.dir, "hits")
	_ = os.Remove(hits)
	ctx, stop := context.WithTimeout(context.Background(), busy*patience)
	defer stop()
	cmd := b.command(ctx, suite, "-test.short", "-test.v", "-test.run", pattern(name))
	cmd.Env = append(os.Environ(), "MUTANT_HITS="+hits)
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return t, "it takes longer than " + patience.String()
	case err != nil:
		return t, fmt.Sprintf("it fails without a mutant: %v\n%.2000s", err, out)
	}
	t = test{suite: suite, name: name, took: processorTime(cmd), hits: map[int]bool{}}
	for _, m := range subtest.FindAllStringSubmatch(string(out), -1) {
		t.parts = append(t.parts, m[1])
	}
	text, _ := os.ReadFile(hits)
	for id := range strings.FieldsSeq(string(text)) {
		if n, err := strconv.Atoi(id); err == nil {
			t.hits[n] = true
		}
	}
	return t, ""
}

// pattern returns what runs one test, or one part of it.
func pattern(name string) string {
	test, part, isPart := strings.Cut(name, "/")
	if isPart {
		return "^" + test + "$/^" + part + "$"
	}
	return "^" + test + "$"
}

// command runs tests of a suite.
func (b *built) command(ctx context.Context, suite int, args ...string) *exec.Cmd {
	s := b.suites[suite]
	if b.rapid[suite] {
		// a mutant that a property does not notice within a few cases, other tests must notice
		args = append([]string{"-rapid.nofailfile", "-rapid.shrinktime=0s", "-rapid.checks=25"}, args...)
	}
	cmd := exec.CommandContext(ctx, b.binary(s.pkg), args...)
	cmd.Dir = filepath.Join(b.root, s.pkg)
	cmd.WaitDelay = time.Second
	return cmd
}

// together is how many tests run at once, unless they take longer than togetherFor.
const (
	together    = 8
	togetherFor = time.Second
)

// try runs the tests that come by a mutant until one fails.
func (b *built) try(id int, tests []test, patience time.Duration) string {
	outcome, left := "uncovered", patience
	var batch []test
	var took time.Duration
	run := func() (killed bool) {
		defer func() { batch, took = nil, 0 }()
		names := map[int][]string{}
		for _, t := range batch {
			if t.isPartial {
				run := pattern(t.name)
				if t.isSuite {
					run = t.name
				}
				if b.fails(id, t.suite, run, t.skip, t.took) {
					return true
				}
				continue
			}
			names[t.suite] = append(names[t.suite], t.name)
		}
		for suite, names := range names {
			if b.fails(id, suite, "^("+strings.Join(names, "|")+")$", "", took) {
				return true
			}
		}
		return false
	}
	for _, t := range tests {
		if !t.hits[id] || t.took > left {
			continue
		}
		outcome, left, batch, took = "lived", left-t.took, append(batch, t), took+t.took
		if (len(batch) == together || took > togetherFor) && run() {
			return "killed"
		}
	}
	if run() {
		return "killed"
	}
	return outcome
}

// busy is how much slower the machine may be than a processor of its own.
const busy = 20

// fails runs tests with a mutant. Those that take much longer than without it fail.
func (b *built) fails(id, suite int, run, skip string, took time.Duration) bool {
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second+busy*took)
	defer stop()
	args := []string{"-test.short", "-test.failfast", "-test.run", run}
	if skip != "" {
		args = append(args, "-test.skip", skip)
	}
	cmd := b.command(ctx, suite, args...)
	cmd.Env = append(os.Environ(), "MUTANT="+strconv.Itoa(id))
	return cmd.Run() != nil
}
