package stats

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// cacheVersion is that of the files; files of another are written again.
const cacheVersion = 1

// cache is what was read of one repository: a file to which each incident is added as it is read,
// so that a run that ends anywhere loses nothing. The newest entry of an incident counts.
type cache struct {
	file    *os.File
	entries map[int]entry
}

// entry is what was read of one incident.
type entry struct {
	Number  int             `json:"number"`
	Updated time.Time       `json:"updated"` // as GitHub listed it
	Read    time.Time       `json:"read"`
	State   *incident.State `json:"state,omitempty"` // nil: it has no card

	forged bool // its card is not to be believed; with the right secret it may be, so this is not kept
}

// fresh reports whether what was read still holds.
func (e entry) fresh(updated, now time.Time) bool {
	return e.Updated.Equal(updated) && (e.State == nil || over(*e.State) || now.Sub(e.Read) < stale)
}

// over reports whether nothing more is to come of an incident.
func over(s incident.State) bool {
	for _, f := range s.FollowUps {
		if !f.Done {
			return false
		}
	}
	return s.Closed != nil && (s.Outcome != "" || s.Document.Merged != nil)
}

// slim drops what no figure is taken from: most of a state is for going on with the incident.
func slim(s incident.State) *incident.State {
	s.Timeline, s.Heard, s.Last, s.Pinned, s.Said = nil, nil, nil, nil, nil
	s.Mirrored, s.Unplaced = nil, nil
	s.Asked, s.Cursor = incident.Asked{}, incident.Cursor{}
	s.Paging.Pages = nil
	return &s
}

// openCache opens the file of a repository, and reads it.
func openCache(folder, host, owner, repo string) (*cache, error) {
	path := filepath.Join(folder, plain(host), plain(owner), plain(repo)+".jsonl")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil { // incidents are nobody else's business
		return nil, fmt.Errorf("keep what is read: %w; choose a folder with --cache", err)
	}
	c := &cache{entries: map[int]entry{}}
	lines, err := c.load(path)
	if err != nil {
		return nil, fmt.Errorf("read what was kept: %w", err)
	}
	if lines == 0 || lines > 2*len(c.entries)+100 {
		if err := c.rewrite(path); err != nil {
			return nil, fmt.Errorf("keep what is read: %w; choose a folder with --cache", err)
		}
	}
	if c.file, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return nil, fmt.Errorf("keep what is read: %w; choose a folder with --cache", err)
	}
	return c, nil
}

// plain makes a name one of a file.
func plain(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, strings.ToLower(name))
	if strings.Trim(name, ".") == "" {
		return "_"
	}
	return name
}

// load reads a file and reports how many lines it has; 0: it is to be written again. A line that can't
// be read was cut by a crash, and its incident is read again.
func (c *cache) load(path string) (lines int, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	in := bufio.NewScanner(file)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		if len(in.Bytes()) == 0 {
			continue
		}
		if lines++; lines == 1 {
			var head struct{ Version int }
			if json.Unmarshal(in.Bytes(), &head) != nil || head.Version != cacheVersion {
				return 0, nil
			}
			continue
		}
		var e entry
		if json.Unmarshal(in.Bytes(), &e) == nil && e.Number > 0 {
			c.entries[e.Number] = e
		}
	}
	return lines, in.Err()
}

// rewrite writes the file again, with one entry per incident.
func (c *cache) rewrite(path string) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	out := bufio.NewWriter(temp)
	enc := json.NewEncoder(out)
	err = enc.Encode(map[string]int{"version": cacheVersion})
	for _, e := range c.entries {
		err = errors.Join(err, enc.Encode(e))
	}
	if err = errors.Join(err, out.Flush(), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// keep adds an entry. It is one write to the end of the file, so that two runs at once don't mix
// their lines, and it begins with a line break, so that a line which a crash cut ends there.
func (c *cache) keep(e entry) error {
	var line bytes.Buffer
	line.WriteByte('\n')
	if err := json.NewEncoder(&line).Encode(e); err != nil {
		return fmt.Errorf("keep incident #%d: %w", e.Number, err)
	}
	if _, err := c.file.Write(line.Bytes()); err != nil {
		return fmt.Errorf("keep incident #%d: %w; choose a folder with --cache", e.Number, err)
	}
	return nil
}

func (c *cache) close() error { return c.file.Close() }
