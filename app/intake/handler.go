package intake

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/admission"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/logs"
)

// Prefix is where Handler serves: a source's name follows.
const Prefix = "/intake/"

// arriving is how long a body may take to arrive: a mail of ten megabytes comes by a slow line,
// too.
const arriving = 20 * time.Second

// quiet is the time between two lines of the log about refusals of a kind, so that a stranger can't
// fill the disk.
const quiet = 10 * time.Second

// patience is how long a request may take, unless its source says otherwise.
const patience = 10 * time.Second

// Options are what the endpoint needs.
type Options struct {
	Sources []Source
	// Accept takes what was said and returns once it is stored. It is not called for a request that
	// says nothing.
	Accept func(context.Context, Result) error
	// Said takes what somebody wrote in Slack if its channel is an incident's, and reports whether it is;
	// nil: none is.
	Said func(context.Context, incident.ChatSaid) (isTaken bool, err error)
	// Pinned does the same with a message that somebody pinned there; nil: none is.
	Pinned func(context.Context, incident.ChatPin) (isTaken bool, err error)
	// Heard does the same with what else somebody wrote there, where that is asked for; nil: none is.
	Heard func(context.Context, incident.ChatWords) (isTaken bool, err error)
	// Confirm gets the address that begins a subscription; nil: Fetch.
	Confirm func(ctx context.Context, url string) error
	// OpenModal opens a form in Slack, which needs a bot's token. Without one it returns ErrNoToken, and the
	// person is told how to write it instead; nil: there is none.
	OpenModal func(context.Context, Modal) error
	// Reply tells somebody in Slack something at a response URL; nil: nobody is told.
	Reply func(ctx context.Context, address, text string) error
	Now   func() time.Time // nil: time.Now
	// Refused counts the requests that gave no result because of an error. A token that is wrong
	// loses an alert, for Alertmanager tries again after a 5xx only: this is what to alarm on. nil:
	// nothing is counted.
	Refused func(source, reason string)
	Logger  *slog.Logger

	refusals *logs.Sampler
}

// Handler serves each source at Prefix and its name. It answers 202 once Accept has stored what was
// said, 4xx if the sender is at fault, and 503 if another try may help.
func Handler(o Options) http.Handler {
	o.fill()
	sources := map[string]Source{}
	for _, s := range o.Sources {
		sources[s.Name()] = s
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A gateway may leave a base path or a stage before it.
		source, ok := sources[r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]]
		if at := strings.LastIndex(r.URL.Path, Prefix); !ok || at < 0 ||
			strings.Count(r.URL.Path[at:], "/") != 2 {
			http.Error(w, "no such source, or it has no secret set", http.StatusNotFound)
			return
		}
		if p, ok := source.(interface{ Probe(*http.Request) *Answer }); ok {
			if answer := p.Probe(r); answer != nil {
				write(w, answer)
				return
			}
		}
		if r.Method != http.MethodPost && r.Method != http.MethodPut { // Grafana's may be either
			w.Header().Set("Allow", "POST, PUT")
			http.Error(w, "signals are posted", http.StatusMethodNotAllowed)
			return
		}
		o.serve(w, r, source)
	})
}

func (o Options) serve(w http.ResponseWriter, r *http.Request, source Source) {
	size, within := bounds(source)
	ctx, stop := context.WithTimeout(r.Context(), within)
	defer stop()
	if s, ok := source.(early); ok {
		var known *Error
		if errors.As(s.Early(r.Header, o.Now()), &known) {
			o.refuse(w, source, http.StatusUnauthorized, known)
			return
		}
	}
	body, isCut, known := receive(w, r, source, size)
	if known != nil {
		status := http.StatusBadRequest
		if isCut {
			status = http.StatusRequestEntityTooLarge
		}
		o.refuse(w, source, status, known)
		return
	}
	result, err := source.Read(ctx, Request{Header: r.Header, Body: body, Now: o.Now(), IsCut: isCut})
	if err == nil {
		err = o.act(ctx, source, &result)
	}
	if !errors.As(err, &known) && err != nil {
		known = &Error{Kind: Ours, Reason: "store", Err: err}
	}
	switch {
	case err == nil && result.Answer != nil:
		write(w, result.Answer)
	case err == nil:
		w.WriteHeader(http.StatusAccepted)
	case known.Kind == Ours && result.Failed != nil:
		o.note(source, known)
		write(w, result.Failed)
	case known.Kind == Ours:
		o.refuse(w, source, http.StatusServiceUnavailable, known)
	case known.Kind == Bad && known.Reason == "size":
		o.refuse(w, source, http.StatusRequestEntityTooLarge, known)
	case known.Kind == Bad:
		o.refuse(w, source, http.StatusBadRequest, known)
	default:
		o.refuse(w, source, http.StatusUnauthorized, known)
	}
}

// mostRead is how much is read of a body that is too large, so that its sender hears the answer.
const mostRead = 64 << 20

