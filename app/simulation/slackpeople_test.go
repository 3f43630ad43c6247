package simulation

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
)

func inBase64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// happen lets something happen to Slack, or to the incident's channel, before a step.
func (s *slackDay) happen(title string) {
	now := s.w.box.Clock().Now()
	if s.chance(12) {
		spell := slackSpell{span: span{now, now.Add(time.Duration(1+s.IntN(25)) * time.Minute)},
			how: pick(s.draw, "away", "away", "limited", "token_revoked", "cut off", "answer lost", "missing_scope")}
		if s.chance(30) {
			spell.method = pick(s.draw, "chat.", "chat.postMessage", "conversations.", "bookmarks.", "pins.", "history", "invite")
		}
		s.mu.Lock()
		s.spells = append(s.spells, spell)
		s.mu.Unlock()
		s.w.net.tell("Slack, %s until %s: %s", spell.method, spell.to.Format(time.TimeOnly), spell.how)
	}
	id := s.channelOf(title)
	if id == "" || !s.chance(8) {
		return
	}
	what := pick(s.draw, "renamed", "renamed", "card deleted", "card deleted", "archived", "deleted", "bot removed", "message deleted")
	s.w.net.tell("the channel of %s: %s", title, what)
	s.at.Change(id, func(c *workspace.Channel) {
		switch what {
		case "renamed":
			c.Name = fmt.Sprintf("war-room-%d", s.IntN(1000))
			s.done["renamed "+id] = true
		case "card deleted":
			if len(c.Pins) > 0 {
				ts := c.Pins[len(c.Pins)-1]
				s.done["card deleted "+id] = true
				c.Messages = slices.DeleteFunc(c.Messages, func(m workspace.Message) bool { return m.TS == ts })
				c.Pins = slices.DeleteFunc(c.Pins, func(pin string) bool { return pin == ts })
			}
		case "message deleted":
			if n := len(c.Messages); n > 0 && keyOf(c.Messages[n-1]) != "card" && c.Messages[n-1].User == workspace.BotUser {
				s.done[keyOf(c.Messages[n-1])] = true
				c.Messages = c.Messages[:n-1]
			}
		case "archived":
			c.IsArchived, s.left[id] = true, true
		case "bot removed":
			s.left[id] = true
			c.Members = slices.DeleteFunc(c.Members, func(m string) bool { return m == workspace.BotUser })
		}
	})
	if what == "deleted" {
		s.left[id] = true
		s.at.Delete(id)
	}
}

// isSeen reports whether anybody but the app is in a channel: before, nobody sees a private one.
func (s *slackDay) isSeen(id string) bool {
	return slices.ContainsFunc(s.at.Channels(), func(c workspace.Channel) bool {
		return c.ID == id && (!c.IsPrivate || slices.ContainsFunc(c.Members, func(m string) bool { return m != workspace.BotUser }))
	})
}

// channelOf returns the incident's channel that people see, or "".
func (s *slackDay) channelOf(title string) string {
	number := s.w.issues[title]
	for _, c := range slices.Backward(s.at.Channels()) {
		if c.Creator == workspace.BotUser && strings.HasPrefix(c.Name, fmt.Sprintf("inc-%d-", number)) && number > 0 && !s.left[c.ID] {
			return c.ID
		}
	}
	for _, c := range slices.Backward(s.at.Channels()) { // somebody renamed it
		if c.Creator == workspace.BotUser && strings.Contains(c.Purpose, fmt.Sprintf("/issues/%d", number)) && number > 0 && !s.left[c.ID] {
			return c.ID
		}
	}
	return ""
}

// keyOf returns by what one of the app's messages is known.
func keyOf(m workspace.Message) string {
	var metadata struct {
		Payload struct {
			Key string `json:"key"`
		} `json:"event_payload"`
	}
	_ = json.Unmarshal(m.Metadata, &metadata)
	return metadata.Payload.Key
}

// inSlack lets somebody do a step in Slack, if they can, and reports whether they did.
func (s *slackDay) inSlack(one step) bool {
	if one.verb != "says" {
		return false
	}
	if strings.HasPrefix(one.text, "/ic update ") {
		first, _, _ := strings.Cut(one.text, "\n") // other commands may follow
		s.updates = append(s.updates, strings.TrimPrefix(first, "/ic update "))
	}
	id := s.channelOf(one.on)
	if id == "" || !s.chance(55) || !s.isSeen(id) {
		return false
	}
	said := &slackSaid{channel: id, who: one.who, text: one.text, title: one.on, at: s.w.box.Clock().Now()}
	switch isCommand := command.Has(one.text) && strings.HasPrefix(one.text, "/"); {
	case !isCommand:
		said.kind = "words"
		s.message(said)
		if !s.isQuiet && s.chance(40) {
			s.pin(said)
		}
	case s.press(said):
	case s.fill(said):
	case s.chance(50):
		s.slash(said)
	default:
		said.kind = "message"
		s.message(said)
	}
	if !s.isQuiet && s.chance(6) {
		s.link(one.on, id)
	}
	if s.chance(5) {
		s.ask(one.on)
	}
	return true
}

