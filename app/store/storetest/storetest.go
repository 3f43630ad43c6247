// Package storetest is for tests that run the product on a file, and end and start it again.
package storetest

import (
	"os"
	"testing"
)

// Memory returns a folder that costs no disk, where the system has one; it is removed when the test ends. The queue
// waits for its file at each change, and a test of many looks does mostly that. What a file survives a power failure
// with is tested on a disk, by app/store itself.
func Memory(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "firebreak")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
