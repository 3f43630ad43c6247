package app

import (
	"crypto/sha256"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/github"
)

// pages returns the documentation: the Markdown files at the top of the repository and below docs
// and .github.
func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", ".github/*.md"} {
		paths, err := filepath.Glob(filepath.Join("..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			all = append(all, strings.TrimPrefix(path, "../"))
		}
	}
	return all
}

// updateBetween replaces what is between two marks of a page with -update, and otherwise reports a
// difference.
func updateBetween(t *testing.T, page, name, want string) {
	t.Helper()
	begin, end := "<!-- "+name+": begin -->\n", "<!-- "+name+": end -->"
	text := content(t, page)
	before, rest, hasBegin := strings.Cut(text, begin)
	got, after, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		t.Fatalf("%s lacks %s or %s", page, begin, end)
	}
	if got == want {
		return
	}
	if *update {
		fresh := before + begin + want + end + after
		if err := os.WriteFile(filepath.Join("..", page), []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s is not current, run go test ./app -run %s -update (-want +got):\n%s", page, t.Name(),
		cmp.Diff(want, got))
}

func TestTheREADMEIsShort(t *testing.T) {
	if n := len(strings.Fields(content(t, "README.md"))); n > 1000 {
		t.Errorf("README.md has %d words; 1,000 are allowed", n)
	}
}

func TestThePermissionsAreListed(t *testing.T) {
	var b strings.Builder
	b.WriteString("| permission | level | why |\n|---|---|---|\n")
	for _, p := range github.Permissions {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", p.Name, p.Level, p.Why)
	}
	updateBetween(t, "README.md", "permissions", b.String())

	b.Reset()
	b.WriteString("| with | permission | level | why |\n|---|---|---|---|\n")
	for _, c := range github.Capabilities {
		for _, p := range c.Permissions {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.Name, p.Name, p.Level, p.Why)
		}
	}
	updateBetween(t, "docs/setup.md", "capabilities", b.String())

	for _, e := range github.Events {
		if !strings.Contains(content(t, "README.md"), "`"+e.Name+"`") {
			t.Errorf("README.md lacks the event %s", e.Name)
		}
	}
}

// The table of packages in docs/architecture.md is the one that TestImportsPointInward enforces.
func TestLayoutIsDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString("| package | what it is | may import |\n|---|---|---|\n")
	for _, p := range list(t, module+"...") {
		name := strings.TrimPrefix(p.ImportPath, module)
		imports := "everything"
		if !slices.Contains(free, name) {
			imports = "nothing of ours"
			if may := allowed[name]; len(may) > 0 {
				imports = strings.Join(slices.Sorted(slices.Values(may)), ", ")
			}
		}
		synopsis := strings.TrimSuffix(new(doc.Package).Synopsis(p.Doc), ".")
		if synopsis == "" {
			synopsis = "tests only"
		}
		fmt.Fprintf(&b, "| [%s](../%s) | %s | %s |\n", name, name, synopsis, imports)
	}
	updateBetween(t, "docs/architecture.md", "layout", b.String())
}

// cardSum returns a checksum of the cards that app/card's tests expect.
func cardSum(t *testing.T) string {
	t.Helper()
	cards, err := filepath.Glob("card/testdata/*.md")
	if err != nil || len(cards) == 0 {
		t.Fatalf("no golden cards: %v", err)
	}
	sum := sha256.New()
	for _, path := range cards {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(sum, "%s\n%s\n", path, text)
	}
	return fmt.Sprintf("%x\n", sum.Sum(nil))
}

// The README's picture shows the card as it is. .ci/pictures renews both.
func TestPicturesShowTheCard(t *testing.T) {
	const sumPath = "../.github/pictures.sum"
	if *update {
		if err := os.WriteFile(sumPath, []byte(cardSum(t)), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got := content(t, ".github/pictures.sum"); got != cardSum(t) {
		t.Error("the card has changed since the README's picture was made: run .ci/pictures")
	}
}

// linkPattern finds [text](target); of a target with a title, the target.
var linkPattern = regexp.MustCompile(`\[([^\]]*)\]\(([^)\s]+)[^)]*\)`)

// Every relative link leads to a file or folder of the repository, with a heading if the link names
// one. A link whose text is code, such as `Engine.Handle` or `Parse`, and whose target is a Go file
// leads to what the file declares.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		if page == "NOTICE" {
			continue
		}
		for _, m := range linkPattern.FindAllStringSubmatch(withoutCode(content(t, page)), -1) {
			text, target := m[1], m[2]
			u, err := url.Parse(target)
			if err != nil {
				t.Errorf("%s links to %s: %v", page, target, err)
				continue
			}
			if u.Scheme != "" {
				continue
			}
			path := filepath.Join(filepath.Dir(page), u.Path)
			if u.Path == "" {
				path = page
			}
			if _, err := os.Stat(filepath.Join("..", path)); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, target)
				continue
			}
			if u.Fragment != "" && !slices.Contains(anchors(content(t, path)), u.Fragment) {
				t.Errorf("%s links to %s, which has no such heading", page, target)
			}
			if name, isCode := strings.CutPrefix(text, "`"); isCode && strings.HasSuffix(path, ".go") {
				name = strings.TrimSuffix(name, "`")
				if !slices.Contains(declarations(t, path), name[strings.LastIndex(name, "/")+1:]) {
					t.Errorf("%s links %s to %s, which does not declare it", page, text, target)
				}
			}
		}
	}
}

// withoutCode removes fenced code, in which brackets are no links.
func withoutCode(text string) string {
	return regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(text, "")
}

// anchors returns the names of a page's headings as GitHub makes them.
func anchors(text string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(withoutCode(text), -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(name, " ", "-"))
	}
	return all
}

// declarations returns what a Go file declares: functions, types, variables, and methods as
// Type.Method; each also with the package's name in front.
func declarations(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", path), nil,
		parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	add := func(name string) {
		names[name] = true
		names[file.Name.Name+"."+name] = true
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			add(receiver(d) + d.Name.Name)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					add(s.Name.Name)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						add(n.Name)
					}
				}
			}
		}
	}
	return slices.Collect(maps.Keys(names))
}

// receiver returns the type of a method with a dot, as "Engine.", and nothing for a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	kind := f.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	if generic, ok := kind.(*ast.IndexExpr); ok {
		kind = generic.X
	}
	if name, ok := kind.(*ast.Ident); ok {
		return name.Name + "."
	}
	return ""
}

// behaviourID finds the id of a behaviour of the process, as in a comment. Letters that no page
// uses for a behaviour, and names such as S3, are none.
var behaviourID = regexp.MustCompile(`\b[IVFMCA][1-9]\b`)

// processHeading finds "### I4 A critical incident gets two people" and what is below it up to the
// next heading.
var processHeading = regexp.MustCompile(`(?ms)^### ([A-Z]\d) [^\n]*\n(.*?)(?:^#|\z)`)

// Each behaviour of docs/process.md names tests or scenarios that exist, and each id that the
// repository cites is there.
func TestTheProcessIsProven(t *testing.T) {
	page := content(t, "docs/process.md")
	tests := testNames(t)
	described := map[string]bool{}
	for rest := page; ; {
		m := processHeading.FindStringSubmatchIndex(rest)
		if m == nil {
			break
		}
		id, text := rest[m[2]:m[3]], rest[m[4]:m[5]]
		rest = rest[m[5]:]
		described[id] = true

		_, proof, ok := strings.Cut(text, "Proof: ")
		if !ok {
			t.Errorf("docs/process.md names no proof of %s", id)
		}
		isCited := false
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(proof, -1) {
			isCited = isCited || strings.Contains(name[1], id)
			if strings.HasPrefix(name[1], "Test") {
				if !tests[name[1]] {
					t.Errorf("docs/process.md names %s as a proof of %s, which does not exist", name[1], id)
				}
				continue
			}
			if _, err := os.Stat("engine/testdata/scenarios/" + name[1] + "/story.txt"); err != nil {
				t.Errorf("docs/process.md names the scenario %s as a proof of %s: %v", name[1], id, err)
			}
		}
		if !isCited {
			t.Errorf("no proof of %s in docs/process.md has its id in its name", id)
		}
	}
	if len(described) < 30 {
		t.Errorf("docs/process.md describes %d behaviours only", len(described))
	}

	for name := range tests {
		for _, id := range regexp.MustCompile(`^(?:Test|Fuzz)((?:[IVFMCA][1-9])+)[A-Z]`).FindAllStringSubmatch(name,
			-1) {
			for i := 0; i < len(id[1]); i += 2 {
				if !described[id[1][i:i+2]] {
					t.Errorf("%s cites %s, which docs/process.md does not describe", name, id[1][i:i+2])
				}
			}
		}
	}
	planned := page[strings.Index(page, "## Planned"):]
	cited := func(path, text string) {
		for _, id := range behaviourID.FindAllString(text, -1) {
			if !described[id] && !strings.Contains(planned, id) {
				t.Errorf("%s cites %s, which docs/process.md does not describe", path, id)
			}
		}
	}
	for _, page := range pages(t) {
		cited(page, content(t, page))
	}
	files(t, ".go", func(path, text string) {
		for _, comment := range comments(t, path, text) {
			cited(path, comment)
		}
	})
	scenarios, err := filepath.Glob("engine/testdata/scenarios/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range scenarios {
		cited(path, filepath.Base(path))
	}
}

// testNames returns the tests and fuzzers of the repository.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	files(t, "_test.go", func(_, text string) {
		for _, m := range declared.FindAllStringSubmatch(text, -1) {
			known[m[1]] = true
		}
	})
	return known
}

// comments returns the comments of a Go file.
func comments(t *testing.T, path, text string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, text,
		parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, group := range file.Comments {
		all = append(all, group.Text())
	}
	return all
}
