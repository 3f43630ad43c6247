package simulation

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
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

// hasAllVendors reports whether the people of a seed have all the ways that there are. The first two thousand seeds
// stay as they were.
func hasAllVendors(seed uint64) bool { return seed > 2000 }

// The ways by which people are reached, and whose they are: a call and a text are out together.
var vendorOf = map[string]string{"sms": "twilio", "call": "twilio", "ntfy": "ntfy", "gotify": "gotify",
	"pushover": "pushover", "slack": "slack", "email": "email"}

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
			if c.rotation == rotation.name && !t.Before(c.from) && t.Before(c.until) {
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
	receipt                 string // of Pushover's
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
	hasAll   bool // people have ways of all vendors
	// receipts of Pushover's that somebody acknowledged
	acknowledged map[string]bool

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
		acknowledged: map[string]bool{}, hasAll: hasAllVendors(seed),
		pages: map[string]map[time.Time]incident.Page{}, wrong: map[string]string{}}
	for _, login := range everybody {
		kinds := []string{"sms", "call", "ntfy", "gotify"}
		if r.hasAll {
			kinds = append(kinds, "pushover", "slack", "email")
		}
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
	vendors := []string{"twilio", "ntfy", "gotify"}
	if r.hasAll {
		vendors = append(vendors, "pushover", "slack", "email")
	}
	for _, vendor := range vendors {
		for d.chance(45) {
			from := began.Add(time.Duration(d.IntN(180)) * time.Minute)
			r.faults = append(r.faults, vendorFault{span{from, from.Add(pick(d, 10*time.Minute, time.Hour, time.Hour, 3*time.Hour))},
				vendor, pick(d, "refused", "out", "limited", "hangs")})
		}
	}
	if storm := newDraw(seed, 20); storm.chance(25) { // nobody can be reached by anything
		from := began.Add(time.Duration(storm.IntN(90)) * time.Minute)
		for _, vendor := range vendors {
			r.faults = append(r.faults, vendorFault{span{from, from.Add(time.Hour)}, vendor, pick(storm, "refused", "out", "limited")})
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
`, sandbox.PhoneAccount) + r.others()
}

// others returns the settings of the vendors that only some seeds have.
func (r *reach) others() string {
	if !r.hasAll {
		return ""
	}
	return `    pushover-secret: PUSHOVER
  slack:
    secret: SLACK
    channel: C0000PAGES
  email:
    secret: SMTP
    from: incidents@acme.example
`
}

// pushoverOf, slackOf and mailOf are somebody's addresses.
func pushoverOf(login string) string { return (login + strings.Repeat("U", 30))[:30] }
func slackOf(login string) string    { return "U0" + strings.ToUpper(login) }
func mailOf(login string) string     { return login + "@acme.example" }

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
			case "pushover":
				one["pushover"] = pushoverOf(login)
			case "slack":
				one["slack"] = slackOf(login)
			case "email":
				one["email"] = mailOf(login)
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
	if !r.hasAll {
		return
	}
	mails := r.listen(w.t)
	w.env["FIREBREAK_SECRET_PUSHOVER"], w.env["FIREBREAK_PUSHOVER_URL"] = "a token of Pushover's", hooks+"/pushover"
	w.env["FIREBREAK_SECRET_SLACK"], w.env["FIREBREAK_SLACK_URL"] = "xoxb-of-the-simulation", hooks+"/slack/"
	w.env["FIREBREAK_SECRET_SMTP"], w.env["FIREBREAK_OUTBOUND_ALLOW"] = "smtp://"+mails, host+","+mails
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

// isRead reports whether the product read the file once by a time, or could have done so if it had asked twice:
// of what nobody ever saw, nothing goes on.
func (r *reach) isRead(at time.Time) bool {
	r.w.net.mu.Lock()
	defer r.w.net.mu.Unlock()
	return !r.w.net.rotaRead.IsZero() && !r.w.net.rotaRead.After(at.Add(15*time.Second))
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
	case n == 0 || !r.ends.IsZero() || !r.isRead(now):
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

// withFiles returns files with those of a seed's rotations.
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
		acknowledged: map[string]bool{}, hasAll: r.hasAll,
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

// TestO1TheRotationsOfSeedsAreAsTheProductReadsThem holds what the simulation judges by against the product's own
// reading of the same file: two that go by different clocks would find nothing, or everything.
func TestO1TheRotationsOfSeedsAreAsTheProductReadsThem(t *testing.T) {
	drawn := 0
	for seed := uint64(1001); seed < 1101; seed++ {
		if !reaches(seed) {
			continue
		}
		drawn++
		r := newReach(seed)
		v := r.versions[0]
		from := began.Add(time.Duration(seed) * time.Minute)
		v.covers = []cover{{r.steps[0], "dan", from, from.Add(90 * time.Minute)}}
		schedule, err := config.ParseOnCall([]byte(v.text()))
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, v.text())
		}
		if p := r.parse(); len(p.Escalation) != len(r.steps)+1 || p.Rounds != 3 {
			t.Errorf("seed %d: the policy has %d steps in %d rounds", seed, len(p.Escalation), p.Rounds)
		}
		for at := began; at.Before(began.Add(48 * time.Hour)); at = at.Add(7 * time.Minute) {
			for _, rotation := range r.steps {
				var got []string
				for _, one := range schedule.OnCall(rotation, at) {
					got = append(got, strings.TrimPrefix(one.Name, "@"))
				}
				if want := v.at([]string{rotation}, at); !slices.Equal(got, want) {
					t.Fatalf("seed %d: at %s %s is %v for the product, and %v here\n%s", seed, at, rotation, got, want, v.text())
				}
			}
		}
	}
	if drawn < 12 || drawn > 30 {
		t.Errorf("%d of 100 seeds have rotations", drawn)
	}
}
