package github

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// mostConflicts is how often a change is tried again, as somebody else changed the file in between.
const mostConflicts = 5

// ChangeFile changes a file of the default branch by a commit of its own, and returns the commit; "" if
// change leaves the content as it is. Where somebody else changes the file in between, change is asked
// again. ports.ErrRuled says that the branch takes pull requests alone. It implements engine.GitHub.
// https://docs.github.com/en/rest/repos/contents#create-or-update-file-contents
func (a *App) ChangeFile(ctx context.Context, ref incident.Ref, path, message string,
	change func([]byte) ([]byte, error)) (commit string, err error) {
	c, err := a.clientOf(ctx, written, ref)
	if err != nil {
		return "", err
	}
	where := repoPath(ref) + "/contents/" + escapePath(path)
	for range mostConflicts {
		var raw json.RawMessage
		if _, err := call(ctx, c, http.MethodGet, where, nil, &raw); err != nil {
			return "", describeError("read "+path, ref.FullName(), err)
		}
		before, err := new(contents).decode(raw, path, ref.FullName())
		if err != nil {
			return "", err
		}
		var file struct {
			SHA string `json:"sha"`
		}
		if err := json.Unmarshal(raw, &file); err != nil || file.SHA == "" {
			return "", fmt.Errorf("read %s (%s): GitHub does not say which version it is", path, ref.FullName())
		}
		after, err := change(before)
		if err != nil {
			return "", err
		}
		if bytes.Equal(before, after) {
			return "", nil
		}
		done, _, err := c.Repositories.UpdateFile(ctx, ref.Owner, ref.Repo, path,
			&github.RepositoryContentFileOptions{Message: &message, Content: after, SHA: &file.SHA})
		switch {
		case err == nil:
			a.forgetFile(ref, path)
			return done.GetSHA(), nil
		case isRuled(err):
			return "", fmt.Errorf("change %s (%s): %w", path, ref.FullName(), ports.ErrRuled)
		case statusOf(err) != http.StatusConflict:
			return "", describeError("change "+path, ref.FullName(), err)
		}
	}
	return "", fmt.Errorf("change %s (%s): %w", path, ref.FullName(), &ports.Refusal{Status: http.StatusConflict,
		Reason: "somebody else changes the file again and again"})
}

// written are files that are changed by a commit.
var written = scope{"written", github.InstallationPermissions{Contents: write}, false, nil}

// isRuled reports whether GitHub refuses a change since the branch is protected or has rules.
func isRuled(err error) bool {
	switch statusOf(err) {
	case http.StatusConflict, http.StatusForbidden, http.StatusUnprocessableEntity:
		text := strings.ToLower(err.Error())
		return strings.Contains(text, "rule violations") || strings.Contains(text, "protected branch") ||
			strings.Contains(text, "through a pull request")
	}
	return false
}

// forgetFile has a file read again the next time.
func (a *App) forgetFile(ref incident.Ref, path string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.files, strings.ToLower(ref.FullName())+"/"+path)
}
