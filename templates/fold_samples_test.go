package templates_test

import "github.com/firebreak-dev/firebreak/app/incident"

// foldSamples are what the core says of duplicates, of notes with a time, and of changed follow-ups.
func foldSamples() (out []incident.Say) {
	for _, why := range []string{"self", "pull", "missing", "not-incident", "declined", "duplicate", "folded-here"} {
		out = append(out, incident.Say{Name: "duplicate-refused", Who: "bob", Variant: why, Line: "#4"})
	}
	return append(out,
		incident.Say{Name: "duplicate-refused", Who: "bob", Variant: "elsewhere", Line: "acme/platform#4"},
		incident.Say{Name: "duplicate-refused", Who: "bob", Variant: "duplicate", Line: "#4", Command: "/incident duplicate #2"},
		incident.Say{Name: "folded", Line: "acme/incidents#5", Holder: "bob", Names: []string{"globex", "initech"}, Lines: []string{"Alertmanager"}},
		incident.Say{Name: "folded", Line: "acme/incidents#5", Names: []string{"globex"}, Variant: "reopened"},
		incident.Say{Name: "folded", Line: "acme/incidents#5", Variant: "circle"},
		incident.Say{Name: "noted", Who: "bob", Count: 1, Lines: []string{"5:40 pm is 17:40 UTC"}},
		incident.Say{Name: "noted", Who: "bob", Count: 2, Lines: []string{"5:40 pm is 17:40 UTC", "23:55 is 23 Nov 23:55 UTC"}},
		incident.Say{Name: "noted", Who: "bob", Missing: []string{"“25:61 the disk is full”: there is no such time of day"}},
		incident.Say{Name: "noted", Who: "bob", Count: 1, Lines: []string{"5:40 pm is 17:40 UTC"}, Missing: []string{"“25:61 the disk is full”: there is no such time of day"}},
		incident.Say{Name: "follow-up-unknown", Who: "bob", Line: "7", Count: 2},
		incident.Say{Name: "follow-up-unknown", Who: "bob", Line: "7", Count: 1},
		incident.Say{Name: "follow-up-unknown", Who: "bob", Line: "1"},
		incident.Say{Name: "follow-up-change", Who: "bob", Count: 2},
		incident.Say{Name: "due-unlikely", Who: "bob", Line: "2126-01-01", Variant: "far"},
		incident.Say{Name: "due-unlikely", Who: "bob", Line: "2026-01-01", Variant: "past"},
		incident.Say{Name: "follow-up-edited", Count: 2, Names: []string{"erin"}, Line: "2026-12-24"},
		incident.Say{Name: "follow-up-edited", Count: 2, Line: "none"},
	)
}
