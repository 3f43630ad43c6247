package incident

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

// The commands of this file.
const (
	Declare Kind = "declare"
)

var _ = register(Row{
	Kind: Declare, Verbs: []string{VerbIncident},
	Usage: "/incident [severity] [summary]", Does: "declare this issue as an incident",
	Example: "/incident critical The API is down", Who: Responder, Place: 100,
}, parseDeclaration, (*run).redeclare)

// severityWords are the words that a declaration's summary may begin with to say the severity.
var severityWords = map[string]string{
	"critical": "critical", "regular": "regular", "p1": "critical", "p2": "regular", "p3": "regular",
}

// parseDeclaration reads a severity, if one is there, and a summary.
func parseDeclaration(w words.Words) (Command, error) {
	name, rest := words.CutName(w.Line)
	c := Command{Severity: severityWords[name]}
	if c.Severity != "" {
		if dash, after := words.Cut(rest); strings.Trim(dash, "-–—:") == "" {
			rest = after
		}
		w = w.WithLine(rest)
	}
	c.Text = w.Text()
	return c, nil
}

// declare takes the facts that make an issue an incident (I1).
func (r *run) declare() {
	switch w := r.f.What.(type) {
	case Opened:
		r.beginIncident(w)
	case Labeled:
		if !naming.Equal(w.Name, LabelIncident) {
			r.labeledEarly(w.Name)
		} else if r.f.By.Respond || r.f.By.Bot { // GitHub lets nobody else but triagers set it
			r.beginIncident(Opened{Source: "label"})
		}
	case Unlabeled:
		r.unlabeledEarly(w.Name)
	case Command:
		r.declareBy(w)
	case Misspelt:
		r.misspelt(w)
	}
}

// declareBy takes a command on an issue that isn't an incident yet.
func (r *run) declareBy(c Command) {
	row := RowOf(c.Kind)
	switch {
	case row.Who == Anyone && row.handle != nil:
		row.handle(r, c)
	case !r.authorize(row):
	case c.Kind == Declare:
		r.done()
		severity, text := r.readSeverity(c)
		r.beginIncident(Opened{Source: "command", Summary: text != "", Severity: severity})
	default:
		r.refuse(Say{Name: "not-incident", Command: "/incident"})
	}
}

func (r *run) beginIncident(o Opened) {
	r.Declared = r.stamped()
	r.Responder = r.f.By.Respond && !r.f.By.Bot
	early := Early{}
	if r.Early != nil {
		early, r.Early = *r.Early, nil
	}
	r.Source, r.Summary, r.Drill = o.Source, o.Summary || r.f.Titled, o.Drill || early.Drill
	names, none := r.p.ReadCustomers(o.Customers...)
	r.Customers, r.NoCustomer = names, (o.None || none) && len(names) == 0
	r.Phase, r.Since = Identify, r.stamp()
	r.record("declared", o.Source, "")
	r.askCustomers(names, "/ic customer add")
	r.proposeCustomers(o.Proposed)
	r.Links = cardLinks(o.Links)
	if o.Signal {
		r.Signals = Signals{Count: max(1, o.Count), Last: r.f.At, Firing: true}
		r.Signals.remember(o.Report)
		for _, mark := range o.Known {
			r.knowWord(mark)
		}
	}
	r.reportService(o.Service, o.Page || o.Paged)
	r.judgeDeclaration(o, early)
}

// redeclare takes /incident on what is an incident already as the data that it lacked.
func (r *run) redeclare(c Command) {
	severity, text := r.readSeverity(c)
	if text != "" && severity == "" && r.Summary {
		r.react(Unclear) // it has its summary: this is a slip, or belongs into the timeline
		r.reply(Say{Name: "declared-already", Line: "/incident " + firstWord(text), Command: c.Like})
		return
	}
	r.Summary = r.Summary || text != "" || r.f.Titled
	holdsIC := r.holdsIC(r.f.By.Login, r.p)
	switch {
	case severity == "" || r.Confirmed != nil && r.Severity == severity:
	case r.Confirmed != nil && !(holdsIC && r.p.Critical(severity)):
		// What is confirmed is changed by the word that says so: a slip must not end the pages of a P1.
		r.refuse(Say{Name: "severity-stays", Line: severity, Reason: r.Severity, Command: "/ic severity " + severity})
		return
	case !holdsIC && !r.mayConfirm():
		r.refuse(r.onlyFor("ic", "/ic"))
		return
	case !r.confirmSeverity(severity, ""):
		return
	}
	r.done()
}

