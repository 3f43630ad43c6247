package main

import (
	"fmt"
	"os"
	"strings"
)

// readEquivalent reads which mutants change nothing: for each package, why, by the mutant's key.
//
// The file has a line for each mutant, "package function: code: from → to", and below it, indented,
// the reason. Mutants with the same reason are listed one below the other.
func readEquivalent(path string) (map[string]map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	known := map[string]map[string]string{}
	var open [][2]string // those whose reason is still to come
	for i, line := range strings.Split(string(text), "\n") {
		switch reason := strings.TrimSpace(line); {
		case reason == "" || strings.HasPrefix(line, "#"):
		case line[0] == ' ' || line[0] == '\t':
			for _, of := range open {
				known[of[0]][of[1]] = reason
			}
			open = nil
		default:
			pkg, key, ok := strings.Cut(line, " ")
			if !ok {
				return nil, fmt.Errorf("%s:%d: %q names no mutant: write the package, a space and what the tool prints "+
					"after the position", path, i+1, line)
			}
			if known[pkg] == nil {
				known[pkg] = map[string]string{}
			}
			open = append(open, [2]string{pkg, key})
		}
	}
	if len(open) > 0 {
		return nil, fmt.Errorf("%s: no reason follows %s", path, open[0][1])
	}
	return known, nil
}
