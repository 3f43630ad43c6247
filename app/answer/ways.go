package answer

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/firebreak-dev/firebreak/app/admission"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/templates"
)

// waysSaid are what the page of somebody's ways says of what was just asked for.
var waysSaid = []string{engine.WaysSent, engine.WaysVerified, engine.WaysWrong, engine.WaysExpired, engine.WaysRemoved,
	engine.WaysTested, engine.WaysInvalid, engine.WaysFailed, engine.WaysTooMany}

// longestAfter is how many minutes after a page a way may be used.
const longestAfter = 60

// showWays shows by which ways pages reach somebody.
func (o Options) showWays(w http.ResponseWriter, r *http.Request, t engine.PageToken, status int) {
	v, err := o.Engine.ViewWays(r.Context(), t)
	page := templates.WaysPage{Login: t.Login, Repository: t.Ref.FullName(), Expires: t.Expires,
		Failed: err != nil || status != http.StatusOK}
	if err != nil {
		o.Logger.Error("somebody's ways can't be shown", "login", t.Login, "err", err)
		status = http.StatusServiceUnavailable
	}
	for _, one := range v.Ways {
		page.Ways = append(page.Ways, templates.WayRow(one))
	}
	if v.Pending != nil {
		pending := templates.WayRow(*v.Pending)
		page.Pending = &pending
	}
	if said := r.URL.Query().Get("said"); status == http.StatusOK && slices.Contains(waysSaid, said) {
		page.Said = said
	}
	var body bytes.Buffer
	if err := templates.WriteWaysPage(&body, page); err != nil {
		o.Logger.Error("the page of somebody's ways can't be written", "err", err)
		http.Error(w, "the page can't be written", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // who reads it may have hung up
}

// changeWays does what somebody asks for on the page of their ways, and leads back to it.
func (o Options) changeWays(w http.ResponseWriter, r *http.Request, t engine.PageToken, refuse func(string)) {
	admission.ReadWithin(w, arriving)
	r.Body = http.MaxBytesReader(w, r.Body, 2*maxForm)
	if err := r.ParseForm(); err != nil {
		refuse("form")
		http.Error(w, "the form can't be read", http.StatusBadRequest)
		return
	}
	form := r.PostForm
	n, errN := strconv.Atoi(form.Get("n"))
	if errN != nil {
		n = -1
	}
	var said string
	var err error
	switch form.Get("do") {
	case "add":
		minutes, errAfter := strconv.Atoi(form.Get("after"))
		if errAfter != nil || minutes < 0 || minutes > longestAfter {
			said = engine.WaysInvalid
			break
		}
		said, err = o.Engine.AddWay(r.Context(), t, form.Get("kind"), form.Get("address"), form.Get("token"),
			time.Duration(minutes)*time.Minute)
	case "verify":
		said, err = o.Engine.VerifyWay(r.Context(), t, form.Get("code"))
	case "test":
		said, err = o.Engine.TestWay(r.Context(), t, n)
	case "remove":
		said, err = o.Engine.RemoveWay(r.Context(), t, n)
	default:
		refuse("form")
		http.Error(w, "the form asks for nothing: open the link again", http.StatusBadRequest)
		return
	}
	if err != nil {
		o.Logger.Error("somebody's ways were not changed", "login", t.Login, "err", err)
		o.showWays(w, r, t, http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Location", "?"+url.Values{"said": {said}}.Encode())
	w.WriteHeader(http.StatusSeeOther)
}
