package webapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/sandbox/workspace/webapi"
)

type heard []string

func (*heard) Helper() {}

func (h *heard) Errorf(format string, args ...any) { *h = append(*h, fmt.Sprintf(format, args...)) }

// TestCallsAreHeldAgainstTheDescription: what Slack does not describe is reported, and nothing else.
func TestCallsAreHeldAgainstTheDescription(t *testing.T) {
	const invited = `{"ok":true,"channel":{"id":"C1","name":"inc-1","is_private":true,"topic":{"value":"P1"}}}`
	for _, c := range []struct{ method, form, answer, want string }{
		{"conversations.invite", "channel=C1&users=U1", invited, ""},
		{"conversations.invite", "channel=C1&users=U1&force=true", invited, ""},
		{"conversations.invite", "channel=C1", invited, "the argument users is missing"},
		{"conversations.invite", "channel=C1&users=", invited, "the argument users is missing"},
		{"conversations.invite", "channel=C1&user=U1&users=U1", invited, "there is no argument user"},
		{"conversations.invite", "channel=C1&users=U1&force=perhaps", invited, "the argument force is perhaps, and not a boolean"},
		{"conversations.history", "channel=C1&limit=ten", `{"ok":true}`, "the argument limit is ten, and not a number"},
		{"conversations.setTopic", "channel=C1&topic=", `{"ok":true}`, ""},
		{"chat.postMessage", "channel=C1&blocks={}", `{"ok":true}`, "the argument blocks is {}, and not a list"},
		{"chat.postMessage", "channel=C1&text=t", `{"ok":true,"message":{"txt":"t"}}`, "the answer.message has no txt"},
		{"chat.postMessage", "channel=C1&text=t", `{"ok":true,"message":{"text":7}}`, "text is a number, and not a string"},
		{"chat.postMessage", "channel=C1&text=t", `{"ok":false,"error":"no_text"}`, ""},
		{"chat.postMessage", "channel=C1&text=t", `{"ok":false,"error":"already_pinned"}`, "there is no error already_pinned"},
		{"chat.postMessage", "channel=C1&text=t", `{"ok":false,"error":"ratelimited"}`, ""},
		{"chat.postMessage", "channel=C1&text=t", `{"ok":false}`, `the answer is ok: false, with the error ""`},
		{"chat.postMessage", "channel=C1&text=t", `{}`, "does not say whether it is ok"},
		{"chat.shout", "channel=C1", `{"ok":true}`, "no method of that name is described"},
	} {
		var got heard
		slack := webapi.Middleware(&got, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil || r.Form.Encode() == "" {
				t.Errorf("the call does not arrive: %v", err)
			}
			_, _ = w.Write([]byte(c.answer))
		}))
		r := httptest.NewRequest(http.MethodPost, "/api/"+c.method, strings.NewReader(c.form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		slack.ServeHTTP(w, r)
		if w.Body.String() != c.answer {
			t.Errorf("%s answers %s, want %s", c.method, w.Body, c.answer)
		}
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
			t.Errorf("%s of %s, %s: %q, want %q", c.method, c.form, c.answer, got, c.want)
		}
	}
}
