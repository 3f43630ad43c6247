package engine_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/templates"
)

// write puts a file on the default branch of the incidents' repository.
func (w *world) write(path, content string) {
	w.t.Helper()
	w.ok("bob", "PUT", "/api/v3/repos/acme/incidents/contents/"+path, map[string]string{"message": "Add " + path,
		"content": base64.StdEncoding.EncodeToString([]byte(content))}, nil)
}

// pastData returns the data of a merged postmortem.
func pastData(number int, title, summary, cause, workaround, fix string) string {
	said := func(text string) []map[string]any { return []map[string]any{{"by": "alice", "text": text}} }
	data, err := json.Marshal(map[string]any{"version": 1, "customers": []string{"globex"}, "summary": summary,
		"incident": map[string]any{"id": fmt.Sprintf("acme/incidents#%d", number), "title": title, "url": "https://evil.example/"},
		"times":    map[string]any{"declared": "2026-01-04T10:00:00Z"},
		"causes":   said(cause), "workarounds": said(workaround), "fixes": said(fix)})
	if err != nil {
		panic(err)
	}
	return string(data)
}

// writePast writes the postmortems of three past incidents: one of memory, one of a certificate, one
// of a queue.
func (w *world) writePast() {
	w.write("postmortems/2026-01-04-901-pods-killed.md", "# Pods killed\n")
	w.write("postmortems/2026-01-04-901-pods-killed.json", pastData(901, "Pods of payments are killed",
		"KubePodOOMKilled: memory of payments grows until the pods restart", "The limit of memory was cut for globex, closes #7",
		"Restarted the pods\nby hand, @alice", "Raised the memory limit to 2 GB"))
	w.write("postmortems/2026-01-05-902-tls.json", pastData(902, "TLS errors at the edge", "Browsers warn that the certificate is not valid",
		"cert-manager could not renew", "none", "Renewed the certificate"))
	w.write("postmortems/2026-01-06-903-queue.json", pastData(903, "Events are late", "The queue has a backlog of two million messages",
		"A poison message", "Skipped it", "More partitions"))
}

// similarComments returns the comments that show past incidents.
func (w *world) similarComments() (all []string) {
	for _, c := range w.list() {
		if strings.HasPrefix(c.User.Login, "firebreak") && (strings.Contains(c.Body, "It was like this before") ||
			strings.Contains(c.Body, "I see no past incident")) {
			all = append(all, visible(c.Body))
		}
	}
	return all
}

// queries returns how many calls asked GraphQL since the last time.
func (w *world) queries() (n int) {
	for _, c := range w.calls() {
		if strings.Contains(c.Path, "graphql") {
			n++
		}
	}
	return n
}

// What was like it before is shown once somebody confirms that it is critical, with what helped then:
// in one comment, and as one line on the card until the cause is known (L1).
func TestL1WhatHelpedLastTimeIsShownOnceCritical(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.writePast()
	w.act("mallory", "opens", `"payments restarts"`, []string{"Summary: KubePodOOMKilled, pods out of memory",
		"Severity: critical", "Customers impacted: globex"})
	w.settle()
	if said := w.similarComments(); len(said) != 0 || w.queries() != 0 {
		t.Fatalf("nobody has confirmed it, and the past is read: %q", said)
	}
	w.comment("carol", "/ic severity critical")
	w.settle()

	said := w.similarComments()
	if len(said) != 1 || !strings.Contains(said[0], "901 “Pods of payments are killed”](<"+w.url+
		"/acme/incidents/blob/HEAD/postmortems/2026-01-04-901-pods-killed.md>), 4 Jan 2026: the same alert: KubePodOOMKilled") {
		t.Fatalf("what was like it: %q", said)
	}
	for _, want := range []string{"**Cause**: The limit of memory was cut for a customer, closes", "**Workaround**: Restarted the pods by hand",
		"**Fix**: Raised the memory limit to 2 GB"} {
		if !strings.Contains(said[0], want) {
			t.Errorf("%q is missing in %s", want, said[0])
		}
	}
	for _, not := range []string{"globex", "evil.example", "902", "903", "@alice", "closes #7"} {
		if strings.Contains(said[0], not) {
			t.Errorf("%q is in %s", not, said[0])
		}
	}
	if card := w.card(); !strings.Contains(card, "last time: [acme/incidents") || !strings.Contains(card, "fixed by: Raised the memory limit") {
		t.Errorf("the card does not say it:\n%s", card)
	}

	w.comment("alice", "/oe")
	w.comment("alice", "/oe cause The new release caches every cart")
	w.comment("alice", "/incident similar")
	w.settle()
	if said := w.similarComments(); len(said) != 1 {
		t.Errorf("another comment: %q", said)
	}
	if card := w.card(); strings.Contains(card, "last time: ") {
		t.Errorf("the cause is known, and the card shows the last one:\n%s", card)
	}
}

