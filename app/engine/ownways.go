package engine

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Each person can say on a page of their own by which ways pages reach them (O3). What they say there counts in
// place of what the operator's secret has of them, from the first way that they verified on. It is kept sealed in
// the store, by the key that seals links, and never in the repository or in a log.
//
// Nobody signs in there: the page's link is sealed for one person and for a short time. It is offered where a
// test page was answered, which came by a way that is that person's already. For the first time the operator makes
// one and hands it over. So no password, no second account and no client secret of the App is needed, and the link
// is nowhere in public.

// waysPage is the key of the link to somebody's own page.
const waysPage = "ways"

const (
	waysLife   = time.Hour     // of the link that a test page offers
	ownPurpose = "own ways v1" // keeps another sealed text from being somebody's ways
	mostOwn    = 10            // ways of a person
	mostCodes  = 6             // codes and tests that leave for a person in an hour: they cost money
	codeLife   = 15 * time.Minute
	codeTries  = 5
)

// IsWays reports whether the token is of somebody's own page of ways.
func (t PageToken) IsWays() bool { return t.Page == waysPage }

// WaysPath returns the path of somebody's own page of ways, which lives as long as the link of a page. Only who
// knows the webhook's secrets can make it.
func WaysPath(secrets [][]byte, repo incident.Ref, login string, now time.Time) string {
	return AnswerPath + sealToken(mark.Keys(card.Keys(secrets)), PageToken{
		Ref: incident.Ref{Owner: repo.Owner, Repo: repo.Repo}, Page: waysPage, Login: login,
		Expires: now.UTC().Add(answerLife).Truncate(time.Second)})
}

// WaysLink returns where somebody whose test page this is says how pages reach them.
func (e *Engine) WaysLink(t PageToken) string {
	if !t.IsTest() {
		return ""
	}
	return e.answerLink(t.Ref, waysPage, t.Login, e.Clock.Now().Add(waysLife-answerLife))
}

// OwnWay is one way, with the address cut short, as its person sees it.
type OwnWay struct {
	Kind, Address string
	After         time.Duration
}

// OwnWays are somebody's ways as their page shows them.
type OwnWays struct {
	Ways    []OwnWay
	Pending *OwnWay // a code was sent by it, and is awaited; nil: none is
}

// ownWays are somebody's ways as they are sealed.
type ownWays struct {
	Ways    []sealedWay `json:"ways,omitempty"`
	Pending *sealedWay  `json:"pending,omitempty"`
	Code    string      `json:"code,omitempty"`
	Asked   time.Time   `json:"asked,omitzero"` // when the code was sent
	Tries   int         `json:"tries,omitempty"`
	Left    []time.Time `json:"left,omitempty"` // when codes and tests left in the last hour
}

// sealedWay is one way: its kind, and what package notify reads.
type sealedWay struct {
	Kind    string `json:"kind"`
	Address string `json:"address"`
	Token   string `json:"token,omitempty"`
	After   string `json:"after,omitempty"`
}

// text returns the way as the secret of the service people has it.
func (w sealedWay) text() ([]byte, error) {
	fields := map[string]string{w.Kind: w.Address}
	if w.Token != "" {
		fields["token"] = w.Token
	}
	if w.After != "" {
		fields["after"] = w.After
	}
	return json.Marshal(fields)
}

func (w sealedWay) shown() OwnWay {
	after, _ := time.ParseDuration(w.After)
	return OwnWay{Kind: w.Kind, Address: cutShort(w.Address), After: after}
}

// cutShort leaves of an address what its owner recognizes it by.
func cutShort(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	if name, host, ok := strings.Cut(address, "@"); ok && name != "" {
		return name[:1] + "…@" + host
	}
	if n := len(address); n > 6 {
		return address[:2] + "…" + address[n-2:]
	}
	return address
}

func ownKey(login string) string { return "ways/" + naming.Key(login) }

// loadOwn returns what somebody said of their ways.
func loadOwn(ctx context.Context, store Store, keys mark.Keys, login string) (own ownWays, err error) {
	sealed, err := store.Load(ctx, ownKey(login))
	if err != nil || len(sealed) == 0 {
		return own, err
	}
	text, ok := keys.Open(string(sealed))
	if ok {
		text, ok = strings.CutPrefix(text, ownPurpose+"\n"+naming.Key(login)+"\n")
	}
	if !ok {
		return own, errors.New("it was sealed by another webhook secret")
	}
	return own, json.Unmarshal([]byte(text), &own)
}

