package intake

import (
	"testing"

	"github.com/firebreak-dev/firebreak/app/sources"
)

// A rule of the configuration may name each source of package sources: each must be read, and no
// reader is without a row.
func TestEverySourceHasItsReader(t *testing.T) {
	for _, s := range sources.All {
		reader := readers[s.Kind]
		if (reader != nil) != s.IsServed() {
			t.Errorf("%s: it is served by the table: %t, and it has a reader: %t", s.Kind, s.IsServed(), reader != nil)
		}
		if reader != nil && reader(nil, Settings{}).Name() != s.Kind {
			t.Errorf("%s has the reader of %s", s.Kind, reader(nil, Settings{}).Name())
		}
		if s.Through != "" {
			if carrier, ok := sources.Find(s.Through); !ok || !carrier.IsServed() {
				t.Errorf("%s comes through %s, which is not served", s.Kind, s.Through)
			}
		}
	}
	for kind := range readers {
		if _, ok := sources.Find(kind); !ok {
			t.Errorf("%s has a reader, and no row in package sources", kind)
		}
	}
}
