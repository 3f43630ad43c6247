// Package assembly builds the product from the environment. It is the only place that knows every
// adapter.
package assembly

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/admission"
	"github.com/firebreak-dev/firebreak/app/answer"
	"github.com/firebreak-dev/firebreak/app/calendar"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/notify"
	"github.com/firebreak-dev/firebreak/app/slack"
	"github.com/firebreak-dev/firebreak/app/store"
	"github.com/firebreak-dev/firebreak/app/webhook"
)

// Environment is what the environment says.
type Environment struct {
	GitHubURL string // FIREBREAK_GITHUB_URL; empty: GitHub itself
	AppID     int64  // FIREBREAK_APP_ID
	Key       []byte // FIREBREAK_PRIVATE_KEY, or the file that FIREBREAK_PRIVATE_KEY_FILE names: PEM
	// FIREBREAK_FREEZE_APP_ID and the content of FIREBREAK_FREEZE_PRIVATE_KEY_FILE: the App that makes
	// the rulesets of freezes; 0: the App itself does
	FreezeAppID int64
	FreezeKey   []byte
	// FIREBREAK_FREEZE_URL and FIREBREAK_FREEZE_SECRET: the process that holds that key instead, and
	// what signs what it is asked; nil: there is none
	Freezer *github.FreezerAddress
	// FIREBREAK_KMS_KEY: the private key is in KMS and stays there; for the functions on AWS
	KMSKey string
	// FIREBREAK_WEBHOOK_SECRET, then FIREBREAK_WEBHOOK_SECRET_PREVIOUS while rotating
	Secrets [][]byte
	// FIREBREAK_DATABASE_URL: PostgreSQL, which several processes may share; empty: a file of this one's own
	DatabaseURL string
	ClockURL    string // FIREBREAK_CLOCK_URL: the clock of an embedded GitHub, which is followed
	PagerURL    string // FIREBREAK_PAGER_URL: where pages of the kind webhook are sent
	PhoneURL    string // FIREBREAK_PHONE_URL: where calls and texts go; empty: to Twilio
	PushoverURL string // FIREBREAK_PUSHOVER_URL: where messages of Pushover's go; empty: to Pushover
	SlackURL    string // FIREBREAK_SLACK_URL: where Slack's Web API is; empty: at Slack
	IsChatty    bool   // FIREBREAK_SLACK_COMMENTS: comments without commands go to the incidents' channels
	PublicURL   string // FIREBREAK_PUBLIC_URL: where the product is served, for the links of pages
	// FIREBREAK_MAIL_URL: where emails for customers are sent; empty: by the policy's service
	MailURL string
	// FIREBREAK_INTAKE_REPOSITORY: owner/repo in which what sources report becomes an incident
	Incidents incident.Ref
	// FIREBREAK_REPOSITORIES: those for incidents, by name or id; owner/.github: as the list there
	// says
	Listed   []string
	Outbound []byte // FIREBREAK_OUTBOUND_SECRET: signs both
	// FIREBREAK_OUTBOUND_ALLOW: hosts and CIDRs that may be reached though they are not public
	Allow []string
	// FIREBREAK_ACCOUNT_BOUNDS: how much goes out for an account within an hour
	Bounds notify.Bounds
	// FIREBREAK_ACCOUNTS: whose repositories are served; empty: of everybody who installed the App
	Accounts  []string
	Proxies   []netip.Prefix // FIREBREAK_TRUSTED_PROXIES: whose X-Forwarded-For is believed
	Unlimited bool           // FIREBREAK_GITHUB_LIMITS is "none": the server has no secondary limits

	getenv func(string) string // for FIREBREAK_SECRET_…, which the policy names
	sign   Signer              // signs by KMSKey
	ses    notify.SES          // nil: mails go out by SMTP alone

	isPatient bool // without a queue to retry by: requests wait for GitHub's limits
}

