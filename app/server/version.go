package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Set by releases, which are built without git's own stamps:
// -ldflags "-X github.com/firebreak-dev/firebreak/app/server.version=v1.2.3 -X …commit=… -X …date=…".
var version, commit, date string

// Build says what a binary was built from. What is not known is empty, but for the version.
type Build struct {
	Version  string `json:"version"`           // such as v1.2.3; (devel) of a build that has none
	Commit   string `json:"commit,omitempty"`  // of git, in full
	Date     string `json:"date,omitempty"`    // of the commit, RFC 3339
	Changed  bool   `json:"changed,omitempty"` // files were changed after the commit
	Go       string `json:"go"`
	Platform string `json:"platform"` // such as linux/amd64
}

// ReadBuild returns what this binary was built from: as its release said, else as Go's tools did.
func ReadBuild() Build {
	b := Build{Version: version, Commit: commit, Date: date, Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		b = b.fill(info)
	}
	b.Version = cmp.Or(b.Version, "(devel)")
	return b
}

// fill adds what Go's tools wrote into the binary, where the release said nothing.
func (b Build) fill(info *debug.BuildInfo) Build {
	b.Version = cmp.Or(b.Version, info.Main.Version)
	if b.Commit != "" {
		return b // the stamps of Go's tools are of another commit, or of none
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = cmp.Or(b.Date, s.Value)
		case "vcs.modified":
			b.Changed = s.Value == "true"
		}
	}
	return b
}

// Version returns the version of this binary.
func Version() string { return ReadBuild().Version }

// VersionCommand returns the command that shows what the binary called name was built from.
func VersionCommand(name string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Shows the version, its commit and the commit's date",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(ReadBuild())
			}
			return ReadBuild().write(c.OutOrStdout(), name)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the same as JSON")
	return c
}

// write prints b for people.
func (b Build) write(out io.Writer, name string) error {
	commit := cmp.Or(b.Commit, "not known")
	if b.Changed {
		commit += ", and files were changed after it"
	}
	_, err := fmt.Fprintf(out, "%s %s\ncommit %s\ndate %s\ngo %s %s\n", name, b.Version, commit,
		cmp.Or(b.Date, "not known"), b.Go, b.Platform)
	return err
}
