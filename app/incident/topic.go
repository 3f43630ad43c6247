package incident

import (
	"strconv"
	"strings"
)

// topics maps the first word of a Remind's key to what it reminds of. Of each topic one comment is
// there: the next one replaces it, or is written into it.
var topics = map[string]string{
	"accepted":     "refused", // of one effect: see TopicOf
	"again":        "signal",
	"back":         "back",
	"changes":      changesTopic,
	"check-in":     "stand-by",
	"claim":        "claim",
	"config":       "config",
	TopicContested: TopicContested,
	"data":         "data",
	"failed":       "page-failed",
	"handover":     "handover",
	"oncall":       "oncall",
	"gap":          "on-call-gap",
	"recovered":    "signal",
	"refused":      "refused", // of one effect: see TopicOf
	"review":       "review",
	"role":         "role",
	"runbook":      "runbook",
	serviceTopic:   serviceTopic,
	"service":      "service",
	"shut":         "review",
	"signals":      "signals",
	"silent":       "back",
	similarTopic:   similarTopic,
	"stand-by":     "stand-by",
	"template":     "template",
	"told":         "told",
	"unanswered":   "unanswered",
	"update":       "update",
}

// TopicOf returns what a Remind with that key reminds of; "" where such comments stay next to each
// other. It is told by the key alone, so that a comment whose card is lost is known again by its mark.
func TopicOf(key string) string {
	kind, rest, _ := strings.Cut(key, "/")
	topic := topics[kind]
	switch topic {
	case "refused": // refused/labels/1772447000: of each effect on its own
		effect := rest[:max(strings.LastIndex(rest, "/"), 0)]
		return topic + "/" + effect
	case "update": // what people wrote as an update is not a reminder of it
		if _, err := strconv.ParseInt(rest, 10, 64); err != nil {
			return ""
		}
	}
	return topic
}

// ParseSaid reads the mark of a comment that is the newest of its topic; ok is false for any other.
func ParseSaid(key string, comment int64) (s Said, ok bool) {
	s = Said{Topic: TopicOf(key), Comment: comment}
	switch s.Topic {
	case changesTopic, similarTopic, serviceTopic:
		_, number, _ := strings.Cut(key, "/")
		s.Number, _ = strconv.Atoi(number)
	}
	return s, s.Topic != ""
}

// HasShown reports whether the card knows a numbered comment, or a newer one of its topic. A comment without a number
// counts as known.
func (s State) HasShown(said Said) bool {
	switch said.Topic {
	case changesTopic:
		return s.Changes.Lists >= said.Number
	case similarTopic:
		return s.Similar.Lists >= said.Number
	case serviceTopic:
		return s.Hit.Lists >= said.Number
	}
	return true
}

// shown counts on from what a comment shows whose card is lost: the next result has another key.
func (r *run) shown(s Said) {
	switch s.Topic {
	case changesTopic:
		r.Changes.Lists = max(r.Changes.Lists, s.Number)
	case similarTopic:
		r.Similar.Lists = max(r.Similar.Lists, s.Number)
	case serviceTopic:
		r.Hit.Lists = max(r.Hit.Lists, s.Number)
	}
}
