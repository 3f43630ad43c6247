package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// ReadFileAsOf reads a file of the default branch as it was at a time; ok is false if there was none.
// Commits count by when they were made, which is what GitHub can be asked for.
// https://docs.github.com/en/rest/commits/commits#list-commits
func (a *App) ReadFileAsOf(ctx context.Context, ref incident.Ref, path string, at time.Time) (content []byte, ok bool,
	err error) {
	c, err := a.clientOf(ctx, files, ref)
	if err != nil {
		return nil, false, err
	}
	var commits []struct {
		SHA string `json:"sha"`
	}
	_, err = call(ctx, c, http.MethodGet, fmt.Sprintf("%s/commits?per_page=1&path=%s&until=%s", repoPath(ref),
		url.QueryEscape(path), at.UTC().Format(time.RFC3339)), nil, &commits)
	if err != nil {
		return nil, false, describeError("read the history of "+path, ref.FullName(), err)
	}
	if len(commits) == 0 {
		return nil, false, nil
	}
	if err := requireFields("read the history of "+path, ref.FullName(), field{"sha", commits[0].SHA != ""}); err != nil {
		return nil, false, err
	}
	return a.ReadFileAt(ctx, ref, path, commits[0].SHA)
}
