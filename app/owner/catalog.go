package owner

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// maxCatalog is how long a catalog-info.yaml may be, in bytes, and maxComponents how many documents of
// it are read.
const (
	maxCatalog    = 64 << 10
	maxComponents = 50
)

// entity is what is read of a document of a catalog-info.yaml.
// https://backstage.io/docs/features/software-catalog/descriptor-format
type entity struct {
	Kind     string `yaml:"kind"`
	Metadata struct {
		Name        string            `yaml:"name"`
		Annotations map[string]string `yaml:"annotations"`
		Links       []struct {
			URL   string `yaml:"url"`
			Title string `yaml:"title"`
			Type  string `yaml:"type"`
		} `yaml:"links"`
	} `yaml:"metadata"`
	Spec struct {
		Owner        string   `yaml:"owner"`
		DependsOn    []string `yaml:"dependsOn"`
		DependencyOf []string `yaml:"dependencyOf"`
	} `yaml:"spec"`
}

// component is what a document says of a service.
type component struct {
	Owners              []string
	Runbook             string
	DependsOn, NeededBy []string
}

// findComponent returns what a catalog-info.yaml says of a service: the document of that name or, where
// the whole repository is the service, the only one that there is.
func findComponent(text, name string, isWhole bool) (found component, ok bool) {
	var all []entity
	for _, e := range readCatalog(text) {
		if naming.Equal(e.Kind, "Component") {
			all = append(all, e)
		}
	}
	i := slices.IndexFunc(all, func(e entity) bool { return naming.Equal(e.Metadata.Name, name) })
	if i < 0 && isWhole && len(all) == 1 {
		i = 0
	}
	if i < 0 {
		return component{}, false
	}
	e := all[i]
	found = component{Runbook: e.runbook(), DependsOn: componentsOf(e.Spec.DependsOn),
		NeededBy: componentsOf(e.Spec.DependencyOf)}
	switch kind, of := readReference(e.Spec.Owner); kind {
	case "user":
		found.Owners = []string{"@" + of}
	case "", "group":
		found.Owners = []string{of}
	}
	return found, true
}

// readCatalog reads the documents of a file. One that can't be read ends it: what came before counts.
func readCatalog(text string) (all []entity) {
	if len(text) > maxCatalog {
		return nil
	}
	defer func() { _ = recover() }() // a parser's bug in somebody's file must not stop an incident
	file, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		return nil
	}
	for _, d := range file.Docs[:min(len(file.Docs), maxComponents)] {
		var e entity
		if d.Body == nil || hasAliases(d.Body) || yaml.NodeToValue(d.Body, &e) != nil {
			continue
		}
		all = append(all, e)
	}
	return all
}

// hasAliases reports whether a document uses YAML's aliases, by which a short text becomes a long one.
func hasAliases(n ast.Node) bool {
	v := &aliasFinder{}
	ast.Walk(v, n)
	return v.found
}

type aliasFinder struct{ found bool }

// Visit looks at a node.
func (v *aliasFinder) Visit(n ast.Node) ast.Visitor {
	switch n.(type) {
	case *ast.AliasNode, *ast.AnchorNode, *ast.MergeKeyNode:
		v.found = true
	}
	return v
}

// runbook returns the address of the component's runbook: of a link that is called so, or an
// annotation.
func (e entity) runbook() string {
	isRunbook := func(s string) bool { return strings.Contains(strings.ToLower(s), "runbook") }
	for _, l := range e.Metadata.Links {
		if (isRunbook(l.Title) || isRunbook(l.Type)) && isAddress(l.URL) {
			return l.URL
		}
	}
	for _, name := range sortedNames(e.Metadata.Annotations) {
		if isRunbook(name) && isAddress(e.Metadata.Annotations[name]) {
			return e.Metadata.Annotations[name]
		}
	}
	return ""
}

func sortedNames(m map[string]string) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// isAddress reports whether a text is an address that a person can open.
func isAddress(s string) bool {
	return len(s) < 500 && (strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")) &&
		!strings.ContainsAny(s, " \t\r\n<>\"`\\")
}

// componentsOf returns the names of those references that are components.
func componentsOf(refs []string) (names []string) {
	for _, ref := range refs {
		if kind, name := readReference(ref); (kind == "" || kind == "component") && name != "" {
			names = append(names, name)
		}
	}
	return names
}

// readReference reads a reference as Backstage writes it: [kind:][namespace/]name.
// https://backstage.io/docs/features/software-catalog/references
func readReference(ref string) (kind, name string) {
	kind, name, hasKind := strings.Cut(strings.TrimSpace(ref), ":")
	if !hasKind {
		kind, name = "", kind
	}
	return naming.Key(kind), name[strings.LastIndexByte(name, '/')+1:]
}
