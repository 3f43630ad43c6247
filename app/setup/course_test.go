package setup_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/demo"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/app/setup"
	"github.com/firebreak-dev/firebreak/templates"
)

// follower is the product, once it is there.
type follower struct{ *assembly.Server }

func (f *follower) Follow(ctx context.Context, now time.Time) (time.Time, error) {
	if f.Server == nil {
		return time.Time{}, nil
	}
	return f.Server.Follow(ctx, now)
}

// running is the product next to an embedded GitHub, on whose clock a course is played. What
// settings of its says replaces the environment's.
func running(t *testing.T, files map[string]string, settings map[string]string) (string, *setup.Course) {
	t.Helper()
	product := &follower{}
	course := &setup.Course{Secret: []byte("demo-intake"), Again: 2 * time.Minute, Looks: 5}
	github := server(t, func(url string) http.Handler {
		box, err := demo.New(sandbox.Options{URL: url, WebhookURL: url + "/webhook", Frozen: true,
			Start: time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC),
			Files: map[string]map[string]string{"acme/incidents": files}, Follower: product})
		if err != nil {
			t.Fatal(err)
		}
		env := box.Environment()
		for name, value := range settings {
			env[name] = value
		}
		getenv := func(name string) string { return env[name] }
		log := slog.New(slog.DiscardHandler)
		if product.Server, err = assembly.New(getenv,
			assembly.Options{Clock: box.Clock(), File: filepath.Join(t.TempDir(), "queue.db"),
				Logger: log}); err != nil {
			t.Fatal(err)
		}
		environment, err := assembly.Read(getenv)
		if err != nil {
			t.Fatal(err)
		}
		if course.App, err = github.New(github.Options{BaseURL: url, AppID: environment.AppID,
			PEM: environment.Key, Now: box.Clock().Now}); err != nil {
			t.Fatal(err)
		}
		course.Wait = func(ctx context.Context, d time.Duration) error {
			return errors.Join(ctx.Err(), box.Clock().Advance(context.Background(), d),
				box.Settled(context.Background()))
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- product.Run(ctx) }()
		t.Cleanup(func() { stop(); <-ended; _ = product.Close(); _ = box.Close() })
		mux := http.NewServeMux()
		mux.Handle("/", box.Handler())
		mux.Handle("/webhook", product.Handler())
		mux.Handle("/intake/", product.Handler())
		return mux
	})
	course.Intake, course.Told = github+"/intake/generic", func(*setup.Drill, string) {}
	return github, course
}

type commented []struct{ Body string }

// A6: an alert is played by the product's own intake, and the product does with each report what it
// does with a real one.
func TestA6AnAlertIsPlayedToItsEnd(t *testing.T) {
	t.Parallel()
	files := templates.Repository()
	files[".github/firebreak.yml"] += "\nsignals:\n  - do: page\n" // and yet nobody is paged
	github, course := running(t, files, nil)
	seen := map[string]string{setup.Fires: "firebreak:card", setup.FiresAgain: "has reported this 2 times",
		setup.Recovers: "says that it recovered. Is it over?"}
	var told []string
	course.Told = func(d *setup.Drill, what string) {
		told = append(told, what)
		if err := course.Wait(t.Context(), time.Minute); err != nil { // the reader looks
			t.Fatal(err)
		}
		var comments commented
		api(t, "GET", strings.Replace(d.URL, github, github+"/api/v3/repos", 1)+"/comments", "", &comments)
		if !slices.ContainsFunc(comments, func(c struct{ Body string }) bool {
			return strings.Contains(c.Body, seen[what])
		}) {
			t.Errorf("it %s, and on the incident stands %q", what, comments)
		}
	}
	d, err := course.Play(t.Context(), "acme", "incidents", setup.DefaultAlert)
	if err != nil || !d.Answered {
		t.Fatalf("%+v, %v", d, err)
	}
	if want := []string{setup.Fires, setup.FiresAgain, setup.Recovers}; !slices.Equal(told, want) ||
		!slices.Equal(d.Played, want) {
		t.Errorf("it was told that it %q, and that it %q was played", told, d.Played)
	}
	var all []struct {
		State  string
		Labels []struct{ Name string }
	}
	api(t, "GET", github+"/api/v3/repos/acme/incidents/issues?state=all", "", &all)
	if len(all) != 1 || all[0].State != "open" ||
		!slices.Contains(all[0].Labels, struct{ Name string }{"drill"}) {
		t.Errorf("there are %+v", all)
	}
	var outbox []any
	if api(t, "GET", github+"/sandbox/outbox", "", &outbox); len(outbox) > 0 {
		t.Errorf("it reached people: %v", outbox)
	}
}

func TestACourseThatIsStopped(t *testing.T) {
	t.Parallel()
	_, course := running(t, templates.Repository(), nil)
	ctx, stop := context.WithCancel(t.Context())
	course.Told = func(*setup.Drill, string) { stop() }
	d, err := course.Play(ctx, "acme", "incidents", setup.DefaultAlert)
	if !errors.Is(err, context.Canceled) || d == nil || !d.Answered ||
		!slices.Equal(d.Played, []string{setup.Fires}) {
		t.Errorf("%+v, %v", d, err)
	}
}

// What keeps an alert from arriving is said with what to do.
func TestWhatCannotBePlayed(t *testing.T) {
	t.Parallel()
	dropped := templates.Repository()
	dropped[".github/firebreak.yml"] += "\nsignals:\n  - source: generic\n    do: drop\n"
	for name, c := range map[string]struct {
		files    map[string]string
		settings map[string]string
		secret   string
		says     string
	}{
		"another secret": {secret: "another", says: "is the secret the product's"},
		"no generic source": {settings: map[string]string{"FIREBREAK_INTAKE_SECRET": ""},
			says: "FIREBREAK_INTAKE_GENERIC_SECRET"},
		"a rule that drops": {files: dropped, says: "signals:"},
		"another repository": {settings: map[string]string{"FIREBREAK_INTAKE_REPOSITORY": "acme/platform"},
			says: "FIREBREAK_INTAKE_REPOSITORY must name it"},
	} {
		if c.files == nil {
			c.files = templates.Repository()
		}
		_, course := running(t, c.files, c.settings)
		if c.secret != "" {
			course.Secret = []byte(c.secret)
		}
		if d, err := course.Play(t.Context(), "acme", "incidents", setup.DefaultAlert); err == nil ||
			d != nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}

func TestTheAddressOfTheIntake(t *testing.T) {
	for given, want := range map[string]string{
		"https://a.example":                   "https://a.example/intake/generic",
		"https://a.example/intake/":           "https://a.example/intake/generic",
		"http://127.0.0.1:8789/intake":        "http://127.0.0.1:8789/intake/generic",
		"https://a.example/p1/intake/generic": "https://a.example/p1/intake/generic",
		"a.example/intake":                    "", "ftp://a.example": "", "": "",
	} {
		if got, err := setup.IntakeAddress(given); got != want || (err == nil) != (want != "") {
			t.Errorf("%q returns %q, %v", given, got, err)
		}
	}
}
