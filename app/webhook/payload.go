package webhook

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// payload is what is read of any event; everything may be missing.
type payload struct {
	Action       string
	Issue        *issue
	After        string // the commit that was pushed
	Commits      []commit
	Label        string
	Comment      *comment
	WasBody      *string // before an edit
	WasTitle     *string
	Pull         *pull
	Repository   *repository
	Sender       *account
	Installation int64
}

type issue struct {
	Number, Comments int
	Body             string
	User             *account
	Pull             bool
	Labels           []string
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
}

type account struct{ Login, Type string }

type repository struct {
	Name, FullName string
	Owner          account
}

var errNoObject = errors.New("it is no JSON object")

// object gives a payload as one JSON object, its members not yet read. It is signed, so GitHub wrote it whole: that it really
// is JSON is looked at only where something comes of it.
func object(body []byte) (gjson.Result, error) {
	text := strings.TrimSpace(string(body))
	if !strings.HasPrefix(text, "{") || !strings.HasSuffix(text, "}") || len(text) < 2 {
		return gjson.Result{}, errNoObject
	}
	return gjson.Parse(text), nil
}

// decode reads the few members that matter. Four fifths of a payload are addresses that nobody needs, so the text is walked
// over once and not decoded into Go's types, which takes a quarter of the time.
func decode(body []byte) (p payload, err error) {
	whole, err := object(body)
	if err != nil {
		return p, err
	}
	d := decoder{}
	whole.ForEach(func(name, v gjson.Result) bool {
		d.at = name.Str
		switch d.at {
		case "action":
			p.Action = d.text(v)
		case "after":
			p.After = d.text(v)
		case "label":
			p.Label = d.text(d.object(v).Get("name"))
		case "issue":
			p.Issue = d.issue(v)
		case "comment":
			p.Comment = d.comment(v)
		case "commits":
			for _, c := range v.Array() {
				p.Commits = append(p.Commits, commit{d.texts(c.Get("added")), d.texts(c.Get("modified"))})
			}
		case "changes":
			p.WasBody, p.WasTitle = d.was(v.Get("body")), d.was(v.Get("title"))
		case "pull_request":
			if d.object(v).IsObject() {
				head := v.Get("head")
				p.Pull = &pull{Number: int(v.Get("number").Int()), Ref: d.text(head.Get("ref")), From: d.text(head.Get("repo.full_name"))}
			}
		case "repository":
			if d.object(v).IsObject() {
				p.Repository = &repository{Name: d.text(v.Get("name")), FullName: d.text(v.Get("full_name"))}
				if owner := d.account(v.Get("owner")); owner != nil {
					p.Repository.Owner = *owner
				}
			}
		case "sender":
			p.Sender = d.account(v)
		case "installation":
			p.Installation = d.object(v).Get("id").Int()
		}
		return d.err == nil
	})
	return p, d.err
}

// decoder keeps the first thing that isn't of the kind that GitHub sends.
type decoder struct {
	at  string
	err error
}

func (d *decoder) want(kind string, v gjson.Result, is bool) {
	if !is && v.Exists() && v.Type != gjson.Null && d.err == nil {
		d.err = fmt.Errorf("%q holds no %s where GitHub sends one", d.at, kind)
	}
}

func (d *decoder) object(v gjson.Result) gjson.Result {
	d.want("object", v, v.IsObject())
	return v
}

func (d *decoder) text(v gjson.Result) string {
	d.want("text", v, v.Type == gjson.String)
	return v.Str
}

func (d *decoder) texts(v gjson.Result) (all []string) {
	for _, s := range v.Array() {
		all = append(all, d.text(s))
	}
	return all
}

func (d *decoder) time(v gjson.Result) time.Time {
	s := d.text(v)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	d.want("time", v, err == nil)
	return t.UTC()
}

func (d *decoder) account(v gjson.Result) *account {
	if !d.object(v).IsObject() {
		return nil
	}
	return &account{Login: d.text(v.Get("login")), Type: d.text(v.Get("type"))}
}

// was gives what a changed text was before.
func (d *decoder) was(v gjson.Result) *string {
	if !d.object(v).IsObject() {
		return nil
	}
	from := d.text(v.Get("from"))
	return &from
}

func (d *decoder) issue(v gjson.Result) *issue {
	if !d.object(v).IsObject() {
		return nil
	}
	is := &issue{}
	v.ForEach(func(name, v gjson.Result) bool {
		switch name.Str {
		case "number":
			is.Number = int(v.Int())
		case "comments":
			is.Comments = int(v.Int())
		case "body":
			is.Body = d.text(v)
		case "user":
			is.User = d.account(v)
		case "pull_request":
			is.Pull = v.IsObject()
		case "labels":
			for _, l := range v.Array() {
				is.Labels = append(is.Labels, d.text(l.Get("name")))
			}
		}
		return true
	})
	return is
}

func (d *decoder) comment(v gjson.Result) *comment {
	if !d.object(v).IsObject() {
		return nil
	}
	c := &comment{}
	v.ForEach(func(name, v gjson.Result) bool {
		switch name.Str {
		case "id":
			c.ID = v.Int()
		case "body":
			c.Body = d.text(v)
		case "user":
			c.User = d.account(v)
		case "performed_via_github_app":
			c.App = v.Get("id").Int()
		case "created_at":
			c.Created = d.time(v)
		case "updated_at":
			c.Updated = d.time(v)
		}
		return true
	})
	return c
}
