package simulation

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/sandbox"
)

// reaches reports whether a seed's company has rotations in its repository, and people with ways of their
// own: about one in five of those above a thousand. Themes in which nothing else may happen have none. As
// with changes, the first thousand seeds stay as they were.
func reaches(seed uint64) bool {
	return seed > 1000 && !isAlone(seed) && newDraw(seed, 17).chance(35)
}

// The ways by which people are reached, and whose they are: a call and a text are out together.
var vendorOf = map[string]string{"sms": "twilio", "call": "twilio", "ntfy": "ntfy", "gotify": "gotify"}

// wayTo is one way to reach somebody.
type wayTo struct {
	kind  string
	after time.Duration
}

// turns is a rotation, told without the product's code: whose turn it is follows from whole hours alone.
type turns struct {
	name   string
	people [][]string // nil: nobody, on purpose
	every  time.Duration
	start  time.Time
}

// at returns whose turn it is.
func (r turns) at(t time.Time) []string {
	if t.Before(r.start) {
		return nil
	}
	return r.people[int(t.Sub(r.start)/r.every)%len(r.people)]
}

// text is the rotation as the file has it.
func (r turns) text() string {
	var all []string
	for _, people := range r.people {
		if len(people) == 0 {
			all = append(all, "nobody")
			continue
		}
		var some []string
		for _, login := range people {
			some = append(some, fmt.Sprintf("%q", "@"+login))
		}
		all = append(all, "["+strings.Join(some, ", ")+"]")
	}
	return fmt.Sprintf("  %s:\n    people: [%s]\n    every: %d hours\n    start: %s\n    handover: %q\n", r.name, strings.Join(all, ", "),
		r.every/time.Hour, r.start.Format(time.DateOnly), r.start.Format("15:04"))
}

// cover is who takes over, from everybody on call.
type cover struct {
	rotation, who string
	from, until   time.Time
}

// rota is one version of the file.
type rota struct {
	rotations []turns
	covers    []cover
	from, to  time.Time // when it was there; zero: from the start, until now
}

// at returns who is on call in rotations.
func (r rota) at(names []string, t time.Time) (all []string) {
	for _, rotation := range r.rotations {
		if !slices.Contains(names, rotation.name) {
			continue
		}
		people := rotation.at(t)
		for _, c := range r.covers {
			if c.rotation == rotation.name && len(people) > 0 && !t.Before(c.from) && t.Before(c.until) {
				people = []string{c.who}
			}
		}
		all = append(all, people...)
	}
	return all
}

func (r rota) text() string {
	var b strings.Builder
	b.WriteString("rotations:\n")
	for _, rotation := range r.rotations {
		b.WriteString(rotation.text())
	}
	if len(r.covers) > 0 {
		b.WriteString("covers:\n")
	}
	for _, c := range r.covers {
		fmt.Fprintf(&b, "- { rotation: %s, from: %s, until: %s, who: %q }\n", c.rotation,
			c.from.Format("2006-01-02 15:04"), c.until.Format("2006-01-02 15:04"), "@"+c.who)
	}
	return b.String()
}

// vendorFault is a time in which a vendor takes nothing.
type vendorFault struct {
	span
	vendor, how string
}

// message is what a vendor was handed for somebody.
type message struct {
	login, kind, text, link string
	at                      time.Time
	isTaken                 bool
}

// reach is what a seed has of rotations and ways, and all that its vendors saw.
type reach struct {
	w      *world
	draw   draw // of what happens to the file
	ways   map[string][]wayTo
	steps  []string // whom the steps name, the phone list left out
	config string

	faults []vendorFault
	spotty uint64 // of a thousand messages, how many are not taken though the vendor is not out
	eager  uint64 // of a thousand messages, how many somebody answers

	mu       sync.Mutex
	versions []rota
	made     map[string]int
	messages []message
	stalls   []span // when a call, or a vendor, let the product wait for an answer
	answered map[string]time.Time

	spoilt []span // in which the file was broken, or not shown
	ends   time.Time
	pages  map[string]map[time.Time]incident.Page // by title, all that cards had, by when they were due
	wrong  map[string]string                      // by title, the first that was wrong while the product was idle
}

