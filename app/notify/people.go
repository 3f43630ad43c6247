package notify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack/slackutilsx"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// people is the kind of the service that reaches each person by their own ways (O3).
const people = "people"

// way is one way to reach a person, as the secret has it: exactly one address, and how long after
// the page it is used.
type way struct {
	SMS      string `json:"sms"`      // a phone number, as +49301234567
	Call     string `json:"call"`     // the same
	Pushover string `json:"pushover"` // a user's key
	Ntfy     string `json:"ntfy"`     // https://ntfy.sh/TOPIC
	Gotify   string `json:"gotify"`   // https://gotify.example.com
	Email    string `json:"email"`
	Slack    string `json:"slack"`  // a member's id
	GitHub   string `json:"github"` // a login, which is mentioned on the issue
	Token    string `json:"token"`  // of ntfy or Gotify
	After    string `json:"after"`  // as 2m; empty: at once

	kind, address string
	after         time.Duration
}

// wayKinds are the ways.
var wayKinds = []string{"sms", "call", "pushover", "ntfy", "gotify", "email", "slack", "github"}

// longestWait is how long after a page somebody is reached at most.
const longestWait = time.Hour

const maxWays = 10 // of a person

var (
	phoneNumber = lazily.Compile(`^\+[1-9][0-9]{6,14}$`) // E.164
	pushoverKey = lazily.Compile(`^[A-Za-z0-9]{30}$`)
)

// check completes a way. An error holds no address.
func (w *way) check() (err error) {
	for kind, address := range map[string]string{"sms": w.SMS, "call": w.Call, "pushover": w.Pushover,
		"ntfy": w.Ntfy, "gotify": w.Gotify, "email": w.Email, "slack": w.Slack, "github": w.GitHub} {
		if address == "" {
			continue
		}
		if w.kind != "" {
			return errors.New("it must have one of " + orList(wayKinds) + ", and it has several")
		}
		w.kind, w.address = kind, address
	}
	ok := true
	switch w.kind {
	case "":
		return errors.New("it must have one of " + orList(wayKinds))
	case "sms", "call":
		ok = phoneNumber.MatchString(w.address)
	case "pushover":
		ok = pushoverKey.MatchString(w.address)
	case "slack":
		ok = slackUser.MatchString(w.address)
	case "github":
		w.address = strings.TrimPrefix(w.address, "@")
		ok = naming.IsLogin(w.address)
	case "ntfy", "gotify":
		u, err := url.Parse(w.address)
		ok = err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && u.User == nil
		ok = ok && (w.kind != "ntfy" || len(strings.Trim(u.Path, "/")) > 0)
	}
	if !ok {
		return fmt.Errorf("what %s holds is not an address of that kind", w.kind)
	}
	if w.after, err = time.ParseDuration(cmp.Or(w.After, "0s")); err != nil || w.after < 0 || w.after > longestWait {
		return errors.New("after must be a duration of at most 1h, such as 2m")
	}
	return nil
}

// directory is the people of the secret: each one's ways in their order, and of teams their people.
type directory struct {
	ways  map[string][]way    // by login, in lower case
	teams map[string][]string // by slug, in lower case
	isOwn map[string]bool     // by login, in lower case: they set them on a page of their own
}

// readDirectory reads the secret. An error names whose entry is wrong, and holds no address.
func readDirectory(text string) (d directory, err error) {
	d = directory{ways: map[string][]way{}, teams: map[string][]string{}, isOwn: map[string]bool{}}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &entries); err != nil {
		return d, errors.New("it must be JSON such as " +
			`{"alice": [{"ntfy": "https://ntfy.sh/…"}, {"sms": "+49…", "after": "2m"}]}`)
	}
	for name, entry := range entries {
		key := naming.Key(strings.TrimPrefix(name, "@"))
		var logins []string
		if json.Unmarshal(entry, &logins) == nil && len(logins) > 0 {
			d.teams[key] = logins
			continue
		}
		var ways []way
		if err := json.Unmarshal(entry, &ways); err != nil || len(ways) > maxWays {
			return d, fmt.Errorf("%s must be a list of at most %d ways, or of logins", name, maxWays)
		}
		for i := range ways {
			if err := ways[i].check(); err != nil {
				return d, fmt.Errorf("way %d of %s: %w", i+1, name, err)
			}
		}
		slices.SortStableFunc(ways, func(a, b way) int { return int(a.after - b.after) })
		d.ways[key] = ways
	}
	return d, nil
}

