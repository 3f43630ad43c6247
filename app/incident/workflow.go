package incident

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

// RunWorkflow runs one of the team's own workflows.
const RunWorkflow Kind = "run"

var _ = register(Row{
	Kind: RunWorkflow, Verbs: []string{VerbOE}, Word: "run",
	Usage: "/oe run [NAME key=value …]", Does: "run one of the team's workflows; alone, list them with what they need",
	Example: "/oe run", Who: Holder, Place: 478,
}, parseRun, (*run).runWorkflow)

// Workflow is a workflow of GitHub Actions that the configuration allows to be run (X5).
type Workflow struct {
	Name    string
	Repo    string // owner/repo
	File    string // in .github/workflows: rollback.yml
	Branch  string // or tag; empty: the repository's default branch
	About   string // what it does, for people
	Inputs  []WorkflowInput
	Who     []string // team slugs and @logins; empty: who may write to Repo
	Phases  []Phase  // in which it may be run; empty: all
	InDrill bool     // it may be run in a drill too
}

// WorkflowInput is an input of a workflow.
type WorkflowInput struct {
	Name     string
	Type     string // one of InputTypes
	About    string
	Choices  []string // of a choice
	Required bool
}

// The types of an input.
const (
	InputText    = "text"
	InputNumber  = "number"
	InputBoolean = "boolean"
	InputChoice  = "choice"
)

// InputTypes are the types that an input may have.
var InputTypes = []string{InputText, InputNumber, InputBoolean, InputChoice}

// InputValue is what somebody passes for an input, byte for byte.
type InputValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// WorkflowRun is a run of a workflow that somebody asked for. Its Text is how they wrote it.
type WorkflowRun struct {
	Stamp
	Name   string `json:"name"`
	Repo   string `json:"repo"`
	File   string `json:"file"`
	Branch string `json:"branch,omitempty"`
	// Inputs are kept until the run has started.
	Inputs []InputValue `json:"inputs,omitempty"`

	Run     int64     `json:"run,omitempty"` // GitHub's id; 0: it has not started, as far as is known
	URL     string    `json:"url,omitempty"`
	Status  string    `json:"status,omitempty"` // as GitHub says: "waiting", "in_progress"
	Outcome string    `json:"outcome,omitempty"`
	Ended   time.Time `json:"ended,omitzero"`
	Closed  bool      `json:"closed,omitempty"` // nobody follows it any more
	Next    time.Time `json:"next,omitzero"`    // when it is looked at
	Due     bool      `json:"due,omitempty"`    // it is to be looked at
	IsTold  bool      `json:"told,omitempty"`   // whether it started was answered before the card was lost
}

// IsStarted reports whether GitHub runs it, or ran it.
func (w WorkflowRun) IsStarted() bool { return w.Run != 0 }

// Succeeded reports whether it ended well.
func (w WorkflowRun) Succeeded() bool { return w.Outcome == "success" }

const (
	// mostRuns is how many runs one incident may ask for, and mostOwedRuns how many of them may not
	// have started yet: their inputs are in the card. Of those that are over it has the newest.
	mostRuns     = 30
	mostOwedRuns = 3
	keptRuns     = 6
	// What GitHub takes: 25 inputs. maxInputs bounds what the card has of them.
	mostInputs = 25
	maxInputs  = 2000 // bytes of all names and values of a command, as the card has them
	// A run is looked at every runPace for an hour, while people wait for it, and then more seldom. A
	// webhook says at once that it ended; these looks are for what is lost.
	runPace = time.Minute
	runSlow = 15 * time.Minute
	runLife = 7 * 24 * time.Hour // an approval may take days
	// RunPatience is how long a run that was asked for may wait until it starts, as while GitHub is
	// out. What comes later is asked about: nobody expects it any more.
	RunPatience = 15 * time.Minute
)

// inputName is what an input of a workflow may be called.
var inputName = lazily.Compile(`^[A-Za-z_][A-Za-z0-9_-]{0,99}$`)

