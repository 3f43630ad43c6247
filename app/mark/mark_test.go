package mark_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/mark"
)

var (
	keys   = mark.Keys{[]byte("a key of the tests"), []byte("the one before")}
	opened = time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	page   = mark.Mark{Kind: "did", Text: "page/1"}
	ack    = mark.Mark{Kind: "did", Text: "ack/page/1/pagerduty/Dan%20Example"}
	revert = mark.Mark{Kind: "revert", Text: "acme/incidents#7 acme/payments#41 c12.0"}
	report = mark.Mark{Kind: "signal", Text: "0123456789abcdef01234567"}
)

const here, elsewhere = "issue 1", "issue 2"

// What somebody does to a comment of the app's, and whether its mark counts then.
func TestMarksOfComments(t *testing.T) {
	body := keys.Comment(here, "**Paged carol.**", page)
	other := keys.Comment(here, "**carol answered.**", ack)
	block := func(body string) string { _, b, _ := strings.Cut(body, "\n"); return b }
	for name, c := range map[string]struct {
		body string
		want []mark.Mark
	}{
		"as written":               {body, []mark.Mark{page}},
		"as GitHub may give it":    {strings.ReplaceAll(body, "\n", "\r\n") + "\r\n", []mark.Mark{page}},
		"two marks":                {keys.Comment(here, "Text", page, ack), []mark.Mark{page, ack}},
		"signed by the key before": {keys[1:].Comment(here, "Text", page), []mark.Mark{page}},
		"a mark of many words":     {keys.Comment(here, "Text", revert), []mark.Mark{revert}},
		"a text with blank lines":  {keys.Comment(here, "\n\nText\n\n", page), []mark.Mark{page}},
		"no text":                  {keys.Comment(here, "", page), []mark.Mark{page}},
		"a mark that is repeated":  {keys.Comment(here, "carol wrote\n"+ack.Line(), page), []mark.Mark{page}},
		"signed for another issue": {keys.Comment(elsewhere, "**Paged carol.**", page), nil},
		"signed by another key": {mark.Keys{[]byte("mallory's")}.Comment(here, "**Paged carol.**",
			page), nil},
		"unsigned":           {"**Paged carol.**\n" + page.Line(), nil},
		"a mark added below": {body + "\n" + ack.Line(), nil},
		"a mark added above": {strings.Replace(body, "\n", "\n"+ack.Line()+"\n", 1), nil},
		"a mark altered":     {strings.Replace(body, "page/1", "page/2", 1), nil},
		"a mark taken out of two": {strings.Replace(keys.Comment(here, "Text", page, ack),
			"\n"+ack.Line(), "", 1), nil},
		"the text altered":          {strings.Replace(body, "carol", "dan", 1), nil},
		"another comment's marks":   {"**Paged carol.**\n" + block(other), nil},
		"another's below its own":   {body + "\n" + block(other), nil},
		"another's in place of its": {strings.Replace(body, block(body), block(other), 1), nil},
		"the signature cut":         {strings.Replace(body, "signed ", "signed 0", 1), nil},
		"words after the marks":     {body + "\nbob was here", nil},
		"an issue's marks":          {keys.Issue(here, "**Paged carol.**", opened, page), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got, signed := keys.InComment(c.body, here); !slices.Equal(got, c.want) ||
				(signed != "") != (c.want != nil) {
				t.Errorf("%v %q, want %v, in\n%s", got, signed, c.want, c.body)
			}
		})
	}
}

func TestMarksOfIssues(t *testing.T) {
	body := keys.Issue(here, "It burns.\n", opened, report, page)
	both := []mark.Mark{report, page}
	for name, c := range map[string]struct {
		body    string
		created time.Time
		want    []mark.Mark
	}{
		"as written":             {body, opened, both},
		"created a little later": {body, opened.Add(time.Minute), both},
		"the clocks differ":      {body, opened.Add(-2 * time.Minute), both},
		"somebody wrote above":   {"Summary: " + body, opened, both},
		"somebody wrote below":   {body + "\n\nMore of it", opened, both},
		"as GitHub may give it":  {strings.ReplaceAll(body, "\n", "\r\n"), opened, both},
		"in an older issue":      {body, opened.Add(-time.Hour), nil},
		"in a younger issue":     {body, opened.Add(time.Hour), nil},
		"a mark altered":         {strings.Replace(body, "page/1", "page/2", 1), opened, nil},
		"a mark added":           {body + "\n" + ack.Line(), opened, nil},
		"a mark taken out":       {strings.Replace(body, "\n"+page.Line(), "", 1), opened, nil},
		"the time altered": {strings.Replace(body, "signed 1772", "signed 1773", 1),
			opened.Add(1_000_000 * time.Second), nil},
		"signed for another": {keys.Issue(elsewhere, "It burns.", opened, report), opened, nil},
		"signed by another key": {mark.Keys{[]byte("mallory's")}.Issue(here, "It burns.", opened, report),
			opened, nil},
		"unsigned":          {"It burns.\n\n" + report.Line(), opened, nil},
		"a comment's marks": {keys.Comment(here, "It burns.", report), opened, nil},
		"a forged one above it": {"<!-- firebreak:signed 1772448000 00 -->\n" + ack.Line() + "\n\n" +
			body, opened, both},
		"nothing but a signature": {"<!-- firebreak:signed 1772448000 00 -->", opened, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := keys.InIssue(c.body, c.created, here); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v, in\n%s", got, c.want, c.body)
			}
		})
	}
}

// What versions before this one wrote has no signature. A text that has one isn't one of theirs,
// whatever it holds.
func TestUnsignedMarks(t *testing.T) {
	for body, want := range map[string][]mark.Mark{
		"Paged carol.\n" + page.Line() + "\n" + ack.Line():           {page, ack},
		page.Line() + "\nPaged carol.\n" + ack.Line():                {ack},
		"Paged carol.\n" + page.Line() + "\nbob was here":            nil,
		keys.Comment(here, "Paged carol.", page):                     nil,
		keys.Comment(here, "Paged carol.", page) + "\n" + ack.Line(): nil,
		"": nil,
	} {
		if got := mark.Unsigned(body); !slices.Equal(got, want) {
			t.Errorf("%v, want %v, in\n%s", got, want, body)
		}
	}
	if got := mark.InText("x\n" + page.Line() + "\ny\n" + ack.Line() + "\n"); !slices.Equal(got,
		[]mark.Mark{page, ack}) {
		t.Errorf("in a text: %v", got)
	}
}

// FuzzInComment: nothing is believed that was not signed, and everything is that was.
func FuzzInComment(f *testing.F) {
	f.Add("Paged carol.", "page/1", "")
	f.Add("<!-- firebreak:signed 00 -->", "page/1", "x")
	f.Fuzz(func(t *testing.T, text, key, more string) {
		if strings.ContainsAny(key, " \t\r\n\v\f\u0085\u00a0") || key == "" || strings.TrimSpace(key) != key {
			return
		}
		m := mark.Mark{Kind: "did", Text: key}
		body := keys.Comment(here, text, m)
		if got, _ := keys.InComment(body, here); len(got) != 1 || got[0] != m {
			t.Errorf("%v of %q", got, body)
		}
		if got, signed := keys.InComment(text+"\n"+more, here); signed != "" {
			t.Errorf("%v of %q", got, text+"\n"+more)
		}
	})
}
