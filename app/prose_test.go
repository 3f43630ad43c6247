package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// word is an entry of testdata/words.txt. Go's regular expressions have no lookahead, so what may follow is apart.
type word struct {
	pattern *regexp.Regexp
	except  *regexp.Regexp // of what follows a match; nil: nothing
	instead string
}

// loadWords reads the word list.
func loadWords(t *testing.T) []word {
	t.Helper()
	var all []word
	for line := range strings.Lines(content(t, "app/testdata/words.txt")) {
		line = strings.TrimSpace(line)
		pattern, instead, ok := strings.Cut(line, " | ")
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		if !ok {
			t.Fatalf("words.txt: %q says nothing to write instead", line)
		}
		w := word{instead: instead}
		if at := strings.Index(pattern, "(?!"); at >= 0 {
			w.except = regexp.MustCompile(`(?i)^(?:` + strings.TrimSuffix(pattern[at+3:], ")") + `)`)
			pattern = pattern[:at]
		}
		w.pattern = regexp.MustCompile(`(?i)` + pattern)
		all = append(all, w)
	}
	return all
}

// find returns what a text has of a word, or "".
func (w word) find(text string) string {
	for _, m := range w.pattern.FindAllStringIndex(text, -1) {
		if strings.HasSuffix(strings.ToLower(text[:m[0]]), "there ") { // "there is no" is plain
			continue
		}
		if w.except == nil || !w.except.MatchString(text[m[1]:]) {
			return text[m[0]:m[1]]
		}
	}
	return ""
}

// TestProse holds the word list over comments, messages, templates and documentation.
func TestProse(t *testing.T) {
	words := loadWords(t)
	check := func(path string, line int, text string) {
		for _, w := range words {
			if hit := w.find(text); hit != "" {
				t.Errorf("%s:%d: %q: write %s", path, line, hit, w.instead)
			}
		}
	}
	files(t, ".go", func(path, text string) {
		path = strings.TrimPrefix(path, "../")
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range file.Comments {
			check(path, set.Position(group.Pos()).Line, quoted.ReplaceAllString(group.Text(), ""))
		}
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && isMessage(call) {
				for _, text := range messages(call) {
					check(path, set.Position(call.Pos()).Line, text)
				}
			}
			return true
		})
	})
	files(t, ".md", func(path, text string) {
		path = strings.TrimPrefix(path, "../")
		if strings.Contains(path, "testdata/") || path == "CHANGELOG.md" {
			return
		}
		text = generated.ReplaceAllString(withoutCode(text), "")
		text = quoted.ReplaceAllString(text, "")
		for i, line := range strings.Split(text, "\n") {
			check(path, i+1, line)
		}
	})
}

// generated is a part of a page that a test writes, from texts that are checked where they are.
var generated = regexp.MustCompile(`(?s)<!-- \w+: begin -->.*?<!-- \w+: end -->`)

// quoted is code and what somebody is quoted to say.
var quoted = regexp.MustCompile("`[^`\n]*`|\"[^\"\n]*\"")

// isMessage reports whether a call makes an error or a line of the log.
func isMessage(call *ast.CallExpr) bool {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	switch selector.Sel.Name {
	case "Errorf", "New":
		owner, isName := selector.X.(*ast.Ident)
		return isName && (owner.Name == "fmt" || owner.Name == "errors")
	case "Error", "Warn", "Info", "Debug":
		return len(call.Args) > 0
	}
	return false
}

// messages returns the literals of a call's arguments.
func messages(call *ast.CallExpr) []string {
	var all []string
	for _, argument := range call.Args {
		ast.Inspect(argument, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					all = append(all, text)
				}
			}
			return true
		})
	}
	return all
}
