package intake

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// How many alerts of a group are kept, and how many bytes of their labels.
const (
	maxGroupAlerts = 50
	maxGroupLabels = 64 << 10
)

// ranks orders the words by which sources say how severe an alert is, from the worst. What is in
// none is between warning and none.
var ranks = [][]string{
	{"info", "informational", "none", "ok", "debug"},
	{""},
	nil, // any other word
	{"warning", "warn", "minor", "low", "regular", "p3", "p4", "p5", "moderate", "medium"},
	{"error", "high", "major", "p2", "page"},
	{"critical"},
}

// rank returns how severe a hint is: more is worse.
func rank(hint string) int {
	for i, words := range ranks {
		if slices.Contains(words, hint) {
			return i
		}
	}
	return slices.IndexFunc(ranks, func(words []string) bool { return words == nil })
}

// all returns an alert's labels with those of its group.
func (g group) all(a alert) map[string]string {
	all := map[string]string{}
	maps.Copy(all, g.GroupLabels)
	maps.Copy(all, g.CommonLabels)
	maps.Copy(all, a.Labels)
	return all
}

// severityOf returns how severe an alert is by its own labels, with those that it shares.
func (g group) severityOf(a alert) string {
	all := g.all(a)
	return hint(cmp.Or(a.Labels["severity"], a.Labels["priority"], all["severity"], all["priority"]))
}

// worst returns the most severe of some alerts, in their order: they decide what the whole is.
func (g group) worst(among []alert) []alert {
	most := -1
	for _, a := range among {
		most = max(most, rank(g.severityOf(a)))
	}
	return slices.DeleteFunc(slices.Clone(among), func(a alert) bool { return rank(g.severityOf(a)) < most })
}

// shared returns the labels that all of some alerts have, with those of their group.
func (g group) shared(among []alert) map[string]string {
	shared := g.all(among[0])
	for _, a := range among[1:] {
		all := g.all(a)
		maps.DeleteFunc(shared, func(name, value string) bool { return all[name] != value })
	}
	return shared
}

// alerts returns what Decide goes by: of each kind of alert one, the most severe first, and then
// the others, as far as there is room. What is left out is like one that stays.
func (g group) alerts(among []alert) []Alert {
	sorted := slices.Clone(among)
	slices.SortStableFunc(
		sorted,
		func(a, b alert) int { return rank(g.severityOf(b)) - rank(g.severityOf(a)) },
	)
	kinds := map[string]bool{}
	var firsts, others []alert
	for _, a := range sorted {
		kind := g.all(a)["alertname"] + "\x00" + g.severityOf(a)
		if kinds[kind] {
			others = append(others, a)
			continue
		}
		kinds[kind] = true
		firsts = append(firsts, a)
	}
	var out []Alert
	size := 0
	for _, a := range append(firsts, others...) {
		one := Alert{
			Name:     line(g.all(a)["alertname"], maxWord),
			Title:    line(g.title([]alert{a}), maxTitle),
			Labels:   labels(g.all(a)),
			Severity: g.severityOf(a),
		}
		for name, value := range one.Labels {
			size += len(name) + len(value)
		}
		if len(out) == maxGroupAlerts || size > maxGroupLabels && len(out) > 0 {
			break
		}
		out = append(out, one)
	}
	slices.SortStableFunc(out, func(a, b Alert) int { return rank(b.Severity) - rank(a.Severity) })
	return out
}

// Names returns what a group's alerts are called, each once.
func (s Signal) Names() (names []string) {
	for _, a := range s.Alerts {
		if name := cmp.Or(a.Name, a.Title); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Saying names what a Signal says: reports that say the same are one, and of two that don't none
// may be lost. Times, counts and other figures are no part of it, and neither is a recovery's text.
func (s Signal) Saying() string {
	if !s.Firing {
		return ""
	}
	names := s.Names()
	slices.Sort(names)
	parts := append(names, s.SeverityHint)
	if len(s.Alerts) == 0 {
		parts = append(parts, Figureless(s.Title))
	}
	if s.Source == "generic" {
		parts = append(parts, Figureless(s.Text))
	}
	return digest(parts...)[:12]
}

// Figureless returns a text without its figures and without its case, so that "CPU at 81 %" says
// what "CPU at 93.5 %" does.
func Figureless(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if r >= '0' && r <= '9' {
			r = '#'
		}
		b.WriteRune(r)
	}
	out := strings.Join(strings.Fields(b.String()), " ")
	for _, between := range []string{"##", "#.#", "#,#", "#:#", "#-#", "#/#", "#t#"} {
		for strings.Contains(out, between) {
			out = strings.ReplaceAll(out, between, "#")
		}
	}
	return out
}
