package incident

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// What somebody who was paged can answer without a login (I8).
const (
	AnswerCoordinate = "coordinate" // takes the role, as /ic does
	AnswerSeen       = "seen"       // no more reminders of this page, to this person
	AnswerPass       = "pass"       // others are paged at once
)

// PageAnswers lists what can be answered, in the order in which it is offered.
var PageAnswers = []string{AnswerCoordinate, AnswerSeen, AnswerPass}

// By which way somebody answers without a login.
const (
	ViaLink = "link" // of the page
	ViaCall = "call" // by a key of the phone
)

// PageAnswer is what somebody answered who was paged by name, without a login (I8).
type PageAnswer struct {
	Page string    `json:"page"` // key within the incident, "page/3"
	By   string    `json:"by"`   // login
	How  string    `json:"how"`  // one of PageAnswers
	Via  string    `json:"via"`  // ViaLink, or another way
	At   time.Time `json:"at"`
}

func (*PageAnswer) request() {}

// PageAnswer returns what somebody answered to a page without a login, or nil.
func (m Message) PageAnswer() *PageAnswer { return requestOf[*PageAnswer](m) }

// PageAnswered says that somebody who was paged answered without a login. It counts as theirs, with
// their authority. The timeline has no word of it, so the app writes one (A5).
type PageAnswered struct{ Page, How, Via string }

// Fact returns the fact that an answer is.
func (a PageAnswer) Fact() Fact {
	return Fact{ID: a.id(), At: a.At, By: Person{Login: a.By}, What: PageAnswered{a.Page, a.How, a.Via}}
}

// id is the id of the answer's fact: of its page's number, its time, and a number of who answered
// what.
func (a PageAnswer) id() string {
	number := strings.TrimPrefix(a.Page, "page/")
	if _, err := strconv.ParseUint(number, 10, 32); err != nil {
		number = "0"
	}
	return "l" + number + "@" + strconv.FormatInt(a.At.Unix(), 10) + "." +
		strconv.FormatInt(int64(sumOf(a.How+" "+naming.Key(a.By))), 10)
}

// key writes an answer for the comment that notes it: link/page%2F3/1772447000/carol/seen/link.
func (a PageAnswered) key(f Fact) string {
	at := strconv.FormatInt(f.At.Unix(), 10)
	return strings.Join([]string{"link", url.PathEscape(a.Page), at, f.By.Login, a.How, url.PathEscape(a.Via)}, "/")
}

// ParsePageAnswered reads what a comment of the app's own says of an answer: a fact without what
// GitHub knows of the person.
func ParsePageAnswered(key string) (Fact, bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 6 || parts[0] != "link" || parts[3] == "" || !slices.Contains(PageAnswers, parts[4]) {
		return Fact{}, false
	}
	page, err := url.PathUnescape(parts[1])
	at, err2 := strconv.ParseInt(parts[2], 10, 64)
	via, err3 := url.PathUnescape(parts[5])
	if err != nil || err2 != nil || err3 != nil {
		return Fact{}, false
	}
	return PageAnswer{Page: page, By: parts[3], How: parts[4], Via: via, At: time.Unix(at, 0).UTC()}.Fact(), true
}

// pageAnswered acts on an answer.
func (r *run) pageAnswered(a PageAnswered) {
	a.Page = r.knownPage(a.Page)
	say := Say{Name: "page-answered", Variant: a.How, Names: []string{r.f.By.Login}, Reason: a.Via}
	if a.How == AnswerCoordinate {
		c := Command{Kind: TakeIC, Verb: VerbIC}
		r.f.What = c
		r.loseAccess()
		had := r.IC
		if r.command(c); !r.isTurnedDown && !naming.Equal(had, r.IC) {
			r.emit(Remind{Key: a.key(r.f), At: r.f.At, Say: say})
		}
		return
	}
	if !r.mayAnswerPage() || r.hasAnswered(a) {
		return
	}
	if page := r.page(a.Page); page != nil {
		page.Answers = append(slices.Clone(page.Answers), a.How+" "+r.f.By.Login)
	}
	r.record(a.How, r.f.By.Login, "")
	if a.How == AnswerPass {
		say.Time = r.passOn(a.Page)
	}
	r.emit(Remind{Key: a.key(r.f), At: r.f.At, Say: say})
}

// mayAnswerPage reports whether the author of an answer may respond (A3), and answers who may not.
func (r *run) mayAnswerPage() bool {
	switch {
	case r.f.By.Unsure != "" && !r.f.By.Respond:
		r.reply(Say{Name: "permission-unknown", Line: "/ic", Reason: r.f.By.Unsure})
	case !r.isResponder():
		r.refuse(Say{Name: "refused-reader", Line: "/ic"})
	default:
		return r.Running()
	}
	return false
}

// page returns a page that the state knows, or nil.
func (r *run) page(key string) *Page {
	i := slices.IndexFunc(r.Paging.Pages, func(p Page) bool { return p.Key == key })
	if i < 0 {
		return nil
	}
	return &r.Paging.Pages[i]
}

// hasAnswered reports whether the author has answered that to the page before.
func (r *run) hasAnswered(a PageAnswered) bool {
	page := r.page(a.Page)
	return page != nil && page.HasAnswered(a.How, r.f.By.Login)
}

// HasAnswered reports whether somebody answered that to the page.
func (p Page) HasAnswered(how, login string) bool {
	return slices.ContainsFunc(p.Answers, func(a string) bool {
		said, by, _ := strings.Cut(a, " ")
		return said == how && naming.Equal(by, login)
	})
}

// passOn lets the next step of the escalation go out now, or asks others for the summoned, where that
// is what the page is for. It returns when others are paged; zero: nobody is.
func (r *run) passOn(key string) time.Time {
	switch {
	case r.Summons.Page != "" && r.Summons.Page == key && !r.Summons.Due.IsZero():
		r.Summons.Due = r.f.At
	case slices.ContainsFunc(r.Paging.Pages, func(p Page) bool {
		return Escalates(p.Why) && p.Key != key && !p.At.Before(r.f.At)
	}):
		return time.Time{} // others were paged by then
	case !r.NextPage().IsZero():
		r.Paging.Next = r.f.At
	default:
		return time.Time{}
	}
	return r.f.At
}

// Reminds reports whether somebody is still to be reached for a page, by another way than before:
// its reason goes on, and neither they nor anybody else has answered it.
func (s State) Reminds(p Page, login string) bool {
	if p.Skipped || p.HasAnswered(AnswerSeen, login) || p.HasAnswered(AnswerPass, login) ||
		naming.Equal(s.IC, login) {
		return false
	}
	if p.Why == "asked" {
		return s.Running() && s.Phase != Closing && !naming.Contains(s.OEs, login)
	}
	return s.Wants(Send{Key: p.Key, Why: p.Why})
}
