package naming_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/firebreak-dev/firebreak/app/naming"
)

var long = strings.Repeat("a", 39)

func TestLogins(t *testing.T) {
	for _, login := range []string{"a", "7", "alice", "dan-k", "Mona-Lisa", "dave_acme", "jo-e_ACME1", "bob-", "a--b", "ivan-_acme", "x-9", long} {
		if !naming.IsLogin(login) {
			t.Errorf("%q is a login", login)
		}
	}
	for _, login := range []string{"", "-bob", "_acme", "bob_", "a_b_c", "dave_ac-me", "bob.c", "bob c", "@bob", "bob/", "bøb", "firebreak[bot]", long + "a", "a\n", "a\x00", "\u212aevin"} {
		if naming.IsLogin(login) {
			t.Errorf("%q is no login", login)
		}
	}
}

func TestBots(t *testing.T) {
	for _, login := range []string{"firebreak[bot]", "app/firebreak", "github-actions[bot]", "A1[bot]"} {
		if slug, ok := naming.AppOf(login); !ok || !naming.Equal(naming.BotOf(slug), strings.Replace(login, "app/firebreak", "firebreak[bot]", 1)) {
			t.Errorf("the app of %q is %q, %v", login, slug, ok)
		}
	}
	for _, login := range []string{"", "[bot]", "app/", "alice", "a/b", "a b[bot]", "app/a/b", "[bot][bot]", "app/firebreak[bot]"} {
		if slug, ok := naming.AppOf(login); ok {
			t.Errorf("%q is the bot of no app, not of %q", login, slug)
		}
	}
}

func TestTeams(t *testing.T) {
	for _, slug := range []string{"platform", "incident-coordinators", "on_call", "_ops", "ops_", "ops-", "1st", "Platform", strings.Repeat("a", 100)} {
		if org, s, ok := naming.SplitTeam("dave_acme/" + slug); !naming.IsTeam(slug) || !ok || org != "dave_acme" || s != slug {
			t.Errorf("%q is a team's slug", slug)
		}
	}
	for _, slug := range []string{"", "-ops", "a.b", "a b", "a/b", "@ops", "öps", strings.Repeat("a", 101)} {
		if _, _, ok := naming.SplitTeam("acme/" + slug); ok || naming.IsTeam(slug) {
			t.Errorf("%q is no team's slug", slug)
		}
	}
}

func TestRepositories(t *testing.T) {
	for _, name := range []string{"acme/platform", "jdoe_acme/tools", "bob-/dotfiles", "a--b/x", "acme/.github", "acme/a.b-c_d", "acme/-", "acme/...", "acme/" + strings.Repeat("r", 100)} {
		owner, repo, ok := naming.SplitRepository(name)
		if !ok || owner+"/"+repo != name {
			t.Errorf("%q is a repository, not %q and %q", name, owner, repo)
		}
	}
	for _, name := range []string{"", "acme", "acme/", "/platform", "acme/.", "acme/..", "acme/a/b", "acme/a b", "a.b/c", "-a/b", "acme/platform:", "acme/x#1", "acme/" + strings.Repeat("r", 101)} {
		if naming.IsRepository(name) {
			t.Errorf("%q is no repository", name)
		}
	}
}

