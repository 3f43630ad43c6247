// Package naming knows GitHub's grammar of names: what a login, a team's slug, a repository's name
// and an issue's look like, and when two of them are the same. The product and the sandbox both
// read names by it, and it knows neither.
//
// It says what GitHub may already hold, not what it still hands out: accounts from before 2013 end
// in a hyphen or hold two in a row, and the login of a managed user has its enterprise's short code
// behind an underscore.
// https://docs.github.com/en/enterprise-cloud@latest/admin/managing-iam/iam-configuration-reference/username-considerations-for-external-authentication
package naming

import (
	"strconv"
	"strings"
)

// How long names are, in characters.
const (
	maxLogin      = 39
	maxTeam       = 100
	maxRepository = 100
	maxDigits     = 9 // of an issue's number
)

// Names as regular expressions without groups, to find them within a text. They find the longest
// run that may be a name; IsLogin, IsTeam and IsRepository know the limits that an expression can't
// say.
const (
	LoginPattern      = `[A-Za-z0-9][A-Za-z0-9-]{0,38}(?:_[A-Za-z0-9]{1,37})?`
	TeamPattern       = `[A-Za-z0-9_][A-Za-z0-9_-]{0,99}`
	RepositoryPattern = LoginPattern + `/[A-Za-z0-9._-]{1,100}`
)

// Ghost is the login that GitHub shows where somebody was whose account is deleted. In places its
// API says null instead.
// https://docs.github.com/en/account-and-profile/concepts/personal-account-management
const Ghost = "ghost"

// IsNobody reports whether a login is that of a deleted account, or empty: nobody can act by it,
// hold a role or be told anything.
func IsNobody(login string) bool { return login == "" || Equal(login, Ghost) }

// Equal reports whether two logins, slugs, repositories or labels are the same one: GitHub keeps
// their case and compares without it.
func Equal(a, b string) bool { return strings.EqualFold(a, b) }

// Contains reports whether a name is among others, without case.
func Contains(names []string, name string) bool {
	for _, n := range names {
		if Equal(n, name) {
			return true
		}
	}
	return false
}

// Key returns a name as the key of a map in which the same names are to meet.
func Key(name string) string { return strings.ToLower(name) }

// IsLogin reports whether s may be the login of a person or an organisation.
func IsLogin(s string) bool {
	name, code, managed := strings.Cut(s, "_")
	return len(s) <= maxLogin && name != "" && isAlphanumeric(name[0]) && all(name, "-") &&
		(!managed || code != "" && all(code, ""))
}

// IsBot reports whether s may be the login of an App's bot, such as firebreak[bot].
func IsBot(s string) bool {
	slug, ok := strings.CutSuffix(s, bot)
	return ok && slug != "" && isAlphanumeric(slug[0]) && all(slug, "-")
}

const bot = "[bot]"

// BotOf returns the login of an App's bot.
func BotOf(slug string) string { return slug + bot }

// AppOf returns the slug of the App whose bot a login is, as GitHub writes it (firebreak[bot]) and
// as its search and its command line do (app/firebreak).
func AppOf(login string) (slug string, ok bool) {
	if slug, ok := strings.CutPrefix(login, "app/"); ok {
		return slug, IsBot(BotOf(slug))
	}
	return strings.TrimSuffix(login, bot), IsBot(login)
}

// IsTeam reports whether s may be a team's slug.
func IsTeam(s string) bool {
	return s != "" && len(s) <= maxTeam && s[0] != '-' && all(s, "_-")
}

// SplitTeam splits org/slug. ok is false if s isn't such a name.
func SplitTeam(s string) (org, slug string, ok bool) {
	org, slug, ok = strings.Cut(s, "/")
	return org, slug, ok && IsLogin(org) && IsTeam(slug)
}

// IsRepository reports whether s may be owner/repo.
func IsRepository(s string) bool {
	_, _, ok := SplitRepository(s)
	return ok
}

// SplitRepository splits owner/repo. ok is false if s isn't such a name.
func SplitRepository(s string) (owner, repo string, ok bool) {
	owner, repo, ok = strings.Cut(s, "/")
	ok = ok && IsLogin(owner) && repo != "" && len(repo) <= maxRepository && repo != "." && repo != ".." &&
		all(repo, "._-")
	return owner, repo, ok
}

// SplitIssue splits owner/repo#number. ok is false if s isn't such a name.
func SplitIssue(s string) (repository string, number int, ok bool) {
	repository, digits, ok := strings.Cut(s, "#")
	number, isNumber := numberOf(digits)
	return repository, number, ok && isNumber && IsRepository(repository)
}

// ReadIssue reads the ways in which people name an issue or pull request: 4, #4, GH-4, owner/repo#4
// and its address. repository is "" where none is named.
func ReadIssue(s string) (repository string, number int, ok bool) {
	if repository, number, ok = SplitIssue(s); ok {
		return repository, number, true
	}
	digits, hash := strings.CutPrefix(s, "#")
	if !hash && len(s) > len("gh-") && Equal(s[:len("gh-")], "gh-") {
		digits = s[len("gh-"):]
	}
	if number, ok = numberOf(digits); ok {
		return "", number, true
	}
	return readAddress(s)
}

// readAddress reads https://host/owner/repo/issues/4, with or without its scheme and what follows
// the number.
func readAddress(s string) (repository string, number int, ok bool) {
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		s = s[:i]
	}
	if strings.ContainsFunc(s, isSpace) {
		return "", 0, false
	}
	parts := strings.Split(s, "/")
	for i := len(parts) - 2; i >= 2; i-- {
		if parts[i] != "issues" && parts[i] != "pull" {
			continue
		}
		number, ok = numberOf(parts[i+1])
		if repository = parts[i-2] + "/" + parts[i-1]; ok && IsRepository(repository) {
			return repository, number, true
		}
	}
	return "", 0, false
}

func isSpace(r rune) bool { return r <= ' ' || r == '\u00a0' || r == '\u2028' || r == '\u2029' }

// numberOf reads an issue's number: digits alone, the first not 0.
func numberOf(s string) (n int, ok bool) {
	if s == "" || len(s) > maxDigits || s[0] == '0' || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// all reports whether s holds nothing but letters and digits of ASCII, and the marks.
func all(s, marks string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte(marks, s[i]) < 0 {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}
