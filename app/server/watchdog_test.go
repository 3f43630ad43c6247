package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestSystemdIsTold(t *testing.T) {
	address := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	read := func() string {
		b := make([]byte, 100)
		n, err := l.Read(b)
		if err != nil {
			t.Error(err)
		}
		return string(b[:n])
	}
	failed := errors.New("failed")
	work := func(context.Context) error {
		for _, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1"} {
			if got := read(); got != want {
				t.Errorf("it says %s, want %s", got, want)
			}
		}
		return failed
	}
	env := map[string]string{"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "2000"}
	healthy := func(context.Context) error { return nil }
	if err := watchdog(func(name string) string {
		return env[name]
	}, healthy, slog.New(slog.DiscardHandler), work)(t.Context()); !errors.Is(err, failed) {
		t.Error(err)
	}
	for got := read(); got != "STOPPING=1"; got = read() {
		if got != "WATCHDOG=1" {
			t.Errorf("it says %s", got)
		}
	}
}

// Signs of life go out only while work gets done.
func TestNoSignOfLifeWhileNoWorkGetsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		ctx, stop := context.WithTimeout(t.Context(), 65*time.Second)
		defer stop()
		beat(ctx, 10*time.Second, func(context.Context) error {
			if since := time.Since(began); since > 15*time.Second && since < 45*time.Second {
				return errors.New("all workers hang")
			}
			return nil
		}, func(string) { at = append(at, time.Since(began)) })
		if want := []time.Duration{10 * time.Second, 50 * time.Second, 60 * time.Second}; !slices.Equal(at,
			want) {
			t.Errorf("signs of life at %v, want %v", at, want)
		}
	})
}
