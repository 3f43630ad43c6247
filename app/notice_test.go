package app

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write NOTICE anew")

// shipped are the binaries that people get, in the order of the NOTICE's columns.
var shipped = []struct{ name, pkg string }{
	{"server", "./cmd/firebreak-serve"}, {"firebreak", "./cmd/firebreak"},
	{"Lambda", "./functions/webhook"}, {"Lambda", "./functions/intake"}, {"Lambda", "./functions/slack"},
	{"Lambda", "./functions/worker"}, {"Lambda", "./functions/sweep"},
}

// licences are those that may be linked: each asks for no more than that its text comes along, or,
// MPL-2.0, that changes to its own files are published, of which there are none. A text is of a
// licence if it holds all its phrases.
var licences = []struct {
	name    string
	phrases []string
}{
	{"Apache-2.0", []string{"apache license version 2.0, january 2004"}},
	{"MPL-2.0", []string{"mozilla public license, version 2.0",
		"each individual or legal entity that creates, contributes to the creation of, or owns covered " +
			"software"}},
	{"MIT", []string{
		"permission is hereby granted, free of charge, to any person obtaining a copy of this software " +
			"and associated documentation files",
		"use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the software",
		"the above copyright notice and this permission notice shall be included in all copies or " +
			"substantial portions of the software",
	}},
	{"public domain", []string{"all of the code and documentation in sqlite has been dedicated to the " +
		"public domain by the authors"}},
	{"BSD-3-Clause", []string{redistribution, "redistributions of source code must retain",
		"redistributions in binary form must reproduce",
		"endorse or promote products derived from this software without specific prior written permission"}},
	{"BSD-2-Clause", []string{redistribution, "redistributions of source code must retain",
		"redistributions in binary form must reproduce"}},
}

const redistribution = "redistribution and use in source and binary forms, with or without modification, " +
	"are permitted provided that the following conditions are met"

// old are modules that had no release for four years and are linked all the same: who needs them,
// and why that is borne.
var old = map[string]string{
	"github.com/beorn7/perks": "quantiles of prometheus/client_golang, which keeps it; " +
		"finished, and fed by our own numbers alone",
	"github.com/munnerz/goautoneg": "Accept headers, in prometheus/common, at the metrics' own " +
		"address alone",
	"github.com/aymerick/douceur": "CSS in HTML, in bluemonday: the embedded GitHub's pages, not " +
		"the server",
	"github.com/jackc/pgpassfile": "the file .pgpass, in pgx, by the same author; 110 lines, finished",
	"github.com/pkg/errors":       "errors with a trace, in twilio-go, which keeps it; finished",
	"github.com/golang/mock": "in twilio-go, whose double for tests stands beside its client: nothing " +
		"of it runs",
	"github.com/russross/blackfriday/v2": "manual pages, in cobra: `firebreak man`, not the server",
}

// notLinked are licences of what isn't part of a binary.
var notLinked = map[string]string{
	"modernc.org/memory/LICENSE-LOGO":                 "a picture",
	"github.com/aws/aws-lambda-go/LICENSE-LAMBDACODE": "examples",
	"github.com/aws/aws-lambda-go/LICENSE-SUMMARY":    "names the other two",
}

// linked is a module in a binary.
type linked struct {
	path, version, dir string
	released           time.Time
	in                 map[string]bool // names of shipped
	folders            map[string]bool // of its packages that are linked
}

// readLinked returns the modules that the binaries link, on each architecture for which they are built.
func readLinked(t *testing.T) []*linked {
	t.Helper()
	all := map[string]*linked{}
	for _, arch := range []string{"amd64", "arm64"} {
		for _, s := range shipped {
			cmd := exec.Command("go", "list", "-deps", "-json=Dir,Module", s.pkg)
			cmd.Dir, cmd.Env = "..", append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("go list %s: %v", s.pkg, err)
			}
			for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
				var p struct {
					Dir    string
					Module *struct {
						Path, Version, Dir string
						Main               bool
						Time               time.Time
						Replace            *struct{}
					}
				}
				if err := dec.Decode(&p); err != nil {
					t.Fatal(err)
				}
				m := p.Module
				if m == nil {
					continue // the standard library
				}
				if m.Replace != nil {
					t.Errorf("%s is replaced: whose licence is that?", m.Path)
				}
				if all[m.Path] == nil {
					all[m.Path] = &linked{path: m.Path, version: m.Version, dir: m.Dir, released: m.Time,
						in: map[string]bool{}, folders: map[string]bool{}}
				}
				all[m.Path].in[s.name], all[m.Path].folders[p.Dir] = true, true
			}
		}
	}
	return slices.SortedFunc(maps.Values(all), func(a, b *linked) int { return cmp.Compare(a.path, b.path) })
}

var licenceFile = regexp.MustCompile(`(?i)^(LICEN[CS]E|COPYING|NOTICE|PATENTS)([-_.].*)?$`)

