package graphql

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/graph-gophers/graphql-go"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// gqlPull is a pull request. What GitHub has and the sandbox has not is fixed here.
type gqlPull struct {
	gqlThread
	State                               string
	BaseRefName, HeadRefName            string
	BaseRefOid, HeadRefOid              gqlScalar
	IsDraft, IsCrossRepository          bool
	IsInMergeQueue, IsMergeQueueEnabled bool
	MergeQueueEntry                     *gqlQueueEntry
	MaintainerCanModify                 bool
	Merged                              bool
	MergedAt                            *gqlScalar
	ReviewDecision                      *string // no review is required here
	AutoMergeRequest                    *gqlAutoMerge
}

// gqlQueueEntry is a place in the merge queue.
type gqlQueueEntry struct {
	ID                     graphql.ID
	Position               int32
	BaseCommit, HeadCommit *gqlCommit
}

// queueEntry returns a pull request's place in the merge queue; null where it has none.
func (c *gqlCall) queueEntry(i *forge.Issue) *gqlQueueEntry {
	q := i.Pull.Queued
	if q == nil {
		return nil
	}
	return &gqlQueueEntry{ID: graphql.ID(forge.NodeID("MQE", int64(i.Number))), BaseCommit: c.commit(i.Repo(), q.GroupOn),
		Position: int32(i.Repo().QueuePlace(i.Number)), HeadCommit: c.commit(i.Repo(), q.Group)}
}

// gqlAutoMerge is a request to merge later.
type gqlAutoMerge struct {
	AuthorEmail, CommitBody, CommitHeadline *string
	MergeMethod                             string
	EnabledAt                               *gqlScalar
	EnabledBy                               *gqlActor
}

func (c *gqlCall) pull(i *forge.Issue) *gqlPull {
	p := i.Pull
	base := p.BaseSHA
	if tip, ok := i.Repo().Git.Branch(p.Base); ok && !i.Closed {
		base = tip.SHA
	}
	var auto *gqlAutoMerge
	if m := p.AutoMerge; m != nil {
		auto = &gqlAutoMerge{MergeMethod: enum(m.Method), EnabledAt: new(dateTime(m.At)), EnabledBy: c.actor(m.By)}
	}
	return &gqlPull{
		AutoMergeRequest: auto,
		IsInMergeQueue:   p.Queued != nil,
		MergeQueueEntry:  c.queueEntry(i),
		gqlThread:        c.thread(i),
		State:            pullState(i),
		BaseRefName:      p.Base,
		HeadRefName:      p.Head,
		BaseRefOid:       gqlScalar(base),
		HeadRefOid:       gqlScalar(p.HeadSHA),
		IsDraft:          p.Draft,
		Merged:           p.Merged(),
		MergedAt:         dateTimeOrNull(p.MergedAt),
	}
}

// pullState is GraphQL's state of a pull request.
func pullState(i *forge.Issue) string {
	if i.Pull.Merged() {
		return "MERGED"
	}
	return enum(i.State())
}

// Additions counts lines that were added.
func (p *gqlPull) Additions() int32 {
	n := 0
	for _, c := range p.c.forge.PullChanges(p.i) {
		n += c.Additions
	}
	return int32(n)
}

// Deletions counts lines that were removed.
func (p *gqlPull) Deletions() int32 {
	n := 0
	for _, c := range p.c.forge.PullChanges(p.i) {
		n += c.Deletions
	}
	return int32(n)
}

// ChangedFiles counts files.
func (p *gqlPull) ChangedFiles() int32 { return int32(len(p.c.forge.PullChanges(p.i))) }

// HeadRepository is the repository of its branch: there are no forks here.
func (p *gqlPull) HeadRepository() *gqlRepository { return p.c.repository(p.i.Repo()) }

// HeadRepositoryOwner is that repository's owner.
func (p *gqlPull) HeadRepositoryOwner() *gqlActor { return p.c.actor(p.i.Repo().Owner) }

