// Package setup takes a company from nothing to its first incident: it registers the GitHub App,
// and puts into a repository what incidents need there.
package setup

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	gogithub "github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/github"
)

// Options say which App is registered, and where its credentials go.
type Options struct {
	GitHub  string // web address; empty: GitHub itself
	Org     string // the organisation that the App will belong to; empty: whoever opens the page
	Name    string // the App's name, which can be changed on GitHub's page
	Webhook string // where GitHub delivers
	Self    string // address of the page, without a slash at its end
	Store   Store
	// Repositories are those for incidents, as owner/repo; none: `firebreak init` lists them.
	Repositories []string
	With         []string // names of capabilities beyond what every App needs
	// IsFreezer registers the App for freezes instead, which changes rulesets alone and hears of nothing (X4)
	IsFreezer bool
	Logger    *slog.Logger
}

// Registered is the App once there is one. It holds no secret.
type Registered struct {
	ID      int64  `json:"app_id"`
	Slug    string `json:"slug"`
	URL     string `json:"html_url"`
	Install string `json:"install_url"`
	Stored  string `json:"stored_in"`
}

// Flow is the page that registers an App in one click, by a manifest.
// https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
type Flow struct {
	o      Options
	web    string // of GitHub, without a slash at its end
	api    *url.URL
	more   []github.Capability
	state  string // proves that who comes back went out from here
	result chan result

	mu   sync.Mutex
	over *donePage // nil: nobody came back yet
}

type result struct {
	app Registered
	err error
}

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Option("missingkey=error").Parse(pageText))

// New prepares the page.
func New(o Options) (*Flow, error) {
	if o.GitHub == "" {
		o.GitHub = "https://github.com"
	}
	if err := ParseRepositories(o.Repositories); err != nil {
		return nil, err
	}
	api, err := github.APIAddress(o.GitHub)
	if err != nil {
		return nil, fmt.Errorf("--github-url: %w", err)
	}
	more, err := github.FindCapabilities(o.With)
	if err != nil {
		return nil, fmt.Errorf("--with: %w", err)
	}
	f := &Flow{o: o, more: more, web: strings.TrimSuffix(o.GitHub, "/"), state: rand.Text(), result: make(chan result, 1)}
	if f.api, err = url.Parse(api); err != nil {
		return nil, fmt.Errorf("--github-url: %w", err)
	}
	name := "Firebreak "
	if o.IsFreezer {
		f.o.Webhook, name = "", "Firebreak freezer "
	} else if f.o.Webhook, err = webhookAddress(o.Webhook); err != nil {
		return nil, err
	}
	if f.o.Name == "" {
		f.o.Name = strings.TrimSpace(name + o.Org)
	}
	if r := []rune(f.o.Name); len(r) > maxName {
		f.o.Name = string(r[:maxName])
	}
	return f, nil
}

// maxName is how long GitHub lets an App's name be.
const maxName = 34

// webhookAddress completes the address of the product by the path at which it takes webhooks.
func webhookAddress(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("--webhook %q: give the address at which GitHub reaches `firebreak-serve`, "+
			"such as https://firebreak.example.com/webhook", text)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/webhook"
	}
	return u.String(), nil
}

// Wait returns once the App is registered and its credentials are stored, or that failed for good.
func (f *Flow) Wait(ctx context.Context) (Registered, error) {
	select {
	case r := <-f.result:
		return r.app, r.err
	case <-ctx.Done():
		return Registered{}, fmt.Errorf("no App was registered: %w", ctx.Err())
	}
}

// manifest describes the App to GitHub.
type manifest struct {
	Name        string            `json:"name"`
	URL         string            `json:"url"`
	Description string            `json:"description"`
	Public      bool              `json:"public"`
	Redirect    string            `json:"redirect_url"`
	Hook        hook              `json:"hook_attributes"`
	Permissions map[string]string `json:"default_permissions"`
	Events      []string          `json:"default_events"`
}

type hook struct {
	URL    string `json:"url"`
	Active bool   `json:"active"`
}

func (f *Flow) manifest() manifest {
	m := manifest{Name: f.o.Name, URL: "https://github.com/firebreak-dev/firebreak",
		Description: "Runs critical incidents", Redirect: f.o.Self + "/done",
		Hook: hook{URL: f.o.Webhook, Active: true}, Permissions: map[string]string{}}
	if f.o.IsFreezer { // GitHub asks for an address also where it sends nothing
		m.Description, m.Hook = "Freezes repositories for Firebreak", hook{URL: m.URL}
	}
	needs, events := f.needs()
	for _, p := range needs {
		m.Permissions[p.Name] = p.Level
	}
	for _, e := range events {
		m.Events = append(m.Events, e.Name)
	}
	for _, c := range f.more {
		for _, p := range c.Permissions {
			if m.Permissions[p.Name] != "write" { // another capability may need more
				m.Permissions[p.Name] = p.Level
			}
		}
		for _, e := range c.Events {
			m.Events = append(m.Events, e.Name)
		}
	}
	return m
}

