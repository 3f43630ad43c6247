// Package sandbox is an embedded GitHub: the REST operations that an incident App and a person's
// client use, webhooks with signatures and redelivery, App authentication, a virtual clock, faults
// on demand, and pages that a person can use.
//
// It behaves as GitHub does and not as any product wishes, and knows of none.
package sandbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
	"github.com/firebreak-dev/firebreak/app/sandbox/rest"
	"github.com/firebreak-dev/firebreak/app/sandbox/web"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
)

// Options are what a sandbox is made of. The zero value of all but URL works.
type Options struct {
	URL   string // public address, without a slash at its end; used in links
	Data  string // folder to keep everything in; empty: in memory
	Empty bool   // nothing is set up: no App is registered, and no repository has labels

	App           App
	AppID         int64           // 0: 1
	PrivateKey    *rsa.PrivateKey // nil: one is made
	WebhookURL    string          // where deliveries go; empty: nowhere
	WebhookSecret string          // empty: one is made
	Calls         int             // that the installation has in an hour; 0: 5000

	// Files are the contents of each repository's first commit, by repository and path; one of acme's that isn't there
	// otherwise is made.
	Files  map[string]map[string]string
	Labels map[string][]Label // by repository

	// Morning is what people merged, deployed and released in the hours before: see forge.SeedMorning.
	Morning bool

	Start    time.Time // the clock's first time; zero: now
	Speed    float64   // virtual seconds per second; 0: 1
	Frozen   bool      // the clock moves only by Advance
	Follower Follower  // keeps the sandbox's time; nil: whoever serves WebhookURL is asked over HTTP

	// Environment returns the variables that the App's process reads; nil: none. A sandbox with
	// Data writes them to EnvironmentFile there, as NAME=value.
	Environment     func(Credentials) map[string]string
	EnvironmentFile string
	// Slack is the app that is installed in the workspace of the sandbox's people. Its HooksURL is the sandbox's own.
	Slack           workspace.App
	SignatureHeader string // of what the sandbox receives for people outside GitHub; empty: X-Signature-256
}

// App is the App that is registered and installed from the beginning.
type App struct {
	Slug        string // its login is SLUG[bot]; empty: robot
	Name        string // empty: the slug
	Description string

	Permissions map[string]string // that it has beyond those of every sandbox's
	Events      []string          // that it hears of beyond forge.DefaultEvents
}

// Credentials are what the App's process needs to be the App.
type Credentials struct {
	URL            string // of the sandbox
	WebhookURL     string // where webhooks go
	AppID          int64  // 0: no App is registered
	WebhookSecret  string
	PrivateKey     []byte // PEM
	PrivateKeyFile string // that holds the key; empty: it is not kept

	ClockURL     string // of the virtual clock
	PageURL      string // takes pages
	AnnounceURL  string // takes announcements
	OutboxSecret string // signs both

	PhoneURL   string              // takes calls and texts, as Twilio does
	PhoneToken string              // of PhoneAccount
	Phones     map[string]string   // numbers of people, by login
	Teams      map[string][]string // logins, by slug

	PushoverURL   string              // takes messages, as Pushover's API does
	PushoverToken string              // of the application at Pushover
	Pushes        map[string]PushKeys // by what pushes reach people, by login

	SlackURL   string            // of Slack's Web API
	SlackToken string            // of the bot there
	Members    map[string]string // ids of people in Slack, by login
}

// Label is a label of a repository.
type Label = forge.Label

// Follower is a product that keeps the sandbox's time.
type Follower interface {
	// Follow adopts now and does all that is due by then. It returns once idle, with its next due
	// time; zero: none.
	Follow(ctx context.Context, now time.Time) (next time.Time, err error)
}

// Sandbox is an embedded GitHub.
type Sandbox struct {
	o       Options
	forge   *forge.Forge
	views   *rest.Views
	calls   []Call // of the API, oldest first; guarded by the store's mutex
	clock   *Clock
	courier *courier
	faults  *faults
	keeper  *keeper
	slack   *workspace.Workspace
	handler http.Handler
}

// New makes a sandbox, or opens the one that Data holds.
func New(o Options) (*Sandbox, error) {
	o.URL = strings.TrimSuffix(o.URL, "/")
	if o.URL == "" {
		return nil, errors.New("a sandbox needs the address at which it is reached")
	}
	if o.AppID == 0 {
		o.AppID = 1
	}
	if o.Speed == 0 {
		o.Speed = 1
	}
	o.SignatureHeader = cmp.Or(o.SignatureHeader, "X-Signature-256")
	if o.Start.IsZero() {
		o.Start = time.Now()
	}
	k, err := openKeeper(&o)
	if err != nil {
		return nil, err
	}
	if o.WebhookSecret == "" {
		o.WebhookSecret = rand.Text()
	}
	if o.PrivateKey == nil && !o.Empty {
		newKey := makeKey
		if o.Data == "" {
			newKey = sharedKey
		}
		if o.PrivateKey, err = newKey(); err != nil {
			return nil, fmt.Errorf("make the App's key: %w", err)
		}
	}
	s := &Sandbox{o: o, forge: forge.New(o.URL), keeper: k, faults: &faults{}}
	s.clock = newClock(s, o)
	s.forge.Now = func() time.Time { return s.clock.Now().UTC().Truncate(time.Second) }
	s.forge.App = appOf(o)
	s.views = rest.NewViews(s.forge)
	s.courier = newCourier(s)
	s.openSlack()
	known, err := k.load(s)
	if err != nil {
		return nil, err
	}
	if !known {
		s.forge.Empty = o.Empty
		seed := s.forge.Seed
		if o.Morning {
			seed = s.forge.SeedMorning
		}
		if err := seed(o.Files, o.Labels); err != nil {
			return nil, err
		}
	}
	s.fillSlack()
	s.forge.Emit = s.courier.send
	if err := k.begin(s); err != nil {
		return nil, err
	}
	s.courier.start()

	mux := http.NewServeMux()
	mux.Handle("/sandbox/", s.control())
	pages := sync.OnceValue(func() http.Handler { // a sandbox in a test is seldom asked for one
		return web.New(s.forge, func(d time.Duration) error { return s.clock.Advance(context.Background(), d) },
			&web.Trouble{State: s.SetState, Fault: s.orderFaults, Mend: s.clearFaults, Holds: s.describeFaults},
			s, s.slack)
	})
	mux.HandleFunc("/sandbox/phone/{login}", func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.URL.Path, r.URL.RawPath = "/_phone/"+r.PathValue("login"), ""
		pages().ServeHTTP(w, r)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { pages().ServeHTTP(w, r) })
	s.routeNtfy(mux)
	s.routeSlack(mux)
	api := rest.New(s.views, host{s}, o.Calls)
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			api.ServeHTTP(w, r) // not by the mux: it would redirect where GitHub answers in JSON that there is nothing
			return
		}
		mux.ServeHTTP(w, r)
	})
	return s, nil
}

