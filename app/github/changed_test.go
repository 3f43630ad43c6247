package github_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// searched is an issue, or a pull request, that a search can find.
type searched struct {
	number           int
	created, updated time.Time
	closed           bool
	pullOf           int // the incident whose postmortem it is
}

// index is GitHub's search as far as it is known: no more than a thousand results of a search, and
// no link behind them.
type index struct {
	t          *testing.T
	items      []*searched
	before     func(n int) // called before each search is answered
	limit      int         // searches until GitHub says "later"; 0: none
	incomplete int         // the search that it gives up
	asked      int
}

var acme = github.Installation{ID: 7, Owner: "acme"}

var base = time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)

// fill adds incidents, each created and changed so long after the one before.
func (x *index) fill(n int, created, updated time.Duration) {
	from := &searched{created: base.Add(-24 * time.Hour), updated: base}
	if len(x.items) > 0 {
		last := x.items[len(x.items)-1]
		from = &searched{number: last.number, created: last.created.Add(time.Second),
			updated: last.updated.Add(time.Second)}
	}
	for i := range n {
		d := time.Duration(i)
		x.items = append(x.items, &searched{number: from.number + i + 1,
			created: from.created.Add(d * created), updated: from.updated.Add(d * updated)})
	}
}

func (x *index) app() *github.App {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch path := strings.TrimPrefix(r.URL.Path, "/api/v3"); path {
		case "/app":
			_, _ = io.WriteString(w, `{"id":17,"slug":"firebreak"}`)
		case "/app/installations":
			_, _ = io.WriteString(w, `[{"id":7,"account":{"login":"acme"}}]`)
		case "/app/installations/7/access_tokens":
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":"ghs_x","expires_at":%q}`,
				time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		case "/search/issues":
			x.search(w, r)
		default:
			x.t.Errorf("asked for %s", path)
		}
	}))
	x.t.Cleanup(server.Close)
	app, err := github.New(github.Options{BaseURL: server.URL, AppID: 17, PEM: key()})
	if err != nil {
		x.t.Fatal(err)
	}
	return app
}

var asked = regexp.MustCompile(`^user:acme (?:is:issue label:incident( is:open| is:closed)?|is:pr author:app/firebreak)( updated:(\S+)\.\.(\S+))?(?: (updated|created):>=(\S+))?$`)

func (x *index) search(w http.ResponseWriter, r *http.Request) {
	x.asked++
	if x.before != nil {
		x.before(x.asked)
	}
	if x.limit > 0 && x.asked > x.limit {
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Resource", "search")
		w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(time.Minute).Unix(), 10))
		w.WriteHeader(http.StatusForbidden)
		return
	}
	q := r.URL.Query()
	m := asked.FindStringSubmatch(q.Get("q"))
	page, _ := strconv.Atoi(q.Get("page"))
	if m == nil || q.Get("order") != "asc" || q.Get("per_page") != "100" || page < 1 || page > 10 ||
		m[5] != "" && m[5] != q.Get("sort") {
		x.t.Errorf("asked for %s", r.URL.RequestURI())
		return
	}
	of := func(by string, s *searched) time.Time {
		if by == "created" {
			return s.created
		}
		return s.updated
	}
	var hits []*searched
	for _, s := range x.items {
		at := s.updated.Format(time.RFC3339)
		if (s.pullOf != 0) == strings.Contains(q.Get("q"), "is:pr") &&
			(m[1] == "" || s.closed == (m[1] == " is:closed")) &&
			(m[2] == "" || at >= m[3] && at <= m[4]) && (m[5] == "" ||
			of(m[5], s).Format(time.RFC3339) >= m[6]) {
			hits = append(hits, s)
		}
	}
	slices.SortStableFunc(hits, func(a, b *searched) int {
		return cmp.Or(of(q.Get("sort"), a).Compare(of(q.Get("sort"), b)), cmp.Compare(b.number, a.number))
	})
	hits = hits[:min(1000, len(hits))]
	if len(hits) > page*100 {
		w.Header().Set("Link", fmt.Sprintf(`<http://x/search/issues?page=%d>; rel="next"`, page+1))
	}
	items := []map[string]any{}
	for _, s := range hits[min((page-1)*100, len(hits)):min(page*100, len(hits))] {
		item := map[string]any{"number": s.number, "created_at": s.created, "updated_at": s.updated,
			"repository_url": "http://x/api/v3/repos/acme/incidents", "body": "It is down"}
		if s.pullOf != 0 {
			item["pull_request"] = map[string]any{}
			item["body"] = fmt.Sprintf("<!-- firebreak:postmortem acme/incidents#%d -->", s.pullOf)
		}
		items = append(items, item)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"items": items,
		"incomplete_results": x.asked == x.incomplete})
}

