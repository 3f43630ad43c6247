package github

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// A pull request takes a branch, a commit and the request itself. By REST these are eight calls; GraphQL
// reads all that they are made on in one, and makes them in another. That way is for a branch that is not
// there yet. Whatever is there, or is refused, is left to the way by REST, which goes on from anything.

// groundQuery reads what a pull request is made on, and the folder of a file.
const groundQuery = `query($owner: String!, $name: String!, $ref: String!, $branch: String!, $folder: String!) {
  repository(owner: $owner, name: $name) {
    id
    defaultBranchRef { name target { oid } }
    ref(qualifiedName: $ref) { name }
    pullRequests(headRefName: $branch, states: [OPEN, MERGED], first: 1) { totalCount }
    object(expression: $folder) { ... on Tree {
      entries { name mode object { ... on Blob { text isTruncated } } }
    } }
  }
}`

// publishMutation makes the branch, the commit and the pull request, one after the other. What fails leaves
// undone what comes after it: a commit needs its branch as it was made, and a pull request needs a commit.
const publishMutation = `mutation($ref: CreateRefInput!, $commit: CreateCommitOnBranchInput!,
  $pull: CreatePullRequestInput!) {
  createRef(input: $ref) { ref { name } }
  createCommitOnBranch(input: $commit) { commit { oid } }
  createPullRequest(input: $pull) { pullRequest { number headRefOid } }
}`

// plainFiles are the modes of files that are not links, in git's numbers.
var plainFiles = []int{0o100644, 0o100755}

// PrepareDocument reads what the pull request of a branch is made on, and a file of the default branch,
// which ReadFile then knows. The ground is empty where the branch or its pull request is there already. It
// implements engine.GitHub.
func (a *App) PrepareDocument(ctx context.Context, ref incident.Ref, branch, name string) (ports.Ground, error) {
	c, err := a.clientOf(ctx, documents, ref)
	if err != nil {
		return ports.Ground{}, err
	}
	var read struct {
		Repository *struct {
			ID               string
			DefaultBranchRef *struct {
				Name   string
				Target *struct{ OID string }
			}
			Ref          *struct{ Name string }
			PullRequests *struct{ TotalCount int }
			Object       *struct {
				Entries []struct {
					Name   string
					Mode   int
					Object *struct {
						Text        *string
						IsTruncated bool
					}
				}
			}
		}
	}
	now, folder := a.o.Now(), path.Dir(name)
	if folder == "." {
		folder = ""
	}
	partial, err := query(ctx, c, groundQuery, map[string]any{"owner": ref.Owner, "name": ref.Repo,
		"ref": "refs/heads/" + branch, "branch": branch, "folder": "HEAD:" + folder}, &read)
	if v := classify(err); err != nil && (v.class == classLimited || v.class == classOurs) {
		return ports.Ground{}, describeError("read what the pull request is made on", ref.FullName()+", branch "+branch, err)
	}
	r := read.Repository
	if err != nil || r == nil || len(partial) > 0 || r.DefaultBranchRef == nil || r.DefaultBranchRef.Target == nil {
		return ports.Ground{}, nil // REST says what is wrong
	}
	known, isKnown := file{at: now}, true
	if r.Object != nil {
		for _, e := range r.Object.Entries {
			if e.Name != path.Base(name) {
				continue
			}
			isKnown = slices.Contains(plainFiles, e.Mode) && e.Object != nil && e.Object.Text != nil && !e.Object.IsTruncated
			if isKnown {
				known.content, known.ok = []byte(*e.Object.Text), true
			}
		}
	}
	if isKnown {
		a.keepFile(ref, name, known)
	}
	if r.Ref != nil || r.PullRequests == nil || r.PullRequests.TotalCount > 0 {
		return ports.Ground{}, nil
	}
	return ports.Ground{Repository: r.ID, Base: r.DefaultBranchRef.Name, Head: r.DefaultBranchRef.Target.OID}, nil
}

// openAtOnce makes the branch, the commit and the pull request in one call, if the ground is known. What is
// refused of it leaves the number 0.
func (w *publication) openAtOnce(ctx context.Context) (opened ports.OpenedPull, err error) {
	on := w.p.Ground
	if on.Repository == "" || on.Head == "" || on.Base == "" {
		return opened, nil
	}
	files := []map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(w.p.Files)) {
		files = append(files, map[string]string{"path": name,
			"contents": base64.StdEncoding.EncodeToString([]byte(w.p.Files[name]))})
	}
	headline, body, _ := strings.Cut(w.p.Message, "\n")
	var made struct {
		CreateCommitOnBranch *struct{ Commit *struct{ OID string } }
		CreatePullRequest    *struct {
			PullRequest *struct {
				Number     int
				HeadRefOID string `json:"headRefOid"`
			}
		}
	}
	partial, err := query(ctx, w.c, publishMutation, map[string]any{
		"ref": map[string]any{"repositoryId": on.Repository, "name": "refs/heads/" + w.p.Branch, "oid": on.Head},
		"commit": map[string]any{
			"branch":          map[string]any{"repositoryNameWithOwner": w.ref.FullName(), "branchName": w.p.Branch},
			"expectedHeadOid": on.Head, "fileChanges": map[string]any{"additions": files},
			"message": map[string]any{"headline": headline, "body": strings.TrimSpace(body)}},
		"pull": map[string]any{"repositoryId": on.Repository, "baseRefName": on.Base, "headRefName": w.p.Branch,
			"title": w.p.Title, "body": w.p.Body, "maintainerCanModify": true}}, &made)
	var whole *unanswered
	if isUnanswered := errors.As(err, &whole); isUnanswered || err != nil && classify(err).class == classRefused {
		w.a.o.Logger.Info("the pull request is opened step by step", "repository", w.ref.FullName(), "branch",
			w.p.Branch, "err", err)
		return opened, nil
	}
	if err != nil {
		return opened, describeError("open the pull request", w.where(), err)
	}
	if len(partial) > 0 {
		w.a.o.Logger.Info("the pull request is opened step by step", "repository", w.ref.FullName(), "branch",
			w.p.Branch, "err", partial[0].Message)
	}
	if p := made.CreatePullRequest; p != nil && p.PullRequest != nil {
		opened.Number = p.PullRequest.Number
		if m := made.CreateCommitOnBranch; m != nil && m.Commit != nil && m.Commit.OID == p.PullRequest.HeadRefOID {
			opened.Commit, opened.Base = m.Commit.OID, on.Base
		}
	}
	return opened, nil
}

// keepFile notes a file of the default branch for ReadFile.
func (a *App) keepFile(ref incident.Ref, path string, f file) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files[strings.ToLower(ref.FullName())+"/"+path] = f
}