// appOf returns the App that is there from the beginning.
func appOf(o Options) *forge.App {
	slug := cmp.Or(o.App.Slug, "robot")
	permissions := map[string]string{"metadata": "read", "members": "read", "issues": "write",
		"contents": "write", "pull_requests": "write", "checks": "write"}
	maps.Copy(permissions, o.App.Permissions)
	return &forge.App{
		ID: o.AppID, Slug: slug, Login: naming.BotOf(slug), Name: cmp.Or(o.App.Name, slug),
		Description: o.App.Description,
		External:    o.URL, Owner: "acme", Created: o.Start.UTC(),
		Events:  slices.Concat(forge.DefaultEvents, o.App.Events),
		HookURL: o.WebhookURL, HookSecret: o.WebhookSecret, Key: o.PrivateKey,
		TokenSecret: o.WebhookSecret + " tokens", Permissions: permissions,
	}
}

func makeKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// sharedKey is the key of all sandboxes that keep nothing: making one takes a while.
var sharedKey = sync.OnceValues(makeKey)

// Handler serves everything: the API below /api/v3, the sandbox's own addresses below /sandbox, and the pages.
func (s *Sandbox) Handler() http.Handler { return s.handler }

// Clock returns the virtual clock.
func (s *Sandbox) Clock() *Clock { return s.clock }

// Environment returns the variables by which a process is the App here; none if the options make none.
func (s *Sandbox) Environment() map[string]string {
	if s.o.Environment == nil {
		return nil
	}
	c := Credentials{
		URL: s.o.URL, WebhookURL: s.o.WebhookURL, ClockURL: s.o.URL + "/sandbox/clock", OutboxSecret: s.outboundSecret(),
		PageURL: s.o.URL + "/sandbox/receive/page", AnnounceURL: s.o.URL + "/sandbox/receive/announce",
		PhoneURL: s.o.URL + phonePath, PhoneToken: s.phoneToken(),
		Phones: s.phones(), Teams: s.teams(),
		PushoverURL: s.o.URL + pushoverPath + "/1", PushoverToken: s.pushoverToken(), Pushes: s.pushKeys(),
		SlackURL: s.o.URL + slackPath, SlackToken: workspace.Token, Members: s.members(),
	}
	if !s.forge.Empty {
		c.AppID, c.WebhookSecret = s.o.AppID, s.o.WebhookSecret
		c.PrivateKey, c.PrivateKeyFile = forge.EncodeKey(s.o.PrivateKey), s.keeper.keyFile()
	}
	return s.o.Environment(c)
}

// outboundSecret signs what is sent to people outside; it follows from the webhook's, so that it
// need not be kept.
func (s *Sandbox) outboundSecret() string { return sign(s.o.WebhookSecret, []byte("outbound"))[7:39] }

// Settled returns once no delivery is pending and whoever follows the clock is idle.
func (s *Sandbox) Settled(ctx context.Context) error {
	_, err := s.settle(ctx)
	return err
}

// Delivered returns once no webhook is on its way, whatever their receiver does with them.
func (s *Sandbox) Delivered(ctx context.Context) error { return s.courier.idle(ctx) }

// settle is Settled, and returns the next time at which something is due: with the follower, or a
// delayed webhook.
func (s *Sandbox) settle(ctx context.Context) (next time.Time, err error) {
	for {
		s.forge.Lock()
		s.courier.release(s.clock.Now())
		s.forge.Unlock()
		if err := s.courier.idle(ctx); err != nil {
			return time.Time{}, err
		}
		before := s.courier.count()
		if next, err = s.follow(ctx); err != nil {
			return time.Time{}, err
		}
		// What the follower did may have sent webhooks, which give it work again.
		if s.courier.count() == before && s.courier.quiet() {
			if due := s.courier.nextDue(); !due.IsZero() && (next.IsZero() || due.Before(next)) {
				next = due
			}
			return next, nil
		}
	}
}

// Close ends the sandbox; with Data everything is kept.
func (s *Sandbox) Close() error {
	s.courier.stop()
	return s.keeper.end(s)
}
