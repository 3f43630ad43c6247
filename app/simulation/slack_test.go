package simulation

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace/webapi"
	"github.com/firebreak-dev/firebreak/templates"
)

// TestA4SlackInvariants plays days on which people act on GitHub and in the incident's channel in Slack at once, while
// Slack, and in half of the seeds GitHub too, goes wrong. Whatever happens, each command in Slack is on the issue once
// or refused in Slack, the channel shows what happens on the issue once, the pinned card says what the issue says, and
// customers read updates alone. Where only Slack goes wrong, everything on GitHub ends, and everybody is paged, as on a
// day on which Slack works: nothing waits for it (S5).
//
// From seed 5,001 on Slack is slow, too, and time passes while it is asked.
//
//	go test ./app/simulation -run SlackInvariants -seeds 300
//	go test ./app/simulation -run SlackInvariants -seed 17
func TestA4SlackInvariants(t *testing.T) {
	if *one != 0 {
		holdSlack(t, *one, os.Stderr)
		return
	}
	n, isDefault := *seeds, *seeds == defaultSeeds && *first == 1
	if n == defaultSeeds {
		n = 16
	}
	if testing.Short() {
		n = min(n, 3)
	}
	var all []uint64
	for seed := *first; seed < *first+n; seed++ {
		all = append(all, seed)
	}
	for seed := firstSlow; isDefault && !testing.Short() && seed < firstSlow+4; seed++ {
		all = append(all, seed)
	}
	for _, seed := range all {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			holdSlack(t, seed, io.Discard)
		})
	}
}

// firstSlow is the first seed of those in which Slack is slow. The clock is one for all, so that what becomes due while a
// call takes long is done behind it: those days are not compared with one on which Slack works.
const firstSlow uint64 = 5001

// The people in Slack. The configuration names those of targets; dan may say himself who he is, and erin is nobody.
var slackUsers = map[string]string{"alice": "U0ALICE", "bob": "U0BOB00", "carol": "U0CAROL", "dan": "U0DAN00",
	"erin": "U0ERIN0", "mallory": "U0MALLORY"}

const slackTargets = `{ "@alice": U0ALICE, "@bob": U0BOB00, "@carol": U0CAROL, "@mallory": U0MALLORY }`

// gina is the customer's person.
const gina = "U0GINA00"

// slackDay is a world with a Slack.
type slackDay struct {
	draw
	w      *world
	at     *workspace.Workspace
	held   http.Handler // at, with what Slack says of its methods
	url    string
	shared string // the customer's channel
	policy string // the configuration

	isCalm     bool // nothing goes wrong
	isQuiet    bool // GitHub works
	isMirrored bool

	passing sync.Mutex // one call lets time pass at a time

	mu     sync.Mutex
	rate   uint64 // of a thousand calls to Slack, how many go wrong
	kinds  []string
	slow   uint64 // of a thousand calls to Slack, how many take seconds
	made   map[string]int
	spells []slackSpell

	late    []*slackPost // what Slack sends later
	played  []slackAct   // what people did, there and on GitHub, in that order
	said    []*slackSaid
	done    map[string]bool // by message, what the channel told of it
	left    map[string]bool // channels that people deleted, archived or threw the bot out of
	serial  int
	began   time.Time
	ended   time.Time // when the script was over
	wrong   []string
	updates []string // that somebody wrote
}

// slackSpell is a time in which all calls to Slack, or those of some methods, go wrong.
type slackSpell struct {
	span
	how    string
	method string // a part of its name; empty: all
}

// slackAct is what somebody did: on GitHub, or what Slack sent of it first.
type slackAct struct {
	at   time.Time
	step step
	post *slackPost // nil: on GitHub
}

// slackPost is what Slack sends.
type slackPost struct {
	due      time.Time
	kind     string // content type
	body     string
	retry    int
	age      time.Duration // of its signature
	isForged bool
	said     *slackSaid
	title    string
	channel  string
}

// slackSaid is what somebody did in Slack.
type slackSaid struct {
	id, channel, who, text, title string

	kind      string // slash, message, press, form, pin, words
	at        time.Time
	isTaken   bool   // it was answered with 200
	answer    string // what that said
	isEdited  bool
	isDeleted bool
}

