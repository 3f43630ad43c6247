package github

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// GitHub announces what it is going to end in the headers of its answers: Sunset says when (RFC
// 8594), Deprecation since when (RFC 9745), and Link where to read about it.
// https://docs.github.com/en/rest/about-the-rest-api/api-versions
// https://www.rfc-editor.org/rfc/rfc8594

// notices are what GitHub announced to this process, each once.
type notices struct {
	log *slog.Logger

	mu  sync.Mutex
	all []string
}

// maxNotices bounds what is kept: a proxy may write any header.
const maxNotices = 20

func newNotices(log *slog.Logger) *notices { return &notices{log: log} }

// note keeps what an answer announces, and logs it the first time.
func (n *notices) note(req *http.Request, res *http.Response) {
	sunset, deprecation := res.Header.Get("Sunset"), res.Header.Get("Deprecation")
	if sunset == "" && deprecation == "" {
		return
	}
	version := res.Header.Get("X-GitHub-Api-Version-Selected")
	if version == "" {
		version = req.Header.Get("X-GitHub-Api-Version")
	}
	text := fmt.Sprintf("GitHub is going to end the REST API version %s", version)
	if deprecation != "" && sunset == "" {
		text = fmt.Sprintf("GitHub deprecates the REST API version %s", version)
	}
	if sunset != "" {
		text += " on " + sunset
	}
	if link := linkOf(res.Header, "sunset", "deprecation"); link != "" {
		text += ": " + link
	}
	n.mu.Lock()
	isNew := !slices.Contains(n.all, text) && len(n.all) < maxNotices
	if isNew {
		n.all = append(n.all, text)
	}
	n.mu.Unlock()
	if isNew {
		n.log.Warn("end of an API announced by GitHub", "announcement", text, "method", req.Method, "path",
			req.URL.Path)
	}
}

// linkOf returns the first address that a Link header has for one of these relations.
func linkOf(head http.Header, relations ...string) string {
	for _, line := range head.Values("Link") {
		for one := range strings.SplitSeq(line, ",") {
			address, rel, _ := strings.Cut(one, ">")
			for _, r := range relations {
				if strings.Contains(rel, `rel="`+r+`"`) {
					return strings.TrimPrefix(strings.TrimSpace(address), "<")
				}
			}
		}
	}
	return ""
}

// noticeTransport notes what GitHub announces.
type noticeTransport struct {
	next    http.RoundTripper
	notices *notices
}

// RoundTrip implements http.RoundTripper.
func (a *noticeTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := a.next.RoundTrip(req)
	if err == nil {
		a.notices.note(req, res)
	}
	return res, err
}

// Notices returns what GitHub announced that it is going to end, as far as this App's requests have
// shown it.
func (a *App) Notices() []string {
	a.notices.mu.Lock()
	defer a.notices.mu.Unlock()
	return slices.Clone(a.notices.all)
}

// containsFold reports whether text contains part, in whatever case.
func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}