// IsInputName reports whether a workflow's input may have that name.
func IsInputName(name string) bool { return inputName.MatchString(name) }

// workflowName is what the configuration may call a workflow: it is a word of commands.
var workflowName = lazily.Compile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$`)

// IsWorkflowName reports whether the configuration may call a workflow so.
func IsWorkflowName(name string) bool { return workflowName.MatchString(name) }

// parseRun reads which workflow is run, and its inputs. They are all on the command's own line.
func parseRun(w words.Words) (Command, error) {
	name, rest := words.Cut(w.Line)
	name = strings.Trim(name, "`*")
	switch {
	case name == "":
		return Command{}, nil
	case strings.Contains(name, "="):
		return Command{}, errors.New("name the workflow before its inputs: NAME key=value")
	case !IsWorkflowName(name):
		return Command{}, fmt.Errorf("%s can't be the name of a workflow", words.FirstLine(name))
	}
	inputs, err := readInputs(rest)
	if err != nil {
		return Command{}, err
	}
	return Command{Names: []string{name}, Inputs: inputs}, nil
}

// readInputs reads key=value, with white space between. A value in quotes may hold anything but its
// own quote; in double quotes \" is a quote and \\ a backslash.
func readInputs(line string) (inputs []InputValue, err error) {
	size := 0
	for {
		line = strings.TrimLeftFunc(line, unicode.IsSpace)
		if line == "" {
			return inputs, nil
		}
		key, rest, ok := strings.Cut(line, "=")
		if !ok || !IsInputName(key) {
			word, _ := words.Cut(line)
			return nil, fmt.Errorf("%s is not of the form key=value; a value with spaces needs quotes: key=\"two words\"",
				words.FirstLine(word))
		}
		value, after, err := cutValue(rest)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if slices.ContainsFunc(inputs, func(v InputValue) bool { return v.Name == key }) {
			return nil, fmt.Errorf("%s is there twice", key)
		}
		in := InputValue{key, value}
		text, err := json.Marshal(in)
		if size += len(text); err != nil || len(inputs) == mostInputs || size > maxInputs {
			return nil, fmt.Errorf("GitHub takes %d inputs, and I take %d bytes of them", mostInputs, maxInputs)
		}
		inputs, line = append(inputs, in), after
	}
}

// cutValue cuts the value off that a text begins with.
func cutValue(s string) (value, rest string, err error) {
	quote, _ := utf8.DecodeRuneInString(s)
	if !strings.ContainsRune("\"'`", quote) || s == "" {
		end := strings.IndexFunc(s, unicode.IsSpace)
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == byte(quote):
			rest = s[i+1:]
			if r, _ := utf8.DecodeRuneInString(rest); rest != "" && !unicode.IsSpace(r) {
				return "", "", errors.New("a space is missing after the closing quote")
			}
			return b.String(), rest, nil
		case c == '\\' && quote == '"' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			c = s[i]
		}
		b.WriteByte(c)
	}
	return "", "", errors.New("the closing quote is missing; a value is on one line")
}

// WorkflowOf finds a workflow by its name.
func (p Policy) WorkflowOf(name string) (Workflow, bool) {
	i := slices.IndexFunc(p.Workflows, func(w Workflow) bool { return naming.Equal(w.Name, name) })
	if i < 0 {
		return Workflow{}, false
	}
	return p.Workflows[i], true
}

// runWorkflow notes that a workflow is to be run, or lists those that may be.
func (r *run) runWorkflow(c Command) {
	if len(c.Names) == 0 {
		r.done()
		r.reply(Say{Name: "run-list", Workflows: r.p.Workflows, Phase: r.Phase, Variant: drillVariant(r.Drill)})
		return
	}
	w, ok := r.p.WorkflowOf(c.Names[0])
	if !ok {
		var names []string
		for _, w := range r.p.Workflows {
			names = append(names, w.Name)
		}
		r.refuse(Say{Name: "run-refused", Variant: "unknown", Line: c.Names[0], Names: names})
		return
	}
	if say := r.refusalOf(w, c); say.Variant != "" {
		say.Name, say.Line, say.Workflows = "run-refused", w.Name, []Workflow{w}
		r.refuse(say)
		return
	}
	r.keepRuns()
	r.RunsAsked++
	r.Runs = append(r.Runs, WorkflowRun{Stamp: r.stamp(), Name: w.Name, Repo: w.Repo, File: w.File,
		Branch: w.Branch, Inputs: c.Inputs})
	r.record("run", w.Name, "")
	r.done()
}

