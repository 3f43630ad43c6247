package incident

import (
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/app/sources"
)

// Policy is a company's way of running incidents, from .github/firebreak.yml. The zero Policy is
// not usable: start from DefaultPolicy.
type Policy struct {
	Severities []Severity
	// team slugs that may respond besides everybody with write access; empty: write access alone
	// decides
	Responders   []string
	Coordinators string // slug of the Incident Coordinators group
	Escalation   []EscalationStep
	Rounds       int // how often the escalation is walked from the start before it slows down
	Phones       []string
	// kind of the service by which steps page that name none: "github" mentions people
	Pager          string
	Account        string        // on GitHub, whose configuration it is; empty: it has no file
	Services       []Service     // how people outside GitHub are reached
	StandBy        time.Duration // M2
	CheckIn        time.Duration // M2
	AskUpdate      time.Duration // after a move to monitoring without an update (M1)
	AskData        time.Duration // after a declaration with data missing (I2)
	AskRole        time.Duration // after a role of a critical incident fell vacant (V1)
	AskClaim       time.Duration // after a report from outside that nobody took (I7)
	Zone           *time.Location
	Hours          Hours // when check-ins and reminders that can wait go out
	Customers      []Customer
	Signals        []Rule   // what becomes of what sources report; the first that fits decides
	Call           string   // address of the call or war room, with CallNumber for the incident's number; empty: none (V8)
	Stakeholders   []string // mail addresses of the company that hear what Broadcast hears (V7)
	ForwardUpdates bool     // they and Broadcast hear each customer update too
	Advance        bool     // investigate and fixing are entered once what they need is there (V1, F1)
	Broadcast      []string // Slack channels of the company, which hear when an incident enters a phase
	Reviewers      []string // teams and logins asked to review postmortems besides IC and OE
	ReviewDays     int      // working days after which an open postmortem is reminded of (C3)
	Issues         bool     // follow-ups may be opened in other repositories

	Changes ChangeRules     // where what changed is looked for (X1)
	Catalog Catalog         // the company's services, and whose they are (X2)
	Chat    ChatRules       // which incidents get a channel in Slack (S1)
	OnCall  oncall.Schedule // who is on call, from .github/oncall.yml (O1)

	Workflows []Workflow  // of the team's own, which may be run (X5)
	Freeze    FreezeRules // what may be frozen (X4)

	Again time.Duration // between pages once the rounds are walked and nobody answered (I5); 0: none goes out
}

// Severity is one of the company's severities.
type Severity struct {
	Name     string
	Critical bool
	Every    time.Duration // between customer updates; 0: none is due
	Later    time.Duration // the slower rhythm …
	After    time.Duration // … once the incident is this old
	Amber    time.Duration // how long before it is due the card warns
	Grace    time.Duration // how long after it was due the group is paged
	Call     string        // as Policy.Call, for incidents of this severity; empty: the policy's
}

// EscalationStep is one step of the escalation.
type EscalationStep struct {
	After time.Duration // since the step before
	To    []string      // team slugs, @logins, or "phone"
	By    []string      // kinds of services; empty: Policy.Pager
}

// Service is a way to reach people outside GitHub, as the configuration describes it. It holds no secret.
type Service struct {
	Kind    string            // "webhook", "pagerduty", "opsgenie", "jira", "slack", "email"
	Secret  string            // name of the secret that opens it
	Options map[string]string // what else the kind needs, such as email's "from"
	Targets map[string]string // team slug or @login → what the service calls them
	Account string            // as Policy.Account
}

// Hours are working hours: on which days, and between which times of day in the policy's zone. The
// zero Hours are always open: where nobody said where people work, nobody can say when.
type Hours struct {
	From, To time.Duration // since midnight
	Days     [7]bool       // by time.Weekday
}

// OfficeHours are those of a policy that names a time zone and no hours.
var OfficeHours = Hours{From: 9 * time.Hour, To: 18 * time.Hour,
	Days: [7]bool{1: true, 2: true, 3: true, 4: true, 5: true}}

