package intake_test

import (
	"bytes"
	"compress/gzip"
	"testing"
)

// What is packed stays packed, though it is signed rightly: a few kilobytes could unfold to
// gigabytes. A mail is kept whatever it holds, but at its own size.
func TestI1NothingIsUnpacked(t *testing.T) {
	for source, body := range bodies(t) {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := z.Write(append([]byte(body), bytes.Repeat([]byte(" "), 4<<20)...)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		e := serve(nil)
		header := signedFor(source, packed.String(), "now")
		header.Set("Content-Encoding", "gzip")
		w := e.post(source, packed.String(), header)
		if source == "email" {
			for _, r := range e.accepted {
				for _, s := range r.Signals {
					if len(s.Text) > packed.Len() {
						t.Errorf("a mail of %d bytes became a text of %d", packed.Len(), len(s.Text))
					}
				}
			}
			continue
		}
		if w.Code < 400 || w.Code > 499 || len(e.accepted) > 0 {
			t.Errorf("%s: %d %s, %d accepted", source, w.Code, w.Body, len(e.accepted))
		}
	}
}