// Nobody is told that there is nothing, unless they ask; and the past is read once an hour (L1).
func TestL1WhoAsksForThePastIsAnswered(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.tell(`alice opens "Payslips misprinted"`)
	w.comment("carol", "/incident critical payslips misprinted")
	w.settle()
	if said := w.similarComments(); len(said) != 0 {
		t.Errorf("nobody asked: %q", said)
	}
	w.comment("carol", "/incident similar")
	w.settle()
	if said := w.similarComments(); len(said) != 1 || !strings.Contains(said[0], "no other postmortem is merged") {
		t.Fatalf("the answer: %q", said)
	}
	w.writePast()
	w.advance(time.Hour)
	w.mark()
	w.comment("carol", "/incident similar")
	w.settle()
	if n := w.queries(); n != 2 {
		t.Errorf("the past is read in %d calls", n)
	}
	if said := w.similarComments(); len(said) != 1 || !strings.Contains(said[0], "no past incident like this one among 3 merged postmortems") {
		t.Errorf("the answer: %q", said)
	}
	w.restart()
	w.mark()
	w.comment("alice", "/incident similar")
	w.settle()
	if n := w.queries(); n != 0 {
		t.Errorf("what was just read is read again in %d calls", n)
	}
	w.comment("carol", "/incident similar problems as on Monday")
	w.settle()
	all := w.list()
	if last := all[len(all)-1]; !strings.Contains(last.Body, "this command takes no text") {
		t.Errorf("the answer: %s", last.Body)
	}
}

// A result that was shown just before the process ended, and that no card has, is followed by the next one in the same
// comment (A4).
func TestL1AResultThatNoCardHasIsShownOnce(t *testing.T) {
	skipUnderRace(t)
	for _, command := range []string{"similar", "changes"} {
		t.Run(command, func(t *testing.T) {
			shown := "firebreak:did " + command + "/"
			var isOut atomic.Bool // GitHub takes no card once the result is shown
			w := newWorldJudged(t, map[string]map[string]string{"acme/incidents": templates.Repository()},
				func(h http.Handler) http.Handler {
					return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
						if r.Method == http.MethodPatch && isOut.Load() {
							http.Error(rw, "{}", http.StatusBadGateway)
							return
						}
						if r.Method == http.MethodPost {
							text, _ := io.ReadAll(r.Body)
							r.Body = io.NopCloser(bytes.NewReader(text))
							if strings.Contains(string(text), shown) {
								isOut.Store(true)
							}
						}
						h.ServeHTTP(rw, r)
					})
				})
			count := func() (n int) {
				for _, c := range w.list() {
					if strings.Contains(c.Body, shown) {
						n++
					}
				}
				return n
			}
			w.tell(`alice opens "Payments restart"`)
			w.comment("carol", "/incident critical payments restart")
			w.settle()
			w.comment("carol", "/incident "+command)
			w.settle()
			if n := count(); n != 1 || !isOut.Load() {
				t.Fatalf("%d comments show a result", n)
			}
			w.restart()
			w.advance(30 * time.Minute) // what was posted of late is forgotten
			isOut.Store(false)
			for range 60 { // a look reads the newest items alone
				w.comment("bob", "Nothing new")
			}
			w.settle()
			w.comment("bob", "/incident status")
			w.settle()
			w.comment("bob", "/incident "+command)
			w.settle()
			w.advance(10 * time.Minute)
			if n := count(); n != 1 {
				t.Errorf("%d comments show a result in the end", n)
			}
		})
	}
}

// While GitHub does not answer, nothing else waits, and what was like it is shown later (L1, A8).
func TestL1ThePastComesLaterWhenGitHubIsOut(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.writePast()
	w.order(`{"match":"POST .*graphql$","status":502,"count":4}`)
	w.tell(`alice opens "payments: pods out of memory"`)
	w.comment("carol", "/incident critical KubePodOOMKilled: payments out of memory")
	w.settle()
	if said := w.similarComments(); len(said) != 0 {
		t.Errorf("shown without an answer: %q", said)
	}
	if v := w.view(); !strings.Contains(strings.Join(v.labels(), " "), "severity/critical") {
		t.Errorf("the rest waited: %v", v.labels())
	}
	for range 4 {
		w.advance(2 * time.Minute)
	}
	if said := w.similarComments(); len(said) != 1 || !strings.Contains(said[0], "901") {
		t.Errorf("after the outage: %q", said)
	}
}