// texts returns the licences and notices that hold for a module: in the folders of its linked
// packages and those above.
func (m *linked) texts(t *testing.T) map[string]string {
	t.Helper()
	found, seen := map[string]string{}, map[string]bool{}
	for folder := range m.folders {
		for ; strings.HasPrefix(folder, m.dir) && !seen[folder]; folder = filepath.Dir(folder) {
			seen[folder] = true
			files, err := os.ReadDir(folder)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				of := m.path + "/" + f.Name()
				if !licenceFile.MatchString(f.Name()) || filepath.Ext(f.Name()) == ".go" ||
					!f.Type().IsRegular() || notLinked[of] != "" {
					continue
				}
				text, err := os.ReadFile(filepath.Join(folder, f.Name()))
				if err != nil {
					t.Fatal(err)
				}
				name, _ := filepath.Rel(m.dir, filepath.Join(folder, f.Name()))
				found[filepath.ToSlash(name)] = strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n",
					"\n"))
			}
		}
	}
	return found
}

// licenceOf returns the licence that a text is; "" if it isn't one of those that are allowed.
func licenceOf(text string) string {
	plain := strings.Join(strings.Fields(strings.ToLower(strings.NewReplacer(`"`, "", "*", " ", "//", " ",
		">", " ").Replace(text))), " ")
	for _, l := range licences {
		lacks := func(phrase string) bool { return !strings.Contains(plain, phrase) }
		if !slices.ContainsFunc(l.phrases, lacks) {
			return l.name
		}
	}
	return ""
}

// NOTICE names each module that is linked into a binary that people get, with its licence, and is
// current. All are licences that may be linked, and none has been left by its authors without our
// knowing.
func TestNotice(t *testing.T) {
	var table, texts strings.Builder
	byText := map[string][]string{}
	var order []string
	say := func(of, text string) {
		if byText[text] == nil {
			order = append(order, text)
		}
		byText[text] = append(byText[text], of)
	}
	goText, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(goText)), "LICENSE"))
	if err != nil {
		t.Fatal(err)
	}
	if licenceOf(string(text)) != "BSD-3-Clause" {
		t.Error("Go's own licence is another")
	}
	say("Go, its runtime and standard library", strings.TrimSpace(string(text)))
	unused := maps.Clone(old)
	for _, m := range readLinked(t) {
		found := m.texts(t)
		if m.version == "" {
			delete(found, "LICENSE") // ours
			delete(found, "NOTICE")
		}
		var of []string
		for _, name := range slices.Sorted(maps.Keys(found)) {
			say(strings.TrimSpace(m.path+" "+m.version)+", "+name, found[name])
			base := strings.ToUpper(filepath.Base(name))
			if strings.HasPrefix(base, "NOTICE") || strings.HasPrefix(base, "PATENTS") {
				continue
			}
			licence := licenceOf(found[name])
			if licence == "" {
				t.Errorf("%s of %s is no licence that may be linked", name, m.path)
			}
			if !slices.Contains(of, licence) {
				of = append(of, licence)
			}
		}
		if m.version == "" {
			continue
		}
		if len(of) == 0 {
			t.Errorf("%s has no licence", m.path)
		}
		why := old[m.path]
		delete(unused, m.path)
		if !m.released.IsZero() && m.released.Before(fourYearsAgo) != (why != "") {
			t.Errorf("%s was released on %s: replace it, or say in this test why it may stay; or it is "+
				"there no more", m.path, m.released.Format(time.DateOnly))
		}
		fmt.Fprintf(&table, "%-62s %-37s %-44s %s\n", m.path, m.version, strings.Join(of, ", "),
			strings.Join(slices.Sorted(maps.Keys(m.in)), ", "))
	}
	for path := range unused {
		t.Errorf("%s is linked no more", path)
	}
	for _, text := range order {
		shown := text
		if licenceOf(text) == "Apache-2.0" && len(text) < 15000 { // with an appendix at most, and nothing else
			shown = "Apache License, Version 2.0: see LICENSE."
		}
		fmt.Fprintf(&texts, "\n%s\n%s\n%s\n\n%s\n", rule, strings.Join(byText[text], "\n"), rule, shown)
	}
	want := fmt.Sprintf(head, table.String()) + texts.String()
	if *update {
		if err := os.WriteFile("../NOTICE", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("../NOTICE")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("NOTICE is not current: go test ./app -run Notice -update")
	}
}

// fourYearsAgo is a day and no clock, so that a commit passes for ever that passed once. It moves
// with go.mod's versions.
var fourYearsAgo = time.Date(2022, 11, 28, 0, 0, 0, 0, time.UTC)

var rule = strings.Repeat("=", 100)

const head = `Firebreak
Licensed under the Apache License, Version 2.0: see LICENSE.

Its binaries link what others wrote, under the licences below. "server" is firebreak-serve, which runs in production; "firebreak"
is the command line; "Lambda" are the functions on AWS. Made by: go test ./app -run Notice -update

%s`

// Each licence is known by its whole text, and what is close to one and is another is not taken for it.
func TestLicences(t *testing.T) {
	bsd := "Copyright (c) X\n\nRedistribution and use in source and binary forms, with or " +
		"without\nmodification, are permitted provided that the following conditions\nare met:\n\n" +
		"   * Redistributions of source code must retain the above copyright notice\n   * " +
		"Redistributions in binary form must reproduce it\n"
	for text, want := range map[string]string{
		bsd: "BSD-2-Clause",
		bsd + "* Neither the name may be used to endorse or promote products derived from this software " +
			"without specific prior written permission.": "BSD-3-Clause",
		"                    Apache License\n               Version 2.0, January 2004\n": "Apache-2.0",
		"GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007":                            "",
		"Business Source License 1.1":                                                    "",
		"All rights reserved.":                                                           "",
		"":                                                                               "",
	} {
		if got := licenceOf(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
