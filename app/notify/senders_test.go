package notify

import (
	"testing"

	"github.com/firebreak-dev/firebreak/app/services"
)

// The configuration takes a service as a pager, or for a customer's channel, by package services:
// each must have a sender that can do it, and there is no sender that the configuration can't name.
func TestEveryServiceHasItsSender(t *testing.T) {
	for _, s := range services.All {
		sender := senders[s.Kind]
		if (sender.page != nil) != s.IsOutside() {
			t.Errorf("%s: the configuration takes it as a pager that package notify sends by: %t, and it can page: %t", s.Kind, s.IsOutside(), sender.page != nil)
		}
		if (sender.announce != nil) != s.ReachesCustomers() {
			t.Errorf("%s: the configuration takes it for customers: %t, and it can reach them: %t", s.Kind, s.ReachesCustomers(), sender.announce != nil)
		}
	}
	for kind := range senders {
		if _, ok := services.Find(kind); !ok {
			t.Errorf("%s has a sender, and no row in package services", kind)
		}
	}
}
