package main

import (
	"path/filepath"
	"testing"
)

// What is listed as a change without effect is a change that can still be made.
func TestEquivalentMutantsFit(t *testing.T) {
	known, err := readEquivalent("testdata/equivalent")
	if err != nil {
		t.Fatal(err)
	}
	for pkg, why := range known {
		mutants, err := mutate(filepath.Join("../..", pkg), t.TempDir(), nil, map[string]string{})
		if err != nil {
			t.Fatal(err)
		}
		made := map[string]bool{}
		for _, m := range mutants {
			made[m.key()] = true
		}
		for key := range why {
			if !made[key] {
				t.Errorf("no mutant of %s is %q: remove it from testdata/equivalent, or mend it", pkg, key)
			}
		}
	}
}
