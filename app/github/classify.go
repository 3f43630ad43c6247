package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
)

// class is what a failure on the way to GitHub means for whoever asked. The way has four legs: the
// App's own token (JWT), an installation's token, a read, a write. The same trouble means the same
// on each of them.
type class int

const (
	// classOurs: the request was given up or could not be made. It is tried again, and then put
	// aside.
	classOurs class = iota
	// classAway: GitHub or the way to it is out, or it doesn't take the App's credentials at the
	// moment. Wait, however long it takes, and page from what is kept. It becomes
	// ports.ErrUnavailable.
	classAway
	// classLimited: too many requests. Come back when GitHub says. It is an *ports.RetryAfter
	// already.
	classLimited
	// classRefused: GitHub understood and refuses. It becomes a *ports.Refusal, of which a person
	// hears.
	classRefused
	// classLost: the App isn't installed there any more, is suspended, or was not given the
	// repository. It becomes an *ports.Refusal with NotInstalled.
	classLost
)

// verdict is what classify finds.
type verdict struct {
	class  class
	status int    // HTTP status; 0: there was no answer
	reason string // GitHub's own words on one line, or what is wrong on the way
}

// classify is the one place that decides what an error of a request to GitHub means. err comes from
// go-github, from ghinstallation (which gets installation tokens), or from the network below both.
func classify(err error) verdict {
	var later *ports.RetryAfter
	if errors.As(err, &later) {
		return verdict{class: classLimited}
	}
	if errors.Is(err, context.Canceled) {
		return verdict{class: classOurs}
	}
	var minting *ghinstallation.HTTPError
	if errors.As(err, &minting) {
		return classifyMinting(minting)
	}
	var answer *github.ErrorResponse
	if errors.As(err, &answer) && answer.Response != nil {
		return classifyAnswer(answer.Response.StatusCode, explainRefusal(answer))
	}
	// DNS, TLS, a broken connection, a timeout, a key that can't sign, an answer that is not JSON,
	// such as a proxy's page.
	return verdict{class: classAway, reason: "no answer"}
}

// classifyAnswer judges an answer to a request that was made with a token.
func classifyAnswer(status int, reason string) verdict {
	v := verdict{status: status, reason: reason}
	switch {
	case status == http.StatusUnauthorized:
		// The installation's token was renewed once already (see reinstalled), so it is the App's
		// key, or the clock.
		v.class, v.reason = classAway, explainUnauthorized(reason)
	case status == http.StatusRequestTimeout || status >= http.StatusInternalServerError:
		v.class = classAway
	case status == http.StatusForbidden && isSuspended(reason):
		v.class = classLost
	case status >= http.StatusBadRequest:
		v.class = classRefused
	}
	return v
}

// classifyMinting judges a failure to get an installation's token.
func classifyMinting(e *ghinstallation.HTTPError) verdict {
	if e.Response == nil {
		return verdict{class: classAway, reason: "no answer"}
	}
	v := classifyAnswer(e.Response.StatusCode, messageOf(e.Response))
	switch v.status {
	case http.StatusNotFound:
		v.class, v.reason = classLost, "the App is not installed there"
	case http.StatusUnprocessableEntity:
		// The token was asked for with this repository and these permissions.
		v.class = classLost
		if !strings.Contains(strings.ToLower(v.reason), "permission") {
			v.status, v.reason = http.StatusNotFound, "the App is not installed there, or was not given this repository"
		}
	}
	return v
}

