package suspect

import (
	"path"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/lazily"
)

// shape says by its path what a file is. Everything is in lower case.
type shape struct {
	names   []string // of files, as patterns of path.Match
	folders []string // anywhere in the path
	roots   []string // that the path begins with
}

// The shapes of files.
var (
	migrations = shape{
		names:   []string{"*.sql", "schema.rb", "schema.prisma"},
		folders: strings.Fields("migrations migration migrate alembic flyway liquibase schema schemas"),
	}
	infrastructure = shape{
		names: strings.Fields(`*.tf *.tfvars *.hcl *.bicep dockerfile dockerfile.* *.dockerfile chart.y*ml
			docker-compose*.y*ml kustomization.y*ml nginx*.conf procfile`),
		folders: strings.Fields(`terraform helm chart charts k8s kubernetes manifests ansible infra infrastructure argocd
			clusters pulumi cloudformation istio ingress`),
	}
	settings = shape{
		names: strings.Fields(`*.env .env* *.ini *.conf *.properties *.toml *.cfg values*.y*ml application*.y*ml
			application*.json settings*.y*ml settings*.json config.* configuration.* settings.* flags.* features.*`),
		folders: strings.Fields("config configs configuration settings conf flags feature-flags"),
	}
	versions = shape{
		names: strings.Fields(`go.mod go.sum package.json package-lock.json yarn.lock pnpm-lock.yaml bun.lock* gemfile
			gemfile.lock cargo.toml cargo.lock requirements*.txt poetry.lock pipfile pipfile.lock uv.lock pom.xml
			build.gradle build.gradle.kts libs.versions.toml gradle.lockfile composer.json composer.lock mix.exs mix.lock
			packages.lock.json *.csproj podfile podfile.lock`),
		folders: []string{"vendor"},
	}
	workflows = shape{
		names: []string{"jenkinsfile*"},
		roots: []string{".github/workflows/", ".github/actions/", ".circleci/", ".gitlab-ci"},
	}
	documentation = shape{
		names: strings.Fields("*.md *.mdx *.rst *.adoc *.txt license* codeowners changelog* authors* notice*"),
		roots: []string{"doc/", "docs/"},
	}
	tests = shape{
		names: strings.Fields(`*_test.* *.test.* *.spec.* *_spec.* test_*.py *test.java *tests.java *test.kt *tests.cs
			*tests.swift`),
		folders: strings.Fields("test tests __tests__ __snapshots__ spec specs testdata fixtures e2e cypress"),
	}
)

// has reports whether a file has the shape. The path is in lower case.
func (s shape) has(file string) bool {
	dir, base := path.Split(file)
	return slices.ContainsFunc(s.names, func(n string) bool { return isNamed(base, n) }) ||
		slices.ContainsFunc(s.roots, func(r string) bool { return strings.HasPrefix(file, r) }) ||
		slices.ContainsFunc(strings.Split(dir, "/"), func(f string) bool { return slices.Contains(s.folders, f) })
}

// isNamed reports whether a name fits a pattern of path.Match, which takes its time.
func isNamed(name, pattern string) bool {
	if !strings.Contains(pattern, "*") {
		return name == pattern
	}
	if rest, ok := strings.CutPrefix(pattern, "*"); ok && !strings.Contains(rest, "*") {
		return strings.HasSuffix(name, rest)
	}
	ok, _ := path.Match(pattern, name)
	return ok
}

// updates is how a title says that a dependency is updated.
var updates = lazily.Compile(
	`(?i)^(\w+(\([^)]*\))?!?: *)?(bump|update|upgrade)s? .*\b(dependenc(y|ies)|from v?\d\S* to v?\d|to v?\d+(\.\d+)*$)`)

// switches is how a title says that something runs otherwise from now on: it is switched on, off or over,
// or it is made faster.
var switches = lazily.Compile(`(?i)^((\w+(\([^)]*\))?!?: *|\[[^\]]*\] *)*` +
	`(enabl\w*|disabl\w*|switch\w*|turn (on|off)|migrat\w*|roll ?out|activat\w*|cut ?over|default)\b)|\bby default\b` +
	`|\b(perf|performance|cach(e|es|ing)|faster|speed up|optimi[sz]\w*|paralleli[sz]\w*|concurren\w*|lazy|lazily|async)\b`)

// wording is how a title says that it changes words, or how code looks.
var wording = lazily.Compile(`(?i)\b(typos?|lint(er|ing)?|formatting|comments?|readme|docs?|documentation|` +
	`changelog|release notes|spelling|wording|flaky)\b`)

// kinds are the shapes that are suspect for what they are, the most telling first.
var kinds = []struct {
	kind ReasonKind
	shape
}{{Migration, migrations}, {Infrastructure, infrastructure}, {Settings, settings}}

// touched is what the files of a change are.
type touched struct {
	kind       ReasonKind // the most telling of what runs; "": ordinary code, or not known
	file       string     // the first of that kind
	pipeline   string     // the first file that says how it is built or deployed
	docs       bool       // there is nothing but documentation
	tests      bool       // there is nothing but tests and documentation
	dependency bool       // there is nothing but versions of dependencies and documentation
}

// classify returns what files are.
func classify(files []string) touched {
	first := map[ReasonKind]string{}
	inDocs, inTests, inVersions := 0, 0, 0
	pipeline := ""
	for _, f := range files {
		low := strings.ToLower(f)
		switch {
		case versions.has(low):
			inVersions++
		case workflows.has(low):
			if pipeline == "" && deploys.MatchString(path.Base(low)) {
				pipeline = f
			}
		case documentation.has(low):
			inDocs++
		case tests.has(low):
			inTests++
		default:
			for _, k := range kinds {
				if k.has(low) {
					if first[k.kind] == "" {
						first[k.kind] = f
					}
					break
				}
			}
		}
	}
	n := len(files)
	t := touched{pipeline: pipeline, docs: n > 0 && inDocs == n, tests: inTests > 0 && inTests+inDocs == n,
		dependency: inVersions > 0 && inVersions+inDocs == n}
	for _, k := range kinds {
		if first[k.kind] != "" {
			t.kind, t.file = k.kind, first[k.kind]
			return t
		}
	}
	if inVersions > 0 {
		t.kind = Update
	}
	return t
}

// isDependency reports whether a change updates what others wrote, and nothing else of importance.
func isDependency(c Change, t touched) bool {
	named := slices.ContainsFunc(c.Labels, func(l string) bool { return strings.EqualFold(l, "dependencies") })
	return t.dependency || named || len(c.Files) == 0 && updates.MatchString(c.Title)
}

// folders returns the names in a path by which services are told apart: its folders, and its file
// without the ending.
func folders(file string) []string {
	base := path.Base(file)
	name, _, _ := strings.Cut(strings.TrimLeft(base, "."), ".")
	dirs := strings.Split(path.Dir(file), "/")
	return append(dirs, name)
}
