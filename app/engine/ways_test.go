package engine_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/templates"
)

// push is a push service: it notes what rings, and when by the world's clock.
type push struct {
	mu    sync.Mutex
	w     *world
	rang  []string // "4m0s dan-2"
	links map[string]string
	texts map[string]string
	down  map[string]bool // topics that it refuses

	during func() // what happens while it is handed a message; nil: nothing
}

func (p *push) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/health" {
		_, _ = rw.Write([]byte(`{"healthy":true}`))
		return
	}
	var m struct{ Topic, Click, Title, Message string }
	body, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(body, &m); err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	if p.during != nil {
		p.during()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down[m.Topic] {
		rw.WriteHeader(http.StatusForbidden)
		return
	}
	p.rang = append(p.rang, fmt.Sprint(p.w.sandbox.Clock().Now().Sub(began).Round(time.Second), " ", m.Topic))
	p.links[m.Topic] = m.Click
	p.texts[m.Topic] = m.Title + "\n" + m.Message
}

// text returns what rang last by a topic.
func (p *push) text(topic string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.texts[topic]
}

// topics returns what rang, in order.
func (p *push) topics() (all []string) {
	for _, rang := range p.told() {
		all = append(all, strings.Fields(rang)[1])
	}
	return all
}

func (p *push) told() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.rang)
}

// byPush makes pages go to people by their own ways.
func byPush(t *testing.T, down ...string) (*world, *push) {
	t.Helper()
	w := newWorld(t)
	p := &push{w: w, links: map[string]string{}, texts: map[string]string{}, down: map[string]bool{}}
	for _, topic := range down {
		p.down[topic] = true
	}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	w.env["FIREBREAK_OUTBOUND_ALLOW"] = "127.0.0.1"
	w.env["FIREBREAK_SECRET_PEOPLE"] = strings.ReplaceAll(`{
  "carol": [{"ntfy": "URL/carol-1"}, {"ntfy": "URL/carol-2", "after": "2m"}, {"ntfy": "URL/carol-3", "after": "4m"}],
  "dan": [{"ntfy": "URL/dan-1"}],
  "desk": ["carol"]}`, "URL", server.URL)
	w.restart()
	w.change("main", `services: {people: {secret: PEOPLE}}
pager: people
escalation: {steps: [{to: [desk]}, {after: 10m, to: ["@dan"]}], rounds: 1}
`)
	return w, p
}

