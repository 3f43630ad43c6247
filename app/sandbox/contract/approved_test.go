package contract

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

func TestOnlyWhatIsNewIsJudged(t *testing.T) {
	j := judged{parts: map[part]bool{}}
	a, b := &openapi3.Schema{}, &openapi3.Schema{Title: "another"}
	_, parts := j.without(a, []byte(`[{"n":1},{"n":2}]`))
	j.add(parts)
	_, parts = j.without(a, []byte(`{"n":4}`))
	j.add(parts)
	for _, c := range []struct {
		schema *openapi3.Schema
		body   string
		fresh  string // "": nothing
	}{
		{a, `[{"n":2},{"n":1}]`, ""},
		{a, `[{"n":2},{"n":3},{"n":1},{"n":5}]`, `[{"n":3},{"n":5}]`},
		{b, `[{"n":2}]`, `[{"n":2}]`},
		{a, `{"n":4}`, ""},
		{a, `[{"n":4}]`, `[{"n":4}]`},
		{a, `{"n":1}`, `{"n":1}`},
		{a, `[]`, `[]`},
		{a, `no JSON`, `no JSON`},
	} {
		fresh, parts := j.without(c.schema, []byte(c.body))
		if len(parts) == 0 {
			fresh = nil
		}
		if string(fresh) != c.fresh {
			t.Errorf("of %s is judged %q, want %q", c.body, fresh, c.fresh)
		}
	}
}
