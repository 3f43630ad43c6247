package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A whole P1 on a phone, by taps: only the update, the cause and the workaround are written (A9). "Now"
// begins on the first screen in every state.
func TestA9BrowserTapsAWholeIncidentOnAPhone(t *testing.T) {
	t.Parallel()
	w := open(t)
	const issue = "/acme/incidents/issues/1"
	w.do(chromedp.EmulateViewport(narrow, phone))
	report := `{"title":"Checkout fails","message":"Orders of globex fail","severity":"critical","customer":"globex"}`
	if status, said := request(t, "intake", "POST", w.demo.url+"/intake/generic", report); status >= 300 {
		t.Fatalf("the report: %d %s", status, said)
	}
	settle(t, w.demo.url)

	state := func(name, shows string) {
		t.Helper()
		w.visit(issue)
		w.sees("#pinned", shows)
		w.holdsNowOnTheFirstScreen(name)
	}
	as := func(person string) {
		t.Helper()
		w.become(person)
		w.visit(issue)
	}
	state("unconfirmed", "Unconfirmed")
	as("alice")
	w.tap("I operate")
	state("somebody looks into it", "alice")
	as("carol")
	w.tap("This is a P1")
	state("nobody coordinates", "No Incident Coordinator yet")
	w.tap("I coordinate")
	state("investigate", "customer globex")
	w.says("carol", "/ic update We see failing orders")
	state("investigate, told", "We see failing orders")
	w.says("alice", "/oe cause A memory limit")
	state("fixing", "Fixing")
	w.says("alice", "/oe workaround The old limit")
	state("fixing, mended", "Workaround")
	for _, at := range []string{"amber", "overdue"} {
		w.post("", "/sandbox/clock", `{"advance":"16m"}`)
		settle(t, w.demo.url)
		state(at, "customer")
	}
	w.tap("Go on to")
	state("monitoring", "Monitoring")
	w.post("", "/sandbox/clock", `{"advance":"24h"}`)
	settle(t, w.demo.url)
	state("stand-by over", "The stand-by is over")
}

// phone is the height of a phone's screen, in CSS pixels.
const phone = 844

// "Now" begins on a phone's first screen on each card that a scenario leads to, and on each that the
// card's own package renders.
func TestBrowserShowsNowOnTheFirstScreenOfEachCard(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.post("alice", "/api/v3/repos/acme/platform/issues", `{"title":"Cards","body":"The tops of all cards."}`)
	var names []string
	show := func(name, top string) {
		body, err := json.Marshal(map[string]string{"body": top})
		if err != nil {
			t.Fatal(err)
		}
		w.post("alice", "/api/v3/repos/acme/platform/issues/1/comments", string(body))
		names = append(names, name)
	}
	for _, file := range glob(t, "../../app/engine/testdata/scenarios/*/tops.md") {
		for top := range strings.SplitSeq(contents(t, file), "\n***\n") {
			if top = strings.TrimSpace(top); top != "" {
				show(filepath.Base(filepath.Dir(file))+": "+strings.SplitN(top, "\n", 2)[0], top)
			}
		}
	}
	for _, file := range glob(t, "../../app/card/testdata/*.md") {
		if card := contents(t, file); strings.Contains(card, "**Now**") {
			show(filepath.Base(file), card)
		}
	}
	if len(names) < 100 {
		t.Fatalf("only %d cards", len(names))
	}
	settle(t, w.demo.url)
	w.do(chromedp.EmulateViewport(narrow, phone))
	w.become("alice")
	w.visit("/acme/platform/issues/1")
	const measure = `JSON.stringify([...document.querySelectorAll(".comment-body")].map(card => {
		const now = [...card.querySelectorAll("strong")].filter(s => s.innerText === "Now");
		return now.map(s => Math.round(s.getBoundingClientRect().top - card.getBoundingClientRect().top));
	}).filter(tops => tops.length > 0))`
	var tops [][]int
	if err := json.Unmarshal([]byte(w.evaluate(measure)), &tops); err != nil {
		t.Fatal(err)
	}
	if len(tops) != len(names) {
		t.Fatalf("%d cards have a Now, of %d", len(tops), len(names))
	}
	lowest := 0
	for i, of := range tops {
		lowest = max(lowest, of[0])
		if of[0] > phone-100 { // GitHub's own head of the page takes the rest
			t.Errorf("%s: Now begins at %d px of %d", names[i], of[0], phone)
		}
	}
	t.Logf("%d cards; on the lowest, Now begins %d px below its top", len(tops), lowest)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %s %v", pattern, err)
	}
	return files
}

func contents(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tap ticks a box of the card.
func (w *window) tap(words string) {
	w.t.Helper()
	const mark = `(words) => {
		const line = [...document.querySelectorAll("#pinned li")].find(l => l.innerText.includes(words) && l.querySelector("button[role=checkbox]"));
		if (!line) return false;
		line.querySelector("button[role=checkbox]").id = "tapped";
		return true;
	}`
	for tries := 1; ; tries++ {
		w.waits("the box "+words, mark, words)
		response, err := chromedp.RunResponse(w.ctx, click("#tapped"))
		if err != nil && strings.Contains(err.Error(), "Could not find node") && tries < 5 {
			continue // the page follows the incident, and drew the card again just now
		}
		if err != nil || response == nil || response.Status != 200 {
			w.t.Fatalf("the page after %q: %v, %+v\n%s", words, err, response, w.describe())
		}
		break
	}
	settle(w.t, w.demo.url)
}

// holdsNowOnTheFirstScreen measures where what comes next begins, below the top of the card.
func (w *window) holdsNowOnTheFirstScreen(state string) {
	w.t.Helper()
	const measure = `(() => {
		const card = document.querySelector("#pinned .comment-body");
		const now = [...card.querySelectorAll("strong")].find(s => s.innerText === "Now");
		return now ? Math.round(now.getBoundingClientRect().top - card.getBoundingClientRect().top) : -1;
	})()`
	top, err := strconv.Atoi(w.evaluate(measure))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Logf("%s: Now begins %d px below the top of the card", state, top)
	if top < 0 || top > phone {
		w.t.Errorf("%s: Now begins at %d px of %d:\n%s", state, top, phone, w.text("#pinned .comment-body"))
	}
	if *screenshots != "" {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{narrow, wide} {
				w.do(chromedp.EmulateViewport(width, phone), colours(scheme))
				w.evaluate(`document.querySelector("#pinned").scrollIntoView()`)
				w.picture(fmt.Sprintf("card-%s-%d-%s", state, width, scheme), chromedp.CaptureScreenshot())
			}
		}
		w.do(chromedp.EmulateViewport(narrow, phone), colours("light"))
	}
}