// slash is a slash command. Somebody whom Slack shows that it failed writes it again.
func (s *slackDay) slash(said *slackSaid) {
	said.kind = "slash"
	for try := range 3 {
		s.serial++
		trigger := fmt.Sprintf("%d.%s", s.serial, said.who)
		one := *said
		sum := sha256.Sum256([]byte(workspace.Team + " " + trigger))
		one.id = incident.SlashID(hex.EncodeToString(sum[:]))
		verb, rest, _ := strings.Cut(said.text, " ")
		p := &slackPost{kind: "application/x-www-form-urlencoded", said: &one, title: said.title, channel: said.channel,
			body: url.Values{"command": {verb}, "text": {rest}, "user_id": {slackUsers[said.who]}, "user_name": {"carol"},
				"channel_id": {said.channel}, "channel_name": {"privategroup"}, "team_id": {workspace.Team},
				"team_domain": {"acme"}, "trigger_id": {trigger}, "response_url": {s.url + "/respond/" + trigger}}.Encode()}
		s.said = append(s.said, &one)
		s.w.net.tell("%s in Slack: %q, try %d", said.who, said.text, try+1)
		s.send(p)
		if one.isTaken {
			return
		}
	}
}

// press presses a button of the pinned card that is the command, if there is one.
func (s *slackDay) press(said *slackSaid) bool {
	c, _ := s.at.Find(said.channel)
	for _, m := range slices.Backward(c.Messages) {
		for _, b := range m.Buttons() {
			if b.Action != "run "+said.text || !c.IsPinned(m.TS) {
				continue
			}
			times := pick(s.draw, 1, 1, 2)
			for range times {
				one := *said
				one.kind = "press"
				at := s.w.box.Clock().Now().Unix()
				sum := sha256.Sum256([]byte(strings.Join([]string{workspace.Team, m.TS, slackUsers[said.who], b.Action,
					b.Value, fmt.Sprint(at / 10)}, " ")))
				one.id = incident.PressID(hex.EncodeToString(sum[:]))
				s.said = append(s.said, &one)
				s.w.net.tell("%s presses %q", said.who, b.Label)
				s.interact(&one, map[string]any{"type": "block_actions", "trigger_id": "9.9",
					"message": map[string]any{"ts": m.TS}, "response_url": s.url + "/respond/press",
					"actions": []map[string]any{{"type": "button", "action_id": b.Action, "value": b.Value,
						"action_ts": fmt.Sprintf("%d.000100", at)}}})
			}
			return true
		}
	}
	return false
}

// fill sends the form of a command, if it has one.
func (s *slackDay) fill(said *slackSaid) bool {
	verb, rest, _ := strings.Cut(said.text, " ")
	word, words, _ := strings.Cut(rest, " ")
	form, ok := incident.ChatFormOf(verb + " " + word)
	if !ok || form.Whom != "" || words == "" || strings.Contains(words, "\n") || !s.chance(40) {
		return false
	}
	said.kind = "form"
	s.serial++
	view := fmt.Sprintf("V%08d", s.serial)
	sum := sha256.Sum256([]byte(workspace.Team + " " + view))
	said.id = incident.PressID(hex.EncodeToString(sum[:]))
	place, _ := json.Marshal(map[string]string{"channel": said.channel, "command": form.Command})
	s.said = append(s.said, said)
	s.w.net.tell("%s sends the form %s: %q", said.who, form.Command, words)
	s.interact(said, map[string]any{"type": "view_submission", "view": map[string]any{"id": view,
		"callback_id": "firebreak-command", "private_metadata": string(place),
		"state": map[string]any{"values": map[string]any{"words": map[string]any{"words": map[string]any{
			"type": "plain_text_input", "value": words}}}}}})
	return true
}

