package templates

import (
	"net/url"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// onGitHub is the path of what GitHub links back: whoever is there would see that an incident
// mentions it.
var onGitHub = lazily.Compile(`/(?:issues|pull|commit|discussions)/`)

// destination escapes what would act within the destination of a link.
var destination = strings.NewReplacer(`\`, "%5C", "|", "%7C", "<", "%3C", ">", "%3E", "&", "&amp;", " ", "%20",
	"\n", "%0A")

// Link returns an address of a report as Markdown. Where it is sure who reported it, it can be
// clicked, and its text says to which host it leads. Any other one is shown and does nothing.
func Link(l incident.Link) string {
	u, err := url.Parse(l.URL)
	isWeb := err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http")
	if !isWeb {
		return texts.Inert(l.Name, 40) + ": " + texts.Code(l.URL)
	}
	host := texts.Inert(l.Name+" at "+strings.ToLower(u.Hostname()), 160)
	if !l.IsVerified || onGitHub.MatchString(u.Path) {
		return host + ": " + texts.Code(l.URL)
	}
	return "[" + host + "](<" + destination.Replace(u.String()) + ">)"
}
