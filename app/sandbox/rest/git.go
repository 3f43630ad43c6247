package rest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// git finds the repository of the path, if its objects may be read; one that is empty has none.
func (q *request) git() (*forge.Repository, error) {
	r, err := q.readable()
	if err == nil && r.Git.IsEmpty() {
		err = forge.ErrEmptyGit
	}
	return r, err
}

// gitToWrite is git for whoever adds objects.
func (q *request) gitToWrite() (*forge.Repository, error) {
	r, err := q.repo()
	if err == nil {
		err = q.forge.Require(q.by, r, forge.RoleWrite, "contents")
	}
	if err == nil && r.Git.IsEmpty() {
		err = forge.ErrEmptyGit
	}
	return r, err
}

func getRef(q *request) (int, any, error) {
	r, err := q.git()
	if err != nil {
		return 0, nil, err
	}
	ref := "refs/" + strings.TrimPrefix(q.value("ref"), "refs/")
	if _, ok := r.Git.Refs[ref]; !ok {
		return 0, nil, forge.ErrNotFound
	}
	return http.StatusOK, q.views.refView(r, ref), nil
}

func listMatchingRefs(q *request) (int, any, error) {
	r, err := q.git()
	if err != nil {
		return 0, nil, err
	}
	var found []string
	for _, ref := range slices.Sorted(maps.Keys(r.Git.Refs)) {
		if strings.HasPrefix(ref, "refs/"+strings.TrimPrefix(q.value("ref"), "refs/")) {
			found = append(found, ref)
		}
	}
	return http.StatusOK, each(found, func(ref string) fields { return q.views.refView(r, ref) }), nil
}

func createRef(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	var in struct{ Ref, SHA string }
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if err := q.forge.CreateRef(q.by, r, in.Ref, in.SHA); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.views.refView(r, in.Ref), nil
}

func updateRef(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		SHA   string
		Force bool
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	ref := "refs/" + strings.TrimPrefix(q.value("ref"), "refs/")
	if err := q.forge.UpdateRef(q.by, r, ref, in.SHA, in.Force); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.refView(r, ref), nil
}

func deleteRef(q *request) (int, any, error) {
	r, err := q.repo()
	if err == nil {
		err = q.forge.DeleteRef(q.by, r, "refs/"+strings.TrimPrefix(q.value("ref"), "refs/"))
	}
	return http.StatusNoContent, nil, err
}

func getGitCommit(q *request) (int, any, error) {
	r, err := q.git()
	if err != nil {
		return 0, nil, err
	}
	c, ok := r.Git.Commits[q.value("sha")]
	if !ok {
		return 0, nil, forge.ErrNotFound
	}
	return http.StatusOK, q.views.gitCommitView(r, c), nil
}

func createGitCommit(q *request) (int, any, error) {
	r, err := q.gitToWrite()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Message, Tree     string
		Parents           []string
		Author, Committer *who
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if in.Message == "" {
		return 0, nil, forge.MissingField("message")
	}
	if _, ok := r.Git.Trees[in.Tree]; !ok {
		return 0, nil, &forge.Error{Status: http.StatusUnprocessableEntity, Message: "Tree SHA does not exist"}
	}
	for _, p := range in.Parents {
		if _, ok := r.Git.Commits[p]; !ok {
			return 0, nil, &forge.Error{Status: http.StatusUnprocessableEntity,
				Message: "Parent SHA does not exist or is not a commit object"}
		}
	}
	c := q.forge.NewCommit(q.by, in.Tree, in.Message, in.Author.signature(q.forge.Now()),
		in.Committer.signature(q.forge.Now()))
	c.Parents = in.Parents
	r.Git.PutCommit(c)
	q.forge.NoteChange()
	return http.StatusCreated, q.views.gitCommitView(r, c), nil
}

func (q *request) treeView(r *forge.Repository, sha string, recursive bool) fields {
	entry := func(name string, e forge.TreeEntry) fields {
		f := fields{"path": name, "mode": e.Mode, "type": e.Kind(), "sha": e.SHA,
			"url": q.views.api("/repos/%s/git/%ss/%s", r.FullName(), e.Kind(), e.SHA)}
		if e.Kind() == "blob" {
			f["size"] = len(r.Git.Blobs[e.SHA])
		}
		return f
	}
	entries := []fields{}
	if recursive {
		r.Git.Walk(sha, "", func(name string, e forge.TreeEntry) { entries = append(entries, entry(name, e)) })
	} else {
		for _, e := range r.Git.Trees[sha] {
			entries = append(entries, entry(e.Name, e))
		}
	}
	return fields{"sha": sha, "url": q.views.api("/repos/%s/git/trees/%s", r.FullName(), sha),
		"tree": entries, "truncated": false}
}

