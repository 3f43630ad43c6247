package main_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Pictures of every page, narrow and wide, light and dark, are made by
//
//	go test ./cmd/firebreak -run Browser -screenshots "$PWD/build"
var screenshots = flag.String("screenshots", "", "folder for pictures of the pages")

// window is a browser's only tab, in which one person at a time sits in front of the sandbox's pages.
type window struct {
	t    *testing.T
	ctx  context.Context
	demo *process
}

// findChromium returns the browser's path, or skips the test.
func findChromium(t *testing.T) string {
	t.Helper()
	chromium := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil && chromium == "" {
			chromium = path
		}
	}
	switch {
	case chromium == "" && os.Getenv("CI") != "":
		t.Fatal("there is no chromium, chromium-browser or google-chrome")
	case chromium == "":
		t.Skip("there is no chromium, chromium-browser or google-chrome; in CI that fails")
	}
	return chromium
}

// open starts the product and a browser in front of it.
func open(t *testing.T) *window {
	t.Helper()
	chromium := findChromium(t)
	demo := start(t, nil, "demo", "--listen", "127.0.0.1:0")
	return browse(t, chromium, demo)
}

// browse opens a browser with an empty profile in front of a process' pages. They may lead to those
// of others and to no other server.
func browse(t *testing.T, chromium string, demo *process, others ...*process) *window {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewExecAllocator(ctx, chromedp.ExecPath(chromium), chromedp.UserDataDir(t.TempDir()),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	t.Cleanup(stop)
	w := &window{t: t, demo: demo}
	var mu sync.Mutex // listeners run next to the test
	ended := false
	complain := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		if !ended {
			t.Errorf(format, args...)
		}
	}
	w.ctx, stop = chromedp.NewContext(ctx, chromedp.WithListener(func(event any) {
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			known := slices.ContainsFunc(append(others, demo), func(p *process) bool {
				return strings.HasPrefix(e.Request.URL, p.url+"/")
			})
			if !known && !strings.HasPrefix(e.Request.URL, "data:") && e.Request.URL != "about:blank" {
				complain("the pages ask another server: %s", e.Request.URL)
			}
		case *runtime.EventExceptionThrown:
			complain("the script fails: %s %v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError {
				complain("the browser's console: %s %s", e.Entry.Text, e.Entry.URL)
			}
		}
	}))
	t.Cleanup(func() {
		mu.Lock()
		ended = true
		mu.Unlock()
		_ = chromedp.Cancel(w.ctx)
		stop()
	})
	w.do(chromedp.EmulateViewport(wide, tall), chromedp.Navigate(demo.url+"/"))
	return w
}

const wide, narrow, tall = 1200, 390, 900

func (w *window) do(steps ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	if err := chromedp.Do(w.ctx, steps...); err != nil {
		w.t.Fatalf("in the browser: %v\n%s", err, w.describe())
	}
}

// leave does what leads to another page, and waits for it.
func (w *window) leave(steps ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	response, err := chromedp.RunResponse(w.ctx, steps...)
	if err != nil || response == nil || response.Status != 200 {
		w.t.Fatalf("the next page: %v, %+v\n%s", err, response, w.describe())
	}
}

func click(css string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(css), chromedp.NodeVisible)
}

func (w *window) visit(path string) { w.t.Helper(); w.do(chromedp.Navigate(w.demo.url + path)) }

// insert writes a text where a person clicks.
func (w *window) insert(css, text string) {
	w.t.Helper()
	w.do(click(css))
	if _, err := chromedp.Call(w.ctx, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		w.t.Fatal(err)
	}
}

// become changes the person with the switch at the top, by keyboard.
func (w *window) become(person string) {
	w.t.Helper()
	w.leave(chromedp.SendKeys(chromedp.CSS("#person select"), person+kb.Enter))
	w.sees("#person option:checked", person)
}

// comment writes a comment, and waits until the product is done with it.
func (w *window) comment(text string) {
	w.t.Helper()
	w.insert("form#comment textarea", text)
	w.leave(click("form#comment button[name=comment]"))
	settle(w.t, w.demo.url)
}

// label puts a label on with the picker.
func (w *window) label(name string) {
	w.t.Helper()
	w.do(click("#side-labels summary"), click(fmt.Sprintf("form#labels input[value=%q]", name)))
	w.leave(click("form#labels button[name=apply]"))
	settle(w.t, w.demo.url)
}

