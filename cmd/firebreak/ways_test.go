package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// The operator hands somebody the link of their own page, on which they set a way by the code that comes by it: on a
// narrow screen and without a script (O3).
func TestO3BrowserSetsAWayOnAPhone(t *testing.T) {
	t.Parallel()
	chromium := findChromium(t)
	data := t.TempDir()
	w := browse(t, chromium, start(t, nil, "demo", "--listen", "127.0.0.1:0", "--data", data))
	text, err := os.ReadFile(filepath.Join(data, "firebreak.env"))
	if err != nil {
		t.Fatal(err)
	}
	env := strings.Split(strings.TrimSpace(string(text)), "\n")
	number := regexp.MustCompile(`"dan":\[\{"sms":"(\+[0-9]+)"`).FindStringSubmatch(string(text))
	if number == nil {
		t.Fatalf("dan has no phone in\n%s", text)
	}
	cmd := exec.CommandContext(t.Context(), binary, "ways", "acme/incidents", "@dan")
	cmd.Dir, cmd.Env = t.TempDir(), env
	out, err := cmd.CombinedOutput()
	link := strings.TrimSpace(string(out))
	if err != nil || !strings.HasPrefix(link, w.demo.url+"/a/") {
		t.Fatalf("%v: %s", err, out)
	}
	path := strings.TrimPrefix(link, w.demo.url)

	w.do(chromedp.EmulateViewport(narrow, phone))
	if _, err := chromedp.Call(w.ctx, emulation.SetScriptExecutionDisabled,
		emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	w.visit(path)
	w.sees("main", "You set none here")
	w.do(chromedp.SendKeys(`input[name=address]`, number[1]))
	w.leave(click(`button[value=add]`))
	w.sees("#said", "A code was sent")
	w.visit("/sandbox/phone/dan")
	w.sees("#calls", "Your code is")
	code := regexp.MustCompile(`Your code is ([0-9]( [0-9]){5})`).FindStringSubmatch(w.text("#calls"))
	if code == nil {
		t.Fatalf("the phone says %s", w.text("#calls"))
	}
	w.visit(path)
	w.do(chromedp.SendKeys(`input[name=code]`, code[1]))
	w.look("ways-code")
	w.leave(click(`button[value=verify]`))
	w.sees("#said", "Pages reach you by this way")
	w.sees("dl", "Phone call, at once")
	w.look("ways")
	w.visit("/sandbox/phone/dan")
	w.sees("#calls", "were changed") // by the text that the operator had set up
}
