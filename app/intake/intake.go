// Package intake turns what monitoring, mail and chat send into Signals: verified first, then
// parsed, and cleaned of what can't be seen (I1, I6). It has no queue and calls nobody on its own,
// so that a server and a function share it.
//
// A Signal is a claim. Decide says what it asks for, and package engine whether it opens an
// incident, joins an open one or is dropped. A recovery never closes anything.
package intake

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Sizes of the largest body that is taken, in bytes.
const (
	MaxBody = 8 << 20  // some 12,000 alerts of Alertmanager's; of a larger group the beginning is read
	MaxMail = 40 << 20 // as Amazon SES takes: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
)

// Trust says how sure it is who spoke.
type Trust string

// The degrees of trust.
const (
	// signed by the vendor, or a mail that its domain authenticates (DMARC)
	Verified     Trust = "verified"
	SharedSecret Trust = "shared-secret" // the sender knows a token
	Unverified   Trust = "unverified"    // anybody may have sent it
)

// IsVerified reports whether it is sure that a report comes from whom it names: a vendor or a domain
// signed it, or its sender knows a token. Links of such a report can be clicked.
func (t Trust) IsVerified() bool { return t == Verified || t == SharedSecret }

// Signal is one claim that something is wrong, or right again. Its texts come from outside: they
// hold no character that hides or reorders others, and are capped, but they must be made inert
// before they are shown in Markdown.
type Signal struct {
	// Source is what reported it: alertmanager, grafana, pagerduty, opsgenie, cloudwatch (by SNS or
	// EventBridge), sns and eventbridge (what isn't an alarm), email, slack, generic.
	Source string `json:"source"`
	// DedupKey names the trouble: source and group key, at most 200 bytes. The alert that fires
	// again and its recovery carry the same; so do the mails of one conversation.
	DedupKey string `json:"dedupKey"`
	// Event names what was said. Two Signals in a row with the same DedupKey and Event bring
	// nothing new: a retry, or Alertmanager's repeat_interval.
	Event  string `json:"event"`
	Firing bool   `json:"firing"` // false: it recovered
	// Drill says that it is an exercise (A6). Its DedupKey is never that of a real alert, so that
	// none of those lands on a drill.
	Drill bool `json:"drill,omitempty"`

	// one line, at most 200 characters; never empty
	Title string `json:"title"`
	Text  string `json:"text,omitempty"` // at most 8 KiB
	// as the source calls it, in lower case, P1 being "critical"; may be none of the policy's
	SeverityHint string `json:"severityHint,omitempty"`
	// as the source calls them, separated by commas; may be none of the policy's
	CustomerHint string            `json:"customerHint,omitempty"`
	Started      time.Time         `json:"started"`
	URL          string            `json:"url,omitempty"`     // where to read more; empty, or http(s)
	Runbook      string            `json:"runbook,omitempty"` // likewise
	Labels       map[string]string `json:"labels,omitempty"`
	// of a group, those that fire: the most severe first, at most 50
	Alerts []Alert `json:"alerts,omitempty"`
	// Zoom, Teams, Meet or Webex, found in its text
	CallLinks   []string `json:"callLinks,omitempty"`
	Attachments []string `json:"attachments,omitempty"` // names of what was dropped

	Thread Thread `json:"thread,omitzero"` // of a mail
	Trust  Trust  `json:"trust"`
	// Bounce is set for a mail server's report about a mail that it could not deliver: it is no
	// message.
	Bounce *Bounce `json:"bounce,omitempty"`
	// Reply is where Slack takes an answer to the person for 30 minutes. Whoever knows it can write
	// there: it is never shown.
	Reply string `json:"reply,omitempty"`
	// Payload is the SHA-256 of the body, in hex: enough to tell what was received without keeping
	// it.
	Payload string `json:"payload"`
}

// Sender returns who wrote a report, if a person did: a mail address, or the id of a member of
// Slack.
func (s Signal) Sender() string {
	switch s.Source {
	case "email":
		return s.Labels["from"]
	case "slack": // of a message, who wrote it, and not who reports it
		return cmp.Or(s.Labels["author"], s.Labels["user"])
	}
	return ""
}

// Alert is one alert of a group. It counts with its own labels, for the rules and for how severe
// the whole is.
type Alert struct {
	Name     string            `json:"name,omitempty"`
	Title    string            `json:"title"` // one line: the name, and what its own summary says
	Labels   map[string]string `json:"labels,omitempty"`
	Severity string            `json:"severity,omitempty"` // as SeverityHint
}