// everybody are those who are on call now and then.
var everybody = []string{"alice", "bob", "carol", "dan", "erin"}

// newReach draws what a seed has.
func newReach(seed uint64) *reach {
	d := newDraw(seed, 18)
	r := &reach{draw: newDraw(seed, 19), ways: map[string][]wayTo{}, made: map[string]int{}, answered: map[string]time.Time{},
		pages: map[string]map[time.Time]incident.Page{}, wrong: map[string]string{}}
	for _, login := range everybody {
		kinds := []string{"sms", "call", "ntfy", "gotify"}
		d.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
		after := time.Duration(0)
		for i := range 2 + d.IntN(2) {
			if i > 0 {
				after += pick(d, 0, time.Minute, 2*time.Minute, 3*time.Minute)
			}
			r.ways[login] = append(r.ways[login], wayTo{kinds[i], after})
		}
	}
	first := rota{}
	r.steps = []string{"primary"}
	if d.chance(60) {
		r.steps = append(r.steps, "secondary")
	}
	for _, name := range r.steps {
		people := slices.Clone(everybody)
		d.Shuffle(len(people), func(i, j int) { people[i], people[j] = people[j], people[i] })
		one := turns{name: name, every: pick(d, time.Hour, time.Hour, 2*time.Hour), start: began.Add(-24 * time.Hour).Truncate(time.Hour).Add(time.Duration(d.IntN(60)) * time.Minute)}
		for range 2 + d.IntN(2) {
			n := pick(d, 1, 1, 1, 2)
			if d.chance(10) {
				n = 0
			}
			one.people = append(one.people, people[:min(n, len(people))])
			people = people[min(n, len(people)):]
		}
		if slices.IndexFunc(one.people, func(p []string) bool { return len(p) > 0 }) < 0 {
			one.people[0] = everybody[:1]
		}
		first.rotations = append(first.rotations, one)
	}
	r.versions = []rota{first}
	r.config = r.settings(d, seed)
	if d.chance(25) {
		return r // nothing goes wrong with vendors
	}
	for _, vendor := range []string{"twilio", "ntfy", "gotify"} {
		for d.chance(45) {
			from := began.Add(time.Duration(d.IntN(180)) * time.Minute)
			r.faults = append(r.faults, vendorFault{span{from, from.Add(pick(d, 10*time.Minute, time.Hour, time.Hour, 3*time.Hour))},
				vendor, pick(d, "refused", "out", "limited", "hangs")})
		}
	}
	r.spotty, r.eager = pick(d, uint64(0), 80, 200), pick(d, uint64(0), 30, 100)
	return r
}

// settings returns the configuration of a seed.
func (r *reach) settings(d draw, seed uint64) string {
	by := func() string { return pick(d, "people", "people", "webhook, people") }
	steps := fmt.Sprintf("    - to: [primary]\n      by: [%s]\n", by())
	if len(r.steps) > 1 {
		steps += fmt.Sprintf("    - after: %dm\n      to: [%s]\n      by: [%s]\n", 2+d.IntN(4), pick(d, "secondary", "primary, secondary"), by())
	}
	steps += "    - after: 5m\n      to: [phone]\n"
	text := strings.NewReplacer("  rounds: 2\n", "  rounds: 3\n", "  again: 15m ", "  again: 9m ").Replace(files(seed)[".github/firebreak.yml"])
	before, rest, ok := strings.Cut(text, "  steps:\n")
	_, after, isEnd := strings.Cut(rest, "\n\n")
	if !ok || !isEnd {
		panic("the configuration has no steps any more")
	}
	return before + "  steps:\n" + steps + "\n" + after + fmt.Sprintf(`
services:
  people:
    secret: PEOPLE
    twilio-account: %s
    twilio-from: "+15005550006"
    twilio-secret: TWILIO
    test: "off"
`, sandbox.PhoneAccount)
}