// messageOf reads GitHub's words from an answer, and leaves the body to be read again.
func messageOf(res *http.Response) string {
	if res.Body == nil {
		return http.StatusText(res.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(text))
	var answer struct {
		Message string `json:"message"`
	}
	if err != nil || json.Unmarshal(text, &answer) != nil || answer.Message == "" {
		return http.StatusText(res.StatusCode)
	}
	return strings.Join(strings.Fields(answer.Message), " ")
}

// isSuspended reports whether a refusal says that an owner suspended the installation.
// https://docs.github.com/en/apps/maintaining-github-apps/suspending-a-github-app-installation
func isSuspended(reason string) bool { return strings.Contains(strings.ToLower(reason), "suspended") }

// explainUnauthorized returns what is wrong with the App's credentials and what to do. GitHub
// refuses a JWT from the future or the past with a text about the claim.
func explainUnauthorized(reason string) string {
	if strings.Contains(reason, "claim") {
		return reason + ". Set this machine's clock by NTP"
	}
	return reason + ". Look at FIREBREAK_APP_ID (for freezes FIREBREAK_FREEZE_APP_ID) and the App's private key: " +
		"the key may have been revoked"
}

// describeError returns err with what could not be done and where, as one of the kinds of error
// that the engine knows.
func describeError(what, where string, err error) error {
	if where != "" {
		what += " (" + where + ")"
	}
	v := classify(err)
	switch v.class {
	case classLimited:
		var later *ports.RetryAfter
		errors.As(err, &later)
		return later
	case classAway:
		if v.status == http.StatusUnauthorized {
			return fmt.Errorf("%s: %w: %s: %w", what, ports.ErrUnavailable, v.reason, err)
		}
		return fmt.Errorf("%s: %w: %w", what, ports.ErrUnavailable, err)
	case classRefused, classLost:
		if strings.Contains(v.reason, "not accessible by integration") {
			v.reason += ". The App needs " + permissionNames()
		}
		return fmt.Errorf("%s: %w", what, &ports.Refusal{Status: v.status, Reason: v.reason, Err: err,
			NotInstalled: v.class == classLost})
	}
	return fmt.Errorf("%s: %w", what, err)
}

// remedies say what to do about a refusal, by a part of GitHub's words.
var remedies = []struct{ has, mend string }{
	{"suspended", "An owner of the organisation unsuspends the App under Settings, GitHub Apps. Open " +
		"incidents are looked at as soon as GitHub tells of it"},
	{"ip allow list", "Add the addresses from which Firebreak calls GitHub to the organisation's IP allow " +
		"list, or to the App's own and let it be inherited"},
	{"permissions requested are not granted",
		"An owner accepts the App's new permissions under Settings, GitHub Apps"},
	{"not accessible by integration",
		"An owner accepts the App's new permissions under Settings, GitHub Apps, and gives it this repository"},
	{"not given this repository", "Give the App this repository under Settings, GitHub Apps"},
	{"not installed", "Install the App there"},
	{"archived", "Unarchive the repository in its settings, or name another one"},
	{"repository is empty", "Push a first commit to the default branch"},
	{"issues are disabled", "Enable issues in the repository's settings"},
	{"issues has been disabled", "Enable issues in the repository's settings"},
	{"rule violations", "Let the App bypass the ruleset, or leave branches named postmortem/* out of it"},
	{"was deleted", "Nothing: the issue is gone"},
	{"saml", "An owner authorizes the App for the organisation's single sign-on"},
}

// Diagnose returns what is wrong on the way to GitHub, and what to do about it.
func Diagnose(err error) (found, mend string) {
	v := classify(err)
	found = err.Error()
	switch {
	case v.class == classLimited:
		return found, "Wait until then, and find out what else uses the App's calls"
	case v.class == classAway && v.status == http.StatusUnauthorized:
		said, mend, _ := strings.Cut(v.reason, ". ")
		return "GitHub refuses the App's credentials: " + said, mend
	case v.class == classAway && v.status != 0:
		return fmt.Sprintf("GitHub is not available (%d)", v.status),
			"Wait, and see githubstatus.com. Firebreak pages from what it has kept, and catches up afterwards"
	case v.class == classAway:
		return "GitHub can't be reached: " + found,
			"Look at FIREBREAK_GITHUB_URL, and whether this machine reaches it: DNS, proxy, certificates"
	case v.class == classRefused || v.class == classLost:
		for _, m := range remedies {
			if strings.Contains(strings.ToLower(v.reason), m.has) {
				mend = m.mend
				break
			}
		}
		if mend == "" && v.status == http.StatusNotFound {
			mend = "Look at the name, and give the App this repository under Settings, GitHub Apps"
		} else if mend == "" {
			mend = "Look at the App's permissions and repositories under Settings, GitHub Apps"
		}
		return fmt.Sprintf("GitHub refuses it (%d): %s", v.status, v.reason), mend
	}
	return found, "Run it again"
}

// explainRefusal returns GitHub's message and what it says of single fields: "Validation Failed:
// assignees is invalid".
func explainRefusal(answer *github.ErrorResponse) string {
	var details []string
	for _, e := range answer.Errors {
		switch {
		case e.Message != "":
			details = append(details, e.Message)
		case e.Field != "":
			details = append(details, e.Field+" is "+strings.ReplaceAll(e.Code, "_", " "))
		}
	}
	text := answer.Message
	if len(details) > 0 {
		text = strings.TrimSuffix(text, ".") + ": " + strings.Join(details, ", ")
	}
	if text = strings.Join(strings.Fields(text), " "); text == "" {
		text = http.StatusText(answer.Response.StatusCode)
	}
	return text
}

// statusOf returns the HTTP status of an answer that was an error, or 0.
func statusOf(err error) int {
	var answer *github.ErrorResponse
	if errors.As(err, &answer) && answer.Response != nil {
		return answer.Response.StatusCode
	}
	return 0
}