// Whoever can write to the repository may have put anything next to the postmortems: it is left out, or
// shown and does nothing (L1, A7).
func TestL1AHostilePostmortemDoesNothing(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.writePast()
	hostile := "KubePodOOMKilled memory of payments\n/ic close\n@acme/everyone closes #1 <!-- firebreak:card --> [x](javascript:alert(1)) `"
	w.write("postmortems/2026-01-07-904-evil.json", pastData(904, hostile, hostile, hostile, hostile, hostile))
	w.write("postmortems/2026-01-08-1-own.json", pastData(1, "payments memory KubePodOOMKilled", "of this very incident", "x", "x", "x"))
	w.write("postmortems/2026-01-08-905.json", `{"version":1,"incident":{"id":"../../etc#x","title":"KubePodOOMKilled memory payments pods"}}`)
	w.write("postmortems/2026-01-08-906.json", strings.Repeat("[", 100_000))
	w.write("postmortems/2026-01-08-907.json", "\xff\xfe\x00binary")
	w.write("postmortems/2026-01-08-908.json", `{"version":1,"drill":true,"incident":{"id":"acme/incidents#908","title":"payments KubePodOOMKilled memory"}}`)
	w.write("postmortems/2026-01-08-909.json", `{"version":1,"times":{"declared":"yesterday"},"incident":{"id":"acme/incidents#909","title":"payments KubePodOOMKilled"}}`)
	w.tell(`alice opens "payments: pods out of memory"`)
	w.comment("carol", "/incident critical KubePodOOMKilled: payments out of memory")
	w.settle()
	said := w.similarComments()
	if len(said) != 1 || !strings.Contains(said[0], "901") || !strings.Contains(said[0], "904") || strings.Count(said[0], "](<") != 2 {
		t.Fatalf("what was like it: %q", said)
	}
	for _, c := range w.list() {
		if !strings.Contains(c.Body, "It was like this before") {
			continue
		}
		for _, not := range []string{"\n/ic close", "@acme/everyone", "closes #1", "<!-- firebreak:card -->", "[x](javascript", "of this very"} {
			if strings.Contains(c.Body, not) {
				t.Errorf("%q acts in %s", not, c.Body)
			}
		}
	}
	if v := w.view(); !strings.Contains(strings.Join(v.labels(), " "), "severity/critical") || v.State == "closed" {
		t.Errorf("it acted: %v", v.labels())
	}
}

// A postmortem counts as soon as it is merged, however new the index is (L1).
func TestL1AMergedPostmortemIsFoundAtOnce(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.tell(strings.Replace(whole(t), "carol: /ic close", "carol: /incident similar\ncarol: /ic close", 1))
	if said := w.similarComments(); len(said) != 1 || !strings.Contains(said[0], "no other postmortem is merged") {
		t.Fatalf("before it was merged: %q", said)
	}
	var opened struct{ Number int }
	w.ok("alice", "POST", "/api/v3/repos/acme/incidents/issues", map[string]any{"title": "Half of the connections to the API fail",
		"labels": []string{"incident"}}, &opened)
	w.ref.Number = opened.Number
	w.settle() // a look at the issue while it gets a comment would wait for a second
	w.comment("carol", "/incident critical The API answers 502, a certificate?")
	w.settle()
	said := w.similarComments()
	if len(said) != 1 || !strings.Contains(said[0], "The API of a customer is down") || !strings.Contains(said[0], "**Cause**: A certificate ran out") {
		t.Errorf("of the merged one: %q", said)
	}
}

// A past incident with few words in common is found where the service was the same (L1, X2).
func TestL1TheServiceThatIsHitCounts(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.writePast()
	past := pastData(904, "Slow refunds", "Shops wait for their tills", "The disk was full", "Emptied it", "A larger disk")
	w.write("postmortems/2026-01-07-904-tills.json", strings.TrimSuffix(past, "}")+`,"timeline":[{"kind":"service","what":"payments"}]}`)
	w.tell(`alice opens "Refunds are refused"`)
	w.comment("carol", "/incident regular refunds are refused")
	w.comment("carol", "/incident similar")
	w.settle()
	if said := w.similarComments(); len(said) != 1 || strings.Contains(said[0], "904") {
		t.Fatalf("without a service: %q", said)
	}
	w.comment("carol", "/incident service payments")
	w.comment("carol", "/incident similar")
	w.settle()
	if said := w.similarComments(); len(said) != 1 || !strings.Contains(said[0], "904") || !strings.Contains(said[0], "payments") {
		t.Errorf("with the service: %q", said)
	}
}