// keepRuns drops the oldest runs that are over.
func (r *run) keepRuns() {
	over := 0
	for _, v := range r.Runs {
		if v.Closed {
			over++
		}
	}
	r.Runs = slices.DeleteFunc(slices.Clone(r.Runs), func(v WorkflowRun) bool {
		isDropped := v.Closed && over >= keptRuns
		if isDropped {
			over--
		}
		return isDropped
	})
}

func drillVariant(isDrill bool) string {
	if isDrill {
		return "drill"
	}
	return ""
}

// refusalOf says why a workflow is not run now; its Variant is empty if it is.
func (r *run) refusalOf(w Workflow, c Command) Say {
	owed := 0
	for _, v := range r.Runs {
		if !v.IsStarted() && !v.Closed {
			owed++
		}
	}
	owner, _, _ := naming.SplitRepository(w.Repo)
	switch {
	case c.Org != "" && !naming.Equal(owner, c.Org):
		return Say{Variant: "other owner"}
	case naming.Contains(c.Cannot, r.f.By.Login) && len(w.Who) > 0:
		return Say{Variant: "who", Names: w.Who}
	case naming.Contains(c.Cannot, r.f.By.Login):
		return Say{Variant: "no access"}
	case r.Drill && !w.InDrill:
		return Say{Variant: "drill"}
	case len(w.Phases) > 0 && !slices.Contains(w.Phases, r.Phase):
		return Say{Variant: "phase", Phase: r.Phase}
	case r.RunsAsked >= mostRuns:
		return Say{Variant: "too many", Count: mostRuns}
	case owed >= mostOwedRuns:
		return Say{Variant: "owed", Count: owed}
	}
	if wrong := wrongInputs(w, c.Inputs); len(wrong) > 0 {
		return Say{Variant: "inputs", Lines: wrong}
	}
	return Say{}
}

// wrongInputs says of each input what is wrong with it.
func wrongInputs(w Workflow, given []InputValue) (wrong []string) {
	for _, v := range given {
		i := slices.IndexFunc(w.Inputs, func(in WorkflowInput) bool { return in.Name == v.Name })
		if i < 0 {
			wrong = append(wrong, v.Name+" is not an input of it")
			continue
		}
		if why := w.Inputs[i].refuses(v.Value); why != "" {
			wrong = append(wrong, v.Name+" "+why)
		}
	}
	for _, in := range w.Inputs {
		if in.Required && !slices.ContainsFunc(given, func(v InputValue) bool { return v.Name == in.Name && v.Value != "" }) {
			wrong = append(wrong, in.Name+" is missing")
		}
	}
	return wrong
}

// decimal is what an input takes that is a number.
var decimal = lazily.Compile(`^-?[0-9]{1,15}(\.[0-9]{1,15})?$`)

// refuses says why an input does not take a value; "" if it does.
func (in WorkflowInput) refuses(value string) string {
	switch {
	case !utf8.ValidString(value):
		return "is not text"
	case in.Type == InputNumber && !decimal.MatchString(value):
		return "has to be a number"
	case in.Type == InputBoolean && value != "true" && value != "false":
		return "has to be true or false"
	case in.Type == InputChoice && !slices.Contains(in.Choices, value):
		return "has to be one of " + strings.Join(in.Choices, ", ")
	}
	return ""
}

type (
	// StartRun starts a run that somebody asked for, once.
	StartRun struct{ Run WorkflowRun }
	// FollowRun looks what became of it.
	FollowRun struct{ Run WorkflowRun }
)

