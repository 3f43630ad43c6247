package intake

import (
	"net/url"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/lazily"
)

const maxCalls = 5

var (
	webAddress = lazily.Compile("https?://[^\\s<>\"'|\\\\^{}`\\[\\]]+")
	meetCode   = lazily.Compile(`^/[a-z]{3}-[a-z]{4}-[a-z]{3}$`)
)

// callLinks returns the addresses of video calls in the texts. A mail about a P1 often carries one,
// and it is what the responders look for first.
func callLinks(texts ...string) []string {
	var found []string
	for _, t := range texts {
		for _, s := range webAddress.FindAllString(t, -1) {
			u, err := url.Parse(strings.TrimRight(s, ".,;:!?)*_"))
			if err != nil {
				continue
			}
			u = unwrapped(u)
			if link := address(u.String()); isCall(u) && link != "" && !slices.Contains(found, link) {
				found = append(found, link)
			}
			if len(found) == maxCalls {
				return found
			}
		}
	}
	return found
}

// unwrapped returns the address inside one of Outlook's Safe Links.
func unwrapped(u *url.URL) *url.URL {
	if !strings.HasSuffix(strings.ToLower(u.Hostname()), ".safelinks.protection.outlook.com") {
		return u
	}
	inner, err := url.Parse(u.Query().Get("url"))
	if err != nil {
		return u
	}
	return inner
}

func isCall(u *url.URL) bool {
	if u.User != nil || u.Port() != "" {
		return false
	}
	host, path := strings.ToLower(u.Hostname()), u.Path
	under := func(domain string) bool { return host == domain || strings.HasSuffix(host, "."+domain) }
	begins := func(prefixes ...string) bool {
		return slices.ContainsFunc(
			prefixes,
			func(p string) bool { return strings.HasPrefix(path, p) && len(path) > len(p) },
		)
	}
	switch {
	case under("zoom.us"), under("zoomgov.com"):
		return begins("/j/", "/my/", "/s/", "/w/", "/wc/")
	case host == "teams.microsoft.com":
		return begins("/l/meetup-join/", "/meet/")
	case host == "teams.live.com":
		return begins("/meet/")
	case host == "meet.google.com":
		return meetCode.MatchString(path) || begins("/lookup/")
	case under("webex.com"):
		return begins("/meet/", "/join/", "/m/", "/wbxmjs/joinservice/") || strings.HasSuffix(path, "/j.php")
	}
	return false
}
