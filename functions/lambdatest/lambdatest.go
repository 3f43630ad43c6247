// Package lambdatest runs a function's binary as Lambda does: by its Runtime API.
package lambdatest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Build builds a function for this machine into a folder, whose path is absolute, as it is built
// for Lambda; it returns the binary's path.
func Build(to, source string) (string, error) {
	binary := filepath.Join(to, filepath.Base(source))
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags",
		"-s -w -buildid=", "-o", binary, ".")
	cmd.Dir, cmd.Env = source, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", source, err, out)
	}
	return binary, nil
}

// Function is a running function.
type Function struct {
	// Began is when its process was started.
	Began time.Time
	// Pid is its process.
	Pid int

	cmd     *exec.Cmd
	api     *http.Server
	dir     string
	log     *log
	timeout time.Duration
	waiting chan *invocation
	ended   chan struct{} // closed when the process has ended

	one  sync.Mutex // a function handles one event at a time
	mu   sync.Mutex
	n    int
	open map[string]*invocation
	init string // what it said when it could not begin
}

type invocation struct {
	id     string
	event  []byte
	answer chan answer
}

type answer struct {
	body []byte
	err  error
}

// Error is an error that a function answered with.
type Error struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func (e *Error) Error() string { return e.Type + ": " + e.Message }

// log is what the function writes to standard error.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Start starts a function with nothing in its environment but environ and what Lambda puts there.
// timeout is how long an invocation may take.
func Start(binary string, timeout time.Duration, environ []string) (*Function, error) {
	f := &Function{log: &log{}, timeout: timeout, waiting: make(chan *invocation),
		ended: make(chan struct{}), open: map[string]*invocation{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", f.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response",
		func(w http.ResponseWriter, r *http.Request) {
			f.answered(w, r, false)
		})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error",
		func(w http.ResponseWriter, r *http.Request) {
			f.answered(w, r, true)
		})
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", f.notBegun)
	var err error
	if f.dir, err = os.MkdirTemp("", "function-"); err != nil {
		return nil, fmt.Errorf("a folder for the function: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("a port for the Runtime API: %w", err), os.RemoveAll(f.dir))
	}
	f.api = &http.Server{Handler: mux, ReadHeaderTimeout: timeout}
	go func() { _ = f.api.Serve(l) }()
	f.cmd = exec.Command(binary)
	f.cmd.Stderr, f.cmd.Stdout, f.cmd.Dir = f.log, f.log, f.dir
	f.cmd.Env = append([]string{"AWS_LAMBDA_RUNTIME_API=" + l.Addr().String(),
		"AWS_LAMBDA_FUNCTION_NAME=" + filepath.Base(binary),
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "_HANDLER=bootstrap",
		"LAMBDA_TASK_ROOT=" + filepath.Dir(binary)}, environ...)
	f.Began = time.Now()
	if err := f.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the function: %w", err), f.api.Close(), os.RemoveAll(f.dir))
	}
	f.Pid = f.cmd.Process.Pid
	go func() { _ = f.cmd.Wait(); close(f.ended) }()
	return f, nil
}

// Stop ends the function, as Lambda does with one that nobody needs.
func (f *Function) Stop() {
	_ = f.cmd.Process.Kill()
	<-f.ended
	_ = f.api.Close()
	_ = os.RemoveAll(f.dir)
}

// Invocations is how often it was handed an event.
func (f *Function) Invocations() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

// Log is what the function wrote so far.
func (f *Function) Log() string { return f.log.String() }

// Invoke hands the function an event and decodes its answer into out, which may be nil. What the
// function answers as an error is an *Error.
func (f *Function) Invoke(ctx context.Context, event, out any) error {
	f.one.Lock()
	defer f.one.Unlock()
	body, err := json.Marshal(event)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.n++
	i := &invocation{id: fmt.Sprintf("00000000-0000-4000-8000-%012d", f.n), event: body,
		answer: make(chan answer, 1)}
	f.open[i.id] = i
	f.mu.Unlock()
	ctx, stop := context.WithTimeout(ctx, f.timeout)
	defer stop()
	select {
	case f.waiting <- i:
	case <-f.ended:
		return f.gone()
	case <-ctx.Done():
		return fmt.Errorf("the function asks for no event: %w\n%s", ctx.Err(), f.Log())
	}
	select {
	case a := <-i.answer:
		if a.err != nil || out == nil {
			return a.err
		}
		return json.Unmarshal(a.body, out)
	case <-f.ended:
		return f.gone()
	case <-ctx.Done():
		return fmt.Errorf("the function doesn't answer: %w\n%s", ctx.Err(), f.Log())
	}
}

func (f *Function) gone() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fmt.Errorf("the function has ended (%s): %s\n%s", f.cmd.ProcessState, f.init, f.Log())
}

func (f *Function) next(w http.ResponseWriter, r *http.Request) {
	select {
	case i := <-f.waiting:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", i.id)
		w.Header().Set("Lambda-Runtime-Deadline-Ms",
			strconv.FormatInt(time.Now().Add(f.timeout).UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn",
			"arn:aws:lambda:eu-central-1:123456789012:function:"+filepath.Base(f.cmd.Path))
		w.Header().Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
		_, _ = w.Write(i.event)
	case <-r.Context().Done():
	case <-f.ended:
	}
}

func (f *Function) answered(w http.ResponseWriter, r *http.Request, failed bool) {
	body, err := io.ReadAll(r.Body)
	f.mu.Lock()
	i := f.open[r.PathValue("id")]
	delete(f.open, r.PathValue("id"))
	f.mu.Unlock()
	if i == nil {
		http.Error(w, "nobody asked that", http.StatusBadRequest)
		return
	}
	if failed && err == nil {
		var e Error
		err = errors.Join(json.Unmarshal(body, &e), &e)
	}
	w.WriteHeader(http.StatusAccepted)
	i.answer <- answer{body, err}
}

func (f *Function) notBegun(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.init = string(body)
	w.WriteHeader(http.StatusAccepted)
}
