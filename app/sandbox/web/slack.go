package web

import (
	"html"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
)

// The pages of the workspace in Slack: its channels, with threads, buttons and forms.

// withSlack adds the pages. They are a mux of their own, as their addresses look like those of repositories.
func (p *server) withSlack(others http.Handler) http.Handler {
	if p.slack == nil {
		return others
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", p.show(func(*visit) (string, any, error) { return "", nil, forge.ErrNotFound }))
	mux.HandleFunc("GET /slack", p.show((*visit).channels))
	mux.HandleFunc("GET /slack/{channel}", p.show((*visit).channels))
	mux.HandleFunc("GET /slack/archives/{channel}", func(w http.ResponseWriter, r *http.Request) {
		name := ""
		if c, ok := p.slack.Find(r.PathValue("channel")); ok {
			name = "/" + url.PathEscape(c.Name)
		}
		http.Redirect(w, r, "/slack"+name, http.StatusSeeOther)
	})
	mux.HandleFunc("POST /slack/{channel}/say", p.inSlack(func(r *http.Request, channel, person string) (did, error) {
		ts, _, err := p.slack.Write(r.Context(), channel, person, r.PostForm.Get("thread"), r.PostForm.Get("body"))
		return did{ts: ts}, err
	}))
	mux.HandleFunc("POST /slack/{channel}/press", p.inSlack(func(r *http.Request, channel, person string) (did, error) {
		_, err := p.slack.Press(r.Context(), channel, person, r.PostForm.Get("ts"), r.PostForm.Get("button"))
		return did{}, err
	}))
	mux.HandleFunc("POST /slack/{channel}/form", p.inSlack(func(r *http.Request, _, person string) (did, error) {
		if r.PostForm.Get("cancel") != "" {
			p.slack.Cancel(person)
			return did{}, nil
		}
		values := map[string]string{}
		for name := range r.PostForm {
			if block, ok := strings.CutPrefix(name, "field-"); ok {
				values[block] = strings.ReplaceAll(r.PostForm.Get(name), "\r\n", "\n")
			}
		}
		wrong, err := p.slack.Submit(r.Context(), person, values)
		return did{wrong: wrong}, err
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slack" || strings.HasPrefix(r.URL.Path, "/slack/") {
			mux.ServeHTTP(w, r)
			return
		}
		others.ServeHTTP(w, r)
	})
}

// did is what came of something that somebody did.
type did struct {
	ts    string            // of the message that they wrote
	wrong map[string]string // what is wrong with a form, by field
}

// inSlack makes a handler of what somebody does in a channel, with the forge not locked: the app may be
// called, and calls back. What Slack refuses, and what is wrong with a form, is told on the channel's page,
// with what was typed still there.
func (p *server) inSlack(do func(r *http.Request, channel, person string) (did, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "the form could not be read: "+err.Error(), http.StatusBadRequest)
			return
		}
		p.forge.Lock()
		person := p.person(r).Login
		p.forge.Unlock()
		channel := r.PathValue("channel")
		done, err := do(r, channel, person)
		if err == nil && len(done.wrong) == 0 {
			to := "/slack/" + url.PathEscape(channel)
			if done.ts != "" {
				to += "#m" + done.ts
			}
			http.Redirect(w, r, to, http.StatusSeeOther)
			return
		}
		p.forge.Lock()
		v := p.visit(w, r)
		v.kept = r.PostForm.Get("body")
		if err != nil {
			v.flash = err.Error()
		}
		status, body := v.render(func(v *visit) (string, any, error) { return v.channel(done.wrong) })
		p.forge.Unlock()
		if status == http.StatusOK {
			status = http.StatusUnprocessableEntity
		}
		send(w, status, body, "")
	}
}

// channelPage is what the page of a channel shows.
type channelPage struct {
	Channels  []workspace.Channel
	Here      *workspace.Channel // nil: there is none to show
	IsMember  bool
	Members   []string
	Pinned    []slackMessage
	Messages  []slackMessage
	Form      *workspace.View // that is open before the person
	Values    map[string]string
	Wrong     map[string]string
	Kept      string
	Bookmarks []workspace.Bookmark
}

// slackMessage is a message as the page shows it.
type slackMessage struct {
	Channel, TS, By string
	IsBot           bool
	IsEdited        bool
	IsPinned        bool
	IsPrompt        bool // only the person sees it
	At              momentView
	Text            []template.HTML
	Buttons         []workspace.Button
	Thread          []slackMessage
}

// Face is who wrote it.
func (m slackMessage) Face() personView { return newPerson(m.By) }

// channels shows a channel, and the others next to it.
func (v *visit) channels() (string, any, error) { return v.channel(nil) }