// needs returns what the App needs at least.
func (f *Flow) needs() ([]github.Permission, []github.Event) {
	if f.o.IsFreezer {
		return github.FreezerPermissions, nil
	}
	return github.Permissions, github.Events
}

// Handler serves the page, and takes whoever comes back from GitHub.
func (f *Flow) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", f.serveStart)
	mux.HandleFunc("GET /done", f.serveDone)
	self, _ := url.Parse(f.o.Self)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Another site's name that leads to this machine would be of that site for the browser.
		if self == nil || r.Host != self.Host {
			http.Error(w, "this page is at "+f.o.Self, http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

type startPage struct {
	Host, Owner, Action, Manifest, Webhook, Stored string
	Permissions                                    []github.Permission
	Events                                         []github.Event
	More                                           []github.Capability
}

type donePage struct {
	App       Registered
	Next      []string
	Err       string
	IsFreezer bool
}

func (f *Flow) serveStart(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	over := f.over
	f.mu.Unlock()
	if over != nil {
		f.show(w, http.StatusOK, "done", over)
		return
	}
	text, err := json.Marshal(f.manifest())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	at := f.web + "/settings/apps/new"
	p := startPage{Owner: "your own account", Manifest: string(text), Webhook: f.o.Webhook,
		Stored: f.o.Store.Where(), More: f.more}
	p.Permissions, p.Events = f.needs()
	if f.o.Org != "" {
		p.Owner, at = f.o.Org, f.web+"/organizations/"+url.PathEscape(f.o.Org)+"/settings/apps/new"
	}
	p.Action, p.Host = at+"?state="+f.state,
		strings.TrimPrefix(strings.TrimPrefix(f.web, "https://"), "http://")
	f.show(w, http.StatusOK, "start", p)
}

// serveDone takes the code with which GitHub sends the browser back, and gets the App's credentials
// for it.
func (f *Flow) serveDone(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over != nil {
		f.show(w, http.StatusOK, "done", f.over)
		return
	}
	state, code := r.URL.Query().Get("state"), r.URL.Query().Get("code")
	if subtle.ConstantTimeCompare([]byte(state), []byte(f.state)) != 1 || code == "" {
		f.show(w, http.StatusForbidden, "done",
			&donePage{Err: "This is not the way back from the page that was opened here: nothing was " +
				"done. Begin again on the first page."})
		return
	}
	// the code is good once, whoever leaves
	ctx, stop := context.WithTimeout(context.WithoutCancel(r.Context()), time.Minute)
	defer stop()
	app, err := f.register(ctx, code)
	if err != nil {
		f.o.Logger.Error("the App was not set up", "err", err)
		page := &donePage{App: app, Err: err.Error()}
		if app.ID == 0 { // it can be tried again
			f.show(w, http.StatusBadGateway, "done", page)
			return
		}
		f.over = page
		f.show(w, http.StatusInternalServerError, "done", page)
	} else {
		f.over = &donePage{App: app, Next: f.o.Store.Next(app), IsFreezer: f.o.IsFreezer}
		f.show(w, http.StatusOK, "done", f.over)
	}
	f.result <- result{app, err}
}

// register exchanges the code and stores what it returns. A Registered with an ID exists at GitHub,
// even if there is an error.
func (f *Flow) register(ctx context.Context, code string) (Registered, error) {
	c := gogithub.NewClient(&http.Client{Timeout: 30 * time.Second})
	c.BaseURL, c.UserAgent = f.api, "firebreak"
	conf, _, err := c.Apps.CompleteAppManifest(ctx, url.PathEscape(code))
	if err != nil {
		return Registered{}, fmt.Errorf("exchange the code for the App's credentials: %w; the code is "+
			"good for an hour and once: begin again on the first page", err)
	}
	app := Registered{ID: conf.GetID(), Slug: conf.GetSlug(), URL: conf.GetHTMLURL(),
		Install: f.web + "/apps/" + url.PathEscape(conf.GetSlug()) + "/installations/new",
		Stored:  f.o.Store.Where()}
	if conf.GetPEM() == "" || conf.GetWebhookSecret() == "" && !f.o.IsFreezer {
		return app, errors.New("GitHub gave the App no private key or no webhook secret: make them on " +
			"the App's page " + app.URL)
	}
	err = f.o.Store.Keep(ctx,
		Credentials{AppID: app.ID, Slug: app.Slug, GitHub: f.o.GitHub, Repositories: f.o.Repositories, key: conf.GetPEM(),
			secret: conf.GetWebhookSecret(), isFreezer: f.o.IsFreezer})
	if err != nil {
		return app, fmt.Errorf("%s is registered, but its credentials could not be stored, and GitHub "+
			"shows them once: %w; make a new private key and webhook secret on the App's page %s", app.Slug, err, app.URL)
	}
	return app, nil
}

func (f *Flow) show(w http.ResponseWriter, status int, name string, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action "+f.web+
			"; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // the address of the way back has a code in it
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := page.ExecuteTemplate(w, name, data); err != nil {
		f.o.Logger.Debug("the reader left", "err", err)
	}
}
