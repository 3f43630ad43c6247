package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/firebreak-dev/firebreak/app/lazily"
)

const secretPrefix = "FIREBREAK_SECRET_"

const secretPattern = `^[A-Z][A-Z0-9_]{0,59}$`

// A secret's name, and what isn't one.
var (
	secretName = lazily.Compile(secretPattern)
	tokenShape = lazily.Compile(
		`^(?:gh[a-z]_|github_pat_|glpat-|xox[a-z]-|xapp-|whsec_|eyJ|AIza|sk-).{12}` +
			`|^A[KS]IA[A-Z0-9]{12}|-----BEGIN|^(?i:bearer|basic) |^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-`,
	)
	longRun   = lazily.Compile(`[A-Za-z0-9+/=]{16}`)
	twoDigits = lazily.Compile(`(?s)[0-9].*[0-9]`)
)

// mayBeSecret reports whether a text may be a secret, or an address that holds one.
func mayBeSecret(text string) bool {
	return strings.Contains(text, "://") || tokenShape.MatchString(text) ||
		longRun.MatchString(text) && twoDigits.MatchString(text)
}

// secret is the name of a secret, whose value comes from the operator's environment.
type secret struct{}

// read never repeats what is there if it isn't a name: it may be the secret itself.
func (secret) read(r *reader, n ast.Node) value {
	const writeName = "write a name such as PAGERDUTY, whose value the operator's environment holds as " +
		secretPrefix + "PAGERDUTY"
	text, ok := scalar(n)
	switch {
	case !ok:
		return r.invalid(n, fmt.Sprintf("the name of a secret is expected here; this is %s", describe(n)))
	case strings.Contains(text, "://"):
		return r.invalid(n, "this is an address, and the file must not hold one: "+writeName)
	case mayBeSecret(text):
		return r.invalid(n, "this looks like a secret itself: take it out of the file and revoke it, "+
			"for the history keeps it; then "+writeName)
	case strings.HasPrefix(text, secretPrefix):
		return r.invalid(n, "write the name without "+secretPrefix+", which is put before it")
	case !secretName.MatchString(text):
		return r.invalid(
			n,
			"this is not the name of a secret: capital letters, digits and _ are allowed; "+writeName,
		)
	}
	return value{node: n, text: text}
}
