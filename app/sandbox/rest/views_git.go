package rest

import (
	"fmt"
	"net/url"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// simpleCommitView is a commit as check suites show it.
func (v *Views) simpleCommitView(c *forge.Commit) fields {
	person := func(s forge.Signature) fields { return fields{"name": s.Name, "email": s.Email} }
	return fields{
		"id": c.SHA, "tree_id": c.Tree, "message": c.Message,
		"timestamp": forge.FormatTime(c.Committer.At), "author": person(c.Author),
		"committer": person(c.Committer),
	}
}

func signatureView(s forge.Signature) fields {
	return fields{"name": s.Name, "email": s.Email, "date": forge.FormatTime(s.At)}
}

func verification(c *forge.Commit) fields {
	f := fields{"verified": c.Verified, "reason": "unsigned", "signature": nil, "payload": nil,
		"verified_at": nil}
	if c.Verified {
		f.with(fields{
			"reason": "valid", "signature": "-----BEGIN PGP SIGNATURE-----\n\nsandbox\n-----END PGP SIGNATURE-----\n",
			"payload":     "tree " + c.Tree + "\n",
			"verified_at": forge.FormatTime(c.Committer.At),
		})
	}
	return f
}

// gitCommitView is a commit as the Git database API answers it.
func (v *Views) gitCommitView(r *forge.Repository, c *forge.Commit) fields {
	return fields{
		"sha": c.SHA, "node_id": "C_" + c.SHA,
		"url": v.api("/repos/%s/git/commits/%s", r.FullName(), c.SHA), "html_url": v.forge.CommitURL(r, c.SHA),
		"author": signatureView(c.Author), "committer": signatureView(c.Committer), "message": c.Message,
		"tree":    fields{"sha": c.Tree, "url": v.api("/repos/%s/git/trees/%s", r.FullName(), c.Tree)},
		"parents": v.parentViews(r, c, "git/commits"), "verification": verification(c),
	}
}

func (v *Views) parentViews(r *forge.Repository, c *forge.Commit, under string) []fields {
	return each(c.Parents, func(sha string) fields {
		return fields{"sha": sha, "url": v.api("/repos/%s/%s/%s", r.FullName(), under, sha),
			"html_url": v.forge.CommitURL(r, sha)}
	})
}

// commitView is a commit as lists show it.
func (v *Views) commitView(r *forge.Repository, c *forge.Commit) fields {
	api := v.api("/repos/%s/commits/%s", r.FullName(), c.SHA)
	var author any
	if c.Login != "" {
		author = v.userView(c.Login)
	}
	return fields{
		"sha": c.SHA, "node_id": "C_" + c.SHA, "url": api, "html_url": v.forge.CommitURL(r, c.SHA),
		"comments_url": api + "/comments",
		"commit": fields{
			"url":    v.api("/repos/%s/git/commits/%s", r.FullName(), c.SHA),
			"author": signatureView(c.Author), "committer": signatureView(c.Committer),
			"message": c.Message, "comment_count": 0,
			"tree":         fields{"sha": c.Tree, "url": v.api("/repos/%s/git/trees/%s", r.FullName(), c.Tree)},
			"verification": verification(c),
		},
		"author": author, "committer": author, "parents": v.parentViews(r, c, "commits"),
	}
}

// commitFullView is a commit with its changes.
func (v *Views) commitFullView(r *forge.Repository, c *forge.Commit) fields {
	changes := forge.CommitChanges(r.Git, c)
	additions, deletions := 0, 0
	for _, change := range changes {
		additions += change.Additions
		deletions += change.Deletions
	}
	return v.commitView(r, c).with(fields{
		"stats": fields{"additions": additions, "deletions": deletions, "total": additions + deletions},
		"files": each(changes, func(change forge.Change) fields { return v.changeView(r, c.SHA, change) }),
	})
}

// changeView is one changed file.
func (v *Views) changeView(r *forge.Repository, ref string, c forge.Change) fields {
	path := forge.EscapePath(c.Path)
	f := fields{
		"sha": c.SHA, "filename": c.Path, "status": c.Status, "additions": c.Additions,
		"deletions": c.Deletions, "changes": c.Additions + c.Deletions,
		"blob_url":     fmt.Sprintf("%s/%s/blob/%s/%s", v.forge.URL, r.FullName(), ref, path),
		"raw_url":      fmt.Sprintf("%s/%s/raw/%s/%s", v.forge.URL, r.FullName(), ref, path),
		"contents_url": v.api("/repos/%s/contents/%s?ref=%s", r.FullName(), path, ref),
	}
	if c.Patch != "" {
		f["patch"] = c.Patch
	}
	return f
}

// contentView is a file or folder without its content.
func (v *Views) contentView(r *forge.Repository, ref, path string, e forge.TreeEntry) fields {
	kind, objects, page, size := "file", "blobs", "blob", len(r.Git.Blobs[e.SHA])
	if e.Mode == forge.ModeTree {
		kind, objects, page, size = "dir", "trees", "tree", 0
	}
	at := forge.EscapePath(path)
	api := v.api("/repos/%s/contents/%s?ref=%s", r.FullName(), at, url.QueryEscape(ref))
	git := v.api("/repos/%s/git/%s/%s", r.FullName(), objects, e.SHA)
	html := fmt.Sprintf("%s/%s/%s/%s/%s", v.forge.URL, r.FullName(), page, forge.EscapePath(ref), at)
	var download any
	if kind == "file" {
		download = fmt.Sprintf("%s/%s/raw/%s/%s", v.forge.URL, r.FullName(), forge.EscapePath(ref), at)
	}
	return fields{
		"type": kind, "size": size, "name": e.Name, "path": path, "sha": e.SHA, "url": api, "git_url": git,
		"html_url": html, "download_url": download,
		"_links": fields{"self": api, "git": git, "html": html},
	}
}

// refView is a branch or tag.
func (v *Views) refView(r *forge.Repository, ref string) fields {
	sha := r.Git.Refs[ref]
	return fields{
		"ref": ref, "node_id": "REF_" + r.FullName() + ":" + ref,
		"url": v.api("/repos/%s/git/%s", r.FullName(), forge.EscapePath(ref)),
		"object": fields{"type": "commit", "sha": sha,
			"url": v.api("/repos/%s/git/commits/%s", r.FullName(), sha)},
	}
}
