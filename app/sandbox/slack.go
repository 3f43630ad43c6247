package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
)

// The sandbox's people have a workspace in Slack too: its Web API and response URLs are served below slackPath, and
// its pages are at /slack.
const slackPath = "/slack/api"

// openSlack makes the workspace.
func (s *Sandbox) openSlack() {
	s.slack = workspace.New(s.clock.Now, map[string]string{})
	s.slack.App = s.o.Slack
	s.slack.Home = s.o.URL + "/slack/"
	s.slack.App.HooksURL = s.o.URL + slackPath + workspace.HooksPath
	s.slack.OnWrite = func() {
		s.forge.Lock()
		defer s.forge.Unlock()
		s.forge.NotifyWatchers()
	}
}

// fillSlack brings the sandbox's people into the workspace, which has a channel for everybody from the beginning.
func (s *Sandbox) fillSlack() {
	for login, id := range s.members() {
		s.slack.Users()[id] = login
	}
	if len(s.slack.Channels()) == 0 {
		for _, name := range []string{"general", "incidents"} {
			id := s.slack.Make(name, MemberID("alice"))
			s.slack.Change(id, func(c *workspace.Channel) { c.Members = append(c.Members, workspace.BotUser) })
		}
	}
}

// members returns the ids of people in Slack, by login.
func (s *Sandbox) members() map[string]string {
	all := map[string]string{}
	for _, u := range s.forge.Users {
		if u.Kind == forge.KindUser {
			all[u.Login] = MemberID(u.Login)
		}
	}
	return all
}

// IncidentsChannel is the id of the channel in which incidents are talked about.
const IncidentsChannel = "C00000002"

// MemberID returns the id of somebody in Slack.
func MemberID(login string) string {
	plain := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToUpper(login))
	return "U0" + plain + strings.Repeat("0", max(0, 7-len(plain)))
}

func (s *Sandbox) routeSlack(mux *http.ServeMux) {
	mux.Handle(slackPath+"/", s.slack)
}

// slackButton is a button, as the sandbox's own addresses show it.
type slackButton struct {
	Label  string `json:"label"`
	Action string `json:"action_id"`
}

// slackMessage is a message, as the sandbox's own addresses show it.
type slackMessage struct {
	TS       string        `json:"ts"`
	At       time.Time     `json:"at"`
	User     string        `json:"user"` // a name
	Text     string        `json:"text"`
	Sections []string      `json:"sections"` // what is read, in Slack's markup
	Thread   string        `json:"thread_ts,omitempty"`
	Buttons  []slackButton `json:"buttons"`
	IsPinned bool          `json:"pinned"`
	IsEdited bool          `json:"edited"`
	OnlyTo   string        `json:"only_to,omitempty"` // a name: nobody else sees it
}

// controlSlack adds the sandbox's own addresses.
func (s *Sandbox) controlSlack(mux *http.ServeMux) {
	mux.HandleFunc("GET /sandbox/slack/channels", s.listChannels)
	mux.HandleFunc("GET /sandbox/slack/messages", s.listMessages)
	mux.HandleFunc("POST /sandbox/slack/say", s.sayInSlack)
	mux.HandleFunc("POST /sandbox/slack/press", s.pressInSlack)
}

// nameIn returns somebody's name in Slack.
func (s *Sandbox) nameIn(id string) string {
	if id == workspace.BotUser {
		return s.forge.App.Slug
	}
	return s.slack.Users()[id]
}

func (s *Sandbox) listChannels(w http.ResponseWriter, _ *http.Request) {
	all := []map[string]any{}
	for _, c := range s.slack.Channels() {
		members := []string{}
		for _, id := range c.Members {
			members = append(members, s.nameIn(id))
		}
		all = append(all, map[string]any{"id": c.ID, "name": c.Name, "topic": c.Topic, "purpose": c.Purpose,
			"private": c.IsPrivate, "archived": c.IsArchived, "members": members, "bookmarks": listOf(c.Bookmarks),
			"messages": len(c.Messages)})
	}
	tell(w, http.StatusOK, all)
}

func (s *Sandbox) listMessages(w http.ResponseWriter, r *http.Request) {
	c, ok := s.slack.Find(r.URL.Query().Get("channel"))
	if !ok {
		tell(w, http.StatusNotFound, map[string]any{"message": "no such channel: ?channel=NAME"})
		return
	}
	all := []slackMessage{}
	for _, m := range c.Messages {
		shown := slackMessage{TS: m.TS, At: m.At(), User: s.nameIn(m.User), Text: m.Text, Sections: m.Sections(),
			Thread: m.Thread, Buttons: []slackButton{}, IsPinned: c.IsPinned(m.TS), IsEdited: m.Edited,
			OnlyTo: s.nameIn(m.OnlyTo)}
		for _, b := range m.Buttons() {
			shown.Buttons = append(shown.Buttons, slackButton{b.Label, b.Action})
		}
		all = append(all, shown)
	}
	tell(w, http.StatusOK, all)
}

// readSlack reads what somebody does in Slack, and refuses what can't be read.
func readSlack(w http.ResponseWriter, r *http.Request, into any) bool {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(into)
	if err != nil {
		tell(w, http.StatusBadRequest, map[string]any{"message": "the body must be JSON, like " +
			`{"channel":"general","user":"bob","text":"…"} or {"channel":"general","user":"bob","button":"…"}`})
	}
	return err == nil
}

func refuseSlack(w http.ResponseWriter, err error) {
	status := http.StatusUnprocessableEntity
	if errors.Is(err, workspace.ErrUnknown) {
		status = http.StatusNotFound
	}
	tell(w, status, map[string]any{"message": err.Error()})
}

func (s *Sandbox) sayInSlack(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Channel, User, Text string
		Thread              string `json:"thread_ts"`
	}
	if !readSlack(w, r, &in) {
		return
	}
	ts, answer, err := s.slack.Write(r.Context(), in.Channel, in.User, in.Thread, in.Text)
	if err != nil {
		refuseSlack(w, err)
		return
	}
	tell(w, http.StatusOK, map[string]any{"ok": true, "ts": ts, "answer": answer})
}

// pressInSlack presses a button. Where a form opens, values fills and sends it; without them it stays open.
func (s *Sandbox) pressInSlack(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Channel, User, Button, TS string
		Values                    map[string]string
	}
	if !readSlack(w, r, &in) {
		return
	}
	form, err := s.slack.Press(r.Context(), in.Channel, in.User, in.TS, in.Button)
	if err != nil {
		refuseSlack(w, err)
		return
	}
	said := map[string]any{"ok": true}
	if form != nil {
		said["form"] = map[string]any{"title": form.Title, "submit": form.Submit, "fields": listOf(form.Fields)}
	}
	if form != nil && len(in.Values) > 0 {
		wrong, err := s.slack.Submit(r.Context(), in.User, in.Values)
		if err != nil {
			refuseSlack(w, err)
			return
		}
		if len(wrong) > 0 {
			said["ok"], said["errors"] = false, wrong
		}
	}
	tell(w, http.StatusOK, said)
}
