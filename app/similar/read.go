package similar

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// version is the version of the postmortem's JSON that is read.
const version = 1

// ErrDrill is returned for the postmortem of a drill, which is not a past incident.
var ErrDrill = errors.New("the postmortem is of a drill")

// document is what is read of the JSON that a merged postmortem carries. Package postmortem has all
// its fields.
type document struct {
	Version  int `json:"version"`
	Incident struct {
		ID    string `json:"id"`
		URL   string `json:"url"`
		Title string `json:"title"`
	} `json:"incident"`
	Drill bool `json:"drill"`
	Times struct {
		Declared time.Time `json:"declared"`
	} `json:"times"`
	Customers   []string `json:"customers"`
	Summary     string   `json:"summary"`
	Findings    []said   `json:"findings"`
	Causes      []said   `json:"causes"`
	Fixes       []said   `json:"fixes"`
	Workarounds []said   `json:"workarounds"`
	Timeline    []struct {
		Kind string `json:"kind"`
		What string `json:"what"`
	} `json:"timeline"`
}

// entryService is the kind of the timeline's entries that name the service that is hit.
const entryService = "service"

// said is what somebody wrote; Back is when the incident came back after it.
type said struct {
	Text string  `json:"text"`
	Back *string `json:"came_back"`
}

// Read returns a past incident from the JSON of its postmortem. The names of alerts are found in its
// texts, the services that were hit in its timeline.
func Read(data []byte) (Past, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return Past{}, fmt.Errorf("read a postmortem: %w", err)
	}
	if d.Version != version {
		return Past{}, fmt.Errorf("read the postmortem of %s: version %d, want %d", d.Incident.ID, d.Version, version)
	}
	if d.Drill {
		return Past{}, ErrDrill
	}
	c := Case{Title: cut(d.Incident.Title, maxTitle), Summary: cut(d.Summary, maxText),
		Findings: cut(join(d.Findings), maxText), Cause: cut(join(d.Causes), maxText)}
	c.Alerts = AlertNames(c.Title + "\n" + c.Summary + "\n" + c.Findings)
	for _, name := range d.Customers[:min(len(d.Customers), maxCustomers)] {
		c.Customers = append(c.Customers, cut(name, maxTitle))
	}
	for _, e := range d.Timeline {
		name := cut(e.What, maxTitle)
		if e.Kind == entryService && name != "" && len(c.Services) < maxServices && !naming.Contains(c.Services, name) {
			c.Services = append(c.Services, name)
		}
	}
	p := Past{Case: c, Ref: d.Incident.ID, Declared: d.Times.Declared,
		Lesson: Lesson{Cause: lastThatHeld(d.Causes), Workaround: lastThatHeld(d.Workarounds), Fix: lastThatHeld(d.Fixes)}}
	return p, nil
}

// How much is read of each part, in characters: a kept index holds hundreds of incidents.
const (
	maxTitle     = 160
	maxText      = 700
	maxLesson    = 240
	maxCustomers = 20
	maxServices  = 5
)

// cut returns the beginning of a text, which no longer depends on the rest in memory.
func cut(text string, limit int) string { return strings.Clone(texts.Truncate(text, limit)) }

// lastThatHeld returns the last of some texts after which the incident didn't come back.
func lastThatHeld(all []said) string {
	for _, s := range slices.Backward(all) {
		if s.Back == nil && strings.TrimSpace(s.Text) != "" {
			return cut(texts.Squeeze(s.Text), maxLesson)
		}
	}
	return ""
}

// alertName is how alerts are named by convention: words without spaces, each with a capital letter.
var alertName = regexp.MustCompile(`\b(?:[A-Z]+[a-z0-9]+){2,}[A-Z]*\b`)

// maxAlerts is how many names of alerts are read from a text.
const maxAlerts = 20

// AlertNames returns the names in a text that look like those of alerts, "KubePodOOMKilled", each
// once.
func AlertNames(text string) []string {
	var names []string
	for _, n := range alertName.FindAllString(text, -1) {
		if len(n) > 8 && !slices.Contains(names, n) && len(names) < maxAlerts {
			names = append(names, n)
		}
	}
	return names
}

func join(all []said) string {
	var texts []string
	for _, s := range all {
		texts = append(texts, s.Text)
	}
	return strings.Join(texts, "\n")
}
