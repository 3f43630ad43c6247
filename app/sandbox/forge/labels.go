package forge

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxLabels is how many labels an issue takes.
const maxLabels = 100

// validLabels refuses what cannot be the labels of an issue.
func validLabels(r *Repository, names []string) error {
	if len(names) > maxLabels {
		return Invalid("Issue", "labels", "custom", "an issue carries at most 100 labels")
	}
	for _, name := range names {
		if _, ok := r.FindLabel(name); !ok &&
			(strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > 50) {
			return Invalid("Label", "name", "invalid", "")
		}
	}
	return nil
}

// ensureLabel finds a label or creates it with the default colour, as GitHub does when an issue
// gets a label that isn't there.
func (f *Forge) ensureLabel(r *Repository, name string) *Label {
	if l, ok := r.FindLabel(name); ok {
		return l
	}
	return f.AddLabel(r, name, "ededed", "")
}

// AddLabel adds a label to a repository.
func (f *Forge) AddLabel(r *Repository, name, color, description string) *Label {
	l := &Label{ID: f.NextID("label"), Name: name, Color: color, Description: description}
	r.Labels = append(r.Labels, l)
	f.NoteChange()
	return l
}

var hexColor = regexp.MustCompile(`^[0-9a-fA-F]{6}$`)

// CreateLabel makes a label in a repository.
func (f *Forge) CreateLabel(by *Actor, r *Repository, name, color, description string) (*Label, error) {
	if err := f.Require(by, r, RoleWrite, "issues", "pull_requests"); err != nil {
		return nil, err
	}
	if color == "" {
		color = "ededed"
	}
	if err := validLabel(r, nil, name, color, description); err != nil {
		return nil, err
	}
	return f.AddLabel(r, name, strings.ToLower(color), description), nil
}

func validLabel(r *Repository, self *Label, name, color, description string) error {
	if strings.TrimSpace(name) == "" {
		return Invalid("Label", "name", "missing_field", "")
	}
	if utf8.RuneCountInString(name) > 50 {
		return Invalid("Label", "name", "custom", "name is too long (maximum is 50 characters)")
	}
	if !hexColor.MatchString(color) {
		return Invalid("Label", "color", "invalid", "")
	}
	if utf8.RuneCountInString(description) > 100 {
		return Invalid("Label", "description", "custom", "description is too long (maximum is 100 characters)")
	}
	if other, ok := r.FindLabel(name); ok && other != self {
		return Invalid("Label", "name", "already_exists", "")
	}
	return nil
}

// EditLabel changes a label; nil leaves as it is.
func (f *Forge) EditLabel(by *Actor, r *Repository, l *Label, name, color, description *string) error {
	if err := f.Require(by, r, RoleWrite, "issues", "pull_requests"); err != nil {
		return err
	}
	next := *l
	for _, change := range []struct{ to, from *string }{{&next.Name, name}, {&next.Color, color},
		{&next.Description, description}} {
		if change.from != nil {
			*change.to = *change.from
		}
	}
	if err := validLabel(r, l, next.Name, next.Color, next.Description); err != nil {
		return err
	}
	next.Color = strings.ToLower(next.Color)
	*l = next
	f.NoteChange()
	return nil
}

// DeleteLabel removes a label from the repository and so from every issue.
func (f *Forge) DeleteLabel(by *Actor, r *Repository, l *Label) error {
	if err := f.Require(by, r, RoleWrite, "issues", "pull_requests"); err != nil {
		return err
	}
	r.Labels = slices.DeleteFunc(r.Labels, func(o *Label) bool { return o == l })
	for _, i := range r.Issues {
		if i != nil && i.HasLabel(l.Name) {
			f.dropLabel(by, i, l)
		}
	}
	f.NoteChange()
	return nil
}