// Read reads the environment; every mistake in it is named at once.
func Read(getenv func(string) string) (Environment, error) {
	e, wrong := readApp(getenv)
	if s := getenv("FIREBREAK_WEBHOOK_SECRET"); s != "" {
		e.Secrets = append(e.Secrets, []byte(s))
	} else {
		wrong = append(wrong, errors.New("FIREBREAK_WEBHOOK_SECRET must be the App's webhook secret: "+
			"without it anybody could send commands"))
	}
	if s := getenv("FIREBREAK_WEBHOOK_SECRET_PREVIOUS"); s != "" {
		e.Secrets = append(e.Secrets, []byte(s))
	}
	if name := getenv("FIREBREAK_INTAKE_REPOSITORY"); name != "" {
		ref, err := incident.ParseRef(name + "#1")
		if err != nil {
			wrong = append(
				wrong,
				fmt.Errorf("FIREBREAK_INTAKE_REPOSITORY must be a repository as owner/repo, not %q", name),
			)
		}
		e.Incidents = incident.Ref{Owner: ref.Owner, Repo: ref.Repo}
	}
	proxies, err := admission.ParseProxies(getenv("FIREBREAK_TRUSTED_PROXIES"))
	if e.Proxies = proxies; err != nil {
		wrong = append(wrong, fmt.Errorf("FIREBREAK_TRUSTED_PROXIES: %w", err))
	}
	for _, entry := range entriesOf(getenv("FIREBREAK_REPOSITORIES")) {
		if id, err := strconv.ParseInt(entry, 10, 64); (err != nil || id < 1) && !naming.IsRepository(entry) {
			wrong = append(
				wrong,
				fmt.Errorf(
					"FIREBREAK_REPOSITORIES must be repositories as owner/repo, or their ids, not %q",
					entry,
				),
			)
		}
		e.Listed = append(e.Listed, entry)
	}
	if getenv("FIREBREAK_SLACK_APP_TOKEN") != "" && e.Incidents.Repo == "" {
		wrong = append(wrong, errors.New("FIREBREAK_INTAKE_REPOSITORY must name the repository for what is declared in "+
			"Slack: FIREBREAK_SLACK_APP_TOKEN is set"))
	}
	if (e.PagerURL != "" || e.MailURL != "") && len(e.Outbound) == 0 {
		wrong = append(
			wrong,
			errors.New(
				"FIREBREAK_OUTBOUND_SECRET must be set to sign what FIREBREAK_PAGER_URL and FIREBREAK_MAIL_URL receive",
			),
		)
	}
	return e, join(wrong)
}

