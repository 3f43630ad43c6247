// Package sources lists what reports incidents: monitoring, mail and chat. Each is one row.
//
// The configuration's rules, the metrics, the texts and package intake read this list. To add a
// source, add a row here, and its reader to package intake.
package sources

import "slices"

// Source is a kind of source.
type Source struct {
	Kind  string // as rules and the address /intake/KIND spell it
	Label string // as people read it
	About string // for the reference

	// Through is the source whose requests carry these reports, if it is another one: alarms of
	// CloudWatch's come by SNS or EventBridge. Package intake has no reader for such a source.
	Through string
	// Verified says how a request shows who sent it.
	Verified string
	// Acknowledges means that the source says who answered a page of ours.
	Acknowledges bool
	// InsideGitHub means that no request reports it: somebody on GitHub does.
	InsideGitHub bool
}

// Reader is somebody on GitHub who may not respond and declares a critical incident (I7).
const Reader = "reader"

// All lists the sources, in the order in which texts name them.
var All = []Source{
	{
		Kind:     "alertmanager",
		Label:    "Alertmanager",
		About:    "Prometheus Alertmanager, webhook version 4",
		Verified: "token",
	},
	{Kind: "grafana", Label: "Grafana", About: "Grafana Alerting", Verified: "signature, or token"},
	{Kind: "pagerduty", Label: "PagerDuty", About: "webhooks V3", Verified: "signature", Acknowledges: true},
	{
		Kind:         "opsgenie",
		Label:        "Opsgenie",
		About:        "webhook integration",
		Verified:     "token",
		Acknowledges: true,
	},
	{Kind: "cloudwatch", Label: "CloudWatch", About: "alarms, by SNS or EventBridge", Through: "sns"},
	{
		Kind:     "sns",
		Label:    "Amazon SNS",
		About:    "Amazon SNS, what is no alarm",
		Verified: "signature of an allowed topic, or token",
	},
	{
		Kind:     "eventbridge",
		Label:    "Amazon EventBridge",
		About:    "Amazon EventBridge, what is no alarm",
		Verified: "token",
	},
	{
		Kind:     "email",
		Label:    "Email",
		About:    "mail, by a mail server or Amazon SES",
		Verified: "token; DMARC says whether the sender is trusted",
	},
	{Kind: "slack", Label: "Slack", About: "slash command, message shortcut and form", Verified: "signature"},
	{Kind: "generic", Label: "A webhook", About: "any other tool", Verified: "signature, or token"},
	{
		Kind:         Reader,
		Label:        "Reader",
		About:        "somebody on GitHub who may not respond and declares a critical incident",
		InsideGitHub: true,
	},
}

// Find returns the source of a kind.
func Find(kind string) (Source, bool) {
	i := slices.IndexFunc(All, func(s Source) bool { return s.Kind == kind })
	if i < 0 {
		return Source{}, false
	}
	return All[i], true
}

// Kinds returns the kinds of all sources that fit, in their order; nil fits all.
func Kinds(fits func(Source) bool) (kinds []string) {
	for _, s := range All {
		if fits == nil || fits(s) {
			kinds = append(kinds, s.Kind)
		}
	}
	return kinds
}

// IsServed reports whether package intake serves requests of the source, at an address of its own.
func (s Source) IsServed() bool { return s.Through == "" && !s.InsideGitHub }
