package engine_test

import (
	"database/sql"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// Somebody sets their ways on a page of their own: each counts once its code was said, in place of what the secret
// has of them, is kept sealed, and they are told by the ways before (O3).
func TestO3OwnWays(t *testing.T) {
	skipUnderRace(t)
	w, p := byPush(t)
	secrets := [][]byte{[]byte("a secret of the tests")}
	link := func() string {
		return w.url + engine.WaysPath(secrets, w.ref, "carol", w.sandbox.Clock().Now())
	}
	here := link()
	push := "http://" + strings.TrimPrefix(w.env["FIREBREAK_SECRET_PEOPLE"][strings.Index(w.env["FIREBREAK_SECRET_PEOPLE"], "http://"):], "http://")
	push = push[:strings.Index(push, "/carol")]
	form := func(fields ...string) (said string) {
		t.Helper()
		values := url.Values{}
		for i := 0; i < len(fields); i += 2 {
			values.Set(fields[i], fields[i+1])
		}
		status, head, body := w.request("POST", here, values.Encode())
		if status != http.StatusSeeOther {
			t.Fatalf("%v: %d %s", fields, status, body)
		}
		return strings.TrimPrefix(head.Get("Location"), "?said=")
	}
	expect := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("said %q, want %q", got, want)
		}
	}
	shows := func(wants ...string) (body string) {
		t.Helper()
		_, _, body = w.request("GET", here, "")
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("the page lacks %q:\n%s", want, body)
			}
		}
		return body
	}
	shows("You set none here", "carol")
	expect(form("do", "add", "kind", "sms", "address", "0301234567", "after", "0"), engine.WaysInvalid)
	expect(form("do", "add", "kind", "ntfy", "address", "https://ntfy.example/x", "after", "90"), engine.WaysInvalid)
	expect(form("do", "add", "kind", "github", "address", "dan", "after", "0"), engine.WaysInvalid)
	expect(form("do", "verify", "code", "123456"), engine.WaysExpired)
	expect(form("do", "add", "kind", "ntfy", "address", push+"/carol-own", "after", "0"), engine.WaysSent)
	if body := shows("Your code", "127.0.0.1"); strings.Contains(body, "carol-own") {
		t.Error("the page shows the whole address")
	}
	code := regexp.MustCompile(`[0-9]( [0-9]){5}`).FindString(p.text("carol-own"))
	expect(form("do", "verify", "code", "000000x"), engine.WaysWrong)
	w.tell(down) // before it is verified, the secret counts
	if got := strings.Join(p.topics(), " "); got != "carol-own carol-1" {
		t.Errorf("rang %q", got)
	}
	w.tell("carol: /ic")
	expect(form("do", "verify", "code", code), engine.WaysVerified)
	if got := p.topics(); len(got) != 3 || got[2] != "carol-1" || !strings.Contains(p.text("carol-1"), "were changed") {
		t.Errorf("rang %q; %s", got, p.text("carol-1"))
	}
	if body := shows("Ntfy, at once"); strings.Contains(body, "You set none") {
		t.Error("the page shows no way")
	}
	w.restart()
	w.order(`{"outage":"1h"}`) // her ways need nobody else
	w.tell("wait 1m")
	expect(form("do", "test", "n", "0"), engine.WaysTested)
	if got := p.topics(); got[len(got)-1] != "carol-own" {
		t.Errorf("rang %q", got)
	}
	for range 4 {
		form("do", "test", "n", "0")
	}
	expect(form("do", "test", "n", "0"), engine.WaysTooMany)
	expect(form("do", "test", "n", "7"), engine.WaysInvalid)
	expect(form("do", "remove", "n", "0"), engine.WaysRemoved)
	shows("You set none here")

	// What is kept shows nothing, and no log does.
	w.stop()
	db, err := sql.Open("sqlite", w.queue)
	if err != nil {
		t.Fatal(err)
	}
	var kept string
	if err := db.QueryRow("SELECT content FROM shelf WHERE name = 'ways/carol'").Scan(&kept); err != nil || kept == "" ||
		strings.Contains(kept, "carol-own") || strings.Contains(kept, "ntfy") {
		t.Errorf("kept %q, %v", kept, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.advance(25 * time.Hour)
	if status, _, _ := w.request("POST", here, "do=remove&n=0"); status != http.StatusGone {
		t.Errorf("an old link: %d", status)
	}
	if status, _, _ := w.request("POST", w.url+engine.WaysPath([][]byte{[]byte("another")}, w.ref, "carol", w.sandbox.Clock().Now()), "do=remove&n=0"); status != http.StatusNotFound {
		t.Errorf("a forged link: %d", status)
	}
}
