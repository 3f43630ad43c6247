package notify

import (
	"context"
	"strings"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// sender is how a kind of service pages people, and sends updates to customers; nil where it can't.
type sender struct {
	page     func(*Notifier, context.Context, engine.Page) error
	announce func(*Notifier, context.Context, engine.Announcement) error
}

// senders has one for each service of package services that is outside GitHub; a test compares
// them.
var senders = map[string]sender{
	"webhook":   {(*Notifier).pageWebhook, (*Notifier).announceWebhook},
	"pagerduty": {page: (*Notifier).pagePagerDuty},
	"opsgenie":  {page: (*Notifier).pageOpsgenie},
	"jira":      {page: (*Notifier).pageJira},
	"slack":     {(*Notifier).pageSlack, (*Notifier).announceSlack},
	"people":    {page: (*Notifier).pagePeople},
	"email":     {(*Notifier).pageEmail, (*Notifier).announceEmail},
}

// orList returns names as "a, b or c".
func orList(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
