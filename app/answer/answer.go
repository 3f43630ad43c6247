// Package answer serves the page on which somebody who was paged answers without a login (I8): by the
// link of the page, on a phone, without a script. To read it changes nothing, since mail servers and
// chats read links before people do; only its buttons, which are posted, answer.
package answer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/admission"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/logs"
	"github.com/firebreak-dev/firebreak/templates"
)

// Engine is what the page needs of the engine.
type Engine interface {
	ReadToken(token string) (engine.PageToken, error)
	ViewPage(ctx context.Context, t engine.PageToken) engine.PageView
	TakeAnswer(ctx context.Context, t engine.PageToken, how, via string) error
	TakeCallback(ctx context.Context, t engine.PageToken, token, vendor string, form url.Values,
		signature string) (how string, err error)
	TestStatus(ctx context.Context, token string) (status []byte, ok bool, err error)
	WaysLink(t engine.PageToken) string
	ViewWays(ctx context.Context, t engine.PageToken) (engine.OwnWays, error)
	AddWay(ctx context.Context, t engine.PageToken, kind, address, token string, after time.Duration) (said string,
		err error)
	VerifyWay(ctx context.Context, t engine.PageToken, code string) (said string, err error)
	TestWay(ctx context.Context, t engine.PageToken, n int) (said string, err error)
	RemoveWay(ctx context.Context, t engine.PageToken, n int) (said string, err error)
}

const (
	maxToken = 600 // characters; a token with the longest names has less
	maxForm  = 1 << 10
	// of a vendor's callback; Twilio's has some 20 short fields
	maxCallback = 16 << 10
	arriving    = 5 * time.Second // how long a form may take to arrive
	quiet       = 10 * time.Second
	// mostRefreshes is how often the page looks what came of an answer.
	mostRefreshes = 8
)

// Options are what the page needs.
type Options struct {
	Engine Engine
	Now    func() time.Time
	Logger *slog.Logger
	// Answered counts an answer that was stored, by what it is.
	Answered func(how string)
	// Refused counts a request that was turned away, by why.
	Refused func(reason string)
}

// Handler serves the pages at engine.AnswerPath. A gateway may leave a base path or a stage before
// that.
func Handler(o Options) http.Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	refusals := &logs.Sampler{Every: quiet, Now: o.Now}
	refuse := func(reason string) {
		if o.Refused != nil {
			o.Refused(reason)
		}
		if left, ok := refusals.Allow(reason); ok {
			o.Logger.Warn("a page's link was refused", "reason", reason, "others", left)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protect(w.Header())
		token := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		if len(token) > maxToken {
			token = ""
		}
		t, err := o.Engine.ReadToken(token)
		switch {
		case errors.Is(err, engine.ErrTokenExpired):
			refuse("expired")
			o.write(w, http.StatusGone, templates.AnswerPage{State: "expired", Incident: nameOf(t.Ref)})
			return
		case err != nil && o.showStatus(w, r, token):
			return
		case err != nil:
			refuse("token")
			o.write(w, http.StatusNotFound, templates.AnswerPage{State: "unknown"})
			return
		}
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			if t.IsWays() {
				o.showWays(w, r, t, http.StatusOK)
				return
			}
			o.show(w, r, t)
		case http.MethodPost:
			if t.IsWays() {
				o.changeWays(w, r, t, refuse)
				return
			}
			if vendor := r.URL.Query().Get("way"); vendor != "" {
				o.takeCallback(w, r, t, token, vendor, refuse)
				return
			}
			o.take(w, r, t, refuse)
		default:
			w.Header().Set("Allow", "GET, HEAD, POST")
			http.Error(w, "the page is read, and its buttons are posted", http.StatusMethodNotAllowed)
		}
	})
}

// protect keeps the token from leaking and the page from being framed, stored or scripted.
func protect(h http.Header) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "+
			"frame-ancestors 'none'; base-uri 'none'")
}

