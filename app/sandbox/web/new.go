package web

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

const formFolder = ".github/ISSUE_TEMPLATE"

func isFormPath(name string) bool {
	return strings.HasPrefix(name, formFolder+"/") &&
		(strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".yaml")) &&
		name != formFolder+"/config.yml"
}

// issueForms reads the forms of a repository's default branch; those that are broken are named with
// the reason, and blank says whether issues without a form are allowed.
func issueForms(r *forge.Repository) (forms []*issueForm, broken []string, blank bool) {
	blank = true
	commit, ok := r.Git.Branch(r.DefaultBranch)
	if !ok {
		return nil, nil, true
	}
	folder, ok := r.Git.Entry(commit.Tree, formFolder)
	if !ok || folder.Kind() != "tree" {
		return nil, nil, true
	}
	for _, e := range r.Git.Trees[folder.SHA] {
		content := r.Git.Blobs[e.SHA]
		if e.Name == "config.yml" {
			var config struct {
				Blank *bool `yaml:"blank_issues_enabled"`
			}
			if err := yaml.Unmarshal(content, &config); err == nil && config.Blank != nil {
				blank = *config.Blank
			}
			continue
		}
		if e.Kind() != "blob" || !isFormPath(formFolder+"/"+e.Name) {
			continue
		}
		form, err := parseIssueForm(e.Name, content)
		if err != nil {
			broken = append(broken, err.Error())
			continue
		}
		forms = append(forms, form)
	}
	return forms, broken, blank
}

type choosePage struct {
	Forms  []*issueForm
	Broken []string
	Blank  bool
}

func (v *visit) chooseForm() (string, any, error) {
	if err := v.openRepo(); err != nil {
		return "", nil, err
	}
	v.tab, v.title, v.narrow = "issues", "New issue", true
	var d choosePage
	d.Forms, d.Broken, d.Blank = issueForms(v.repo)
	if v.forge.RoleOfActor(v.by, v.repo) < forge.RoleWrite {
		d.Broken = nil // only those who can repair it are told
	} else {
		d.Blank = true // maintainers may always start blank
	}
	return "choose", d, nil
}

// fieldView is a field of a form.
type fieldView struct {
	Type, ID, Label, Placeholder, Value, Error string
	Description, Markdown                      template.HTML
	Required, Multiple                         bool
	Options                                    []optionView
}

// optionView is a choice of a field.
type optionView struct {
	Field, Value       string
	Text               template.HTML
	Selected, Required bool
}

type newPage struct {
	Form      *issueForm
	Action    string
	Title     string
	Fields    []fieldView
	Labels    []labelView
	Assignees []personView
	Composer  composerView
}

// formOf finds the form that the address asks for; nil is a blank issue.
func (v *visit) formOf() (*issueForm, error) {
	name := v.r.URL.Query().Get("template")
	if name == "" {
		return nil, nil
	}
	forms, _, _ := issueForms(v.repo)
	for _, f := range forms {
		if f.File == name {
			return f, nil
		}
	}
	return nil, forge.ErrNotFound
}

// newIssue shows the form of a new issue, filled with what came along in the address or with what
// was refused.
func (v *visit) newIssue() (string, any, error) {
	if err := v.openRepo(); err != nil {
		return "", nil, err
	}
	form, err := v.formOf()
	if err != nil {
		return "", nil, err
	}
	v.tab, v.title, v.narrow = "issues", "New issue", true
	values, sent := v.r.URL.Query(), v.r.Method == http.MethodPost
	d := newPage{Form: form, Action: v.r.URL.RequestURI(), Title: values.Get("title")}
	if sent {
		values = v.r.PostForm
		d.Title = values.Get("issue-title")
	}
	if form == nil {
		body := values.Get("body")
		d.Composer = composerView{ID: "new-body", Label: "Description",
			Placeholder: "Type your description here…", Value: body, Rows: 12,
			PreviewURL: "/" + v.repo.FullName() + "/preview"}
		return "new", d, nil
	}
	if d.Title == "" && !sent {
		d.Title = form.Title
	}
	for _, name := range form.Labels {
		if l, ok := v.repo.FindLabel(name); ok {
			d.Labels = append(d.Labels, newLabel(v.repo.FullName(), l.Name, l.Color, l.Description))
		}
	}
	for _, login := range form.Assignees {
		if u, ok := v.forge.FindUser(login); ok {
			d.Assignees = append(d.Assignees, newPerson(u.Login))
		}
	}
	public := !v.repo.Private
	missing := map[string]error{}
	if sent && public {
		missing = form.missing(values)
	}
	for i := range form.Body {
		d.Fields = append(d.Fields, v.field(&form.Body[i], values, sent, public, missing))
	}
	return "new", d, nil
}

func (v *visit) field(item *formItem, values url.Values, sent, public bool,
	missing map[string]error) fieldView {
	a := item.Attributes
	f := fieldView{Type: item.Type, ID: item.ID, Label: a.Label, Placeholder: a.Placeholder,
		Multiple: a.Multiple, Required: item.Validations.Required && public}
	if item.Type == "markdown" {
		f.Markdown = v.text(a.Value)
		return f
	}
	if a.Description != "" {
		f.Description = v.text(a.Description)
	}
	if err := missing[item.ID]; err != nil {
		f.Error = err.Error()
	}
	given := values[item.ID]
	if !sent {
		given = item.prefill(values)
	}
	switch item.Type {
	case "checkboxes":
		for n, o := range a.Options {
			number := strconv.Itoa(n)
			f.Options = append(f.Options,
				optionView{Field: item.ID, Value: number, Text: v.text(o.Label),
					Selected: slices.Contains(given, number), Required: o.Required && public})
		}
	case "dropdown":
		for _, o := range a.Options {
			f.Options = append(f.Options,
				optionView{Field: item.ID, Value: o.Label, Selected: slices.Contains(given, o.Label)})
		}
	default:
		f.Value = strings.Join(given, "\n")
	}
	return f
}

// createIssue opens an issue from a form or blank.
func (v *visit) createIssue() (string, error) {
	if err := v.openRepo(); err != nil {
		return "", err
	}
	form, err := v.formOf()
	if err != nil {
		return "", err
	}
	in := forge.NewIssue{Title: v.r.PostForm.Get("issue-title"), Body: lines(v.r.PostForm.Get("body"))}
	if form != nil {
		if !v.repo.Private {
			for _, err := range form.missing(v.r.PostForm) {
				return "", err
			}
		}
		in.Body, in.FormLabels, in.Assignees = form.render(v.r.PostForm), form.Labels, form.Assignees
	}
	i, err := v.forge.OpenIssue(v.by, v.repo, in)
	if err != nil {
		return "", err
	}
	return issuePath(i), nil
}

// lines undoes what browsers do to a text field's line ends.
func lines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }
