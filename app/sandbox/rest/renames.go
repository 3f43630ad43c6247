package rest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// followRedirects is what a redirect refers its reader to.
const followRedirects = "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects"

// renamed returns the redirect from the repository of the path to its present address, or err where the
// caller may know of none.
func (q *request) renamed(err error) error {
	name := q.value("owner") + "/" + q.value("repo")
	r, ok := q.forge.FindRenamed(name)
	switch {
	case !ok, q.by != nil && !q.forge.CanSee(q.by, r), q.by == nil && !(q.app && q.forge.IsInstalled(r)):
		return err
	}
	was := "/repos/" + url.PathEscape(q.value("owner")) + "/" + url.PathEscape(q.value("repo"))
	rest := strings.TrimPrefix(q.r.URL.EscapedPath(), was)
	return q.redirect(fmt.Sprintf("/repositories/%d%s", r.ID, rest))
}

// redirect answers with another address: for good to who reads, and for now to who writes, since then a
// client sends the same again.
func (q *request) redirect(path string) error {
	address := q.views.api("%s", path)
	if q.r.URL.RawQuery != "" {
		address += "?" + q.r.URL.RawQuery
	}
	q.head.Set("Location", address)
	status := http.StatusTemporaryRedirect
	if q.r.Method == http.MethodGet || q.r.Method == http.MethodHead {
		status = http.StatusMovedPermanently
	}
	return &forge.Error{Status: status, Message: "Moved Permanently", Address: address}
}

var (
	repoAddress = regexp.MustCompile(`^/repositories/(\d+)(/.*)?$`)
	teamAddress = regexp.MustCompile(`^/organizations/(\d+)/team/(\d+)(/.*)?$`)
	orgAddress  = regexp.MustCompile(`^/organizations/(\d+)(/.*)?$`)
	namedRepo   = regexp.MustCompile(`^/repos/([^/]+)/([^/]+)(/.*)?$`)
)

// nameAddress puts names in the place of the ids of an address.
func (q *request) nameAddress() error {
	path := q.r.URL.EscapedPath()
	to := ""
	if m := repoAddress.FindStringSubmatch(path); m != nil {
		id, _ := strconv.ParseInt(m[1], 10, 64)
		r, ok := q.forge.RepositoryByID(id)
		if !ok {
			return forge.ErrNotFound
		}
		to = "/repos/" + url.PathEscape(r.Owner) + "/" + url.PathEscape(r.Name) + m[2]
	} else if m := orgAddress.FindStringSubmatch(path); m != nil {
		if m[1] != strconv.FormatInt(q.forge.Org.ID, 10) {
			return forge.ErrNotFound
		}
		to = "/orgs/" + url.PathEscape(q.forge.Org.Login) + m[2]
		if m := teamAddress.FindStringSubmatch(path); m != nil {
			n := slices.IndexFunc(q.forge.Teams,
				func(t *forge.Team) bool { return m[2] == strconv.FormatInt(t.ID, 10) })
			if n < 0 {
				return forge.ErrNotFound
			}
			to = "/orgs/" + url.PathEscape(q.forge.Org.Login) + "/teams/" +
				url.PathEscape(q.forge.Teams[n].Slug) + m[3]
		}
	}
	if to == "" {
		return nil
	}
	named, err := url.Parse(to)
	if err != nil {
		return forge.ErrNotFound
	}
	q.r = q.r.Clone(q.r.Context())
	q.r.URL.Path, q.r.URL.RawPath = named.Path, named.RawPath
	return nil
}

// idPath returns the path of the request with the repository's id in place of its name, as in Link headers.
func (q *request) idPath() string {
	m := namedRepo.FindStringSubmatch(q.r.URL.Path)
	if m == nil {
		return q.r.URL.Path
	}
	r, ok := q.forge.FindRepository(m[1] + "/" + m[2])
	if !ok {
		return q.r.URL.Path
	}
	return fmt.Sprintf("/repositories/%d%s", r.ID, m[3])
}

// gone is the refusal for an issue that is no longer in a repository: it was deleted, or transferred to
// where the actor may read it, or may not.
// https://docs.github.com/en/rest/issues/issues#get-an-issue
func (q *request) gone(r *forge.Repository, number int) error {
	i, moved := q.forge.IssuesByID[r.Moved[number]]
	if !moved {
		return &forge.Error{Status: http.StatusGone, Message: "This issue was deleted"}
	}
	itself := strings.HasSuffix(q.r.URL.Path,
		fmt.Sprintf("/issues/%d", number)) // what belongs to it answers 404
	if !itself || !q.forge.Can(q.by, i.Repo(), forge.RoleRead, forge.IssueAreas(i)...) {
		return forge.ErrNotFound
	}
	err := q.redirect(fmt.Sprintf("/repositories/%d/issues/%d", i.Repo().ID, i.Number))
	var e *forge.Error
	if errors.As(err, &e) {
		e.Status = http.StatusMovedPermanently // which GitHub describes for changing an issue, too
	}
	return err
}
