// Package services lists the services by which people are paged and customers are told. Each is one
// row: its name, its settings in .github/firebreak.yml, and what it can do.
//
// The configuration, its schema and reference, the metrics, the texts and package notify all read
// this list. To add a service, add a row here, and its sender to package notify.
package services

import "slices"

// Service is a kind of service.
type Service struct {
	Kind  string // as the configuration spells it
	Label string // as people read it
	About string // for the reference; "" where the settings say it all

	// NoSettings says why the service has no settings. It is "" for all that have some.
	NoSettings string
	// Settings are the settings besides secret and targets.
	Settings []Setting
	// Secret says what the named secret holds. It is "" for a service without secrets.
	Secret string
	// Required are the settings that can't be left out.
	Required []string
	// Rules are what else settings have to fulfil.
	Rules []Rule
	// Target is what a team or a person is called at the service.
	Target Value
	// EachNeedsTarget means that the service reaches nobody who has no target.
	EachNeedsTarget bool
	// Example is the shortest configuration, as YAML on one line.
	Example string

	// Mention means that a mention on GitHub is the page: package notify has no sender for it.
	Mention bool
	// Customer is what a customer's channel of this kind has for its address. It is zero where the
	// service can't reach customers.
	Customer Value
	// CustomerNeedsSettings means that such a channel works only with the settings of the service.
	CustomerNeedsSettings bool
}

// Setting is one setting of a service.
type Setting struct {
	Name, About string
	Value       Value
	Default     string
}

// Value is what a setting may hold: one of Choices, the name of a secret, or a text that fits
// Pattern.
type Value struct {
	About    string
	Choices  []string
	IsSecret bool
	Pattern  string // a regular expression, valid in Go and in JSON Schema
	Allowed  string // what fits Pattern, for people
	Examples []string
}

// IsZero reports whether v allows nothing.
func (v Value) IsZero() bool { return v.Choices == nil && !v.IsSecret && v.Pattern == "" }

// Rule makes settings depend on another: where Setting is Is, Needs can't be left out, and Forbids
// can't be set.
type Rule struct {
	Setting, Is string
	Needs       []string
	Forbids     []string
}

// Find returns the service of a kind.
func Find(kind string) (Service, bool) {
	i := slices.IndexFunc(All, func(s Service) bool { return s.Kind == kind })
	if i < 0 {
		return Service{}, false
	}
	return All[i], true
}

// Kinds returns the kinds of all services that fit, in their order; nil fits all.
func Kinds(fits func(Service) bool) (kinds []string) {
	for _, s := range All {
		if fits == nil || fits(s) {
			kinds = append(kinds, s.Kind)
		}
	}
	return kinds
}

// HasSettings reports whether the configuration has settings for the service.
func (s Service) HasSettings() bool { return s.NoSettings == "" }

// ReachesCustomers reports whether a customer's channel may be of this kind.
func (s Service) ReachesCustomers() bool { return !s.Customer.IsZero() }

// IsOutside reports whether the service is outside GitHub, so that package notify sends its pages.
func (s Service) IsOutside() bool { return !s.Mention }
