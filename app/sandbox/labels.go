package sandbox

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
		return invalid("Issue", "labels", "custom", "an issue carries at most 100 labels")
	}
	for _, name := range names {
		if _, ok := r.label(name); !ok && (strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > 50) {
			return invalid("Label", "name", "invalid", "")
		}
	}
	return nil
}

// ensureLabel finds a label or creates it with the default colour, as GitHub does when an issue gets a label that isn't there.
func (st *store) ensureLabel(r *Repository, name string) *Label {
	if l, ok := r.label(name); ok {
		return l
	}
	return st.addLabel(r, name, "ededed", "")
}

func (st *store) addLabel(r *Repository, name, color, description string) *Label {
	l := &Label{ID: st.nextID("label"), Name: name, Color: color, Description: description}
	r.Labels = append(r.Labels, l)
	st.changed()
	return l
}

var hexColor = regexp.MustCompile(`^[0-9a-fA-F]{6}$`)

// createLabel makes a label in a repository.
func (st *store) createLabel(by *Actor, r *Repository, name, color, description string) (*Label, error) {
	if err := st.need(by, r, RoleWrite, "issues", "pull_requests"); err != nil {
		return nil, err
	}
	if color == "" {
		color = "ededed"
	}
	if err := validLabel(r, nil, name, color, description); err != nil {
		return nil, err
	}
	return st.addLabel(r, name, strings.ToLower(color), description), nil
}

func validLabel(r *Repository, self *Label, name, color, description string) error {
	if strings.TrimSpace(name) == "" {
		return invalid("Label", "name", "missing_field", "")
	}
	if utf8.RuneCountInString(name) > 50 {
		return invalid("Label", "name", "custom", "name is too long (maximum is 50 characters)")
	}
	if !hexColor.MatchString(color) {
		return invalid("Label", "color", "invalid", "")
	}
	if utf8.RuneCountInString(description) > 100 {
		return invalid("Label", "description", "custom", "description is too long (maximum is 100 characters)")
	}
	if other, ok := r.label(name); ok && other != self {
		return invalid("Label", "name", "already_exists", "")
	}
	return nil
}

// editLabel changes a label; nil leaves as it is.
func (st *store) editLabel(by *Actor, r *Repository, l *Label, name, color, description *string) error {
	if err := st.need(by, r, RoleWrite, "issues", "pull_requests"); err != nil {
		return err
	}
	next := *l
	for _, change := range []struct{ to, from *string }{{&next.Name, name}, {&next.Color, color}, {&next.Description, description}} {
		if change.from != nil {
			*change.to = *change.from
		}
	}
	if err := validLabel(r, l, next.Name, next.Color, next.Description); err != nil {
		return err
	}
	next.Color = strings.ToLower(next.Color)
	*l = next
	st.changed()
	return nil
}

// deleteLabel removes a label from the repository and so from every issue.
func (st *store) deleteLabel(by *Actor, r *Repository, l *Label) error {
	if err := st.need(by, r, RoleWrite, "issues", "pull_requests"); err != nil {
		return err
	}
	r.Labels = slices.DeleteFunc(r.Labels, func(o *Label) bool { return o == l })
	for _, i := range r.Issues {
		if i != nil && i.HasLabel(l.Name) {
			st.dropLabel(by, i, l)
		}
	}
	st.changed()
	return nil
}

// addLabels adds labels to an issue; those that do not exist yet are created.
func (st *store) addLabels(by *Actor, i *Issue, names []string) error {
	if err := st.need(by, i.repo, RoleTriage, issueArea(i)...); err != nil {
		return err
	}
	if err := validLabels(i.repo, names); err != nil {
		return err
	}
	names = slices.DeleteFunc(slices.Clone(names), i.HasLabel)
	if len(i.Labels)+len(names) > maxLabels {
		return invalid("Issue", "labels", "custom", "an issue carries at most 100 labels")
	}
	for _, name := range names {
		l := st.ensureLabel(i.repo, name)
		if i.HasLabel(l.Name) {
			continue
		}
		i.Labels = append(i.Labels, l)
		st.happened(by, i, Event{Kind: "labeled", Label: &EventLabel{l.Name, l.Color}})
		st.emit(&issueEvent{By: by, Issue: i, Action: "labeled", Label: l})
	}
	return nil
}

// removeLabel takes a label off an issue; 404 when it does not carry it.
func (st *store) removeLabel(by *Actor, i *Issue, name string) error {
	if err := st.need(by, i.repo, RoleTriage, issueArea(i)...); err != nil {
		return err
	}
	for _, l := range i.Labels {
		if strings.EqualFold(l.Name, name) {
			st.dropLabel(by, i, l)
			return nil
		}
	}
	return &Error{Status: statusNotFound, Message: "Label does not exist"}
}

func (st *store) dropLabel(by *Actor, i *Issue, l *Label) {
	i.Labels = slices.DeleteFunc(slices.Clone(i.Labels), func(o *Label) bool { return o == l })
	st.happened(by, i, Event{Kind: "unlabeled", Label: &EventLabel{l.Name, l.Color}})
	st.emit(&issueEvent{By: by, Issue: i, Action: "unlabeled", Label: l})
}

// setLabels replaces the labels of an issue.
func (st *store) setLabels(by *Actor, i *Issue, names []string) error {
	if err := st.need(by, i.repo, RoleTriage, issueArea(i)...); err != nil {
		return err
	}
	if err := validLabels(i.repo, names); err != nil {
		return err
	}
	for _, l := range slices.Clone(i.Labels) {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, l.Name) }) {
			st.dropLabel(by, i, l)
		}
	}
	return st.addLabels(by, i, names)
}

// maxAssignees is how many people an issue takes.
const maxAssignees = 10

// assign adds assignees; whoever cannot be assigned is silently left out.
func (st *store) assign(by *Actor, i *Issue, logins []string) error {
	if err := st.need(by, i.repo, RoleTriage, issueArea(i)...); err != nil {
		return err
	}
	for _, login := range logins {
		u, ok := st.user(login)
		if !ok || !st.assignable(login, i.repo, i) || i.HasAssignee(login) || len(i.Assignees) >= maxAssignees {
			continue
		}
		i.Assignees = append(i.Assignees, u.Login)
		st.happened(by, i, Event{Kind: "assigned", Assignee: u.Login})
		st.emit(&issueEvent{By: by, Issue: i, Action: "assigned", Assignee: u.Login})
	}
	return nil
}

// unassign removes assignees; whoever is not assigned is left out.
func (st *store) unassign(by *Actor, i *Issue, logins []string) error {
	if err := st.need(by, i.repo, RoleTriage, issueArea(i)...); err != nil {
		return err
	}
	for _, login := range logins {
		if !i.HasAssignee(login) {
			continue
		}
		u, _ := st.user(login)
		i.Assignees = slices.DeleteFunc(slices.Clone(i.Assignees), func(a string) bool { return a == u.Login })
		st.happened(by, i, Event{Kind: "unassigned", Assignee: u.Login})
		st.emit(&issueEvent{By: by, Issue: i, Action: "unassigned", Assignee: u.Login})
	}
	return nil
}
