package main

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// binaries returns a folder with static binaries: that of FIREBREAK_BINARIES, which the gate has built
// already, or of a build of now.
func binaries(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("FIREBREAK_BINARIES"); dir != "" {
		return dir
	}
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", dir, "./cmd/...")
	build.Dir, build.Env = "../..", append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return dir
}

// TestTheImagesStart builds both images, reads them back as a registry's client would, and starts
// what is in them as a container engine would: from their root file system alone, read-only, as their
// user, with their arguments.
func TestTheImagesStart(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("containers are of Linux")
	}
	to := t.TempDir()
	platform := "linux/" + runtime.GOARCH + "=" + binaries(t)
	if err := run(t.Context(), []string{"-o", to, "-version", "v1.2.3", "-root", "../..", platform}, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, i := range images {
		t.Run(i.binary, func(t *testing.T) {
			built := open(t, filepath.Join(to, i.binary))
			again, err := i.index(release{version: "v1.2.3", made: time.Unix(0, 0), root: "../.."}, []string{platform})
			if err != nil {
				t.Fatal(err)
			}
			if manifest, err := again.IndexManifest(); err != nil || manifest.Manifests[0].Digest != digest(t, built) {
				t.Errorf("the same binaries make two images (%v)", err)
			}
			if err := validate.Image(built); err != nil {
				t.Error(err)
			}
			config, err := built.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			if config.Config.User != "65532:65532" || config.OS != "linux" || config.Architecture != runtime.GOARCH {
				t.Errorf("it runs as %q on %s/%s", config.Config.User, config.OS, config.Architecture)
			}
			root := unpack(t, built)
			t.Run("starts", func(t *testing.T) { starts(t, root, config) })
		})
	}
}

func open(t *testing.T, dir string) v1.Image {
	t.Helper()
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	for {
		manifest, err := index.IndexManifest()
		if err != nil || len(manifest.Manifests) != 1 {
			t.Fatalf("%v, %+v", err, manifest)
		}
		first := manifest.Manifests[0]
		if first.MediaType.IsImage() {
			if first.Platform == nil || first.Platform.String() != "linux/"+runtime.GOARCH {
				t.Errorf("the index says it is for %v", first.Platform)
			}
			image, err := index.Image(first.Digest)
			if err != nil {
				t.Fatal(err)
			}
			return image
		}
		if index, err = index.ImageIndex(first.Digest); err != nil {
			t.Fatal(err)
		}
	}
}

func digest(t *testing.T, image v1.Image) v1.Hash {
	t.Helper()
	d, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// unpack writes an image's root file system, with its owners where this process may say them.
func unpack(t *testing.T, image v1.Image) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	packed := mutate.Extract(image)
	defer packed.Close()
	seen := map[string]*tar.Header{}
	for r := tar.NewReader(packed); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(root, h.Name)
		seen["/"+strings.Trim(h.Name, "/")] = h
		if h.Typeflag == tar.TypeDir {
			err = os.Mkdir(path, 0o700)
		} else {
			var content []byte
			if content, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(path, content, 0o600)
			}
		}
		if err == nil && os.Getuid() == 0 {
			err = os.Chown(path, h.Uid, h.Gid)
		}
		if err == nil {
			err = os.Chmod(path, fs.FileMode(h.Mode).Perm()) // after chown, which may drop bits
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if h := seen["/data"]; h == nil || h.Uid != user || h.Mode != 0o700 {
		t.Errorf("/data is %+v", h)
	}
	certs, err := os.ReadFile(filepath.Join(root, "etc/ssl/certs/ca-certificates.crt"))
	if pool := x509.NewCertPool(); err != nil || !pool.AppendCertsFromPEM(certs) || strings.Count(string(certs), "BEGIN") < 50 {
		t.Errorf("the roots for TLS: %v, %d bytes", err, len(certs))
	}
	return root
}

// process is a command that is about to run, and how it is sent a signal.
type process struct {
	*exec.Cmd
	pid  string // the file with its number; "": it is the command's own
	send func(name string) error
}