// Customer is one customer with its people and channels.
type Customer struct {
	Name     string
	Contacts []string
	Domains  []string // of mail addresses that are theirs alone
	Channels []Channel
	Call     string // as Policy.Call, for incidents that hit them; empty: the severity's
}

// Channel is a way to reach a customer.
type Channel struct {
	Kind string // "issue", "email", "slack", "webhook"
	To   string // owner/repo, address, channel, or the name of a URL in the environment
}

// DefaultPolicy works with no file at all (PROCESS.md I5, V3, M2).
func DefaultPolicy() Policy {
	return Policy{
		Severities: []Severity{
			{Name: "critical", Critical: true, Every: 20 * time.Minute, Later: time.Hour, After: 2 * time.Hour,
				Amber: 5 * time.Minute, Grace: 5 * time.Minute},
			{Name: "regular"},
		},
		Coordinators: "incident-coordinators",
		Escalation: []EscalationStep{
			{To: []string{"incident-coordinators"}},
			{After: 5 * time.Minute, To: []string{"incident-coordinators"}},
			{After: 5 * time.Minute, To: []string{"phone"}},
		},
		Rounds:     2,
		Pager:      "github",
		ReviewDays: 3,
		StandBy:    24 * time.Hour,
		CheckIn:    8 * time.Hour,
		AskUpdate:  5 * time.Minute,
		AskData:    10 * time.Minute,
		AskRole:    10 * time.Minute,
		AskClaim:   15 * time.Minute,
		Zone:       time.UTC,
		Issues:     true,
		Advance:    true,
		Again:      15 * time.Minute,
		Chat:       ChatRules{Per: ChatNone, ArchiveAfter: 7 * 24 * time.Hour},
		Changes:    ChangeRules{Automatic: true, LookBack: 24 * time.Hour},
		Freeze:     FreezeRules{OnCritical: FreezeProposed, For: FreezeStandard},
	}
}

// Severity finds a severity by name.
func (p Policy) Severity(name string) (Severity, bool) {
	i := slices.IndexFunc(p.Severities, func(s Severity) bool { return s.Name == name })
	if i < 0 {
		return Severity{}, false
	}
	return p.Severities[i], true
}

// Named returns the policy's severity for a word that people and sources use: its own name, in any
// case, or "critical" and "p1" for its first critical severity and "regular", "p2" and "p3" for the
// first that isn't. It returns "" for any other word.
func (p Policy) Named(word string) string {
	i := slices.IndexFunc(p.Severities, func(s Severity) bool { return naming.Equal(s.Name, word) })
	if i < 0 {
		critical := false
		switch strings.ToLower(word) {
		case "critical", "p1":
			critical = true
		case "regular", "p2", "p3":
		default:
			return ""
		}
		i = slices.IndexFunc(p.Severities, func(s Severity) bool { return s.Critical == critical })
	}
	if i < 0 {
		return ""
	}
	return p.Severities[i].Name
}

// PagesClaims reports whether a critical incident that somebody declares who may not respond pages
// as unconfirmed: yes, unless a rule for that source says otherwise (I7).
func (p Policy) PagesClaims() bool {
	i := slices.IndexFunc(p.Signals, func(r Rule) bool { return r.Source == sources.Reader })
	return i < 0 || p.Signals[i].Action != RuleOpen
}

// Critical reports whether a severity starts the P1 process.
func (p Policy) Critical(name string) bool {
	s, ok := p.Severity(name)
	return ok && s.Critical
}

// Service finds the settings of a kind of service.
func (p Policy) Service(kind string) (Service, bool) {
	i := slices.IndexFunc(p.Services, func(s Service) bool { return s.Kind == kind })
	if i < 0 {
		return Service{Kind: kind, Account: p.Account}, false
	}
	return p.Services[i], true
}

// Customer finds a customer by name.
func (p Policy) Customer(name string) (Customer, bool) {
	i := slices.IndexFunc(p.Customers, func(c Customer) bool { return naming.Equal(c.Name, name) })
	if i < 0 {
		return Customer{}, false
	}
	return p.Customers[i], true
}