// slackStory draws what people do: one incident mostly, for the channels are what this is about.
func slackStory(d draw) (script []step) {
	titles := pick(d, 1, 1, 1, 1, 2)
	for n := range titles {
		story := d.story(fmt.Sprintf("Incident %c", 'A'+n))
		script = append(script, story...)
	}
	script = slices.DeleteFunc(script, func(s step) bool {
		return strings.Contains(s.text, "duplicate") || s.verb == "edits"
	})
	number := 0
	acted := map[time.Duration]time.Duration{}
	var now time.Duration
	for i := range script {
		s := &script[i]
		if s.verb == "says" { // each text is said once, so that it can be found again
			number++
			if strings.HasPrefix(s.text, "/ic update ") {
				s.text += fmt.Sprintf(", says number %d", number)
			}
		}
		s.wait = odd(s.wait + d.pause())
		for then, taken := acted[(now+s.wait)%clock]; taken && then != now+s.wait; then, taken = acted[(now+s.wait)%clock] {
			s.wait += grid
		}
		now += s.wait
		acted[now%clock] = now
	}
	return script
}

// newSlackDay makes a world with a Slack that the configuration names.
func newSlackDay(t *testing.T, seed uint64, log io.Writer, isCalm bool) *slackDay {
	t.Helper()
	s := &slackDay{draw: newDraw(seed, 31), isCalm: isCalm, made: map[string]int{}, done: map[string]bool{},
		left: map[string]bool{}}
	s.w = newWorld(t, seed%1000, log) // of which the first thousand have nothing else that is new
	s.w.net.seed = seed
	users := map[string]string{gina: "gina"}
	for name, id := range slackUsers {
		users[id] = name
	}
	s.at = workspace.New(s.w.box.Clock().Now, users)
	s.held = webapi.Middleware(t, s.at)
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.Close()
		*s = slackDay{} // as a world
	})
	s.url = server.URL
	s.at.Make("pages", slackUsers["alice"])
	s.shared = s.at.Make("globex-p1", slackUsers["alice"])
	for _, c := range s.at.Channels() {
		s.at.Change(c.ID, func(c *workspace.Channel) { c.Members = append(c.Members, workspace.BotUser, gina) })
	}
	per, mirror := pick(s.draw, "critical", "all"), pick(s.draw, "commands", "commands", "all")
	s.isMirrored = mirror == "all"
	s.policy = strings.Replace(templates.Repository()[".github/firebreak.yml"], "      - issue: acme/customer-globex\n",
		"      - issue: acme/customer-globex\n      - slack: "+s.shared+"\n", 1) +
		fmt.Sprintf("\nchanges:\n  automatic: false\nslack: { channel-per: %s, mirror: %s }\nservices:\n  slack:\n    secret: SLACK\n"+
			"    channel: C00000001\n    targets: %s\n", per, mirror, slackTargets)
	s.w.configure(s.policy)
	s.w.env["FIREBREAK_SLACK_URL"], s.w.env["FIREBREAK_SECRET_SLACK"] = server.URL+"/api", workspace.Token
	s.w.env["FIREBREAK_SLACK_COMMENTS"] = "true"
	s.w.restart()
	s.began = s.w.box.Clock().Now()
	return s
}

// configure writes the configuration.
func (w *world) configure(text string) {
	w.t.Helper()
	const at = repository + "/contents/.github/firebreak.yml"
	var before struct{ SHA string }
	w.as("alice", "GET", at, nil, &before)
	if status := w.as("alice", "PUT", at, map[string]string{"message": "Slack", "sha": before.SHA,
		"content": inBase64(text)}, nil); status != http.StatusOK {
		w.t.Fatalf("write the configuration: %d", status)
	}
	w.advance(time.Second)
}

