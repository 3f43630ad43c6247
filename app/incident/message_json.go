package incident

import (
	"encoding/json"
	"time"
)

// storedMessage is a message as the queues keep it. Messages outlive the version that wrote them,
// in both directions, so no field changes its name or its meaning.
type storedMessage struct {
	Ref          Ref             `json:"ref"`
	Was          Ref             `json:"was,omitzero"`
	Why          string          `json:"why"`
	Delivery     string          `json:"delivery,omitempty"`
	Installation int64           `json:"installation,omitempty"`
	Repository   int64           `json:"repository,omitempty"`
	Pull         int             `json:"pull,omitempty"`
	Comment      *Comment        `json:"comment,omitempty"`
	Issue        *Issue          `json:"issue,omitempty"`
	Doubted      bool            `json:"doubted,omitempty"`
	Ack          *Ack            `json:"ack,omitempty"`
	PageAnswer   *PageAnswer     `json:"pageAnswer,omitempty"`
	Tick         *Tick           `json:"tick,omitempty"`
	Ticket       int             `json:"ticket,omitempty"` // the follow-up's index, from 1
	Commit       string          `json:"commit,omitempty"`
	Deployed     *Deployed       `json:"deployed,omitempty"`
	Run          int64           `json:"run,omitempty"`   // of a workflow
	Queue        string          `json:"queue,omitempty"` // the repository of a merge queue
	Gate         *GateAsked      `json:"gate,omitempty"`
	Sweep        bool            `json:"sweep,omitempty"`
	Tests        bool            `json:"tests,omitempty"`
	Signal       json.RawMessage `json:"signal,omitempty"`
	Key          string          `json:"key,omitempty"`
	Count        int             `json:"count,omitempty"`
	Paged        bool            `json:"paged,omitempty"`
	Early        EarlyPage       `json:"early,omitzero"`
	Page         bool            `json:"page,omitempty"`
	Severity     string          `json:"severity,omitempty"`
	Event        string          `json:"event,omitempty"`
	ID           string          `json:"id,omitempty"`
	At           time.Time       `json:"at,omitzero"`
	Rules        string          `json:"rules,omitempty"`
	Back         bool            `json:"back,omitempty"`
	Aside        *PutAside       `json:"aside,omitempty"`
	Fold         *Fold           `json:"fold,omitempty"`
	Removed      *Removed        `json:"removed,omitempty"`
	Answer       *CustomerAnswer `json:"answer,omitempty"`
	Sought       *Sought         `json:"sought,omitempty"`
	Found        *Found          `json:"found,omitempty"`
	ChatSync     *ChatSync       `json:"chatSync,omitempty"`
	ChatSynced   *ChatSynced     `json:"chatSynced,omitempty"`
	ChatSaid     *ChatSaid       `json:"chatSaid,omitempty"`
	ChatAnswer   *ChatAnswer     `json:"chatAnswer,omitempty"`
	ChatLines    *ChatLines      `json:"chatLines,omitempty"`
	ChatPin      *ChatPin        `json:"chatPin,omitempty"`
	ChatWords    *ChatWords      `json:"chatWords,omitempty"`
	ChatMirror   *ChatMirror     `json:"chatMirror,omitempty"`
	ChatWho      *ChatWho        `json:"chatWho,omitempty"`
	Floor        *Floor          `json:"floor,omitempty"`
	Due          time.Time       `json:"due,omitzero"`
	Again        time.Time       `json:"again,omitzero"`
}

// MarshalJSON writes the message as the queues keep it.
func (m Message) MarshalJSON() ([]byte, error) {
	s := storedMessage{Ref: m.Ref, Was: m.Was, Why: m.Why, Delivery: m.Delivery, Repository: m.Repository, Floor: m.Floor,
		Due: m.Due, Again: m.Again}
	switch w := m.What.(type) {
	case Refresh:
		s.Issue = w.Issue
	case CardEdited:
		s.Doubted = true
	case *Tick:
		s.Tick, s.Doubted = w, !w.IsClean
	case *Comment:
		s.Comment, s.Pull = w, w.Pull
	case PullChanged:
		s.Pull = w.Number
	case *Ticket:
		s.Ticket = w.Index + 1
	case *Ack:
		s.Ack = w
	case *PageAnswer:
		s.PageAnswer = w
	case *Signal:
		s.Signal, s.Key, s.Count, s.Event, s.ID, s.At = w.Body, w.Key, w.Count, w.Event, w.ID, w.At
		s.Rules, s.Back, s.Paged, s.Page, s.Severity = w.Rules, w.IsReturned, w.IsPaged, w.Pages, w.Severity
		s.Early = w.Early
	case *Fold:
		s.Fold = w
	case *Removed:
		s.Removed = w
	case *CustomerAnswer:
		s.Answer = w
	case *PutAside:
		s.Aside = w
	case ConfigPush:
		s.Commit = w.Commit
	case *Deployed:
		s.Deployed = w
	case RunEnded:
		s.Run = w.ID
	case QueueChanged:
		s.Queue = w.Repo
	case *GateAsked:
		s.Gate = w
	case *Sought:
		s.Sought = w
	case *Found:
		s.Found = w
	case SelfTests:
		s.Tests = true
	case Sweep:
		s.Sweep, s.Installation, s.At = true, w.Installation, w.At
	default:
		s.keepChat(w)
	}
	return json.Marshal(s)
}