func getTree(q *request) (int, any, error) {
	r, err := q.git()
	if err != nil {
		return 0, nil, err
	}
	sha := q.value("sha")
	if c, ok := r.Git.Resolve(sha); ok {
		sha = c.Tree
	}
	if _, ok := r.Git.Trees[sha]; !ok {
		return 0, nil, forge.ErrNotFound
	}
	return http.StatusOK, q.treeView(r, sha, q.query("recursive") != ""), nil
}

func createTree(q *request) (int, any, error) {
	r, err := q.gitToWrite()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Base string `json:"base_tree"`
		Tree []struct {
			Path, Mode, Type string
			SHA              *string
			Content          *string
		}
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	tree := in.Base
	if c, ok := r.Git.Commits[tree]; ok {
		tree = c.Tree
	}
	if _, ok := r.Git.Trees[tree]; !ok && tree != "" {
		return 0, nil, &forge.Error{Status: http.StatusNotFound, Message: "base_tree is not a valid tree"}
	}
	for _, e := range in.Tree {
		entry := forge.TreeEntry{Mode: e.Mode}
		switch {
		case len(forge.SplitPath(e.Path)) == 0 || path.Clean(e.Path) != e.Path ||
			strings.HasPrefix(e.Path, "/") || strings.HasPrefix(e.Path, ".."):
			return 0, nil, &forge.Error{Status: http.StatusUnprocessableEntity,
				Message: "tree.path contains a malformed path component"}
		case !slices.Contains([]string{forge.ModeFile, "100755", "120000"}, e.Mode):
			return 0, nil, &forge.Error{Status: http.StatusUnprocessableEntity,
				Message: "Must supply a valid tree.mode"}
		case e.Content != nil:
			entry.SHA = r.Git.PutBlob([]byte(*e.Content))
		case e.SHA != nil:
			entry.SHA = *e.SHA
			if _, ok := r.Git.Blobs[entry.SHA]; !ok {
				return 0, nil, &forge.Error{Status: http.StatusUnprocessableEntity,
					Message: "tree.sha " + entry.SHA + " is not a valid blob"}
			}
		}
		if tree, err = r.Git.SetEntry(tree, e.Path, entry); err != nil {
			if !errors.Is(err, forge.ErrPathTaken) {
				return 0, nil, err
			}
			return 0, nil, &forge.Error{Status: http.StatusUnprocessableEntity,
				Message: "tree.path " + e.Path + ": " + err.Error()}
		}
	}
	q.forge.NoteChange()
	return http.StatusCreated, q.treeView(r, tree, false), nil
}

func getBlob(q *request) (int, any, error) {
	r, err := q.git()
	if err != nil {
		return 0, nil, err
	}
	b, ok := r.Git.Blobs[q.value("sha")]
	if !ok {
		return 0, nil, forge.ErrNotFound
	}
	return http.StatusOK, fields{"sha": q.value("sha"), "node_id": "B_" + q.value("sha"), "size": len(b),
		"encoding": "base64", "content": wrapped(b),
		"url": q.views.api("/repos/%s/git/blobs/%s", r.FullName(), q.value("sha"))}, nil
}

func createBlob(q *request) (int, any, error) {
	r, err := q.gitToWrite()
	if err != nil {
		return 0, nil, err
	}
	var in struct{ Content, Encoding string }
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	content := []byte(in.Content)
	if in.Encoding == "base64" {
		if content, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(in.Content, "\n",
			"")); err != nil {
			return 0, nil, &forge.Error{Status: http.StatusUnprocessableEntity,
				Message: "content is not valid Base64"}
		}
	}
	sha := r.Git.PutBlob(content)
	q.forge.NoteChange()
	return http.StatusCreated, fields{"sha": sha,
		"url": q.views.api("/repos/%s/git/blobs/%s", r.FullName(), sha)}, nil
}

func listBranches(q *request) (int, any, error) {
	r, err := q.readable()
	if err != nil {
		return 0, nil, err
	}
	return paged(q, r.Git.Branches(), func(name string) fields {
		c, _ := r.Git.Branch(name)
		return fields{"name": name, "commit": fields{"sha": c.SHA,
			"url": q.views.api("/repos/%s/commits/%s", r.FullName(), c.SHA)},
			"protected": r.Ruled && name == r.DefaultBranch}
	})
}

func getBranch(q *request) (int, any, error) {
	r, err := q.readable()
	if err != nil {
		return 0, nil, err
	}
	name := q.value("branch")
	c, ok := r.Git.Branch(name)
	if !ok {
		return 0, nil, &forge.Error{Status: http.StatusNotFound, Message: "Branch not found"}
	}
	self := q.views.api("/repos/%s/branches/%s", r.FullName(), forge.EscapePath(name))
	return http.StatusOK, fields{"name": name, "commit": q.views.commitView(r, c),
		"protected": r.Ruled && name == r.DefaultBranch, "protection_url": self + "/protection",
		"protection": fields{"enabled": false,
			"required_status_checks": fields{"enforcement_level": "off", "contexts": []string{},
				"checks": []string{}}},
		"_links": fields{"self": self,
			"html": fmt.Sprintf("%s/%s/tree/%s", q.forge.URL, r.FullName(), forge.EscapePath(name))}}, nil
}