// However many incidents changed and however close together, each is found, and once; what that
// costs is as many searches as there are hundreds of them.
func TestA4AllThatChangedIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		fill  func(*index)
		since time.Time
		most  int // searches
	}{
		"nothing": {func(*index) {}, base, 2},
		"a page":  {func(x *index) { x.fill(99, time.Second, time.Second) }, base, 2},
		"an old one": {func(x *index) { x.fill(1, 0, 0); x.items[0].updated = base.Add(-time.Second) },
			base, 2},
		"2,500":         {func(x *index) { x.fill(2500, time.Second, time.Second) }, base, 27},
		"all there are": {func(x *index) { x.fill(2500, time.Second, time.Second); x.items[7].closed = true }, time.Time{}, 28},
		"450 at once":   {func(x *index) { x.fill(30, 1, time.Second); x.fill(450, 1, 0); x.fill(300, 1, time.Second) }, base, 12},
		"1,500 at once": {func(x *index) { x.fill(1500, time.Second, 0); x.fill(3, 1, time.Second) }, base,
			28},
		"never the same": {func(x *index) { x.fill(500, 1, time.Second); x.before = x.stir }, base, 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := &index{t: t}
			c.fill(x)
			found, err := x.app().ChangedSince(t.Context(), acme, c.since, github.Progress{})
			if err != nil {
				t.Fatal(err)
			}
			x.check(found, c.since)
			if x.asked > c.most {
				t.Errorf("%d searches, at most %d are needed", x.asked, c.most)
			}
		})
	}
}

// stir changes incidents that were found already, as people do in between.
func (x *index) stir(n int) {
	if n > 10 {
		return
	}
	for _, s := range x.items[:20] {
		s.updated = x.items[len(x.items)-1].updated.Add(time.Duration(n) * time.Minute)
	}
}

// check compares what was found with what changed.
func (x *index) check(found []incident.Message, since time.Time) {
	x.t.Helper()
	var got, want []int
	for _, m := range found {
		got = append(got, m.Ref.Number)
	}
	for _, s := range x.items {
		if !s.updated.Before(since) {
			want = append(want, s.number)
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		x.t.Errorf("found %d, of which %d different, want %d", len(got), len(slices.Compact(got)), len(want))
	}
}

// Where nothing is known of before, those that somebody works on come first.
func TestA4TheOpenOnesAreFoundFirst(t *testing.T) {
	x := &index{t: t}
	x.fill(4, time.Second, time.Second)
	x.items[0].closed, x.items[2].closed = true, true
	x.items = append(x.items, &searched{number: 5, pullOf: 3, created: base, updated: base})
	found, err := x.app().ChangedSince(t.Context(), acme, time.Time{}, github.Progress{})
	var got []string
	for _, m := range found {
		got = append(got, fmt.Sprint(m.Ref.Number, " ", m.Pull()))
	}
	if want := []string{"2 0", "4 0", "1 0", "3 0", "3 5"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("found %q, want %q (%v)", got, want, err)
	}
}

// What is found before GitHub's limit is handed on, and the next sweep goes on there.
func TestA4ASweepGoesOnWhereTheLimitCutIt(t *testing.T) {
	x := &index{t: t}
	x.fill(1200, time.Second, time.Second)
	app, reached := x.app(), github.Progress{}
	found := map[incident.Ref]bool{}
	for round := 1; ; round++ {
		x.asked, x.limit = 0, 5
		part, err := app.ChangedSince(t.Context(), acme, base, reached)
		for _, m := range part {
			found[m.Ref] = true
		}
		if err == nil {
			break
		}
		if later := (*ports.RetryAfter)(nil); !errors.As(err, &later) ||
			len(found) != min(1200, round*495+1) {
			t.Fatalf("round %d found %d: %v", round, len(found), err)
		}
	}
	if len(found) != 1200 {
		t.Errorf("found %d of 1,200", len(found))
	}
}

// A sweep that can't have found everything says so, and hands on what it found.
func TestA4ASweepThatMissesSomethingFails(t *testing.T) {
	for name, c := range map[string]struct {
		fill func(*index)
		want int
		says string
	}{
		"GitHub gives up":             {func(x *index) { x.fill(150, time.Second, time.Second); x.incomplete = 2 }, 150, "gave up the search"},
		"all made in the same second": {func(x *index) { x.fill(1001, 0, 0) }, 1000, "more than a thousand"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := &index{t: t}
			c.fill(x)
			found, err := x.app().ChangedSince(t.Context(), acme, base, github.Progress{})
			if len(found) != c.want || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("found %d, want %d: %v", len(found), c.want, err)
			}
		})
	}
}
