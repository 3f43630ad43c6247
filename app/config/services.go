package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/services"
)

// serviceSettings returns what the file may say of services.
func serviceSettings() block {
	all := block{what: "services", known: map[string]string{}}
	for _, s := range services.All {
		if !s.HasSettings() {
			all.known[s.Kind] = s.Kind + " needs no settings: " + s.NoSettings
			continue
		}
		all.settings = append(
			all.settings,
			setting{name: s.Kind, about: s.About, of: blockOf(s), examples: []string{"{ " + s.Example + " }"},
				missing: s.Kind + " has no settings; such as " + s.Example},
		)
	}
	return all
}

// blockOf returns the settings of a service.
func blockOf(s services.Service) block {
	b := block{
		what:          s.Kind,
		required:      s.Required,
		lacking:       s.Kind + " needs %s; such as " + s.Example,
		lackingAtName: true,
	}
	if s.Secret != "" {
		b.settings = append(
			b.settings,
			setting{
				name:  "secret",
				of:    secret{},
				about: "The name of the secret that holds " + s.Secret + ".",
			},
		)
	}
	for _, o := range s.Settings {
		b.settings = append(
			b.settings,
			setting{
				name:     o.Name,
				of:       shapeOf(o.Value),
				about:    o.About,
				standard: o.Default,
				examples: o.Value.Examples,
			},
		)
	}
	if !s.Target.IsZero() {
		about := s.Target.About
		if s.Target.Allowed != "" && s.Target.Allowed != services.EmailAllowed {
			about += " Allowed: " + s.Target.Allowed + "."
		}
		b.settings = append(
			b.settings,
			setting{name: "targets", about: about, of: named{what: "targets", most: maxTargets, fold: true,
				names: target, of: shapeOf(s.Target), missing: "a target needs the name that the service knows it by"}},
		)
	}
	return b
}

// shapeOf returns the shape of a service's value.
func shapeOf(v services.Value) shape {
	switch {
	case v.IsSecret:
		return secret{}
	case v.Choices != nil:
		return choice{words: v.Choices}
	}
	name := map[string]string{
		services.EmailPattern: email.name, services.SlackChannelPattern: slackChannel.name,
	}[v.Pattern]
	example := ""
	if len(v.Examples) > 0 {
		example = v.Examples[0]
	}
	return matching(name, v.Pattern, v.Allowed, example)
}

// services builds the settings of the services.
func (b *builder) services(file value) {
	for _, e := range file.entries {
		kind, _ := services.Find(e.name)
		s := incident.Service{Kind: e.name, Secret: e.value.get("secret").text}
		for _, o := range kind.Settings {
			if v := e.value.get(o.Name); v.isValid() || o.Default != "" {
				if s.Options == nil {
					s.Options = map[string]string{}
				}
				s.Options[o.Name] = cmp.Or(v.text, o.Default)
			}
		}
		if targets := e.value.get("targets"); targets.isSet() {
			s.Targets = map[string]string{}
			for _, t := range targets.entries {
				s.Targets[t.name] = t.value.text
			}
		}
		if e.value.isValid() {
			b.checkRules(e, kind, s)
		}
		b.policy.Services = append(b.policy.Services, s)
	}
}

// checkRules checks the settings that depend on another one.
func (b *builder) checkRules(e entry, kind services.Service, s incident.Service) {
	for _, rule := range kind.Rules {
		if s.Options[rule.Setting] != rule.Is {
			continue
		}
		for _, name := range rule.Needs {
			if !e.value.get(name).isSet() {
				b.problem(
					e.key,
					fmt.Sprintf(
						"%s by %s needs %s; such as %s",
						e.name,
						rule.Is,
						name,
						exampleOf(kind, name),
					),
				)
			}
		}
		for _, name := range rule.Forbids {
			if v := e.value.get(name); v.isSet() {
				b.problem(
					v.node,
					fmt.Sprintf("%s is only for %s: %s", name, rule.Setting, valueThatNeeds(kind, name)),
				)
			}
		}
	}
}

// valueThatNeeds returns the value of another setting with which a setting belongs.
func valueThatNeeds(kind services.Service, name string) string {
	i := slices.IndexFunc(kind.Rules, func(r services.Rule) bool { return slices.Contains(r.Needs, name) })
	return kind.Rules[i].Is
}

// exampleOf returns an example of a service with a setting.
func exampleOf(kind services.Service, name string) string {
	for _, o := range kind.Settings {
		if o.Name == name && len(o.Value.Examples) > 0 {
			return name + ": " + o.Value.Examples[0]
		}
	}
	return kind.Example
}

// use is where the file says by which service people are reached.
type use struct {
	kind  string
	at    ast.Node
	steps []incident.EscalationStep // whom it reaches
}

// uses lists where the file names services, in its order.
func (b *builder) uses(file value) (out []use) {
	p := b.policy
	add := func(v value, kind string, steps ...incident.EscalationStep) {
		if v.isValid() {
			out = append(out, use{kind, v.node, steps})
		}
	}
	if pager := file.get("pager"); pager.isSet() {
		add(
			pager,
			pager.text,
			slices.DeleteFunc(
				slices.Clone(p.Escalation),
				func(s incident.EscalationStep) bool { return len(s.By) > 0 },
			)...)
	}
	for i, step := range file.get("escalation").get("steps").items {
		for _, by := range step.get("by").items {
			add(by, by.text, p.Escalation[i])
		}
	}
	for _, customer := range file.get("customers").entries {
		for _, item := range customer.value.get("channels").items {
			for _, channel := range item.entries {
				if kind, ok := services.Find(channel.name); ok && kind.CustomerNeedsSettings {
					add(channel.value, kind.Kind)
				}
			}
		}
	}
	add(file.get("broadcast"), "slack")
	if per := file.get("slack").get("channel-per"); per.text != incident.ChatNone {
		add(per, "slack")
	}
	add(file.get("stakeholders").get("emails"), "email")
	return out
}

// checkReach checks that those whom the file names can be reached.
func (b *builder) checkReach(file value) {
	uses, configured := b.uses(file), file.get("services")
	reported := map[string]bool{}
	for _, u := range uses {
		kind, ok := services.Find(u.kind)
		if ok && kind.HasSettings() && !configured.get(u.kind).isSet() && !reported[u.kind] {
			reported[u.kind] = true
			b.problem(
				u.at,
				fmt.Sprintf(
					"%s needs settings, and there are none: add services: { %s }",
					u.kind,
					kind.Example,
				),
			)
		}
	}
	if len(b.problems) > 0 {
		return
	}
	for _, s := range services.All {
		if s.EachNeedsTarget {
			b.checkTargets(uses, s.Kind)
		}
	}
}

// checkTargets checks that a service which reaches nobody without a target has one for all whom
// steps reach by it.
func (b *builder) checkTargets(uses []use, kind string) {
	settings, _ := b.policy.Service(kind)
	has := map[string]bool{phone: true}
	for name := range settings.Targets {
		has[strings.ToLower(name)] = true
	}
	for _, u := range uses {
		if u.kind != kind {
			continue
		}
		for _, step := range u.steps {
			for _, to := range b.policy.OnCall.WithMembers(step.To) {
				full := strings.ToLower(to)
				_, short, _ := strings.Cut(full, "/") // platform may mean acme/platform
				if !has[full] && !has[short] {
					has[full] = true
					b.problem(
						u.at,
						fmt.Sprintf(
							"%s reaches only those who are in its targets: add %s there",
							kind,
							shown(to),
						),
					)
				}
			}
		}
	}
}
