package setup_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/firebreak-dev/firebreak/app/setup"
)

func TestARepositoryIsListed(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		added         bool
	}{
		"none": {"FIREBREAK_APP_ID=1\n",
			"FIREBREAK_APP_ID=1\nFIREBREAK_REPOSITORIES=acme/incidents\n", true},
		"no line's end": {"FIREBREAK_APP_ID=1",
			"FIREBREAK_APP_ID=1\nFIREBREAK_REPOSITORIES=acme/incidents\n", true},
		"another": {"FIREBREAK_REPOSITORIES=acme/p1\nX=1\n",
			"FIREBREAK_REPOSITORIES=acme/p1,acme/incidents\nX=1\n", true},
		"an empty list": {"FIREBREAK_REPOSITORIES=\n", "FIREBREAK_REPOSITORIES=acme/incidents\n", true},
		"it": {"FIREBREAK_REPOSITORIES=acme/p1,Acme/Incidents\n",
			"FIREBREAK_REPOSITORIES=acme/p1,Acme/Incidents\n", false},
		"one as its end": {"FIREBREAK_REPOSITORIES=acme/incidents2\n",
			"FIREBREAK_REPOSITORIES=acme/incidents2,acme/incidents\n", true},
	} {
		file := filepath.Join(t.TempDir(), "firebreak.env")
		if err := os.WriteFile(file, []byte(c.before), 0o600); err != nil {
			t.Fatal(err)
		}
		added, err := setup.List(file, "acme/incidents")
		text, _ := os.ReadFile(file)
		if err != nil || added != c.added || string(text) != c.after {
			t.Errorf("%s: %t %v\n%s", name, added, err, text)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: others may read it: %v %v", name, info.Mode(), err)
		}
	}
	if _, err := setup.List(filepath.Join(t.TempDir(), "none"), "acme/incidents"); !errors.Is(err,
		os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := setup.ParseRepositories([]string{"acme/incidents", "acme/.github"}); err != nil {
		t.Error(err)
	}
	if err := setup.ParseRepositories([]string{"incidents"}); err == nil {
		t.Error("a name without its owner is taken")
	}
}
