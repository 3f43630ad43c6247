package suspect

import "testing"

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		files []string
		want  touched
	}{
		{nil, touched{}},
		{[]string{"main.go"}, touched{}},
		{[]string{"README.md", "docs/a.png"}, touched{docs: true}},
		{[]string{"README.md", "a_test.go", "cypress/e2e/a.ts"}, touched{tests: true}},
		{[]string{"a_test.go", "a.go"}, touched{}},
		{[]string{"go.mod", "go.sum"}, touched{kind: Update, dependency: true}},
		{[]string{"go.mod", "main.go"}, touched{kind: Update}},
		{[]string{"main.go", "db/migrate/1_a.rb", "config/a.yml"}, touched{kind: Migration, file: "db/migrate/1_a.rb"}},
		{[]string{"Deploy/Helm/Values.yaml"}, touched{kind: Infrastructure, file: "Deploy/Helm/Values.yaml"}},
		{[]string{"config/prod.yml"}, touched{kind: Settings, file: "config/prod.yml"}},
		{[]string{"app/values-prod.yaml"}, touched{kind: Settings, file: "app/values-prod.yaml"}},
		{[]string{".github/workflows/lint.yml"}, touched{}},
		{[]string{".github/workflows/deploy.yml"}, touched{pipeline: ".github/workflows/deploy.yml"}},
	} {
		if got := classify(c.files); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.files, got, c.want)
		}
	}
}

func TestDependenciesAreTold(t *testing.T) {
	for title, want := range map[string]bool{
		"Bump pgx from 5.4.0 to 5.5.0": true, "chore(deps): update dependency react to v19": true,
		"build(deps): bump golang.org/x/net from 0.1.0 to 0.2.0 in /tools": true,
		"Update the README": false, "Bump the limit": false, "Upgrade customers to the new plan": false,
	} {
		c := Change{Kind: Pull, Title: title}
		if got := isDependency(c, classify(nil)); got != want {
			t.Errorf("%q: %v", title, got)
		}
	}
}

// A title says whether something runs otherwise from now on, or only words and style change.
func TestX1WhatATitleSaysOfAChange(t *testing.T) {
	for title, want := range map[string]ReasonKind{
		"Enable the new checkout":                Switch,
		"feat(cart): switch to the new queue":    Switch,
		"[web] Turn off retries":                 Switch,
		"Use HTTP/2 by default":                  Switch,
		"Cache carts for a minute":               Switch,
		"Make the export faster":                 Switch,
		"Migrate carts to the new store":         Switch,
		"Fix a typo in the checkout":             Wording,
		"Enable the linter":                      Wording, // words and style come first
		"docs: say how carts are cached":         Wording,
		"Add a field to carts":                   "",
		"The switch statement has a default":     "",
		"Performances of the orchestra are sold": "",
	} {
		c := Change{Kind: Pull, Ref: "acme/web#1", Repo: "acme/web", Title: title}
		var got ReasonKind
		for _, s := range Rank([]Change{c}, Symptoms{}, 1) {
			for _, r := range s.Reasons {
				if r.Kind == Switch || r.Kind == Wording {
					got = r.Kind
				}
			}
		}
		if got != want {
			t.Errorf("%q is %q, want %q", title, got, want)
		}
	}
}
