package intake

import (
	"context"
	"encoding/json"
	"net/url"
)

// Envelope takes what came from Slack by Socket Mode, where nothing is signed: the connection is the app's own. It
// returns what to answer, nil for nothing, once all is stored.
// https://docs.slack.dev/apis/events-api/using-socket-mode
func (o Options) Envelope(ctx context.Context, s *Slack, payload []byte) (answer any, err error) {
	o.fill()
	var of struct {
		Type    string `json:"type"`
		Command string `json:"command"`
	}
	if err := decode(payload, &of); err != nil {
		return nil, nil //nolint:nilerr // it would be no better the next time
	}
	r := Request{Body: payload, Now: o.Now()}
	var result Result
	switch {
	case of.Type == "event_callback":
		result = slackEvent(payload, r.Now)
	case of.Command != "":
		form, err := formOfJSON(payload)
		if err != nil {
			return nil, nil //nolint:nilerr // likewise
		}
		if result, err = s.form(r, form); err != nil {
			return nil, nil //nolint:nilerr // likewise
		}
	default:
		if result, err = s.interaction(r, string(payload)); err != nil {
			return nil, nil //nolint:nilerr // likewise
		}
	}
	if err := o.act(ctx, s, &result); err != nil {
		if result.Failed == nil {
			return nil, err
		}
		o.Logger.Warn("what somebody did in Slack was not taken", "err", err)
		result.Answer = result.Failed // the person is told, and does it again
	}
	if result.Answer == nil || len(result.Answer.Body) == 0 {
		return nil, nil
	}
	return json.RawMessage(result.Answer.Body), nil
}

// formOfJSON reads a slash command, which comes as an object of texts by Socket Mode.
func formOfJSON(payload []byte) (url.Values, error) {
	var fields map[string]any
	if err := json.Unmarshal(payload, &fields); err != nil {
		return nil, bad("the payload is not an object")
	}
	form := url.Values{}
	for name, value := range fields {
		if text, ok := value.(string); ok {
			form.Set(name, text)
		}
	}
	return form, nil
}
