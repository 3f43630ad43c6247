package effects

import (
	"fmt"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// Folds passes what an incident had to the incident of which it is a duplicate. That one gets it as
// a message, since each incident has one writer.
type Folds struct {
	*look.Look
	Queue ports.Queue // nil: there is none, as in a replay
}

// Apply enqueues a message for each incident that gets something.
func (e Folds) Apply() error {
	return look.ForEach(e.Look, func(f incident.PassFold) error {
		if f.Fact != "" && e.WasHandled(f.Fact) {
			return nil
		}
		into := e.Ref
		into.Number = f.Into
		fold := f.Fold
		if fold.From == 0 {
			fold.From = e.Ref.Number
		}
		if e.Queue == nil {
			e.Logger.Error("fold not passed on: no queue", "incident", e.Ref.String(), "into", into.String())
			return nil
		}
		m := incident.Message{Ref: into, Why: "fold", What: &fold,
			Delivery: fmt.Sprintf("fold %s #%d %s to %d", e.Ref, fold.From, fold.Fact, f.Into)}
		if err := e.Queue.Enqueue(e.Ctx, m, time.Time{}); err != nil {
			return fmt.Errorf("pass a duplicate on to %s: %w", into, err)
		}
		return nil
	})
}