// readSeverity returns the severity and the summary of a declaration. The summary may begin with a
// severity that only the policy knows.
func (r *run) readSeverity(c Command) (severity, text string) {
	if c.Severity != "" {
		return cmp.Or(r.p.Named(c.Severity), c.Severity), c.Text
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(c.Text), " ")
	if name := strings.ToLower(strings.TrimRight(word, ".,:;!")); name != "" {
		if _, ok := r.p.Severity(name); ok {
			return name, strings.TrimSpace(rest)
		}
	}
	return "", c.Text
}

// firstWord returns the first word of a text.
func firstWord(text string) string { return strings.Fields(text + " …")[0] }

// missing returns which data of I2 is not there, as Say names of templates: "severity", "summary",
// "customers".
func (s State) missing() []string {
	var m []string
	if s.Severity == "" && s.Claimed == "" {
		m = append(m, "severity")
	}
	if !s.Summary {
		m = append(m, "summary")
	}
	if len(s.Customers) == 0 && !s.NoCustomer {
		m = append(m, "customers")
	}
	return m
}

// Missing returns which data an incident still lacks (I2): "severity", "summary", "customers".
func (s State) Missing() []string { return s.missing() }

// judgeDeclaration decides what the severity of a declaration means: a responder's word confirms it
// (I3), whatever else is missing (I2); anybody else's is a claim, and a critical claim pages who is
// on call (I7).
func (r *run) judgeDeclaration(o Opened, early Early) {
	said, sure, by := r.p.Named(o.Severity), r.Responder, r.f.By
	label := r.p.Named(early.Severity)
	isWorse := r.p.Critical(label) && !r.p.Critical(said)
	isSurer := r.p.Critical(label) == r.p.Critical(said) && early.Sure && !sure
	if label != "" && (said == "" || isWorse || isSurer) {
		said, sure, by = label, early.Sure, Person{Login: early.By, Respond: early.Sure}
	}
	r.Claimed = said
	r.Signals.Worst = ""
	if o.Signal {
		r.Signals.Worst = said
	}
	switch {
	case said != "" && sure:
		declarer := r.f.By
		r.f.By = by
		r.confirmSeverity(said, "")
		r.f.By = declarer
	case o.Page || o.Paged:
		r.pageUnconfirmed(o.Paged, o.Early)
	case !o.Signal && r.p.Critical(said) && r.p.PagesClaims():
		r.pageUnconfirmed(false, EarlyPage{})
	}
}

// askData asks for what I2 needs, more and more slowly, until it is there.
func (r *run) askData() {
	r.Asked.DataWait = doubleWait(cmp.Or(r.Asked.DataWait, r.p.AskData))
	r.Asked.Data = r.f.At.Add(r.Asked.DataWait)
	r.emit(Remind{Key: fmt.Sprintf("data/%d", r.f.At.Unix()), At: r.f.At,
		Say: Say{Name: "missing-data", Who: r.asked(), Missing: r.missing()}})
}

// AskedForData names who is asked for missing data.
func (s State) AskedForData() string { return s.asked() }

// asked names who is asked for missing data: who declared it; for a report from outside the IC, an
// OE, or nobody.
func (s State) asked() string {
	switch {
	case s.Declared != nil && s.Responder:
		return s.Declared.By
	case s.IC != "":
		return s.IC
	case len(s.OEs) > 0:
		return s.OEs[0]
	}
	return ""
}

// slowest is the longest wait between two reminders that come again until somebody answers.
const slowest = 4 * time.Hour

// doubleWait returns the next wait of such reminders.
func doubleWait(wait time.Duration) time.Duration { return max(wait, min(2*wait, slowest)) }

// keepAsking starts and ends the reminders of missing data (I2) and of a claim that nobody has taken (I7).
func (r *run) keepAsking() {
	// with nobody to ask, the card asks
	switch needed := r.Running() && r.Phase != Closing && len(r.missing()) > 0 && r.asked() != ""; {
	case !needed:
		r.Asked.Data, r.Asked.DataWait = time.Time{}, 0
	case r.Asked.Data.IsZero():
		r.Asked.Data, r.Asked.DataWait = r.f.At.Add(r.p.AskData), r.p.AskData
	}
	switch {
	case !r.isUnclaimed():
		r.Asked.Claim, r.Asked.ClaimWait = time.Time{}, 0
	case r.Asked.Claim.IsZero() && len(r.Paging.Pages) > 0: // people were paged, and nobody took it
		r.Asked.Claim, r.Asked.ClaimWait = r.f.At.Add(r.p.AskClaim), r.p.AskClaim
	case r.Asked.Claim.IsZero():
		r.Asked.Claim, r.Asked.ClaimWait = r.f.At, 0
	}
}
