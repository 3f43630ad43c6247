package functions_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// packages are what testdata/package-lock.json pins, installed once and kept until that changes.
var packages = sync.OnceValue(func() error {
	for _, command := range []string{"node", "npm"} {
		if _, err := exec.LookPath(command); err != nil {
			return err
		}
	}
	lock, err := os.ReadFile("testdata/package-lock.json")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(lock)
	want, stamp := hex.EncodeToString(sum[:]), filepath.Join("testdata", "node_modules", ".lock")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want {
		return nil
	}
	cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	cmd.Dir = "testdata"
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.New("npm ci: " + string(out))
	}
	return os.WriteFile(stamp, []byte(want), 0o644)
})

// needPackages skips a test where there is no Node, but never in CI.
func needPackages(t *testing.T) {
	t.Helper()
	if err := packages(); err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	} else if err != nil {
		t.Skipf("this needs Node 20 and its packages: %v", err)
	}
}

// fauxqs runs an SQS of somebody else's, so that the double can't be wrong in the same way as the
// product.
func fauxqs(t *testing.T) http.Handler {
	t.Helper()
	needPackages(t)
	cmd := exec.Command("node", "--input-type=module", "--eval",
		`import { startFauxqs } from "fauxqs"; console.log((await startFauxqs({ port: 0, logger: false })).address)`)
	cmd.Dir, cmd.Stderr = "testdata", os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("fauxqs does not start: %q, %v", line, err)
	}
	address, err := url.Parse(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return httputil.NewSingleHostReverseProxy(address)
}
