package witness

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Exchange is one request and its answer.
type Exchange struct {
	Method string
	Path   string // with its query
	Who    string // kind of the Authorization header: "person", "app", "installation" or ""
	Body   string
	Status int
	Answer string
}

// String returns an exchange in one line, as it can be compared with the same one of another GitHub:
// without its host, ids, times and hashes.
func (e Exchange) String() string {
	line := fmt.Sprintf("%s %s %d", e.Method, e.Path, e.Status)
	if e.Body != "" {
		line += " " + e.Body
	}
	return Steady(line)
}

// Recorder keeps every exchange with the GitHub that it is in front of.
type Recorder struct {
	mu   sync.Mutex
	kept []Exchange
}

// Record returns next with a recorder in front.
func (c *Recorder) Record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		copied := withCopy(r)
		body, _ := io.ReadAll(copied.Body)
		tee := &recording{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(tee, r)

		c.mu.Lock()
		defer c.mu.Unlock()
		c.kept = append(c.kept, Exchange{
			Method: r.Method, Path: r.URL.RequestURI(), Who: whoseToken(r.Header.Get("Authorization")),
			Body: string(body), Status: tee.status, Answer: tee.answer.String(),
		})
	})
}

// Since returns the exchanges from the nth on, and how many there are now.
func (c *Recorder) Since(n int) ([]Exchange, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.kept[n:]), len(c.kept)
}

// whoseToken returns whose token is in an Authorization header: tokens of people here begin with
// "demo-".
func whoseToken(header string) string {
	_, token, _ := strings.Cut(header, " ")
	switch {
	case token == "":
		return ""
	case strings.HasPrefix(token, "demo-"):
		return "person"
	case strings.HasPrefix(token, "eyJ"):
		return "app"
	}
	return "installation"
}

var unsteady = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`https?://127\.0\.0\.1:\d+(/api/v3)?`), "https://github.test"},
	{regexp.MustCompile(`^(\w+) /api/v3/`), "$1 /"},
	{regexp.MustCompile(`\b[0-9a-f]{40}\b`), "SHA"},
	{regexp.MustCompile(`\b[0-9a-f]{32}\b`), "HASH"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
	{regexp.MustCompile(`/(comments|installations|check-runs)/\d+`), "/$1/ID"},
	{regexp.MustCompile(`#event-\d+`), "#event-ID"},
	{regexp.MustCompile(`"sub_issue_id":\d+`), `"sub_issue_id":ID`},
}

// Steady takes out of a text what two GitHubs name otherwise: hosts, ids, times and hashes.
func Steady(text string) string {
	for _, u := range unsteady {
		text = u.what.ReplaceAllString(text, u.with)
	}
	return text
}

// recording is a response that is kept as it is written.
type recording struct {
	http.ResponseWriter
	status int
	answer bytes.Buffer
}

func (r *recording) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recording) Write(b []byte) (int, error) {
	r.answer.Write(b)
	return r.ResponseWriter.Write(b)
}

// withCopy reads the body of a request, leaves it unread, and returns a copy of the request with
// the same body.
func withCopy(r *http.Request) *http.Request {
	body, _ := io.ReadAll(r.Body)
	_ = r.Body.Close()
	r.Body = io.NopCloser(bytes.NewReader(body))
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	return again
}

// blank is a response that nobody reads.
type blank struct{}

func (blank) Header() http.Header         { return http.Header{} }
func (blank) Write(b []byte) (int, error) { return len(b), nil }
func (blank) WriteHeader(int)             {}