// waits until JavaScript's condition, a function of args, holds.
func (w *window) waits(what, condition string, args ...any) {
	w.t.Helper()
	var err error
	for range 3 { // a page that is exchanged in the meantime takes the poll with it
		if _, err = chromedp.Run(w.ctx,
			chromedp.PollFunction[bool](condition, chromedp.WithPollingArgs(args...),
				chromedp.WithPollingTimeout(patience/2))); err == nil {
			return
		}
		if errors.Is(err, chromedp.ErrPollingTimeout) {
			break
		}
	}
	w.t.Fatalf("%s: %v\n%s", what, err, w.describe())
}

const anyHas = `(css, text) => [...document.querySelectorAll(css)].some(e => e.innerText.includes(text))`

// sees waits until an element with the text is on the page: a page follows the server on its own.
func (w *window) sees(css, text string) {
	w.t.Helper()
	w.waits(fmt.Sprintf("%s with %q", css, text), anyHas, css, text)
}

// lacks holds the page, which must be fresh, to have no such element.
func (w *window) lacks(css, text string) {
	w.t.Helper()
	if has, err := chromedp.Run(w.ctx,
		chromedp.Evaluate[bool](fmt.Sprintf("(%s)(%q, %q)", anyHas, css, text))); err != nil || has {
		w.t.Errorf("%s with %q is on the page (%v):\n%s", css, text, err, w.describe())
	}
}

// describe returns what a failure shows of the page.
func (w *window) describe() string {
	return w.text("#flash, #pinned .comment-body, #timeline > :last-child")
}

func (w *window) text(css string) string {
	text, err := chromedp.Run(w.ctx,
		chromedp.Evaluate[string](fmt.Sprintf("[...document.querySelectorAll(%q)].map(e => "+
			"e.innerText).join('\\n')", css)))
	if err != nil {
		return err.Error()
	}
	return text
}

func (w *window) evaluate(expression string) string {
	w.t.Helper()
	value, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](fmt.Sprintf("String(%s)", expression)))
	if err != nil {
		w.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// look holds the page to fit a phone, and takes pictures of it if asked to.
func (w *window) look(name string) {
	w.t.Helper()
	w.do(chromedp.EmulateViewport(narrow, tall))
	if width := w.evaluate("document.documentElement.scrollWidth"); width != fmt.Sprint(narrow) {
		w.t.Errorf("%s is %s px wide on a phone of %d px", name, width, narrow)
	}
	if *screenshots != "" {
		for _, width := range []int64{narrow, wide} {
			for _, scheme := range []string{"light", "dark"} {
				w.do(chromedp.EmulateViewport(width, tall), colours(scheme))
				w.evaluate("scrollTo(0, 0)")
				w.picture(fmt.Sprintf("%s-%d-%s", name, width, scheme), chromedp.FullScreenshot(100))
			}
		}
		w.do(colours("light"))
	}
	w.do(chromedp.EmulateViewport(wide, tall))
}

func colours(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia,
			emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme",
				Value: scheme}}})
		return err
	})
}

func (w *window) picture(name string, take chromedp.Action[[]byte]) {
	w.t.Helper()
	png, err := chromedp.Run(w.ctx, take)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(*screenshots, 0o755),
		os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o644)); err != nil {
		w.t.Fatal(err)
	}
}

