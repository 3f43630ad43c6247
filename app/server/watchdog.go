package server

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"time"
)

// watchdog tells systemd, where that started the process, that it is ready and, as long as work
// gets done, that it lives. If it hears nothing for WatchdogSec of the unit it ends the process and
// starts it again.
// https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
func watchdog(getenv func(string) string, health func(context.Context) error, log *slog.Logger,
	work func(context.Context) error) func(context.Context) error {
	address := getenv("NOTIFY_SOCKET")
	if address == "" {
		return work
	}
	send := func(state string) {
		conn, err := net.Dial("unixgram", address) // an @ represents an abstract one, as systemd writes it
		if err == nil {
			_, err = conn.Write([]byte(state))
			_ = conn.Close()
		}
		if err != nil {
			log.Warn("systemd could not be told", "state", state, "err", err)
		}
	}
	period, _ := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64) // none: the unit has no WatchdogSec
	return func(ctx context.Context) error {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		send("READY=1")
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			beat(ctx, time.Duration(period)*time.Microsecond/2, health, send)
		}()
		err := work(ctx)
		send("STOPPING=1")
		stop()
		<-ended
		return err
	}
}

// beat sends a sign of life every so often while work gets done.
func beat(ctx context.Context, every time.Duration, health func(context.Context) error, send func(string)) {
	if every <= 0 {
		return
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if health(ctx) == nil {
				send("WATCHDOG=1")
			}
		case <-ctx.Done():
			return
		}
	}
}
