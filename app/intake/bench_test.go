package intake_test

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/intake"
)

// Time and memory grow with the size of what comes, and not faster (K7).
func BenchmarkSizes(b *testing.B) {
	run := func(name, source string, size int, body func() io.Reader) {
		b.Run(fmt.Sprintf("%s of %d MB", name, size>>20), func(b *testing.B) {
			handler := intake.Handler(intake.Options{
				Sources: []intake.Source{&intake.Email{Secrets: intake.Secrets{[]byte("token")}}, &intake.Alertmanager{Secrets: intake.Secrets{[]byte("token")}}},
				Accept:  func(context.Context, intake.Result) error { return nil },
			})
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				req := httptest.NewRequest("POST", intake.Prefix+source, body())
				req.Header.Set("Authorization", "Bearer token")
				res := httptest.NewRecorder()
				if handler.ServeHTTP(res, req); res.Code >= 300 {
					b.Fatal(res.Code, res.Body)
				}
			}
		})
	}
	for _, part := range []int{4, 2, 1} {
		size := (intake.MaxMail - 1<<16) / part
		run("a mail", "email", size, func() io.Reader { return largeMail(size, 3) })
	}
	for _, part := range []int{4, 2, 1} {
		size := intake.MaxBody / part
		const alert = `{"status":"firing","labels":{"alertname":"TargetDown","severity":"critical"},"annotations":{"description":"An alert of some length, as they are"}}`
		group := `{"version":"4","groupKey":"g","status":"firing","alerts":[` + strings.TrimSuffix(strings.Repeat(alert+",", size/(len(alert)+1)-1), ",") + `]}`
		run("a group of alerts", "alertmanager", size, func() io.Reader { return strings.NewReader(group) })
	}
}
