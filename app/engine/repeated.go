package engine

import (
	"fmt"
	"maps"
	"slices"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
)

// GitHub can't post a comment only if nobody did before. One whose answer is lost is posted again
// once the reads should show it, and it can be there twice where they were behind for longer than
// that. A later look, which sees both, deletes one.

// deleteRepeated deletes the comments of the app's own that say again what another one says. Of two
// the older one stays, or the one that the next reminder of its topic replaces.
func (r *reconciliation) deleteRepeated() error {
	first := map[string]Item{}
	for _, it := range r.Snapshot.Items {
		if !it.Own || it.Event != "commented" || it.Edited || it.Comment == 0 {
			continue
		}
		kept, isRepeated := first[it.Body]
		switch {
		case !isRepeated && len(r.KeysIn(it)) > 0:
			first[it.Body] = it
		case isRepeated && kept.Comment != it.Comment && it.At.Sub(kept.At) <= longestLag:
			if err := r.deleteRepetition(kept, it); err != nil {
				return err
			}
		}
	}
	return nil
}

// deleteRepetition deletes one of two comments that say the same.
func (r *reconciliation) deleteRepetition(older, newer Item) error {
	keep, drop := older.Comment, newer.Comment
	if slices.Contains(slices.Collect(maps.Values(r.State.Said)), drop) {
		keep, drop = drop, keep
	}
	r.Logger.Info("comment said twice: deleting one", "incident", r.Ref.String(), "kept", keep, "deleted", drop)
	err := r.GitHub.DeleteComment(r.Ctx, r.Ref, drop)
	if _, isPutOff := ports.IsPutOff(err); isPutOff || ports.IsRefused(err) {
		return nil // one too many does no harm
	}
	if err != nil {
		return fmt.Errorf("delete a repeated comment: %w", err)
	}
	for _, k := range r.KeysIn(older) {
		r.Posted[k] = keep
	}
	return nil
}