// Thread places a mail in its conversation. Ids have no angle brackets.
type Thread struct {
	MessageID  string   `json:"messageId,omitempty"`
	InReplyTo  string   `json:"inReplyTo,omitempty"`
	References []string `json:"references,omitempty"`
	// Subject is the conversation's, without what mail programs put before it.
	Subject string `json:"subject,omitempty"`
	// IsAnswer is set where the mail refers to another, or its subject says that it answers or
	// forwards one.
	IsAnswer bool `json:"answer,omitempty"`
	// what follows the + of the addresses it was sent to, and before the @ of the ids it answers
	Tags []string `json:"tags,omitempty"`
}

// Answered returns the ids of the mails that a mail answers, the nearest first.
func (t Thread) Answered() (ids []string) {
	for _, id := range append([]string{t.InReplyTo}, backwards(t.References)...) {
		if id != "" && id != t.MessageID && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

func backwards(list []string) []string {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// MailKey returns the dedup key of a conversation that begins with a mail.
func MailKey(id string) string { return key("email", id) }

// Ack says that somebody answered a page.
type Ack struct {
	Source string `json:"source"`
	// as given when the alert was raised: of our own pages, the page's key
	Key      string    `json:"key"`
	DedupKey string    `json:"dedupKey"`     // of the Signal that the alert gave, if it gave one
	By       string    `json:"by,omitempty"` // as the source calls the person
	At       time.Time `json:"at"`
}

// Result is what one request says; it is empty for a request that says nothing of interest.
type Result struct {
	Signals []Signal
	Acks    []Ack
	// what somebody wrote in Slack: a command if the channel is an incident's, or else what the rest says
	Said *incident.ChatSaid
	// Untaken is what the person hears at ReplyTo where Said was not taken, or Modal could not be opened
	Untaken string
	ReplyTo string            // Slack's response URL; empty: nobody hears
	Pinned  *incident.ChatPin // a message in Slack that somebody pinned
	// Heard is a message in Slack that isn't a command, or what became of one
	Heard *incident.ChatWords
	// Confirm is the address to GET so that a subscription begins. It is set only for an allowed
	// topic and an address of Amazon's.
	Confirm string
	Modal   *Modal
	Answer  *Answer // nil: 202 without a body
	Failed  *Answer // what to answer instead if the result could not be stored; nil: 503
}

// Modal is a form to open in Slack within three seconds, by views.open.
type Modal struct {
	TriggerID string
	Channel   string // of the incident that it is for; empty: of none
	View      slack.ModalViewRequest
}

// Answer is a body that goes back with status 200; an empty one says that all is well.
type Answer struct {
	ContentType string
	Body        []byte
}

// Request is what arrived.
type Request struct {
	Header http.Header
	Body   []byte // raw: signatures are over these bytes
	Now    time.Time

	IsCut bool // the body was larger than what is taken: this is its beginning
}

// Source reads the requests of one kind. Read verifies before it parses; its errors are *Error.
type Source interface {
	Name() string
	Read(context.Context, Request) (Result, error)
}

// early is a Source that can turn a request away by its headers: nothing is read of what carries no
// token, or nothing that could be a signature. What it lets through Read still has to verify.
type early interface {
	Early(h http.Header, now time.Time) error
}

// Kind says whose fault an Error is.
type Kind int

// The kinds of errors.
const (
	Rejected Kind = iota // theirs: the signature or the token is wrong
	Bad                  // theirs: it can't be understood
	Ours                 // ours: worth another try
)

// Error says why a request gave no result. Reason is one word of a few, for counting; Err says it
// in full and holds neither a secret nor a text of the request.
type Error struct {
	Kind   Kind
	Reason string // "signature", "token", "timestamp", "topic", "size", "format", "certificate"
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

func rejected(reason, format string, args ...any) error {
	return &Error{Kind: Rejected, Reason: reason, Err: fmt.Errorf(format, args...)}
}

func bad(text string) error {
	return &Error{Kind: Bad, Reason: "format", Err: errors.New(text)}
}

func ours(reason, format string, args ...any) error {
	return &Error{Kind: Ours, Reason: reason, Err: fmt.Errorf(format, args...)}
}

// decode reads JSON leniently: a field of an unexpected type is left out rather than lose an alert
// because of it.
func decode(body []byte, into any) error {
	var odd *json.UnmarshalTypeError
	if err := json.Unmarshal(body, into); err != nil && !errors.As(err, &odd) {
		return bad("the body is not the JSON that was expected")
	}
	return nil
}

// parseTime reads a time as the sources write it; what can't be read is zero.
func parseTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999-0700"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() > 1 {
			return t.UTC()
		}
	}
	return time.Time{}
}