func (e *Engine) loadOwn(ctx context.Context, login string) (ownWays, error) {
	if e.Store == nil {
		return ownWays{}, errors.New("nothing is kept here")
	}
	own, err := loadOwn(ctx, e.Store, e.markKeys(), login)
	if err != nil {
		return own, fmt.Errorf("read the ways of %s: %w", login, err)
	}
	return own, nil
}

func (e *Engine) saveOwn(ctx context.Context, login string, own ownWays) error {
	text, err := json.Marshal(own)
	if err == nil {
		sealed := e.markKeys().Seal(ownPurpose + "\n" + naming.Key(login) + "\n" + string(text))
		err = e.Store.Save(ctx, ownKey(login), []byte(sealed))
	}
	if err != nil {
		return fmt.Errorf("keep the ways of %s: %w", login, err)
	}
	return nil
}

// ReadOwnWays returns what somebody said of their ways, as the secret of the service people has it; nil: nothing.
// It is what package notify reads.
func ReadOwnWays(store Store, secrets [][]byte) func(ctx context.Context, login string) ([]byte, error) {
	keys := mark.Keys(card.Keys(secrets))
	return func(ctx context.Context, login string) ([]byte, error) {
		own, err := loadOwn(ctx, store, keys, login)
		if err != nil || len(own.Ways) == 0 {
			return nil, err
		}
		var all []json.RawMessage
		for _, w := range own.Ways {
			text, err := w.text()
			if err != nil {
				return nil, err
			}
			all = append(all, text)
		}
		return json.Marshal(all)
	}
}

// ViewWays returns what somebody's own page shows. It changes nothing.
func (e *Engine) ViewWays(ctx context.Context, t PageToken) (v OwnWays, err error) {
	own, err := e.loadOwn(ctx, t.Login)
	if err != nil {
		return v, err
	}
	for _, w := range own.Ways {
		v.Ways = append(v.Ways, w.shown())
	}
	if own.Pending != nil && e.Clock.Now().Sub(own.Asked) < codeLife {
		pending := own.Pending.shown()
		v.Pending = &pending
	}
	return v, nil
}

// What can be said of a change of somebody's ways.
const (
	WaysSent     = "sent"     // a code left
	WaysVerified = "verified" // the way counts
	WaysWrong    = "wrong"    // the code is another one
	WaysExpired  = "expired"  // the code is too old, or was tried too often
	WaysRemoved  = "removed"
	WaysTested   = "tested"  // a test left
	WaysInvalid  = "invalid" // the address is of another kind
	WaysFailed   = "failed"  // the vendor did not take it
	WaysTooMany  = "many"
)

// AddWay sends a code by a new way of somebody. It counts once they said the code.
func (e *Engine) AddWay(ctx context.Context, t PageToken, kind, address, token string, after time.Duration) (
	string, error) {
	own, err := e.loadOwn(ctx, t.Login)
	if err != nil {
		return "", err
	}
	w := sealedWay{Kind: kind, Address: strings.TrimSpace(address), Token: strings.TrimSpace(token)}
	if after > 0 {
		w.After = after.String()
	}
	switch {
	case len(own.Ways) >= mostOwn:
		return WaysTooMany, nil
	case kind == "github" && !naming.Equal(strings.TrimPrefix(w.Address, "@"), t.Login):
		return WaysInvalid, nil // a mention of somebody else is theirs
	case kind == "github": // GitHub knows who it is
		own.Ways = append(own.Ways, w)
		e.tellOfChange(ctx, t)
		return WaysVerified, e.saveOwn(ctx, t.Login, own)
	}
	code, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return "", err
	}
	own.Pending, own.Code, own.Tries, own.Asked = &w, fmt.Sprintf("%06d", code), 0, e.Clock.Now().UTC()
	spoken := strings.Join(strings.Split(own.Code, ""), " ")
	return e.sendOwn(ctx, t, own, w, WaysSent, "Your code is "+spoken,
		"Write it on the page that you have open. If you have none open, somebody mistook your address: do nothing.")
}

// TestWay sends a test by one of somebody's ways.
func (e *Engine) TestWay(ctx context.Context, t PageToken, n int) (string, error) {
	own, err := e.loadOwn(ctx, t.Login)
	if err != nil || n < 0 || n >= len(own.Ways) {
		return WaysInvalid, err
	}
	return e.sendOwn(ctx, t, own, own.Ways[n], WaysTested, "This is a test that you asked for",
		"Pages reach you by this way.")
}