// ServeHTTP is Slack's Web API, of which calls go wrong.
func (s *slackDay) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if s.w.net.hasEnded() { // a process that has ended makes no calls
		hangUp(rw)
		return
	}
	if strings.Contains(r.URL.Path, "/respond/") {
		_, _ = io.WriteString(rw, "ok")
		return
	}
	method := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	before, after := s.delay(method)
	s.pass(before)
	defer s.pass(after)
	switch how, x := s.fate(method); how {
	case "":
		s.held.ServeHTTP(rw, r)
	case "away":
		rw.WriteHeader([]int{500, 502, 503}[x%3])
	case "limited":
		rw.Header().Set("Retry-After", fmt.Sprint(1+x%120))
		rw.WriteHeader(http.StatusTooManyRequests)
	case "cut off":
		hangUp(rw)
	case "answer lost":
		s.held.ServeHTTP(httptest.NewRecorder(), r)
		hangUp(rw)
	case "answer lost with a 500":
		s.held.ServeHTTP(httptest.NewRecorder(), r)
		rw.WriteHeader(http.StatusInternalServerError)
	case "the process ends":
		s.w.net.stop()
		s.w.kill()
		hangUp(rw)
	case "the process ends after it":
		s.held.ServeHTTP(httptest.NewRecorder(), r)
		s.w.net.stop()
		s.w.kill()
		hangUp(rw)
	default: // a code of Slack's
		_, _ = fmt.Fprintf(rw, `{"ok":false,"error":%q}`, how)
	}
}

// delay draws how long a call takes: until Slack has it, and until its answer is here.
func (s *slackDay) delay(method string) (before, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slow == 0 {
		return 0, 0
	}
	x := s.w.net.random(call{"slow Slack " + method, s.made[method]})
	if x%1000 >= s.slow {
		return 0, 0
	}
	takes := time.Duration(1+x>>10%18) * time.Second
	s.w.net.tell("Slack: %s takes %s", method, takes)
	if x>>20%2 == 0 {
		return takes, 0
	}
	return 0, takes
}

// pass lets time pass while a call is under way.
func (s *slackDay) pass(d time.Duration) {
	s.passing.Lock()
	defer s.passing.Unlock()
	if d > 0 {
		s.w.box.Clock().Pass(d)
	}
}

// hangUp ends a connection without an answer.
func hangUp(rw http.ResponseWriter) {
	if h, ok := rw.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			_ = conn.Close()
		}
	}
}

// slackTroubles are what goes wrong with single calls.
var slackTroubles = []string{"away", "limited", "cut off", "answer lost", "answer lost with a 500", "the process ends",
	"the process ends after it", "internal_error", "ratelimited"}

// fate draws what goes wrong with a call; "": nothing.
func (s *slackDay) fate(method string) (how string, x uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made[method]++
	n := s.made[method]
	if s.isCalm {
		return "", 0
	}
	x = s.w.net.random(call{"slack " + method, n})
	now := s.w.box.Clock().Now()
	for _, spell := range s.spells {
		if spell.has(now) && strings.Contains(method, spell.method) {
			return spell.how, x
		}
	}
	if x%1000 < s.rate {
		how = s.kinds[x>>20%uint64(len(s.kinds))]
		s.w.net.tell("Slack: %s: %s, time %d", how, method, n)
	}
	return how, x >> 40
}

// holdSlack plays one seed.
func holdSlack(t *testing.T, seed uint64, out io.Writer) {
	log := &locked{out: out, words: wrongWords}
	s := newSlackDay(t, seed, log, false)
	script := slackStory(newDraw(seed, 30))
	var titles []string
	for _, one := range script {
		if !slices.Contains(titles, one.on) {
			titles = append(titles, one.on)
		}
	}
	s.isQuiet = s.chance(50)
	s.rate = pick(s.draw, uint64(0), 20, 80, 200)
	s.kinds = slackTroubles
	if s.chance(30) { // one kind matters most
		s.kinds = []string{pick(s.draw, slackTroubles...)}
	}
	if seed >= firstSlow {
		s.isQuiet = false
		s.slow = pick(newDraw(seed, 32), uint64(20), 80, 200)
	}
	if !s.isQuiet {
		s.w.net.rate = pick(s.draw, uint64(5), 20, 40)
		s.w.net.kinds = []trouble{refused, lost, timedOut, slow, secondary, secondaryAfter, primary, crashBefore, crashAfter}
		s.w.hooks = pick(s.draw, uint64(0), 50, 200)
	}
	if s.chance(25) {
		s.at.Make("inc-1-incident-a", slackUsers["bob"])
	}
	defer func() {
		if len(s.wrong) == 0 && !t.Failed() {
			return
		}
		t.Errorf("seed %d fails; replay it with go test ./app/simulation -run TestA4SlackInvariants -seed %d\n\nwhat was done:\n%s\n\n%s",
			seed, seed, strings.Join(s.w.net.told, "\n"), strings.Join(s.wrong, "\n"))
	}()
	for n, one := range script {
		s.happen(one.on)
		s.passTo(s.w.box.Clock().Now().Add(one.wait))
		one.wait = 0
		if s.inSlack(one) {
			s.w.advance(0)
		} else {
			s.played = append(s.played, slackAct{at: s.w.box.Clock().Now(), step: one})
			s.w.net.tell("%s (%s)", one, s.w.act(one))
		}
		s.echo()
		if s.chance(4) && n > 0 {
			s.w.net.tell("started again")
			s.w.restart()
		}
	}
	s.end()
	s.judge(titles)
	s.wrong = append(s.wrong, log.kept...)
	if s.isQuiet && len(s.wrong) == 0 {
		s.compare(t, seed, titles)
	}
}

