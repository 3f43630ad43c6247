package graphql

import (
	"strings"
	"time"

	"github.com/graph-gophers/graphql-go"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// gqlCommit is a commit.
type gqlCommit struct {
	c    *gqlCall
	repo *forge.Repository
	of   *forge.Commit

	ID                                    graphql.ID
	Oid, URL                              gqlScalar
	AbbreviatedOid                        string
	Message, MessageHeadline, MessageBody string
	AuthoredDate, CommittedDate           gqlScalar
}

// commit returns a commit; null where there is none.
func (c *gqlCall) commit(r *forge.Repository, sha string) *gqlCommit {
	of, ok := r.Git.Commits[sha]
	if !ok {
		return nil
	}
	headline, body, _ := strings.Cut(of.Message, "\n")
	return &gqlCommit{
		c:               c,
		repo:            r,
		of:              of,
		ID:              graphql.ID("C_" + sha),
		Oid:             gqlScalar(sha),
		URL:             gqlScalar(c.forge.CommitURL(r, sha)),
		AbbreviatedOid:  sha[:7],
		Message:         of.Message,
		MessageHeadline: headline,
		MessageBody:     strings.TrimLeft(body, "\n"),
		AuthoredDate:    dateTime(of.Author.At),
		CommittedDate:   dateTime(of.Committer.At),
	}
}

// gqlGitActor is who wrote a commit.
type gqlGitActor struct {
	Name, Email *string
	Date        *gqlScalar
	User        *gqlUser
}

// Author is who wrote it.
func (c *gqlCommit) Author() *gqlGitActor {
	a := &gqlGitActor{
		Name:  orNull(c.of.Author.Name),
		Email: orNull(c.of.Author.Email),
		Date:  dateTimeOrNull(c.of.Author.At),
	}
	if u, ok := c.c.forge.FindUser(c.of.Login); ok {
		a.User = c.c.user(u)
	}
	return a
}

// Authors are the one who wrote it.
func (c *gqlCommit) Authors(args pageArgs) *connection[*gqlGitActor] {
	return &connection[*gqlGitActor]{"authors", []*gqlGitActor{c.Author()}, args}
}

// StatusCheckRollup sums up its checks.
func (c *gqlCommit) StatusCheckRollup() *gqlRollup { return c.c.rollup(c.repo, c.of.SHA) }

// Additions counts lines that it added to its first parent.
func (c *gqlCommit) Additions() int32 {
	n := 0
	for _, change := range forge.CommitChanges(c.repo.Git, c.of) {
		n += change.Additions
	}
	return int32(n)
}

// Deletions counts lines that it removed from its first parent.
func (c *gqlCommit) Deletions() int32 {
	n := 0
	for _, change := range forge.CommitChanges(c.repo.Git, c.of) {
		n += change.Deletions
	}
	return int32(n)
}

// ChangedFilesIfAvailable counts files; it is always available here.
func (c *gqlCommit) ChangedFilesIfAvailable() *int32 {
	return new(int32(len(forge.CommitChanges(c.repo.Git, c.of))))
}

// AssociatedPullRequests lists the pull requests that brought it.
func (c *gqlCommit) AssociatedPullRequests(args struct {
	pageArgs
	OrderBy *struct{ Field, Direction string }
}) *guarded[*gqlPull] {
	err := c.c.forge.Require(c.c.by, c.repo, forge.RoleRead, "pull_requests")
	pulls := c.c.forge.PullsWith(c.repo, c.of.SHA)
	sortIssues(pulls, args.OrderBy)
	return guard(connect("associatedPullRequests", pulls, args.pageArgs, c.c.pull), err)
}

// History lists it and what was before it, newest first.
func (c *gqlCommit) History(args struct {
	pageArgs
	Path         *string
	Since, Until *gqlScalar
}) (*connection[*gqlCommit], error) {
	q := forge.LogQuery{Path: strings.Trim(orEmpty(args.Path), "/")}
	for _, limit := range []struct {
		text *gqlScalar
		at   *time.Time
	}{{args.Since, &q.Since}, {args.Until, &q.Until}} {
		if limit.text == nil {
			continue
		}
		var err error
		if *limit.at, err = time.Parse(time.RFC3339, string(*limit.text)); err != nil {
			return nil, &gqlError{"ARGUMENT_ERROR", string(*limit.text) + " is no time"}
		}
	}
	return connect("history", c.repo.Git.LogOf(c.of.SHA, q), args.pageArgs,
		func(of *forge.Commit) *gqlCommit { return c.c.commit(c.repo, of.SHA) }), nil
}
