package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	gh "github.com/google/go-github/v60/github"
	"github.com/spf13/cobra"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/firebreak-dev/firebreak/app/server"
)

// Releases are published here, and read from here.
const (
	releasesOwner, releasesName = "firebreak-dev", "firebreak"
	releasesPage                = "https://github.com/firebreak-dev/firebreak/releases"
	releasesPatience            = 10 * time.Second
	maxRelease                  = 1 << 20 // bytes of GitHub's answer
)

// upgrade is what a look at the releases found.
type upgrade struct {
	Current string `json:"current"`
	Latest  string `json:"latest,omitempty"` // empty: there is no release
	IsNewer bool   `json:"newer"`
	URL     string `json:"url,omitempty"`
}

func upgradeCommand() *cobra.Command {
	var check, asJSON bool
	c := &cobra.Command{
		Use:   "upgrade --check",
		Short: "Asks GitHub whether there is a newer release",
		Long: `Asks GitHub for the latest release of Firebreak and compares it with this binary. It sends nothing about
you or your incidents, asks only when you run it, and installs nothing: upgrade by what you installed with.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !check {
				return misuse("firebreak does not replace itself: upgrade by what you installed with, such as apt or " +
					"helm; --check asks for the latest release")
			}
			found, err := checkRelease(c.Context(), "https://api.github.com/", server.Version())
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(found)
			}
			return found.write(c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&check, "check", false, "ask for the latest release")
	c.Flags().BoolVar(&asJSON, "json", false, "print the same as JSON")
	return c
}

// checkRelease asks the GitHub at base for the latest release, without a login.
func checkRelease(ctx context.Context, base, current string) (upgrade, error) {
	found := upgrade{Current: current}
	address, err := url.Parse(base)
	if err != nil {
		return found, fmt.Errorf("ask for the latest release: %w", err)
	}
	client := gh.NewClient(&http.Client{Timeout: releasesPatience, Transport: boundedAnswers{http.DefaultTransport}})
	client.BaseURL, client.UserAgent = address, "firebreak"
	release, answer, err := client.Repositories.GetLatestRelease(ctx, releasesOwner, releasesName)
	if answer != nil && answer.StatusCode == http.StatusNotFound {
		return found, nil
	}
	var limited *gh.RateLimitError
	if errors.As(err, &limited) {
		return found, fmt.Errorf("ask %s for the latest release: too many requests came from your address; "+
			"try again after %s, or look at %s", address.Host, limited.Rate.Reset.UTC().Format("15:04 UTC"), releasesPage)
	}
	if err != nil {
		return found, fmt.Errorf("ask %s for the latest release: %w; without access to it, look at %s from elsewhere",
			address.Host, err, releasesPage)
	}
	found.Latest, found.URL = release.GetTagName(), release.GetHTMLURL()
	if !semver.IsValid(found.Latest) {
		return found, fmt.Errorf("the latest release at %s is called %q, which is not a version", releasesPage, found.Latest)
	}
	found.IsNewer = semver.Compare(found.Latest, current) > 0 // a build without a version is older than each
	return found, nil
}

// boundedAnswers lets nobody answer without end.
type boundedAnswers struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b boundedAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxRelease), answer.Body}
	}
	return answer, err
}

// write prints u for people.
func (u upgrade) write(out io.Writer) error {
	var err error
	switch {
	case u.Latest == "":
		_, err = fmt.Fprintf(out, "There is no release yet. This is %s.\n", u.Current)
	case !semver.IsValid(u.Current) || module.IsPseudoVersion(u.Current):
		_, err = fmt.Fprintf(out, "This is %s, built from source. The latest release is %s: %s\n",
			u.Current, u.Latest, u.URL)
	case u.IsNewer:
		_, err = fmt.Fprintf(out, "%s is newer than this, which is %s: %s\n"+
			"What changes, and how to go back: CHANGELOG.md there.\n", u.Latest, u.Current, u.URL)
	default:
		_, err = fmt.Fprintf(out, "This is %s. No release is newer; the latest is %s.\n", u.Current, u.Latest)
	}
	return err
}
