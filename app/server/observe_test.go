package server

import (
	"log/slog"
	"net"
	"strings"
	"testing"
)

// Whoever has the usual address of the metrics keeps nobody's incident waiting; one that was asked
// for must be had.
func TestTheMetricsAddressIsTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken, log := l.Addr().String(), &strings.Builder{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	if own, err := observed(taken, false, logger); own != nil || err != nil ||
		!strings.Contains(log.String(), "--metrics") {
		t.Errorf("%v, %v, %s", own, err, log)
	}
	if own, err := observed(taken, true, logger); own != nil || err == nil {
		t.Errorf("%v, %v", own, err)
	}
	if own, err := observed("", true, logger); own != nil || err != nil {
		t.Errorf("%v, %v", own, err)
	}
}
