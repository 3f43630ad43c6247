package incident

import (
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/naming"
)

func (r *run) applyLabeled(name string) {
	label, _ := OwnLabel(name)
	phase, isPhase := strings.CutPrefix(label, LabelPhase)
	severity, isSeverity := strings.CutPrefix(label, LabelSeverity)
	switch {
	case label == LabelDrill && r.mayByHand():
		r.Drill = true
		r.stopPaging()
	case isSeverity && severity == r.Severity && r.Confirmed != nil, isPhase && Phase(phase) == r.Phase:
		// it says what is
	case isSeverity && r.Confirmed == nil && !r.isResponder():
		r.claimSeverity(severity, r.p.PagesClaims(), false)
	case isSeverity && r.mayConfirm():
		r.confirmSeverity(severity, "")
	case (isPhase || isSeverity) && !r.mayByHand():
		r.isRefused = true
		if r.isRepeated(ContestLabel(name)) {
			break
		}
		holder, _ := r.Coordinator()
		r.reply(Say{Name: "label-refused", Line: name, Holder: holder, Names: r.OEs, Command: "/ic"})
	case isSeverity:
		r.confirmSeverity(severity, "")
	case isPhase && slices.Contains(Phases, Phase(phase)):
		r.moveTo(Phase(phase), "")
	case isPhase: // an incident has one phase at a time (A2)
		r.isRefused = true
		r.refuse(Say{Name: "unknown-phase", Line: name, Names: phaseNames()})
	}
}

// phaseNames returns the names of all phases, in their order.
func phaseNames() (names []string) {
	for _, ph := range Phases {
		names = append(names, string(ph))
	}
	return names
}

// applyUnlabeled takes that a label was removed. A phase or severity label is put back without a
// word, since the next one is about to come (a picker removes one and adds the other), and the card
// says what is. To stop being an incident is another matter.
func (r *run) applyUnlabeled(name string) {
	switch {
	case naming.Equal(name, LabelIncident):
		if r.isRepeated(ContestLabel(name)) {
			break
		}
		r.reply(Say{Name: "label-kept", Line: name, Try: []string{"/incident decline …", "/ic close"}})
	case naming.Equal(name, LabelDrill) && r.Drill && r.mayByHand():
		r.Drill = false
		r.seekCoordinator()
	}
}

// Early is what labels said of an issue before it became an incident: GitHub reports labels that
// are added together in any order.
type Early struct {
	Severity string `json:"severity,omitempty"`
	By       string `json:"by,omitempty"`
	Sure     bool   `json:"sure,omitempty"` // a responder set the severity
	Drill    bool   `json:"drill,omitempty"`
}

// labeledEarly remembers a label of an issue that isn't an incident yet.
func (r *run) labeledEarly(name string) {
	var e Early
	if r.Early != nil {
		e = *r.Early
	}
	name, _ = OwnLabel(name)
	severity, isSeverity := strings.CutPrefix(name, LabelSeverity)
	switch {
	case isSeverity:
		e.Severity, e.By, e.Sure = severity, r.f.By.Login, r.isResponder()
	case name == LabelDrill:
		e.Drill = true
	default:
		return
	}
	r.Early = &e
}

// unlabeledEarly forgets a label that was taken off again.
func (r *run) unlabeledEarly(name string) {
	if r.Early == nil {
		return
	}
	e := *r.Early
	switch label, _ := OwnLabel(name); label {
	case LabelSeverity + e.Severity:
		e.Severity, e.By, e.Sure = "", "", false
	case LabelDrill:
		e.Drill = false
	}
	r.Early = &e
}

// OwnLabel returns a label as the process spells it, and reports whether it means something here. A
// repository may spell its labels in another case: to GitHub they are the same ones, and no second
// one can be made.
func OwnLabel(name string) (label string, ok bool) {
	label = naming.Key(name)
	switch label {
	case LabelIncident, LabelDrill, LabelUpdateOverdue, LabelMerged:
		return label, true
	}
	return label, strings.HasPrefix(label, LabelPhase) || strings.HasPrefix(label, LabelSeverity)
}
