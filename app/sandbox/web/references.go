package web

import (
	"html/template"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// markdownOf prepares a text for rendering: what it mentions is linked as far as the reader may see
// it. It expects mu to be held; repo may be nil.
func markdownOf(f *forge.Forge, by *forge.Actor, repo *forge.Repository, source string) markdownText {
	t := markdownText{source: source, origin: f.URL}
	if repo != nil {
		t.repo = repo.FullName()
	}
	t.user = func(login string) bool {
		u, ok := f.FindUser(login)
		return ok && u.Kind == forge.KindUser
	}
	t.team = func(org, slug string) bool {
		team, ok := f.FindTeam(slug)
		return ok && strings.EqualFold(team.Org, org)
	}
	t.item = func(fullName string, number int) (string, string, bool) {
		r, err := f.VisibleRepository(by, fullName)
		if err != nil {
			return "", "", false
		}
		i, ok := r.IssueAt(number)
		if !ok {
			return "", "", false
		}
		return i.Title, issuePath(i), true
	}
	return t
}

// RenderMarkdown is a text as GitHub shows it in a comment, safe to put into a page. It expects mu
// to be held; repo may be nil.
func RenderMarkdown(f *forge.Forge, by *forge.Actor, repo *forge.Repository, source string) template.HTML {
	return markdownOf(f, by, repo, source).html()
}
