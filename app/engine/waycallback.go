package engine

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// Ways whose vendors say at the address of a page's link what somebody answered.
const (
	WayCall     = "call"
	WayPushover = "pushover"
)

// ErrNotVerified is returned for what a vendor is said to have sent, and did not.
var ErrNotVerified = errors.New("the vendor did not send it")

// pressed are the answers of the keys of a phone.
var pressed = map[string]string{
	"1": incident.AnswerCoordinate, "2": incident.AnswerPass, "3": incident.AnswerSeen,
}

// TakeCallback stores what a vendor says that somebody answered, at the address of their link. It
// returns what that is; "" for nothing.
func (e *Engine) TakeCallback(ctx context.Context, t PageToken, token, vendor string, form url.Values,
	signature string) (how string, err error) {
	reacher, ok := e.Pager.(Reacher)
	settings, known := e.lastPolicy(ctx, t.Ref.FullName()).Service(effects.ByPeople)
	if !ok || !known {
		return "", ErrNotVerified
	}
	switch vendor {
	case WayCall:
		address := strings.TrimSuffix(e.PublicURL, "/") + AnswerPath + token + "?way=" + WayCall
		if err := reacher.VerifyCall(ctx, settings, address, form, signature); err != nil {
			return "", fmt.Errorf("%w: %w", ErrNotVerified, err)
		}
		how = pressed[form.Get("Digits")]
	case WayPushover:
		if err := reacher.VerifyReceipt(ctx, settings, form.Get("receipt")); err != nil {
			return "", fmt.Errorf("%w: %w", ErrNotVerified, err)
		}
		how = incident.AnswerSeen
	default:
		return "", ErrNotVerified
	}
	if how == "" {
		return "", nil
	}
	return how, e.TakeAnswer(ctx, t, how, vendor)
}
