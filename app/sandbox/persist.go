package sandbox

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// keeper keeps a sandbox in a folder: a snapshot of everything that is in the repositories,
// written again soon after a change; a log of calls and deliveries, which are too many to be written
// again; and what an App needs to work here.
type keeper struct {
	folder string // empty: nothing is kept
	change chan struct{}
	ended  chan struct{}
	done   sync.WaitGroup

	log    *os.File
	lines  []byte // of the log, still to be written; guarded by the store's mutex
	saved  int64  // the version that the snapshot has; the keeper's goroutine alone uses it
	failed error  // the first failure; read after the goroutine ended
}

// snapshot is one file.
type snapshot struct {
	Now    time.Time       `json:"now"`
	Secret string          `json:"secret"`
	Faults keptFaults      `json:"faults"`
	Model  forge.Model     `json:"model"`
	Slack  json.RawMessage `json:"slack,omitempty"`
}

// record is one line of the log.
type record struct {
	Call     *Call           `json:"call,omitempty"`
	Delivery *forge.Delivery `json:"delivery,omitempty"` // is on its way
	Done     *forge.Delivery `json:"done,omitempty"`     // has been made: without the payload, which is known
}

const (
	snapshotFile = "github.json"
	logFile      = "history.jsonl"
	keyName      = "app.pem"
	saveDelay    = 200 * time.Millisecond
)

// openKeeper prepares the folder, and takes the App's key and secret from it.
func openKeeper(o *Options) (*keeper, error) {
	k := &keeper{change: make(chan struct{}, 1), ended: make(chan struct{})}
	if o.Data == "" {
		return k, nil
	}
	folder, err := filepath.Abs(o.Data)
	if err == nil {
		err = os.MkdirAll(folder, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("the sandbox's folder: %w", err)
	}
	k.folder = folder
	if text, err := os.ReadFile(filepath.Join(folder, keyName)); err == nil && o.PrivateKey == nil {
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, fmt.Errorf("%s holds no key", filepath.Join(folder, keyName))
		}
		if o.PrivateKey, err = x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(folder, keyName), err)
		}
	}
	if snap, err := k.read(); err != nil {
		return nil, err
	} else if snap != nil && o.WebhookSecret == "" {
		o.WebhookSecret = snap.Secret
	}
	return k, nil
}

func (k *keeper) keyFile() string {
	if k.folder == "" {
		return ""
	}
	return filepath.Join(k.folder, keyName)
}

func (k *keeper) read() (*snapshot, error) {
	if k.folder == "" {
		return nil, nil
	}
	name := filepath.Join(k.folder, snapshotFile)
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var snap snapshot
	if err == nil {
		err = json.Unmarshal(text, &snap)
	}
	if err == nil && len(snap.Model.Repos) == 0 {
		err = errors.New("it holds no sandbox")
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w; move it away to start again", name, err)
	}
	return &snap, nil
}

// load fills the forge from the folder; known is false when there is nothing yet.
func (k *keeper) load(s *Sandbox) (known bool, err error) {
	snap, err := k.read()
	if err != nil || snap == nil {
		return false, err
	}
	s.clock.set(snap.Now)
	for n := range snap.Model.Outbox { // of a folder from before arrivals were counted
		snap.Model.Outbox[n].Count = max(1, snap.Model.Outbox[n].Count)
	}
	if err := s.forge.Restore(snap.Model); err != nil {
		return false, err
	}
	if len(snap.Slack) > 0 {
		if err := s.slack.Import(snap.Slack); err != nil {
			return false, fmt.Errorf("read %s: %w", filepath.Join(k.folder, snapshotFile), err)
		}
	}
	if err := s.restoreFaults(snap.Faults); err != nil {
		return false, fmt.Errorf("read %s: %w", filepath.Join(k.folder, snapshotFile), err)
	}
	return true, k.readLog(s)
}

// readLog reads calls and deliveries. The process may have been killed while it wrote the last
// line, which then counts for nothing.
func (k *keeper) readLog(s *Sandbox) error {
	f := s.forge
	name := filepath.Join(k.folder, logFile)
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read %s: %w", name, err)
	}
	pending := map[int64]*forge.Delivery{}
	for n := 1; len(text) > 0; n++ {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		text = rest
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			if !whole {
				break
			}
			return fmt.Errorf("read %s, line %d: %w; move the file away to go on without the lists of calls and deliveries",
				name, n, err)
		}
		switch {
		case r.Call != nil:
			s.calls = append(s.calls, *r.Call)
		case r.Delivery != nil:
			f.Deliveries = append(f.Deliveries, r.Delivery)
			pending[r.Delivery.ID] = r.Delivery
		case r.Done != nil:
			if d := pending[r.Done.ID]; d != nil {
				r.Done.Payload = d.Payload
				*d = *r.Done
				delete(pending, d.ID)
			}
		}
	}
	s.calls = last(s.calls, keptCalls)
	f.Deliveries = last(f.Deliveries, keptDeliveries)
	// The log may be younger than the snapshot: no id is given out twice.
	if n := len(f.Deliveries); n > 0 {
		f.IDs["delivery"] = max(f.IDs["delivery"], f.Deliveries[n-1].ID)
	}
	return nil
}