// sendOwn sends somebody something by a way of theirs that they are about to set or to test, and keeps what is said
// of it.
func (e *Engine) sendOwn(ctx context.Context, t PageToken, own ownWays, w sealedWay, done, title, text string) (
	string, error) {
	now := e.Clock.Now().UTC()
	own.Left = slices.DeleteFunc(own.Left, func(at time.Time) bool { return now.Sub(at) >= time.Hour })
	policy := e.policyOf(ctx, t.Ref)
	settings, ok := policy.Service(incident.ByPeople)
	reacher, canReach := e.Pager.(Reacher)
	written, err := w.text()
	switch {
	case err != nil || !ok || !canReach:
		return WaysFailed, err
	case len(own.Left) >= mostCodes:
		return WaysTooMany, nil
	case reacher.CheckWay(written) != nil:
		return WaysInvalid, nil
	}
	own.Left = append(own.Left, now)
	if err := e.saveOwn(ctx, t.Login, own); err != nil { // before it leaves: it counts whatever comes of it
		return "", err
	}
	p := Page{Ref: t.Ref, Key: fmt.Sprintf("%s/ways/%d/%s", t.Ref.FullName(), now.UnixNano(), naming.Key(t.Login)),
		To: []string{"@" + t.Login}, Title: title, Text: text, Service: settings, Others: policy.Services, Test: true}
	if err := reacher.ReachBy(ctx, p, t.Login, written); err != nil {
		e.Logger.Warn("what somebody asked for on their page of ways was not sent", "login", t.Login, "way", w.Kind,
			"err", err)
		return WaysFailed, nil
	}
	return done, nil
}

// VerifyWay takes the code that was sent by a new way, from which on the way counts.
func (e *Engine) VerifyWay(ctx context.Context, t PageToken, code string) (string, error) {
	own, err := e.loadOwn(ctx, t.Login)
	if err != nil {
		return "", err
	}
	if own.Pending == nil || e.Clock.Now().Sub(own.Asked) >= codeLife || own.Tries >= codeTries {
		return WaysExpired, nil
	}
	code = strings.Join(strings.Fields(code), "")
	if subtle.ConstantTimeCompare([]byte(code), []byte(own.Code)) != 1 {
		own.Tries++
		return WaysWrong, e.saveOwn(ctx, t.Login, own)
	}
	own.Ways = append(own.Ways, *own.Pending)
	own.Pending, own.Code = nil, ""
	e.tellOfChange(ctx, t)
	e.Logger.Info("somebody verified a way to reach them", "login", t.Login, "way", own.Ways[len(own.Ways)-1].Kind)
	return WaysVerified, e.saveOwn(ctx, t.Login, own)
}

// RemoveWay takes one of somebody's ways away.
func (e *Engine) RemoveWay(ctx context.Context, t PageToken, n int) (string, error) {
	own, err := e.loadOwn(ctx, t.Login)
	if err != nil || n < 0 || n >= len(own.Ways) {
		return WaysInvalid, err
	}
	e.tellOfChange(ctx, t)
	e.Logger.Info("somebody removed a way to reach them", "login", t.Login, "way", own.Ways[n].Kind)
	own.Ways = slices.Delete(own.Ways, n, n+1)
	return WaysRemoved, e.saveOwn(ctx, t.Login, own)
}

// tellOfChange says to somebody, by their ways as they are before it, that these change: whoever has their link
// could otherwise have their pages unnoticed.
func (e *Engine) tellOfChange(ctx context.Context, t PageToken) {
	policy := e.policyOf(ctx, t.Ref)
	settings, ok := policy.Service(incident.ByPeople)
	if !ok || e.Pager == nil {
		return
	}
	err := e.Pager.Page(ctx, Page{
		Ref: t.Ref, Test: true, To: []string{"@" + t.Login}, Service: settings, Others: policy.Services,
		Key: fmt.Sprintf("%s/ways/%d/%s/told", t.Ref.FullName(), e.Clock.Now().UnixNano(),
			naming.Key(t.Login)),
		Title: "The ways by which pages reach you were changed",
		Text:  "If that was not you, tell whoever runs Firebreak.",
	})
	if err != nil { // they may have had none
		e.Logger.Warn("somebody was not told that their ways changed", "login", t.Login, "err", ports.Redact(err))
	}
}
