package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// Versions of the REST API. Who names none is given the oldest one that is supported.
// https://docs.github.com/en/rest/about-the-rest-api/api-versions
const (
	version2022 = "2022-11-28"
	version2026 = "2026-03-10"
)

// chooseVersion reads which version of the API is asked for, and says which one answers.
func (q *request) chooseVersion() error {
	if q.graphql {
		return nil // it has no versions
	}
	switch asked := q.r.Header.Get("X-GitHub-Api-Version"); asked {
	case "", version2022:
		q.version = version2022
	case version2026:
		q.version = version2026
	default:
		return &forge.Error{
			Status: http.StatusBadRequest,
			Message: fmt.Sprintf("Bad Request: The version you specified in the "+
				`"X-GitHub-API-Version" request header, %q, is not a supported version. `+
				"The following versions are currently supported: %q (most recent), %q.", asked,
				version2026, version2022),
		}
	}
	q.head.Set("X-GitHub-Api-Version-Selected", q.version)
	return nil
}

// Of operations that change with the newest version, the older one says when it ends, in HTTP's form
// of dates. These two take a singular assignee in the older one.
// https://docs.github.com/en/rest/about-the-rest-api/api-versions#supported-api-versions
const (
	deprecated2022 = "Tue, 10 Mar 2026 00:00:00 GMT"
	sunset2022     = "Fri, 10 Mar 2028 00:00:00 GMT"
)

var endsWith2022 = map[string]bool{
	"POST /repos/{owner}/{repo}/issues":           true,
	"PATCH /repos/{owner}/{repo}/issues/{number}": true,
}

// inVersion turns the answer of an operation into what it is in the version that was asked for.
func (q *request) inVersion(body []byte) []byte {
	if q.version != version2026 {
		if endsWith2022[q.pattern] {
			q.head.Set("Deprecation", deprecated2022)
			q.head.Set("Sunset", sunset2022)
		}
		return body
	}
	in := json.NewDecoder(bytes.NewReader(body))
	in.UseNumber()
	var view any
	if in.Decode(&view) != nil {
		return body // a file as it is, or nothing
	}
	if top, ok := view.(map[string]any); ok {
		for _, gone := range goneFrom2026[q.pattern] {
			delete(top, gone)
		}
	}
	withoutGone(view)
	return mustJSON(view)
}

// goneFrom2026 lists fields of single answers that the newest version no longer has.
// https://docs.github.com/en/rest/about-the-rest-api/breaking-changes?apiVersion=2026-03-10
var goneFrom2026 = map[string][]string{
	"GET /rate_limit": {"rate"},
	"GET /":           {"authorizations_url", "hub_url"},
}

// withoutGone takes out what the newest version no longer has of repositories, issues and pull
// requests, wherever they are in an answer.
func withoutGone(view any) {
	switch view := view.(type) {
	case map[string]any:
		delete(view, "has_downloads")
		delete(view, "merge_commit_sha")
		if _, isIssue := view["assignees"]; isIssue { // an event has its one assignee in each version
			delete(view, "assignee")
		}
		for _, child := range view {
			withoutGone(child)
		}
	case []any:
		for _, child := range view {
			withoutGone(child)
		}
	}
}

// prefix returns what comes before a request's path.
func (q *request) prefix() string {
	if q.graphql {
		return "/api"
	}
	return "/api/v3"
}

// created are the operations that answer 201 with the address of what they made.
var created = map[string]bool{
	"issues":     true,
	"comments":   true,
	"labels":     true,
	"pulls":      true,
	"sub_issues": true,
	"blobs":      true,
	"commits":    true,
	"refs":       true,
	"trees":      true,
	"{sha}":      true,
}

// tellWhere sets the Location header of an answer about something new.
func (q *request) tellWhere() {
	what, ok := q.view.(fields)
	address, has := what["url"].(string)
	if ok && has && q.status == http.StatusCreated &&
		created[q.pattern[strings.LastIndexByte(q.pattern, '/')+1:]] {
		q.head.Set("Location", address)
	}
}
