package app

import (
	"fmt"
	"regexp"
	"testing"
)

// Each kind of docs/inputs.md has tests, which exist.
func TestInputsAreTested(t *testing.T) {
	tests := testNames(t)
	kinds := map[string]int{}
	for _, row := range regexp.MustCompile(`(?m)^\| (K\d+) \|.*\| ([^|]+) \|$`).FindAllStringSubmatch(content(t, "docs/inputs.md"), -1) {
		for _, name := range regexp.MustCompile("`(Test[^`]+)`").FindAllStringSubmatch(row[2], -1) {
			kinds[row[1]]++
			if !tests[name[1]] {
				t.Errorf("docs/inputs.md names %s for %s, which does not exist", name[1], row[1])
			}
		}
	}
	for n := range 21 {
		if kind := fmt.Sprint("K", n+1); kinds[kind] == 0 {
			t.Errorf("docs/inputs.md names no test of %s", kind)
		}
	}
}