// phoneOf is somebody's number.
func phoneOf(login string) string {
	return fmt.Sprintf("+493055500%02d", slices.Index(everybody, login))
}

// join lets a world's product reach people: the receivers have vendors of theirs.
func (r *reach) join(w *world, hooks string) {
	r.w = w
	people := map[string][]map[string]string{}
	for login, ways := range r.ways {
		for _, way := range ways {
			one := map[string]string{"after": way.after.String()}
			switch way.kind {
			case "ntfy":
				one["ntfy"] = hooks + "/topic-" + login
			case "gotify":
				one["gotify"], one["token"] = hooks+"/gotify/"+login, "A-token-of-gotify"
			default:
				one[way.kind] = phoneOf(login)
			}
			people[login] = append(people[login], one)
		}
	}
	text, err := json.Marshal(people)
	if err != nil {
		panic(err)
	}
	host := strings.TrimPrefix(hooks, "http://")
	w.env["FIREBREAK_SECRET_PEOPLE"], w.env["FIREBREAK_SECRET_TWILIO"] = string(text), twilioToken
	w.env["FIREBREAK_PHONE_URL"], w.env["FIREBREAK_PUBLIC_URL"], w.env["FIREBREAK_OUTBOUND_ALLOW"] = hooks+"/twilio", hooks, host
}

const twilioToken = "a token of the simulation"

// parse returns the product's policy.
func (r *reach) parse() incident.Policy {
	schedule, err := config.ParseOnCall([]byte(r.versions[0].text()))
	if err != nil {
		panic(err)
	}
	p, err := config.ParseWith([]byte(r.config), schedule)
	if err != nil {
		panic(err)
	}
	return p
}

var linkIn = regexp.MustCompile(`http://[^\s"<>?]+/a/[^\s"<>?]+`)

// take is the vendors: each takes what it is handed, or fails.
func (r *reach) take(rw http.ResponseWriter, req *http.Request) bool {
	m, ok := read(req)
	if !ok {
		return false
	}
	w := r.w
	m.at = w.box.Clock().Now()
	name := "message " + m.kind + " " + m.login
	r.mu.Lock()
	r.made[name]++
	c := call{name, r.made[name]}
	r.mu.Unlock()
	x, how := w.net.random(c), ""
	for _, f := range r.faults {
		if f.vendor == vendorOf[m.kind] && f.has(m.at) {
			how = f.how
		}
	}
	if how == "" && x%1000 < r.spotty {
		how = [...]string{"refused", "out", "answer lost", "hangs"}[x>>20%4]
	}
	if how != "" {
		w.net.tell("%s: a message by %s for %s", how, m.kind, m.login)
	}
	m.isTaken = how == "" || how == "answer lost"
	r.mu.Lock()
	r.messages = append(r.messages, m)
	r.mu.Unlock()
	switch how {
	case "refused":
		rw.WriteHeader([]int{400, 401, 404}[x>>30%3])
	case "limited":
		rw.Header().Set("Retry-After", "3600")
		rw.WriteHeader(http.StatusTooManyRequests)
	case "out", "answer lost":
		w.away(rw)
	case "hangs":
		w.isLate = true
		r.stall(10 * time.Second)
		w.box.Clock().Pass(10 * time.Second)
		w.away(rw)
	default:
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusCreated)
		_, _ = rw.Write([]byte(`{"sid":"SM00000000000000000000000000000000","id":"1","status":"queued"}`))
	}
	if m.isTaken && m.link != "" && x>>33%1000 < r.eager {
		r.answer(m, x)
	}
	return true
}