func (StartRun) effect() string  { return "run" }
func (FollowRun) effect() string { return "run" }

type (
	// RunStarted says that GitHub runs it. IsGuessed says that the answer was lost, and this is the one
	// run that it can be.
	RunStarted struct {
		ID, URL   string // ID is of the fact that asked for it
		Run       int64
		IsGuessed bool
	}
	// RunRefused says that it was not started, and why.
	RunRefused struct {
		ID, Why string
		// IsUnpermitted says that the App lacks the permission.
		IsUnpermitted bool
	}
	// RunLate says that it was not started while somebody expected it.
	RunLate struct{ ID string }
	// RunDoubted says that nobody knows whether it was started.
	RunDoubted struct{ ID, URL string }
	// RunAwaited says that it is looked for again at a time.
	RunAwaited struct {
		ID   string
		Next time.Time
	}
	// RunSeen says how it is.
	RunSeen struct {
		Run             int64
		Status, Outcome string    // Outcome is empty until it ended
		Ended           time.Time // zero: it has not
	}
	// RunRecorded is the app's own word that a run ended. It brings that back in a timeline that is
	// read again.
	RunRecorded struct {
		ID, Outcome string
		Run         int64
		Ended       time.Time
	}
	// RunLost says that GitHub does not know it any more.
	RunLost struct {
		Run int64
		Why string
	}
	// RunChanged says that a run ended of which a webhook told.
	RunChanged struct{ Run int64 }
)

// owedRuns returns the effects of runs that are to be started or looked at.
func (s State) owedRuns() (effects []Effect) {
	for _, v := range s.Runs {
		switch {
		case v.Closed:
		case !v.IsStarted() && v.Next.IsZero():
			effects = append(effects, StartRun{v})
		case v.IsStarted() && v.Due:
			effects = append(effects, FollowRun{v})
		}
	}
	return effects
}

// runDues lists when runs are looked at.
func (s State) runDues() (all []due) {
	for i, v := range s.Runs {
		if !v.Next.IsZero() && !v.Closed {
			all = append(all, due{v.Next, func(r *run) { r.Runs[i].Next, r.Runs[i].Due = time.Time{}, true }})
		}
	}
	return all
}

// applyRun applies what became of a run, and reports whether the fact was about one.
func (r *run) applyRun() bool {
	switch w := r.f.What.(type) {
	case RunStarted:
		r.runStarted(w)
	case RunRefused:
		variant := ""
		if w.IsUnpermitted {
			variant = "permission"
		}
		r.endUnstarted(w.ID, variant, Say{Reason: w.Why})
	case RunLate:
		r.endUnstarted(w.ID, "late", Say{})
	case RunDoubted:
		r.endUnstarted(w.ID, "doubted", Say{Links: []Link{{URL: w.URL}}})
	case RunAwaited:
		if v := r.owedRun(w.ID); v != nil {
			v.Next = w.Next
		}
	case RunSeen:
		r.runSeen(w)
	case RunRecorded:
		r.runRecorded(w)
	case RunLost:
		if v := r.followedRun(w.Run); v != nil {
			v.Closed, v.Next, v.Due = true, time.Time{}, false
			r.emit(Remind{Key: fmt.Sprintf("run-lost/%d", w.Run), At: r.f.At,
				Say: Say{Name: "run-refused", Variant: "lost", Who: v.By, Line: v.Name, Reason: w.Why}})
		}
	case RunChanged:
		if v := r.followedRun(w.Run); v != nil {
			v.Due = true
		}
	default:
		return false
	}
	return true
}

// owedRun returns the run that a fact asked for, if it has not started; else nil.
func (r *run) owedRun(id string) *WorkflowRun {
	for i, v := range r.Runs {
		if v.ID == id && !v.IsStarted() && !v.Closed {
			return &r.Runs[i]
		}
	}
	return nil
}

