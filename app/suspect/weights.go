package suspect

// weight is a row of the table: how much a reason says at most, in doublings of suspicion. A point
// makes a change twice as suspect as it was, a point below zero half as much.
type weight struct {
	points float64
	why    string
}

// weights is the table by which changes are ranked; nothing else sets one change above another.
// TestTheTableOfWeights holds it, so that a weight is only changed together with its reason.
var weights = map[ReasonKind]weight{
	Live: {1.2, "What breaks mostly breaks soon. Each doubling of the age, from an hour to two days, takes away so much."},

	Service:     {4.0, "An alert knows its service, and most services break by a change in their own repository."},
	ServicePath: {4.0, "In a repository of many services, or of their configuration, the path says which one is hit."},
	Named:       {3.0, "People name a repository in the summary mostly because it is hit, and sometimes in passing."},
	Related:     {1.5, "A repository that shares a word with the service often is its library, chart or client."},

	Path:  {4.0, "A path is chosen by programmers for what it is about, so a word of the alert in it is telling."},
	Title: {4.0, "A title says what somebody meant to change, which is what breaks as often as not."},

	Migration:      {2.0, "A migration can't be taken back by a deployment and works on real data for the first time."},
	Settings:       {0.5, "Configuration skips most tests, and is a cause of outages about as often as code."},
	Infrastructure: {1.0, "Infrastructure is changed seldom, is hard to test, and many services are hit at once."},
	Pipeline:       {1.0, "How something is built or deployed is changed seldom, and isn't tested before it is used."},
	Brings:         {0, "It only says what is in a release: each counts by its title and files."},
	Update:         {0.6, "A dependency changes more than the lines that are seen, but most updates do nothing."},
	Switch:         {0.7, "What is switched on, off or over, or made faster, runs otherwise at once and for everybody."},
	Wording:        {-0.5, "Who changes words, or how code looks, says so, and mostly changes nothing else."},

	Deployed: {1.0, "What is known to run in production is more suspect than what may not run anywhere."},
	NotLive:  {-4.0, "The repository is deployed, and this change wasn't: it can only be at fault if GitHub wasn't told."},

	RevertedBefore: {2.0, "What broke once and came again breaks again more often than others."},
	TakenBack:      {2.0, "Somebody reverted it after the impact started, so somebody suspects it."},
	Revert:         {-1.0, "A revert brings back what ran before, and is itself at fault only now and then."},

	Direct: {0.5, "A push without a pull request was seen by nobody else."},
	Bot:    {-0.3, "Bots make many small changes of one kind, of which hardly any breaks anything."},
	Size:   {1.0, "Large changes break more, but one line is enough: a weak reason, and it grows slowly."},

	Docs:  {-8.0, "Documentation doesn't run."},
	Tests: {-8.0, "Tests don't run in production."},
}
