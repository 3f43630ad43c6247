package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A repository is frozen from a terminal before a maintenance: one freeze, whose end can be moved; an exception is one
// commit; and its end ends what the command froze, and nothing of an incident's (X4).
func TestX4AFreezeFromATerminal(t *testing.T) {
	t.Run("by the App's own key", func(t *testing.T) {
		t.Parallel()
		freezeFromATerminal(t, func(env []string) []string { return env })
	})
	t.Run("by the process that holds the key", func(t *testing.T) {
		t.Parallel()
		freezeFromATerminal(t, func(env []string) []string {
			var own []string
			for _, v := range env {
				name, value, _ := strings.Cut(v, "=")
				switch name {
				case "FIREBREAK_APP_ID":
					own = append(own, v, "FIREBREAK_FREEZE_APP_ID="+value)
				case "FIREBREAK_PRIVATE_KEY":
					file := filepath.Join(t.TempDir(), "freeze.pem")
					if err := os.WriteFile(file, []byte(strings.ReplaceAll(value, `\n`, "\n")), 0o600); err != nil {
						t.Fatal(err)
					}
					own = append(own, "FIREBREAK_FREEZE_PRIVATE_KEY_FILE="+file)
				case "FIREBREAK_PRIVATE_KEY_FILE":
					own = append(own, "FIREBREAK_FREEZE_PRIVATE_KEY_FILE="+value)
				case "FIREBREAK_GITHUB_URL", "FIREBREAK_CLOCK_URL":
					own = append(own, v)
				}
			}
			freezer := start(t, append(own, "FIREBREAK_FREEZE_SECRET=hush"), "freezer", "--listen", "127.0.0.1:0")
			t.Cleanup(func() {
				if n := strings.Count(freezer.err.String(), `"msg":"freeze"`); n < 3 {
					t.Errorf("it was asked %d times:\n%s", n, freezer.err.String())
				}
			})
			return append(env, "FIREBREAK_FREEZE_URL="+freezer.url, "FIREBREAK_FREEZE_SECRET=hush")
		})
	})
}

// freezeFromATerminal plays it with an environment for the commands, made of the demo's.
func freezeFromATerminal(t *testing.T, environment func([]string) []string) {
	data := t.TempDir()
	demo := start(t, nil, "demo", "--listen", "127.0.0.1:0", "--data", data)
	text, err := os.ReadFile(filepath.Join(data, "firebreak.env"))
	if err != nil {
		t.Fatal(err)
	}
	env := environment(strings.Fields(string(text)))
	api := demo.url + "/api/v3/repos/acme/payments"
	ask := func(want int, method, path, body string) string {
		t.Helper()
		status, said := request(t, "erin", method, api+path, body)
		if status != want {
			t.Fatalf("%s %s: %d %s", method, path, status, said)
		}
		return said
	}
	_, tip, _ := strings.Cut(ask(200, "GET", "/git/ref/heads/main", ""), `"sha":`)
	tip = strings.TrimLeft(tip, ` "`)[:40]
	var numbers []string
	for _, branch := range []string{"fix", "other"} {
		ask(201, "POST", "/git/refs", fmt.Sprintf(`{"ref":"refs/heads/%s","sha":%q}`, branch, tip))
		ask(201, "PUT", "/contents/"+branch, fmt.Sprintf(`{"message":"x","branch":%q,"content":"eA=="}`, branch))
		_, number, _ := strings.Cut(ask(201, "POST", "/pulls", fmt.Sprintf(`{"title":"x","head":%q,"base":"main"}`, branch)), `"number":`)
		number = strings.TrimSpace(number)
		numbers = append(numbers, number[:strings.IndexAny(number, ",}\n")])
	}
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), binary, append([]string{"freeze"}, args...)...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	says := func(want string, args ...string) {
		t.Helper()
		if out, err := run(args...); err != nil || !strings.Contains(out, want) {
			t.Fatalf("%q: %v\n%s\nwant %q", args, err, out, want)
		}
	}
	fails := func(want string, args ...string) {
		t.Helper()
		if out, err := run(args...); err == nil || !strings.Contains(out, want) {
			t.Errorf("%q: %v\n%s\nwant %q", args, err, out, want)
		}
	}
	rulesets := func() int {
		return strings.Count(ask(200, "GET", "/rulesets", ""), `"firebreak freeze of maintenance/`)
	}

	fails("give a time from 1m to 72h", "acme/payments", "--for", "73h")
	fails("say why by --because", "acme/payments", "--let", "1")
	fails("give one of them", "acme/payments", "--let", "1", "--because", "x", "--end")
	fails("write OWNER/REPO", "payments")
	fails("has not frozen acme/payments", "acme/payments", "--let", numbers[0], "--because", "x")
	says("acme/payments is open for merges", "acme/payments", "--end")

	says("acme/payments is frozen until", "acme/payments", "--for", "1h", "--because", "new database")
	says("(new database): "+demo.url, "acme/payments", "--for", "3h", "--because", "new database")
	if n := rulesets(); n != 1 {
		t.Errorf("%d rulesets", n)
	}
	ask(405, "PUT", "/pulls/"+numbers[1]+"/merge", "{}")
	says("may be merged as it is at", "acme/payments", "--let", numbers[0], "--because", "the migration itself")
	ask(200, "PUT", "/pulls/"+numbers[0]+"/merge", "{}")
	ask(405, "PUT", "/pulls/"+numbers[1]+"/merge", "{}")
	fails("is not open", "acme/payments", "--let", numbers[0], "--because", "again")

	if status, said := request(t, "", "POST", demo.url+"/sandbox/states",
		`{"rulesets":{"repository":"acme/payments","name":"firebreak freeze of acme/incidents#1/1 until 2027-01-01 00:00 UTC; to lift it, delete this ruleset"}}`); status >= 300 {
		t.Fatalf("an incident's freeze: %d %s", status, said)
	}
	says("acme/payments is still frozen for acme/incidents#1/1 until 1 Jan 00:00 UTC", "acme/payments", "--end")
	if n := rulesets(); n != 0 {
		t.Errorf("%d rulesets are left", n)
	}
	ask(200, "PUT", "/pulls/"+numbers[1]+"/merge", "{}")
}
