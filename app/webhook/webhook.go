// Package webhook turns a signed delivery of GitHub's into a message, or into nothing.
//
// It links neither a client nor a key, so that what the world can reach is small: it verifies,
// decides from the payload alone whether anybody needs to look, stores, and answers.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/admission"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/logs"
)

// MaxBody is the size of the largest payload that GitHub sends, in bytes.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
const MaxBody = 25 << 20

// ordinary is a size that few payloads exceed, in bytes.
const ordinary = 64 << 10

// patience is how long a body may take: GitHub waits ten seconds for the answer to a delivery.
// https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks#respond-within-10-seconds
const patience = 10 * time.Second

// quiet is the time between two lines of the log about refusals of a kind, so that a stranger can't
// fill the disk.
const quiet = 10 * time.Second

// Options are what an endpoint needs.
type Options struct {
	Secrets [][]byte // the webhook's secret, and the one before while rotating
	AppID   int64
	// the app's own login, or "" while it isn't known; nil: it never is
	Login func() string
	// IsChatty has comments without commands passed on, for the incidents' channels in Slack.
	IsChatty bool
	Enqueue  func(context.Context, incident.Message) error // returns once the message is stored
	Now      func() time.Time                              // the product's clock; nil: the real one
	// counts what was not taken: "signature", "size", "format" or "store"; nil: nobody does
	Refused func(reason string)
	Logger  *slog.Logger

	refusals *logs.Sampler
}

// Handler returns the endpoint. It is an error to have no secret.
func Handler(o Options) (http.Handler, error) {
	if len(o.Secrets) == 0 {
		return nil, errors.New("webhook: a secret is required: without it anybody could send commands")
	}
	for _, s := range o.Secrets {
		if len(s) == 0 {
			return nil, errors.New("a webhook secret is empty")
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Refused == nil {
		o.Refused = func(string) {}
	}
	o.refusals = &logs.Sampler{Every: quiet, Now: o.Now}
	return http.HandlerFunc(o.serve), nil
}

func (o Options) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "method not allowed: use POST", http.StatusMethodNotAllowed)
		return
	}
	if !looksSigned(r.Header.Get("X-Hub-Signature-256")) { // nothing is read of what nobody can have signed
		o.refuseSignature(w, r)
		return
	}
	if r.ContentLength > MaxBody {
		o.Refused("size")
		http.Error(w, "GitHub sends no payload of this size", http.StatusRequestEntityTooLarge)
		return
	}
	admission.ReadWithin(w, patience)
	body, done, err := read(http.MaxBytesReader(w, r.Body, MaxBody), r.ContentLength)
	defer done()
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		o.Refused("size")
		http.Error(w, "GitHub sends no payload of this size", http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		o.Refused("size")
		http.Error(w, "the body broke off", http.StatusBadRequest)
		return
	case !Signed(body, r.Header.Get("X-Hub-Signature-256"), o.Secrets):
		o.refuseSignature(w, r)
		return
	}
	event := r.Header.Get("X-GitHub-Event")
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); event == "" || err != nil ||
		kind != "application/json" {
		o.Refused("format")
		http.Error(
			w,
			"not a webhook as GitHub sends it: X-GitHub-Event and the content type application/json are needed",
			http.StatusBadRequest,
		)
		return
	}
	self := Self{AppID: o.AppID, IsChatty: o.IsChatty}
	if o.Login != nil {
		self.Login = o.Login()
	}
	m, relevant, err := Decide(event, body, self)
	if err != nil {
		o.Refused("format")
		http.Error(w, logs.Text(err.Error(), 500), http.StatusBadRequest)
		return
	}
	if m.Why == "issues.deleted" || m.Why == "issues.transferred" {
		o.Logger.Info("issue gone", "incident", m.Ref.String(), "why", m.Why)
	}
	if relevant {
		m.Delivery = deliveryOf(r)
		if m.Floor != nil {
			m.Floor.Received = o.Now().UTC()
		}
		if err := o.Enqueue(r.Context(), m); err != nil {
			o.Refused("store")
			// GitHub keeps what failed, so that it can be delivered again.
			o.Logger.Error(
				"a webhook could not be stored",
				"incident",
				m.Ref.String(),
				"delivery",
				m.Delivery,
				"err",
				err,
			)
			http.Error(w, "it could not be stored: deliver it again", http.StatusServiceUnavailable)
			return
		}
	}
	w.WriteHeader(http.StatusAccepted)
}

// refuseSignature answers a request that nobody signed who knows the secret. Of what it says
// nothing is logged.
func (o Options) refuseSignature(w http.ResponseWriter, r *http.Request) {
	o.Refused("signature")
	if left, ok := o.refusals.Allow("signature"); ok {
		o.Logger.Warn("webhooks refused: the signature does not fit", "from", r.RemoteAddr, "others", left)
	}
	http.Error(w, "the signature does not fit", http.StatusUnauthorized)
}

// signatureForm is what a signature looks like.
var signatureForm = lazily.Compile(`^sha256=[0-9a-fA-F]{64}$`)

func looksSigned(header string) bool { return signatureForm.MatchString(header) }

// deliveryForm is what the ids of deliveries look like.
var deliveryForm = lazily.Compile(`^[0-9A-Za-z-]{1,64}$`)

// deliveryOf returns a delivery's id. GitHub does not sign the header in which it comes, so what is
// no id becomes one: it is stored, and logged.
func deliveryOf(r *http.Request) string {
	id := r.Header.Get("X-GitHub-Delivery")
	if id == "" || deliveryForm.MatchString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "odd-" + hex.EncodeToString(sum[:16])
}

// bodies keep the memory of bodies that were read: nothing of a body is kept but copies.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// read reads a body whole and returns it with a function that releases its memory. What the sender says of its
// length spares growing, but is not believed beyond an ordinary one.
func read(from io.Reader, length int64) (body []byte, done func(), err error) {
	b := bodies.Get().(*bytes.Buffer)
	b.Reset()
	b.Grow(int(min(max(length, 0), ordinary)) + bytes.MinRead)
	_, err = b.ReadFrom(io.LimitReader(from, admission.MidBytes+1))
	if err == nil && b.Len() > admission.MidBytes {
		b.Grow(
			int(min(max(length-int64(b.Len()), 0), MaxBody)) + bytes.MinRead,
		) // it was given room for a large one: once is enough
		_, err = b.ReadFrom(from)
	}
	return b.Bytes(), func() {
		if b.Cap() <= 2*ordinary {
			bodies.Put(b)
		}
	}, err
}

// Signed reports whether header is the SHA-256 signature of body under one of the secrets. Both are
// tried in full, in constant time; SHA-1 is not taken.
func Signed(body []byte, header string, secrets [][]byte) bool {
	given, err := hex.DecodeString(strings.TrimPrefix(header, "sha256="))
	if err != nil || !strings.HasPrefix(header, "sha256=") {
		return false
	}
	ok := false
	for _, s := range secrets {
		mac := hmac.New(sha256.New, s)
		mac.Write(body)
		ok = hmac.Equal(mac.Sum(nil), given) || ok
	}
	return ok
}
