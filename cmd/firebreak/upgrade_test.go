package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestUpgradeChecksForANewerRelease(t *testing.T) {
	t.Parallel()
	const release = `{"tag_name": "%s", "html_url": "https://github.com/firebreak-dev/firebreak/releases/tag/x"}`
	for name, c := range map[string]struct {
		current, body string
		status        int
		says, fails   string
		isNewer       bool
	}{
		"a newer one":   {"v1.2.3", fmt.Sprintf(release, "v1.10.0"), 200, "v1.10.0 is newer", "", true},
		"the same":      {"v1.2.3", fmt.Sprintf(release, "v1.2.3"), 200, "No release is newer", "", false},
		"an older one":  {"v2.0.0-rc.1", fmt.Sprintf(release, "v1.9.9"), 200, "No release is newer", "", false},
		"from source":   {"(devel)", fmt.Sprintf(release, "v1.0.0"), 200, "built from source. The latest release is v1.0.0", "", true},
		"from a commit": {"v0.0.0-20261130001404-abcdef012345", fmt.Sprintf(release, "v1.0.0"), 200, "built from source", "", true},
		"none yet":      {"(devel)", `{"message": "Not Found"}`, 404, "There is no release yet", "", false},
		"no version":    {"v1.0.0", fmt.Sprintf(release, "nightly"), 200, "", `"nightly", which is not a version`, false},
		"down":          {"v1.0.0", `{"message": "oops"}`, 502, "", "look at https://github.com/firebreak-dev/firebreak/releases", false},
		"limited":       {"v1.0.0", `{"message": "API rate limit exceeded"}`, 403, "", "try again after 00:00 UTC", false},
		"without end":   {"v1.0.0", `{"tag_name": "` + strings.Repeat("x", 2*maxRelease), 200, "", "unexpected EOF", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if want := "/repos/firebreak-dev/firebreak/releases/latest"; r.URL.Path != want || r.URL.RawQuery != "" ||
					r.Header.Get("Authorization") != "" || r.UserAgent() != "firebreak" {
					t.Errorf("it asks for %s with %v", r.URL, r.Header)
				}
				if c.status == 403 {
					w.Header().Set("X-RateLimit-Remaining", "0")
					w.Header().Set("X-RateLimit-Reset", "4102444800")
				}
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			defer server.Close()
			found, err := checkRelease(t.Context(), server.URL+"/", c.current)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("it fails with %v, want %q", err, c.fails)
				}
				return
			}
			var out strings.Builder
			if err != nil || found.write(&out) != nil || !strings.Contains(out.String(), c.says) || found.IsNewer != c.isNewer {
				t.Errorf("%v, %+v: %s", err, found, &out)
			}
		})
	}
	if _, err := checkRelease(t.Context(), "http://127.0.0.1:1/", "v1.0.0"); err == nil ||
		!strings.Contains(err.Error(), "without access to it, look at") {
		t.Errorf("no network: %v", err)
	}
}
