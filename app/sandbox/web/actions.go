package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// comment posts a comment, and closes or reopens if that button was pressed.
func (v *visit) comment() (string, error) {
	i, err := v.openIssue()
	if err != nil {
		return "", err
	}
	form := v.r.PostForm
	to := issuePath(i)
	body := lines(form.Get("body"))
	if strings.TrimSpace(body) != "" || form.Has("comment") {
		c, err := v.forge.AddComment(v.by, i, body)
		if err != nil {
			return "", err
		}
		to += fmt.Sprintf("#issuecomment-%d", c.ID)
	}
	switch {
	case form.Has("close"):
		reason := form.Get("close")
		if i.Pull != nil {
			reason = ""
		}
		err = v.forge.CloseIssue(v.by, i, reason)
	case form.Has("reopen"):
		err = v.forge.ReopenIssue(v.by, i)
	}
	return to, err
}

func (v *visit) editText() (string, error) {
	i, err := v.openIssue()
	if err != nil {
		return "", err
	}
	body := lines(v.r.PostForm.Get("body"))
	return issuePath(i), v.forge.EditIssue(v.by, i, forge.IssueEdit{Body: &body})
}

func (v *visit) editTitle() (string, error) {
	i, err := v.openIssue()
	if err != nil {
		return "", err
	}
	title := strings.TrimSpace(v.r.PostForm.Get("title"))
	return issuePath(i), v.forge.EditIssue(v.by, i, forge.IssueEdit{Title: &title})
}

// picked returns what a picker added and took away, compared with what was there when it was shown:
// somebody else may have changed other things in the meantime, and those stay.
func (v *visit) picked(field string) (added, removed []string) {
	now, was := v.r.PostForm[field], v.r.PostForm["was"]
	for _, name := range now {
		if !slices.Contains(was, name) {
			added = append(added, name)
		}
	}
	for _, name := range was {
		if !slices.Contains(now, name) {
			removed = append(removed, name)
		}
	}
	return added, removed
}

func (v *visit) setLabels() (string, error) {
	i, err := v.openIssue()
	if err != nil {
		return "", err
	}
	added, removed := v.picked("label")
	if err := v.forge.AddLabels(v.by, i, added); err != nil {
		return "", err
	}
	for _, name := range removed {
		if !i.HasLabel(name) {
			continue
		}
		if err := v.forge.RemoveLabel(v.by, i, name); err != nil {
			return "", err
		}
	}
	return issuePath(i), nil
}

func (v *visit) setAssignees() (string, error) {
	i, err := v.openIssue()
	if err != nil {
		return "", err
	}
	added, removed := v.picked("assignee")
	if err := v.forge.Unassign(v.by, i, removed); err != nil {
		return "", err
	}
	return issuePath(i), v.forge.Assign(v.by, i, added)
}

// react returns the person's reaction to the issue, or takes it back.
func (v *visit) react() (string, error) {
	i, err := v.openIssue()
	if err != nil {
		return "", err
	}
	content := v.r.PostForm.Get("reaction")
	if mine := v.reactionOf(i.Reactions, content); mine != nil {
		return issuePath(i), v.forge.RemoveReaction(v.by, i, &i.Reactions, mine.ID)
	}
	_, _, err = v.forge.ReactIssue(v.by, i, content)
	return issuePath(i), err
}

func (v *visit) reactionOf(reactions []*forge.Reaction, content string) *forge.Reaction {
	for _, r := range reactions {
		if r.User == v.by.Login && r.Content == content {
			return r
		}
	}
	return nil
}

// openComment finds the comment of the address.
func (v *visit) openComment() (*forge.Comment, string, error) {
	i, err := v.openIssue()
	if err != nil {
		return nil, "", err
	}
	id, err := strconv.ParseInt(v.r.PathValue("comment"), 10, 64)
	if err != nil {
		return nil, "", forge.ErrNotFound
	}
	c, ok := v.forge.CommentsByID[id]
	if !ok || c.Issue() != i {
		return nil, "", forge.ErrNotFound
	}
	return c, fmt.Sprintf("%s#issuecomment-%d", issuePath(i), id), nil
}

func (v *visit) editComment() (string, error) {
	c, to, err := v.openComment()
	if err != nil {
		return "", err
	}
	return to, v.forge.EditComment(v.by, c, lines(v.r.PostForm.Get("body")))
}

func (v *visit) deleteComment() (string, error) {
	c, _, err := v.openComment()
	if err != nil {
		return "", err
	}
	return issuePath(c.Issue()), v.forge.DeleteComment(v.by, c)
}

func (v *visit) pinComment() (string, error) {
	c, to, err := v.openComment()
	if err != nil {
		return "", err
	}
	if v.r.PostForm.Get("pin") == "0" {
		return to, v.forge.UnpinComment(v.by, c)
	}
	return issuePath(c.Issue()), v.forge.PinComment(v.by, c)
}

func (v *visit) reactComment() (string, error) {
	c, to, err := v.openComment()
	if err != nil {
		return "", err
	}
	content := v.r.PostForm.Get("reaction")
	if mine := v.reactionOf(c.Reactions, content); mine != nil {
		return to, v.forge.RemoveReaction(v.by, c.Issue(), &c.Reactions, mine.ID)
	}
	_, _, err = v.forge.ReactComment(v.by, c, content)
	return to, err
}

func (p *server) switchPerson(w http.ResponseWriter, r *http.Request) {
	p.forge.Lock()
	by, ok := p.forge.PersonActor(r.PostFormValue("person"))
	p.forge.Unlock()
	if !ok {
		http.Error(w, "there is no such person in the sandbox", http.StatusUnprocessableEntity)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "person", Value: by.Login, Path: "/", HttpOnly: true,
		SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, backTo(r), http.StatusSeeOther)
}

func (p *server) moveClock(w http.ResponseWriter, r *http.Request) {
	d, err := time.ParseDuration(r.PostFormValue("advance"))
	if err != nil || d <= 0 {
		http.Error(w, "advance: a duration such as 20m is needed", http.StatusUnprocessableEntity)
		return
	}
	if err := p.advance(d); err != nil {
		http.Error(w, "the clock could not move: "+err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, backTo(r), http.StatusSeeOther)
}
