package assembly

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/notify"
)

// Cloud is what only a binary that links a cloud's SDK has. Its zero value has nothing of it.
type Cloud struct {
	// opens the App's key that FIREBREAK_KMS_KEY names
	Sign func(ctx context.Context, key string) (Signer, error)
	SES  notify.SES // opens Amazon SES
}

// Signer signs a digest by a key that is elsewhere.
type Signer func(digest []byte) ([]byte, error)

// errNoKMS is returned where FIREBREAK_KMS_KEY is set and nothing can reach it.
var errNoKMS = errors.New(
	"FIREBREAK_KMS_KEY is for the functions on AWS: set FIREBREAK_PRIVATE_KEY or FIREBREAK_PRIVATE_KEY_FILE",
)

// Parts are what a product is built of that has no process of its own: others keep its queue and
// hand it out.
type Parts struct {
	Clock   engine.Clock
	Timers  engine.Scheduler
	Queue   engine.Queue
	Aside   Aside        // nil: nothing is taken back of what was put aside
	Shelf   engine.Store // nil: nothing is kept for when GitHub is out
	Cloud   Cloud
	Metrics metrics.Recorder
	Logger  *slog.Logger
}

// Product is the product without a process of its own.
type Product struct {
	clock    engine.Clock
	clockURL string
	engine   *engine.Engine // nil: it only sweeps
	reports  *reception     // nil: sources have no repository
	intake   http.Handler   // serves them
	answers  http.Handler   // serves the links of pages
	sweeper  *sweeper
}

// NewFollowedClock returns the real clock, which Product.ReadClock sets to that of an embedded
// GitHub.
func NewFollowedClock() engine.Clock { return &followed{} }

// NewSweeping builds a product that only sweeps, for which the App's key is enough.
func NewSweeping(ctx context.Context, getenv func(string) string, o Parts) (*Product, error) {
	env, wrong := readApp(getenv)
	if err := join(wrong); err != nil {
		return nil, err
	}
	return env.product(ctx, o)
}

// NewProduct builds all of it.
func NewProduct(ctx context.Context, getenv func(string) string, o Parts) (*Product, error) {
	env, err := Read(getenv)
	if err != nil {
		return nil, err
	}
	p, err := env.product(ctx, o)
	if err != nil {
		return nil, err
	}
	env.ses = o.Cloud.SES
	if p.engine, err = env.engine(p.sweeper.app, o.Timers, o.Queue, o.Shelf, o.Clock, o.Metrics, o.Logger); err != nil {
		return nil, err
	}
	p.answers = answers(p.engine, o.Metrics, o.Logger)
	if env.Incidents.Repo != "" {
		p.reports = &reception{env: env, engine: p.engine, queue: o.Queue, metrics: o.Metrics, log: o.Logger}
		p.intake = withCalendars(p.reports.handler(), env.calendars(p.engine, o.Clock))
	}
	return p, nil
}

func (e Environment) product(ctx context.Context, o Parts) (*Product, error) {
	if err := e.open(ctx, o.Cloud); err != nil {
		return nil, err
	}
	app, err := e.app(o.Clock, nil, o.Metrics, o.Logger)
	if err != nil {
		return nil, err
	}
	return &Product{clock: o.Clock, clockURL: e.ClockURL, sweeper: &sweeper{
		app: app, queue: o.Queue, aside: o.Aside, clock: o.Clock, metrics: o.Metrics, log: o.Logger, isWhole: isHourly,
	}}, nil
}

// open opens the App's key where that is not in the environment.
func (e *Environment) open(ctx context.Context, c Cloud) (err error) {
	switch {
	case e.KMSKey == "":
		return nil
	case c.Sign == nil:
		return errNoKMS
	}
	e.sign, err = c.Sign(ctx, e.KMSKey)
	return err
}

// Handle handles a message of the queue.
func (p *Product) Handle(ctx context.Context, m incident.Message) error {
	if sweep, ok := m.Sweep(); ok {
		return p.sweeper.change(ctx, m, sweep)
	}
	return p.engine.Handle(ctx, m)
}

// Sweep finds what was lost on the way.
func (p *Product) Sweep(ctx context.Context) error { return p.sweeper.next(ctx) }

// Intake returns what takes the reports of sources; nil: they have no repository.
func (p *Product) Intake() http.Handler { return p.intake }

// Public returns what takes the reports of sources, where they have a repository, and serves the
// links of pages. A gateway may leave a base path or a stage before each.
func (p *Product) Public() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isUnder(r.URL.Path, engine.AnswerPath):
			p.answers.ServeHTTP(w, r)
		case p.intake == nil:
			http.Error(w, "no source is served: FIREBREAK_INTAKE_REPOSITORY names no repository", http.StatusServiceUnavailable)
		default:
			p.intake.ServeHTTP(w, r)
		}
	})
}

// isUnder reports whether a path's last part comes right after a prefix.
func isUnder(path, prefix string) bool {
	return strings.HasSuffix(path[:strings.LastIndexByte(path, '/')+1], prefix)
}

// Take takes what was verified elsewhere, where sources have a repository.
func (p *Product) Take(ctx context.Context, signal intake.Signal) error {
	return p.reports.accept(ctx, intake.Result{Signals: []intake.Signal{signal}})
}

// Refuse counts and logs what a source sent and could not be taken.
func (p *Product) Refuse(source, why string, err error) { p.reports.refuse(source, why, err) }

// ReadClock reads the clock of an embedded GitHub, where FIREBREAK_CLOCK_URL names one.
func (p *Product) ReadClock(ctx context.Context) error {
	clock, ok := p.clock.(*followed)
	if !ok || p.clockURL == "" {
		return nil
	}
	t, err := readClock(ctx, p.clockURL)
	if err != nil {
		return err
	}
	clock.set(t.Now, t.Speed)
	return nil
}
