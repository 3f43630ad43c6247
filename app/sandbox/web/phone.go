package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// The page of somebody's phone: it rings, shows texts, and has keys.

// Phones are people's phones. The forge must not be locked.
type Phones interface {
	// Press presses a key on the phone of somebody whom a call rings, and returns what it says then.
	Press(ctx context.Context, login, digit string) (said string, err error)
	// Tap taps a button of a push, and returns what came of it.
	Tap(ctx context.Context, login, id, button string) (said string, err error)
}

// phonePath is the pages' own address; /sandbox/phone/LOGIN leads to it.
const phonePath = "/_phone/"

// routePhones adds the pages.
func (p *server) routePhones(mux *http.ServeMux) {
	if p.phones == nil {
		return
	}
	mux.HandleFunc("GET "+phonePath+"{login}", p.show((*visit).phone))
	mux.HandleFunc("POST "+phonePath+"{login}", p.pressKey)
}

// phoneRow is a call, a text or a push.
type phoneRow struct {
	forge.PhoneEntry
	At momentView
}

// phonePage is what the page shows.
type phonePage struct {
	Login, Number string
	Ringing       *phoneRow // nil: nothing rings
	Rows          []phoneRow
	Keys          []phoneKey
	People        []string
}

// phoneKey is a key of the phone that may mean something.
type phoneKey struct{ Digit, Hint string }

// phoneOwners returns whose phones something reached.
func phoneOwners(f *forge.Forge) (logins []string) {
	for _, e := range f.Phones {
		if !slices.Contains(logins, e.Login) {
			logins = append(logins, e.Login)
		}
	}
	slices.Sort(logins)
	return logins
}

// phone shows somebody's phone, newest first.
func (v *visit) phone() (string, any, error) {
	u, ok := v.forge.FindUser(v.r.PathValue("login"))
	if !ok || u.Kind != forge.KindUser {
		return "", nil, forge.ErrNotFound
	}
	v.title, v.crumb, v.narrow = "Phone of "+u.Login, "Phone", true
	d := phonePage{Login: u.Login, Number: u.PhoneNumber(), People: phoneOwners(v.forge),
		Keys: []phoneKey{{"1", "coordinate"}, {"2", "pass on"}, {"3", "seen"}}}
	if e := v.forge.Ringing(u.Login); e != nil {
		d.Ringing = &phoneRow{*e, v.at(e.At)}
	}
	for _, e := range slices.Backward(v.forge.Phones) {
		if !strings.EqualFold(e.Login, u.Login) {
			continue
		}
		row := phoneRow{e, v.at(e.At)}
		d.Rows = append(d.Rows, row)
		if e.State == forge.PhoneRinging && d.Ringing == nil {
			d.Ringing = &row
		}
	}
	return "phone", d, nil
}

// pressKey presses a key or a button, which calls whoever called, with the forge not locked.
func (p *server) pressKey(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<10)
	login := r.PathValue("login")
	press := func() (string, error) { return p.phones.Press(r.Context(), login, r.PostFormValue("digit")) }
	if button := r.PostFormValue("button"); button != "" {
		press = func() (string, error) { return p.phones.Tap(r.Context(), login, r.PostFormValue("id"), button) }
	}
	_, err := press()
	if err == nil {
		http.Redirect(w, r, "/sandbox/phone/"+url.PathEscape(login), http.StatusSeeOther)
		return
	}
	p.forge.Lock()
	v := p.visit(w, r)
	v.flash = err.Error()
	status, body := v.render((*visit).phone)
	p.forge.Unlock()
	if status == http.StatusOK {
		status = http.StatusUnprocessableEntity
	}
	send(w, status, body, "")
}
