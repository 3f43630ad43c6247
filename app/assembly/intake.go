package assembly

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/metrics"
	slackchat "github.com/firebreak-dev/firebreak/app/slack"
)

// reception takes what sources report.
type reception struct {
	env     Environment
	engine  *engine.Engine
	queue   engine.Queue
	metrics metrics.Recorder
	log     *slog.Logger
	said    said
}

// handler serves the sources that have a secret.
func (s *reception) handler() http.Handler { return intake.Handler(s.options()) }

// socket takes what Slack sends by Socket Mode; nil: it doesn't.
func (s *reception) socket() *slackchat.Socket {
	token := s.env.getenv("FIREBREAK_SLACK_APP_TOKEN")
	if token == "" {
		return nil
	}
	o, source := s.options(), &intake.Slack{Severities: intake.Severities, URL: s.env.SlackURL}
	return &slackchat.Socket{Token: token, URL: s.env.SlackURL, Logger: s.log,
		Take: func(ctx context.Context, payload []byte) (any, error) { return o.Envelope(ctx, source, payload) }}
}

// options say what becomes of what sources report.
func (s *reception) options() intake.Options {
	settings := intake.Settings{
		Secrets: s.env.sourceSecrets,
		Slack:   s.env.SlackURL,
		Topics:  strings.Fields(strings.ReplaceAll(s.env.getenv("FIREBREAK_INTAKE_SNS_TOPICS"), ",", " ")),
	}
	o := intake.Options{
		Sources: intake.Sources(settings),
		Accept:  s.accept,
		Said:    s.engine.TakeChat,
		Heard:   s.engine.TakeWords,
		Pinned:  s.engine.TakePin,
		Refused: s.refused,
		Logger:  s.log,
	}
	o.OpenModal, o.Reply = s.openModal, s.reply
	return o
}

func (s *reception) refused(source, reason string) {
	countRefused(s.metrics, source, reason)
}

// countRefused counts what was not taken, and on its own what was our failure.
func countRefused(m metrics.Recorder, source, reason string) {
	m.Record(metrics.Rejected, 1, source, reason)
	if reason == metrics.NotStored {
		m.Record(metrics.Unstored, 1)
	}
}

// slackOptions say where Slack's Web API is.
func (e Environment) slackOptions() []slack.Option {
	if e.SlackURL == "" {
		return nil
	}
	return []slack.Option{slack.OptionAPIURL(strings.TrimSuffix(e.SlackURL, "/") + "/")}
}

// reply tells somebody in Slack something.
func (s *reception) reply(ctx context.Context, address, text string) error {
	if s.engine.Replier == nil {
		return nil
	}
	return s.engine.Replier.Reply(ctx, address, text)
}

// openModal opens a form in Slack: by the token of the bot that has the incident's channel, or else by one
// that is for that alone.
func (s *reception) openModal(ctx context.Context, m intake.Modal) error {
	token := s.env.getenv("FIREBREAK_INTAKE_SLACK_TOKEN")
	if m.Channel != "" {
		account, name, err := s.engine.ChatSecret(ctx, m.Channel)
		if err != nil {
			return err
		}
		if name != "" {
			if token, err = s.env.secret(incident.ForAccount(ctx, account), name); err != nil {
				return err
			}
		}
	}
	if token == "" {
		return intake.ErrNoToken
	}
	client := slack.New(token, s.env.slackOptions()...)
	if _, err := client.OpenViewContext(ctx, m.TriggerID, m.View); err != nil {
		return fmt.Errorf("slack does not open the form: %w", err)
	}
	return nil
}

// sourceSecrets returns a source's secrets: its own, FIREBREAK_INTAKE_ALERTMANAGER_SECRET, or the
// one for all of them, FIREBREAK_INTAKE_SECRET; and the one before, …_PREVIOUS, while rotating.
func (e Environment) sourceSecrets(source string) (secrets [][]byte) {
	for _, name := range []string{"FIREBREAK_INTAKE_" + strings.ToUpper(source) + "_SECRET", "FIREBREAK_INTAKE_SECRET"} {
		for _, suffix := range []string{"", "_PREVIOUS"} {
			if value := e.getenv(name + suffix); value != "" {
				secrets = append(secrets, []byte(value))
			}
		}
		if len(secrets) > 0 {
			break
		}
	}
	return secrets
}

// accept pages first where the policy says so, since GitHub's outage may delay nobody, and returns
// once all is stored.
func (s *reception) accept(ctx context.Context, r intake.Result) error {
	for _, signal := range r.Signals {
		body, err := json.Marshal(signal)
		if err != nil {
			return fmt.Errorf("store a signal of %s: %w", signal.Source, err)
		}
		early, isPaged := s.engine.PageFirst(ctx, s.env.Incidents, signal)
		report := &incident.Signal{
			Body:    body,
			Count:   1,
			Event:   signal.DedupKey + " " + signal.Event,
			ID:      rand.Text()[:8],
			At:      s.engine.Clock.Now().UTC(),
			IsPaged: isPaged,
			Early:   early,
		}
		if signal.Source != "email" { // a mail is news, and no repetition
			report.Key = fmt.Sprintf(
				"%s %t%s",
				signal.DedupKey,
				signal.Firing,
				s.said.saying(signal, report.At),
			)
		}
		m := engine.Message{Ref: s.env.Incidents, Why: "signal", What: report}
		if err := s.queue.Enqueue(ctx, m, time.Time{}); err != nil {
			return err
		}
	}
	for _, ack := range r.Acks {
		m, ok := acknowledgement(ack)
		if !ok {
			s.log.Info("ignored acknowledgement: unknown page", "source", ack.Source)
			continue
		}
		s.engine.NoteAcknowledgement(ctx, m)
		if err := s.queue.Enqueue(ctx, m, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

// refuse counts and logs a report that came by another way than HTTP and could not be taken.
func (s *reception) refuse(source, reason string, err error) {
	s.refused(source, reason)
	s.log.Warn("a signal was refused", "source", source, "reason", reason, "err", err)
}

// acknowledgement reads the key with which a page went out: owner/repo#number/page/3, or
// owner/repo/signal/… for one that went out before its incident was opened.
func acknowledgement(a intake.Ack) (engine.Message, bool) {
	// The delivery is logged, and names are not.
	by := sha256.Sum256([]byte(a.By))
	answer := &incident.Ack{Service: a.Source, Name: a.By, At: a.At}
	m := engine.Message{Why: "ack", Delivery: "ack " + a.Key + " " + hex.EncodeToString(by[:8]), What: answer}
	if a.By == "" {
		answer.Name = "Somebody"
	}
	if name, hash, ok := strings.Cut(a.Key, "/signal/"); ok {
		ref, err := incident.ParseRef(name + "#1")
		m.Ref, answer.Page = incident.Ref{Owner: ref.Owner, Repo: ref.Repo}, "signal/"+hash
		return m, err == nil
	}
	name, page, ok := strings.Cut(a.Key, "/page/")
	ref, err := incident.ParseRef(name)
	m.Ref, answer.Page = ref, "page/"+page
	return m, ok && err == nil
}
