package incident

// The commands of this file.
const (
	Finding    Kind = "finding"
	Action     Kind = "action"
	Cause      Kind = "cause"
	Workaround Kind = "workaround"
	Fix        Kind = "fix"
)

var _ = register(Row{
	Kind: Finding, Verbs: []string{VerbOE}, Word: "finding",
	Usage: "/oe finding text", Does: "record what you see",
	Example: "/oe finding the disk is full", Who: HolderOE, Place: 430, IsCorrectable: true,
}, parseText("add what you see"), func(r *run, c Command) {
	r.Findings++
	r.Found = keepNewest(append(r.Found, r.stampText(c.Text)), keptKnown)
	r.record("finding", "", c.Text)
	r.done()
})

var _ = register(Row{
	Kind: Action, Verbs: []string{VerbOE}, Word: "action",
	Usage: "/oe action text", Does: "record a change that you made to a system",
	Example: "/oe action restarted payments", Who: HolderOE, Place: 440, IsCorrectable: true,
}, parseText("add what you changed"), func(r *run, c Command) {
	r.Tried = keepNewest(append(r.Tried, r.stampText(c.Text)), keptKnown)
	r.record("action", "", c.Text)
	r.done()
})

var _ = register(Row{
	Kind: Cause, Verbs: []string{VerbOE}, Word: "cause",
	Usage: "/oe cause text", Does: "record the root cause",
	Example: "/oe cause a memory limit", Who: HolderOE, Place: 450, IsCorrectable: true,
}, parseText("add what the cause is"), func(r *run, c Command) {
	r.Cause = r.stampedText(c.Text)
	r.record("cause", "", c.Text)
	r.propose(Fixing, Identify, Investigate)
})

var _ = register(Row{
	Kind: Workaround, Verbs: []string{VerbOE}, Word: "workaround",
	Usage: "/oe workaround text", Does: "record the temporary fix",
	Example: "/oe workaround the old limit", Who: HolderOE, Place: 460, IsCorrectable: true,
}, parseText("add what the workaround is"), func(r *run, c Command) {
	r.Workaround = r.stampedText(c.Text)
	r.record("workaround", "", c.Text)
	r.propose(Monitoring, Identify, Investigate, Fixing)
})

var _ = register(Row{
	Kind: Fix, Verbs: []string{VerbOE}, Word: "fix",
	Usage: "/oe fix text or owner/repo#n", Does: "record the permanent fix",
	Example: "/oe fix acme/payments#41", Who: HolderOE, Place: 470, IsCorrectable: true,
}, parseText("add what the fix is, or its pull request: owner/repo#n"), func(r *run, c Command) {
	r.Fix = r.stampedText(c.Text)
	r.record("fix", "", c.Text)
	r.propose(Monitoring, Identify, Investigate, Fixing)
})
