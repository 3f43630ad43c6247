package postmortem

import (
	"testing"
)

func TestRefreshSame(t *testing.T) {
	for _, f := range []Facts{rich(), minimal(), drill(), long(100)} {
		document, err := Document(f)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Refresh(document, f)
		if err != nil {
			t.Fatal(err)
		}
		if got != document {
			t.Errorf("differs:\n%s", got)
		}
	}
}