// Mergeable says whether it has conflicts.
func (p *gqlPull) Mergeable() string {
	if p.i.Closed {
		return "UNKNOWN"
	}
	if _, ok := p.c.forge.TryMerge(p.i); !ok {
		return "CONFLICTING"
	}
	return "MERGEABLE"
}

// MergeStateStatus is REST's mergeable_state.
func (p *gqlPull) MergeStateStatus() string {
	return enum(p.c.forge.MergeState(p.i))
}

// MergeCommit is the commit by which it was merged.
func (p *gqlPull) MergeCommit() *gqlCommit { return p.c.commit(p.i.Repo(), p.i.Pull.MergeSHA) }

// PotentialMergeCommit is null: no merge is tried in advance here.
func (p *gqlPull) PotentialMergeCommit() *gqlCommit { return nil }

// MergedBy is who merged it.
func (p *gqlPull) MergedBy() *gqlActor { return p.c.actor(p.i.Pull.MergedBy) }

// gqlReviewRequest asks somebody for a review.
type gqlReviewRequest struct {
	ID                graphql.ID
	RequestedReviewer *gqlReviewer
	AsCodeOwner       bool
}

// ReviewRequests lists who was asked and has not answered.
func (p *gqlPull) ReviewRequests(args pageArgs) *connection[*gqlReviewRequest] {
	var all []*gqlReviewRequest
	ask := func(who string, reviewer *gqlReviewer) {
		all = append(
			all,
			&gqlReviewRequest{
				ID:                graphql.ID(fmt.Sprintf("RR_%s_%s", p.ID, who)),
				RequestedReviewer: reviewer,
			},
		)
	}
	for _, login := range p.i.Pull.Reviewers {
		if a := p.c.actor(login); a != nil {
			ask(login, &gqlReviewer{gqlActor: a})
		}
	}
	for _, slug := range p.i.Pull.Teams {
		if t, ok := p.c.forge.FindTeam(slug); ok {
			ask(t.Org+"/"+t.Slug, &gqlReviewer{team: p.c.team(t)})
		}
	}
	return &connection[*gqlReviewRequest]{"reviewRequests", all, args}
}

// gqlReview is a review.
type gqlReview struct {
	c *gqlCall
	i *forge.Issue
	r *forge.Review

	ID                             graphql.ID
	DatabaseID                     *int32
	AuthorAssociation, Body, State string
	SubmittedAt                    *gqlScalar
	URL                            gqlScalar
	ViewerDidAuthor                bool
}

func (c *gqlCall) review(i *forge.Issue, r *forge.Review) *gqlReview {
	return &gqlReview{
		c:                 c,
		i:                 i,
		r:                 r,
		ID:                graphql.ID(forge.NodeID("PRR", r.ID)),
		DatabaseID:        databaseID(r.ID),
		AuthorAssociation: c.forge.Association(r.Author, i.Repo()),
		Body:              r.Body,
		State:             r.State,
		SubmittedAt:       dateTimeOrNull(r.Submitted),
		URL:               gqlScalar(c.forge.ReviewURL(i, r)),
		ViewerDidAuthor:   r.Author == c.by.Login,
	}
}

// Author is who reviewed.
func (r *gqlReview) Author() *gqlActor { return r.c.actor(r.r.Author) }

// Commit is what was reviewed.
func (r *gqlReview) Commit() *gqlCommit { return r.c.commit(r.i.Repo(), r.r.CommitID) }

// ReactionGroups are empty: nobody reacts to a review here.
func (r *gqlReview) ReactionGroups() *[]*gqlReactionGroup { return reactionGroups(nil) }