// contained returns a command that runs in root as a container engine would run it, and says how far
// that goes on this machine.
func contained(ctx context.Context, t *testing.T, root string, env, args []string) process {
	t.Helper()
	// The process keeps its number through all of these.
	const script = `echo $$ >"$1"; shift; inside=$PATH; PATH=/usr/sbin:/usr/bin:/sbin:/bin
		mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" &&
		mount -t tmpfs -o uid=65532,gid=65532,mode=0700 tmpfs "$0/data" &&
		chroot=$(command -v chroot) && PATH=$inside && exec "$chroot" --userspec=65532:65532 "$0" "$@"`
	inside := func(args ...string) process {
		pid := filepath.Join(t.TempDir(), "pid")
		line := append([]string{"env", "-i"}, env...)
		line = append(line, "unshare", "--mount", "sh", "-c", script, root, pid)
		cmd := asRoot(ctx, append(line, args...)...)
		// Not by the command's own number, which is sudo's: only root may send that one a signal.
		send := func(name string) error {
			number, err := os.ReadFile(pid)
			if err != nil {
				return err
			}
			return asRoot(context.Background(), "kill", "-"+name, strings.TrimSpace(string(number))).Run()
		}
		cmd.Cancel = func() error { return send("KILL") }
		return process{cmd, pid, send}
	}
	if said, err := inside(args[0], "--version").CombinedOutput(); err != nil {
		t.Logf("no root, mount or chroot here (%v: %s): started from an empty read-only folder instead", err, said)
		cmd := alone(ctx, t, root, env, args)
		return process{cmd, "", func(name string) error {
			return cmd.Process.Signal(map[string]syscall.Signal{"TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}[name])
		}}
	}
	return inside(args...)
}

// asRoot returns a command that runs as root, for which this process is root or may become it.
func asRoot(ctx context.Context, line ...string) *exec.Cmd {
	if os.Getuid() != 0 {
		line = append([]string{"sudo", "-n"}, line...)
	}
	return exec.CommandContext(ctx, line[0], line[1:]...)
}

// alone runs the image's binary from an empty folder that nobody may write to.
func alone(ctx context.Context, t *testing.T, root string, env, args []string) *exec.Cmd {
	t.Helper()
	dir, data := t.TempDir(), t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	for n, arg := range args {
		args[n] = strings.ReplaceAll(arg, "=/data", "="+data)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(root, args[0]), args[1:]...)
	cmd.Dir, cmd.Env = dir, env
	if os.Getuid() == 0 {
		if err := os.Chown(data, user, user); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	}
	return cmd
}

// starts starts an image's own command at a free port, waits until it is ready, asks for its health
// by the image's own check, and ends it.
func starts(t *testing.T, root string, config *v1.ConfigFile) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	port := free(t)
	args := append([]string{}, config.Config.Entrypoint...)
	for _, arg := range config.Config.Cmd {
		switch flag, _, _ := strings.Cut(arg, "="); flag {
		case "--listen":
			arg = "--listen=127.0.0.1:" + port
		case "--metrics":
			arg = "--metrics=127.0.0.1:0"
		}
		args = append(args, arg)
	}
	env := append(config.Config.Env, "FIREBREAK_APP_ID=1", "FIREBREAK_WEBHOOK_SECRET=secret-of-the-test",
		"FIREBREAK_GITHUB_URL=http://127.0.0.1:1", "FIREBREAK_PRIVATE_KEY="+privateKey(t))
	cmd := contained(ctx, t, root, env, args)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if !strings.HasPrefix(line, "ready http://127.0.0.1:"+port) {
		_ = cmd.send("KILL")
		_ = cmd.Wait()
		t.Fatalf("it says %q, %v:\n%s", line, err, &said)
	}
	if cmd.pid != "" {
		checkContained(t, cmd.pid)
	}
	answer, err := http.Get("http://127.0.0.1:" + port + "/")
	if err != nil || answer.StatusCode >= 500 {
		t.Errorf("%v, %v", err, answer)
	}
	if check := config.Config.Healthcheck; check != nil {
		probe := append(append([]string{}, check.Test[1:]...), "--url=http://127.0.0.1:"+port+"/healthz")
		if told, err := contained(ctx, t, root, env, probe).Output(); err != nil || string(told) != "ok\n" {
			t.Errorf("its health check: %v, %s", err, told)
		}
	}
	if err := cmd.send("TERM"); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v:\n%s", err, &said)
	}
}

// checkContained checks that a process runs as nobody, and that it can't write to its root.
func checkContained(t *testing.T, file string) {
	t.Helper()
	number, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid := strings.TrimSpace(string(number))
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil || !strings.Contains(string(status), "Uid:\t65532\t65532") {
		t.Errorf("it runs as somebody else (%v):\n%s", err, status)
	}
	mounts, err := asRoot(t.Context(), "cat", "/proc/"+pid+"/mountinfo").Output()
	if err != nil || !regexp.MustCompile(`(?m)^\S+ \S+ \S+ \S+ / ro`).Match(mounts) {
		t.Errorf("its root can be written to (%v):\n%s", err, mounts)
	}
}

func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// privateKey returns a key for the App in one line, as the environment takes it.
func privateKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", `\n`)
}

func TestMisuse(t *testing.T) {
	for _, args := range [][]string{{}, {"-o", "x"}, {"-push", "ghcr.io/acme", "linux/amd64=x"}, {"-o", t.TempDir(), "linux"},
		{"-o", t.TempDir(), "-date", "today", "linux/amd64=x"}, {"-o", t.TempDir(), "linux/amd64=/nowhere"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Error(fmt.Sprint(args), "is taken")
		}
	}
}
