package engine

// StoreRetention returns for how many days what is kept on the shelf counts after it was kept last, by how its name begins. After that it
// may go: each number is well beyond the time for which anybody asks for it, so that nothing is done twice for want of it. What begins
// otherwise, as each repository's last good configuration does, stays.
func StoreRetention() map[string]int {
	return map[string]int{
		"incidents/": 30,  // paged from while GitHub is out, and kept anew with each step of the escalation
		"sent/":      30,  // asked for while a look is made again, and when a card is rebuilt; what is older is judged by its age
		"refused/":   30,  // kept anew with each refusal, and those are five minutes apart at most
		"said/":      1,   // asked for while GitHub's reads may be behind: a quarter of an hour
		"posted/":    1,   // the same
		"opened/":    1,   // the same
		"wrote/":     1,   // the same
		"declared/":  365, // kept when an incident is declared or moved, and asked for when its card is lost
		"missed/":    365, // kept once, and asked for as long as the configuration is missed
		"unwritten/": 365, // kept anew with each look, and emptied once GitHub takes the card
		"contest/":   365, // asked for where the card is harmed, and kept anew each time
		"moved/":     365, // kept anew with each message under the old name
		"troubles/":  365, // asked for as long as a transferred incident is open
	}
}
