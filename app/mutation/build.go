package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// suite is tests of a package.
type suite struct{ pkg, run string }

// built are test binaries with all mutants of a package.
type built struct {
	root, dir string
	suites    []suite // the first is of the package that has the mutants
	mutants   map[int]mutant
	rapid     []bool // which of the suites have properties
}

var position = regexp.MustCompile(`(\w+\.go):(\d+):\d+: `)

// buildAll builds the tests of some packages with all mutants of the first, but for those that
// don't compile.
func buildAll(suites []suite, dir string) (*built, error) {
	root, err := filepath.Abs(".")
	if err != nil {
		return nil, err
	}
	b := &built{root: root, dir: dir, suites: suites, rapid: make([]bool, len(suites))}
	dropped := map[string]bool{} // lines
	overlay := filepath.Join(dir, "overlay.json")
	for range 40 {
		replaced := map[string]string{}
		if b.mutants, err = mutate(filepath.Join(root, suites[0].pkg), dir, dropped, replaced); err != nil {
			return nil, err
		}
		text, err := json.Marshal(map[string]any{"Replace": replaced})
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(overlay, text, 0o600); err != nil {
			return nil, err
		}
		out, err := b.build(suites[0].pkg, overlay)
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
	for i, s := range suites {
		if i > 0 {
			if out, err := b.build(s.pkg, overlay); err != nil {
				return nil, fmt.Errorf("%w\n%s", err, out)
			}
		}
		// a binary without package rapid does not know its flags
		b.rapid[i] = b.command(context.Background(), i, "-rapid.nofailfile", "-test.list", "^$").Run() == nil
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
