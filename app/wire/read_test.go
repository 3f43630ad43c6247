package wire_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/awscloud/awstest"
	"github.com/firebreak-dev/firebreak/app/wire"
)

// A command line may refer to the secrets that the functions use; one that refers to none asks AWS for nothing.
func TestTheEnvironmentOfACommand(t *testing.T) {
	aws := awstest.New(t, time.Now)
	for _, v := range aws.Environ() {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	t.Setenv("FIREBREAK_APP_ID", "17")
	getenv, err := wire.Environ(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil || getenv("FIREBREAK_APP_ID") != "17" || len(aws.Calls()) > 0 {
		t.Fatalf("without references: %q (%v)", getenv("FIREBREAK_APP_ID"), err)
	}
	aws.SetSecret("firebreak/webhook-secret", "of the webhook")
	t.Setenv("FIREBREAK_WEBHOOK_SECRET", "secretsmanager:firebreak/webhook-secret")
	if getenv, err = wire.Environ(t.Context(), slog.New(slog.DiscardHandler)); err != nil || getenv("FIREBREAK_WEBHOOK_SECRET") != "of the webhook" || getenv("FIREBREAK_APP_ID") != "17" {
		t.Errorf("with a reference: %v", err)
	}
	t.Setenv("FIREBREAK_PRIVATE_KEY", "secretsmanager:firebreak/none")
	if _, err := wire.Environ(t.Context(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "FIREBREAK_PRIVATE_KEY") {
		t.Errorf("with a reference to nothing: %v", err)
	}
}