// Somebody who does not answer is reached by their ways in order, each once and at its time, by another
// process and while GitHub is out too (O3).
func TestO3WaysFollowEachOther(t *testing.T) {
	for name, during := range map[string]func(w *world){
		"":          func(*world) {},
		"restarted": func(w *world) { w.restart() },
		"GitHub out": func(w *world) {
			w.order(`{"outage":"8m"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := byPush(t)
			w.tell(down)
			during(w)
			for range 10 {
				w.advance(30 * time.Second)
			}
			if got := p.told(); len(got) != 3 || !strings.HasSuffix(got[0], " carol-1") || got[1] != "2m0s carol-2" || got[2] != "4m0s carol-3" {
				t.Errorf("rang %q", got)
			}
		})
	}
}

// "I have seen it" ends one's own reminders alone, and the role ends all (O3, I8).
func TestO3I8AnAnswerEndsTheWays(t *testing.T) {
	for how, want := range map[string][]string{
		"seen":       {"carol-1", "dan-1"},
		"coordinate": {"carol-1"},
		"pass":       {"carol-1", "dan-1"},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			w, p := byPush(t)
			w.tell(down)
			w.advance(time.Minute)
			w.answers(p.links["carol-1"], how)
			w.advance(12 * time.Minute)
			var topics []string
			for _, rang := range p.told() {
				topics = append(topics, strings.Fields(rang)[1])
			}
			if !slices.Equal(topics, want) {
				t.Errorf("rang %q, want %q", p.told(), want)
			}
		})
	}
}

// A way that fails makes the next one go out at once, and the issue says so. If none is left the
// escalation goes on at once (O3, I5).
func TestO3AWayThatFailsIsToldAndFollowed(t *testing.T) {
	skipUnderRace(t)
	w, p := byPush(t, "carol-2")
	w.tell(down)
	w.advance(2 * time.Minute)
	if got := p.told(); len(got) != 2 || !strings.HasSuffix(got[1], " carol-3") {
		t.Errorf("rang %q", got)
	}
	if said := w.said("could not be reached by ntfy"); len(said) != 1 || !strings.Contains(said[0], "carol") || strings.Contains(said[0], "127.0.0.1") {
		t.Errorf("said %q", said)
	}
	w.advance(5 * time.Minute)
	if got := p.told(); len(got) != 2 {
		t.Errorf("rang %q", got)
	}

	w, p = byPush(t, "carol-1", "carol-2", "carol-3")
	w.tell(down)
	if got := p.told(); len(got) != 1 || !strings.HasSuffix(got[0], " dan-1") {
		t.Errorf("rang %q", got)
	}
}

// A first way that fails is on the card although the next one rang (O3).
func TestO3AMissedWayIsOnTheCard(t *testing.T) {
	skipUnderRace(t)
	w, p := byPush(t, "carol-1")
	w.tell(down)
	if got := p.told(); len(got) != 1 || !strings.HasSuffix(got[0], " carol-2") {
		t.Errorf("rang %q", got)
	}
	if card := w.card(); !strings.Contains(card, "**did not reach** carol by ntfy") {
		t.Errorf("the card is\n%s", card)
	}
	if said := w.said("could not be reached"); len(said) != 0 {
		t.Errorf("said %q", said)
	}
}

// A callback that no vendor sent answers nothing (O3).
func TestO3AForgedCallbackAnswersNothing(t *testing.T) {
	skipUnderRace(t)
	w, p := byPush(t)
	w.tell(down)
	for _, vendor := range []string{engine.WayCall, engine.WayPushover, "ntfy", "x"} {
		if status, _, _ := w.request("POST", p.links["carol-1"]+"?way="+vendor, "Digits=1&receipt=x&acknowledged=1"); status != http.StatusForbidden {
			t.Errorf("%s: %d", vendor, status)
		}
	}
	w.settle()
	if s := w.stateOf(); s.IC != "" {
		t.Errorf("IC %q", s.IC)
	}
}

// byCalls is byPush with Twilio's settings, and returns what sends a callback of Twilio's, signed.
func byCalls(t *testing.T) (w *world, p *push, press func(link, digit string) (status int)) {
	t.Helper()
	w, p = byPush(t)
	const token = "0fedcba9876543210fedcba987654321"
	w.env["FIREBREAK_SECRET_TWILIO"] = token
	w.restart()
	w.change("main", `services: {people: {secret: PEOPLE, twilio-account: AC0123456789abcdef0123456789abcdef,
  twilio-from: "+14155550100", twilio-secret: TWILIO}}
pager: people
escalation: {steps: [{to: [desk]}, {after: 10m, to: ["@dan"]}, {after: 20m, to: ["@alice"]}], rounds: 1}
`)
	return w, p, func(link, digit string) int {
		t.Helper()
		address := link + "?way=call"
		mac := hmac.New(sha1.New, []byte(token))
		mac.Write([]byte(address + "Digits" + digit))
		req, err := http.NewRequest(http.MethodPost, address, strings.NewReader("Digits="+digit))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		w.settle()
		return res.StatusCode
	}
}

// A callback that comes twice answers once, and one that comes late is judged by what is true then: a role
// that somebody has stays theirs, and after a day the link is worth nothing (O3).
func TestO3CallbacksTwiceAndLate(t *testing.T) {
	skipUnderRace(t)
	w, p, press := byCalls(t)
	w.tell(down)
	w.advance(time.Minute)
	for range 3 { // 2 is "pass on": to the next step, and not to the one after
		if status := press(p.links["carol-1"], "2"); status != http.StatusOK {
			t.Errorf("%d", status)
		}
	}
	if got := p.told(); len(got) != 2 || !strings.HasSuffix(got[1], " dan-1") {
		t.Errorf("rang %q", got)
	}
	for range 2 {
		if status := press(p.links["dan-1"], "1"); status != http.StatusOK {
			t.Errorf("%d", status)
		}
	}
	if s := w.stateOf(); s.IC != "dan" {
		t.Errorf("IC %q", s.IC)
	}
	if said := len(w.list()); press(p.links["dan-1"], "1") != http.StatusOK || len(w.list()) > said+1 {
		t.Errorf("said %d, then %d", said, len(w.list()))
	}
	if status := press(p.links["carol-1"], "9"); status != http.StatusOK {
		t.Errorf("a key that means nothing: %d", status)
	}
	w.advance(25 * time.Hour)
	if status := press(p.links["carol-1"], "1"); status != http.StatusGone {
		t.Errorf("a day later: %d", status)
	}
	if s := w.stateOf(); s.IC != "dan" {
		t.Errorf("IC %q", s.IC)
	}
}

// A mention is a way: it comes at its time, once, and not after an answer (O3).
func TestO3AMentionComesAtItsTime(t *testing.T) {
	w, p := byPush(t)
	w.env["FIREBREAK_SECRET_PEOPLE"] = strings.Replace(w.env["FIREBREAK_SECRET_PEOPLE"], `"after": "2m"}`,
		`"after": "2m"}, {"github": "carol", "after": "3m"}`, 1)
	w.restart()
	w.tell(down)
	mentions := func() (n int) {
		for _, text := range w.said("@carol") {
			if strings.HasPrefix(strings.TrimSpace(text), "@carol: ") {
				n++
			}
		}
		return n
	}
	w.advance(2*time.Minute + 30*time.Second)
	if mentions() != 0 {
		t.Errorf("too early: %q", w.said(""))
	}
	w.advance(time.Minute)
	w.restart()
	w.advance(4 * time.Minute)
	if got := p.told(); mentions() != 1 || len(got) != 3 {
		t.Errorf("%d mentions, rang %q: %q", mentions(), got, w.said(""))
	}
}

// A step that names a rotation rings who is on call in it, by their own ways, also before there is an incident
// (O1, O3).
func TestO3RotationsRingWhoIsOnCall(t *testing.T) {
	for name, report := range map[string]func(w *world){
		"by a person": func(w *world) { w.tell(critical) },
		"by an alert": func(w *world) {
			w.post("/intake/generic", "application/json",
				`{"title":"The API is down","message":"502","severity":"critical","dedup_key":"api"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldOnCall(t, strings.ReplaceAll(rotations, "@bob", "@erin"))
			p := &push{w: w, links: map[string]string{}, texts: map[string]string{}, down: map[string]bool{}}
			server := httptest.NewServer(p)
			t.Cleanup(server.Close)
			w.env["FIREBREAK_OUTBOUND_ALLOW"] = "127.0.0.1"
			w.env["FIREBREAK_SECRET_PEOPLE"] = strings.ReplaceAll(`{"erin": [{"ntfy": "URL/erin-1"},
  {"ntfy": "URL/erin-2", "after": "2m"}], "carol": [{"ntfy": "URL/carol-1"}]}`, "URL", server.URL)
			w.restart()
			w.change("main", "services: {people: {secret: PEOPLE}}\npager: people\n"+
				"escalation: {steps: [{to: [primary]}, {after: 30m, to: [primary]}], rounds: 1}\n"+
				"signals: [{source: generic, do: page}]\n")
			report(w)
			w.advance(3 * time.Minute)
			var topics []string
			for _, rang := range p.told() {
				topics = append(topics, strings.Fields(rang)[1])
			}
			if !slices.Equal(topics, []string{"erin-1", "erin-2"}) {
				t.Errorf("rang %q", p.told())
			}
			w.advance(30 * time.Minute) // past the handover at 11:00
			if got := p.told(); len(got) != 3 || !strings.HasSuffix(got[2], " carol-1") {
				t.Errorf("rang %q", got)
			}
		})
	}
}

