package simulation

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
	"github.com/firebreak-dev/firebreak/templates"
)

func (s *slackDay) fail(format string, args ...any) {
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

// judge notes what is wrong in the end.
func (s *slackDay) judge(titles []string) {
	p, err := config.Parse([]byte(s.policy))
	if err != nil {
		s.w.t.Fatal(err)
	}
	s.countCommands(titles)
	s.readCustomers()
	for _, title := range titles {
		state, i, ok := s.w.stateOf(title)
		if !ok || state.Declared == nil {
			continue
		}
		s.wrong = append(s.wrong, s.w.contradicted(title)...)
		c, is := s.channelNow(title)
		if !is {
			if !s.hasLeft(title) && state.WantsChat(p) {
				s.fail("%s has no channel: %+v", title, state.Chat)
			}
			continue
		}
		s.judgeCard(title, c, state, i, p)
		s.judgeLines(title, c, state)
	}
}

// channelNow returns the incident's channel, if nobody took it away.
func (s *slackDay) channelNow(title string) (c workspace.Channel, ok bool) {
	id := s.channelOf(title)
	if id == "" || s.hasLeft(title) {
		return c, false
	}
	return s.at.Find(id)
}

// hasLeft reports whether people took a channel of the incident away.
func (s *slackDay) hasLeft(title string) bool {
	state, _, _ := s.w.stateOf(title)
	return s.left[state.Chat.ID] || len(s.left) > 0 && s.channelOf(title) == ""
}

// place is a command in Slack, as a comment by the app and an answer name it.
type place struct{ channel, id string }

// countCommands holds that each command that the product took is on the issue once, or refused in Slack, and that each
// answer is there once.
func (s *slackDay) countCommands(titles []string) {
	onIssue, logins, refused := map[place]int{}, map[place]string{}, map[place]string{}
	for _, title := range titles {
		if s.w.number(title) == 0 {
			continue
		}
		state, _, _ := s.w.stateOf(title)
		for _, c := range list[comment](s.w, s.w.path(title)+"/comments") {
			for _, m := range marks.FindAllStringSubmatch(c.Body, -1) {
				login, said, ok := incident.ParseChatSaid(m[1])
				if ok && said.IsPin && !slices.Contains(state.Pinned, c.ID) { // whoever pins it after that one may try, too
					refused[place{said.Channel, said.ID}] = login
				} else if ok {
					onIssue[place{said.Channel, said.ID}]++
					logins[place{said.Channel, said.ID}] = login
				}
			}
		}
	}
	for at, login := range refused {
		if onIssue[at] == 0 {
			onIssue[at], logins[at] = 1, login
		}
	}
	answers, written := map[place]int{}, map[string]int{}
	for _, c := range s.at.Channels() {
		for _, m := range c.Messages {
			key := keyOf(m)
			if key == "" || m.OnlyTo != "" {
				continue
			}
			if written[c.ID+key]++; written[c.ID+key] == 2 && c.ID != s.shared {
				s.fail("%s is %d times in %s: %s", key, written[c.ID+key], c.Name, m.Text)
			}
			if parts := strings.Fields(key); len(parts) == 5 && parts[0] == "slack" && parts[1] == "answer" {
				answers[place{parts[2], parts[3]}]++
			}
		}
	}
	for key := range s.done { // somebody deleted it
		if parts := strings.Fields(key); len(parts) == 5 && parts[0] == "slack" && parts[1] == "answer" {
			answers[place{parts[2], parts[3]}] = max(answers[place{parts[2], parts[3]}], 1)
		}
	}
	judged := map[place]bool{}
	for _, said := range s.said {
		at := place{said.channel, said.id}
		if judged[at] || !said.isTaken {
			if !said.isTaken && onIssue[at] > 0 && !judged[at] {
				s.fail("%s %q by %s was not taken, and is on the issue", said.kind, said.text, said.who)
			}
			continue
		}
		judged[at] = true
		s.judgeCommand(said, onIssue[at], answers[at], logins[at])
	}
	for at := range onIssue {
		if !judged[at] {
			s.fail("nobody said what is on the issue: %v", at)
		}
	}
}

// judgeCommand holds what came of one command.
func (s *slackDay) judgeCommand(said *slackSaid, comments, answers int, login string) {
	what := fmt.Sprintf("%s: %s %s %q by %s at %s", said.title, said.kind, said.id, said.text, said.who, said.at.Format("15:04:05"))
	isKnown := slices.Contains([]string{"alice", "bob", "carol", "mallory"}, said.who)
	isRefused := said.answer != "" && !strings.HasPrefix(said.answer, "Working on it")
	switch {
	case comments > 1:
		s.fail("%s is on the issue %d times", what, comments)
	case comments == 1 && login != said.who && said.kind != "pin":
		s.fail("%s counts as %s's", what, login)
	case comments == 1 && said.who == "erin":
		s.fail("%s counts, and nobody knows who that is", what)
	case said.kind == "words":
		if comments > 0 {
			s.fail("%s is no command, and is on the issue as one", what)
		}
	case said.kind == "pin", said.isDeleted:
		if comments == 0 && said.kind == "pin" && !s.left[said.channel] {
			s.fail("%s is not on the issue", what)
		}
	case strings.HasPrefix(said.text, "/incident link"): // whose answer nobody else sees
	case said.who == "mallory" && said.isEdited: // what somebody who may give none has misspelt is not told
	case comments+answers == 0 && !isRefused && !(s.left[said.channel] && !isKnown):
		s.fail("%s is lost: it is neither on the issue nor refused", what)
	case isKnown && comments == 0 && !isRefused && said.kind != "press" && command.Has(said.text):
		s.fail("%s is not on the issue", what)
	case answers == 0 && !isRefused && !s.left[said.channel]:
		s.fail("%s has no answer", what)
	case answers > 1 && !said.isEdited:
		s.fail("%s has %d answers", what, answers)
	}
}

// readCustomers holds that customers read updates alone, each once.
func (s *slackDay) readCustomers() {
	c, _ := s.at.Find(s.shared)
	read := map[string]int{}
	for _, m := range c.Messages {
		if m.User != workspace.BotUser {
			continue
		}
		read[m.Text]++
		isUpdate := slices.ContainsFunc(s.updates, func(u string) bool { return strings.Contains(m.Text, u) })
		isInternal := strings.Contains(m.Text, "/ic ") || strings.Contains(m.Text, "balancer") || strings.Contains(m.Text, "ertificate")
		switch {
		case read[m.Text] > 1:
			s.fail("globex reads it %d times in Slack: %q", read[m.Text], m.Text)
		case !isUpdate || isInternal:
			s.fail("globex reads in Slack what is no update: %q", m.Text)
		}
	}
}

// judgeCard holds that the channel has one card, pinned, that says what the issue says.
func (s *slackDay) judgeCard(title string, c workspace.Channel, state incident.State, i issue, p incident.Policy) {
	var cards []workspace.Message
	for _, m := range c.Messages {
		if keyOf(m) == "card" {
			cards = append(cards, m)
		}
	}
	if len(cards) == 0 && s.done["card deleted "+c.ID] {
		return // it is there again with the next change
	}
	if len(cards) != 1 || !c.IsPinned(cards[0].TS) {
		s.fail("%s: %d cards in Slack, pinned %v", title, len(cards), c.Pins)
		return
	}
	isRenamed := s.done["renamed "+c.ID] && !state.Running() // the next change brings it, if there is one
	if c.ID != state.Chat.ID || c.Name != state.Chat.Name && !isRenamed || state.Chat.Away != "" {
		s.fail("%s: the card on GitHub says of Slack %+v, and the channel is %s %s", title, state.Chat, c.ID, c.Name)
	}
	ref := s.w.ref(title)
	want := card.Chat(state, card.View{Ref: ref, ID: i.ID, URL: s.address(title), Title: i.Title, Policy: p,
		Now: s.w.box.Clock().Now()})
	if got := cards[0].Sections(); !slices.Equal(got, want.Sections) {
		s.fail("%s: the card in Slack says\n%s\nand the issue\n%s", title, strings.Join(got, "\n"), strings.Join(want.Sections, "\n"))
	}
	if c.Topic != want.Topic {
		s.fail("%s: the topic is %q, want %q", title, c.Topic, want.Topic)
	}
	var got, buttons []string
	for _, b := range cards[0].Buttons() {
		got = append(got, b.Action+" "+b.Value)
	}
	for _, b := range want.Buttons {
		id, value := b.Action()
		buttons = append(buttons, id+" "+value)
	}
	if !slices.Equal(got, buttons) {
		s.fail("%s: the buttons are %q, want %q", title, got, buttons)
	}
}

func (s *slackDay) address(title string) string {
	return fmt.Sprintf("%s/acme/incidents/issues/%d", address, s.w.issues[title])
}

// isLineOf reports whether a text is the line of something that happened. Of older ones the card keeps no text.
func isLineOf(text string, l incident.ChatLine, at string, most int) bool {
	line := templates.ChatLine(l, at, most)
	if l.Text != "" || l.Entry.Kind == incident.ChatComment {
		return text == line
	}
	before, after, _ := strings.Cut(line, " · <")
	return strings.HasPrefix(text, before) && strings.HasSuffix(text, after)
}

var thingsMissed = regexp.MustCompile(`\*(\d+) things happened\*`)

// judgeLines holds that the channel shows what happened on the issue, each thing once, and nothing that came from
// there. What Slack missed for long may only be counted.
func (s *slackDay) judgeLines(title string, c workspace.Channel, state incident.State) {
	var said []int64
	var lines []incident.ChatLine
	for _, one := range list[comment](s.w, s.w.path(title)+"/comments") {
		isOurs := strings.HasSuffix(one.User.Login, "[bot]")
		for _, m := range marks.FindAllStringSubmatch(one.Body, -1) {
			if _, _, ok := incident.ParseChatSaid(m[1]); ok && isOurs {
				said = append(said, one.ID)
			}
		}
		if !isOurs && !command.Has(one.Body) && one.Body != thanks {
			lines = append(lines, incident.CommentLine(one.ID, one.User.Login, one.Body, one.Created))
		}
	}
	for _, e := range state.Timeline {
		if e.Kind != "corrected" && !slices.Contains(said, incident.CommentOf(e.Ref)) {
			lines = append(lines, incident.NewChatLine(e))
		}
	}
	isCut := len(state.Timeline) >= keptEntries-3
	repeated := map[string]bool{} // what the card says once, however often it happens
	shown, digests, hidden := map[string]string{}, "", 0
	for _, m := range c.Messages {
		switch key := keyOf(m); {
		case strings.HasPrefix(key, "line "):
			shown[strings.TrimPrefix(key, "line ")] = m.Text
		case strings.HasPrefix(key, "lines "):
			digests += m.Text + "\n"
			if n := thingsMissed.FindStringSubmatch(m.Text); n != nil {
				count, _ := strconv.Atoi(n[1])
				hidden += count - strings.Count(m.Text, "\n• ")
			}
		}
	}
	var missing []string
	for _, l := range lines {
		at := s.address(title)
		if id := incident.CommentOf(l.Entry.Ref); id != 0 && !incident.OnPull(l.Entry.Ref) {
			at += fmt.Sprintf("#issuecomment-%d", id)
		}
		repeated[templates.ChatLine(l, at, 300)] = l.Entry.Kind == "page"
		text, is := shown[l.Key]
		delete(shown, l.Key)
		times := 0
		for line := range strings.Lines(digests) {
			if strings.HasPrefix(line, "• ") && isLineOf(strings.TrimSpace(strings.TrimPrefix(line, "• ")), l, at, 100) {
				times++
			}
		}
		if is {
			times++
		}
		switch {
		case is && !isLineOf(text, l, at, 300):
			s.fail("%s: the channel says %q, want %q", title, text, templates.ChatLine(l, at, 300))
		case times > 1 && l.Entry.Kind == incident.ChatComment:
			s.fail("%s: the channel shows %d times: %s", title, times, templates.ChatLine(l, at, 300))
		case times == 0 && state.Confirmed != nil && l.Entry.At.After(state.Confirmed.At) && !s.done["line "+l.Key]:
			missing = append(missing, templates.ChatLine(l, at, 300))
		}
	}
	isDigestGone := false
	for key := range s.done {
		isDigestGone = isDigestGone || strings.HasPrefix(key, "lines ")
	}
	if len(missing) > hidden && !isCut && !isDigestGone {
		s.fail("%s: the channel does not show, and %d others are only counted:\n%s", title, hidden, strings.Join(missing, "\n"))
	}
	for key, text := range shown {
		if !isCut && !repeated[text] {
			s.fail("%s: the channel shows what is not on the issue, or came from Slack, or is there twice: %s %s", title, key, text)
		}
	}
}