// followedRun returns a run by GitHub's id, as long as it is followed; else nil.
func (r *run) followedRun(id int64) *WorkflowRun {
	for i, v := range r.Runs {
		if v.Run == id && id != 0 && !v.Closed {
			return &r.Runs[i]
		}
	}
	return nil
}

func (r *run) runStarted(w RunStarted) {
	v := r.owedRun(w.ID)
	if v == nil {
		return
	}
	v.Run, v.URL, v.Inputs, v.Next, v.Due = w.Run, w.URL, nil, r.f.At.Add(runPace), false
	say := Say{Name: "run-started", Who: v.By, Line: v.Name, Lines: []string{v.Repo}, Links: []Link{{URL: v.URL}}}
	if w.IsGuessed {
		say.Variant = "guessed"
	}
	r.answerLate(v.ID, v.IsTold, say)
}

// endUnstarted ends a run that has not started, as far as is known, and says so to who asked for it.
func (r *run) endUnstarted(id, variant string, say Say) {
	v := r.owedRun(id)
	if v == nil {
		return
	}
	v.Closed, v.Inputs, v.Next, v.Due = true, nil, time.Time{}, false
	say.Name, say.Variant, say.Who, say.Line = "run-refused", variant, v.By, v.Name
	r.answerLate(v.ID, v.IsTold, say)
}

// runSeen follows a run: its end is an action.
func (r *run) runSeen(w RunSeen) {
	v := r.followedRun(w.Run)
	if v == nil {
		return
	}
	v.Due, v.Next, v.Status = false, r.nextRunLook(*v), w.Status
	if w.Ended.IsZero() {
		if v.Next.IsZero() {
			v.Closed = true
		}
		return
	}
	kind := r.endRun(v, w.Outcome, w.Ended)
	r.emit(Remind{Key: runEndedKey(*v), At: r.f.At, Say: Say{Name: "run-ended", Who: v.By,
		Line: v.Name, Variant: kind, Reason: w.Outcome, Links: []Link{{URL: v.URL}}}})
}

// runEndedKey is what the app notes of the end of a run, so that a timeline that is read again has it.
func runEndedKey(v WorkflowRun) string {
	return fmt.Sprintf("run-ended/%s/%s/%d/%d", v.ID, url.PathEscape(v.Outcome), v.Run, v.Ended.Unix())
}

// ParseRunEnded reads what the app noted of the end of a run.
func ParseRunEnded(key string) (RunRecorded, bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 5 || parts[0] != "run-ended" {
		return RunRecorded{}, false
	}
	outcome, err := url.PathUnescape(parts[2])
	run, err2 := strconv.ParseInt(parts[3], 10, 64)
	at, err3 := strconv.ParseInt(parts[4], 10, 64)
	return RunRecorded{ID: parts[1], Outcome: outcome, Run: run, Ended: time.Unix(at, 0).UTC()},
		errors.Join(err, err2, err3) == nil && run > 0
}

// runRecorded brings the end of a run back, in a timeline that is read again.
func (r *run) runRecorded(w RunRecorded) {
	v := r.owedRun(w.ID)
	if v == nil {
		return
	}
	v.Run, v.Inputs, v.Next, v.Due = w.Run, nil, time.Time{}, false
	r.endRun(v, w.Outcome, w.Ended)
}

// endRun ends a run, which is an action.
func (r *run) endRun(v *WorkflowRun, outcome string, ended time.Time) (kind string) {
	v.Closed, v.Next, v.Outcome, v.Ended = true, time.Time{}, outcome, ended
	kind = "run-failed"
	if v.Succeeded() {
		kind = "run-succeeded"
	}
	r.recordAt(Entry{At: ended, By: v.By, Kind: kind, Ref: v.ID, What: v.Name})
	return kind
}

// nextRunLook returns when a run is looked at again; the zero time for never.
func (r *run) nextRunLook(v WorkflowRun) time.Time {
	switch age := r.f.At.Sub(v.At); {
	case !r.Running() || age > runLife:
		return time.Time{}
	case age > time.Hour:
		return r.f.At.Add(runSlow)
	}
	return r.f.At.Add(runPace)
}