func listCommits(q *request) (int, any, error) {
	r, err := q.git()
	if err != nil {
		return 0, nil, err
	}
	ref := q.query("sha")
	if ref == "" {
		ref = r.DefaultBranch
	}
	head, ok := r.Git.Resolve(ref)
	if !ok {
		return 0, nil, forge.ErrNotFound
	}
	log := forge.LogQuery{Path: strings.Trim(q.query("path"), "/")}
	for name, at := range map[string]*time.Time{"since": &log.Since, "until": &log.Until} {
		if text := q.query(name); text != "" {
			if *at, err = time.Parse(time.RFC3339, text); err != nil {
				return 0, nil, forge.Invalid("Commit", name, "invalid", "")
			}
		}
	}
	commits := slices.DeleteFunc(r.Git.LogOf(head.SHA, log), func(c *forge.Commit) bool {
		asked := q.query("author")
		return asked != "" && !forge.IsAccount(c.Login, asked) && !strings.EqualFold(c.Author.Email, asked)
	})
	return paged(q, commits, func(c *forge.Commit) fields { return q.views.commitView(r, c) })
}

func getCommit(q *request) (int, any, error) {
	r, c, err := q.commitAt("contents")
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.commitFullView(r, c), nil
}

func compare(q *request) (int, any, error) {
	r, err := q.readable()
	if err != nil {
		return 0, nil, err
	}
	b, h, ok := strings.Cut(q.value("basehead"), "...")
	base, okBase := r.Git.Resolve(b)
	head, okHead := r.Git.Resolve(h)
	if !ok || !okBase || !okHead {
		return 0, nil, forge.ErrNotFound
	}
	common, ok := r.Git.MergeBase(base.SHA, head.SHA)
	if !ok {
		return 0, nil, &forge.Error{Status: http.StatusNotFound,
			Message: "No common ancestor between " + b + " and " + h + "."}
	}
	ahead, behind := r.Git.Log(head.SHA, base.SHA), r.Git.Log(base.SHA, head.SHA)
	state := "identical"
	switch {
	case len(ahead) > 0 && len(behind) > 0:
		state = "diverged"
	case len(ahead) > 0:
		state = "ahead"
	case len(behind) > 0:
		state = "behind"
	}
	slices.Reverse(ahead)
	html := fmt.Sprintf("%s/%s/compare/%s", q.forge.URL, r.FullName(), forge.EscapePath(q.value("basehead")))
	changes := r.Git.Diff(common.Tree, head.Tree)
	return http.StatusOK, fields{"url": q.views.api("/repos/%s/compare/%s", r.FullName(),
		forge.EscapePath(q.value("basehead"))), "html_url": html, "permalink_url": html,
		"diff_url": html + ".diff", "patch_url": html + ".patch",
		"base_commit": q.views.commitView(r, base), "merge_base_commit": q.views.commitView(r, common),
		"status": state, "ahead_by": len(ahead), "behind_by": len(behind), "total_commits": len(ahead),
		"commits": each(ahead, func(c *forge.Commit) fields { return q.views.commitView(r, c) }),
		"files": each(changes, func(c forge.Change) fields {
			return q.views.changeView(r, head.SHA,
				c)
		})}, nil
}

// listRules lists the rules that hold for a branch, whether it exists or not.
// https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch
func listRules(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	if err := q.forge.Require(q.by, r, forge.RoleRead, "metadata"); err != nil {
		return 0, nil, err
	}
	rules := []fields{}
	if r.Ruled && q.value("branch") == r.DefaultBranch {
		rules = append(rules, fields{"type": "pull_request", "ruleset_source_type": "Repository",
			"ruleset_source": r.FullName(), "ruleset_id": r.ID,
			"parameters": fields{"required_approving_review_count": 0,
				"dismiss_stale_reviews_on_push": false, "require_code_owner_review": false,
				"require_last_push_approval": false, "required_review_thread_resolution": false}})
	}
	for _, s := range r.RulesetsOf("refs/heads/" + q.value("branch")) {
		for _, rule := range s.Rules {
			rules = append(rules, fields{"type": rule.Type, "ruleset_source_type": "Repository",
				"ruleset_source": r.FullName(), "ruleset_id": s.ID, "parameters": rule.Parameters})
		}
	}
	return http.StatusOK, rules, nil
}