// The story of the README by hand, with nothing but what a person has: keys, clicks, and what
// is on the pages.
func TestBrowserIncident(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.become("alice")
	w.look("home")
	w.leave(click(`#repositories a[href="/acme/incidents/issues"]`))
	w.look("issues-none")
	w.leave(click(`a.btn[href="/acme/incidents/issues/new/choose"]`))
	w.look("choose")
	w.leave(click("#forms li:first-child a"))
	w.look("form")
	w.insert(`[name="issue-title"]`, "The API of globex is down")
	w.insert("[name=summary]", "Customers of globex get 502 from the API since 10:38")
	w.do(chromedp.SendKeys(chromedp.CSS("[name=severity]"), "critical"))
	w.insert("[name=customers]", "globex")
	w.insert("[name=source]", "Gina called")
	w.leave(click("form#new-issue button[name=create]"))
	settle(t, w.demo.url)
	const issue = "/acme/incidents/issues/1"
	w.sees("#pinned", "No Incident Coordinator yet")
	w.sees("#side-labels .content", "phase/identify")
	w.look("issue-identify")

	w.become("mallory") // may only read
	const says = "#pinned .comment-body, #side-labels .content, #side-assignees .person"
	before := w.text(says)
	w.comment("/ic")
	w.sees(".timeline-comment[data-author='firebreak[bot]']", "only responders can use /ic")
	w.visit(issue)
	if now := w.text(says); now != before {
		t.Errorf("mallory's /ic changed the card or the sidebar from\n%s\nto\n%s", before, now)
	}

	w.become("carol")
	w.comment("/ic")
	w.sees("#pinned", "Incident Coordinator carol")
	w.sees("#side-assignees .content", "carol")
	w.become("alice")
	w.comment("/oe")
	w.sees("#pinned", "Operations Engineer alice")
	w.sees("#side-assignees .content", "alice")
	w.become("carol")
	w.comment("/ic severity critical")
	w.sees("#side-labels .content", "severity/critical")
	w.visit(issue)
	w.sees("#pinned", "Investigate") // V1: it is entered once the team is there
	w.lacks("#side-labels .content", "phase/identify")

	w.become("alice")
	w.comment("/oe finding The load balancer drops half of the connections")
	w.sees("#pinned summary", "findings (1)")
	w.become("carol")
	w.comment("/ic pin")
	w.do(click("#pinned summary"))
	w.sees("#pinned table", "comment pinned by carol") // V4: the one before, alice's finding
	w.look("issue-investigate")
	w.become("alice")
	w.comment("/oe cause A certificate ran out at 10:37")
	w.sees("#pinned", "Cause")
	w.sees("#pinned", "Fixing") // F1
	w.become("alice")
	w.comment("/oe workaround The old certificate's successor is in place by hand")
	w.sees("#pinned", "Workaround")
	w.become("carol")
	w.comment("/ic update The API answers again. We watch it and come back tomorrow.")
	w.visit("/_outbox")
	w.sees("#outbox [data-kind=announce]", "The API answers again.")
	w.look("outbox")
	w.visit(issue)
	w.label("phase/monitoring")
	w.sees("#pinned", "Stand-by")
	w.look("issue-monitoring")

	w.leave(click("form#clock button[value='24h']"))
	settle(t, w.demo.url)
	w.sees("#pinned", "The stand-by is over")
	w.comment("/ic agree Gina, by phone, sees no errors since yesterday")
	w.sees("#pinned", "Agreed")
	w.comment("/ic followup acme/payments Add a limit @erin due:2027-03-20")
	w.sees("#pinned", "for acme/payments")
	w.comment("/ic close")
	w.sees("#state", "Closed")
	w.sees("#pinned", "open for review")
	w.look("issue-closed")
	w.visit("/acme/incidents/issues?q=is:closed")
	w.sees("#list .issue-row", "The API of globex is down")
	w.look("issues-closed")

	w.visit("/acme/payments/issues")
	w.leave(click("#list .issue-row .title"))
	w.sees("h1", "Add a limit")
	w.sees("#side-assignees .content", "erin")
	w.look("ticket")

	w.become("alice")
	w.visit("/acme/incidents/pulls")
	w.leave(click("#list .issue-row .title"))
	w.sees("#side-reviewers .content", "alice")
	w.sees("#side-reviewers .content", "carol")
	w.look("pull")
	w.leave(click(`.subtabs a[href$="/files"]`))
	w.sees(".diff-file .name", "postmortems/")
	w.sees(".diff tr.add .line", "The load balancer drops half of the connections")
	w.look("pull-files")
	w.leave(click(".subtabs a:first-child"))
	w.leave(click("form#merge button[name=merge]"))
	settle(t, w.demo.url)
	w.sees("#state", "Merged")
	w.look("pull-merged")
	w.visit(issue)
	w.sees("#side-labels .content", "postmortem/merged")
	w.sees("#pinned", "merged")
	w.look("issue-merged")
	w.visit("/alice")
	w.look("profile")
}

// says is somebody elsewhere who comments while the person in front of the window looks at the page.
func (w *window) says(who, text string) {
	w.t.Helper()
	w.post(who, "/api/v3/repos/acme/incidents/issues/1/comments", fmt.Sprintf(`{"body":%q}`, text))
	settle(w.t, w.demo.url)
}

