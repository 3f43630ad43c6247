package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/github"
)

// checkCapabilities says what the App asks for beyond the least.
func (d *Doctor) checkCapabilities(context.Context) error {
	for _, c := range github.Capabilities {
		missing, err := lacking(c.Permissions, d.self.GetPermissions())
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			d.offer(c, missing)
			continue
		}
		d.ok("%s is asked for. %s", c.Name, c.Gives)
		for _, e := range c.Events {
			if !slices.Contains(d.self.Events, e.Name) {
				d.add("", Warning, fmt.Sprintf("%s: %s is not subscribed to. %s", c.Name, e.Name, e.Why),
					"Tick it at "+d.settings()+"/permissions; until then it is looked for from time to time")
			}
		}
	}
	return nil
}

// checkCapabilities says what the installation lets the App do beyond the least.
func (p *patient) checkCapabilities(context.Context) error {
	for _, c := range github.Capabilities {
		missing, err := lacking(c.Permissions, p.inst.Permissions)
		if err != nil {
			return err
		}
		unasked, err := lacking(c.Permissions, p.self.GetPermissions())
		if err != nil {
			return err
		}
		switch {
		case len(missing) == 0:
			p.ok("%s is on. %s", c.Name, c.Gives)
		case len(unasked) > 0:
			p.offer(c, unasked)
		default: // somebody wants it
			p.add("", Warning, fmt.Sprintf("%s is off here: the installation was not granted all that it needs. %s",
				c.Name, reasons(missing)), "An owner accepts the App's new permissions at "+p.inst.GetHTMLURL())
		}
	}
	return nil
}

// offer says what a capability would give that nobody asked for. Nothing fails without it.
func (d *Doctor) offer(c github.Capability, missing []github.Permission) {
	d.add("", OK, fmt.Sprintf("%s is off. With it: %s It needs %s", c.Name, c.Gives, reasons(missing)),
		"If you want it, grant that at "+d.settings()+"/permissions; then an owner accepts it for each installation")
}

// reasons says what each of some permissions is for.
func reasons(needed []github.Permission) string {
	var all []string
	for _, n := range needed {
		all = append(all, fmt.Sprintf("%s (%s): %s", n.Name, n.Level, n.Why))
	}
	return strings.Join(all, " ")
}
