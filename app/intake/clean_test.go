package intake_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/intake"
)

func TestI6TextsHideNothing(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                            "plain",
		"a\u202egnp.exe":                   "agnp.exe",
		"/inc\u200bident":                  "/incident",
		"@al\u200dice":                     "@alice",
		"soft\u00adhyphen":                 "softhyphen",
		"bell\a and \x1b[31mred":           "bell and [31mred",
		"\ufeffmark":                       "mark",
		"tag\U000e0041\U000e0042":          "tag",
		"filler\u3164\u115f":               "filler",
		"variation\U000e0100":              "variation",
		"\u2764\ufe0f":                     "\u2764\ufe0f",
		"\U0001f469\u200d\U0001f4bb":       "\U0001f469\u200d\U0001f4bb",     // woman technologist
		"\u0645\u06cc\u200c\u062e\u0648":   "\u0645\u06cc\u200c\u062e\u0648", // Persian
		"\u0645\u200d\u202e\u0645":         "\u0645\u0645",
		"no\u00a0break\u2003space":         "no break space",
		"tab\tand\r\nlines\rof\u2028three": "tab    and\nlines\nof\nthree",
		"\n\n a \n\n\n b \n\n":             " a\n\n b",
	} {
		body, _ := json.Marshal(object{"title": "x", "message": in})
		if got := signal(t, "generic", string(body)).Text; got != want {
			t.Errorf("%q returns %q, want %q", in, got, want)
		}
	}
	if got := signal(t, "generic", "{\"title\":\"cut \xc3 short\"}").Title; got != "cut \ufffd short" {
		t.Errorf("invalid UTF-8 returns %q", got)
	}
}

func TestI6TextsAreCapped(t *testing.T) {
	long := strings.Repeat("ü", 2000)
	many := object{}
	for i := range 200 {
		many[strings.Repeat("l", i+1)] = long
	}
	body := group(func(g object) {
		g["commonLabels"], g["groupKey"] = many, long
		g["commonAnnotations"] = object{"summary": long, "runbook_url": "https://r.example/" + long}
	}, "firing")
	s := signal(t, "alertmanager", body)
	check(t, intake.Result{Signals: []intake.Signal{s}})
	if n := len([]rune(s.Title)); n != 200 || !strings.HasSuffix(s.Title, "…") {
		t.Errorf("the title has %d characters: %q", n, s.Title)
	}
	if len(s.Labels) != 50 || s.Runbook != "" || !strings.HasPrefix(s.DedupKey, "alertmanager:sha256:") {
		t.Errorf("%d labels, runbook %q, key %q", len(s.Labels), s.Runbook, s.DedupKey)
	}
	if other := signal(t, "alertmanager", strings.Replace(body, `"groupKey":"`, `"groupKey":"x`, 1)); other.DedupKey == s.DedupKey {
		t.Error("two long group keys share a key")
	}
	mail := signal(t, "email", "From: a@b.example\r\nSubject: x\r\n\r\n"+strings.Repeat("words\n", 1<<18))
	if n := len(mail.Text); n > 8<<10 || n < 8<<10-10 {
		t.Errorf("a long mail returns %d bytes", n)
	}
}

func TestI6LinksAreLinks(t *testing.T) {
	for link, want := range map[string]bool{
		"https://monitoring.example/a?b=c#d": true,
		"http://monitoring.example":          true,
		"javascript:alert(1)":                false,
		"data:text/html,x":                   false,
		"//monitoring.example":               false,
		"https://":                           false,
		"https://user:pw@a.example":          false,
		"https://a.example/ b":               false,
		"https://a.example/<script>":         false,
		"https://a.example/\u202e":           false,
		"https://a.example/`":                false,
	} {
		body, _ := json.Marshal(object{"title": "x", "link_to_upstream_details": link})
		if got := signal(t, "generic", string(body)).URL; (got == link) != want || got != "" && !want {
			t.Errorf("%q returns %q", link, got)
		}
	}
}
