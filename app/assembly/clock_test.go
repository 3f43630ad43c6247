package assembly

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAFollowedClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f followed
		if !f.Now().Equal(time.Now()) {
			t.Error("a clock that nobody set is not the real one")
		}
		noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
		stands, minutely := 0.0, 60.0
		for _, c := range []struct {
			rate *float64
			want time.Duration // after 10 s
		}{
			{nil, 10 * time.Second}, {&minutely, 10 * time.Minute}, {nil, 10 * time.Minute}, {&stands, 0}, {nil, 0},
		} {
			f.set(noon, c.rate)
			<-time.After(10 * time.Second) // by the clock of the bubble
			if got := f.Now().Sub(noon); got != c.want {
				t.Errorf("after 10 s it went on by %s, want %s", got, c.want)
			}
		}
	})
}
