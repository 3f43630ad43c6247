package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mutant is one change of the code.
type mutant struct {
	place    string // file:line:column
	function string // such as run.close, or the empty string at the top of a file
	code     string // on one line
	from, to string
}

func (m mutant) String() string { return m.place + ": " + m.key() }

// key names the mutant over edits of other functions. Two changes of the same code in one function
// have the same key.
func (m mutant) key() string {
	return fmt.Sprintf("%s: %s: %s → %s", m.function, m.code, m.from, m.to)
}

// isLogic reports whether it is one that gremlins does not make unless asked.
func (m mutant) isLogic() bool { return m.from == "&&" || m.from == "||" || m.to == "!" }

// site is a place with mutants: the source from one offset to another, and what is there instead.
type site struct {
	from, to int
	text     func(text func(ast.Node) string) string
}

// file is a source file that is mutated.
type file struct {
	name    string
	in      string // the function that is looked at
	set     *token.FileSet
	src     []byte
	sites   []site
	mutants map[int]mutant
	dropped map[string]bool
	next    *int
}

// mutate writes the files of a package with all mutants into a directory, but for those on lines
// that are dropped, and notes which file replaces which.
func mutate(pkg, dir string, dropped map[string]bool, replaced map[string]string) (map[int]mutant, error) {
	names, err := filepath.Glob(filepath.Join(pkg, "*.go"))
	if err != nil {
		return nil, err
	}
	mutants, next, name := map[int]mutant{}, 0, ""
	for _, path := range names {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f := &file{name: filepath.Base(path), set: token.NewFileSet(), mutants: mutants, dropped: dropped, next: &next}
		if f.src, err = os.ReadFile(path); err != nil {
			return nil, err
		}
		tree, err := parser.ParseFile(f.set, f.name, f.src, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		name = tree.Name.Name
		f.collect(tree)
		replaced[path] = filepath.Join(dir, f.name)
		if err := os.WriteFile(replaced[path], []byte(f.text(0, len(f.src))), 0o600); err != nil {
			return nil, err
		}
	}
	added := filepath.Join(pkg, "zz_mutant.go")
	replaced[added] = filepath.Join(dir, "zz_mutant.go")
	return mutants, os.WriteFile(replaced[added], []byte("package "+name+"\n"+runtime), 0o600)
}

// runtime is what the mutated package has besides.
const runtime = `
import (
	"os"
	"strconv"
	"sync"
)

var (
	mutantAlive, _ = strconv.Atoi(os.Getenv("MUTANT"))
	mutantHits     = os.Getenv("MUTANT_HITS")
	mutantMu       sync.Mutex
	mutantSeen     = map[int]bool{}
)

func mutantOn(id int) bool {
	if mutantHits != "" {
		mutantMu.Lock()
		defer mutantMu.Unlock()
		if !mutantSeen[id] {
			mutantSeen[id] = true
			if f, err := os.OpenFile(mutantHits, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
				_, _ = f.WriteString(strconv.Itoa(id) + "\n")
				_ = f.Close()
			}
		}
	}
	return id == mutantAlive
}

func mutantPick[T any](id int, was, is T) T {
	if mutantOn(id) {
		return is
	}
	return was
}
`

// others are what an operator may become.
var others = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL}, token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL}, token.REM: {token.MUL},
}

// collect finds the places of a file that have mutants.
func (f *file) collect(tree *ast.File) {
	for _, decl := range tree.Decls {
		f.in = ""
		if function, ok := decl.(*ast.FuncDecl); ok {
			f.in = function.Name.Name
			if function.Recv != nil {
				f.in = strings.TrimLeft(f.source(function.Recv.List[0].Type), "*") + "." + f.in
			}
		}
		f.collectIn(decl)
	}
	slices.SortStableFunc(f.sites, func(a, b site) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return b.to - a.to
	})
}

func (f *file) collectIn(decl ast.Decl) {
	posts := map[ast.Node]bool{} // a loop's last part takes no block
	ast.Inspect(decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			return n.Tok != token.CONST
		case *ast.ArrayType:
			return false
		case *ast.ForStmt:
			posts[n.Post] = n.Post != nil
		case *ast.IncDecStmt:
			if !posts[n] {
				f.incDec(n)
			}
		case *ast.IfStmt:
			if _, isBinary := n.Cond.(*ast.BinaryExpr); !isBinary {
				f.negate(n.Cond)
			}
		case *ast.BinaryExpr:
			f.binary(n)
		}
		return true
	})
}

func (f *file) offset(p token.Pos) int { return f.set.Position(p).Offset }

func (f *file) source(n ast.Node) string { return string(f.src[f.offset(n.Pos()):f.offset(n.End())]) }

