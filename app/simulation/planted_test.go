package simulation

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	planted = flag.Uint64("planted", 0, "plant each fault of testdata/planted, and play up to so many seeds until it is found")
	fault   = flag.String("fault", "", "only the faults whose file's name has this in it")
)

// TestPlantedFaultsAreFound measures what the simulation sees: each file of testdata/planted is a fault
// that the product once had, or nearly had: in the first line what, and perhaps in the second by which
// test. It is planted in a copy of the product, and seeds are played
// until one fails that passes without it. It builds and plays for long, so it has to be asked for:
//
//	go test ./app/simulation -run Planted -planted 2000 -timeout 12h -v
func TestPlantedFaultsAreFound(t *testing.T) {
	if *planted == 0 {
		t.Skip("it takes hours: ask for it with -planted 2000")
	}
	patches, err := filepath.Glob("testdata/planted/*" + *fault + "*.patch")
	if err != nil || len(patches) == 0 {
		t.Fatal("no faults to plant: ", err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	whole := build(t, root)
	for _, patch := range patches {
		name := strings.TrimSuffix(filepath.Base(patch), ".patch")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(patch)
			if err != nil {
				t.Fatal(err)
			}
			tree := t.TempDir()
			for _, part := range []string{"app", "templates", "go.mod", "go.sum"} {
				run(t, root, "cp", "-r", part, tree)
			}
			apply := exec.Command("patch", "-p1", "--no-backup-if-mismatch")
			apply.Dir, apply.Stdin = tree, strings.NewReader(string(text))
			if out, err := apply.CombinedOutput(); err != nil {
				t.Fatalf("the fault does not fit the code any more: %v\n%s", err, out)
			}
			broken := build(t, tree)
			title, rest, _ := strings.Cut(string(text), "\n")
			tests := "TestA4FaultsChangeNothing|TestA4InvariantsHold"
			if first, _, _ := strings.Cut(rest, "\n"); strings.HasPrefix(first, "By: ") { // by the one that sees it sooner
				tests = strings.TrimPrefix(first, "By: ")
			}
			seed, why := find(t, broken, whole, tests)
			if seed == 0 {
				t.Fatalf("%s: not found within %d seeds", title, *planted)
			}
			t.Logf("%s: found by seed %d of %d, %s", title, seed, *planted, why)
		})
	}
}

// run runs a command that must succeed.
func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// build builds the simulation of a tree.
func build(t *testing.T, tree string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "simulation")
	run(t, tree, "go", "test", "-c", "-o", to, "./app/simulation")
	return to
}

var failedSeed = regexp.MustCompile(`--- FAIL: (TestA4\w+)/seed=(\d+) `)

// find plays seeds until one fails that passes without the fault.
func find(t *testing.T, broken, whole, tests string) (seed uint64, why string) {
	t.Helper()
	const together = 10
	for from := uint64(1); from <= *planted; from += together {
		out, failed := play(t, broken, tests, "-first", fmt.Sprint(from), "-seeds", fmt.Sprint(min(together, *planted-from+1)))
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
	cmd.Dir = "."
	text, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(text), err != nil
}
