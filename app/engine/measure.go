package engine

import (
	"errors"
	"log/slog"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// measure tells the log and the metrics what came of a pass. Neither holds a text that somebody wrote: of commands their
// names, of effects their kinds.
func (p *pass) measure(err error, took time.Duration, calls *metrics.Calls) {
	n, left, known := calls.Total()
	effects := map[string]int{}
	for _, e := range p.effects {
		if kind := incident.KindOf(e); kind != "" {
			effects[kind]++
		}
	}
	log := p.Logger.With("incident", p.m.Ref.String(), "why", p.m.Why, "delivery", p.m.Delivery, "effects", effects, "calls", n, "seconds", took.Seconds())
	if len(p.orders) > 0 {
		log = log.With("commands", p.orders)
	}
	if known {
		log = log.With("rate_left", left)
	}
	var later *Later
	result := "failed"
	switch {
	case errors.As(err, &later):
		result = "later"
		log.Info("later", "until", later.Until, "because", brief(later.Err))
	case err != nil:
		log.Error("failed", "err", brief(err))
	default:
		result = "done"
		log.Info("looked", "acted", p.acted)
		for kind, n := range effects {
			p.Metrics.Record(metrics.Effects, float64(n), kind)
		}
		if p.state.Updates.Overdue && !p.before.Updates.Overdue && !p.lost && !p.state.Drill {
			p.Metrics.Record(metrics.UpdatesOverdue, 1)
		}
	}
	p.Metrics.Record(metrics.PassTime, took.Seconds(), result)
}

// order names a command, as people write it but without what they say by it; "" for any other fact.
func order(what any) string {
	switch c := what.(type) {
	case incident.Command:
		return c.Verb + " " + string(c.Kind)
	case incident.Misspelt:
		return "misspelt"
	}
	return ""
}

// countPage counts a page that was handed to a service, and logs one that it did not take.
func (e *Engine) countPage(service, where, key string, err error) {
	if err == nil {
		e.Metrics.Record(metrics.Pages, 1, service)
		return
	}
	e.Metrics.Record(metrics.PageFailures, 1, service)
	e.Logger.Error("a page could not be sent", "incident", where, "key", key, "service", service, "err", brief(err))
}

// brief gives of an error what a log may hold: where one knows that it tells too much, it gives less by itself.
func brief(err error) any {
	var less slog.LogValuer
	if errors.As(err, &less) {
		return less
	}
	return err
}
