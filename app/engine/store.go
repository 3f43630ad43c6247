package engine

// StoreRetention returns for how many days an entry of the store counts after it was saved last, by
// its key's prefix. After that it may be deleted: each number is well beyond the time for which
// anybody asks for it, so nothing is done twice for want of it. Entries with other prefixes, such
// as each repository's last good configuration and rotations, stay.
func StoreRetention() map[string]int {
	return map[string]int{
		"incidents/": 30, // paged from while GitHub is out, and saved again with each step of the escalation
		// asked for while a look is made again, and when a card is rebuilt; what is older is judged
		// by its age
		"sent/":      30,
		"refused/":   30,  // saved again with each refusal, and those are five minutes apart at most
		"said/":      1,   // asked for until the card says what was said: a day at most
		"posted/":    1,   // asked for while GitHub's reads may be behind: a quarter of an hour
		"opened/":    1,   // the same
		"wrote/":     1,   // the same
		"declared/":  365, // kept when an incident is declared or moved, and asked for when its card is lost
		"missed/":    365, // kept once, and asked for as long as the configuration is missed
		"unwritten/": 365, // saved again with each look, and emptied once GitHub takes the card
		"contest/":   365, // asked for where the card is harmed, and saved again each time
		"moved/":     365, // saved again with each message under the old name
		"mails/":     90,  // asked for as long as mails are answered
		"chats/":     365, // saved again with each change of the card
		"chat/":      365, // saved again with each change of the card; the channel is found again by its name
		"told/":      365, // saved again with each update in a customer's channel, of which each has an entry, too
		"mirror/":    365, // saved again with each message in the channel, until it is archived
		"linkcode/":  1,   // a code lives for a quarter of an hour
		"linked/":    3650,
		"chatsaid/":  30,  // asked for when Slack says the same again, or that it was edited
		"similar/":   90,  // built again from the repository
		"reverts/":   30,  // asked for within a day after a revert was opened or merged
		"freezes/":   30,  // saved again with each look at a freeze, which lasts three days at most
		"runs/":      30,  // asked for while a run is owed, and when a card is rebuilt
		"ran/":       30,  // asked for when a run ends
		"rang/":      1,   // asked for within an hour
		"tests/":     90,  // saved again with each test, once a day
		"troubles/":  365, // asked for as long as a transferred incident is open
	}
}