// add notes a mutant at a node; ok is false where its line is dropped.
func (f *file) add(n ast.Node, from, to string) (id int, ok bool) {
	at := f.set.Position(n.Pos())
	for line := at.Line; line <= f.set.Position(n.End()).Line; line++ {
		if f.dropped[fmt.Sprintf("%s:%d", f.name, line)] {
			return 0, false
		}
	}
	*f.next++
	f.mutants[*f.next] = mutant{
		place: fmt.Sprintf("%s:%d:%d", f.name, at.Line, at.Column), function: f.in,
		code: strings.Join(strings.Fields(f.source(n)), " "), from: from, to: to,
	}
	return *f.next, true
}

func (f *file) replace(n ast.Node, text func(func(ast.Node) string) string) {
	f.sites = append(f.sites, site{f.offset(n.Pos()), f.offset(n.End()), text})
}

func (f *file) incDec(n *ast.IncDecStmt) {
	is, other := n.Tok, token.DEC
	if is == token.DEC {
		other = token.INC
	}
	if id, ok := f.add(n, is.String(), other.String()); ok {
		f.replace(n, func(text func(ast.Node) string) string {
			return fmt.Sprintf("if mutantOn(%d) { %s%s } else { %s%s }", id, text(n.X), other, text(n.X), is)
		})
	}
}

func (f *file) negate(n ast.Expr) {
	if hasFunction(n) {
		return
	}
	if id, ok := f.add(n, "as it is", "!"); ok {
		f.replace(n, func(text func(ast.Node) string) string {
			inner := text(n)
			return fmt.Sprintf("func() bool { if mutantOn(%d) { return !(%s) }; return %s }()", id, inner, inner)
		})
	}
}

func (f *file) binary(n *ast.BinaryExpr) {
	x, y := n.X, n.Y
	isLogic := n.Op == token.LAND || n.Op == token.LOR
	isArithmetic := n.Op == token.SUB || n.Op == token.MUL || n.Op == token.QUO || n.Op == token.REM
	if isLogic && hasFunction(y) || !isLogic && (hasFunction(x) || hasFunction(y)) ||
		isArithmetic && (hasCall(x) || hasCall(y) || isLiteral(x) && isLiteral(y)) {
		return
	}
	var ids []int
	var ops []token.Token
	for _, op := range others[n.Op] {
		if id, ok := f.add(n, n.Op.String(), op.String()); ok {
			ids, ops = append(ids, id), append(ops, op)
		}
	}
	if len(ids) == 0 {
		return
	}
	f.replace(n, func(text func(ast.Node) string) string {
		left, right := text(x), text(y)
		switch {
		case n.Op == token.LAND:
			return fmt.Sprintf("func() bool { l := %s; if mutantOn(%d) { if l { return true }; return %s }; "+
				"if !l { return false }; return %s }()", left, ids[0], right, right)
		case n.Op == token.LOR:
			return fmt.Sprintf("func() bool { l := %s; if mutantOn(%d) { if !l { return false }; return %s }; "+
				"if l { return true }; return %s }()", left, ids[0], right, right)
		case isArithmetic:
			return fmt.Sprintf("mutantPick(%d, %s %s %s, %s %s %s)", ids[0], left, n.Op, right, left, ops[0], right)
		}
		var out strings.Builder
		out.WriteString("func() bool { ")
		for i, id := range ids {
			fmt.Fprintf(&out, "if mutantOn(%d) { return %s %s %s }; ", id, left, ops[i], right)
		}
		fmt.Fprintf(&out, "return %s %s %s }()", left, n.Op, right)
		return out.String()
	})
}

// text returns the source between two offsets with what is there instead.
func (f *file) text(from, to int) string {
	return f.part(from, to, 0)
}

// part does so from a site on.
func (f *file) part(from, to, first int) string {
	var out strings.Builder
	for i := first; i < len(f.sites); i++ {
		s := f.sites[i]
		if s.from < from || s.to > to {
			continue
		}
		out.Write(f.src[from:s.from])
		out.WriteString(s.text(func(n ast.Node) string { return f.part(f.offset(n.Pos()), f.offset(n.End()), i+1) }))
		from = s.to
	}
	out.Write(f.src[from:to])
	return out.String()
}

func hasFunction(n ast.Node) (has bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		_, is := n.(*ast.FuncLit)
		has = has || is
		return !has
	})
	return has
}

func hasCall(n ast.Node) (has bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		_, is := n.(*ast.CallExpr)
		has = has || is
		return !has
	})
	return has
}

func isLiteral(n ast.Expr) bool {
	switch n := n.(type) {
	case *ast.BasicLit:
		return true
	case *ast.SelectorExpr: // time.Minute
		x, ok := n.X.(*ast.Ident)
		return ok && x.Name == "time"
	}
	return false
}
