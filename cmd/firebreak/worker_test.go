package main_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/aws/awstest"
)

// The worker outside Lambda names what is missing; with it, it reads the queue and says that it does.
func TestTheWorkerStarts(t *testing.T) {
	double := awstest.New(t, time.Now)
	url, _ := double.AddQueue("firebreak.fifo", awstest.QueueOptions{Visibility: 720 * time.Second, Receives: 10})
	if said := fails(t, double.Environ(), "worker", "--listen", "127.0.0.1:0"); !strings.Contains(said, "FIREBREAK_QUEUE_URL") {
		t.Errorf("without a queue it says %s", said)
	}
	p := start(t, append(double.Environ(), "FIREBREAK_QUEUE_URL="+url), "worker", "--listen", "127.0.0.1:0")
	if status, said := request(t, "", "GET", p.url+"/healthz", ""); status != http.StatusOK {
		t.Errorf("%d %s", status, said)
	}
	var calls []string
	until(t, "it reads the queue", func() bool {
		calls = append(calls, double.Calls()...) // each is told once
		return len(calls) > 0
	})
	if calls[0] != "ReceiveMessage" {
		t.Errorf("it calls %v", calls)
	}
}