// interact sends what somebody did with a button or a form.
func (s *slackDay) interact(said *slackSaid, payload map[string]any) {
	payload["user"] = map[string]string{"id": slackUsers[said.who], "name": "carol"}
	payload["team"] = map[string]string{"id": workspace.Team, "domain": "acme"}
	payload["channel"] = map[string]string{"id": said.channel, "name": "privategroup"}
	text, err := json.Marshal(payload)
	if err != nil {
		s.w.t.Fatal(err)
	}
	p := &slackPost{kind: "application/x-www-form-urlencoded", said: said, title: said.title, channel: said.channel,
		body: url.Values{"payload": {string(text)}}.Encode()}
	s.send(p)
	if s.chance(10) { // its answer was lost
		s.send(p)
	}
}

// message writes a message, of which the app hears in Slack's own time.
func (s *slackDay) message(said *slackSaid) {
	said.id = s.at.Say(said.channel, slackUsers[said.who], said.text)
	s.said = append(s.said, said)
	s.w.net.tell("%s writes %s in Slack: %q", said.who, said.id, said.text)
	event := map[string]any{"type": "message", "channel": said.channel, "user": slackUsers[said.who], "text": said.text,
		"ts": said.id, "channel_type": "group"}
	s.event(said, event)
	if s.isQuiet || !s.chance(15) {
		return
	}
	before := map[string]any{"user": slackUsers[said.who], "text": said.text, "ts": said.id}
	stamp := fmt.Sprintf("%d.%06d", s.w.box.Clock().Now().Unix(), 900000+s.serial)
	s.serial++
	if s.chance(30) {
		said.isDeleted = true
		s.event(said, map[string]any{"type": "message", "subtype": "message_deleted", "channel": said.channel,
			"previous_message": before, "event_ts": stamp, "ts": stamp})
		return
	}
	said.isEdited = true
	s.event(said, map[string]any{"type": "message", "subtype": "message_changed", "channel": said.channel,
		"previous_message": before, "event_ts": stamp, "ts": stamp,
		"message": map[string]any{"user": slackUsers[said.who], "text": said.text + " indeed", "ts": said.id,
			"edited": map[string]any{"user": slackUsers[said.who], "ts": stamp}}})
}

// pin lets one or two people pin a message, or mark it with a pin.
func (s *slackDay) pin(words *slackSaid) {
	for range pick(s.draw, 1, 2) {
		who := pick(s.draw, "alice", "carol", "bob")
		said := &slackSaid{id: incident.PinID(words.id), channel: words.channel, who: who, text: words.text, title: words.title,
			kind: "pin", at: s.w.box.Clock().Now()}
		s.said = append(s.said, said)
		s.w.net.tell("%s pins %s", who, words.id)
		if s.chance(50) {
			s.event(said, map[string]any{"type": "reaction_added", "user": slackUsers[who], "reaction": "pushpin",
				"item": map[string]any{"type": "message", "channel": words.channel, "ts": words.id}})
			continue
		}
		s.event(said, map[string]any{"type": "pin_added", "user": slackUsers[who], "channel_id": words.channel,
			"item": map[string]any{"type": "message", "channel": words.channel, "message": map[string]any{"ts": words.id}}})
	}
}

// link lets dan say who he is: with the code that he alone sees, on GitHub.
func (s *slackDay) link(title, channel string) {
	s.slash(&slackSaid{channel: channel, who: "dan", text: "/incident link", title: title, at: s.w.box.Clock().Now()})
	s.w.advance(time.Second)
	c, ok := s.at.Find(channel)
	for _, m := range slices.Backward(c.Messages) {
		if _, rest, is := strings.Cut(m.Text, "/incident link "); ok && is && m.OnlyTo == slackUsers["dan"] {
			code, _, _ := strings.Cut(rest, "`")
			s.w.net.tell("dan links himself")
			s.w.as("dan", "POST", s.w.path(title)+"/comments", map[string]string{"body": "/incident link " + code}, nil)
			return
		}
	}
}

// ask lets the customer write in the channel that is shared with them, and somebody of us give a command there.
func (s *slackDay) ask(title string) {
	if s.isQuiet {
		return
	}
	s.serial++
	ts := s.at.Say(s.shared, gina, "Is it over?")
	s.event(nil, map[string]any{"type": "message", "channel": s.shared, "user": gina, "text": fmt.Sprintf("Is it over? %d", s.serial),
		"ts": ts})
	ts = s.at.Say(s.shared, slackUsers["carol"], "/oe finding we dropped their disk")
	s.event(nil, map[string]any{"type": "message", "channel": s.shared, "user": slackUsers["carol"], "ts": ts,
		"text": "/oe finding we dropped their disk"})
	_ = title
}

