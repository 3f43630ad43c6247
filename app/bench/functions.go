package bench

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/firebreak-dev/firebreak/functions/lambdatest"
)

const (
	starts   = 15               // of each function, to see how long that takes
	patience = 10 * time.Second // for an invocation
)

// Functions measures the webhook function as Lambda runs it: its own binary behind the Runtime API,
// one invocation at a time. What bounds it is a function that only computes the HMAC and, where
// something is stored, sends a word to the queue. source is the folder of Firebreak's source, of
// which both are built.
func Functions(ctx context.Context, o Options, source string) ([]Row, error) {
	tell := o.progress()
	tell("building the functions")
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	bare, err := lambdatest.Build(dir, filepath.Join(source, "app", "bench", "bare"))
	if err != nil {
		return nil, err
	}
	webhook, err := lambdatest.Build(dir, filepath.Join(source, "functions", "webhook"))
	if err != nil {
		return nil, err
	}
	q := &queue{}
	l, err := listen(q)
	if err != nil {
		return nil, err
	}
	defer l.close()
	environ := []string{"AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench",
		"AWS_ENDPOINT_URL=" + l.url,
		"FIREBREAK_APP_ID=1", "FIREBREAK_WEBHOOK_SECRET=" + Secret}
	sends := append(environ, "FIREBREAK_QUEUE_URL="+l.url+"/123456789012/bench.fifo")
	functions := []*function{
		{name: "a function that only computes the HMAC", binary: bare, environ: environ, text: command},
		{name: "webhook function, nothing to store", binary: webhook, environ: sends,
			text: "Thanks, all is well"},
		{name: "a function that sends a word to the queue too", binary: bare, environ: sends, text: command,
			stores: true},
		{name: "webhook function, stored in the queue", binary: webhook, environ: sends, text: command,
			stores: true},
	}
	stored := 0
	tell("the webhook function, in turns with a bare one")
	for range rounds {
		for _, f := range functions {
			n, err := f.load(ctx, o.Duration/rounds)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.name, err)
			}
			if f.stores {
				stored += n
			}
		}
	}
	if n := q.stored.Load(); n != int64(stored) {
		return nil, fmt.Errorf("of %d commands %d were stored", stored, n)
	}
	tell("starting functions")
	for range starts {
		for _, f := range functions {
			if err := f.cold(ctx); err != nil {
				return nil, fmt.Errorf("start %s: %w", f.name, err)
			}
		}
	}
	return table(functions), nil
}

// table returns each second function against the one before it, which bounds it.
func table(functions []*function) (rows []Row) {
	for i, f := range functions {
		if i%2 == 0 {
			rows = append(rows, f.runs.middle(f.name))
		} else {
			rows = append(rows, f.runs.against(functions[i-1].runs, f.name, functions[i-1].name))
		}
	}
	bare, webhook := functions[2], functions[3]
	const fromStart = ", from its start"
	return append(rows, bare.starts.middle(bare.name+fromStart),
		webhook.starts.against(bare.starts, webhook.name+fromStart, bare.name+fromStart))
}

// function is one that is measured, with the comments that it is handed.
type function struct {
	name, binary string
	environ      []string
	text         string
	stores       bool // each of them goes to the queue

	sent   int64  // deliveries so far: each has an id of its own
	runs   series // of many deliveries each
	starts series // until one delivery was answered
}

// load starts the function and invokes it again and again; it reports how often.
func (f *function) load(ctx context.Context, during time.Duration) (int, error) {
	running, err := lambdatest.Start(f.binary, patience, f.environ)
	if err != nil {
		return 0, err
	}
	defer running.Stop()
	if err := f.invoke(ctx, running); err != nil {
		return 0, err
	}
	var took []time.Duration
	start := time.Now()
	for time.Since(start) < during || len(took) == 0 {
		at := time.Now()
		if err := f.invoke(ctx, running); err != nil {
			return 0, err
		}
		took = append(took, time.Since(at))
	}
	f.runs = append(f.runs, summary(took, time.Since(start)))
	return len(took) + 1, nil
}

// cold notes how long it is from the function's start to its first answer.
func (f *function) cold(ctx context.Context) error {
	running, err := lambdatest.Start(f.binary, patience, f.environ)
	if err != nil {
		return err
	}
	defer running.Stop()
	err = f.invoke(ctx, running)
	took := time.Since(running.Began)
	f.starts = append(f.starts, Row{Rate: 1 / took.Seconds(), P50: took})
	return err
}

// invoke hands the function a delivery as API Gateway does.
func (f *function) invoke(ctx context.Context, running *lambdatest.Function) error {
	f.sent++
	body := delivery(f.sent, f.text)
	e := events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: "/webhook", Body: string(body),
		Headers: map[string]string{
			"content-type": "application/json", "x-github-event": "issue_comment",
			"x-github-delivery": fmt.Sprintf("bench-%d", f.sent), "x-hub-signature-256": signature(body)}}
	e.RequestContext.HTTP.Method = http.MethodPost
	var answer events.APIGatewayV2HTTPResponse
	if err := running.Invoke(ctx, e, &answer); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusAccepted {
		return fmt.Errorf("delivery %d was answered %d: %s", f.sent, answer.StatusCode, answer.Body)
	}
	return nil
}

// queue is SQS as far as the webhook function needs it.
type queue struct{ stored atomic.Int64 }

func (q *queue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ MessageBody string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil ||
		r.Header.Get("X-Amz-Target") != "AmazonSQS.SendMessage" {
		http.Error(w, "only messages are sent here", http.StatusBadRequest)
		return
	}
	q.stored.Add(1)
	sum := md5.Sum([]byte(in.MessageBody)) // the client compares it
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	fmt.Fprintf(w, `{"MessageId":"%d","MD5OfMessageBody":%q}`, q.stored.Load(), hex.EncodeToString(sum[:]))
}
