package forge

import "time"

// FormatTime writes a time as GitHub does: whole seconds, UTC.
func FormatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