// Whatever vendors are out, with GitHub out or the product killed too, somebody is reached within a minute
// of what the policy says, or the issue says loudly that nobody could be (O3).
func TestO3SomebodyIsReachedOrItIsSaid(t *testing.T) {
	skipUnderRace(t)
	topics := []string{"carol-1", "carol-2", "carol-3", "dan-1"}
	for seed := range 1 << len(topics) {
		var refused []string
		for n, topic := range topics {
			if seed>>n&1 == 1 {
				refused = append(refused, topic)
			}
		}
		for _, fault := range []string{"", "killed", "GitHub out"} {
			t.Run(fmt.Sprint(refused, " ", fault), func(t *testing.T) {
				t.Parallel()
				w, p := byPush(t, refused...)
				w.tell(down)
				switch fault {
				case "killed":
					w.restart()
				case "GitHub out":
					w.order(`{"outage":"6m"}`)
				}
				w.advance(time.Minute)
				rang := p.told()
				if len(refused) < len(topics) && len(rang) == 0 {
					t.Errorf("nobody was reached, though not all is out: %q", refused)
				}
				w.advance(10 * time.Minute)
				if len(refused) == len(topics) && len(w.said("Please call")) == 0 {
					t.Errorf("nobody was reached, and nothing says so: %q", w.said(""))
				}
				for n, rang := range p.told() {
					if slices.Contains(p.told()[:n], rang) {
						t.Errorf("%s rang twice", rang)
					}
				}
			})
		}
	}
}

