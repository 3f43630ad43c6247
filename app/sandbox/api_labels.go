package sandbox

import (
	"net/http"
)

func listRepoLabels(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	return paged(q, r.Labels, func(l *Label) fields { return q.st.labelView(r, l) })
}

// label finds the label of the path.
func (q *request) label() (*Repository, *Label, error) {
	r, err := q.repo()
	if err != nil {
		return nil, nil, err
	}
	l, ok := r.label(q.value("name"))
	if !ok {
		return nil, nil, errNotFound
	}
	return r, l, nil
}

func getLabel(q *request) (int, any, error) {
	r, l, err := q.label()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.labelView(r, l), nil
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
	l, err := q.st.createLabel(q.by, r, in.Name, in.Color, in.Description)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.st.labelView(r, l), nil
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
	if err := q.st.editLabel(q.by, r, l, in.NewName, in.Color, in.Description); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.labelView(r, l), nil
}

func deleteLabel(q *request) (int, any, error) {
	r, l, err := q.label()
	if err == nil {
		err = q.st.deleteLabel(q.by, r, l)
	}
	return http.StatusNoContent, nil, err
}

func listIssueLabels(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	return paged(q, i.Labels, func(l *Label) fields { return q.st.labelView(i.repo, l) })
}

// changeLabels serves POST and PUT, whose bodies are {"labels": […]} or the list itself.
func changeLabels(change func(*store, *Actor, *Issue, []string) error) endpoint {
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
			err = change(q.st.store, q.by, i, in.Labels)
		}
		if err != nil {
			return 0, nil, err
		}
		return http.StatusOK, q.st.labelViews(i), nil
	}
}

func removeLabel(q *request) (int, any, error) {
	i, err := q.issue()
	if err == nil {
		err = q.st.removeLabel(q.by, i, q.value("name"))
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.labelViews(i), nil
}

func removeLabels(q *request) (int, any, error) {
	i, err := q.issue()
	if err == nil {
		err = q.st.setLabels(q.by, i, nil)
	}
	return http.StatusNoContent, nil, err
}

func changeAssignees(change func(*store, *Actor, *Issue, []string) error, status int) endpoint {
	return func(q *request) (int, any, error) {
		i, err := q.issue()
		if err != nil {
			return 0, nil, err
		}
		var in struct{ Assignees []string }
		if err := q.read(&in); err != nil {
			return 0, nil, err
		}
		if err := change(q.st.store, q.by, i, in.Assignees); err != nil {
			return 0, nil, err
		}
		return status, q.st.issueFullView(i), nil
	}
}

// assigning finds the repository of the path, if an app may know who can be assigned there.
func (q *request) assigning() (*Repository, error) {
	r, err := q.repo()
	if err == nil {
		err = q.st.need(q.by, r, RoleRead, "issues", "pull_requests")
	}
	return r, err
}

func listAssignable(q *request) (int, any, error) {
	r, err := q.assigning()
	if err != nil {
		return 0, nil, err
	}
	var people []string
	for _, u := range q.st.Users {
		if q.st.assignable(u.Login, r, nil) {
			people = append(people, u.Login)
		}
	}
	return paged(q, people, q.st.userView)
}

func checkAssignable(q *request) (int, any, error) {
	var i *Issue
	r, err := q.assigning()
	if err == nil && q.value("number") != "" {
		i, err = q.issue()
	}
	if err == nil && !q.st.assignable(q.value("login"), r, i) {
		err = errNotFound
	}
	return http.StatusNoContent, nil, err
}
