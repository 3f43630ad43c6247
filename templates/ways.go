package templates

import (
	"html/template"
	"io"
	"sync"
	"time"
)

// waysPage is the page on which somebody says by which ways pages reach them.
var waysPage = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("ways.html").Funcs(template.FuncMap{
		"way":   Way,
		"upper": Capital,
		"dur":   Duration,
		"dated": func(t time.Time) string { return Dated(t, t) },
		"plain": plain,
	}).ParseFS(files, "ways.html"))
})

// WaysPage is what that page shows (O3).
type WaysPage struct {
	Login, Repository string
	Expires           time.Time
	Ways              []WayRow
	Pending           *WayRow // a code was sent by it; nil: none was
	Said              string  // what came of what was just asked for, one of engine's; empty: nothing was
	Failed            bool    // what is kept can't be read or written
}

// WayRow is one way, with its address cut short.
type WayRow struct {
	Kind, Address string
	After         time.Duration
}

// WriteWaysPage writes the page. It needs no script, and asks no other server.
func WriteWaysPage(w io.Writer, page WaysPage) error { return waysPage().Execute(w, page) }
