package engine

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

// reactions are GitHub's names of how a command was taken.
var reactions = map[incident.Reaction]string{
	incident.Done: "+1", incident.Unclear: "confused", incident.Refused: "-1",
}

// did is the marker under everything that the app says once. It counts only in comments by the app.
var did = regexp.MustCompile(`<!-- firebreak:did (\S+) -->`)

func marker(key string) string { return "<!-- firebreak:did " + key + " -->" }

// markers lists the keys in a comment's body.
func markers(body string) []string {
	var keys []string
	for _, m := range did.FindAllStringSubmatch(body, -1) {
		keys = append(keys, m[1])
	}
	return keys
}

// apply does what the steps ask for, the most urgent first. What they bring about is stepped over as facts of its own,
// so each stage may add to a later one.
func (p *pass) apply() error {
	stages := []func() error{p.page, p.labels, p.tickets, p.publish, p.open, p.announce, p.speak, p.react}
	for _, stage := range stages {
		if err := stage(); err != nil {
			return err
		}
	}
	return nil
}

// result steps over what an effect brought about.
func (p *pass) result(what any) { p.fact(incident.Fact{At: p.now, What: what}) }

// each hands out the effects of one type.
func each[T incident.Effect](p *pass, do func(T) error) error {
	for _, e := range p.effects {
		if t, ok := e.(T); ok {
			if err := do(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// old tells whether an effect belongs to the time before a card was lost.
func (p *pass) old(at time.Time) bool { return p.rebuilt && p.now.Sub(at) > fresh }

// page sends pages, outside first: nothing may delay them.
func (p *pass) page() error {
	return each(p, func(s incident.Send) error {
		if p.done[s.Key] || p.old(s.At) {
			return nil
		}
		say := incident.Say{Name: "page", Reason: s.Why, Line: s.Text, Holder: s.By, Count: p.state.Paging.Sent}
		var out []string
		for _, to := range s.To {
			switch login, person := strings.CutPrefix(to, "@"); {
			case to == "phone":
				say.Missing = p.policy.Phones
				continue
			case person:
				say.Names = append(say.Names, login)
			case strings.Contains(to, "/"):
				say.Names = append(say.Names, to)
			default:
				say.Names = append(say.Names, p.m.Ref.Owner+"/"+to)
			}
			out = append(out, to)
		}
		if p.Pager != nil && !p.mention && len(out) > 0 {
			err := p.Pager.Page(p.ctx, Page{Ref: p.m.Ref, Key: p.m.Ref.String() + "/" + s.Key, To: out,
				Title: p.snap.Title, Text: s.Text, URL: p.snap.URL, Drill: p.state.Drill})
			if err != nil {
				p.Logger.Error("a page could not be sent", "incident", p.m.Ref.String(), "key", s.Key, "err", err)
				say.Missing = p.policy.Phones
				p.result(incident.PageFailed{Key: s.Key, Why: "not sent"})
			}
		}
		if p.state.Drill {
			say.Role = "drill"
		}
		return p.sayOnce(s.Key, say)
	})
}

// labels makes labels and assignees as they should be: added and removed one by one, never as a set, which would undo
// what a person does at the same moment.
func (p *pass) labels() error {
	add, remove, assign, dismiss, _ := p.wanted()
	if len(add) > 0 {
		if err := p.GitHub.AddLabels(p.ctx, p.m.Ref, add); err != nil {
			return fmt.Errorf("add labels %v: %w", add, err)
		}
	}
	for _, l := range remove {
		if err := p.GitHub.RemoveLabel(p.ctx, p.m.Ref, l); err != nil {
			return fmt.Errorf("remove label %s: %w", l, err)
		}
	}
	if len(dismiss) > 0 {
		if err := p.GitHub.Unassign(p.ctx, p.m.Ref, dismiss); err != nil {
			return fmt.Errorf("unassign %v: %w", dismiss, err)
		}
	}
	if len(assign) > 0 {
		now, err := p.GitHub.Assign(p.ctx, p.m.Ref, assign)
		if err != nil {
			return fmt.Errorf("assign %v: %w", assign, err)
		}
		if refused := slices.DeleteFunc(assign, func(l string) bool { return incident.Has(now, l) }); len(refused) > 0 {
			p.result(incident.Unassignable{Logins: refused})
		}
	}
	return nil
}

// open opens or closes the issue.
func (p *pass) open() error {
	if p.state.Declared == nil {
		return nil
	}
	w := incident.AsWanted(p.state, p.policy)
	if w.Open == p.snap.Open {
		return nil
	}
	if err := p.GitHub.SetOpen(p.ctx, p.m.Ref, w.Open, w.Reason, w.Duplicate); err != nil {
		return fmt.Errorf("open or close the issue: %w", err)
	}
	return nil
}

// speak posts replies, one comment per comment answered, and reminders.
func (p *pass) speak() error {
	type answer struct{ keys, texts []string }
	answers := map[string]*answer{}
	var order []string
	err := each(p, func(r incident.Reply) error {
		key := "reply/" + r.Fact
		if p.done[key] || p.old(p.when(r.Fact)) {
			return nil
		}
		text, err := templates.Comment(r.Say)
		if err != nil {
			return fmt.Errorf("say %s: %w", r.Say.Name, err)
		}
		to, _, _ := strings.Cut(r.Fact, ".")
		a := answers[to]
		if a == nil {
			a = &answer{}
			answers[to] = a
			order = append(order, to)
		}
		if !slices.Contains(a.texts, text) {
			a.texts = append(a.texts, text)
		}
		if !slices.Contains(a.keys, key) {
			a.keys = append(a.keys, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, to := range order {
		a := answers[to]
		if err := p.post(strings.Join(a.texts, "\n\n"), a.keys...); err != nil {
			return err
		}
	}
	return p.remind()
}

// remind posts what came due. After a time without the app several of a kind may have: only the newest is worth saying.
func (p *pass) remind() error {
	about := func(r incident.Remind) string {
		return strings.Join(append([]string{r.Say.Name, r.Say.Who, r.Say.Line}, r.Say.Names...), "\n")
	}
	newest := map[string]string{}
	_ = each(p, func(r incident.Remind) error {
		newest[about(r)] = r.Key
		return nil
	})
	return each(p, func(r incident.Remind) error {
		if p.old(r.At) || newest[about(r)] != r.Key {
			return nil
		}
		return p.sayOnce(r.Key, r.Say)
	})
}

// when gives the time of a fact of this look, or now.
func (p *pass) when(fact string) time.Time {
	id, _, _ := strings.Cut(fact, ".")
	id, _, edit := strings.Cut(id, "@")
	for _, it := range p.snap.Items {
		if it.ID == id && !edit {
			return it.At
		}
	}
	if strings.HasPrefix(fact, "b.") || fact == "opened" {
		return p.snap.Created
	}
	return p.now
}

func (p *pass) sayOnce(key string, s incident.Say) error {
	if p.done[key] {
		return nil
	}
	text, err := templates.Comment(s)
	if err != nil {
		return fmt.Errorf("say %s: %w", s.Name, err)
	}
	return p.post(text, key)
}

func (p *pass) post(text string, keys ...string) error {
	if len(text) > maxComment {
		text = text[:maxComment]
	}
	for _, k := range keys {
		text += "\n" + marker(k)
		p.done[k] = true
	}
	if _, err := p.GitHub.Comment(p.ctx, p.m.Ref, text); err != nil {
		return fmt.Errorf("comment: %w", err)
	}
	return nil
}

// maxComment keeps a comment under GitHub's 65,536 characters.
const maxComment = 60_000

// react answers each comment with one reaction: the worst that one of its commands got.
func (p *pass) react() error {
	worst := map[int64]incident.Reaction{}
	_ = each(p, func(r incident.React) error {
		id := incident.CommentOf(r.Fact)
		worst[id] = max(worst[id], r.How)
		return nil
	})
	if p.rebuilt {
		for _, it := range p.snap.Items {
			if it.Reacted {
				delete(worst, it.Comment)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(worst)) {
		if err := p.GitHub.React(p.ctx, p.m.Ref, id, reactions[worst[id]]); err != nil {
			return fmt.Errorf("react to comment %d: %w", id, err)
		}
	}
	return nil
}

// announce tells the customers, by every channel of each. Only the update's text leaves (A7). One channel that fails
// does not keep the text from the others; it is shown.
func (p *pass) announce() error {
	return each(p, func(a incident.Announce) error {
		if p.old(p.when(a.Fact)) {
			return nil
		}
		for _, name := range a.Customers {
			c, _ := p.policy.Customer(name)
			for _, ch := range c.Channels {
				if err := p.send(a, c, ch); err != nil {
					// GitHub is asked again for what it could not take now. What a service outside could not was tried again there.
					if ch.Kind == "issue" && !errors.Is(err, ErrNoAccess) {
						return fmt.Errorf("tell %s: %w", name, err)
					}
					p.Logger.Error("an update could not be sent", "incident", p.m.Ref.String(), "customer", name, "channel", ch.Kind, "err", err)
					p.result(incident.Unsent{Customer: name, Channel: ch.Kind, Why: "not sent"})
				}
			}
		}
		return nil
	})
}

func (p *pass) send(a incident.Announce, c incident.Customer, ch incident.Channel) error {
	if ch.Kind == "issue" {
		return p.share(a, c, ch.To)
	}
	if p.Announcer == nil {
		return fmt.Errorf("nothing is configured to reach %s by %s", c.Name, ch.Kind)
	}
	return p.Announcer.Announce(p.ctx, Announcement{Key: p.m.Ref.String() + "/update/" + a.Fact + "/" + c.Name + "/" + ch.Kind + ":" + ch.To,
		Customer: c.Name, Channel: ch, Text: a.Text, At: p.when(a.Fact)})
}

// share writes an update into the customer's issue, which the first update opens. Its marks are hashes: the customer
// must not read the name of the incident's repository.
func (p *pass) share(a incident.Announce, c incident.Customer, repo string) error {
	for _, s := range p.state.Updates.Shared {
		if s.Customer != c.Name {
			continue
		}
		ref, err := incident.ParseRef(s.Issue)
		if err != nil {
			return err
		}
		mark := marker("update/" + p.hash("update", a.Fact, c.Name))
		_, err = p.GitHub.CommentOnce(p.ctx, ref, mark, a.Text+"\n\n"+mark)
		return err
	}
	mark := p.sharedMark(c.Name)
	n, _, err := p.GitHub.FindIssue(p.ctx, repo, mark, p.state.Declared.At)
	if err != nil {
		return err
	}
	if n == 0 {
		n, _, err = p.GitHub.OpenIssue(p.ctx, repo, NewIssue{
			Title: "Incident of " + p.state.Declared.At.UTC().Format("2 January 2006, 15:04 UTC"),
			Body:  a.Text + "\n\n" + mark + "\n" + marker("update/"+p.hash("update", a.Fact, c.Name)),
		})
	} else {
		owner, name, _ := strings.Cut(repo, "/")
		mark := marker("update/" + p.hash("update", a.Fact, c.Name))
		_, err = p.GitHub.CommentOnce(p.ctx, incident.Ref{Owner: owner, Repo: name, Number: n}, mark, a.Text+"\n\n"+mark)
	}
	if err != nil {
		return err
	}
	p.result(incident.SharedIssue{Customer: c.Name, Issue: fmt.Sprintf("%s#%d", repo, n)})
	return nil
}

func (p *pass) sharedMark(customer string) string {
	return marker("shared/" + p.hash("shared", customer))
}
