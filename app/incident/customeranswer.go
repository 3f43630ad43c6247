package incident

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// CustomerAnswer is a comment in an issue in which a customer reads updates (V6).
type CustomerAnswer struct {
	Issue   string    `json:"issue"`           // owner/repo#number
	ID      int64     `json:"id"`              // of the issue
	Opened  time.Time `json:"opened"`          // when the issue was
	Marks   string    `json:"marks,omitempty"` // the hidden lines of its text
	Comment int64     `json:"comment"`
	Author  string    `json:"author"`
	Body    string    `json:"body"`
	At      time.Time `json:"at"`
	// IsRouted says that the message's Ref is the incident, and not the customer's issue.
	IsRouted bool `json:"routed,omitempty"`
	// Customer is whose issue it is, once that was verified at an incident.
	Customer string `json:"customer,omitempty"`
	// Member is who wrote it in a customer's channel in Slack, by Slack's id (S4); empty: it is on GitHub.
	Member string `json:"member,omitempty"`
	// IsReply says that it is in the thread of an update there.
	IsReply bool `json:"reply,omitempty"`
}

// SlackMember begins the name of who answered in Slack and whose login nobody knows: no login does.
const SlackMember = "slack:"

func (*CustomerAnswer) request() {}

// CustomerAnswer returns what somebody wrote in a customer's issue, or nil.
func (m Message) CustomerAnswer() *CustomerAnswer { return requestOf[*CustomerAnswer](m) }

// AnswersMark is the kind of the mark in a customer's issue that holds, sealed, the name of the
// incident that answers in the issue belong to.
const AnswersMark = "answers"

// maxAnswerMarks bounds the hidden lines of a customer's issue, in bytes.
const maxAnswerMarks = 4 << 10

// AnswerMarks returns the hidden lines of the text of an issue by the app, if what people write in
// the issue belongs to an incident.
func AnswerMarks(body string) (lines string, ok bool) {
	var kept []string
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "<!-- firebreak:") {
			kept = append(kept, line)
			ok = ok || strings.HasPrefix(line, "<!-- firebreak:"+AnswersMark+" ")
		}
	}
	lines = strings.Join(kept, "\n")
	return lines, ok && len(lines) <= maxAnswerMarks
}

// CustomerAnswered says that somebody wrote in a customer's issue. Its fact is by whoever wrote it.
type CustomerAnswered struct {
	Customer string
	Issue    string // owner/repo#number
	Comment  int64
	Text     string
	// IsRestored says that a comment of the app's own says so, in a timeline that is read again.
	IsRestored bool
}

// Answered is the newest answer of a customer.
type Answered struct {
	Customer string    `json:"customer,omitempty"` // empty: not known
	By       string    `json:"by"`                 // a login, or a mail address
	At       time.Time `json:"at"`
	Text     string    `json:"text,omitempty"` // its beginning
	// Issue and Comment say where it is on GitHub; of a mail they are empty.
	Issue   string `json:"issue,omitempty"`
	Comment int64  `json:"comment,omitempty"`
}

// Answers counts the answers of customers on GitHub within an hour, so that nobody can fill the
// incident with them.
type Answers struct {
	Since time.Time `json:"since,omitzero"`
	Count int       `json:"count,omitempty"`
}

// mostAnswers is how many answers on GitHub are quoted in an hour.
const mostAnswers = 20

// answerKey is the key of the comment that quotes an answer:
// answer/globex/gina/1772447000/acme%2Fcustomer-globex%234/7000012.
func (w CustomerAnswered) answerKey(f Fact) string {
	return fmt.Sprintf("answer/%s/%s/%d/%s/%d", url.PathEscape(w.Customer), url.PathEscape(f.By.Login),
		f.At.Unix(), url.PathEscape(w.Issue), w.Comment)
}

// AnswerID returns the id of the fact that somebody wrote a comment in a customer's issue.
func AnswerID(comment int64) string { return fmt.Sprintf("s%d@shared", comment) }

// ParseCustomerAnswered reads what the comment that quotes an answer says of it.
func ParseCustomerAnswered(key string) (f Fact, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 6 || parts[0] != "answer" {
		return f, false
	}
	customer, err1 := url.PathUnescape(parts[1])
	login, err2 := url.PathUnescape(parts[2])
	at, err3 := strconv.ParseInt(parts[3], 10, 64)
	issue, err4 := url.PathUnescape(parts[4])
	comment, err5 := strconv.ParseInt(parts[5], 10, 64)
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			return f, false
		}
	}
	return Fact{ID: AnswerID(comment), At: time.Unix(at, 0).UTC(), By: Person{Login: login},
		What: CustomerAnswered{Customer: customer, Issue: issue, Comment: comment, IsRestored: true}}, true
}

// customerAnswered quotes what somebody wrote in a customer's issue, and mentions the coordinator
// (V6). What a responder writes there is the company's own, unless the customer's contacts name
// them.
func (r *run) customerAnswered(w CustomerAnswered) {
	c, _ := r.p.Customer(w.Customer)
	by := r.f.By.Login
	if r.f.By.Bot || r.f.By.Respond && !w.IsRestored && !c.hasContact("@"+by) {
		return
	}
	a := Answered{Customer: w.Customer, By: by, At: r.f.At, Text: beginningOf(w.Text), Issue: w.Issue,
		Comment: w.Comment}
	r.noteAnswer(a)
	r.recordAt(Entry{At: r.f.At, By: by, Kind: "answer", Ref: r.f.ID, What: w.Customer, Text: w.Text})
	if w.IsRestored {
		return
	}
	if r.f.At.Sub(r.Answers.Since) >= time.Hour {
		r.Answers = Answers{Since: r.f.At}
	}
	r.Answers.Count++
	holder, _ := r.Coordinator()
	say := Say{Name: "customer-answered", Who: holder, Holder: by, Line: w.Issue, Names: []string{w.Customer},
		Reason: w.Text}
	if r.Running() {
		say.Command = "/ic update …"
	}
	switch {
	case r.Answers.Count > mostAnswers+1: // it was said that there are more
		return
	case r.Answers.Count == mostAnswers+1:
		say.Variant, say.Reason, say.Time = "many", "", r.Answers.Since.Add(time.Hour)
	}
	r.emit(Remind{Key: w.answerKey(r.f), At: r.f.At, Say: say})
}

// noteAnswer keeps the newest answer for the card.
func (r *run) noteAnswer(a Answered) {
	if r.Answer == nil || !a.At.Before(r.Answer.At) {
		r.Answer = &a
	}
}
