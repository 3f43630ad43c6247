package bench_test

import (
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/bench"
)

// The figure is of commands that were done, alone and while another account is noisy.
func TestAccountsAreMeasured(t *testing.T) {
	f, err := bench.Accounts(t.Context(), bench.Options{Dir: t.TempDir(), Duration: 500 * time.Millisecond}, 50)
	if err != nil {
		t.Fatal(err)
	}
	if f.Alone.P99 < f.Look || f.Noisy.P99 < f.Look || f.Ratio == 0 || f.Rate == 0 {
		t.Errorf("%+v", f)
	}
}