// read reads what a vendor was handed.
func read(req *http.Request) (m message, ok bool) {
	topic, isNtfy := "", req.URL.Path == "/"
	switch path := req.URL.Path; {
	case strings.HasPrefix(path, "/twilio/"):
		if err := req.ParseForm(); err != nil {
			return m, false
		}
		m.kind, m.text = "sms", req.PostForm.Get("Body")
		if strings.HasSuffix(path, "/Calls.json") {
			m.kind, m.text = "call", req.PostForm.Get("Twiml")
		}
		at := slices.IndexFunc(everybody, func(login string) bool { return phoneOf(login) == req.PostForm.Get("To") })
		if at < 0 {
			return m, false
		}
		m.login = everybody[at]
	case isNtfy || strings.HasPrefix(path, "/gotify/"):
		var in struct{ Topic, Title, Message, Click string }
		if err := json.NewDecoder(req.Body).Decode(&in); err != nil {
			return m, false
		}
		m.kind, m.text, topic = "gotify", in.Title+"\n"+in.Message+"\n"+in.Click, in.Topic
		m.login, _, _ = strings.Cut(strings.TrimPrefix(path, "/gotify/"), "/")
		if isNtfy {
			m.kind, m.login = "ntfy", strings.TrimPrefix(topic, "topic-")
		}
	default:
		return m, false
	}
	m.link = linkIn.FindString(m.text)
	return m, true
}

