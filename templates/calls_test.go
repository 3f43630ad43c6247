package templates_test

import (
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"
	"text/template/parse"

	"github.com/firebreak-dev/firebreak/templates"
)

// Every template calls each function with as many arguments as it takes: text/template finds that out
// only where the branch is taken, at night.
func TestEachFunctionHasItsArguments(t *testing.T) {
	funcs := map[string]any{}
	for name, f := range templates.Funcs() {
		funcs[name] = f
	}
	calls := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".md") || strings.Contains(path, "testdata") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		trees, err := parse.Parse(path, string(text), "", "", funcs, builtins)
		if err != nil {
			return nil // no template: a file of people's repositories
		}
		for _, tree := range trees {
			visit(tree.Root, func(p *parse.PipeNode) {
				for i, c := range p.Cmds {
					id, ok := c.Args[0].(*parse.IdentifierNode)
					f := funcs[c.Args[0].String()]
					if !ok || f == nil {
						continue
					}
					calls++
					n, takes := len(c.Args)-1+min(i, 1), reflect.TypeOf(f) // a pipe passes one on
					most := takes.NumIn()
					if takes.IsVariadic() && n >= most-1 {
						continue
					}
					if n != most {
						t.Errorf("%s: %s takes %d arguments, not %d: %s", path, id.Ident, most, n, p)
					}
				}
			})
		}
		return nil
	})
	if err != nil || calls < 100 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

// builtins are the names of text/template's own functions.
var builtins = map[string]any{"and": true, "or": true, "not": true, "len": true, "index": true, "slice": true, "eq": true,
	"ne": true, "lt": true, "le": true, "gt": true, "ge": true, "print": true, "printf": true, "println": true, "html": true,
	"js": true, "urlquery": true, "call": true}

// visit calls do for each pipe below a node.
func visit(n parse.Node, do func(*parse.PipeNode)) {
	pipe := func(p *parse.PipeNode) {
		if p == nil {
			return
		}
		do(p)
		for _, c := range p.Cmds {
			for _, a := range c.Args {
				visit(a, do)
			}
		}
	}
	branch := func(b *parse.BranchNode) {
		pipe(b.Pipe)
		visit(b.List, do)
		if b.ElseList != nil {
			visit(b.ElseList, do)
		}
	}
	switch n := n.(type) {
	case *parse.ListNode:
		for _, one := range n.Nodes {
			visit(one, do)
		}
	case *parse.ActionNode:
		pipe(n.Pipe)
	case *parse.PipeNode:
		pipe(n)
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	case *parse.TemplateNode:
		pipe(n.Pipe)
	}
}
