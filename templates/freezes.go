package templates

import (
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// FrozenRepo names a frozen repository, with a link to its ruleset.
func FrozenRepo(f incident.Freeze) string {
	isWeb := strings.HasPrefix(f.URL, "https://") || strings.HasPrefix(f.URL, "http://")
	if isWeb && !strings.ContainsAny(f.URL, "<>\n\\ ") {
		return "[" + texts.Inert(f.Repo, 140) + "](<" + f.URL + ">)"
	}
	return "**" + texts.Inert(f.Repo, 140) + "**"
}

// FreezeWay returns how strongly a repository is frozen.
func FreezeWay(f incident.Freeze) string {
	switch f.Way {
	case incident.FreezeByRuleset:
		return "GitHub refuses merges"
	case incident.FreezeByStatus:
		return "by a status alone: GitHub does not hold merges"
	case incident.FreezeByWord:
		return "by asking alone: GitHub does not hold merges"
	}
	return "about to begin"
}

// freezeOn says that a repository is frozen, and how; or that it isn't.
func freezeOn(f incident.Freeze) string {
	name := "**" + texts.Inert(f.Repo, 140) + "**"
	var why string
	if f.Weak != "" {
		why = " A ruleset would hold them, and I can't make one: " + texts.Inert(strings.TrimRight(f.Weak, "."), 200) +
			". See `firebreak setup --with freeze`."
	}
	switch {
	case f.From.IsZero():
		return name + " is not frozen."
	case f.Way == incident.FreezeByRuleset:
		return name + " is frozen: GitHub refuses merges and pushes to its default branch."
	case f.Way == incident.FreezeByStatus:
		return name + " is frozen by a status on the pull requests that are about to be merged. GitHub merges them all " +
			"the same, so people have to wait." + why
	}
	return "GitHub does not hold merges into " + name + ", so people have to." + why
}
