// Package github implements the engine's interfaces to GitHub, on go-github and ghinstallation.
//
// It reads without relying on order or completeness, writes so that writing again changes nothing,
// and asks for tokens that are good for one repository and one kind of work.
//
// # Why REST
//
// One GraphQL query could look and one mutation apply, and GitHub's published schema takes both
// (@octokit/graphql-schema 15.26). Of the 34 commands in app/engine/testdata/calls.md, 13 would
// cost 3 calls in place of 4, 9 would cost 3 in place of 5, and the 10 that change labels or
// assignees 3 in place of 6: a mutation goes on after one of its fields failed, so the card, whose
// writing says that all before it is done, needs a mutation of its own
// (https://spec.graphql.org/October2021/#sec-Mutation). It is not done:
//
//   - The schema has neither pinned comments, by which the card is found in the one call, nor
//     numbers of events, by which a card knows what was read. Cards would have to be written again,
//     and those of both paths kept apart.
//   - What has not changed is free over REST, by its ETag, and never over GraphQL.
//   - GitHub Enterprise Server needs the REST path anyway, and two paths have twice the faults.
//
// Only what changed before an incident, whose a service is and past incidents are asked of GraphQL
// (changes.go, owners.go, past.go): it is read once, it isn't state, and REST takes a call for each
// pull request or file.
package github

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Options are what an App needs to be reached as.
type Options struct {
	BaseURL string // web address of GitHub; empty: GitHub itself. The API's path is added
	AppID   int64
	PEM     []byte // the App's private key; not needed with Sign
	// Sign signs a SHA-256 digest with the App's private key (RSASSA-PKCS1-v1_5), wherever that is
	// kept; nil: by PEM.
	Sign func(digest []byte) ([]byte, error)
	// Freezer is an App of its own that changes rulesets, so that this one need not administer
	// repositories; nil: this one does (X4).
	Freezer *App
	// FreezerAt is the process that holds that App's key, in place of Freezer; nil: there is none.
	FreezerAt *FreezerAddress
	Accounts  []string         // whose repositories are served; empty: of everybody who installed the App
	Now       func() time.Time // the product's clock
	Pace      time.Duration    // least time between writes, on the wall clock; GitHub asks for a second
	// requests wait on the wall clock until limits let them go, instead of failing with an
	// *ports.RetryAfter
	Patient   bool
	Unlimited bool // the server has no secondary limits, as GitHub Enterprise Server by default
	Transport http.RoundTripper
	Metrics   metrics.Recorder
	Logger    *slog.Logger
}

// App is a GitHub App, for all its installations. It implements engine.GitHub.
type App struct {
	o    Options
	api  string // REST address with a slash at its end
	jwt  *ghinstallation.AppsTransport
	self *github.Client // as the App, not as an installation

	mu            sync.Mutex
	login         string
	installations map[string]int64          // by owner, lower case
	clients       map[string]*github.Client // by kind of work and repositories
	paces         map[int64]*pacer          // by installation
	meters        map[int64]*quota          // by installation
	limiters      map[int64]*limiter        // by installation
	people        map[string]permission
	emails        map[string]emails     // by organisation
	teams         map[string]permission // by organisation and slug: whether it exists
	files         map[string]file
	answers       *lru.Cache[string, *cachedAnswer] // by address
	ids           map[string]repoID                 // of repositories that were renamed, by the old name
	// when an owner's installation was looked up though one is known
	lookedUp map[string]time.Time
	// that are not named: whether one that is named has that name by now
	ungranted  map[string]time.Time // by owner, when its installation lacked what changes are read with
	accounts   map[string]permission
	unpinnable bool // the server knows no pinned comments
	notices    *notices

	remoteFreezer *github.Client // of the process that changes rulesets; nil: there is none

	// by a webhook's guid, the failed attempt for which it was asked for again
	redelivered *lru.Cache[string, int64]
	unfiltered  atomic.Bool // the server refuses to list failed deliveries alone
}

// timeout is how long one request may take.
const timeout = 10 * time.Second

