package lazily_test

import (
	"sync"
	"testing"

	"github.com/firebreak-dev/firebreak/app/lazily"
)

// A regular expression costs nothing until it is used, also one that is broken.
func TestARegexpIsCompiledWhenItIsUsed(t *testing.T) {
	wrong := lazily.Compile(`(`)
	if got := wrong.String(); got != `(` {
		t.Errorf("its text is %q", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("what is no regular expression matched")
		}
	}()
	wrong.MatchString("x")
}

func TestARegexpServesSeveralAtOnce(t *testing.T) {
	r := lazily.Compile(`^(a+)(b?)$`)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if m := r.FindStringSubmatch("aab"); len(m) != 3 || m[1] != "aa" || m[2] != "b" {
				t.Errorf("found %q", m)
			}
		})
	}
	all.Wait()
}
