package simulation

import (
	"strings"
	"sync"
	"testing"
	"time"

	"modernc.org/sqlite"
)

// disk is what the queue's file is on. While it is full nothing is written.
type disk struct {
	mu     sync.Mutex
	isFull bool
	isDown bool // the process ended, and can't be started
}

var (
	disks    sync.Map // by the file's path
	hookDisk sync.Once
)

// newDisk watches over a file.
func newDisk(t *testing.T, path string) *disk {
	hookDisk.Do(func() {
		sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, dsn string) error {
			path, _, _ := strings.Cut(strings.TrimPrefix(dsn, "file:"), "?")
			d, ok := disks.Load(path)
			if hooks, can := conn.(sqlite.HookRegisterer); ok && can {
				hooks.RegisterCommitHook(d.(*disk).refuse)
			}
			return nil
		})
	})
	d := &disk{}
	disks.Store(path, d)
	t.Cleanup(func() { disks.Delete(path) })
	return d
}

// refuse is asked at each commit, and lets it fail by anything but 0.
func (d *disk) refuse() int32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isFull {
		return 1
	}
	return 0
}

func (d *disk) set(isFull bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.isFull = isFull
}

func (d *disk) full() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.isFull
}

// pressDisk lets the queue's disk be full for a while. The process ends at the first write, and its
// service manager can't start it before there is room again.
func (f *trial) pressDisk(w *world, n int) {
	if !f.chance(30) {
		return
	}
	var from time.Time
	f.within(w, n, func() {
		from = w.box.Clock().Now()
		w.net.tell("the disk is full")
		w.disk.set(true)
	}, func() {
		w.net.tell("the disk has room again")
		w.disk.set(false)
		if w.disk.isDown {
			w.disk.isDown = false
			w.start()
		}
		w.net.mu.Lock()
		w.net.isAway(from, w.box.Clock().Now())
		w.net.resting = append(w.net.resting, span{from, w.box.Clock().Now().Add(time.Minute)})
		w.net.mu.Unlock()
		w.advance(0)
	})
}

// down ends the process, whose disk is full.
func (w *world) down() {
	w.net.tell("the process ends, as its disk is full")
	w.crashed[w.lives] = time.Time{} // it could note nothing
	w.kill()
	_ = w.product.Close()
	w.disk.isDown = true
}