// Reviews lists reviews, oldest first.
func (p *gqlPull) Reviews(args struct {
	pageArgs
	States *[]string
	Author *string
}) *connection[*gqlReview] {
	reviews := slices.DeleteFunc(slices.Clone(p.i.Pull.Reviews), func(r *forge.Review) bool {
		return !isIn(args.States, r.State) || !p.c.isBy(r.Author, args.Author)
	})
	return connect(
		"reviews",
		reviews,
		args.pageArgs,
		func(r *forge.Review) *gqlReview { return p.c.review(p.i, r) },
	)
}

// LatestReviews lists the newest review of each person who is not asked again.
func (p *gqlPull) LatestReviews(args pageArgs) *connection[*gqlReview] {
	var reviews []*forge.Review
	for _, r := range slices.Backward(p.i.Pull.Reviews) {
		known := slices.ContainsFunc(reviews, func(o *forge.Review) bool { return o.Author == r.Author })
		if !known && !slices.Contains(p.i.Pull.Reviewers, r.Author) {
			reviews = append(reviews, r)
		}
	}
	return connect("latestReviews", reviews, args,
		func(r *forge.Review) *gqlReview { return p.c.review(p.i, r) })
}

// gqlPullCommit is a commit of a pull request.
type gqlPullCommit struct {
	ID     graphql.ID
	Commit *gqlCommit
	URL    gqlScalar
}

// Commits lists its commits, oldest first.
func (p *gqlPull) Commits(args pageArgs) *connection[*gqlPullCommit] {
	return connect("commits", p.c.forge.PullCommits(p.i), args, func(c *forge.Commit) *gqlPullCommit {
		return &gqlPullCommit{
			ID:     graphql.ID(fmt.Sprintf("PURC_%s_%s", p.ID, c.SHA)),
			Commit: p.c.commit(p.i.Repo(), c.SHA),
			URL:    p.URL + gqlScalar("/commits/"+c.SHA),
		}
	})
}

// gqlChangedFile is a file that a pull request changes.
type gqlChangedFile struct {
	Path, ChangeType     string
	Additions, Deletions int32
}

// Files lists the files that it changes.
func (p *gqlPull) Files(args pageArgs) *connection[*gqlChangedFile] {
	return connect("files", p.c.forge.PullChanges(p.i), args, func(c forge.Change) *gqlChangedFile {
		kind := map[string]string{"removed": "DELETED"}[c.Status]
		return &gqlChangedFile{
			Path:       c.Path,
			ChangeType: cmp.Or(kind, enum(c.Status)),
			Additions:  int32(c.Additions),
			Deletions:  int32(c.Deletions),
		}
	})
}

// StatusCheckRollup sums up the checks of its newest commit.
func (p *gqlPull) StatusCheckRollup() *gqlRollup { return p.c.rollup(p.i.Repo(), p.i.Pull.HeadSHA) }

// ViewerMergeHeadlineText is the first line that a merge's commit would have.
func (p *gqlPull) ViewerMergeHeadlineText(args struct{ MergeType *string }) string {
	headline, _, _ := strings.Cut(forge.MergeMessage(p.i, mergeMethod(args.MergeType)), "\n")
	return headline
}

// ViewerMergeBodyText is the rest of it.
func (p *gqlPull) ViewerMergeBodyText(args struct{ MergeType *string }) string {
	_, body, _ := strings.Cut(forge.MergeMessage(p.i, mergeMethod(args.MergeType)), "\n\n")
	return body
}

// mergeMethod is the method as REST names it.
func mergeMethod(method *string) string {
	if method == nil {
		return "merge"
	}
	return strings.ToLower(*method)
}

// ClosingIssuesReferences lists the issues that its merge closes.
func (p *gqlPull) ClosingIssuesReferences(args pageArgs) *connection[*gqlIssue] {
	issues := slices.DeleteFunc(
		p.c.forge.IssuesClosedBy(p.i),
		func(i *forge.Issue) bool { return !p.c.forge.CanSee(p.c.by, i.Repo()) },
	)
	return connect("closingIssuesReferences", issues, args, p.c.issue)
}
