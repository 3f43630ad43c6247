package slack

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// Socket takes what Slack sends by Socket Mode: over a connection that the product opens, so that a server behind
// a firewall hears of it too. https://docs.slack.dev/apis/events-api/using-socket-mode
type Socket struct {
	Token string // of the app, with the scope connections:write
	URL   string // of another server with Slack's Web API; empty: Slack
	// Take takes an envelope's payload: an event, a slash command or an interaction. It returns once that is
	// stored, with what to answer; nil: nothing. An envelope whose Take fails is not acknowledged, so that Slack
	// sends it again.
	Take   func(ctx context.Context, payload []byte) (answer any, err error)
	Logger *slog.Logger

	pause time.Duration // before connecting again after Slack refused it; 0: reconnectPause
}

// reconnectPause is how long connecting again waits after Slack refused it, such as for a wrong token. Connections
// that end are made again at once.
const reconnectPause = time.Minute

// mostTaken is how many envelopes are taken at the same time.
const mostTaken = 8

// takeTimeout is how long one may take: Slack waits for three seconds.
const takeTimeout = 2500 * time.Millisecond

// Run connects, takes what comes and connects again, until the context ends.
func (s *Socket) Run(ctx context.Context) {
	pause := s.pause
	if pause == 0 {
		pause = reconnectPause
	}
	for ctx.Err() == nil {
		err := s.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		s.Logger.Error("no connection to Slack", "err", errorOf(time.Now(), "apps.connections.open", err), "again in", pause)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

// connect keeps connections until Slack refuses one.
func (s *Socket) connect(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	options := []slack.Option{slack.OptionAppLevelToken(s.Token),
		slack.OptionHTTPClient(&http.Client{Timeout: callTimeout})}
	if s.URL != "" {
		options = append(options, slack.OptionAPIURL(strings.TrimSuffix(s.URL, "/")+"/"))
	}
	client := socketmode.New(slack.New("", options...))
	slots := make(chan struct{}, mostTaken)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case event := <-client.Events:
				s.note(event)
				if event.Request == nil || event.Request.EnvelopeID == "" {
					continue
				}
				select {
				case <-ctx.Done():
					return
				case slots <- struct{}{}:
				}
				go func() {
					defer func() { <-slots }()
					s.take(ctx, client, *event.Request)
				}()
			}
		}
	}()
	return client.RunContext(ctx)
}

// note logs how the connection is.
func (s *Socket) note(event socketmode.Event) {
	switch event.Type {
	case socketmode.EventTypeConnected:
		s.Logger.Info("connected to Slack")
	case socketmode.EventTypeConnectionError, socketmode.EventTypeIncomingError:
		s.Logger.Warn("connection to Slack failed")
	case socketmode.EventTypeErrorBadMessage:
		s.Logger.Warn("message from Slack not understood")
	}
}

// take takes an envelope, and acknowledges it once it is stored.
func (s *Socket) take(ctx context.Context, client *socketmode.Client, request socketmode.Request) {
	ctx, stop := context.WithTimeout(ctx, takeTimeout)
	defer stop()
	answer, err := s.Take(ctx, request.Payload)
	if err != nil {
		s.Logger.Error("what Slack sent was not stored: Slack sends it again", "kind", request.Type, "err", err)
		return
	}
	if !request.AcceptsResponsePayload {
		answer = nil
	}
	if err := client.AckCtx(ctx, request.EnvelopeID, answer); err != nil {
		s.Logger.Warn("what Slack sent was stored, and Slack does not know it: it sends it again", "err", err)
	}
}
