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

// FreezeWay returns the ways by which a repository is frozen, the strongest first.
func FreezeWay(f incident.Freeze) string {
	deploys := environments(f)
	switch f.Way {
	case incident.FreezeByRuleset:
		if deploys != "" {
			return "GitHub refuses merges and holds " + deploys
		}
		return "GitHub refuses merges"
	case incident.FreezeByStatus, incident.FreezeByWord:
		if deploys != "" {
			return "GitHub holds " + deploys + ", but no merges: " + weakWays[f.Way]
		}
	}
	switch f.Way {
	case incident.FreezeByStatus:
		return "by a status alone: GitHub does not hold merges"
	case incident.FreezeByWord:
		return "by asking alone: GitHub does not hold merges"
	}
	return "about to begin"
}

var weakWays = map[string]string{
	incident.FreezeByStatus: "these have a status alone",
	incident.FreezeByWord:   "people are asked",
}

// environments names the deployments that wait; "" if none do.
func environments(f incident.Freeze) string {
	if len(f.Environments) == 0 {
		return ""
	}
	var names []string
	for _, e := range f.Environments {
		names = append(names, texts.Inert(e, 60))
	}
	return "deployments to " + strings.Join(names, ", ")
}

// freezeOn says that a repository is frozen, and how; or that it isn't.
func freezeOn(f incident.Freeze) string {
	name := "**" + texts.Inert(f.Repo, 140) + "**"
	var why string
	if f.Weak != "" {
		why = " A ruleset would hold them, and I can't make one: " + texts.Inert(strings.TrimRight(f.Weak, "."), 200) +
			". See `firebreak setup --with freeze`."
	}
	deploys := environments(f)
	switch {
	case f.From.IsZero():
		return name + " is not frozen."
	case f.Way == incident.FreezeByRuleset:
		text := name + " is frozen: GitHub refuses merges and pushes to its default branch"
		if deploys != "" {
			text += ", and holds " + deploys
		}
		return text + "."
	case deploys != "":
		return name + " is frozen in part: GitHub holds " + deploys + ", but no merges, so people have to wait with those." +
			why
	case f.Way == incident.FreezeByStatus:
		return name + " is frozen by a status on the pull requests that are about to be merged. GitHub merges them all " +
			"the same, so people have to wait." + why
	}
	return "GitHub does not hold merges into " + name + ", so people have to." + why
}