func last[T any](list []T, n int) []T {
	if len(list) > n {
		return slices.Clone(list[len(list)-n:])
	}
	return list
}

// shortenLog writes the log again, with what is still remembered.
func (k *keeper) shortenLog(s *Sandbox) error {
	name := filepath.Join(k.folder, logFile)
	var text []byte
	for n := range s.calls {
		text = appendRecord(text, record{Call: &s.calls[n]})
	}
	for _, d := range s.forge.Deliveries {
		text = appendRecord(text, record{Delivery: d})
	}
	err := os.WriteFile(name+".new", text, 0o600)
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err == nil {
		k.log, err = os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0o600)
	}
	return err
}

func appendRecord(to []byte, r record) []byte {
	if r.Done != nil {
		done := *r.Done
		done.Payload = nil
		r.Done = &done
	}
	line, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("sandbox: a record of the log can't be written: %v",
			err)) // it has texts and numbers alone
	}
	return append(append(to, line...), '\n')
}

// begin writes what an App needs, and keeps writing what changes.
func (k *keeper) begin(s *Sandbox) error {
	if k.folder == "" {
		return nil
	}
	var err error
	if !s.forge.Empty {
		err = os.WriteFile(k.keyFile(), forge.EncodeKey(s.o.PrivateKey), 0o600)
	}
	err = errors.Join(err, k.writeEnvironment(s), k.saveSnapshot(s), k.shortenLog(s))
	if err != nil {
		return fmt.Errorf("the sandbox's folder: %w", err)
	}
	s.forge.OnChange = k.noteChange
	k.done.Go(func() { k.work(s) })
	return nil
}

// writeEnvironment writes what the App's process reads.
func (k *keeper) writeEnvironment(s *Sandbox) error {
	if s.o.EnvironmentFile == "" {
		return nil
	}
	variables := s.Environment()
	var env strings.Builder
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		fmt.Fprintf(&env, "%s=%s\n", name, variables[name])
	}
	return os.WriteFile(filepath.Join(k.folder, s.o.EnvironmentFile), []byte(env.String()), 0o600)
}

// record appends to what is kept of calls and deliveries. The forge is locked.
func (k *keeper) record(r record) {
	if k.log == nil {
		return
	}
	k.lines = appendRecord(k.lines, r)
	k.noteChange()
}

// noteChange lets what changed be saved.
func (k *keeper) noteChange() {
	select {
	case k.change <- struct{}{}:
	default:
	}
}

// work saves soon after a change. The longer saving takes, the rarer it is done, so that it never
// takes much of the time.
func (k *keeper) work(s *Sandbox) {
	delay := saveDelay
	for {
		select {
		case <-k.ended:
			return
		case <-k.change:
		}
		timer := time.NewTimer(delay)
		select {
		case <-k.ended:
			timer.Stop()
			return
		case <-timer.C:
		}
		began := time.Now()
		if err := k.save(s); err != nil && k.failed == nil {
			k.failed = err
		}
		delay = max(saveDelay, 10*time.Since(began))
	}
}

// save appends to the log, and writes the snapshot if it is no longer right.
func (k *keeper) save(s *Sandbox) error {
	s.forge.Lock()
	lines, version := k.lines, s.forge.Version
	k.lines = nil
	s.forge.Unlock()
	_, err := k.log.Write(lines)
	if version != k.saved {
		err = errors.Join(err, k.saveSnapshot(s))
	}
	return err
}

// saveSnapshot writes the snapshot next to the old one and then over it.
func (k *keeper) saveSnapshot(s *Sandbox) error {
	chat, err := s.slack.Export() // not while the forge is locked
	if err != nil {
		return err
	}
	s.forge.Lock()
	text, err := json.Marshal(snapshot{Now: s.clock.Now(), Secret: s.o.WebhookSecret,
		Faults: s.keepFaults(), Model: s.forge.Model, Slack: chat})
	version := s.forge.Version
	s.forge.Unlock()
	if err != nil {
		return err
	}
	name := filepath.Join(k.folder, snapshotFile)
	if err := os.WriteFile(name+".new", text, 0o600); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	k.saved = version
	return nil
}

// end saves for the last time.
func (k *keeper) end(s *Sandbox) error {
	if k.folder == "" {
		return nil
	}
	close(k.ended)
	k.done.Wait()
	k.saved = -1 // the clock went on, too
	return errors.Join(k.failed, k.save(s), k.log.Close())
}
