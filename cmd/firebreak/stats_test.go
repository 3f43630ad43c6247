package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An incident that the product ran is in the figures that the same environment reads.
func TestStatsOfWhatTheProductRan(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	demo := start(t, nil, "demo", "--listen", "127.0.0.1:0", "--data", data)
	text, err := os.ReadFile(filepath.Join(data, "firebreak.env"))
	if err != nil {
		t.Fatal(err)
	}
	env := strings.Fields(string(text))
	drive(t, demo.url)
	comment := func(who, body string) {
		t.Helper()
		if status, said := request(t, who, "POST",
			demo.url+"/api/v3/repos/acme/incidents/issues/1/comments", `{"body":"`+body+`"}`); status != 201 {
			t.Fatalf("%s comments: %d %s", who, status, said)
		}
		settle(t, demo.url)
	}
	comment("carol", `/ic customer add globex\n/ic severity critical`)
	comment("alice", "/oe")
	if status, said := request(t, "", "POST", demo.url+"/sandbox/clock", `{"advance":"30m"}`); status != 200 {
		t.Fatalf("the clock: %d %s", status, said)
	}
	settle(t, demo.url)

	cache := t.TempDir()
	run := func(args ...string) []byte {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary,
			append([]string{"stats", "acme/incidents", "--cache", cache}, args...)...)
		cmd.Env = env
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("stats %v: %v", args, err)
		}
		return out
	}
	var report struct {
		At        time.Time `json:"generated_at"`
		Incidents []struct {
			Severity string
			Times    map[string]int `json:"times_seconds"`
			Counts   map[string]int
		}
	}
	if err := json.Unmarshal(run("--format", "json"), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Incidents) != 1 || report.Incidents[0].Severity != "critical" ||
		report.Incidents[0].Counts["updates_missed"] != 1 {
		t.Fatalf("one critical incident that missed an update is reported as %+v", report.Incidents)
	}
	if team, known := report.Incidents[0].Times["team"]; !known || team > 60 {
		t.Errorf("the team was there after %d s (known: %v)", team, known)
	}
	if ahead := time.Until(report.At); ahead < 25*time.Minute {
		t.Errorf("the report is of %s, not of the sandbox's time", report.At)
	}
	for format, word := range map[string]string{"table": "1 critical", "csv": "acknowledge_seconds",
		"html": "</html>"} {
		if out := run("--format", format, "--since", "7d"); !strings.Contains(string(out), word) {
			t.Errorf("as %s: %s", format, out)
		}
	}

	if status, said := request(t, "", "POST", demo.url+"/sandbox/faults",
		`{"rate_limit":"primary","retry_after":"10m"}`); status != 200 {
		t.Fatalf("the fault: %d %s", status, said)
	}
	if said := fails(t, env, "stats", "acme/incidents", "--cache", cache); !strings.Contains(said,
		"same command again after") {
		t.Errorf("with the rate limit reached it says %s", said)
	}
	demo.end(syscall.SIGTERM)
}

func TestStatsRefusals(t *testing.T) {
	t.Parallel()
	env := app("http://127.0.0.1:1")
	for word, args := range map[string][]string{
		"127.0.0.1:1":     {"stats", "acme/incidents", "--cache", t.TempDir()},
		"--cache":         {"stats", "acme/incidents", "--cache", "/dev/null/x"},
		"choose a folder": {"stats", "acme/incidents"}, // no home, so no cache folder
	} {
		if said := fails(t, env, args...); !strings.Contains(said, word) {
			t.Errorf("%v says %s", args, said)
		}
	}
	if said := fails(t, nil, "stats", "acme/incidents"); !strings.Contains(said, "FIREBREAK_APP_ID") {
		t.Errorf("without an environment it says %s", said)
	}
}
