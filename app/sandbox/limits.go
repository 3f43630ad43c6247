package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
	"github.com/firebreak-dev/firebreak/app/sandbox/rest"
)

// GitHub's secondary limits, as numbers. They hold for an installation; reads and writes count
// alike for all but the third.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
const (
	contentPerMinute = 80
	contentPerHour   = 500
	pointsPerMinute  = 900 // of which a GET costs 1, and whatever changes something 5
	atOnce           = 100
)

// contentCreating lists what counts as content: the operations of which GitHub's OpenAPI
// description (@octokit/openapi 23.0.2) says that they trigger notifications and that "creating
// content too quickly using this endpoint may result in secondary rate limiting", as far as the
// sandbox has them or their neighbours. Labels, assignees, reactions, edits, pins, branches and
// commits are not among them: they cost points only. GitHub says nothing of gists and discussions
// there, and the sandbox has neither.
var contentCreating = regexp.MustCompile(`^(?:` +
	`POST REPO/(?:issues|pulls|releases)|` +
	`POST REPO/issues/\d+/(?:comments|sub_issues|issue-field-values|dependencies/blocked_by)|` +
	`(?:PUT|DELETE) REPO/issues/\d+/issue-field-values(?:/\d+)?|` +
	`DELETE REPO/issues/\d+/(?:sub_issue|dependencies/blocked_by/\d+)|` +
	`POST REPO/commits/[^/]+/comments|` +
	`POST REPO/pulls/\d+/(?:comments|comments/\d+/replies|requested_reviewers|reviews)|` +
	`PUT REPO/(?:pulls/\d+/merge|collaborators/[^/]+)|` +
	`(?:POST|DELETE) /orgs/[^/]+/invitations(?:/\d+)?` +
	`)$`)

// repository is where a path names one, by name or by id.
var repository = regexp.MustCompile(`^/(?:repos/[^/]+/[^/]+|repositories/\d+)`)

// isContent reports whether a request creates content.
func isContent(method, path string) bool {
	return contentCreating.MatchString(method + " " + repository.ReplaceAllLiteralString(path, "REPO"))
}

// What GitHub answers to whoever goes beyond a secondary limit.
const (
	tooMany = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
	tooMuch = "You have exceeded a secondary rate limit and have been temporarily blocked from content creation. " +
		"Please retry your request again later."
)

// secondary enforces the secondary limits on the virtual clock, each over the minute or hour before
// a request. What it refuses does not count.
type secondary struct {
	status int    // 403 or 429
	after  string // Retry-After of every refusal: seconds, "none", or empty: as GitHub does

	content, points []spending
}

// spending is what one request took.
type spending struct {
	at   time.Time
	cost int
}

// take spends what a request costs, or refuses it.
func (l *secondary) take(c rest.Call, now time.Time) *forge.Error {
	cost := 1
	if c.Method != http.MethodGet && c.Method != http.MethodHead && c.Method != http.MethodOptions {
		cost = 5
	}
	content := isContent(c.Method, c.Resource)
	l.content, l.points = since(l.content, now.Add(-time.Hour)), since(l.points, now.Add(-time.Minute))
	switch {
	case c.AtOnce > atOnce, sum(l.points)+cost > pointsPerMinute:
		return l.refuse(c, tooMany, "60")
	case content && (sum(l.content) >= contentPerHour ||
		sum(since(l.content, now.Add(-time.Minute))) >= contentPerMinute):
		return l.refuse(c, tooMuch, "none")
	}
	l.points = append(l.points, spending{now, cost})
	if content {
		l.content = append(l.content, spending{now, 1})
	}
	return nil
}

func (l *secondary) refuse(c rest.Call, text, after string) *forge.Error {
	if l.after != "" {
		after = l.after
	}
	if after != "none" {
		c.Header.Set("Retry-After", after)
	}
	return &forge.Error{Status: l.status, Message: text}
}

// since returns the spendings after a time, which are the last of a list.
func since(all []spending, t time.Time) []spending {
	n, _ := slices.BinarySearchFunc(all, t, func(s spending, t time.Time) int {
		if s.at.After(t) {
			return 1
		}
		return -1
	})
	return all[n:]
}

func sum(all []spending) (n int) {
	for _, s := range all {
		n += s.cost
	}
	return n
}

// limits reads what an order says of limits: the secondary ones that are to be enforced from now
// on, if any, and how long the fault
// "rate_limit" lasts, whose Retry-After is always a time.
func (o order) limits() (l *secondary, after time.Duration, err error) {
	after = time.Minute
	if o.After != "" && o.After != "none" {
		if after, err = time.ParseDuration(o.After); err != nil {
			return nil, 0, err
		}
	}
	switch {
	case o.Limits == "" && o.After == "none":
		return nil, 0, errors.New(`retry_after is "none" with limits only`)
	case o.Limits == "":
		return nil, after, nil
	case o.Limits != "github":
		return nil, 0, fmt.Errorf("limits is github, not %q", o.Limits)
	}
	l = &secondary{status: http.StatusForbidden}
	switch o.Status {
	case 0:
	case http.StatusForbidden, http.StatusTooManyRequests:
		l.status = o.Status
	default:
		return nil, 0, fmt.Errorf("beyond a limit GitHub answers 403 or 429, not %d", o.Status)
	}
	if l.after = o.After; l.after != "" && l.after != "none" {
		l.after = strconv.Itoa(int(after / time.Second))
	}
	return l, after, nil
}
