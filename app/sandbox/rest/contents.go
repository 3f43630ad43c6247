package rest

import (
	"encoding/base64"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// readable finds the repository of the path, if its contents may be read.
func (q *request) readable() (*forge.Repository, error) {
	r, err := q.repo()
	if err == nil {
		err = q.forge.Require(q.by, r, forge.RoleRead, "contents")
	}
	return r, err
}

func getContents(q *request) (int, any, error) {
	r, err := q.readable()
	if err != nil {
		return 0, nil, err
	}
	ref := q.query("ref")
	if ref == "" {
		ref = r.DefaultBranch
	}
	c, ok := r.Git.Resolve(ref)
	if r.Git.IsEmpty() {
		return 0, nil, forge.ErrEmptyFiles
	}
	if !ok {
		return 0, nil, &forge.Error{Status: http.StatusNotFound, Message: "No commit found for the ref " + ref}
	}
	name := strings.Trim(q.value("path"), "/")
	e, ok := forge.TreeEntry{Mode: forge.ModeTree, SHA: c.Tree}, true
	if name != "" {
		e, ok = r.Git.Entry(c.Tree, name)
	}
	if !ok {
		return 0, nil, forge.ErrNotFound
	}
	e.Name = path.Base(name)
	if e.Mode == forge.ModeTree {
		views := []fields{}
		for _, child := range r.Git.Trees[e.SHA] {
			views = append(views, q.views.contentView(r, ref, path.Join(name, child.Name), child))
		}
		return http.StatusOK, views, nil
	}
	blob := r.Git.Blobs[e.SHA]
	if strings.Contains(q.r.Header.Get("Accept"), "raw") {
		q.head.Set("Content-Type", "application/vnd.github.raw; charset=utf-8")
		return http.StatusOK, blob, nil
	}
	return http.StatusOK, q.views.contentView(r, ref, name, e).with(fields{"encoding": "base64",
		"content": wrapped(blob)}), nil
}

// wrapped is Base64 in lines of sixty characters, as GitHub writes it.
func wrapped(b []byte) string {
	text := base64.StdEncoding.EncodeToString(b)
	var out strings.Builder
	for len(text) > 0 {
		n := min(60, len(text))
		out.WriteString(text[:n])
		out.WriteByte('\n')
		text = text[n:]
	}
	return out.String()
}

// who is an author or committer in a request.
type who struct {
	Name, Email string
	Date        *time.Time
}

func (w *who) signature(now time.Time) *forge.Signature {
	if w == nil {
		return nil
	}
	s := &forge.Signature{Name: w.Name, Email: w.Email, At: now}
	if w.Date != nil {
		s.At = *w.Date
	}
	return s
}

func changeContents(remove bool) endpoint {
	return func(q *request) (int, any, error) {
		r, err := q.repo()
		if err != nil {
			return 0, nil, err
		}
		var in struct {
			Message, SHA, Branch string
			Content              *string
			Author, Committer    *who
		}
		if err := q.read(&in); err != nil {
			return 0, nil, err
		}
		change := forge.FileChange{Path: q.value("path"), Remove: remove, SHA: in.SHA, Branch: in.Branch,
			Message: in.Message,
			Author:  in.Author.signature(q.forge.Now()), Committer: in.Committer.signature(q.forge.Now())}
		if !remove {
			if in.Content == nil {
				return 0, nil, forge.MissingField("content")
			}
			if change.Content, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(*in.Content, "\n",
				"")); err != nil {
				return 0, nil, &forge.Error{Status: http.StatusUnprocessableEntity,
					Message: "content is not valid Base64"}
			}
		}
		c, created, err := q.forge.ChangeFile(q.by, r, change)
		if err != nil {
			return 0, nil, err
		}
		view := fields{"commit": q.views.gitCommitView(r, c), "content": nil}
		if remove {
			return http.StatusOK, view, nil
		}
		branch := in.Branch
		if branch == "" {
			branch = r.DefaultBranch
		}
		e, _ := r.Git.Entry(c.Tree, change.Path)
		e.Name = path.Base(change.Path)
		view["content"] = q.views.contentView(r, branch, change.Path, e)
		if created {
			return http.StatusCreated, view, nil
		}
		return http.StatusOK, view, nil
	}
}
