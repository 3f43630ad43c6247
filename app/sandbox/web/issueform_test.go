package web

import (
	"net/url"
	"strings"
	"testing"
)

const sampleForm = `name: Incident
description: Something is broken
title: "P1: "
labels: incident, phase/identify
assignees: [alice]
body:
  - type: markdown
    attributes:
      value: Write what you know.
  - type: input
    id: summary
    attributes:
      label: Summary
    validations:
      required: true
  - type: dropdown
    id: severity
    attributes:
      label: Severity
      options: [critical, regular]
      default: 1
  - type: dropdown
    id: customers
    attributes:
      label: Customers impacted
      multiple: true
      options:
        - globex
        - initech
        - none
  - type: textarea
    id: log
    attributes:
      label: Log
      render: shell
  - type: textarea
    attributes:
      label: How did you learn of it?
      value: By chance
  - type: checkboxes
    id: drill
    attributes:
      label: Drill
      options:
        - label: This is a drill
        - label: I know the rules
          required: true
`

func TestIssueFormRenders(t *testing.T) {
	form, err := parseIssueForm("incident.yml", []byte(sampleForm))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		given url.Values
		want  string
	}{
		"nothing": {url.Values{}, `### Summary

_No response_

### Severity

_No response_

### Customers impacted

_No response_

### Log

_No response_

### How did you learn of it?

_No response_

### Drill

- [ ] This is a drill
- [ ] I know the rules`},
		"everything": {url.Values{"summary": {" API down \r\n"}, "severity": {"critical"}, "customers": {"initech", "globex"}, "log": {"a\r\n```\r\nb"}, "field-5": {"A call.\r\n\r\n### Severity\r\n"}, "drill": {"1"}}, `### Summary

API down

### Severity

critical

### Customers impacted

globex, initech

### Log

` + "````shell\na\n```\nb\n````" + `

### How did you learn of it?

A call.

### Severity

### Drill

- [ ] This is a drill
- [x] I know the rules`},
		"what was not offered": {url.Values{"severity": {"apocalyptic"}, "customers": {"", "hooli"}, "drill": {"7", "x"}}, `### Summary

_No response_

### Severity

_No response_

### Customers impacted

_No response_

### Log

_No response_

### How did you learn of it?

_No response_

### Drill

- [ ] This is a drill
- [ ] I know the rules`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := form.render(c.given); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
	if got := strings.Join(form.Labels, "|") + "|" + strings.Join(form.Assignees, "|"); got != "incident|phase/identify|alice" {
		t.Errorf("labels and assignees are %s", got)
	}
}

func TestIssueFormRequired(t *testing.T) {
	form, err := parseIssueForm("incident.yml", []byte(sampleForm))
	if err != nil {
		t.Fatal(err)
	}
	if missing := form.missing(url.Values{"summary": {"  "}}); len(missing) != 2 || missing["summary"] == nil || missing["drill"] == nil {
		t.Errorf("missing are %v, want summary and drill", missing)
	}
	if missing := form.missing(url.Values{"summary": {"a"}, "drill": {"1"}}); len(missing) != 0 {
		t.Errorf("nothing is missing, but %v", missing)
	}
}

func TestIssueFormPrefill(t *testing.T) {
	form, err := parseIssueForm("incident.yml", []byte(sampleForm))
	if err != nil {
		t.Fatal(err)
	}
	query := url.Values{"summary": {"API down"}, "customers": {"globex,none"}}
	for n, want := range map[int]string{1: "API down", 2: "regular", 3: "globex|none", 4: "", 5: "By chance", 6: ""} {
		if got := strings.Join(form.Body[n].prefill(query), "|"); got != want {
			t.Errorf("body[%d] starts with %q, want %q", n, got, want)
		}
	}
}

func TestIssueFormRefused(t *testing.T) {
	for why, source := range map[string]string{
		"name, description and body": "name: x\n",
		"unknown type":               "name: x\ndescription: y\nbody:\n  - type: slider\n    attributes: {label: a}\n",
		"label is required":          "name: x\ndescription: y\nbody:\n  - type: input\n",
		"used twice":                 "name: x\ndescription: y\nbody:\n  - {type: input, attributes: {label: a}}\n  - {type: input, attributes: {label: a}}\n",
		"must be unique":             "name: x\ndescription: y\nbody:\n  - {type: input, id: i, attributes: {label: a}}\n  - {type: input, id: i, attributes: {label: b}}\n",
		"options are required":       "name: x\ndescription: y\nbody:\n  - {type: dropdown, attributes: {label: a}}\n",
		"value is required":          "name: x\ndescription: y\nbody:\n  - {type: markdown}\n",
		"not markdown":               "name: x\ndescription: y\nbody:\n  - {type: markdown, attributes: {value: a}}\n",
		"issue form f.yml: [1:":      "name: [\n",
	} {
		_, err := parseIssueForm("f.yml", []byte(source))
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q is refused with %v, want %q", source, err, why)
		}
	}
}
