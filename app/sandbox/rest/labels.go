package rest

import (
	"net/http"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

func listRepoLabels(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	return paged(q, r.Labels, func(l *forge.Label) fields { return q.views.labelView(r, l) })
}

// label finds the label of the path.
func (q *request) label() (*forge.Repository, *forge.Label, error) {
	r, err := q.repo()
	if err != nil {
		return nil, nil, err
	}
	l, ok := r.FindLabel(q.value("name"))
	if !ok {
		return nil, nil, forge.ErrNotFound
	}
	return r, l, nil
}

func getLabel(q *request) (int, any, error) {
	r, l, err := q.label()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.labelView(r, l), nil
}

func createLabel(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	var in struct{ Name, Color, Description string }
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	l, err := q.forge.CreateLabel(q.by, r, in.Name, in.Color, in.Description)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.views.labelView(r, l), nil
}

func patchLabel(q *request) (int, any, error) {
	r, l, err := q.label()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		NewName     *string `json:"new_name"`
		Color       *string
		Description *string
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if err := q.forge.EditLabel(q.by, r, l, in.NewName, in.Color, in.Description); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.labelView(r, l), nil
}

func deleteLabel(q *request) (int, any, error) {
	r, l, err := q.label()
	if err == nil {
		err = q.forge.DeleteLabel(q.by, r, l)
	}
	return http.StatusNoContent, nil, err
}

func listIssueLabels(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	return paged(q, i.Labels, func(l *forge.Label) fields { return q.views.labelView(i.Repo(), l) })
}

// changeLabels serves POST and PUT, whose bodies are {"labels": […]} or the list itself.
func changeLabels(change func(*forge.Forge, *forge.Actor, *forge.Issue, []string) error) endpoint {
	return func(q *request) (int, any, error) {
		i, err := q.issue()
		if err != nil {
			return 0, nil, err
		}
		var in struct{ Labels names }
		if len(q.body) > 0 && q.body[0] == '[' {
			err = q.read(&in.Labels)
		} else {
			err = q.read(&in)
		}
		if err == nil {
			err = change(q.forge, q.by, i, in.Labels)
		}
		if err != nil {
			return 0, nil, err
		}
		return http.StatusOK, q.views.labelViews(i), nil
	}
}

func removeLabel(q *request) (int, any, error) {
	i, err := q.issue()
	if err == nil {
		err = q.forge.RemoveLabel(q.by, i, q.value("name"))
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.labelViews(i), nil
}

func removeLabels(q *request) (int, any, error) {
	i, err := q.issue()
	if err == nil {
		err = q.forge.SetLabels(q.by, i, nil)
	}
	return http.StatusNoContent, nil, err
}

func changeAssignees(change func(*forge.Forge, *forge.Actor, *forge.Issue, []string) error,
	status int) endpoint {
	return func(q *request) (int, any, error) {
		i, err := q.issue()
		if err != nil {
			return 0, nil, err
		}
		var in struct{ Assignees []string }
		if err := q.read(&in); err != nil {
			return 0, nil, err
		}
		if err := change(q.forge, q.by, i, in.Assignees); err != nil {
			return 0, nil, err
		}
		return status, q.views.issueFullView(i), nil
	}
}

// assigning finds the repository of the path, if an app may know who can be assigned there.
func (q *request) assigning() (*forge.Repository, error) {
	r, err := q.repo()
	if err == nil {
		err = q.forge.Require(q.by, r, forge.RoleRead, "issues", "pull_requests")
	}
	return r, err
}

func listAssignable(q *request) (int, any, error) {
	r, err := q.assigning()
	if err != nil {
		return 0, nil, err
	}
	var people []string
	for _, u := range q.forge.Users {
		if q.forge.IsAssignable(u.Login, r, nil) {
			people = append(people, u.Login)
		}
	}
	return paged(q, people, q.views.userView)
}

func checkAssignable(q *request) (int, any, error) {
	var i *forge.Issue
	r, err := q.assigning()
	if err == nil && q.value("number") != "" {
		i, err = q.issue()
	}
	if err == nil && !q.forge.IsAssignable(q.value("login"), r, i) {
		err = forge.ErrNotFound
	}
	return http.StatusNoContent, nil, err
}