func TestIssues(t *testing.T) {
	for in, want := range map[string]struct {
		repository string
		number     int
	}{
		"4": {"", 4}, "#4": {"", 4}, "GH-4": {"", 4}, "gh-999999999": {"", 999999999},
		"acme/incidents#4": {"acme/incidents", 4}, "jdoe_acme/tools#12": {"jdoe_acme/tools", 12}, "bob-/.github#1": {"bob-/.github", 1},
		"https://github.com/acme/incidents/issues/4":                   {"acme/incidents", 4},
		"github.com/a--b/c/pull/4?x=1":                                 {"a--b/c", 4},
		"https://ghe.example/x/jdoe_acme/tools/issues/4/":              {"jdoe_acme/tools", 4},
		"https://github.com/acme/incidents/issues/4#issuecomment-1":    {"acme/incidents", 4},
		"https://github.com/acme/incidents/pull/4/files?w=1":           {"acme/incidents", 4},
		"https://github.com/issues/pull/issues/4":                      {"issues/pull", 4},
		"http://127.0.0.1:8788/acme/incidents/issues/4?b=/a/b/pull/5#": {"acme/incidents", 4},
	} {
		if repository, number, ok := naming.ReadIssue(in); !ok || repository != want.repository || number != want.number {
			t.Errorf("%q is %q, %d, %v; want %v", in, repository, number, ok, want)
		}
	}
	for _, in := range []string{"", "#", "0", "#0", "04", "GH-", "GH-0", "acme/incidents", "acme#4", "acme/incidents#", "acme/incidents#0", "acme/..#4", "a b/c#4", "-a/b#4",
		"1234567890", "#4x", "https://github.com/acme/incidents/issues", "https://github.com/acme/issues/4x", "see acme/incidents/issues/4", "https://github.com/a b/c/issues/4"} {
		if repository, number, ok := naming.ReadIssue(in); ok {
			t.Errorf("%q names no issue, not %s#%d", in, repository, number)
		}
	}
}

func TestSame(t *testing.T) {
	if !naming.Equal("Severity/Critical", "severity/critical") || naming.Equal("a", "b") || !naming.Contains([]string{"x", "Dave_ACME"}, "dave_acme") || naming.Contains(nil, "") {
		t.Error("names are compared without case")
	}
	if !naming.IsNobody("") || !naming.IsNobody("Ghost") || naming.IsNobody("ghosts") {
		t.Error("ghost is nobody")
	}
}

// The grammar's functions agree with each other and with the expressions that find names in texts,
// and no name holds what would end the place where it is written.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"alice", "bob-", "a--b", "dave_acme", "_x", "a_b_c", "firebreak[bot]", "app/firebreak", "acme/platform", "acme/..", "jdoe_acme/tools#4",
		"https://github.com/acme/incidents/issues/4#issuecomment-5", "GH-4", "#4", "acme/incident-coordinators", "\u212a", "a\x00b", "acme/x/y#1", "ghost"} {
		f.Add(s)
	}
	whole := func(pattern string) *regexp.Regexp { return regexp.MustCompile(`\A(?:` + pattern + `)\z`) }
	login, team, repository := whole(naming.LoginPattern), whole(naming.TeamPattern), whole(naming.RepositoryPattern)
	f.Fuzz(func(t *testing.T, s string) {
		isLogin, isTeam, isRepository := naming.IsLogin(s), naming.IsTeam(s), naming.IsRepository(s)
		slug, isApp := naming.AppOf(s)
		owner, repo, split := naming.SplitRepository(s)
		in, number, isIssue := naming.ReadIssue(s)
		switch {
		case isLogin != (login.MatchString(s) && len(s) <= 39):
			t.Errorf("the function and the expression differ about the login %q", s)
		case isTeam != team.MatchString(s):
			t.Errorf("the function and the expression differ about the team %q", s)
		case isRepository != (repository.MatchString(s) && len(owner) <= 39 && repo != "." && repo != ".."):
			t.Errorf("the function and the expression differ about the repository %q", s)
		case isRepository != split || split && (owner+"/"+repo != s || !naming.IsLogin(owner)):
			t.Errorf("%q is split into %q and %q", s, owner, repo)
		case isLogin && (isRepository || naming.IsBot(s)), isTeam && isRepository:
			t.Errorf("%q is two things", s)
		case isApp && (!naming.IsBot(naming.BotOf(slug)) || naming.IsBot(slug)):
			t.Errorf("%q is the bot of %q", s, slug)
		case isIssue && (number < 1 || number > 999999999 || in != "" && !naming.IsRepository(in)):
			t.Errorf("%q names %s#%d", s, in, number)
		case naming.Key(strings.ToUpper(s)) != naming.Key(s) && (isLogin || isTeam || isRepository):
			t.Errorf("the key of %q depends on its case", s)
		case (isLogin || isTeam || isRepository || naming.IsBot(s)) && (!utf8.ValidString(s) || strings.ContainsAny(s, " \t\r\n\x00<>@#:;,\"'`|\\()*&?")):
			t.Errorf("the name %q holds what ends the place where it is written", s)
		}
	})
}
