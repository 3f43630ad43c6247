// Package workspace is a Slack workspace in memory: the methods of the Web API that an app for incidents
// uses, as Slack describes them, with faults on demand. It knows nothing of who uses it.
package workspace

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Token is the bot's token, and the bot's own ids.
const (
	Token   = "xoxb-demo"
	BotUser = "U0BOT0001"
	Team    = "T0ACME001"
	Home    = "https://acme.slack.com/"
)

// Workspace is a Slack workspace.
type Workspace struct {
	Now     func() time.Time
	App     App    // that is installed
	Home    string // address of the workspace's pages, with a slash at its end; empty: Slack's
	OnWrite func() // called after each change, with nothing locked; nil: nobody is told

	mu       sync.Mutex
	users    map[string]string // id → name
	profiles map[string]Profile
	channels []*Channel
	faults   []*Fault
	calls    []Call
	ids      int
	triggers map[string]*trigger
	views    map[string]*View
	hooks    map[string]*hook
	posted   map[string]string // by client_msg_id, the ts of what an app has posted
}

// Channel is a channel. What is returned of one is a copy.
type Channel struct {
	ID, Name, Topic, Purpose, Creator string
	Created                           time.Time
	IsPrivate, IsArchived             bool
	Members                           []string
	Messages                          []Message // oldest first
	Bookmarks                         []Bookmark
	Pins                              []string // ts
}

// Message is a message.
type Message struct {
	Type     string          `json:"type"` // "message"
	TS       string          `json:"ts"`
	User     string          `json:"user"`
	Text     string          `json:"text"`
	Thread   string          `json:"thread_ts,omitempty"`
	Edited   bool            `json:"-"`
	Blocks   json.RawMessage `json:"blocks,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	OnlyTo   string          `json:"-"` // whom it is shown to, of an ephemeral one; empty: everybody
	ClientID string          `json:"client_msg_id,omitempty"`
}

// Bookmark is a bookmark.
type Bookmark struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Link  string `json:"link"`
	Type  string `json:"type"`
}

// Fault is what goes wrong with calls whose method fits Match.
type Fault struct {
	Match      string // a regular expression for the method's whole name
	Code       string // what Slack says
	Status     int    // HTTP status in place of that; 429 comes with RetryAfter
	RetryAfter time.Duration
	IsApplied  bool // the call works, only its answer is lost (as an HTTP status 500)
	Count      int  // how often; negative: for ever
}

// Call is a call of the Web API.
type Call struct {
	Method string
	Code   string // what went wrong; empty: nothing
	At     time.Time
}

// New returns a workspace with these people: id → name.
func New(now func() time.Time, users map[string]string) *Workspace {
	return &Workspace{Now: now, users: users, profiles: map[string]Profile{},
		triggers: map[string]*trigger{}, views: map[string]*View{},
		hooks: map[string]*hook{}, posted: map[string]string{}}
}

// Profile is what Slack shows an app of somebody.
type Profile struct {
	Email     string // empty: the app may not see it
	Team      string // the workspace that they are of, of a shared channel; empty: this one
	IsDeleted bool
	IsBot     bool
}

// SetProfile sets what Slack shows of somebody.
func (w *Workspace) SetProfile(user string, p Profile) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.profiles[user] = p
}

// Break makes calls fail.
func (w *Workspace) Break(f Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, &f)
}

// Mend ends all faults.
func (w *Workspace) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = nil
}

// Calls returns the calls that arrived.
func (w *Workspace) Calls() []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

// Channels returns all channels, in the order in which they were made.
func (w *Workspace) Channels() (all []Channel) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.channels {
		one := *c
		one.Members, one.Messages = slices.Clone(c.Members), slices.Clone(c.Messages)
		one.Bookmarks, one.Pins = slices.Clone(c.Bookmarks), slices.Clone(c.Pins)
		all = append(all, one)
	}
	return all
}

// Change changes a channel as a person or an admin does, who may do more than an app.
func (w *Workspace) Change(id string, change func(*Channel)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.channel(id); c != nil {
		change(c)
	}
}

// Make makes a channel as a person does, and returns its id.
func (w *Workspace) Make(name, creator string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.make(name, creator, false).ID
}

// Delete deletes a channel, as an admin does.
func (w *Workspace) Delete(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.channels = slices.DeleteFunc(w.channels, func(c *Channel) bool { return c.ID == id })
}

func (w *Workspace) channel(id string) *Channel {
	i := slices.IndexFunc(w.channels, func(c *Channel) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return w.channels[i]
}

func (w *Workspace) next() int {
	w.ids++
	return w.ids
}

func (w *Workspace) make(name, creator string, isPrivate bool) *Channel {
	c := &Channel{ID: fmt.Sprintf("C%08d", w.next()), Name: name, Creator: creator, Created: w.Now(),
		IsPrivate: isPrivate, Members: []string{creator}}
	w.channels = append(w.channels, c)
	return c
}

// answer is what a method answers; code is what goes wrong, "" if nothing does.
type answer map[string]any

// method is a method of the Web API.
type method func(w *Workspace, form url.Values) (answer, string)

// ServeHTTP serves the Web API: the last part of the path is the method.
func (w *Workspace) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if _, id, ok := strings.Cut(r.URL.Path, HooksPath+"/"); ok {
		w.serveHook(rw, r, id)
		return
	}
	name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	form, err := readForm(r)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token == "" {
		token = form.Get("token")
	}
	if !slices.Contains(reads, name) {
		defer w.noteWrite()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	do, ok := methods[name]
	fault := w.fault(name)
	var out answer
	var code string
	switch {
	case fault != nil && !fault.IsApplied:
		code = fault.Code
	case !ok:
		code = "unknown_method"
	case token == "":
		code = "not_authed"
	case token != Token:
		code = "invalid_auth"
	default:
		out, code = do(w, form)
	}
	told := code
	if fault != nil && code == "" {
		told = "lost"
	}
	w.calls = append(w.calls, Call{Method: name, Code: told, At: w.Now()})
	if fault != nil && (fault.Status != 0 || fault.IsApplied) {
		status := fault.Status
		if status == 0 {
			status = http.StatusInternalServerError
		}
		if fault.RetryAfter > 0 {
			rw.Header().Set("Retry-After", strconv.Itoa(int(fault.RetryAfter.Seconds())))
		}
		rw.WriteHeader(status)
		return
	}
	if out == nil {
		out = answer{}
	}
	out["ok"] = code == ""
	if code != "" {
		out["error"] = code
	}
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.Header().Set("X-OAuth-Scopes", strings.Join(w.App.Scopes, ","))
	_ = json.NewEncoder(rw).Encode(out)
}

// fault returns what goes wrong with a call now, and counts it.
func (w *Workspace) fault(name string) *Fault {
	for _, f := range w.faults {
		if f.Count != 0 && regexp.MustCompile("^(?:"+f.Match+")$").MatchString(name) {
			if f.Count > 0 {
				f.Count--
			}
			return f
		}
	}
	return nil
}

// readForm reads what a call says, as a form or as JSON.
func readForm(r *http.Request) (url.Values, error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		err := r.ParseForm()
		return r.Form, err
	}
	var fields map[string]any
	if err := json.NewDecoder(r.Body).Decode(&fields); err != nil {
		return nil, err
	}
	form := url.Values{}
	for name, value := range fields {
		if text, ok := value.(string); ok {
			form.Set(name, text)
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		form.Set(name, string(text))
	}
	return form, nil
}
