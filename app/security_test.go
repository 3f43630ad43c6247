package app

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// files walks the repository's files of a kind.
func files(t *testing.T, suffix string, read func(path, content string)) {
	t.Helper()
	n := 0
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, suffix) {
			return nil
		}
		content, err := os.ReadFile(path)
		n++
		read(path, string(content))
		return err
	})
	if err != nil || n == 0 {
		t.Fatalf("%d files end in %s: %v", n, suffix, err)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What SECURITY.md says is held by tests that it names: each of them is there.
func TestEveryTestThatSECURITYNamesExists(t *testing.T) {
	known := testNames(t)
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(content(t, "SECURITY.md"), -1)
	if len(named) < 50 {
		t.Errorf("SECURITY.md names %d tests only", len(named))
	}
	for _, m := range named {
		if !known[m[1]] {
			t.Errorf("SECURITY.md names %s, which there is not", m[1])
		}
	}
}

// Each thing from outside is of one version: what CI runs, what the documentation tells people to
// run, and what npm installs for tests.
func TestEverythingIsPinned(t *testing.T) {
	run := regexp.MustCompile(`(?:go run|go install|npx) ([\w.-]+(?:\.|/|@)[^\s` + "`" + `]*|osls\S*)`)
	version := regexp.MustCompile(`@v?\d+\.\d+\.\d+$`)
	found := 0
	for _, path := range append(pages(t), ".ci/run", ".ci/fuzz", ".ci/lint", ".ci/release", ".goreleaser.yaml",
		".github/workflows/release.yml", "serverless.yml", "Makefile") {
		for _, m := range run.FindAllStringSubmatch(content(t, path), -1) {
			if strings.HasPrefix(m[1], ".") {
				continue // our own
			}
			found++
			if !version.MatchString(m[1]) {
				t.Errorf("%s runs %s, of no version", path, m[1])
			}
		}
	}
	if found < 4 {
		t.Errorf("%d commands only", found)
	}
	if strings.Contains(content(t, "go.mod"), "replace ") {
		t.Error("go.mod replaces a module")
	}
	exact := regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	files(t, "package.json", func(path, text string) {
		var p struct{ Dependencies, DevDependencies map[string]string }
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for _, all := range []map[string]string{p.Dependencies, p.DevDependencies} {
			for name, v := range all {
				if !exact.MatchString(v) {
					t.Errorf("%s has %s of %s", path, name, v)
				}
			}
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "package-lock.json")); err != nil {
			t.Errorf("%s has no lock file", path)
		}
	})
	ci := content(t, ".ci/run")
	for _, step := range []string{"go mod verify", "CGO_ENABLED=0", "govulncheck@", "cmp "} {
		if !strings.Contains(ci, step) {
			t.Errorf("CI does not run %q", step)
		}
	}
	if installs := regexp.MustCompile(`npm (?:install|i) `).FindString(ci); installs != "" ||
		!slices.Contains(strings.Fields(ci), "ci") {
		t.Error("CI installs npm packages without their lock file")
	}
}