// showStatus answers the operator who asks what came of the tests, and reports whether it is one.
func (o Options) showStatus(w http.ResponseWriter, r *http.Request, token string) bool {
	status, ok, err := o.Engine.TestStatus(r.Context(), token)
	switch {
	case !ok:
		return false
	case err != nil:
		o.Logger.Error("what came of the tests can't be read", "err", err)
		http.Error(w, "what is kept can't be read", http.StatusServiceUnavailable)
		return true
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(status) // who asks may have hung up
	return true
}

// show shows the page, and what was answered on it just now.
func (o Options) show(w http.ResponseWriter, r *http.Request, t engine.PageToken) {
	page := o.page(r.Context(), t)
	query := r.URL.Query()
	if how := query.Get("said"); slices.Contains(incident.PageAnswers, how) {
		page.Answer = how
		tries := len(query.Get("n"))
		if how == incident.AnswerCoordinate && !page.IsIC() && !page.IsOver() && tries < mostRefreshes {
			page.Refresh = "?said=" + how + "&n=" + strings.Repeat("x", tries+1)
		}
	}
	o.write(w, http.StatusOK, page)
}

// take takes an answer, and leads back to the page, so that reading it again repeats nothing.
func (o Options) take(w http.ResponseWriter, r *http.Request, t engine.PageToken, refuse func(string)) {
	admission.ReadWithin(w, arriving)
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	how := ""
	if err := r.ParseForm(); err == nil {
		how = r.PostForm.Get("answer")
	}
	if !slices.Contains(incident.PageAnswers, how) {
		refuse("form")
		http.Error(w, "the form has no answer: open the link again", http.StatusBadRequest)
		return
	}
	via := incident.ViaLink
	if r.URL.Query().Get("via") == "ntfy" { // the button of a message is the person's own, as the link is
		via = "ntfy"
	}
	if err := o.Engine.TakeAnswer(r.Context(), t, how, via); err != nil {
		o.Logger.Error("an answer was not stored", "incident", t.Ref.String(), "page", t.Page, "err", err)
		page := o.page(r.Context(), t)
		page.State = "failed"
		o.write(w, http.StatusServiceUnavailable, page)
		return
	}
	if o.Answered != nil {
		o.Answered(how)
	}
	w.Header().Set("Location", "?"+url.Values{"said": {how}}.Encode())
	w.WriteHeader(http.StatusSeeOther)
}

// takeCallback takes what a vendor says that somebody answered: a key of the phone, or a message that
// was confirmed.
func (o Options) takeCallback(w http.ResponseWriter, r *http.Request, t engine.PageToken, token, vendor string,
	refuse func(string)) {
	admission.ReadWithin(w, arriving)
	r.Body = http.MaxBytesReader(w, r.Body, maxCallback)
	if err := r.ParseForm(); err != nil {
		refuse("form")
		http.Error(w, "the form can't be read", http.StatusBadRequest)
		return
	}
	how, err := o.Engine.TakeCallback(r.Context(), t, token, vendor, r.PostForm, r.Header.Get("X-Twilio-Signature"))
	switch {
	case errors.Is(err, engine.ErrNotVerified):
		refuse("signature")
		http.Error(w, "the signature does not fit", http.StatusForbidden)
		return
	case err != nil:
		o.Logger.Error("an answer was not stored", "incident", t.Ref.String(), "page", t.Page, "err", err)
		http.Error(w, "it could not be stored: send it again", http.StatusServiceUnavailable)
		return
	}
	if how != "" && o.Answered != nil {
		o.Answered(how)
	}
	if vendor != engine.WayCall {
		w.WriteHeader(http.StatusOK)
		return
	}
	script, err := templates.CallAnswered(how)
	if how != "" && t.IsTest() {
		script, err = templates.CallTested()
	}
	if err != nil {
		o.Logger.Error("what a phone says can't be written", "err", err)
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = w.Write([]byte(script)) // who called may have hung up
}

// page returns the page of a link.
func (o Options) page(ctx context.Context, t engine.PageToken) templates.AnswerPage {
	v := o.Engine.ViewPage(ctx, t)
	page := templates.AnswerPage{State: "open", Login: t.Login, Incident: nameOf(t.Ref), Title: v.Title,
		Why: v.Why, Drill: v.Drill, Expires: t.Expires, Brief: v.Brief}
	if t.IsTest() {
		page.Incident, page.Test, page.Title = "", t.Ref.FullName(), "This is a test"
		page.WaysLink = o.Engine.WaysLink(t)
	}
	if u, err := url.Parse(v.URL); err == nil && (u.Scheme == "https" || u.Scheme == "http") {
		page.URL = v.URL
	}
	if b := v.Brief; b != nil {
		page.Severity = b.State.Severity
		if b.State.Confirmed == nil {
			page.Severity = strings.TrimSpace("unconfirmed " + b.State.Claimed)
		}
	}
	return page
}

// nameOf returns an incident's name; empty: it has no number yet.
func nameOf(ref incident.Ref) string {
	if ref.Number == 0 {
		return ""
	}
	return ref.String()
}

func (o Options) write(w http.ResponseWriter, status int, page templates.AnswerPage) {
	var body bytes.Buffer
	if err := templates.WriteAnswerPage(&body, page); err != nil {
		o.Logger.Error("the page of a link can't be written", "err", err)
		http.Error(w, fmt.Sprintf("answer on the issue %s: /ic", page.Incident), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // who reads it may have hung up
}
