package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

func TestItOutlivesTheProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "q.db")
	c := &clock{now: start}
	ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: 2}
	s, err := openStore(t, file, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Enqueue(t.Context(), message(1, "a"), time.Time{}),
		s.Schedule(t.Context(), ref, start.Add(time.Minute)), s.Close()); err != nil {
		t.Fatal(err)
	}
	c.add(time.Hour) // it passed while the process was away
	q := open(t, file, c, nil)
	seen := q.idle()
	slices.Sort(seen)
	expect(t, seen, "1 a", "2 clock")
}

// A process that is killed has lost nothing that it had acknowledged.
func TestKilled(t *testing.T) {
	if file := os.Getenv("FIREBREAK_TEST_KILLED"); file != "" {
		s, err := openStore(t, file, &clock{now: start}, nil)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		for i := 0; ; i++ {
			if err := s.Enqueue(context.Background(), message(i+1, fmt.Sprint("k", i)),
				time.Time{}); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			fmt.Println("stored", i)
		}
	}
	file := filepath.Join(t.TempDir(), "q.db")
	cmd := exec.Command(os.Args[0], "-test.run", "^TestKilled$")
	cmd.Env = append(os.Environ(), "FIREBREAK_TEST_KILLED="+file)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stored := 0
	for stored < 50 {
		var n int
		if _, err := fmt.Fscanf(out, "stored %d\n", &n); err != nil {
			t.Fatalf("after %d: %v", stored, err)
		}
		stored = n + 1
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	q := open(t, file, &clock{now: start}, nil)
	if n := len(q.idle()); n < stored {
		t.Errorf("%d acknowledged, %d there after the kill", stored, n)
	}
}

func TestTheShelfKeepsTheLast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue.db")
	s, err := openStore(t, path, wall{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	kept := func(name string) []byte {
		t.Helper()
		content, err := s.Load(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	if got := kept("policies/acme/incidents"); got != nil {
		t.Errorf("nothing was kept, and there is %q", got)
	}
	for _, content := range []string{"pager: slack", "", "pager: webhook"} {
		if err := s.Save(t.Context(), "policies/Acme/incidents", []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got := kept("policies/acme/incidents"); got == nil || string(got) != content {
			t.Errorf("kept %q, and there is %q", content, got)
		}
	}
}
