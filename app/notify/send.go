package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/app/wait"
)

const (
	// for a message with all its attempts: nothing may hold up the incident for long
	timeout = 10 * time.Second
	retries = 2
	pause   = 500 * time.Millisecond // before the first retry, then doubled
	// the longest wait in here; who asks for more is tried again by the caller
	patient = 2 * time.Second

	maxAnswer = 64 << 10 // bytes read of an answer
)

// Error is what could not be sent, and why. Its text holds no secret and no address that contains
// one.
type Error struct {
	kind      string // of the service
	text      string
	log       string // what a log may hold of it; empty: text
	temporary bool
	after     time.Duration
	reached   []string
	cause     error // the context's, or nil: any other cause could print what this text leaves out
}

func (e *Error) Error() string { return "send by " + e.kind + ": " + e.text }

// LogValue leaves out what the receiver answered: it may repeat what it was sent, which no log may
// hold (A7).
func (e *Error) LogValue() slog.Value {
	return slog.StringValue("send by " + e.kind + ": " + cmp.Or(e.log, e.text))
}

// Unwrap returns context.DeadlineExceeded or context.Canceled where one of them was the cause.
func (e *Error) Unwrap() error { return e.cause }

// Temporary reports whether sending the same again may help: after a timeout, a refused connection,
// 429 or 5xx, but not where the service said that the key or the message is wrong.
func (e *Error) Temporary() bool { return e.temporary }

// RetryAfter returns how long the service asked us to wait; 0 if it did not say.
func (e *Error) RetryAfter() time.Duration { return e.after }

// Reached lists those of several receivers who have the message all the same, by the service's own
// names.
func (e *Error) Reached() []string { return e.reached }

func final(kind, text string) *Error { return &Error{kind: kind, text: text} }

func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// each sends to several receivers at once: none waits for another, and one that fails does not keep
// it from the others.
func each(kind string, receivers []string, send func(receiver string) error) error {
	errs := make([]error, len(receivers))
	var sent sync.WaitGroup
	for i, r := range receivers {
		sent.Go(func() { errs[i] = send(r) })
	}
	sent.Wait()
	err := sum(kind, errs)
	var e *Error
	if errors.As(err, &e) {
		for i, r := range receivers {
			if errs[i] == nil {
				e.reached = append(e.reached, r)
			}
		}
	}
	return err
}

// sum makes one error of several: sending again may help if it may for one of them.
func sum(kind string, errs []error) error {
	var texts, logs []string
	total := &Error{kind: kind}
	for _, err := range errs {
		var e *Error
		if !errors.As(err, &e) {
			continue
		}
		texts, logs = append(texts, e.text), append(logs, cmp.Or(e.log, e.text))
		total.temporary = total.temporary || e.temporary
		total.after = max(total.after, e.after)
		total.cause = cmp.Or(total.cause, e.cause)
	}
	if len(texts) == 0 {
		return nil
	}
	total.text, total.log = strings.Join(texts, "; "), strings.Join(logs, "; ")
	return total
}

type dryKey struct{}

// Dry returns a context in which pages and announcements are prepared, with every secret and target
// that they need, and not sent: an error is what would keep them from it.
func Dry(ctx context.Context) context.Context { return context.WithValue(ctx, dryKey{}, true) }

// send tries to send one message, and again where that may help and doesn't take long. What hide
// lists appears in no error.
func (n *Notifier) send(
	ctx context.Context,
	kind string,
	hide []string,
	try func(context.Context) error,
) error {
	if ctx.Value(dryKey{}) != nil {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	for attempt := 0; ; attempt++ {
		x := &exchange{}
		err := try(context.WithValue(ctx, exchangeKey{}, x))
		if err != nil && ctx.Err() != nil {
			err = ctx.Err() // a library may only know that its connection was closed
		}
		e := judge(kind, x, err, hide)
		if e == nil {
			return nil
		}
		rest := max(pause<<attempt, e.after)
		if !e.temporary || attempt == retries || rest > patient {
			return e
		}
		select {
		case <-ctx.Done():
			return e
		case <-time.After(rest):
		}
	}
}

// judge returns the error of an attempt, or nil: by the answer itself, because the vendors'
// libraries keep some of it to themselves, and some take a redirect for success.
func judge(kind string, x *exchange, err error, hide []string) *Error {
	e := &Error{kind: kind}
	var own *Error
	switch {
	case x.status != 0 && (x.status < 200 || x.status > 299):
		e.temporary = x.status == http.StatusTooManyRequests || x.status == http.StatusRequestTimeout ||
			x.status >= 500
		e.after = x.after
		e.log = fmt.Sprintf("the receiver answers %d %s", x.status, http.StatusText(x.status))
		e.text = strings.TrimSuffix(fmt.Sprintf("%s: %s", e.log, x.body), ": ")
	case err == nil:
		return nil
	case errors.As(err, &own):
		*e = *own
	case errors.Is(err, context.DeadlineExceeded):
		e.text, e.temporary, e.cause = "no answer within "+timeout.String(), true, context.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		e.text, e.temporary, e.cause = "stopped before there was an answer", true, context.Canceled
	default:
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // its text would print the address
		}
		var certificate *tls.CertificateVerificationError
		e.temporary = !errors.Is(err, errNotPublic) && !errors.As(err, &certificate)
		e.text = err.Error()
	}
	e.text = texts.Truncate(texts.Squeeze(scrub(e.text, hide)), 300)
	return e
}

// scrub takes secrets out of a text, in the shapes in which a service or a library may repeat them.
func scrub(text string, hide []string) string {
	var pairs []string
	for _, s := range hide {
		shapes := []string{
			s,
			url.QueryEscape(s),
			url.PathEscape(s),
			base64.StdEncoding.EncodeToString([]byte(s)),
		}
		if u, err := url.Parse(s); err == nil && u.Host != "" {
			shapes = append(shapes, u.Redacted(), u.Path, u.RawQuery, u.Fragment)
			if password, ok := u.User.Password(); ok {
				shapes = append(
					shapes,
					password,
					url.QueryEscape(password),
					base64.StdEncoding.EncodeToString([]byte(password)),
					base64.StdEncoding.EncodeToString([]byte("\x00"+u.User.Username()+"\x00"+password)),
				)
			}
		}
		for _, shape := range shapes {
			if len(shape) > 1 {
				pairs = append(pairs, shape, "[hidden]")
			}
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// exchange is what an attempt brought back by HTTP, whatever the vendor's library makes of it.
type exchange struct {
	status int
	after  time.Duration
	body   []byte
}

type exchangeKey struct{}

// watch notes the answer in the exchange that the context carries.
type watch struct{ next http.RoundTripper }

func (w watch) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	if x, ok := r.Context().Value(exchangeKey{}).(*exchange); ok {
		*x = exchange{status: res.StatusCode, after: retryAfter(res.Header.Get("Retry-After")), body: body}
	}
	return res, nil
}

// longestAfter is how long a service may ask to be left alone.
const longestAfter = time.Hour

// retryAfter reads the header.
func retryAfter(header string) time.Duration {
	d, _ := wait.RetryAfter(header, time.Now(), longestAfter)
	return d
}