func (v *visit) channel(wrong map[string]string) (string, any, error) {
	me := v.p.slack.UserOf(v.by.Login)
	d := channelPage{Wrong: wrong, Kept: v.kept, Values: map[string]string{}}
	name := v.r.PathValue("channel")
	for _, c := range v.p.slack.Channels() {
		isIn := slices.Contains(c.Members, me)
		if c.IsPrivate && !isIn { // who is not in a private channel does not see that it is there
			if c.Name == name {
				name, v.flash = "", "#"+name+" is private, and nobody has invited "+v.by.Login+" yet"
			}
			continue
		}
		d.Channels = append(d.Channels, c)
		if c.Name == name {
			d.Here, d.IsMember = &c, isIn
		}
	}
	if name == "" && len(d.Channels) > 0 {
		d.Here = &d.Channels[len(d.Channels)-1] // the newest
		d.IsMember = slices.Contains(d.Here.Members, me)
	}
	v.crumb, v.title = "Slack", "Slack"
	if d.Here == nil {
		return "", nil, forge.ErrNotFound
	}
	v.title = "#" + d.Here.Name
	d.Bookmarks = d.Here.Bookmarks
	for _, id := range d.Here.Members {
		d.Members = append(d.Members, v.slackName(id))
	}
	d.Messages = v.messages(d.Here, me)
	for _, m := range d.Messages {
		if m.IsPinned {
			d.Pinned = append(d.Pinned, m)
		}
	}
	if d.Form = v.p.slack.View(v.by.Login); d.Form != nil {
		for _, f := range d.Form.Fields {
			d.Values[f.Block] = f.Initial
			if v.r.PostForm.Has("field-" + f.Block) {
				d.Values[f.Block] = v.r.PostForm.Get("field-" + f.Block)
			}
		}
	}
	return "slack", d, nil
}

// slackName returns somebody's name in Slack.
func (v *visit) slackName(id string) string {
	if id == workspace.BotUser {
		return v.forge.App.Login
	}
	return v.p.slack.Users()[id]
}

// messages returns what somebody sees of a channel, each with its thread.
func (v *visit) messages(c *workspace.Channel, me string) (all []slackMessage) {
	at := map[string]int{}
	for _, m := range c.Messages {
		if m.OnlyTo != "" && m.OnlyTo != me {
			continue
		}
		shown := slackMessage{Channel: c.Name, TS: m.TS, By: v.slackName(m.User), IsBot: m.User == workspace.BotUser,
			IsEdited: m.Edited, IsPinned: c.IsPinned(m.TS), IsPrompt: m.OnlyTo != "",
			At: v.at(m.At()), Buttons: m.Buttons()}
		for _, text := range m.Sections() {
			shown.Text = append(shown.Text, v.slackText(text))
		}
		if i, ok := at[m.Thread]; ok {
			all[i].Thread = append(all[i].Thread, shown)
			continue
		}
		at[m.TS] = len(all)
		all = append(all, shown)
	}
	return all
}

var (
	slackToken = regexp.MustCompile("```([^`]+)```|`([^`\\n]+)`|" +
		"<([^<>|]+)(?:\\|([^<>]*))?>|\\*([^*\\n]+)\\*|:([a-z_]+):|\\n")
	// slackEmoji are those that the page knows.
	slackEmoji = map[string]string{"white_check_mark": "✅", "confused": "😕", "no_entry": "⛔", "pushpin": "📌",
		"eyes": "👀", "warning": "⚠️", "rotating_light": "🚨"}
)

// slackText renders Slack's markup. https://docs.slack.dev/messaging/formatting-message-text
func (v *visit) slackText(text string) template.HTML {
	plain := func(s string) string { return html.EscapeString(html.UnescapeString(s)) }
	var out strings.Builder
	last := 0
	for _, at := range slackToken.FindAllStringSubmatchIndex(text, -1) {
		out.WriteString(plain(text[last:at[0]]))
		last = at[1]
		part := func(n int) string {
			if at[2*n] < 0 {
				return ""
			}
			return text[at[2*n]:at[2*n+1]]
		}
		switch {
		case part(1) != "":
			out.WriteString("<pre>" + plain(part(1)) + "</pre>")
		case part(2) != "":
			out.WriteString("<code>" + plain(part(2)) + "</code>")
		case part(3) != "":
			out.WriteString(v.slackLink(part(3), part(4)))
		case part(5) != "":
			out.WriteString("<b>" + string(v.slackText(part(5))) + "</b>")
		case slackEmoji[part(6)] != "":
			out.WriteString(slackEmoji[part(6)])
		case text[at[0]:at[1]] == "\n":
			out.WriteString("<br>")
		default:
			out.WriteString(plain(text[at[0]:at[1]]))
		}
	}
	out.WriteString(plain(text[last:]))
	return template.HTML(out.String()) //nolint:gosec // each part is escaped
}

// slackLink renders what is between angle brackets: a link, or a mention.
func (v *visit) slackLink(target, label string) string {
	switch {
	case strings.HasPrefix(target, "@"):
		if name := v.slackName(target[1:]); name != "" {
			label = name
		}
		return `<span class="slack-mention">@` + html.EscapeString(html.UnescapeString(label)) + "</span>"
	case strings.HasPrefix(target, "!"), strings.HasPrefix(target, "#"):
		return `<span class="slack-mention">@` + html.EscapeString(strings.TrimLeft(target, "!#")) + "</span>"
	case !strings.HasPrefix(target, "https://") && !strings.HasPrefix(target, "http://"):
		return html.EscapeString(html.UnescapeString(target))
	}
	if label == "" {
		label = target
	}
	return `<a href="` + html.EscapeString(html.UnescapeString(target)) + `">` +
		html.EscapeString(html.UnescapeString(label)) + "</a>"
}