// readApp reads what it takes to be the App at GitHub.
func readApp(getenv func(string) string) (Environment, []error) {
	e := Environment{
		GitHubURL:   getenv("FIREBREAK_GITHUB_URL"),
		Key:         []byte(getenv("FIREBREAK_PRIVATE_KEY")),
		KMSKey:      getenv("FIREBREAK_KMS_KEY"),
		ClockURL:    getenv("FIREBREAK_CLOCK_URL"),
		DatabaseURL: getenv("FIREBREAK_DATABASE_URL"),
		PagerURL:    getenv("FIREBREAK_PAGER_URL"),
		MailURL:     getenv("FIREBREAK_MAIL_URL"),
		PhoneURL:    getenv("FIREBREAK_PHONE_URL"),
		PushoverURL: getenv("FIREBREAK_PUSHOVER_URL"),
		SlackURL:    getenv("FIREBREAK_SLACK_URL"),
		IsChatty:    getenv("FIREBREAK_SLACK_COMMENTS") == "true",
		PublicURL:   getenv("FIREBREAK_PUBLIC_URL"),
		Outbound:    []byte(getenv("FIREBREAK_OUTBOUND_SECRET")),
		Allow:       strings.Split(getenv("FIREBREAK_OUTBOUND_ALLOW"), ","),
		Accounts:    entriesOf(getenv("FIREBREAK_ACCOUNTS")),
		getenv:      getenv,
	}
	var wrong []error
	id, err := strconv.ParseInt(getenv("FIREBREAK_APP_ID"), 10, 64)
	if err != nil || id < 1 {
		wrong = append(wrong, errors.New("FIREBREAK_APP_ID must be the number of the GitHub App"))
	}
	e.AppID = id
	if !strings.Contains(string(e.Key), "\n") {
		e.Key = []byte(strings.ReplaceAll(string(e.Key), `\n`, "\n")) // files of variables hold one line
	}
	if file := getenv("FIREBREAK_PRIVATE_KEY_FILE"); len(e.Key) == 0 && file != "" {
		if e.Key, err = os.ReadFile(file); err != nil {
			wrong = append(wrong, fmt.Errorf("FIREBREAK_PRIVATE_KEY_FILE: %w", err))
		}
	} else if len(e.Key) == 0 && e.KMSKey == "" {
		wrong = append(wrong, errors.New("FIREBREAK_PRIVATE_KEY or FIREBREAK_PRIVATE_KEY_FILE must hold "+
			"the App's private key (PEM)"))
	}
	if e.Bounds, err = notify.ParseBounds(getenv("FIREBREAK_ACCOUNT_BOUNDS")); err != nil {
		wrong = append(wrong, fmt.Errorf("FIREBREAK_ACCOUNT_BOUNDS: %w", err))
	}
	wrong = append(wrong, e.readFreezer(getenv)...)
	wrong = append(wrong, e.readLimits(getenv)...)
	for name, value := range map[string]string{
		"FIREBREAK_GITHUB_URL": e.GitHubURL, "FIREBREAK_CLOCK_URL": e.ClockURL,
		"FIREBREAK_PAGER_URL": e.PagerURL, "FIREBREAK_MAIL_URL": e.MailURL,
		"FIREBREAK_PUBLIC_URL": e.PublicURL, "FIREBREAK_PHONE_URL": e.PhoneURL, "FIREBREAK_SLACK_URL": e.SlackURL,
		"FIREBREAK_PUSHOVER_URL": e.PushoverURL, "FIREBREAK_FREEZE_URL": getenv("FIREBREAK_FREEZE_URL"),
	} {
		if u, err := url.Parse(value); value != "" &&
			(err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
			wrong = append(
				wrong,
				fmt.Errorf("%s must be an address like https://example.com", name),
			) // an address may hold a secret
		}
	}
	if u, err := url.Parse(e.DatabaseURL); e.DatabaseURL != "" &&
		(err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql") {
		wrong = append(wrong, errors.New("FIREBREAK_DATABASE_URL must be an address like "+
			"postgres://user:password@host/database"))
	}
	return e, wrong
}