// passTo lets time pass, and Slack send what is due by then.
func (s *slackDay) passTo(to time.Time) {
	for {
		slices.SortStableFunc(s.late, func(a, b *slackPost) int { return a.due.Compare(b.due) })
		if len(s.late) == 0 || s.late[0].due.After(to) {
			break
		}
		p := s.late[0]
		s.late = s.late[1:]
		if wait := p.due.Sub(s.w.box.Clock().Now()); wait > 0 {
			s.w.advance(wait)
		}
		s.send(p)
		s.w.advance(0)
	}
	if wait := to.Sub(s.w.box.Clock().Now()); wait > 0 {
		s.w.advance(wait)
	}
}

// end lets everything come to its end: Slack and GitHub work again, and what was lost is swept up.
func (s *slackDay) end() {
	if len(s.late) > 0 {
		s.passTo(slices.MaxFunc(s.late, func(a, b *slackPost) int { return a.due.Compare(b.due) }).due)
	}
	s.mu.Lock()
	s.rate, s.slow, s.spells = 0, 0, nil
	s.mu.Unlock()
	w := s.w
	s.ended = w.box.Clock().Now()
	w.net.tell("everything works again")
	w.advance(time.Second)
	w.net.mu.Lock()
	w.net.rate, w.net.until = 0, time.Time{}
	w.net.mu.Unlock()
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.mu.Lock()
	w.hooks = 0
	for n := range w.mail {
		w.mail[n].due = time.Time{}
	}
	w.mu.Unlock()
	w.restart()
	w.sweep()
	w.advance(20 * time.Minute)
	w.sweep()
	w.advance(time.Hour)
	s.echo()
	w.advance(10 * time.Minute)
}

// compare plays what people did again, on a day on which Slack works: everything on GitHub is the same, and so is who
// was paged when.
func (s *slackDay) compare(t *testing.T, seed uint64, titles []string) {
	calm := newSlackDay(t, seed, io.Discard, true)
	if now := calm.w.box.Clock().Now(); calm.policy != s.policy || !now.Equal(s.began) {
		t.Fatalf("the day on which Slack works begins at %s with %s, want %s with %s", now, calm.policy, s.began, s.policy)
	}
	pass := func(to time.Time) {
		if wait := to.Sub(calm.w.box.Clock().Now()); wait > 0 {
			calm.w.advance(wait)
		}
	}
	for _, a := range s.played {
		pass(a.at)
		if a.post == nil {
			calm.w.act(a.step)
			continue
		}
		p := *a.post
		to := calm.channelOf(p.title)
		if to == "" {
			s.fail("%s has no channel where Slack works", p.title)
			return
		}
		p.body = strings.ReplaceAll(p.body, p.channel, to)
		calm.deliver(&p)
		calm.w.advance(0)
	}
	pass(s.ended)
	calm.end()
	for _, title := range titles {
		want, got := append(calm.w.gist(title), calm.w.pagesOf(title)...), append(s.w.gist(title), s.w.pagesOf(title)...)
		isSlack := func(line string) bool { return strings.Contains(line, "not sent:") }
		want, got = slices.DeleteFunc(want, isSlack), slices.DeleteFunc(got, isSlack)
		if d := differ(want, got); d != "" {
			s.wrong = append(s.wrong, title+" is not as on a day on which Slack works (-want +got):", d)
		}
	}
}
