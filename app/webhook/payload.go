package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/valyala/fastjson"
)

// payload is what is read of any event; everything may be missing.
type payload struct {
	Action       string
	Issue        *issue
	After        string // the commit that was pushed
	Callback     string // at which a deployment protection rule is answered
	Environment  string // into which that deploys
	Pushed       string // the reference that it was pushed to
	Commits      []commit
	Label        string
	Assignee     string
	Comment      *comment
	WasBody      *string // before an edit
	WasTitle     *string
	New, Old     *place // of a transferred issue: where it is now, and where it was
	Pull         *pull
	Deployment   *deployment
	Repository   *repository
	Sender       *account
	Run          *workflowRun
	Installation int64
	Account      string    // on which the App is installed; of events about that
	Changed      time.Time // when the installation was changed last; likewise
}

type issue struct {
	Number, Comments int
	Title, State     string
	Body             string
	User             *account
	Pull             bool
	Labels           []string
	Created, Updated time.Time
	ID               int64
	URL              string
}

// place is an issue in another repository than the event's.
type place struct {
	issue
	Repository repository
}

type commit struct{ Added, Modified []string }

type comment struct {
	ID               int64
	Body             string
	User             *account
	App              int64 // through which it was written
	Created, Updated time.Time
}

type pull struct {
	Number int
	Ref    string // of its head
	From   string // full name of the head's repository; empty once that is gone
	Body   string
	Author *account

	Updated time.Time
}

// deployment is the status of one.
type deployment struct{ State, Environment string }

// workflowRun is a run of a workflow.
type workflowRun struct {
	ID    int64
	Event string // that started it
	Actor *account
}

type account struct{ Login, Type string }

type repository struct {
	ID             int64
	Name, FullName string
	Owner          account
	Updated        time.Time
}

var errNoObject = errors.New("not a JSON object")

// looksWhole reports whether a payload may be a JSON object. It is signed, so GitHub wrote it: it
// is read only where something may come of it.
func looksWhole(body []byte) bool {
	text := bytes.TrimSpace(body)
	return bytes.HasPrefix(text, []byte("{")) && bytes.HasSuffix(text, []byte("}"))
}

// parsers keep the memory of payloads that were read.
var parsers fastjson.ParserPool

// decode reads the few members that matter. Four fifths of a payload are addresses that nobody
// needs: they are passed over where they are, and only what is kept is copied.
func decode(body []byte) (p payload, err error) {
	parser := parsers.Get()
	if len(body) <= ordinary { // the memory of a large one isn't worth keeping
		defer parsers.Put(parser)
	}
	whole, err := parser.ParseBytes(body)
	if err != nil {
		return p, fmt.Errorf("not JSON: %w", err)
	}
	if whole.Type() != fastjson.TypeObject {
		return p, errNoObject
	}
	d := decoder{}
	whole.GetObject().Visit(func(name []byte, v *fastjson.Value) {
		d.at = name
		switch string(name) {
		case "action", "after", "ref", "deployment_callback_url", "environment":
			*p.textAt(name) = d.text(v)
		case "label":
			p.Label = d.text(d.object(v).Get("name"))
		case "assignee":
			if who := d.account(v); who != nil {
				p.Assignee = who.Login
			}
		case "issue":
			p.Issue = d.issue(v)
		case "comment":
			p.Comment = d.comment(v)
		case "commits":
			for _, c := range d.list(v) {
				p.Commits = append(p.Commits, commit{d.texts(c.Get("added")), d.texts(c.Get("modified"))})
			}
		case "changes":
			p.WasBody, p.WasTitle = d.was(v.Get("body")), d.was(v.Get("title"))
			p.New = d.place(v.Get("new_issue"), v.Get("new_repository"))
			p.Old = d.place(v.Get("old_issue"), v.Get("old_repository"))
		case "pull_request":
			if v := d.object(v); v != nil {
				head := v.Get("head")
				p.Pull = &pull{
					Number:  int(d.number(v.Get("number"))),
					Ref:     d.text(head.Get("ref")),
					From:    d.text(head.Get("repo", "full_name")),
					Updated: d.time(v.Get("updated_at")),
					Body:    d.text(v.Get("body")),
					Author:  d.account(v.Get("user")),
				}
			}
		case "deployment_status":
			if v := d.object(v); v != nil {
				p.Deployment = &deployment{State: d.text(v.Get("state")), Environment: d.text(v.Get("environment"))}
			}
		case "workflow_run":
			if v := d.object(v); v != nil {
				p.Run = &workflowRun{ID: d.number(v.Get("id")), Event: d.text(v.Get("event")), Actor: d.account(v.Get("actor"))}
			}
		case "repository":
			p.Repository = d.repository(v)
		case "sender":
			p.Sender = d.account(v)
		case "installation":
			v := d.object(v)
			p.Installation, p.Changed = d.number(v.Get("id")), d.moment(v.Get("updated_at"))
			if account := v.Get("account"); account != nil {
				p.Account = d.text(d.object(account).Get("login"))
			}
		case "account":
			p.Account = d.text(d.object(v).Get("login"))
		}
	})
	return p, d.err
}