func (w *window) post(who, path, body string) {
	w.t.Helper()
	if status, said := request(w.t, who, "POST", w.demo.url+path, body); status != 200 && status != 201 {
		w.t.Fatalf("%s posts %s to %s: %d %s", who, body, path, status, said)
	}
}

// What a person types, marks and opens outlives that the page follows the server, and the keyboard
// reaches everything.
func TestBrowserPages(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.post("alice", "/api/v3/repos/acme/incidents/issues",
		`{"title":"The API of globex is down","body":"Half of the requests to the API end with 502.\n\n/incident critical"}`)
	w.says("alice", "/ic customer add globex\n/ic severity critical")
	const issue = "/acme/incidents/issues/1"
	w.become("alice")
	w.visit(issue)

	w.do(click("#pinned summary"))
	w.insert("form#comment textarea", "half a thou")
	w.evaluate("window.before = document.activeElement.getBoundingClientRect().top")
	w.post("", "/sandbox/clock", `{"advance":"3m"}`)
	w.says("carol", "/ic")
	w.sees("#pinned table", "answered the page")
	if typed := w.evaluate("document.activeElement.value"); typed != "half a thou" {
		t.Errorf("after news the field that had the focus holds %q", typed)
	}
	if moved := w.evaluate("Math.round(document.activeElement.getBoundingClientRect().top - " +
		"window.before)"); moved != "0" {
		t.Errorf("news moved the field that one types in by %s px", moved)
	}

	// By keyboard from the top to the picker, and in it to the label.
	w.visit(issue)
	w.tabTo("#side-labels summary")
	w.do(chromedp.KeyEvent(kb.Enter))
	w.tabTo("form#labels [value='phase/identify']")
	w.do(chromedp.KeyEvent(" "))
	w.post("", "/sandbox/clock", `{"advance":"4m"}`)
	w.says("alice", "/oe finding The load balancer drops half of the connections")
	w.sees("#pinned summary", "findings (1)")
	w.waits("the picker is open and holds what was chosen",
		`() => document.activeElement.checked && document.activeElement.closest("details").open`)
	w.do(chromedp.KeyEvent(kb.Escape))
	w.waits("Escape closes the picker",
		`() => document.activeElement.matches("#side-labels details:not([open]) summary")`)
	w.do(chromedp.KeyEvent(kb.Enter))
	w.tabTo("form#labels [value='phase/identify']")
	w.leave(chromedp.KeyEvent(kb.Enter))
	settle(t, w.demo.url)
	w.sees("#pinned", "Identify")

	for _, width := range []int64{narrow, wide} {
		w.do(chromedp.EmulateViewport(width, tall), chromedp.ScrollIntoView(chromedp.CSS("footer")))
		w.waits("the clock is in reach at the end of the page",
			`() => [...document.querySelectorAll("#clock button")].every(b => {
			const r = b.getBoundingClientRect();
			return document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2) === b;
		})`)
	}
}

// tabTo presses Tab until the element has the focus. What has it on the way must show that.
func (w *window) tabTo(css string) {
	w.t.Helper()
	for range 100 {
		w.do(chromedp.KeyEvent(kb.Tab))
		if bare := w.evaluate(`(e => getComputedStyle(e).outlineStyle === "none" && e !== document.body ? e.outerHTML : "")(document.activeElement)`); bare != "" {
			w.t.Errorf("it does not show that it has the focus: %s", bare)
		}
		if w.evaluate(fmt.Sprintf("document.activeElement.matches(%q)", css)) == "true" {
			return
		}
	}
	w.t.Fatalf("Tab does not reach %s, it ends at %s", css, w.evaluate("document.activeElement.outerHTML"))
}

// Who acts, comments and the pickers do not need the script.
func TestBrowserWithoutScript(t *testing.T) {
	t.Parallel()
	w := open(t)
	drive(t, w.demo.url)
	if _, err := chromedp.Call(w.ctx, emulation.SetScriptExecutionDisabled,
		emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	w.visit("/acme/incidents/issues/1")
	w.do(chromedp.SendKeys(chromedp.CSS("#person select"), "carol"))
	w.leave(click("#person button"))
	w.comment("/ic customer add globex\n/ic severity critical")
	w.visit("/acme/incidents/issues/1")
	w.sees("#pinned", "customer globex")
	w.says("alice", "/oe")
	w.label("phase/investigate")
	w.visit("/acme/incidents/issues/1")
	w.sees("#pinned", "Investigate")
}
