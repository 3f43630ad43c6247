package sandbox

import "time"

// stamp writes a time as GitHub does: whole seconds, UTC.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
