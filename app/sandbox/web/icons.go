package web

import (
	"fmt"
	"html/template"
)

// icons are small drawings on a grid of 16 by 16, in strokes of the text's colour.
var icons = map[string]string{
	"mark":         `<path d="M8 1.2c.9 1.9 3.9 3.6 3.9 7.1A3.9 3.9 0 0 1 8 12.4a3.9 3.9 0 0 1-3.9-4.1c0-1.5.7-2.5 1.5-3.3.1 1 .5 1.6 1.1 1.9C6.4 4.9 6.9 2.9 8 1.2Z" fill="currentColor" stroke="none"/><path d="M3.2 14.6h9.6"/>`,
	"issue-opened": `<circle cx="8" cy="8" r="6.75"/><circle cx="8" cy="8" r="1.6" fill="currentColor" stroke="none"/>`,
	"issue-closed": `<circle cx="8" cy="8" r="6.75"/><path d="m5.2 8.2 2 2 3.7-4"/>`,
	"skip":         `<circle cx="8" cy="8" r="6.75"/><path d="M4.9 11.1l6.2-6.2"/>`,
	"pull":         `<circle cx="3.5" cy="3.25" r="1.75"/><circle cx="3.5" cy="12.75" r="1.75"/><circle cx="12.5" cy="12.75" r="1.75"/><path d="M3.5 5v6M12.5 11V5.8a2 2 0 0 0-2-2H8M10 1.5 7.6 3.8 10 6.1"/>`,
	"pull-closed":  `<circle cx="3.5" cy="3.25" r="1.75"/><circle cx="3.5" cy="12.75" r="1.75"/><circle cx="12.5" cy="12.75" r="1.75"/><path d="M3.5 5v6M12.5 11V7.5M10.5 1.8l4 4M14.5 1.8l-4 4"/>`,
	"merge":        `<circle cx="4" cy="3.25" r="1.75"/><circle cx="4" cy="12.75" r="1.75"/><circle cx="12.25" cy="8.5" r="1.75"/><path d="M4 5v6M4.2 5c.8 2.2 2.8 3.5 6.3 3.5"/>`,
	"draft":        `<circle cx="3.5" cy="3.25" r="1.75"/><circle cx="3.5" cy="12.75" r="1.75"/><circle cx="12.5" cy="12.75" r="1.75"/><path d="M3.5 5v6"/><path d="M12.5 3v1.5M12.5 7v1.5" stroke-linecap="round"/>`,
	"commit":       `<circle cx="8" cy="8" r="3.25"/><path d="M1 8h3.75M11.25 8H15"/>`,
	"comment":      `<path d="M2.75 2.25h10.5a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H8l-3.25 3v-3h-2a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1Z"/>`,
	"discussion":   `<path d="M2 2.25h7.5a.75.75 0 0 1 .75.75v4.5a.75.75 0 0 1-.75.75H6.5L4.25 10.25v-2H2a.75.75 0 0 1-.75-.75V3A.75.75 0 0 1 2 2.25Z"/><path d="M12.75 5.25H14a.75.75 0 0 1 .75.75v5a.75.75 0 0 1-.75.75h-.75v2l-2.25-2H8a.75.75 0 0 1-.75-.75v-.25"/>`,
	"pin":          `<path d="m9.7 1.8 4.5 4.5-2.4.9-2.3 2.3-.1 3.3-6-6 3.3-.1 2.3-2.3ZM6.3 9.7 1.8 14.2"/>`,
	"unpin":        `<path d="m9.7 1.8 4.5 4.5-2.4.9-2.3 2.3-.1 3.3-6-6 3.3-.1 2.3-2.3ZM6.3 9.7 1.8 14.2M1.5 1.5l13 13"/>`,
	"tag":          `<path d="M2 2h5.4l6.7 6.7a.9.9 0 0 1 0 1.3l-4.1 4.1a.9.9 0 0 1-1.3 0L2 7.4V2Z"/><circle cx="5.2" cy="5.2" r=".9" fill="currentColor" stroke="none"/>`,
	"person":       `<circle cx="8" cy="5" r="3"/><path d="M2.75 14.25c.5-3.2 2.5-5 5.25-5s4.75 1.8 5.25 5"/>`,
	"people":       `<circle cx="5.5" cy="5.5" r="2.5"/><path d="M1.25 13.5c.4-2.8 2-4.25 4.25-4.25s3.85 1.45 4.25 4.25M10.3 3.2a2.5 2.5 0 0 1 .5 4.8M12 9.7c1.5.5 2.45 1.8 2.75 3.8"/>`,
	"pencil":       `<path d="m10.9 2.1 3 3L5.6 13.4l-3.6.6.6-3.6 8.3-8.3ZM9.2 3.8l3 3"/>`,
	"x":            `<path d="m3.5 3.5 9 9M12.5 3.5l-9 9"/>`,
	"check":        `<path d="m2.5 8.5 3.6 3.7 7.4-8"/>`,
	"dot":          `<circle cx="8" cy="8" r="4" fill="currentColor" stroke="none"/>`,
	"triangle":     `<path d="M4 6.2h8L8 10.4Z" fill="currentColor" stroke="none"/>`,
	"chevron":      `<path d="m6 3.5 4.5 4.5L6 12.5"/>`,
	"repo":         `<path d="M4 1.75h9.25v12.5H10M4 1.75A1.5 1.5 0 0 0 2.75 3.25v9.5M13.25 11H4a1.5 1.5 0 0 0-1.25 1.5c0 1 .5 1.5 1.25 1.75M5 12.75h3.5v2.75l-1.75-1.3L5 15.5Z"/>`,
	"file":         `<path d="M3.25 1.75h6l3.5 3.5v8.25a.75.75 0 0 1-.75.75H3.25a.75.75 0 0 1-.75-.75v-11a.75.75 0 0 1 .75-.75ZM9 2v3.5h3.5"/>`,
	"folder":       `<path d="M1 3.5c0-.6.4-1 1-1h4l1.5 1.8H14c.6 0 1 .4 1 1v7.2c0 .6-.4 1-1 1H2c-.6 0-1-.4-1-1Z" fill="currentColor" stroke="none"/>`,
	"code":         `<path d="m5 4-4 4 4 4M11 4l4 4-4 4"/>`,
	"outbox":       `<path d="M1.9 2.4 14.25 8 1.9 13.6 3.4 8ZM3.4 8h5.1"/>`,
	"lock":         `<rect x="2.75" y="7" width="10.5" height="7.25" rx="1"/><path d="M5 7V4.75a3 3 0 0 1 6 0V7"/>`,
	"clock":        `<circle cx="8" cy="8" r="6.75"/><path d="M8 4v4.25l2.75 1.75"/>`,
	"smiley":       `<circle cx="8" cy="8" r="6.75"/><path d="M5 9.5c1.5 2.2 4.5 2.2 6 0"/><circle cx="5.7" cy="6" r=".9" fill="currentColor" stroke="none"/><circle cx="10.3" cy="6" r=".9" fill="currentColor" stroke="none"/>`,
	"kebab":        `<g fill="currentColor" stroke="none"><circle cx="3" cy="8" r="1.4"/><circle cx="8" cy="8" r="1.4"/><circle cx="13" cy="8" r="1.4"/></g>`,
	"search":       `<circle cx="6.75" cy="6.75" r="4.75"/><path d="m10.3 10.3 4.2 4.2"/>`,
	"gear":         `<circle cx="8" cy="8" r="2.2"/><circle cx="8" cy="8" r="5"/><path d="M8 3V.9M8 15.1V13M3 8H.9M15.1 8H13M4.46 4.46 3 3M13 13l-1.46-1.46M4.46 11.54 3 13M13 3l-1.46 1.46" stroke-width="2"/>`,
	"info":         `<circle cx="8" cy="8" r="6.75"/><path d="M8 7.3v4"/><circle cx="8" cy="4.9" r="1" fill="currentColor" stroke="none"/>`,
	"light-bulb":   `<path d="M5.5 11c0-1.5-2-2.3-2-5a4.5 4.5 0 0 1 9 0c0 2.7-2 3.5-2 5ZM6 13.25h4M6.75 15.25h2.5"/>`,
	"report":       `<path d="M2.25 1.75h11.5a.9.9 0 0 1 .9.9v7.7a.9.9 0 0 1-.9.9H8l-3.25 3v-3h-2.5a.9.9 0 0 1-.9-.9v-7.7a.9.9 0 0 1 .9-.9ZM8 3.8v3"/><circle cx="8" cy="9" r=".95" fill="currentColor" stroke="none"/>`,
	"alert":        `<path d="M8 1.9 14.9 14H1.1L8 1.9ZM8 6.2v3.6"/><circle cx="8" cy="11.9" r=".95" fill="currentColor" stroke="none"/>`,
	"stop":         `<path d="M5.2 1.25h5.6l3.95 3.95v5.6l-3.95 3.95H5.2L1.25 10.8V5.2ZM8 4.3v4.3"/><circle cx="8" cy="11" r=".95" fill="currentColor" stroke="none"/>`,
	"link":         `<path d="M6.8 9.2a3 3 0 0 0 4.2 0l2.2-2.2A3 3 0 0 0 9 2.8l-.8.8M9.2 6.8a3 3 0 0 0-4.2 0L2.8 9A3 3 0 0 0 7 13.2l.8-.8"/>`,
	"cross":        `<path d="M2.5 7V3.25a.75.75 0 0 1 .75-.75h9.5a.75.75 0 0 1 .75.75v9.5a.75.75 0 0 1-.75.75H9M7.5 8.5l-5.5 5.5M2.5 9.25h4.25V13.5"/>`,
	"eye":          `<path d="M1.2 8C2.8 5.2 5.1 3.5 8 3.5s5.2 1.7 6.8 4.5c-1.6 2.8-3.9 4.5-6.8 4.5S2.8 10.8 1.2 8Z"/><circle cx="8" cy="8" r="2"/>`,
	"sub-issues":   `<circle cx="4" cy="3.75" r="2.25"/><path d="M4 6v5.5a1 1 0 0 0 1 1h3.5"/><circle cx="11" cy="12.25" r="2.25"/>`,
	"plus":         `<path d="M8 2.5v11M2.5 8h11"/>`,
	"checklist":    `<path d="m1.5 4.2 1.3 1.3 2.3-2.7M1.5 11l1.3 1.3 2.3-2.7M7.5 4.25H14M7.5 11H14"/>`,
	"diff":         `<rect x="2.25" y="1.75" width="11.5" height="12.5" rx="1"/><path d="M8 4v4M6 6h4M6 11h4"/>`,
	"branch":       `<circle cx="4" cy="3.25" r="1.75"/><circle cx="4" cy="12.75" r="1.75"/><circle cx="12" cy="3.75" r="1.75"/><path d="M4 5v6M12 5.5c0 2.5-2 3-4.5 3S4 9.5 4 11"/>`,
	"trash":        `<path d="M2 4h12M6 4V1.9h4V4M3.5 4l.7 10.2h7.6L12.5 4M6.5 7v4.5M9.5 7v4.5"/>`,
	"organization": `<path d="M2 14.25V2h7.5v12.25M9.5 6H14v8.25M1 14.25h14M4.25 5h3M4.25 8h3M4.25 11h3"/>`,
}

// octicon draws an icon in the size of text.
func octicon(name string) template.HTML {
	shape, ok := icons[name]
	if !ok {
		panic("sandbox: no icon " + name)
	}
	return template.HTML(fmt.Sprintf(`<svg class="octicon octicon-%s" viewBox="0 0 16 16" width="16" height="16" fill="none" `+
		`stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">%s</svg>`, name, shape)) //nolint:gosec // constants
}
