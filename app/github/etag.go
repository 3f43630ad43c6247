package github

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
)

// What has not changed since it was read costs nothing of the hour's calls, if GitHub is asked by
// its ETag: the look at an incident in which nothing happened is free. GitHub lets an answer be
// used for a minute without asking, which would hide a comment from the look that its webhook asks
// for; so it is asked every time.
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
const (
	maxCachedAnswers = 256
	maxAnswerSize    = 128 << 10 // bytes of the longest that is kept
)

// etagTransport asks by ETag for what was read before, and returns the answer of then if it is the
// same.
type etagTransport struct {
	next http.RoundTripper
	kept *lru.Cache[string, *cachedAnswer] // by address
}

type cachedAnswer struct {
	header http.Header
	body   []byte
}

func (u *etagTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet || strings.Contains(req.URL.Path, "/search/") {
		return u.next.RoundTrip(req)
	}
	address := req.URL.String()
	before, known := u.kept.Get(address)
	if known {
		req = req.Clone(req.Context())
		req.Header.Set("If-None-Match", before.header.Get("ETag"))
	}
	res, err := u.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	switch {
	case known && res.StatusCode == http.StatusNotModified:
		res.Body.Close()
		header := before.header.Clone()
		for name, values := range res.Header { // the counters of the calls among them
			header[name] = values
		}
		res.Header, res.Body = header, io.NopCloser(bytes.NewReader(before.body))
		res.StatusCode, res.Status, res.ContentLength = http.StatusOK, "200 OK", int64(len(before.body))
	case res.StatusCode == http.StatusOK && res.Header.Get("ETag") != "":
		if err := u.keep(address, res); err != nil {
			return nil, fmt.Errorf("read %s: %w", address, err)
		}
	}
	return res, nil
}

// keep keeps an answer, unless it is too long.
func (u *etagTransport) keep(address string, res *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerSize+1))
	if err != nil {
		res.Body.Close()
		return err
	}
	if len(body) > maxAnswerSize {
		rest := res.Body
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), rest), rest}
		return nil
	}
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	u.kept.Add(address, &cachedAnswer{res.Header.Clone(), body})
	return nil
}