// AddLabels adds labels to an issue; those that do not exist yet are created.
func (f *Forge) AddLabels(by *Actor, i *Issue, names []string) error {
	if err := f.Require(by, i.repo, RoleTriage, IssueAreas(i)...); err != nil {
		return err
	}
	if err := validLabels(i.repo, names); err != nil {
		return err
	}
	names = slices.DeleteFunc(slices.Clone(names), i.HasLabel)
	if len(i.Labels)+len(names) > maxLabels {
		return Invalid("Issue", "labels", "custom", "an issue carries at most 100 labels")
	}
	for _, name := range names {
		l := f.ensureLabel(i.repo, name)
		if i.HasLabel(l.Name) {
			continue
		}
		i.Labels = append(i.Labels, l)
		f.addEvent(by, i, TimelineEvent{Kind: "labeled", Label: &EventLabel{l.Name, l.Color}})
		f.Emit(&IssueEvent{By: by, Issue: i, Action: "labeled", Label: l})
	}
	return nil
}

// RemoveLabel takes a label off an issue; 404 when it does not carry it.
func (f *Forge) RemoveLabel(by *Actor, i *Issue, name string) error {
	if err := f.Require(by, i.repo, RoleTriage, IssueAreas(i)...); err != nil {
		return err
	}
	for _, l := range i.Labels {
		if strings.EqualFold(l.Name, name) {
			f.dropLabel(by, i, l)
			return nil
		}
	}
	return &Error{Status: statusNotFound, Message: "Label does not exist"}
}

func (f *Forge) dropLabel(by *Actor, i *Issue, l *Label) {
	i.Labels = slices.DeleteFunc(slices.Clone(i.Labels), func(o *Label) bool { return o == l })
	f.addEvent(by, i, TimelineEvent{Kind: "unlabeled", Label: &EventLabel{l.Name, l.Color}})
	f.Emit(&IssueEvent{By: by, Issue: i, Action: "unlabeled", Label: l})
}

// SetLabels replaces the labels of an issue.
func (f *Forge) SetLabels(by *Actor, i *Issue, names []string) error {
	if err := f.Require(by, i.repo, RoleTriage, IssueAreas(i)...); err != nil {
		return err
	}
	if err := validLabels(i.repo, names); err != nil {
		return err
	}
	for _, l := range slices.Clone(i.Labels) {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, l.Name) }) {
			f.dropLabel(by, i, l)
		}
	}
	return f.AddLabels(by, i, names)
}

// maxAssignees is how many people an issue takes.
const maxAssignees = 10

// Assign adds assignees; whoever cannot be assigned is silently left out.
func (f *Forge) Assign(by *Actor, i *Issue, logins []string) error {
	if err := f.Require(by, i.repo, RoleTriage, IssueAreas(i)...); err != nil {
		return err
	}
	for _, login := range logins {
		u, ok := f.FindUser(login)
		if !ok || !f.IsAssignable(login, i.repo, i) || i.HasAssignee(login) ||
			len(i.Assignees) >= maxAssignees {
			continue
		}
		i.Assignees = append(i.Assignees, u.Login)
		f.addEvent(by, i, TimelineEvent{Kind: "assigned", Assignee: u.Login})
		f.Emit(&IssueEvent{By: by, Issue: i, Action: "assigned", Assignee: u.Login})
	}
	return nil
}

// Unassign removes assignees; whoever is not assigned is left out.
func (f *Forge) Unassign(by *Actor, i *Issue, logins []string) error {
	if err := f.Require(by, i.repo, RoleTriage, IssueAreas(i)...); err != nil {
		return err
	}
	for _, login := range logins {
		if !i.HasAssignee(login) {
			continue
		}
		u, _ := f.FindUser(login)
		i.Assignees = slices.DeleteFunc(slices.Clone(i.Assignees), func(a string) bool { return a == u.Login })
		f.addEvent(by, i, TimelineEvent{Kind: "unassigned", Assignee: u.Login})
		f.Emit(&IssueEvent{By: by, Issue: i, Action: "unassigned", Assignee: u.Login})
	}
	return nil
}
