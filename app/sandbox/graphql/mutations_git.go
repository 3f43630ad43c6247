package graphql

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/graph-gophers/graphql-go"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

type gqlRefPayload struct {
	ClientMutationID *string
	Ref              *gqlRef
}

// CreateRef makes a branch or tag.
func (*gqlRoot) CreateRef(ctx context.Context, args struct {
	Input struct {
		ClientMutationID *string
		RepositoryID     graphql.ID
		Name             string
		OID              gqlScalar
	}
}) (*gqlRefPayload, error) {
	c, in := callOf(ctx), args.Input
	n, err := c.node(in.RepositoryID)
	if err != nil {
		return nil, err
	}
	if n.repo == nil {
		return nil, notResolved(in.RepositoryID)
	}
	if err := c.forge.CreateRef(c.by, n.repo, in.Name, string(in.OID)); err != nil {
		return nil, gqlRefusal(err)
	}
	return &gqlRefPayload{in.ClientMutationID, c.ref(n.repo, in.Name)}, nil
}

type gqlCommitPayload struct {
	ClientMutationID *string
	Commit           *gqlCommit
	Ref              *gqlRef
}

// CreateCommitOnBranch commits files on a branch, unless somebody moved it in between.
func (*gqlRoot) CreateCommitOnBranch(ctx context.Context, args struct {
	Input struct {
		ClientMutationID *string
		Branch           struct {
			ID                                  *graphql.ID
			BranchName, RepositoryNameWithOwner *string
		}
		ExpectedHeadOid gqlScalar
		FileChanges     *struct {
			Additions []struct {
				Path     string
				Contents gqlScalar
			}
			Deletions []struct{ Path string }
		}
		Message struct {
			Headline string
			Body     *string
		}
	}
}) (*gqlCommitPayload, error) {
	c, in := callOf(ctx), args.Input
	if in.Branch.ID != nil || in.Branch.BranchName == nil || in.Branch.RepositoryNameWithOwner == nil {
		return nil, &gqlError{"UNPROCESSABLE", "The branch is named by its name and its repository here"}
	}
	r, err := c.forge.VisibleRepository(c.by, *in.Branch.RepositoryNameWithOwner)
	if err != nil {
		return nil, gqlRefusal(err)
	}
	commit := forge.BranchCommit{Branch: strings.TrimPrefix(*in.Branch.BranchName, "refs/heads/"),
		Expected: string(in.ExpectedHeadOid), Message: in.Message.Headline, Write: map[string][]byte{}}
	if body := orEmpty(in.Message.Body); body != "" {
		commit.Message += "\n\n" + body
	}
	if files := in.FileChanges; files != nil {
		for _, file := range files.Additions {
			content, err := base64.StdEncoding.DecodeString(string(file.Contents))
			if err != nil {
				return nil, &gqlError{"UNPROCESSABLE", "contents of " + file.Path + " is not valid Base64"}
			}
			commit.Write[file.Path] = content
		}
		for _, file := range files.Deletions {
			commit.Remove = append(commit.Remove, file.Path)
		}
	}
	if tip, ok := r.Git.Branch(commit.Branch); ok && tip.SHA != commit.Expected {
		return nil, &gqlError{"STALE_DATA", fmt.Sprintf(
			"Expected branch to point to %q but it did not. Pull and try again.", commit.Expected)}
	}
	made, err := c.forge.CommitOnBranch(c.by, r, commit)
	if err != nil {
		return nil, gqlRefusal(err)
	}
	return &gqlCommitPayload{in.ClientMutationID, c.commit(r, made.SHA), c.ref(r, "refs/heads/"+commit.Branch)}, nil
}
