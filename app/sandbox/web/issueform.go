package web

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// issueForm is a form in .github/ISSUE_TEMPLATE, as GitHub reads it.
type issueForm struct {
	File        string     `yaml:"-"` // name of the file, the value of ?template=
	Name        string     `yaml:"name"`
	Description string     `yaml:"description"`
	Title       string     `yaml:"title"`
	Labels      nameList   `yaml:"labels"`
	Assignees   nameList   `yaml:"assignees"`
	Body        []formItem `yaml:"body"`
}

// formItem is one element of a form's body.
type formItem struct {
	Type       string `yaml:"type"`
	ID         string `yaml:"id"`
	Attributes struct {
		Label       string       `yaml:"label"`
		Description string       `yaml:"description"`
		Placeholder string       `yaml:"placeholder"`
		Value       string       `yaml:"value"`
		Render      string       `yaml:"render"`
		Multiple    bool         `yaml:"multiple"`
		Default     *int         `yaml:"default"`
		Options     []formOption `yaml:"options"`
	} `yaml:"attributes"`
	Validations struct {
		Required bool `yaml:"required"`
	} `yaml:"validations"`
}

// formOption is a choice of a dropdown (a plain string) or a checkbox (a mapping with a label).
type formOption struct {
	Label    string
	Required bool
}

// UnmarshalYAML reads both ways in which an option is written.
func (o *formOption) UnmarshalYAML(unmarshal func(any) error) error {
	var mapping struct {
		Label    string `yaml:"label"`
		Required bool   `yaml:"required"`
	}
	if err := unmarshal(&mapping); err == nil {
		o.Label, o.Required = mapping.Label, mapping.Required
		return nil
	}
	var label any
	if err := unmarshal(&label); err != nil {
		return err
	}
	o.Label = fmt.Sprint(label)
	return nil
}

// nameList is written as a YAML list or as one string with commas.
type nameList []string

// UnmarshalYAML reads both ways in which the list is written.
func (l *nameList) UnmarshalYAML(unmarshal func(any) error) error {
	var list []string
	if err := unmarshal(&list); err == nil {
		*l = list
		return nil
	}
	var joined string
	if err := unmarshal(&joined); err != nil {
		return err
	}
	for name := range strings.SplitSeq(joined, ",") {
		if name = strings.TrimSpace(name); name != "" {
			*l = append(*l, name)
		}
	}
	return nil
}

var formID = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// parseIssueForm reads a form and refuses what GitHub refuses, saying where.
func parseIssueForm(file string, content []byte) (*issueForm, error) {
	form := &issueForm{File: file}
	if err := yaml.Unmarshal(content, form); err != nil {
		return nil, fmt.Errorf("issue form %s: %w", file, err)
	}
	if form.Name == "" || form.Description == "" || len(form.Body) == 0 {
		return nil, fmt.Errorf("issue form %s: name, description and body are required", file)
	}
	ids, labels := map[string]bool{}, map[string]bool{}
	asks := false
	for i := range form.Body {
		item := &form.Body[i]
		where := fmt.Sprintf("issue form %s: body[%d]", file, i)
		switch item.Type {
		case "markdown":
			if item.Attributes.Value == "" {
				return nil, fmt.Errorf("%s: value is required", where)
			}
			continue
		case "input", "textarea":
		case "dropdown", "checkboxes":
			if len(item.Attributes.Options) == 0 {
				return nil, fmt.Errorf("%s: options are required", where)
			}
		default:
			return nil, fmt.Errorf("%s: unknown type %q", where, item.Type)
		}
		asks = true
		if item.Attributes.Label == "" {
			return nil, fmt.Errorf("%s: label is required", where)
		}
		if labels[item.Attributes.Label] {
			return nil, fmt.Errorf("%s: label %q is used twice", where, item.Attributes.Label)
		}
		labels[item.Attributes.Label] = true
		if item.ID == "" {
			item.ID = "field-" + strconv.Itoa(i)
		}
		if !formID.MatchString(item.ID) || ids[item.ID] {
			return nil, fmt.Errorf("%s: id %q must be unique and of letters, digits, - and _", where, item.ID)
		}
		ids[item.ID] = true
	}
	if !asks {
		return nil, fmt.Errorf("issue form %s: body must have one field that is not markdown", file)
	}
	return form, nil
}

// errFieldRequired is what a person is told who left a required field empty in a public repository.
var errFieldRequired = errors.New("please fill out this field")

// missing names the required fields that are empty. Only public repositories enforce them.
func (f *issueForm) missing(values url.Values) map[string]error {
	missing := map[string]error{}
	for _, item := range f.Body {
		switch {
		case item.Type == "checkboxes":
			for i, option := range item.Attributes.Options {
				if option.Required && !slices.Contains(values[item.ID], strconv.Itoa(i)) {
					missing[item.ID] = errFieldRequired
				}
			}
		case item.Validations.Required && strings.TrimSpace(strings.Join(values[item.ID], "")) == "":
			missing[item.ID] = errFieldRequired
		}
	}
	return missing
}

// render writes the issue's body as GitHub does: "### Label", the answer, and "_No response_" where
// there is none.
func (f *issueForm) render(values url.Values) string {
	var b strings.Builder
	for _, item := range f.Body {
		if item.Type == "markdown" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString("### " + item.Attributes.Label + "\n\n" + item.answer(values[item.ID]))
	}
	return b.String()
}

// answer is one field's answer in Markdown.
func (item *formItem) answer(given []string) string {
	const nothing = "_No response_"
	switch item.Type {
	case "checkboxes":
		lines := make([]string, len(item.Attributes.Options))
		for i, option := range item.Attributes.Options {
			box := "- [ ] "
			if slices.Contains(given, strconv.Itoa(i)) {
				box = "- [x] "
			}
			lines[i] = box + option.Label
		}
		return strings.Join(lines, "\n")
	case "dropdown":
		var chosen []string
		for _, option := range item.Attributes.Options { // an answer that was not offered is dropped
			if slices.Contains(given, option.Label) {
				chosen = append(chosen, option.Label)
			}
		}
		if len(chosen) == 0 {
			return nothing
		}
		if !item.Attributes.Multiple {
			chosen = chosen[:1]
		}
		return strings.Join(chosen, ", ")
	}
	text := strings.TrimSpace(strings.ReplaceAll(strings.Join(given, "\n"), "\r\n", "\n"))
	if text == "" {
		return nothing
	}
	if item.Type == "textarea" && item.Attributes.Render != "" {
		fence := "```"
		for strings.Contains(text, fence) {
			fence += "`"
		}
		return fence + item.Attributes.Render + "\n" + text + "\n" + fence
	}
	return text
}

// prefill is the value a field starts with: from the address if it is given there, else the form's own.
func (item *formItem) prefill(query url.Values) []string {
	if given, ok := query[item.ID]; ok {
		if item.Type == "dropdown" && item.Attributes.Multiple {
			return strings.Split(strings.Join(given, ","), ",")
		}
		return given
	}
	if item.Type == "dropdown" {
		if d := item.Attributes.Default; d != nil && *d >= 0 && *d < len(item.Attributes.Options) {
			return []string{item.Attributes.Options[*d].Label}
		}
		return nil
	}
	if item.Attributes.Value == "" {
		return nil
	}
	return []string{item.Attributes.Value}
}