// keepChat keeps what a message about a channel brings.
func (s *storedMessage) keepChat(what Request) {
	switch w := what.(type) {
	case *ChatSync:
		s.ChatSync = w
	case *ChatSynced:
		s.ChatSynced = w
	case *ChatSaid:
		s.ChatSaid = w
	case *ChatAnswer:
		s.ChatAnswer = w
	case *ChatLines:
		s.ChatLines = w
	case *ChatPin:
		s.ChatPin = w
	case *ChatWords:
		s.ChatWords = w
	case *ChatMirror:
		s.ChatMirror = w
	case *ChatWho:
		s.ChatWho = w
	}
}

// UnmarshalJSON reads a message that this version or one before it wrote.
func (m *Message) UnmarshalJSON(text []byte) error {
	var s storedMessage
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	*m = Message{Ref: s.Ref, What: s.request(), Why: s.Why, Delivery: s.Delivery, Was: s.Was, Repository: s.Repository,
		Floor: s.Floor, Due: s.Due, Again: s.Again}
	return nil
}

// request returns what a stored message brings.
func (s *storedMessage) request() Request {
	switch {
	case s.Signal != nil:
		return &Signal{Body: s.Signal, Key: s.Key, Count: s.Count, Event: s.Event, ID: s.ID, At: s.At, Rules: s.Rules,
			IsReturned: s.Back, IsPaged: s.Paged, Early: s.Early, Pages: s.Page, Severity: s.Severity}
	case s.Comment != nil:
		s.Comment.Pull = s.Pull
		return s.Comment
	case s.Tick != nil:
		return s.Tick
	case s.Ack != nil:
		return s.Ack
	case s.PageAnswer != nil:
		return s.PageAnswer
	case s.Fold != nil:
		return s.Fold
	case s.Removed != nil:
		return s.Removed
	case s.Answer != nil:
		return s.Answer
	case s.Aside != nil:
		return s.Aside
	case s.Sought != nil:
		return s.Sought
	case s.Found != nil:
		return s.Found
	case s.Deployed != nil:
		return s.Deployed
	case s.Tests:
		return SelfTests{}
	case s.Sweep:
		return Sweep{Installation: s.Installation, At: s.At}
	case s.Run != 0:
		return RunEnded{s.Run}
	case s.Queue != "":
		return QueueChanged{s.Queue}
	case s.Gate != nil:
		return s.Gate
	case s.Commit != "":
		return ConfigPush{s.Commit}
	case s.Pull != 0:
		return PullChanged{s.Pull}
	case s.Ticket != 0:
		return &Ticket{s.Ticket - 1}
	case s.Doubted:
		return CardEdited{}
	}
	if chat := s.chatRequest(); chat != nil {
		return chat
	}
	if s.Issue != nil {
		return Refresh{Issue: s.Issue}
	}
	return nil
}

// chatRequest returns what a stored message about a channel brings; nil if it is another one.
func (s *storedMessage) chatRequest() Request {
	switch {
	case s.ChatSync != nil:
		return s.ChatSync
	case s.ChatSynced != nil:
		return s.ChatSynced
	case s.ChatSaid != nil:
		return s.ChatSaid
	case s.ChatAnswer != nil:
		return s.ChatAnswer
	case s.ChatLines != nil:
		return s.ChatLines
	case s.ChatPin != nil:
		return s.ChatPin
	case s.ChatWords != nil:
		return s.ChatWords
	case s.ChatMirror != nil:
		return s.ChatMirror
	case s.ChatWho != nil:
		return s.ChatWho
	}
	return nil
}