// New builds the adapter.
func New(o Options) (*App, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = metrics.Discard{}
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
		if network, ok := o.Transport.(*http.Transport); ok && o.Patient {
			network = network.Clone()
			network.ResponseHeaderTimeout = timeout
			o.Transport = network
		}
	}
	o.Transport = tokenTransport{o.Transport}
	api, err := APIAddress(o.BaseURL)
	if err != nil {
		return nil, err
	}
	a := &App{o: o, api: api, installations: map[string]int64{}, clients: map[string]*github.Client{},
		paces: map[int64]*pacer{}, meters: map[int64]*quota{}, limiters: map[int64]*limiter{},
		people: map[string]permission{}, teams: map[string]permission{},
		emails: map[string]emails{}, files: map[string]file{},
		ids: map[string]repoID{}, lookedUp: map[string]time.Time{}, accounts: map[string]permission{},
		ungranted: map[string]time.Time{}}
	if a.answers, err = lru.New[string, *cachedAnswer](maxCachedAnswers); err != nil {
		return nil, err
	}
	if a.redelivered, err = lru.New[string, int64](keptRedeliveries); err != nil {
		return nil, err
	}
	a.notices = newNotices(o.Logger)
	known := &rateLimitTransport{next: &metricsTransport{next: &noticeTransport{next: o.Transport,
		notices: a.notices}, metrics: o.Metrics, now: o.Now}, now: o.Now}
	transport, err := newYoungTokenTransport(known, o.Now)
	if err != nil {
		return nil, err
	}
	sign, err := newSigner(o)
	if err != nil {
		return nil, fmt.Errorf("the App's private key: %w", err)
	}
	a.jwt, err = ghinstallation.NewAppsTransportWithOptions(transport, o.AppID, ghinstallation.WithSigner(sign))
	if err != nil {
		return nil, fmt.Errorf("sign as the App: %w", err)
	}
	a.jwt.BaseURL = strings.TrimSuffix(api, "/")
	if o.FreezerAt != nil {
		if a.remoteFreezer, err = a.freezerClient(o.Transport); err != nil {
			return nil, err
		}
	}
	a.self, err = a.client(a.jwt, &quota{}, false)
	return a, err
}

// APIAddress returns the REST address that belongs to a web address of GitHub, with a slash at its
// end; "" is GitHub itself.
func APIAddress(web string) (string, error) {
	if web == "" {
		return "https://api.github.com/", nil
	}
	u, err := url.Parse(web)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return "", fmt.Errorf("%q is not the address of a GitHub server: write it like https://github.example.com", web)
	}
	switch host := u.Hostname(); {
	case host == "github.com" || host == "api.github.com":
		return "https://api.github.com/", nil
	case strings.HasSuffix(host, ".ghe.com"):
		return "https://api." + strings.TrimPrefix(host, "api.") + "/", nil
	}
	return u.Scheme + "://" + u.Host + "/api/v3/", nil
}

// client builds a client on a transport; follow says whether a write goes on to where GitHub
// redirects it.
func (a *App) client(tr http.RoundTripper, m *quota, follow bool) (*github.Client, error) {
	hc := &http.Client{Transport: &quotaTransport{now: a.o.Now,
		next: &etagTransport{next: tr, kept: a.answers}, meter: m},
		CheckRedirect: redirects(follow, a.o.Now), Timeout: timeout}
	if a.o.Patient {
		hc.Timeout = 0 // it would count the time that a request waits for its turn; the network has its own
	}
	c := github.NewClient(hc)
	base, err := url.Parse(a.api)
	if err != nil {
		return nil, err
	}
	c.BaseURL, c.UserAgent = base, "firebreak"
	return c, nil
}

// Login returns the app's own login, slug[bot].
func (a *App) Login(ctx context.Context) (string, error) {
	a.mu.Lock()
	login := a.login
	a.mu.Unlock()
	if login != "" {
		return login, nil
	}
	app, _, err := a.self.Apps.Get(ctx, "")
	if err != nil {
		return "", describeError("read the app's own name", "", err)
	}
	if err := requireFields("read the app's own name", fmt.Sprintf("App %d", a.o.AppID),
		field{"slug", app.GetSlug() != ""}); err != nil {
		return "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.login = naming.BotOf(app.GetSlug())
	return a.login, nil
}

// KnownLogin is Login if GitHub was asked already, else "".
func (a *App) KnownLogin() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.login
}

// Self returns a client that acts as the App itself, for no installation.
func (a *App) Self() *github.Client { return a.self }

// call makes a request that go-github has no method for, and decodes the answer into v.
func call(ctx context.Context, c *github.Client, method, path string, body, v any) (*github.Response, error) {
	req, err := c.NewRequest(method, path, body)
	if err != nil {
		return nil, err
	}
	return c.Do(ctx, req, v)
}

func repoPath(ref incident.Ref) string {
	return "repos/" + url.PathEscape(ref.Owner) + "/" + url.PathEscape(ref.Repo)
}

func issuePath(ref incident.Ref) string {
	return fmt.Sprintf("%s/issues/%d", repoPath(ref), ref.Number)
}
