package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// The page of states and faults, with which a person brings about what GitHub does on its bad days.
// It is made of the same lists as the addresses below /sandbox.

// Trouble is how a page brings states and faults about. The forge must not be locked.
type Trouble struct {
	State func(text []byte) error // as POST /sandbox/states
	Fault func(text []byte) error // as POST /sandbox/faults
	Mend  func()                  // as DELETE /sandbox/faults
	Holds func() []string         // the faults in force
}

// routeTrouble adds the page.
func (p *server) routeTrouble(mux *http.ServeMux) {
	if p.trouble == nil {
		return
	}
	mux.HandleFunc("GET /_states", p.show((*visit).troubles))
	mux.HandleFunc("POST /_states", p.makeTrouble)
}

// faultOffers are the faults that the page offers.
var faultOffers = []struct{ name, order string }{
	{"GitHub is away for 10 minutes", `{"outage":"10m"}`},
	{"The App's reads are 30 seconds behind", `{"match":"GET ","lag":"30s"}`},
	{"Webhooks come 160 minutes late", `{"webhook_delay":"160m"}`},
	{"The next 3 webhooks are lost", `{"drop_webhooks":3}`},
	{"The next 3 webhooks come twice", `{"duplicate_webhooks":3}`},
	{"Webhooks come in any order", `{"shuffle_webhooks":true}`},
	{"Looks at an issue are answered 404, until mended",
		`{"match":"GET .*/issues/\\d+$","status":404,"count":-1}`},
	{"The next comment is refused with 403", `{"match":"POST .*/comments$","status":403,"count":1}`},
	{"The next comment is written, and its answer lost",
		`{"match":"POST .*/comments$","status":502,"count":1,"applied":true}`},
	{"The hour's calls are spent for 5 minutes", `{"rate_limit":"primary","retry_after":"5m"}`},
	{"A secondary limit holds for 1 minute", `{"rate_limit":"secondary","retry_after":"1m"}`},
	{"GitHub's secondary limits are enforced", `{"limits":"github"}`},
	{"GitHub's clock is 90 seconds ahead", `{"skew":"90s"}`},
	{"Each call takes 2 seconds", `{"latency":"2s"}`},
}

// stateRow is a state that the page offers.
type stateRow struct {
	Key, Doc, Example string
	Fixed             bool // the example is the only value that there is
	Ends              bool // the empty value ends it
}

// faultRow is a fault that the page offers.
type faultRow struct{ Name, Order string }

// troublePage is what the page shows.
type troublePage struct {
	Holds  []string // what is so now
	Faults []string
	Groups []stateGroup
	Offers []faultRow
}

// stateGroup is the states of one kind of thing.
type stateGroup struct {
	Name string
	Rows []stateRow
}

// troubles shows what holds, and offers what can be brought about.
func (v *visit) troubles() (string, any, error) {
	v.title, v.crumb, v.narrow = "States and faults", "States and faults", true
	d := troublePage{Holds: v.forge.Conditions(), Faults: v.p.trouble.Holds(), Groups: []stateGroup{
		{Name: "The App's installation"}, {Name: "Repositories"}, {Name: "Issues and people"}}}
	for _, s := range forge.States {
		row := stateRow{Key: s.Key, Doc: s.Doc, Example: s.Example, Fixed: s.Example == `"acme"`,
			Ends: strings.Contains(s.Doc, `; ""`)}
		row.Doc, _, _ = strings.Cut(row.Doc, `; ""`)
		group := 2
		switch {
		case row.Fixed, s.Key == "permissions", s.Key == "token_life":
			group = 0
			row.Example = strings.Replace(row.Example, "acme", v.forge.Org.Login, 1)
		case !strings.Contains(s.Example, "#") && strings.Contains(s.Example, "acme"):
			group = 1
		}
		d.Groups[group].Rows = append(d.Groups[group].Rows, row)
	}
	for _, o := range faultOffers {
		d.Offers = append(d.Offers, faultRow{o.name, o.order})
	}
	return "states", d, nil
}

// makeTrouble does what a button of the page says. What can't be is told on the page again.
func (p *server) makeTrouble(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	var err error
	switch value := strings.TrimSpace(r.PostFormValue("value")); r.PostFormValue("do") {
	case "mend":
		p.trouble.Mend()
	case "fault":
		err = p.trouble.Fault([]byte(value))
	case "end":
		value = `""`
		fallthrough
	case "state":
		if !json.Valid([]byte(value)) { // whoever writes acme/web means a text
			value = quoteJSON(value)
		}
		err = p.trouble.State([]byte("{" + quoteJSON(r.PostFormValue("key")) + ":" + value + "}"))
	default:
		err = fmt.Errorf("the page has no button %q", r.PostFormValue("do"))
	}
	if err == nil {
		http.Redirect(w, r, "/_states", http.StatusSeeOther)
		return
	}
	p.forge.Lock()
	v := p.visit(w, r)
	v.flash = err.Error()
	_, body := v.render((*visit).troubles)
	p.forge.Unlock()
	send(w, http.StatusUnprocessableEntity, body, "")
}

// quoteJSON writes a text as JSON.
func quoteJSON(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		return `""` // no text fails to be written
	}
	return string(quoted)
}
