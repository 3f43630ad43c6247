package incident

// The commands of this file.
const (
	Help   Kind = "help"
	Status Kind = "status"
)

var _ = register(Row{
	Kind: Help, Verbs: []string{VerbIncident}, Word: "help",
	Usage: "/incident help", Does: "show what you can do now, and all commands",
	Example: "/incident help", Who: Anyone, Place: 110, AfterClosing: true, AfterEnding: true, OnPull: true,
}, parseAlone, func(r *run, _ Command) {
	r.done()
	r.reply(Say{Name: "help"})
})

var _ = register(Row{
	Kind: Status, Verbs: []string{VerbIncident}, Word: "status",
	Usage: "/incident status", Does: "refresh the card",
	Example: "/incident status", Who: Responder, Place: 120, AfterClosing: true, AfterEnding: true,
}, parseAlone, func(r *run, _ Command) {
	r.done()
})
