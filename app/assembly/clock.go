package assembly

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// followed is the real clock until somebody sets it; then it goes on from there, as fast as it was
// told.
type followed struct {
	mu   sync.Mutex
	base time.Time // zero: the real clock
	at   time.Time // when base was set, on the real clock
	rate float64
}

// Now returns the time.
func (f *followed) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.base.IsZero() {
		return time.Now()
	}
	return f.base.Add(time.Duration(float64(time.Since(f.at)) * f.rate))
}

// set sets the time, and the speed if it is told.
func (f *followed) set(now time.Time, rate *float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.base.IsZero() {
		f.rate = 1
	}
	if rate != nil {
		f.rate = *rate
	}
	f.base, f.at = now, time.Now()
}

func (f *followed) isSet() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.base.IsZero()
}

// clockTime is what an embedded GitHub says of its clock, and what it is answered.
type clockTime struct {
	Now   time.Time  `json:"now,omitzero"`
	Speed *float64   `json:"speed,omitempty"` // virtual seconds per second
	Next  *time.Time `json:"next"`
}

var clockClient = &http.Client{Timeout: 5 * time.Second}

// readClock asks an embedded GitHub for its time.
func readClock(ctx context.Context, url string) (t clockTime, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return t, fmt.Errorf("read the clock: %w", err)
	}
	res, err := clockClient.Do(req)
	if err != nil {
		return t, fmt.Errorf("read the clock: %w", err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&t); err != nil || t.Now.IsZero() {
		return t, fmt.Errorf("read the clock at %s: %s, and no time in it", url, res.Status)
	}
	return t, nil
}

// read sets the clock by the one of an embedded GitHub, unless that has called already.
func (f *followed) read(ctx context.Context, url string) error {
	t, err := readClock(ctx, url)
	if err == nil && !f.isSet() {
		f.set(t.Now, t.Speed)
	}
	return err
}

// readUntil reads the clock of an embedded GitHub that wasn't there when the product began.
func (f *followed) readUntil(ctx context.Context, url string, wake func(), log *slog.Logger) {
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for !f.isSet() {
		if err := f.read(ctx, url); err == nil {
			log.Info("the clock is followed", "now", f.Now())
			wake()
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}