// receive reads a body. Of one that is too large it returns the beginning, where the source can
// read that, and an error otherwise.
func receive(
	w http.ResponseWriter,
	r *http.Request,
	source Source,
	size int,
) (body []byte, isCut bool, _ *Error) {
	tooLarge := &Error{Kind: Bad, Reason: "size", Err: errors.New("the body is too large")}
	cutter, _ := source.(interface{ ReadsBeginnings(http.Header) bool })
	canCut := cutter != nil && cutter.ReadsBeginnings(r.Header)
	if r.ContentLength > int64(size) && !canCut {
		return nil, true, tooLarge
	}
	admission.ReadWithin(w, arriving)
	limited := &io.LimitedReader{R: r.Body, N: int64(size) + 1}
	var from io.Reader = limited
	if c, ok := source.(interface{ Condense(io.Reader) io.Reader }); ok {
		from = c.Condense(limited)
	}
	body, err := io.ReadAll(from)
	if err != nil {
		return nil, false, &Error{Kind: Bad, Reason: "size", Err: errors.New("the body broke off")}
	}
	if limited.N > 0 {
		return body, false, nil
	}
	if !canCut {
		return nil, true, tooLarge
	}
	// whoever is still sending would not hear the answer
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, mostRead))

	return body[:min(len(body), size)], true, nil
}

// act does what the result asks for.
func (o Options) act(ctx context.Context, source Source, result *Result) error {
	if result.Heard != nil && o.Heard != nil {
		if _, err := o.Heard(ctx, *result.Heard); err != nil {
			return ours("store", "it could not be stored: %w", err)
		}
	}
	if result.Confirm != "" {
		if err := o.Confirm(ctx, result.Confirm); err != nil {
			return ours("confirm", "the subscription could not be confirmed")
		}
		o.Logger.Info("a subscription was confirmed", "source", source.Name())
	}
	if result.Said != nil && o.Said != nil {
		isTaken, err := o.Said(ctx, *result.Said)
		switch {
		case err != nil && len(result.Signals) > 0: // an incident too many is better than none
			o.Logger.Warn("taken for a declaration: it is not known whether the Slack channel is an incident's", "err", err)
		case err != nil:
			return ours("store", "it could not be stored: %w", err)
		case isTaken:
			result.Answer = result.taken()
			return nil
		}
		o.tell(ctx, result)
	}
	if result.Pinned != nil && o.Pinned != nil {
		if _, err := o.Pinned(ctx, *result.Pinned); err != nil {
			return ours("store", "it could not be stored: %w", err)
		}
	}
	if err := o.open(ctx, result); err != nil {
		return err
	}
	if len(result.Signals)+len(result.Acks) == 0 {
		return nil
	}
	if err := o.Accept(ctx, *result); err != nil {
		return ours("store", "it could not be stored: %w", err)
	}
	return nil
}

// ErrNoToken is returned where no bot's token is known by which a form could be opened.
var ErrNoToken = errors.New("no token of a bot in Slack is known")

// opening is how long opening a form may take: its trigger lives for three seconds.
const opening = 2 * time.Second

// open opens the form that the result asks for.
func (o Options) open(ctx context.Context, result *Result) error {
	m := result.Modal
	if m == nil {
		return nil
	}
	err := ErrNoToken
	if o.OpenModal != nil {
		opening, stop := context.WithTimeout(ctx, opening)
		defer stop()
		err = o.OpenModal(opening, *m)
	}
	if err == nil {
		return nil
	}
	o.tell(ctx, result)
	if errors.Is(err, ErrNoToken) {
		result.Answer = result.Failed
		return nil
	}
	return ours("modal", "the form could not be opened: %w", err)
}

// tell says to somebody in Slack why nothing came of what they did.
func (o Options) tell(ctx context.Context, result *Result) {
	if o.Reply == nil || result.Untaken == "" || result.ReplyTo == "" {
		return
	}
	if err := o.Reply(ctx, result.ReplyTo, result.Untaken); err != nil {
		o.Logger.Warn("somebody in Slack could not be answered", "err", err)
	}
}

// taken returns what is answered where Said was taken as a command: Slack shows it to who wrote a slash
// command, and nothing of a message, a button or a form.
func (r *Result) taken() *Answer {
	if !r.Said.IsSlash() {
		return &Answer{}
	}
	return ephemeral("Working on it: the answer follows here.")
}

// bounds returns how much a source takes, and how long it may take.
func bounds(s Source) (bytes int, within time.Duration) {
	bytes, within = MaxBody, patience
	if l, ok := s.(interface{ Limit() int }); ok {
		bytes = l.Limit()
	}
	if p, ok := s.(interface{ Patience() time.Duration }); ok {
		within = p.Patience()
	}
	return bytes, within
}

func write(w http.ResponseWriter, a *Answer) {
	if a.ContentType != "" {
		w.Header().Set("Content-Type", a.ContentType)
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(a.Body) // the sender may have hung up
}

// refuse answers an error. What is ours stays with us: the sender learns only that another try may
// help.
func (o Options) refuse(w http.ResponseWriter, source Source, status int, err *Error) {
	o.note(source, err)
	text := err.Error()
	if err.Kind == Ours {
		text = "it could not be taken: send it again"
	}
	http.Error(w, text, status)
}

// note counts an error and logs it, of a kind the first and then one in a while; it holds neither a
// secret nor a text.
func (o Options) note(source Source, err *Error) {
	o.Refused(source.Name(), err.Reason)
	if left, ok := o.refusals.Allow(source.Name() + " " + err.Reason); ok {
		o.Logger.Warn(
			"a signal was refused",
			"source",
			source.Name(),
			"reason",
			err.Reason,
			"err",
			err,
			"others",
			left,
		)
	}
}

// fill fills in what is not set.
func (o *Options) fill() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Refused == nil {
		o.Refused = func(string, string) {}
	}
	if o.Confirm == nil {
		o.Confirm = func(ctx context.Context, url string) error { _, err := Fetch(ctx, url); return err }
	}
	o.refusals = &logs.Sampler{Every: quiet, Now: o.Now}
}
