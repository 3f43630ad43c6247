package engine_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// pagesPeople has the escalation page two people by name.
const pagesPeople = `pager: webhook
escalation: {steps: [{to: ["@carol"]}, {after: 5m, to: ["@dan"]}]}
`

// linksOf returns the links of the pages that left, by who was paged, the newest page's.
func (w *world) linksOf() map[string]string {
	w.t.Helper()
	links := map[string]string{}
	for _, e := range w.sandbox.Outbox() {
		for who, link := range e.Links {
			links[strings.TrimPrefix(who, "@")] = link
		}
	}
	return links
}

// request makes a request as a phone does, which follows no redirect here.
func (w *world) request(method, address, form string) (status int, head http.Header, body string) {
	w.t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(form))
	if err != nil {
		w.t.Fatal(err)
	}
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(text)
}

// answers presses a button of a link's page.
func (w *world) answers(link, how string) {
	w.t.Helper()
	status, head, body := w.request("POST", link, url.Values{"answer": {how}}.Encode())
	if status != http.StatusSeeOther || head.Get("Location") != "?said="+how {
		w.t.Fatalf("%s: %d %s %s", how, status, head.Get("Location"), body)
	}
	w.settle()
}

// pagedWorld opens a critical incident whose escalation pages people by name.
func pagedWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.change("main", pagesPeople)
	w.tell(down)
	return w
}

// Who was paged takes the role by the page's link, without a login, and the issue says so in their
// name. Reading the page, as link scanners do, changes nothing (I8).
func TestI8WhoWasPagedTakesTheRoleByTheLink(t *testing.T) {
	w := pagedWorld(t)
	link := w.linksOf()["carol"]
	if link == "" {
		t.Fatalf("the page has no link: %+v", w.sandbox.Outbox())
	}
	before := w.card()
	for _, method := range []string{"GET", "HEAD", "GET"} {
		status, head, body := w.request(method, link, "")
		if status != 200 || head.Get("Cache-Control") != "no-store" || head.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %d %v", method, status, head)
		}
		for _, want := range []string{"The API is down", "acme/incidents#1", "I coordinate", "I have seen it", "Pass on", "carol", "globex"} {
			if method == "GET" && !strings.Contains(body, want) {
				t.Errorf("the page does not say %q:\n%s", want, body)
			}
		}
		if strings.Contains(body, "<script") {
			t.Error("the page has a script")
		}
	}
	w.settle()
	if w.card() != before {
		t.Errorf("to read the page changed the card:\n%s", w.card())
	}

	w.answers(link, "coordinate")
	if s := w.stateOf(); s.IC != "carol" || s.Paging.Answered == nil || !s.Paging.Next.IsZero() {
		t.Errorf("IC %q, paging %+v", s.IC, s.Paging)
	}
	if said := w.said("by the page's link"); len(said) != 1 || !strings.Contains(said[0], "carol") || !strings.Contains(said[0], "`/ic`") {
		t.Errorf("said %q", said)
	}
	if _, _, body := w.request("GET", link+"?said=coordinate", ""); !strings.Contains(body, "You are the Incident Coordinator") {
		t.Errorf("the page says\n%s", body)
	}
	w.answers(link, "coordinate") // a second tap
	if said := w.said("by the page's link"); len(said) != 1 {
		t.Errorf("said %q", said)
	}
	w.advance(time.Hour)
	if n := len(w.linksOf()); n != 1 {
		t.Errorf("pages to %d people", n)
	}
}

// "Seen" is for oneself alone: the escalation goes on. "Pass on" pages the next at once (I8).
func TestI8SeenAndPassOn(t *testing.T) {
	w := pagedWorld(t)
	w.answers(w.linksOf()["carol"], "seen")
	w.answers(w.linksOf()["carol"], "seen")
	if s := w.stateOf(); s.Paging.Answered != nil || s.Paging.Next.IsZero() {
		t.Errorf("somebody who has seen the page ended the escalation: %+v", s.Paging)
	}
	if said := w.said("I have seen the page"); len(said) != 1 {
		t.Errorf("said %q", said)
	}
	if w.linksOf()["dan"] != "" {
		t.Fatal("dan was paged early")
	}
	w.answers(w.linksOf()["carol"], "pass")
	if w.linksOf()["dan"] == "" {
		t.Errorf("dan was not paged at once: %+v", w.stateOf().Paging)
	}
	if said := w.said("I pass it on"); len(said) != 1 || !strings.Contains(said[0], "Others are paged now") {
		t.Errorf("said %q", said)
	}
}