// answer lets somebody answer what reached them: once, twice, late, or so that it is lost on the way.
func (r *reach) answer(m message, x uint64) {
	w := r.w
	how, lasts := incident.PageAnswers[x>>44%uint64(len(incident.PageAnswers))], [...]time.Duration{20 * time.Second, time.Minute, 12 * time.Minute}[x>>50%3]
	times := [...]int{1, 1, 2, 0}[x>>54%4]
	w.net.tell("%s answers %s by %s after %s, %d times", m.login, how, m.kind, lasts, times)
	path, form := strings.TrimPrefix(m.link, w.env["FIREBREAK_PUBLIC_URL"]), url.Values{"answer": {how}}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if m.kind == "call" {
		digit := map[string]string{incident.AnswerCoordinate: "1", incident.AnswerPass: "2", incident.AnswerSeen: "3"}[how]
		form = url.Values{"CallSid": {"CA1"}, "Digits": {digit}}
		header.Set("X-Twilio-Signature", signTwilio(m.link+"?way=call", form))
		path += "?way=call"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	for range times {
		r.answered[r.titleOf(m)] = m.at
		w.mail = append(w.mail, letter{due: m.at.Add(lasts), header: header, body: []byte(form.Encode()), path: path})
	}
}

// signTwilio signs a callback as https://www.twilio.com/docs/usage/security#validating-requests says.
func signTwilio(address string, form url.Values) string {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		address += name + form.Get(name)
	}
	mac := hmac.New(sha1.New, []byte(twilioToken))
	mac.Write([]byte(address))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// titled are the titles in messages: each begins with how bad it is.
var titled = regexp.MustCompile(`: (Incident [A-Z])`)

func (r *reach) titleOf(m message) string {
	if found := titled.FindStringSubmatch(m.text); found != nil {
		return found[1]
	}
	return ""
}

// commit puts a version of the file into the repository, and reports whether GitHub took it.
func (r *reach) commit(text string) bool {
	const path = repository + "/contents/.github/oncall.yml"
	var now struct{ SHA string }
	r.w.as("alice", "GET", path, nil, &now)
	body := map[string]string{"message": "Change who is on call", "content": base64.StdEncoding.EncodeToString([]byte(text))}
	if now.SHA != "" {
		body["sha"] = now.SHA
	}
	return r.w.as("alice", "PUT", path, body, nil) < 300
}

// before lets something happen to the file now and then: it is broken or not shown for a while, or somebody
// takes over.
func (r *reach) before(n int) {
	w, d := r.w, r.draw
	now := w.box.Clock().Now()
	last := &r.versions[len(r.versions)-1]
	if !r.ends.IsZero() && now.After(r.ends) && r.commit(last.text()) {
		r.ends = time.Time{}
	}
	how, lasts := d.IntN(100), pick(d, 3*time.Minute, 9*time.Minute, 40*time.Minute)
	who, rotation, length := pick(d, everybody...), pick(d, r.steps...), time.Duration(20+d.IntN(100))*time.Minute
	switch {
	case n == 0 || !r.ends.IsZero():
	case how < 8 && r.commit("rotations: { primary: { people: [\"@alice\"], every: 1 fortnight } }\n"):
		w.net.tell("who is on call can't be read for %s: the file is broken", lasts)
		r.ends = now.Add(lasts)
		r.spoilt = append(r.spoilt, span{now, r.ends})
	case how < 16:
		w.net.tell("who is on call can't be read for %s: GitHub does not show the file", lasts)
		w.net.mu.Lock()
		w.net.spoil = append(w.net.spoil, &spoiled{match: regexp.MustCompile(`^GET .*/contents/.github/oncall.yml$`), status: pick(d, 403, 500, 502), until: now.Add(lasts)})
		w.net.mu.Unlock()
		r.spoilt = append(r.spoilt, span{now, now.Add(lasts)})
	case how < 26:
		next := rota{rotations: last.rotations, covers: slices.Clone(last.covers), from: now}
		from := now.Truncate(time.Minute)
		next.covers = append(next.covers, cover{rotation, who, from, from.Add(length)})
		if r.commit(next.text()) {
			w.net.tell("%s covers %s for %s", who, rotation, length)
			last.to = now
			r.versions = append(r.versions, next)
		}
	}
}

// onCall returns who is on call in rotations at a time, by each version of the file by which the product may
// go then: what changed just now, or while it could not be read, it need not know.
func (r *reach) onCall(rotations []string, at time.Time, isTrusted bool) (all [][]string) {
	known := 2 * time.Minute
	if !isTrusted {
		known = 25 * time.Minute // a configuration that was read counts for a quarter of an hour if a push is lost
	}
	for _, s := range r.spoilt {
		if !s.from.After(at) {
			known += s.to.Sub(s.from)
		}
	}
	for _, v := range r.versions {
		if v.from.After(at.Add(time.Second)) || !v.to.IsZero() && at.Sub(v.to) > known {
			continue
		}
		all = append(all, v.at(rotations, at))
	}
	return all
}

// look notes what cards say of pages.
func (r *reach) look(titles []string) {
	for _, title := range titles {
		s, _, ok := r.w.stateOf(title)
		if !ok {
			continue
		}
		if r.pages[title] == nil {
			r.pages[title] = map[time.Time]incident.Page{}
		}
		for _, p := range s.Paging.Pages {
			r.pages[title][p.At] = p
		}
	}
}

// inTime is how long a page may take.
const inTime = time.Minute

// unreached returns the pages to people on call that reached none of them in time, although one of their ways
// worked, and those that reached nobody and of which nobody was told. It goes by what the vendors and the
// receiver of pages took, and by the file.
func (w *world) unreached(titles []string, acts []acted, isTrusted bool) (lines []string) {
	r := w.reach
	if r == nil || w.renamed || w.reconfigured {
		return nil
	}
	r.look(titles)
	for _, title := range titles {
		if r.wrong[title] != "" {
			lines = append(lines, r.wrong[title])
		}
		for _, at := range slices.SortedFunc(maps.Keys(r.pages[title]), time.Time.Compare) {
			p := r.pages[title][at]
			if len(r.rotationsOf(p)) == 0 || p.Skipped || !slices.Contains(p.By, incident.ByPeople) || !r.knew(title, p, acts, isTrusted) {
				pagesJudged.add("not judged: " + r.whyNot(p))
				continue
			}
			if why := r.missed(title, p, isTrusted); why != "" {
				lines = append(lines, fmt.Sprintf("%s: %s of %s to %v of %v, because %s: %s", title, p.Key, at.Format(time.DateTime), p.To, r.rotationsOf(p), p.Why, why))
			}
		}
	}
	return lines
}

// pagesJudged counts pages to people on call.
var pagesJudged tally

// whyNot returns why a page is not judged.
func (r *reach) whyNot(p incident.Page) string {
	switch {
	case p.Skipped:
		return "not needed any more"
	case len(r.rotationsOf(p)) == 0 || !slices.Contains(p.By, incident.ByPeople):
		return "to others"
	}
	return "known late"
}

// rotationsOf returns the rotations of which a page is to reach somebody. Once the rounds are over, that are all.
func (r *reach) rotationsOf(p incident.Page) []string {
	isPerson := func(to string) bool { return strings.HasPrefix(to, "@") }
	if len(p.Rotations) == 0 && incident.Escalates(p.Why) && slices.ContainsFunc(p.To, isPerson) {
		return r.steps
	}
	return p.Rotations
}

// stall notes that the product waits for an answer from now on.
func (r *reach) stall(d time.Duration) {
	if r == nil {
		return
	}
	now := r.w.box.Clock().Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stalls = append(r.stalls, span{now, now.Add(d)})
}

// until is the end of the time in which a page must be out: an answer that the product waited for counts
// besides, for time passes here only then.
func (r *reach) until(at time.Time) time.Time {
	end := at.Add(inTime)
	for _, s := range r.stalls { // in their order
		if !s.from.After(end) && s.to.After(at) {
			end = end.Add(s.to.Sub(s.from))
		}
	}
	return end
}

// knew reports whether the product knew of what makes a page due when it was. A timer it knows of, whatever
// GitHub does, if it paged before and nobody did anything since; of the rest it hears from GitHub.
func (r *reach) knew(title string, p incident.Page, acts []acted, isTrusted bool) bool {
	last := began
	for _, a := range acts {
		if a.on == title && !a.at.After(p.At) {
			last = a.at
		}
	}
	for _, at := range r.answered {
		if !at.After(p.At) && at.After(last) {
			last = at
		}
	}
	for _, m := range r.messages {
		if r.titleOf(m) == title && !m.at.Before(last) && m.at.Before(p.At) {
			return true
		}
	}
	return isTrusted && len(r.answered) == 0
}

// missed returns what is wrong with a page; empty: nothing.
func (r *reach) missed(title string, p incident.Page, isTrusted bool) string {
	from, until := p.At, r.until(p.At)
	if p.Key == "page/1" && r.w.reported[title] {
		from = from.Add(-time.Hour) // it went out before there was an issue
	}
	versions := r.onCall(r.rotationsOf(p), p.At, isTrusted)
	worked := false
	for _, people := range versions {
		isWorking := false
		for _, login := range people {
			if r.got(title, p, login, from, until) {
				pagesJudged.add("reached")
				return ""
			}
			isWorking = isWorking || r.canReach(login, from, until)
		}
		worked = worked || isWorking
	}
	switch {
	case worked && p.Failed != "":
		return fmt.Sprintf("it is said that it reached nobody, and one of %v could be reached", versions)
	case worked:
		return fmt.Sprintf("none of %v, who were on call, got it by %s, and one of them could be reached", versions, until.Format(time.TimeOnly))
	case p.Failed == "":
		return fmt.Sprintf("none of %v, who were on call, got it by %s, and nobody was told", versions, until.Format(time.TimeOnly))
	}
	pagesJudged.add("said to have failed, and nobody could be reached")
	return ""
}

// got reports whether somebody got a page.
func (r *reach) got(title string, p incident.Page, login string, from, until time.Time) bool {
	if slices.ContainsFunc(r.messages, func(m message) bool {
		return m.isTaken && m.login == login && r.titleOf(m) == title && !m.at.Before(from) && !m.at.After(until)
	}) {
		return true
	}
	key := fmt.Sprintf("#%d/%s", r.w.issues[title], p.Key)
	return slices.ContainsFunc(r.w.receipts, func(one receipt) bool {
		at, _, _ := strings.Cut(one.Key, "@")
		return one.Kind == "page" && (strings.HasSuffix(at, key) || from.Before(p.At)) && strings.Contains(one.To, login) &&
			!one.at.Before(from) && !one.at.After(until)
	})
}

// mostAnHour is how many calls and how many texts somebody gets in an hour.
const mostAnHour = 12

// canReach reports whether one of somebody's ways works all the time.
func (r *reach) canReach(login string, from, until time.Time) bool {
	return slices.ContainsFunc(r.ways[login], func(way wayTo) bool {
		if slices.ContainsFunc(r.faults, func(f vendorFault) bool {
			return f.vendor == vendorOf[way.kind] && !f.from.After(until) && !f.to.Before(from)
		}) {
			return false
		}
		had := 0
		for _, m := range r.messages {
			if m.login != login || m.kind != way.kind || m.at.After(until) || from.Sub(m.at) > time.Hour {
				continue
			}
			if had++; !m.isTaken && !m.at.Before(from) {
				return false
			}
		}
		return vendorOf[way.kind] != "twilio" || had < mostAnHour
	})
}

// unpagedNow notes which incidents nobody is paged for, whenever the product is idle: they are critical, nobody
// coordinates or did anything for long, and neither a message nor a word of the app is there.
func (r *reach) unpagedNow(titles []string, acts []acted, isTrusted bool) {
	now := r.w.box.Clock().Now()
	for _, title := range titles {
		s, _, ok := r.w.stateOf(title)
		if !ok || !isTrusted || !s.Running() || s.Drill || s.IC != "" || s.Confirmed == nil || s.Severity != "critical" ||
			s.Phase == incident.Closing || s.Paging.Answered != nil || r.wrong[title] != "" {
			continue
		}
		last := s.Confirmed.At
		for _, a := range acts {
			if a.on == title && a.at.After(last) {
				last = a.at
			}
		}
		for _, m := range r.messages {
			if r.titleOf(m) == title && m.at.After(last) {
				last = m.at
			}
		}
		for _, c := range list[told](r.w, r.w.path(title)+"/comments") {
			if strings.HasSuffix(c.User.Login, "[bot]") && loud.MatchString(c.Body) && c.Created.After(last) {
				last = c.Created
			}
		}
		if longest := 11*time.Minute + inTime; now.Sub(last) > longest {
			r.wrong[title] = fmt.Sprintf("%s: it is critical, and from %s to %s nobody was paged and nothing was said", title, last.Format(time.DateTime), now.Format(time.DateTime))
		}
	}
}

// told is a comment with its time.
type told struct {
	Body    string
	User    struct{ Login string }
	Created time.Time `json:"created_at"`
}

// loud are the marks of what is said when nobody could be reached, or answers.
var loud = regexp.MustCompile(`firebreak:did (failed|gap|unanswered|page)/`)

// withFile returns files with those of a seed's rotations.
func (r *reach) withFiles(all map[string]string) map[string]string {
	if r == nil {
		return all
	}
	all = maps.Clone(all)
	all[".github/firebreak.yml"], all[".github/oncall.yml"] = r.config, r.versions[0].text()
	return all
}

// calm returns the same company on a good day.
func (r *reach) calm() *reach {
	if r == nil {
		return nil
	}
	return &reach{ways: r.ways, steps: r.steps, config: r.config, made: map[string]int{}, answered: map[string]time.Time{},
		versions: []rota{{rotations: r.versions[0].rotations}}}
}

// excuse excuses the incidents that somebody answered without a login: nobody does so on a good day.
func (r *reach) excuse(excuses map[string]string) {
	if r == nil {
		return
	}
	for title := range r.answered {
		if excuses[title] == "" {
			excuses[title] = "answered by a way of one's own"
		}
	}
}
