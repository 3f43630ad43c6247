package intake

import "testing"

func TestI7WhatAMailsSubjectClaims(t *testing.T) {
	for subject, want := range map[string]string{
		"P1: checkout is down": "critical", "p1": "critical", "[P1] API": "critical", "SEV-1 in eu-1": "critical", "sev1": "critical", "Severity 1": "critical", "Critical problem": "critical",
		"Re: Production down": "critical", "prod is down": "critical", "Outage of the API": "critical", "Priority 1 ticket": "critical", "prio 1": "critical",
		"": "", "P10 and P2": "", "Question": "", "Not critical, but odd": "", "non-critical finding": "", "No outage today": "", "Planned outage on Sunday": "", "shutdown": "", "production downtime report": "",
	} {
		t.Run(subject, func(t *testing.T) {
			if got := subjectHint(mail{subject: subject}); got != want {
				t.Errorf("%q claims %q, want %q", subject, got, want)
			}
		})
	}
	if got := subjectHint(mail{subject: "Automatic reply: P1", auto: "auto-replied"}); got != "" {
		t.Errorf("an answer of a machine claims %q", got)
	}
	if got := subjectHint(mail{subject: "P1 api", auto: "auto-generated"}); got != "critical" {
		t.Errorf("an alert by mail claims %q", got)
	}
}

func TestI7TheSeverityThatATextInSlackBeginsWith(t *testing.T) {
	s := Slack{Severities: []string{"critical", "regular", "sev1"}}
	for text, want := range map[string][2]string{
		"critical: API is down": {"critical", "API is down"}, "critical\u00a0API is down": {"critical", "API is down"}, "CRITICAL\nAPI is down": {"critical", "API is down"}, "p1 - API is down": {"critical", "API is down"},
		"P1": {"critical", ""}, "p3 slow": {"regular", "slow"}, "sev1: down": {"sev1", "down"}, "API is critical": {"", "API is critical"}, "criticality rises": {"", "criticality rises"},
	} {
		t.Run(text, func(t *testing.T) {
			if severity, rest := s.severity(text); severity != want[0] || rest != want[1] {
				t.Errorf("%q and %q, want %q", severity, rest, want)
			}
		})
	}
}