// The answers are on the issue, so a lost card gets them back (A5).
func TestI8A5AnAnswerByTheLinkIsRebuilt(t *testing.T) {
	w := pagedWorld(t)
	w.answers(w.linksOf()["carol"], "coordinate")
	w.tell("alice deletes\nbob: /incident note 10:41 something else")
	if s := w.stateOf(); s.IC != "carol" {
		t.Errorf("IC %q", s.IC)
	}
}

// A link answers for nobody who can't respond, and none that is forged, cut, of another purpose or old
// answers at all (I8, A3).
func TestI8AForgedOrOldLinkAnswersNothing(t *testing.T) {
	skipUnderRace(t)
	w := pagedWorld(t)
	link := w.linksOf()["carol"]
	base, token := link[:strings.LastIndex(link, "/")+1], link[strings.LastIndex(link, "/")+1:]
	flipped := "A" + token[1:]
	if token[0] == 'A' {
		flipped = "B" + token[1:]
	}
	for _, bad := range []string{"", "x", token[:len(token)-1], token + "A", flipped, strings.Repeat("A", 5000)} {
		if status, _, body := w.request("POST", base+bad, "answer=coordinate"); status != 404 || !strings.Contains(body, "doesn't work") {
			t.Errorf("%.40q: %d", bad, status)
		}
	}
	for _, form := range []string{"answer=", "answer=everything", "a=coordinate", "answer=" + strings.Repeat("x", 5000)} {
		if status, _, _ := w.request("POST", link, form); status != 400 {
			t.Errorf("%.40q: %d", form, status)
		}
	}
	if status, _, _ := w.request("PUT", link, "answer=coordinate"); status != 405 {
		t.Errorf("PUT: %d", status)
	}
	w.settle()
	if s := w.stateOf(); s.IC != "" {
		t.Errorf("IC %q", s.IC)
	}
	w.advance(25 * time.Hour)
	if status, _, body := w.request("POST", link, "answer=coordinate"); status != 410 || !strings.Contains(body, "expired") {
		t.Errorf("a day later: %d", status)
	}
}

// A link to somebody who may only read is refused on the issue, as the command would be (A3).
func TestI8A3TheLinkHasNoMoreAuthorityThanItsPerson(t *testing.T) {
	for _, how := range []string{"coordinate", "seen", "pass"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.change("main", `pager: webhook
escalation: {steps: [{to: ["@mallory"]}, {after: 5m, to: ["@dan"]}]}
`)
			w.tell(down)
			w.answers(w.linksOf()["mallory"], how)
			if s := w.stateOf(); s.IC != "" || s.Paging.Next.IsZero() || w.linksOf()["dan"] != "" {
				t.Errorf("IC %q, paging %+v", s.IC, s.Paging)
			}
			if said := w.said("@mallory"); len(said) != 1 {
				t.Errorf("said %q", said)
			}
		})
	}
}

// While GitHub is out the link shows what is kept, its answer stops the escalation, and the issue says
// so once GitHub is back (I5, I8).
func TestI8TheLinkAnswersWhileGitHubIsOut(t *testing.T) {
	skipUnderRace(t)
	for _, restarts := range []bool{false, true} {
		w := pagedWorld(t)
		link := w.linksOf()["carol"]
		w.order(`{"outage":"2h"}`)
		w.advance(time.Minute)
		if restarts {
			w.restart()
		}
		if status, _, body := w.request("GET", link, ""); status != 200 || !strings.Contains(body, "The API is down") {
			t.Errorf("restarts %t: %d %s", restarts, status, body)
		}
		w.answers(link, "coordinate")
		w.advance(30 * time.Minute)
		if w.linksOf()["dan"] != "" {
			t.Errorf("restarts %t: dan was paged although carol answered", restarts)
		}
		w.advance(3 * time.Hour)
		if s := w.stateOf(); s.IC != "carol" {
			t.Errorf("restarts %t: IC %q", restarts, s.IC)
		}
	}
}
