package card

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/templates"
)

// Utc returns a time, with the date where that isn't today. The card of a running incident is
// written again at midnight; one that is closed stays as it is, and shows the date always.
func (p page) Utc(t time.Time) string {
	if p.Running {
		return templates.UTC(t, p.today)
	}
	return templates.Dated(t, p.today)
}

// shortTime is Utc without the zone, for lists of times.
func (p page) shortTime(t time.Time) string { return strings.TrimSuffix(p.Utc(t), " UTC") }

// quoted returns what somebody wrote as a link to it, and who it was. Without its words, as in the
// card of an older version or of a comment that is no more, it is a pointer.
func (p page) quoted(s incident.Stamp) string {
	if s.Text == "" {
		return p.linkedStamp(s)
	}
	return p.link(texts.Inert(s.Text, 160), s.ID) + " · " + texts.Inert(s.By, 60) + ", " + p.Utc(s.At)
}

// ticketLink links to a ticket by its name: owner/repo#number.
func (p page) ticketLink(ticket string) string {
	ref, err := incident.ParseRef(ticket)
	if err != nil {
		return ""
	}
	address := p.issueURL(ref)
	if address == "" {
		return templates.Reference(ticket)
	}
	return "[" + ref.String() + "](" + address + ")"
}

// issueURL returns the address of an issue in any repository; "" if it is not known where GitHub is.
func (p page) issueURL(ref incident.Ref) string {
	own := strings.Join([]string{p.ref.FullName(), "issues", strconv.Itoa(p.ref.Number)}, "/")
	root := strings.TrimSuffix(p.url, own)
	if root == p.url || p.url == "" {
		return ""
	}
	return root + ref.FullName() + "/issues/" + strconv.Itoa(ref.Number)
}

// linkedStamp returns who and when, linked to the comment.
func (p page) linkedStamp(s incident.Stamp) string {
	text := p.Utc(s.At)
	if s.By != "" {
		text = texts.Inert(s.By, 60) + ", " + text
	}
	return p.link(text, s.ID)
}

// link links a text to the comment that a fact came from, on the incident or on the postmortem's
// pull request.
func (p page) link(text, fact string) string {
	comment := incident.CommentOf(fact)
	if comment == 0 || p.url == "" {
		return text
	}
	page := p.url
	if incident.OnPull(fact) {
		page = p.sibling("pull", p.S.Document.Number)
	}
	return "[" + text + "](" + page + "#issuecomment-" + strconv.FormatInt(comment, 10) + ")"
}

// sibling returns the address of another issue or pull request of the repository.
func (p page) sibling(kind string, number int) string {
	base, _, _ := strings.Cut(p.url, "#")
	return strings.TrimSuffix(base, path.Join(path.Base(path.Dir(base)), path.Base(base))) + kind + "/" +
		strconv.Itoa(number)
}

func (p page) siblingIncident(number int) string {
	if p.url == "" {
		return "#" + strconv.Itoa(number)
	}
	return "[#" + strconv.Itoa(number) + "](" + p.sibling("issues", number) + ")"
}

// inColumn returns a time below another one: with the date where a day begins, and with the year
// where that isn't this one.
func (p page) inColumn(t, above time.Time) string {
	if t.UTC().Format(time.DateOnly) == above.UTC().Format(time.DateOnly) {
		return templates.UTC(t, above)
	}
	return templates.Dated(t, p.today)
}

// personOf returns a login as people say it: an App's bot by the App's name.
func personOf(login string) string {
	if slug, ok := naming.AppOf(login); ok {
		return slug
	}
	return login
}

// folded lists which incidents were folded into this one, the newest of them, and what reported them.
func (p page) folded() string {
	var list []string
	for _, f := range p.S.Folded {
		// one that was reopened may have come again
		if other := p.siblingIncident(f.From); !slices.Contains(list, other) {
			list = append(list, other)
		}
	}
	text := ""
	if n := len(list) - shownFolded; n > 0 {
		list, text = list[n:], fmt.Sprintf("%d earlier, ", n)
	}
	text += strings.Join(list, ", ")
	for i, name := range p.S.Sources {
		if i == 0 {
			text += " · reported by "
		} else {
			text += ", "
		}
		text += "**" + texts.Inert(name, 60) + "**"
	}
	return text
}
