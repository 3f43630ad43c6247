package simulation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// letter is a webhook on its way.
type letter struct {
	due    time.Time
	header http.Header
	body   []byte
	issue  int    // number of the issue that it is about
	path   string // where a source's report goes; empty: a webhook
}

// to returns the product's address that a letter goes to.
func (l letter) to() string {
	if l.path != "" {
		return l.path
	}
	return "/webhook"
}

// isTaken reports whether the product took a letter: what came of an answer to a page that is over by now is said
// to whoever gave it.
func (l letter) isTaken(status int) bool {
	return status < 300 || strings.HasPrefix(l.path, engine.AnswerPath) && status < 500
}

// post takes what is sent: webhooks, and what goes to people outside.
func (w *world) post(rw http.ResponseWriter, r *http.Request) {
	if w.reach != nil && w.reach.take(rw, r) {
		return
	}
	if r.URL.Path != "/webhook" && w.busy != nil {
		w.receive(rw, r)
		return
	}
	if r.URL.Path != "/webhook" {
		w.pages.Tee(w.box.Handler()).ServeHTTP(rw, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	rw.WriteHeader(w.deliver(letter{due: w.box.Clock().Now(), header: r.Header.Clone(), body: body}))
}

// neverCame is how long a webhook that is lost may keep the product from hearing of what it is
// about: nothing else may happen there.
const neverCame = 24 * time.Hour

// decodeMember decodes what follows the first such key of a payload. A text can't hold the key, as its quotes
// are escaped, and of a payload with a card in it these three are a small part.
func decodeMember(payload []byte, key string, v any) {
	if at := bytes.Index(payload, []byte(key)); at >= 0 {
		_ = json.NewDecoder(bytes.NewReader(payload[at+len(key):])).Decode(v)
	}
}

// deliver takes one webhook, and returns the answer to it.
func (w *world) deliver(l letter) int {
	var p struct {
		Action string
		Issue  struct{ Number int }
		Sender struct{ Login string }
	}
	decodeMember(l.body, `"action":`, &p.Action)
	decodeMember(l.body, `"issue":`, &p.Issue)
	decodeMember(l.body, `"sender":`, &p.Sender)
	l.issue = p.Issue.Number
	w.net.mu.Lock()
	defer w.net.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.disk.full() { // nobody is there to take it
		w.net.deaf[l.issue] = append(w.net.deaf[l.issue], span{w.box.Clock().Now(), l.due.Add(neverCame)})
		return http.StatusServiceUnavailable
	}
	c := w.net.count(fmt.Sprintf("webhook %s.%s of %d by %s", l.header.Get("X-GitHub-Event"), p.Action, p.Issue.Number, p.Sender.Login))
	x := w.net.random(c)
	isEdit := p.Action == "edited" && !strings.HasSuffix(p.Sender.Login, "[bot]")
	if !isEdit {
		l.due = l.due.Add(w.delayed)
	}
	what := x >> 20 % 5
	switch {
	case c == w.fated:
		what = w.fate
	case x%1000 >= w.hooks:
		w.mail = append(w.mail, l)
		return http.StatusAccepted
	case isEdit:
		what = 1 // the timeline does not tell of an edit, so one that is known late counts late
	}
	switch what {
	case 0:
		w.net.tell("not delivered: %s, time %d", c.name, c.n)
		w.net.deaf[l.issue] = append(w.net.deaf[l.issue], span{w.box.Clock().Now(), l.due.Add(neverCame)})
		return http.StatusBadGateway
	case 1:
		w.net.tell("twice: %s, time %d", c.name, c.n)
		w.mail = append(w.mail, l, l)
	case 2:
		w.net.tell("before those in front of it: %s, time %d", c.name, c.n)
		w.mail = append([]letter{l}, w.mail...)
	default:
		late := time.Duration(1+x>>40%90) * time.Minute
		w.net.tell("late by %s: %s, time %d", late, c.name, c.n)
		w.net.deaf[l.issue] = append(w.net.deaf[l.issue], span{w.box.Clock().Now(), l.due.Add(late)})
		l.due = l.due.Add(late)
		w.mail = append(w.mail, l)
	}
	return http.StatusAccepted
}

// arrived takes out the webhooks that are due.
func (w *world) arrived(now time.Time) (due []letter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mail = slices.DeleteFunc(w.mail, func(l letter) bool {
		if l.due.After(now) {
			return false
		}
		due = append(due, l)
		return true
	})
	return due
}

// next is the earliest of the product's next time and the webhooks'.
func (w *world) next(at time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.mail {
		if at.IsZero() || l.due.Before(at) {
			at = l.due
		}
	}
	return at
}

// hand hands the product something, again if its process ended in between.
func (w *world) hand(path string, header http.Header, body []byte) error {
	for {
		rec := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
		req.Header = header.Clone()
		w.product.Handler().ServeHTTP(rec, req)
		if w.life.Err() != nil {
			w.crashed[w.lives] = w.box.Clock().Now()
			w.restart()
			continue
		}
		if !(letter{path: path}).isTaken(rec.Code) {
			return fmt.Errorf("the product answers %d to %s: %s", rec.Code, path, rec.Body)
		}
		return nil
	}
}
