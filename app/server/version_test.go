package server

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersionSaysWhatWasBuilt(t *testing.T) {
	t.Parallel()
	stamped := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-11-30T00:00:00Z"},
		{Key: "vcs.modified", Value: "true"},
	}}
	for name, c := range map[string]struct {
		said Build // by the release
		info *debug.BuildInfo
		want string
	}{
		"by Go's tools": {Build{Go: "go1", Platform: "linux/amd64"}, stamped,
			"firebreak v1.2.3\ncommit abc, and files were changed after it\ndate 2026-11-30T00:00:00Z\ngo go1 linux/amd64\n"},
		"by the release": {Build{Version: "v2.0.0", Commit: "def", Date: "2027-01-01T00:00:00Z", Go: "go1", Platform: "x/y"}, stamped,
			"firebreak v2.0.0\ncommit def\ndate 2027-01-01T00:00:00Z\ngo go1 x/y\n"},
		"by nobody": {Build{Version: "(devel)", Go: "go1", Platform: "x/y"}, &debug.BuildInfo{},
			"firebreak (devel)\ncommit not known\ndate not known\ngo go1 x/y\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := c.said.fill(c.info).write(&out, "firebreak"); err != nil || out.String() != c.want {
				t.Errorf("%v, got\n%swant\n%s", err, &out, c.want)
			}
		})
	}
}