// loginsOf returns the people whom a name of a step means, in the order of the secret.
func (d directory) loginsOf(to string) []string {
	if login, ok := strings.CutPrefix(to, "@"); ok {
		return []string{login}
	}
	slug := to
	if _, after, ok := strings.Cut(to, "/"); ok {
		slug = after
	}
	return d.teams[naming.Key(slug)]
}

// ownPatience is how long the store may take to show somebody's own ways.
const ownPatience = 2 * time.Second

// directory reads the ways of those whom names mean. What a person said on their own page counts in place of what
// the secret has of them; where that can't be read, the secret counts: somebody must be reached.
func (n *Notifier) directory(ctx context.Context, s incident.Service, names []string) (directory, error) {
	ctx = incident.ForAccount(ctx, s.Account)
	text, err := n.secret(ctx, people, s.Secret)
	if err != nil {
		return directory{}, err
	}
	d, err := readDirectory(text)
	if err != nil {
		return d, final(people, "the secret "+s.Secret+": "+err.Error())
	}
	if n.Own == nil {
		return d, nil
	}
	ctx, stop := context.WithTimeout(ctx, ownPatience)
	defer stop()
	for _, name := range names {
		for _, login := range d.loginsOf(name) {
			text, err := n.Own(ctx, login)
			if err == nil && len(text) > 0 {
				var own directory
				if own, err = readDirectory(`{"own":` + string(text) + `}`); err == nil {
					d.ways[naming.Key(login)], d.isOwn[naming.Key(login)] = own.ways["own"], true
				}
			}
			if err != nil {
				n.Logger.Error("somebody's own ways not readable: going on with those of the secret", "login", login, "err", err)
			}
		}
	}
	return d, nil
}

// CheckWay reports by an error that a text isn't a way. It implements engine.Reacher.
func (n *Notifier) CheckWay(text []byte) error {
	_, err := readWay(text)
	return err
}

func readWay(text []byte) (w way, err error) {
	if err := json.Unmarshal(text, &w); err != nil {
		return w, errors.New("it isn't a way")
	}
	return w, w.check()
}

// ReachBy reaches one person by a way that no secret has. It implements engine.Reacher.
func (n *Notifier) ReachBy(ctx context.Context, p engine.Page, login string, text []byte) error {
	w, err := readWay(text)
	if err != nil {
		return final(people, err.Error())
	}
	return n.reach(incident.ForAccount(ctx, p.Service.Account), p, login, w)
}

// LaterWays returns the ways by which those who are paged are reached later, if they don't answer.
// It implements engine.Reacher.
func (n *Notifier) LaterWays(ctx context.Context, s incident.Service, to []string) (later []engine.Way, err error) {
	d, err := n.directory(ctx, s, to)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, name := range to {
		for _, login := range d.loginsOf(name) {
			if key := naming.Key(login); !seen[key] {
				seen[key] = true
				for i, w := range d.ways[key] {
					if w.after > 0 {
						later = append(later, engine.Way{Login: login, Index: i, Kind: w.kind, After: w.after})
					}
				}
			}
		}
	}
	return later, nil
}

// pagePeople reaches each person by their own ways: by all that are for the first moment, and where
// none of those works by the next ones at once. With a way it uses that one alone.
func (n *Notifier) pagePeople(ctx context.Context, p engine.Page) error {
	d, err := n.directory(ctx, p.Service, p.To)
	if err != nil {
		return err
	}
	if p.Way != nil {
		ways := d.ways[naming.Key(p.Way.Login)]
		if p.Way.Index >= len(ways) {
			return final(people, "the secret "+p.Service.Secret+" has that way no more")
		}
		return n.reach(ctx, p, p.Way.Login, ways[p.Way.Index])
	}
	var logins []string
	var unknown []error
	for _, to := range p.To {
		found := d.loginsOf(to)
		if len(found) == 0 {
			unknown = append(unknown, final(people, fmt.Sprintf("the secret %s says nothing of %s", p.Service.Secret, to)))
		}
		for _, l := range found {
			if !naming.Contains(logins, l) && !naming.Contains(p.Reached, l) {
				logins = append(logins, l)
			}
		}
	}
	if ctx.Value(dryKey{}) != nil {
		for _, l := range logins {
			for _, w := range d.ways[naming.Key(l)] {
				unknown = append(unknown, n.reach(ctx, p, l, w))
			}
			if len(d.ways[naming.Key(l)]) == 0 {
				unknown = append(unknown, noWay(p.Service, l))
			}
		}
		return sum(people, unknown)
	}
	err = each(people, logins, func(login string) error { return n.reachFirst(ctx, p, login, d.ways[naming.Key(login)]) })
	if err == nil && len(unknown) == 0 {
		return nil
	}
	all := sum(people, append(unknown, err))
	var one *Error
	if errors.As(all, &one) {
		for _, l := range logins {
			if err == nil || slices.Contains(reachedOf(err), l) {
				one.reached = append(one.reached, l)
			}
		}
	}
	return all
}