// event sends an event, as Slack does: now, late, twice, out of order, or again as the answer was lost.
func (s *slackDay) event(said *slackSaid, event map[string]any) {
	s.serial++
	body, err := json.Marshal(map[string]any{"type": "event_callback", "team_id": workspace.Team,
		"event_id": fmt.Sprintf("Ev%08d", s.serial), "event": event})
	if err != nil {
		s.w.t.Fatal(err)
	}
	p := &slackPost{kind: "application/json", body: string(body), said: said, due: s.w.box.Clock().Now()}
	if said != nil {
		p.title, p.channel = said.title, said.channel
	}
	again := func(after time.Duration, retry int) {
		q := *p
		q.due, q.retry = p.due.Add(after), retry
		s.late = append(s.late, &q)
	}
	switch n := s.IntN(100); {
	case n < 55:
	case n < 65:
		again(0, 0)
	case n < 75: // the answer was lost: https://docs.slack.dev/apis/events-api#retries
		again(time.Second, 1)
		again(time.Minute, 2)
		again(5*time.Minute, 3)
	case n < 85:
		p.due = p.due.Add(time.Duration(1+s.IntN(90)) * time.Second)
		s.late = append(s.late, p)
		return
	case n < 93:
		p.due = p.due.Add(time.Duration(1+s.IntN(20)) * time.Minute)
		s.late = append(s.late, p)
		return
	case n < 97: // somebody sends again what they read on its way
		q := *p
		q.due, q.age, q.said = p.due.Add(time.Hour), 10*time.Minute, nil
		s.late = append(s.late, &q)
	default: // somebody else signs it, before Slack sends it
		q := *p
		q.isForged, q.said = true, nil
		s.send(&q)
	}
	s.send(p)
}

// send sends something, and notes what came of it.
func (s *slackDay) send(p *slackPost) {
	status, answer := s.deliver(p)
	isTaken := status == http.StatusOK
	switch {
	case (p.age > 0 || p.isForged) && isTaken:
		s.wrong = append(s.wrong, fmt.Sprintf("taken with a signature of somebody else, or an old one: %s", p.body))
	case p.age > 0 || p.isForged:
	case !isTaken:
		s.wrong = append(s.wrong, fmt.Sprintf("Slack is answered %d %s: %s", status, answer, p.body))
	case p.said != nil:
		if !p.said.isTaken && p.retry == 0 {
			s.played = append(s.played, slackAct{at: s.w.box.Clock().Now(), post: p})
		}
		p.said.isTaken, p.said.answer = true, answer
	}
}

// deliver hands the product what Slack sends. Its signature has the real time, by which it is judged.
func (s *slackDay) deliver(p *slackPost) (status int, answer string) {
	w := s.w
	stamp := fmt.Sprint(time.Now().Add(-p.age).Unix())
	key := "demo-intake"
	if p.isForged {
		key = "another secret"
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("v0:" + stamp + ":" + p.body))
	for {
		req := httptest.NewRequest(http.MethodPost, "/intake/slack", strings.NewReader(p.body))
		req.Header.Set("Content-Type", p.kind)
		req.Header.Set("X-Slack-Request-Timestamp", stamp)
		req.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
		if p.retry > 0 {
			req.Header.Set("X-Slack-Retry-Num", fmt.Sprint(p.retry))
			req.Header.Set("X-Slack-Retry-Reason", "http_timeout")
		}
		rec := httptest.NewRecorder()
		w.product.Handler().ServeHTTP(rec, req)
		if w.life.Err() != nil {
			w.crashed[w.lives] = w.box.Clock().Now()
			w.restart()
			continue
		}
		var said struct{ Text string }
		_ = json.Unmarshal(rec.Body.Bytes(), &said)
		return rec.Code, said.Text
	}
}

// echo lets Slack tell the app what the app itself did there, as it does.
func (s *slackDay) echo() {
	for _, c := range s.at.Channels() {
		for _, m := range c.Messages {
			if m.User != workspace.BotUser || s.done["told "+m.TS] || m.OnlyTo != "" {
				continue
			}
			s.done["told "+m.TS] = true
			if s.isCalm || !s.chance(20) {
				continue
			}
			s.event(nil, map[string]any{"type": "message", "channel": c.ID, "user": m.User, "bot_id": "B0BOT0001",
				"text": m.Text, "ts": m.TS})
			if c.IsPinned(m.TS) {
				s.event(nil, map[string]any{"type": "pin_added", "user": m.User, "channel_id": c.ID,
					"item": map[string]any{"type": "message", "channel": c.ID, "message": map[string]any{"ts": m.TS}}})
			}
		}
	}
}
