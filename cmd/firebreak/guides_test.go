package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/server"
	"github.com/firebreak-dev/firebreak/app/variables"
)

// guides returns what tells people how to run the product: the documentation, and the files to run it
// with.
func guides(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	add := func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(path, "../../")] = string(text)
	}
	for _, pattern := range []string{"README.md", "RUNBOOK.md", "SECURITY.md", "docs/*.md", "compose.yaml", ".goreleaser.yaml"} {
		paths, err := filepath.Glob("../../" + pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, path := range paths {
			add(path)
		}
	}
	err := filepath.WalkDir("../../templates/deploy", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			add(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var (
	codePattern = regexp.MustCompile("(?ms)^ *```\\w*\n(.*?)^ *```|`([^`\n]+)`")
	// An invocation is at the beginning of a line, or after what runs another command.
	callPattern = regexp.MustCompile(`(?m)(?:^ *|sudo |\.env\) |-- |exec firebreak |run \./cmd/)(firebreak(?:-serve)?)((?: +[^\s'|;&<>)]+)*)`)
	namePattern = regexp.MustCompile(`FIREBREAK_[A-Z0-9_…]+`)
)

// calls returns the invocations of our binaries in a page's code, each as the binary and its arguments.
func calls(text string) [][]string {
	var all [][]string
	for _, code := range codePattern.FindAllStringSubmatch(text, -1) {
		joined := strings.ReplaceAll(code[1]+code[2], "\\\n", " ")
		for _, call := range callPattern.FindAllStringSubmatch(joined, -1) {
			all = append(all, append(call[1:2:2], strings.Fields(call[2])...))
		}
	}
	return all
}

// TestTheGuidesNameWhatExists holds every command, flag and environment variable of the documentation
// and of the files to deploy with against the product.
func TestTheGuidesNameWhatExists(t *testing.T) {
	t.Parallel()
	found := 0
	for page, text := range guides(t) {
		if strings.HasSuffix(page, ".md") {
			for _, call := range calls(text) {
				found++
				if wrong := wrongCall(call); wrong != "" {
					t.Errorf("%s: `%s`: %s", page, strings.Join(call, " "), wrong)
				}
			}
		}
		for _, name := range namePattern.FindAllString(text, -1) {
			if !isVariable(strings.TrimRight(name, "_")) {
				t.Errorf("%s names %s, which nothing reads", page, name)
			}
		}
	}
	if found < 60 {
		t.Errorf("%d commands only", found)
	}
}

// wrongCall returns what is wrong with an invocation, or "".
func wrongCall(call []string) string {
	c := root()
	if call[0] == "firebreak-serve" {
		c = server.Command("firebreak-serve")
		c.AddCommand(server.VersionCommand("firebreak-serve"), server.HealthCommand())
	}
	c.InitDefaultHelpCmd()
	c.InitDefaultCompletionCmd()
	c.InitDefaultVersionFlag()
	var args []string // without flags, so that no value of one is taken for a command
	if len(call) > 1 && !strings.HasPrefix(call[1], "-") {
		args = call[1:]
	}
	called, _, err := c.Find(args)
	if err != nil {
		return err.Error()
	}
	called.InitDefaultHelpFlag()
	for _, arg := range call[1:] {
		name, _, _ := strings.Cut(arg, "=")
		if flag, ok := strings.CutPrefix(name, "--"); ok && flag != "" && !hasFlag(called, flag) {
			return "there is no " + name
		}
	}
	return ""
}

func hasFlag(c *cobra.Command, name string) bool {
	return c.Flags().Lookup(name) != nil || c.InheritedFlags().Lookup(name) != nil
}

// isVariable reports whether the product, or a file to deploy with, reads an environment variable.
func isVariable(name string) bool {
	switch name {
	case "FIREBREAK_VERSION", "FIREBREAK_HOST", "FIREBREAK_UPSTREAM": // compose.yaml and the Caddyfile
		return true
	}
	for _, v := range variables.All {
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(v.Name), "…", `[A-Z0-9_…]*`) + "(_PREVIOUS)?$")
		if pattern.MatchString(name) || strings.HasPrefix(v.Name, name+"_…") {
			return true
		}
	}
	return false
}

// The tool that deploys is the one with which the tests package serverless.yml, and that the guide names.
func TestTheDeployerIsTheTestedOne(t *testing.T) {
	t.Parallel()
	name, version, _ := strings.Cut(deployer, "@")
	for path, want := range map[string]string{"../../functions/testdata/package.json": `"` + name + `": "` + version + `"`,
		"../../docs/production-aws.md": "npx " + deployer + " deploy", "../../serverless.yml": "npx " + deployer + " deploy"} {
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s does not have %s: %v", path, want, err)
		}
	}
}