func noWay(s incident.Service, login string) *Error {
	return final(people, fmt.Sprintf("the secret %s has no way to reach %s", s.Secret, login))
}

// Ways returns by which vendors people are reached. It implements engine.Reacher.
func (n *Notifier) Ways(ctx context.Context, s incident.Service, to []string) (all []engine.PersonWays, err error) {
	d, err := n.directory(ctx, s, to)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, name := range to {
		for _, login := range d.loginsOf(name) {
			key := naming.Key(login)
			if seen[key] {
				continue
			}
			seen[key] = true
			one, vendors := engine.PersonWays{Login: login, IsOwn: d.isOwn[key]}, map[string]bool{}
			for _, w := range d.ways[key] {
				one.Kinds = append(one.Kinds, w.kind)
				if vendor := vendorOf(w); !vendors[vendor] {
					vendors[vendor] = true
					one.Vendors = append(one.Vendors, vendorName(w))
				}
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// vendorName returns what people call the vendor of a way. It shows no server's name.
func vendorName(w way) string {
	if w.kind == "sms" || w.kind == "call" {
		return vendorOf(w)
	}
	return w.kind
}

// vendorOf returns what is out if a way is: calls and texts are of one vendor, and a server of one's own
// is one.
func vendorOf(w way) string {
	switch w.kind {
	case "sms", "call":
		return "twilio"
	case "ntfy", "gotify":
		u, err := url.Parse(w.address)
		if err == nil {
			return u.Host
		}
	}
	return w.kind
}

func reachedOf(err error) []string {
	var e *Error
	if errors.As(err, &e) {
		return e.reached
	}
	return nil
}

// reachFirst reaches somebody by all ways of the first moment, side by side: none waits for another.
func (n *Notifier) reachFirst(ctx context.Context, p engine.Page, login string, ways []way) error {
	if len(ways) == 0 {
		return noWay(p.Service, login)
	}
	first := 1
	for first < len(ways) && ways[first].after == 0 {
		first++
	}
	errs := n.reachByAll(ctx, p, login, ways[:first])
	if slices.Contains(errs, nil) {
		n.tellMissed(p, login, ways, errs)
		return nil
	}
	for _, w := range ways[first:] { // the next one at once
		err := n.reach(ctx, p, login, w)
		if err == nil {
			n.tellMissed(p, login, ways, errs)
			return nil
		}
		errs = append(errs, err)
	}
	return sum(people, errs)
}

// reachByAll reaches somebody by several ways side by side, and returns an error for each.
func (n *Notifier) reachByAll(ctx context.Context, p engine.Page, login string, ways []way) []error {
	errs := make([]error, len(ways))
	var sent sync.WaitGroup
	for i, w := range ways {
		sent.Go(func() { errs[i] = n.reach(ctx, p, login, w) })
	}
	sent.Wait()
	return errs
}

// tellMissed reports which ways did not reach somebody who was reached by another one: otherwise nobody would
// notice until that one fails too (O3). errs are of the first ways, in their order.
func (n *Notifier) tellMissed(p engine.Page, login string, ways []way, errs []error) {
	for i, err := range errs {
		if err == nil {
			continue
		}
		n.Logger.Error("a way to reach somebody failed, and another did not", "incident", p.Ref.String(),
			"key", p.Key, "login", login, "way", ways[i].kind, "err", err)
		if p.Missed != nil {
			p.Missed(login, ways[i].kind, err)
		}
	}
}

// reach reaches somebody by one way.
func (n *Notifier) reach(ctx context.Context, p engine.Page, login string, w way) error {
	if err := n.spend(ctx, w.kind, "pages", n.Bounds.Pages); err != nil {
		return err
	}
	if err := n.allow(ctx, login, w.kind); err != nil {
		return err
	}
	link := p.Links["@"+login]
	if link == "" && p.LinkOf != nil {
		link = p.LinkOf(login)
	}
	switch w.kind {
	case "sms", "call":
		return n.twilio(ctx, p, w, link)
	case "pushover":
		return n.pushover(ctx, p, w, link)
	case "ntfy":
		return n.ntfy(ctx, p, w, link)
	case "gotify":
		return n.gotify(ctx, p, w, link)
	case "email":
		return n.mail(ctx, other(p, "email"), letter{to: w.address, subject: title(p),
			text: strings.TrimSpace(title(p) + "\n\n" + p.Text), url: p.URL, answer: link,
			key: n.hash(p.Key + " " + login), tag: p.Tag})
	case "slack":
		token, err := n.secret(ctx, "slack", other(p, "slack").Secret)
		if err != nil {
			return err
		}
		return n.postSlack(ctx, token, w.address, directText(p, link), n.hash(p.Key+" "+login), nil)
	case "github":
		return mention(ctx, p, w.address)
	}
	return final(people, w.kind+" is no way to reach somebody")
}

// mention mentions somebody on the issue; GitHub informs them by its app, by mail or not at all, as they
// chose there.
func mention(ctx context.Context, p engine.Page, login string) error {
	switch {
	case ctx.Value(dryKey{}) != nil:
		return nil
	case p.Mention == nil:
		return final("github", "there is no issue on which to mention somebody, or GitHub is out")
	}
	err := p.Mention(login)
	if err == nil {
		return nil
	}
	e := final("github", texts.Truncate(texts.Squeeze("the mention was not written: "+err.Error()), 300))
	var refusal *engine.Refusal
	e.temporary = !errors.As(err, &refusal)
	return e
}

// directText is a page as a direct message.
func directText(p engine.Page, link string) string {
	lines := []string{"*" + slackutilsx.EscapeMessage(texts.Truncate(title(p), 300)) + "*"}
	for _, line := range []string{texts.Truncate(p.Text, 2000), link, p.URL} {
		if line != "" {
			lines = append(lines, slackutilsx.EscapeMessage(line))
		}
	}
	return strings.Join(lines, "\n")
}

// other returns the settings of another service, whose account a way uses.
func other(p engine.Page, kind string) incident.Service {
	for _, s := range p.Others {
		if s.Kind == kind {
			return s
		}
	}
	return incident.Service{Kind: kind}
}

// mostAnHour bounds what somebody is called, and what a fault or an attack costs: calls and texts, each
// by person, account and hour.
const mostAnHour = 12

// bounded are the ways that cost money.
var bounded = []string{"sms", "call"}

// patience is how long a call waits for the store to say how many there were: it goes out either way.
const patience = 2 * time.Second

// rang counts calls and texts, for what the store can't say.
type rang struct {
	mu  sync.Mutex
	at  map[string][]time.Time // by login and kind
	now func() time.Time
}

// allow reports whether somebody may be reached once more by a way, and counts it. Several processes
// count together by what is kept: two that call at the same moment may count as one.
func (n *Notifier) allow(ctx context.Context, login, kind string) error {
	if !slices.Contains(bounded, kind) || ctx.Value(dryKey{}) != nil {
		return nil
	}
	// of the account: no other one may use up what there is to reach them by
	now, key := n.rang.now(), "rang/"+kind+"/"+naming.Key(path.Join(incident.AccountOf(ctx), login))
	isOver := func(at time.Time) bool { return now.Sub(at) >= time.Hour }
	var byAll []time.Time
	n.loadKept(ctx, key, &byAll) // before the lock: a slow store holds up nobody else
	byAll = slices.DeleteFunc(byAll, isOver)
	n.rang.mu.Lock()
	last := slices.DeleteFunc(n.rang.at[key], isOver)
	if len(byAll) > len(last) {
		last = byAll
	}
	isAllowed := len(last) < mostAnHour
	if isAllowed {
		last = append(last, now)
	}
	n.rang.at[key] = last
	last = slices.Clone(last)
	n.rang.mu.Unlock()
	if !isAllowed {
		return final(kind, fmt.Sprintf("%s had %d of them within an hour, which is the bound", login, mostAnHour))
	}
	n.saveKept(ctx, key, last)
	return n.spend(ctx, kind, "calls", n.Bounds.Calls)
}
