package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/selftest"
)

// testsAsked is what the running product said of the tests and of how people are reached.
type testsAsked struct {
	selftest.State
	err error
}

// tests asks the running product once.
func (p *patient) tests(ctx context.Context) *testsAsked {
	if p.asked == nil {
		p.asked = &testsAsked{err: errors.New("the product has no address")}
		if p.Tests != nil {
			p.asked.State, p.asked.err = p.Tests(ctx, p.ref)
		}
	}
	return p.asked
}

// checkTests asks the running product what came of the tests of what reaches people (O3). That none came lately is
// a failure: whatever should send them would not page anybody either.
func (p *patient) checkTests(ctx context.Context) error {
	settings, ok := p.policy.Service(incident.ByPeople)
	plan := selftest.PlanOf(settings.Options)
	switch {
	case !ok || !plan.Path:
		p.ok("nothing that reaches people is tested: the service people is not set up, or its tests are off")
		return nil
	case p.Tests == nil:
		p.add("", Warning, "the product has no address, so people can't answer pages or tests, nor can it be asked here",
			"Set FIREBREAK_PUBLIC_URL")
		return nil
	}
	s, err := p.tests(ctx).State, p.tests(ctx).err
	if err != nil {
		p.add("", Failure, err.Error(),
			"Look whether the product runs, and whether FIREBREAK_PUBLIC_URL leads to it, with /a/")
		return nil
	}
	now, before := s.Now, len(p.findings)
	switch since := now.Sub(s.Path.At); {
	case s.Path.At.IsZero():
		p.add("", Failure, "what reaches people was never tested", "It is within an hour of the start, by the sweep: look "+
			"at the log for “what reaches people can't be tested”")
	case since > selftest.PathPatience:
		p.add("", Failure, fmt.Sprintf("what reaches people was last tested %s ago, and should be every day",
			since.Round(time.Hour)), "Look whether the sweep and the queue run")
	}
	if s.Overdue > 0 {
		p.add("", Failure, fmt.Sprintf("a weekly test page is missing: it should have come %s ago",
			(s.Overdue+selftest.PathPatience).Round(time.Hour)), "Look whether the sweep and the queue run")
	}
	for _, why := range s.Path.Wrong {
		p.add("", Failure, "the daily test found: "+why, "Correct it in the secret of services.people, or at the vendor")
	}
	for _, login := range s.Silent(now) {
		t := s.People[login]
		found := fmt.Sprintf("%s did not answer the test page of %s by %s", login,
			t.Sent.UTC().Format("2 Jan 15:04 UTC"), t.Way)
		if t.Failed != "" {
			found = fmt.Sprintf("the test page to %s by %s was not sent: %s", login, t.Way, t.Failed)
		}
		p.add("", Warning, found, "Ask them whether that way still reaches them")
	}
	if len(p.findings) == before {
		p.ok("what reaches people was tested at %s, and who got a test page answered it",
			s.Path.At.UTC().Format("2 Jan 15:04 UTC"))
	}
	return nil
}
