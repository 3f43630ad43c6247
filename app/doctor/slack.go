package doctor

import (
	"context"
	"errors"
	"strings"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/slack"
)

// Chat is how the doctor looks at Slack.
type Chat struct {
	// Examine asks Slack who the bot is, and what it may do.
	Examine func(ctx context.Context, service incident.Service, isPublic bool) (slack.Health, error)
	// Reach asks the running product for what Slack asks it for: it returns ErrNoAddress where it isn't known where
	// the product is, or by what secret Slack signs.
	Reach func(ctx context.Context) error
}

// ErrNoAddress is returned where what Slack sends can't be tried.
var ErrNoAddress = errors.New("the address or the signing secret isn't known here")

// ErrSocketMode is returned where Slack sends nothing to an address: the product opens the connection.
var ErrSocketMode = errors.New("the product opens a connection to Slack")

// checkSlack looks at what channels in Slack need, where incidents have some.
func (p *patient) checkSlack(ctx context.Context) error {
	if p.policy.Chat.Per == "" || p.policy.Chat.Per == incident.ChatNone || p.Slack.Examine == nil {
		return nil
	}
	service, ok := p.policy.Service("slack")
	if !ok || service.Secret == "" {
		p.add("", Failure, "incidents have channels in Slack, and services.slack has no secret",
			"Name the secret with the bot's token under services.slack in "+config.Path)
		return nil
	}
	health, err := p.Slack.Examine(ctx, service, p.policy.Chat.IsPublic)
	if err != nil {
		p.add("", Failure, err.Error(), "Set FIREBREAK_SECRET_"+service.Secret+" to the bot's token, from the app's page "+
			"at https://api.slack.com/apps under OAuth & Permissions")
		return nil
	}
	if len(health.Missing) > 0 {
		var names, whys []string
		for _, s := range health.Missing {
			names, whys = append(names, s.Name), append(whys, s.Name+" to "+s.Why)
		}
		p.add("", Failure, "the bot lacks "+strings.Join(names, ", "), "Add "+strings.Join(whys, "; ")+
			". Then install the app again")
	} else {
		p.ok("%s in %s has all scopes", health.Bot, health.Workspace)
	}
	switch err := p.Slack.Reach(ctx); {
	case errors.Is(err, ErrSocketMode):
		p.ok("what Slack sends comes by Socket Mode: the log of `firebreak-serve` says whether it is connected")
	case errors.Is(err, ErrNoAddress):
		p.add("", Warning, "whether commands and buttons in Slack arrive can't be tried from here",
			"Set FIREBREAK_PUBLIC_URL, FIREBREAK_INTAKE_REPOSITORY and FIREBREAK_INTAKE_SLACK_SECRET, or "+
				"FIREBREAK_SLACK_APP_TOKEN for Socket Mode")
	case err != nil:
		p.add("", Failure, err.Error(), "The address of events, commands and interactivity at Slack ends in /intake/slack, "+
			"and FIREBREAK_INTAKE_SLACK_SECRET is the app's signing secret: restart `firebreak-serve` once it is set")
	default:
		p.ok("what Slack sends arrives, and the signing secret fits")
	}
	return nil
}
