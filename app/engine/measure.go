package engine

import (
	"errors"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// recordMetrics logs and counts what came of a look. It records no text that somebody wrote: of
// commands their names, of effects their kinds.
func (r *reconciliation) recordMetrics(err error, took time.Duration, calls *metrics.Calls) {
	n, left, known := calls.Total()
	effects := map[string]int{}
	for _, e := range r.Effects {
		if kind := incident.KindOf(e); kind != "" {
			effects[kind]++
		}
	}
	log := r.Logger.With("incident", r.Ref.String(), "why", r.m.Why, "delivery", r.m.Delivery, "effects",
		effects, "calls", n, "seconds", took.Seconds())
	if len(r.commandNames) > 0 {
		log = log.With("commands", r.commandNames)
	}
	if known {
		log = log.With("rate_left", left)
	}
	var later *RetryAfter
	result := "failed"
	switch {
	case errors.As(err, &later):
		result = "later"
		log.Info("later", "until", later.Until, "because", ports.Redact(later.Err))
	case err != nil:
		log.Error("failed", "err", ports.Redact(err))
	default:
		result = "done"
		log.Info("looked", "acted", r.hasNews)
		for kind, n := range effects {
			r.Metrics.Record(metrics.Effects, float64(n), kind)
		}
		if r.State.Updates.Overdue && !r.Before.Updates.Overdue && !r.IsCardLost && !r.State.Drill {
			r.Metrics.Record(metrics.UpdatesOverdue, 1)
		}
	}
	r.Metrics.Record(metrics.PassTime, took.Seconds(), result)
}

// commandName returns a command as people write it, without what they say by it; "" for any other
// fact.
func commandName(what any) string {
	switch c := what.(type) {
	case incident.Command:
		return c.Verb + " " + string(c.Kind)
	case incident.Tapped:
		return commandName(c.Command)
	case incident.PageAnswered:
		return "page " + c.How
	case incident.Misspelt:
		return "misspelt"
	}
	return ""
}

// countPage counts a page that a service took, and logs one that it did not take.
func (e *Engine) countPage(service, where, key string, err error) {
	if err == nil {
		e.Metrics.Record(metrics.Pages, 1, service)
		return
	}
	e.Metrics.Record(metrics.PageFailures, 1, service)
	e.Logger.Error("a page could not be sent", "incident", where, "key", key, "service", service, "err",
		ports.Redact(err))
}