// Between an alert and the first ring GitHub is asked once, for an incident that is open, by a process that knows the
// configuration, and for little by one that has just started: that bounds how long it takes (O3).
func TestO3TheFirstRingWaitsForLittle(t *testing.T) {
	for name, c := range map[string]struct {
		before func(w *world)
		most   int // calls of GitHub before it rings
	}{
		"it knows the configuration": {func(w *world) { w.tell("alice opens \"Slow\"\nwait 1m") }, 2},
		"it has just started":        {func(w *world) { w.restart() }, 9},
		"GitHub is out":              {func(w *world) { w.restart(); w.order(`{"outage":"1h"}`) }, 8},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := byPush(t)
			w.change("main", "services: {people: {secret: PEOPLE}}\npager: people\nescalation: {steps: [{to: [desk]}]}\n"+
				"signals: [{source: generic, do: page}]\n")
			w.tell("alice opens \"Early\"\nwait 1m")
			c.before(w)
			w.calls()
			before, calls := -1, []call(nil)
			p.during = func() {
				if before < 0 {
					calls = w.calls()
					before = len(calls)
				}
			}
			from := w.sandbox.Clock().Now()
			w.post("/intake/generic", "application/json", `{"title":"The API is down","message":"502","severity":"critical","dedup_key":"api"}`)
			if got := p.told(); len(got) == 0 || got[0] != fmt.Sprint(from.Sub(began).Round(time.Second), " carol-1") {
				t.Errorf("rang %q, and the alert came at %s", got, from.Sub(began))
			}
			if before < 0 || before > c.most {
				t.Errorf("%d calls of GitHub before it rang, want at most %d: %v", before, c.most, calls)
			}
		})
	}
}

// From an alert until the first phone rings: what the product itself takes, with a push service that
// answers at once (O3): one alert after the other, and 100 of them a second, each a different one. The
// order is 5 s, and 1 s at the median; of many 300 ms at the median, and 1 s of 99 in 100. The embedded
// GitHub works in the same process.
func BenchmarkO3FromAlertToFirstRing(b *testing.B) {
	for name, every := range map[string]time.Duration{"one": 0, "100-a-second": 10 * time.Millisecond} {
		b.Run(name, func(b *testing.B) { fromAlertToRing(b, every) })
	}
}

var alertNumber = regexp.MustCompile(`Alert (\d+)`)

func fromAlertToRing(b *testing.B, every time.Duration) {
	w := newWorldJudged(b, map[string]map[string]string{"acme/incidents": templates.Repository()},
		func(h http.Handler) http.Handler { return h })
	type ring struct {
		n  int
		at time.Time
	}
	rang := make(chan ring, 100_000)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if m := alertNumber.FindSubmatch(body); m != nil {
			n, _ := strconv.Atoi(string(m[1]))
			rang <- ring{n, time.Now()}
		}
	}))
	b.Cleanup(server.Close)
	w.env["FIREBREAK_OUTBOUND_ALLOW"] = "127.0.0.1"
	w.env["FIREBREAK_SECRET_PEOPLE"] = `{"carol": [{"ntfy": "` + server.URL + `/carol"}]}`
	w.restart()
	w.change("main", "services: {people: {secret: PEOPLE}}\npager: people\nescalation: {steps: [{to: [\"@carol\"]}]}\n"+
		"signals: [{source: generic, do: page}]\n")
	w.advance(time.Hour)
	var began []time.Time
	var took []time.Duration
	heard := map[int]bool{}
	hear := func() {
		if r := <-rang; !heard[r.n] {
			heard[r.n] = true
			took = append(took, r.at.Sub(began[r.n]))
		}
	}
	var posts sync.WaitGroup
	for b.Loop() {
		n := len(began)
		began = append(began, time.Now())
		post := func() {
			w.post("/intake/generic", "application/json",
				fmt.Sprintf(`{"title":"Alert %d","message":"Down","severity":"critical","dedup_key":"alert-%d"}`, n, n))
		}
		if every == 0 {
			post()
			hear()
			continue
		}
		posts.Go(post)
		time.Sleep(every)
	}
	for len(took) < len(began) {
		hear()
	}
	posts.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "ms/median")
	b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "ms/p99")
}

// The page that goes out before there is an incident has a link too, whose answer reaches the incident
// once it is there. Nobody is rung twice for the two (I8, O3).
func TestI8O3TheLinkOfTheFirstPageFindsItsIncident(t *testing.T) {
	w, p := byPush(t)
	w.change("main", `services: {people: {secret: PEOPLE}}
pager: people
escalation: {steps: [{to: [desk]}, {after: 10m, to: ["@dan"]}], rounds: 1}
signals: [{source: generic, do: page}]
`)
	w.post("/intake/generic", "application/json", `{"title":"The API is down","message":"502","severity":"critical","dedup_key":"api"}`)
	link := p.links["carol-1"]
	if link == "" {
		t.Fatalf("nobody was rung: %q", p.told())
	}
	if status, _, body := w.request("GET", link, ""); status != 200 || !strings.Contains(body, "being opened") {
		t.Errorf("%d %s", status, body)
	}
	w.answers(link, "coordinate")
	w.advance(15 * time.Minute)
	if s := w.stateOf(); s.IC != "carol" {
		t.Errorf("IC %q, paging %+v", s.IC, s.Paging)
	}
	if got := p.told(); len(got) != 1 {
		t.Errorf("rang %q", got)
	}
}
