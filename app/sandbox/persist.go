package sandbox

import (
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
)

// keeper keeps a sandbox in a folder: one file of everything, written anew as a whole soon after a change, and what an
// App needs to work here.
type keeper struct {
	folder string // empty: nothing is kept
	change chan struct{}
	ended  chan struct{}
	done   sync.WaitGroup
	mu     sync.Mutex
	failed error
}

// snapshot is the file.
type snapshot struct {
	Now    time.Time `json:"now"`
	Secret string    `json:"secret"`
	Model  model     `json:"model"`
}

const (
	snapshotFile = "github.json"
	keyName      = "app.pem"
	envName      = "firebreak.env"
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
	if err != nil {
		return nil, fmt.Errorf("read %s: %w; move it away to begin anew", name, err)
	}
	return &snap, nil
}

// load fills the store from the folder; known is false when there is nothing yet.
func (k *keeper) load(s *Sandbox) (known bool, err error) {
	snap, err := k.read()
	if err != nil || snap == nil {
		return false, err
	}
	s.clock.set(snap.Now)
	s.st.model = snap.Model
	return true, s.st.relink()
}

// relink finds again what points at what.
func (st *store) relink() error {
	for _, u := range st.Users {
		st.users[strings.ToLower(u.Login)] = u
	}
	st.org, _ = st.user("acme")
	for _, r := range st.Repos {
		st.repos[strings.ToLower(r.FullName())] = r
		for _, i := range r.Issues {
			if i == nil {
				continue
			}
			i.repo = r
			st.issues[i.ID] = i
			if !i.Closed {
				r.open++
			}
			for n, l := range i.Labels {
				if own, ok := r.label(l.Name); ok {
					i.Labels[n] = own
				}
			}
			for _, c := range i.Comments {
				c.issue = i
				st.comments[c.ID] = c
			}
			for _, e := range i.Timeline {
				if e.Kind == "commented" {
					e.comment = st.comments[e.CommentID]
				}
				if e.Kind == "reviewed" && i.Pull != nil {
					if n := slices.IndexFunc(i.Pull.Reviews, func(v *Review) bool { return v.ID == e.ReviewID }); n >= 0 {
						e.review = i.Pull.Reviews[n]
					}
				}
			}
		}
	}
	return nil
}

// begin writes what an App needs, and keeps writing what changes.
func (k *keeper) begin(s *Sandbox) error {
	if k.folder == "" {
		return nil
	}
	var env strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.Environment())) {
		fmt.Fprintf(&env, "%s=%s\n", name, s.Environment()[name])
	}
	err := errors.Join(os.WriteFile(k.keyFile(), pemOf(s.o.PrivateKey), 0o600), os.WriteFile(filepath.Join(k.folder, envName), []byte(env.String()), 0o600), k.save(s))
	if err != nil {
		return fmt.Errorf("the sandbox's folder: %w", err)
	}
	s.st.dirty = func() {
		select {
		case k.change <- struct{}{}:
		default:
		}
	}
	k.done.Go(func() {
		for {
			select {
			case <-k.ended:
				return
			case <-k.change:
			}
			timer := time.NewTimer(saveDelay)
			select {
			case <-k.ended:
				timer.Stop()
				return
			case <-timer.C:
			}
			if err := k.save(s); err != nil {
				k.mu.Lock()
				k.failed = err
				k.mu.Unlock()
			}
		}
	})
	return nil
}

// save writes everything anew, beside the old file and then over it.
func (k *keeper) save(s *Sandbox) error {
	s.st.mu.Lock()
	text, err := json.Marshal(snapshot{Now: s.clock.Now(), Secret: s.o.WebhookSecret, Model: s.st.model})
	s.st.mu.Unlock()
	if err != nil {
		return err
	}
	name := filepath.Join(k.folder, snapshotFile)
	if err := os.WriteFile(name+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// end saves for the last time.
func (k *keeper) end(s *Sandbox) error {
	if k.folder == "" {
		return nil
	}
	close(k.ended)
	k.done.Wait()
	k.mu.Lock()
	failed := k.failed
	k.mu.Unlock()
	return errors.Join(failed, k.save(s))
}