// textAt returns where a text of the payload's own goes.
func (p *payload) textAt(name []byte) *string {
	switch string(name) {
	case "after":
		return &p.After
	case "ref":
		return &p.Pushed
	case "deployment_callback_url":
		return &p.Callback
	case "environment":
		return &p.Environment
	}
	return &p.Action
}

// decoder keeps the first thing that isn't of the kind that GitHub sends.
type decoder struct {
	at  []byte // the payload's member that is being read
	err error
}

// is reports whether there is something, and of a kind.
func (d *decoder) is(kind string, v *fastjson.Value, t fastjson.Type) bool {
	if v == nil || v.Type() == fastjson.TypeNull {
		return false
	}
	if v.Type() != t {
		d.refuse(kind)
		return false
	}
	return true
}

func (d *decoder) refuse(kind string) {
	if d.err == nil {
		d.err = fmt.Errorf("%q holds no %s where GitHub sends one", d.at, kind)
	}
}

// object returns v if it is an object, or nil.
func (d *decoder) object(v *fastjson.Value) *fastjson.Value {
	if !d.is("object", v, fastjson.TypeObject) {
		return nil
	}
	return v
}

func (d *decoder) list(v *fastjson.Value) []*fastjson.Value {
	if !d.is("list", v, fastjson.TypeArray) {
		return nil
	}
	return v.GetArray()
}

func (d *decoder) text(v *fastjson.Value) string {
	if !d.is("text", v, fastjson.TypeString) {
		return ""
	}
	return string(v.GetStringBytes())
}

func (d *decoder) texts(v *fastjson.Value) (all []string) {
	for _, s := range d.list(v) {
		all = append(all, d.text(s))
	}
	return all
}

func (d *decoder) number(v *fastjson.Value) int64 {
	if !d.is("number", v, fastjson.TypeNumber) {
		return 0
	}
	n, err := v.Int64()
	if err != nil {
		d.refuse("whole number")
	}
	return n
}

func (d *decoder) time(v *fastjson.Value) time.Time {
	s := d.text(v)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		d.refuse("time")
	}
	return t.UTC()
}

// moment reads a time that GitHub writes as text in some events and as a Unix time in others.
func (d *decoder) moment(v *fastjson.Value) time.Time {
	if v != nil && v.Type() == fastjson.TypeNumber {
		return time.Unix(d.number(v), 0).UTC()
	}
	return d.time(v)
}

func (d *decoder) account(v *fastjson.Value) *account {
	if d.object(v) == nil {
		return nil
	}
	return &account{Login: d.text(v.Get("login")), Type: d.text(v.Get("type"))}
}

// was returns what a changed text was before.
func (d *decoder) was(v *fastjson.Value) *string {
	if d.object(v) == nil {
		return nil
	}
	from := d.text(v.Get("from"))
	return &from
}

func (d *decoder) issue(v *fastjson.Value) *issue {
	if d.object(v) == nil {
		return nil
	}
	is := &issue{
		Number:   int(d.number(v.Get("number"))),
		Comments: int(d.number(v.Get("comments"))),
		Title:    d.text(v.Get("title")),
		State:    d.text(v.Get("state")),
		Body:     d.text(v.Get("body")),
		User:     d.account(v.Get("user")),
		Pull:     d.object(v.Get("pull_request")) != nil,
		Created:  d.time(v.Get("created_at")),
		Updated:  d.time(v.Get("updated_at")),
		ID:       d.number(v.Get("id")),
		URL:      d.text(v.Get("html_url")),
	}
	for _, l := range d.list(v.Get("labels")) {
		is.Labels = append(is.Labels, d.text(l.Get("name")))
	}
	return is
}

func (d *decoder) comment(v *fastjson.Value) *comment {
	if d.object(v) == nil {
		return nil
	}
	return &comment{
		ID:      d.number(v.Get("id")),
		Body:    d.text(v.Get("body")),
		User:    d.account(v.Get("user")),
		App:     d.number(v.Get("performed_via_github_app", "id")),
		Created: d.time(v.Get("created_at")),
		Updated: d.time(v.Get("updated_at")),
	}
}

func (d *decoder) repository(v *fastjson.Value) *repository {
	if d.object(v) == nil {
		return nil
	}
	r := &repository{
		ID:       v.GetInt64("id"),
		Name:     d.text(v.Get("name")),
		FullName: d.text(v.Get("full_name")),
		Updated:  d.moment(v.Get("updated_at")),
	}
	if owner := d.account(v.Get("owner")); owner != nil {
		r.Owner = *owner
	}
	return r
}

// place reads an issue and its repository; nil if either is missing.
func (d *decoder) place(is, repo *fastjson.Value) *place {
	i, r := d.issue(is), d.repository(repo)
	if i == nil || r == nil {
		return nil
	}
	return &place{*i, *r}
}