// entriesOf parts a list with commas or spaces between its entries.
func entriesOf(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// join makes one error of many, in an order that doesn't change.
func join(wrong []error) error {
	slices.SortFunc(wrong, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(wrong...)
}

// Options are what doesn't come from the environment.
type Options struct {
	Clock   engine.Clock  // nil: the real one, or the followed one
	File    string        // SQLite file, where there is no FIREBREAK_DATABASE_URL; empty: in memory
	Sweep   time.Duration // how often what was lost on the way is looked for, and at the start; 0: never
	Metrics metrics.Recorder
	Logger  *slog.Logger

	// Patience is how long looks under way may take to end by themselves once Run's context ended;
	// 0: they end at once, and are made again by the next process.
	Patience time.Duration

	Transport http.RoundTripper // to GitHub; nil: the network
	Replier   engine.Replier    // answers people in their chat; nil: in Slack

	Shelf engine.Store // what is kept, where another process keeps it too; nil: next to the queue

	IsDemo bool // nobody is warned that there is no list of incident repositories
}

// Server is the product as one process.
type Server struct {
	env     Environment
	log     *slog.Logger
	clock   engine.Clock
	follows *followed // nil: the clock is not followed
	sweep   time.Duration
	sweeper *sweeper
	app     *github.App
	store   *store.Store
	shelf   engine.Store
	engine  *engine.Engine
	metrics metrics.Recorder
	socket  *slack.Socket // nil: nothing comes from Slack by Socket Mode
	health  health
	ready   health
	handler http.Handler
}

// pace is the time between writes that GitHub asks for. An embedded GitHub doesn't.
const pace = time.Second

// New builds the product.
func New(getenv func(string) string, o Options) (*Server, error) {
	env, err := Read(getenv)
	if err != nil {
		return nil, err
	}
	s := &Server{env: env, log: o.Logger, clock: o.Clock, sweep: o.Sweep, metrics: o.Metrics}
	if s.metrics == nil {
		s.metrics = metrics.Discard{}
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.clock == nil {
		s.follows = &followed{}
		s.clock = s.follows
		if env.ClockURL != "" {
			if err := s.follows.read(context.Background(), env.ClockURL); err != nil {
				s.log.Warn("the clock can't be read: going by the real one until it calls", "err", err)
			}
		}
	}
	if env.DatabaseURL != "" {
		s.store, err = store.OpenPostgres(context.Background(), env.DatabaseURL, s.clock, s.log)
	} else {
		s.store, err = store.Open(o.File, s.clock, s.log)
	}
	if err != nil {
		return nil, err
	}
	s.store.Metrics, s.store.Patience = s.metrics, o.Patience
	app, err := env.app(s.clock, o.Transport, s.metrics, s.log)
	if err != nil {
		return nil, errors.Join(err, s.store.Close())
	}
	s.app = app
	if o.Shelf == nil {
		o.Shelf = s.store
	}
	s.shelf = o.Shelf
	if s.engine, err = env.engine(app, s.store, s.store, s.shelf, s.clock, s.metrics, s.log); err != nil {
		return nil, errors.Join(err, s.store.Close())
	}
	if o.Replier != nil {
		s.engine.Replier = o.Replier
	}
	if len(env.Listed) == 0 && !o.IsDemo {
		s.log.Warn(
			"no list of incident repositories: set FIREBREAK_REPOSITORIES",
			"reports",
			env.Incidents.FullName(),
		)
	}
	s.sweeper = s.newSweeper()
	s.sweeper.isBlank, s.sweeper.isFirst, s.sweeper.isWhole, s.sweeper.spread = s.store.Fresh(), true, isHourly, s.sweep/2
	hook, err := webhook.Handler(webhook.Options{
		Secrets: env.Secrets, AppID: env.AppID, Login: app.KnownLogin, IsChatty: env.IsChatty, Now: s.clock.Now,
		Logger:  s.log,
		Enqueue: func(ctx context.Context, m incident.Message) error { return s.store.Enqueue(ctx, m, time.Time{}) },
		Refused: func(reason string) { countRefused(s.metrics, "github", reason) },
	})
	if err != nil {
		return nil, errors.Join(err, s.store.Close())
	}
	mux := http.NewServeMux()
	mux.Handle("/webhook", hook)
	s.health.check, s.ready.check = s.store.Health, s.store.Ready
	mux.HandleFunc("GET /healthz", s.ServeHealth)
	mux.HandleFunc("GET /readyz", s.ServeReady)
	mux.Handle(calendar.Prefix, env.calendars(s.engine, s.clock))
	if env.Incidents.Repo != "" {
		reports := &reception{env: env, engine: s.engine, queue: s.store, metrics: s.metrics, log: s.log}
		mux.Handle(intake.Prefix, reports.handler())
		s.socket = reports.socket()
	}
	mux.Handle(engine.AnswerPath, answers(s.engine, s.metrics, s.log))
	if env.ClockURL != "" {
		mux.HandleFunc("POST /clock", s.serveClock)
	}
	s.handler = mux
	return s, nil
}

// app builds the port to GitHub.
func (e Environment) app(
	clock engine.Clock,
	transport http.RoundTripper,
	measured metrics.Recorder,
	log *slog.Logger,
) (*github.App, error) {
	if e.KMSKey != "" && e.sign == nil {
		return nil, errNoKMS
	}
	o := github.Options{
		BaseURL: e.GitHubURL, AppID: e.AppID, PEM: e.Key, Sign: e.sign, Accounts: e.Accounts, Now: clock.Now, Pace: pace,
		Unlimited: e.Unlimited, Patient: e.isPatient, Transport: transport, Metrics: measured, Logger: log,
		FreezerAt: e.Freezer,
	}
	if e.ClockURL != "" {
		o.Pace = 0
	}
	if e.FreezeAppID != 0 {
		own := o
		own.AppID, own.PEM, own.Sign = e.FreezeAppID, e.FreezeKey, nil
		freezer, err := github.New(own)
		if err != nil {
			return nil, fmt.Errorf("use the App for freezes: %w", err)
		}
		o.Freezer = freezer
	}
	return github.New(o)
}

// engine builds what runs the incidents.
func (e Environment) engine(
	app *github.App,
	timers engine.Scheduler,
	queue engine.Queue,
	shelf engine.Store,
	clock engine.Clock,
	measured metrics.Recorder,
	log *slog.Logger,
) (*engine.Engine, error) {
	out, err := newNotifier(e, shelf, log)
	if err != nil {
		return nil, err
	}
	return engine.New(
		engine.Options{
			GitHub:       app,
			Scheduler:    timers,
			Queue:        queue,
			Pager:        out,
			Announcer:    out,
			Chat:         slack.New(slack.Options{Secret: e.secret, URL: e.SlackURL}),
			Replier:      out,
			Store:        shelf,
			Clock:        clock,
			Repositories: e.Listed,
			Reports:      e.Incidents,
			PublicURL:    e.PublicURL,
			Secrets:      e.Secrets,
			Metrics:      measured,
			Logger:       log,
		},
	), nil
}

// answers serves the pages on which people answer who were paged.
func answers(e *engine.Engine, measured metrics.Recorder, log *slog.Logger) http.Handler {
	return answer.Handler(answer.Options{
		Engine: e, Now: e.Clock.Now, Logger: log,
		Answered: func(how string) { measured.Record(metrics.PageAnswers, 1, how) },
		Refused:  func(reason string) { measured.Record(metrics.LinksRefused, 1, reason) },
	})
}

// Handler serves GitHub's webhooks at /webhook, the links of pages, /healthz and /readyz.
func (s *Server) Handler() http.Handler { return s.handler }

// Guard returns what bounds who may connect, and what is held of requests.
func (s *Server) Guard() *admission.Guard {
	return &admission.Guard{Proxies: s.env.Proxies, Refused: func(reason string) {
		s.metrics.Record(metrics.TurnedAway, 1, reason)
	}}
}

// Run works until ctx ends, and what is under way by then has ended too.
func (s *Server) Run(ctx context.Context) error {
	var clock sync.WaitGroup
	defer clock.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if s.follows != nil && s.env.ClockURL != "" {
		clock.Go(func() { s.follows.readUntil(ctx, s.env.ClockURL, s.store.Wake, s.log) })
	}
	if s.sweep > 0 {
		clock.Go(func() { s.sweepUntil(ctx) })
	}
	if s.socket != nil {
		clock.Go(func() { s.socket.Run(ctx) })
	}
	return s.store.Run(ctx, s.handle)
}

// handle handles a message of the queue.
func (s *Server) handle(ctx context.Context, m engine.Message) error {
	if sweep, ok := m.Sweep(); ok {
		return s.sweeper.change(ctx, m, sweep)
	}
	return s.engine.HandleInTurn(ctx, m)
}

// Shelf returns what the process keeps, for another one that is to know it.
func (s *Server) Shelf() engine.Store { return s.shelf }

// Close closes the store.
func (s *Server) Close() error { return s.store.Close() }

// Follow does all that is due by now and returns once idle, with the next time at which something
// is due; zero: nothing is. It makes an embedded GitHub's clock the product's.
func (s *Server) Follow(ctx context.Context, now time.Time) (time.Time, error) {
	if s.follows != nil {
		s.follows.set(now, nil)
	}
	return s.settle(ctx)
}

// settle returns once nothing is due, with the next time at which something is.
func (s *Server) settle(ctx context.Context) (time.Time, error) {
	s.store.Wake()
	if err := s.store.Idle(ctx); err != nil {
		return time.Time{}, err
	}
	return s.store.Next(ctx)
}

// serveClock takes the time from an embedded GitHub, signed as its webhooks are.
func (s *Server) serveClock(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<10))
	if err != nil || !webhook.Signed(body, r.Header.Get("X-Hub-Signature-256"), s.env.Secrets) {
		http.Error(w, "the signature does not fit", http.StatusUnauthorized)
		return
	}
	var t clockTime
	if err := json.Unmarshal(body, &t); err != nil {
		http.Error(w, "invalid timestamp", http.StatusBadRequest)
		return
	}
	if t.Now.IsZero() {
		http.Error(w, "invalid timestamp", http.StatusBadRequest)
		return
	}
	if s.follows != nil {
		s.follows.set(t.Now, t.Speed)
	}
	next, err := s.settle(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer := clockTime{}
	if !next.IsZero() {
		answer.Next = &next
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}
