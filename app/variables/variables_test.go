package variables_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/variables"
)

var update = flag.Bool("update", false, "write docs/environment.md from the table")

const root = "../.."

// A variable that the code reads is in the table, and the other way round.
func TestTheTableHasTheVariablesOfTheCode(t *testing.T) {
	used := variablesOfTheCode(t)
	for name, file := range used {
		if !isListed(name) {
			t.Errorf("%s reads %s, which is not in the table", file, name)
		}
	}
	for _, v := range variables.All {
		name, _, _ := strings.Cut(v.Name, "…")
		if used[name] == "" {
			t.Errorf("no code reads %s", v.Name)
		}
	}
}

// variablesOfTheCode returns the names that the code has as strings, and a file of each. The
// sandbox is a world of its own, and what measures the product sets variables and reads none.
func variablesOfTheCode(t *testing.T) map[string]string {
	t.Helper()
	name := regexp.MustCompile(`"(FIREBREAK_[A-Z0-9_]+)["+ ]`)
	used := map[string]string{}
	for _, under := range []string{"app", "cmd", "functions"} {
		err := filepath.WalkDir(filepath.Join(root, under), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() && (d.Name() == "sandbox" || d.Name() == "variables" || d.Name() == "bench") {
				if err == nil {
					err = fs.SkipDir
				}
				return err
			}
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			source, err := os.ReadFile(path)
			for _, m := range name.FindAllStringSubmatch(string(source), -1) {
				used[m[1]] = path
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return used
}

func isListed(name string) bool {
	for _, v := range variables.All {
		if v.Name == name {
			return true
		}
		before, after, many := strings.Cut(v.Name, "…")
		if many && (name == before || strings.HasPrefix(name, before) && strings.HasSuffix(name, after)) {
			return true
		}
	}
	return false
}

func TestTheDocumentationIsUpToDate(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(`<!-- Written from app/variables/variables.go: go test ./app/variables -update -->
# Environment

What the operator sets, as environment variables. On AWS a variable may refer to a secret instead of holding it: to a parameter of
Systems Manager, or a secret of Secrets Manager. [Set-up](setup.md) walks through those that are needed.
`)
	for _, group := range variables.Groups {
		fmt.Fprintf(&b, "\n## %s\n\n| variable | meaning | default | example |\n|---|---|---|---|\n", group)
		for _, v := range variables.All {
			if v.Group != group {
				continue
			}
			about := v.About
			if v.Required {
				about += " Required."
			}
			example := ""
			if v.Example != "" {
				example = "`" + v.Example + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", v.Name, about, v.Default, example)
		}
	}

	path := filepath.Join(root, "docs/environment.md")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, b.Bytes()) {
		t.Errorf("%s is stale (%v): go test ./app/variables -update", path, err)
	}
}
