package incident

import "net/url"

// The commands of this file.
const (
	Inform Kind = "inform"
)

var _ = register(Row{
	Kind: Inform, Verbs: []string{VerbIC}, Word: "inform",
	Usage: "/ic inform text", Does: "tell the company's own stakeholders, never a customer",
	Example: "/ic inform Checkout is down in the EU, we expect an hour", Who: HolderIC, Place: 275,
	AfterClosing: true, IsCorrectable: true,
}, parseText("add what you tell the company"), func(r *run, c Command) {
	if !r.p.HasStakeholders() {
		r.refuse(Say{Name: "inform-nobody"})
		return
	}
	r.record("inform", "", c.Text)
	r.emit(Broadcast{Key: "inform/" + r.f.ID, At: r.f.At, Phase: r.Phase, Text: c.Text})
	r.done()
})

// HasStakeholders reports whether somebody of the company is told of incidents (V7).
func (p Policy) HasStakeholders() bool { return len(p.Broadcast)+len(p.Stakeholders) > 0 }

// informOfUpdate sends the stakeholders an update that leaves for customers, if the policy wants that.
func (r *run) informOfUpdate(text string) {
	if r.p.ForwardUpdates && r.p.HasStakeholders() {
		r.emit(Broadcast{Key: "update/" + r.f.ID, At: r.f.At, Phase: r.Phase, Text: text, IsUpdate: true})
	}
}

// Uninformed says that what the coordinator told the company did not reach a channel.
type Uninformed struct{ Key, To, Why string }

// uninformed reminds the coordinator of whom the words did not reach.
func (r *run) uninformed(u Uninformed) {
	holder, _ := r.Coordinator()
	r.emit(Remind{Key: "uninformed/" + url.PathEscape(u.Key) + "/" + url.PathEscape(u.To), At: r.f.At,
		Say: Say{Name: "inform-failed", Who: holder, Line: u.To, Reason: u.Why}})
}
