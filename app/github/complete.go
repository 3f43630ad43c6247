package github

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // git names blobs by it
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
)

// field is something that is built on of an answer.
type field struct {
	name  string
	there bool
}

// requireFields returns an error that names the first field that an answer does not have. GitHub
// always sends them, so an answer without one is a failure of GitHub's like any other: asking again
// helps, and nothing is written from half of an answer.
func requireFields(what, where string, fields ...field) error {
	for _, f := range fields {
		if !f.there {
			return fmt.Errorf("%s (%s): %w: its answer has no %s", what, where, ports.ErrUnavailable, f.name)
		}
	}
	return nil
}

// complete returns an error if an issue lacks what a look is built on.
func (is *issue) complete(what, where string) error {
	return requireFields(what, where, field{"id", is.ID != 0}, field{"number", is.Number != 0},
		field{"state", is.State == "open" || is.State == "closed"},
		field{"html_url", is.URL != ""}, field{"created_at", !is.Created.IsZero()}, field{"updated_at",
			!is.Updated.IsZero()},
		field{"labels", is.Labels != nil}, field{"assignees", is.Assignees != nil},
		field{"pinned_comment.id", is.Pinned == nil || is.Pinned.ID != 0})
}

// complete returns an error if an item of a timeline lacks what a look is built on. An account that
// is gone is null.
func (it *item) complete(where string) error {
	const what = "read the timeline"
	id, at := field{"id of " + it.Event, it.ID != 0}, field{"created_at of " + it.Event, !it.Created.IsZero()}
	switch it.Event {
	case "":
		return requireFields(what, where, field{"event", false})
	case "commented":
		return requireFields(what, where, id, at, field{"body of " + it.Event, it.Body != nil})
	case "closed", "reopened", "assigned", "unassigned", "renamed":
		return requireFields(what, where, id, at)
	case "labeled", "unlabeled":
		return requireFields(what, where, id, at, field{"label of " + it.Event,
			it.Label != nil && it.Label.Name != ""})
	}
	return nil
}

// contents is a file as GitHub shows it, base64 in lines.
// https://docs.github.com/en/rest/repos/contents#get-repository-content
type contents struct {
	Type     string  `json:"type"`
	Encoding string  `json:"encoding"`
	Size     int     `json:"size"`
	SHA      string  `json:"sha"`
	Content  *string `json:"content"`
}

// decode returns the file whole: as long as GitHub says, and with the name that git has for it. What is
// no file that GitHub shows is refused.
func (c *contents) decode(raw json.RawMessage, path, where string) ([]byte, error) {
	what := "read " + path
	refused := func(why string) error {
		return fmt.Errorf("%s (%s): %w", what, where, &ports.Refusal{Status: http.StatusUnprocessableEntity,
			Reason: path + " " + why})
	}
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		return nil, refused("is a folder")
	}
	if err := json.Unmarshal(raw, c); err != nil {
		return nil, fmt.Errorf("%s (%s): %w: %w", what, where, ports.ErrUnavailable, err)
	}
	switch {
	case c.Type != "" && c.Type != "file":
		return nil, refused("is not a file but a " + c.Type)
	case c.Encoding == "none":
		return nil, refused("is larger than 1 MB")
	}
	if err := requireFields(what, where, field{"content", c.Content != nil},
		field{"encoding", c.Encoding == "base64"}, field{"sha", c.SHA != ""}); err != nil {
		return nil, err
	}
	content, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(*c.Content, "\n", ""))
	if err != nil {
		return nil, fmt.Errorf("%s (%s): %w: %w", what, where, ports.ErrUnavailable, err)
	}
	if len(content) != c.Size || len(c.SHA) == 2*sha1.Size && blobName(content) != c.SHA {
		return nil, fmt.Errorf("%s (%s): %w: its answer has %d of %d bytes", what, where,
			ports.ErrUnavailable, len(content), c.Size)
	}
	return content, nil
}

// blobName returns the name that git has for a file's content.
// https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
func blobName(content []byte) string {
	h := sha1.New() //nolint:gosec // git names blobs by it
	fmt.Fprintf(h, "blob %d\x00", len(content))
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}
