package rest

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzJSON holds what is written against encoding/json.
func FuzzJSON(f *testing.F) {
	f.Add("a \"text\" \\ of\nlines\tand <html> & \u2028\x01\xff", int64(-7))
	f.Add("Zoë 🔥 \ufffd", int64(1)<<60)
	f.Fuzz(func(t *testing.T, s string, n int64) {
		type own struct {
			A string
			B []string
		}
		view := fields{
			s: s, "b": true, "c": int(n), "d": n, "e": nil, "f": []fields{{s: n}, {}, nil}, "g": []string{s, ""}, "h": []any{n, s, nil, 1.5}, "i": []fields(nil),
			"j": json.RawMessage(`{"x":[1]}`), "k": []json.RawMessage{json.RawMessage("null"), nil}, "l": own{A: s}, "m": map[string]string{s: s}, "n": fields(nil),
		}
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(view); err != nil {
			t.Fatal(err)
		}
		var a, b any
		if err := json.Unmarshal(want.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		got := mustJSON(view)
		if err := json.Unmarshal(got, &b); err != nil {
			t.Fatalf("%v: %s", err, got)
		}
		if x, y := mustRemarshal(t, a), mustRemarshal(t, b); !bytes.Equal(x, y) {
			t.Errorf("want %s\ngot  %s", x, y)
		}
	})
}

func mustRemarshal(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
