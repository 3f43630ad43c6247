// Command image makes container images of static binaries: an OCI index of a platform each, on an
// empty base, without a container engine. The same binaries give the same bytes.
//
//	go run . -o build/images -version v1.2.3 linux/amd64=build/amd64 linux/arm64=build/arm64
//
// writes build/images/firebreak and build/images/firebreak-serve, OCI layouts that skopeo, crane and
// podman read. With -push ghcr.io/firebreak-dev it pushes them and prints each one's digest.
package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user is who the binaries run as: the number that distroless calls nonroot.
const user = 65532

// image is what one image is, but for its platform.
type image struct {
	binary, about string
	ports, args   []string
	health        []string
}

// images are those that are published. The server has nothing in it but the server; the other one
// is for trying, setting up and checking.
var images = []image{
	{
		binary: "firebreak-serve", about: "Firebreak's server: critical incidents on GitHub",
		ports:  []string{"8789/tcp", "8790/tcp"},
		args:   []string{"--listen=0.0.0.0:8789", "--metrics=0.0.0.0:8790", "--data=/data"},
		health: []string{"/usr/bin/firebreak-serve", "health"},
	},
	{
		binary: "firebreak", about: "Firebreak's command line, with the demo: critical incidents on GitHub",
		ports: []string{"8787/tcp"}, args: []string{"demo", "--listen=0.0.0.0:8787"},
	},
}

// release is what all images of a run share.
type release struct {
	version, commit string
	made            time.Time
	root            string // the repository, for LICENSE and NOTICE
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var r release
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	to := flags.String("o", "", "folder for the OCI layouts")
	push := flags.String("push", "", "registry and owner to push to, such as ghcr.io/acme")
	made := flags.String("date", "1970-01-01T00:00:00Z", "date of the commit, RFC 3339")
	flags.StringVar(&r.version, "version", "", "tag of the images")
	flags.StringVar(&r.commit, "commit", "", "commit of git")
	flags.StringVar(&r.root, "root", ".", "the repository")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var err error
	if r.made, err = time.Parse(time.RFC3339, *made); err != nil {
		return fmt.Errorf("-date: %w", err)
	}
	if flags.NArg() == 0 || *to == "" && *push == "" || *push != "" && r.version == "" {
		return errors.New("needs -o or -push with -version, and PLATFORM=FOLDER for each platform")
	}
	for _, i := range images {
		index, err := i.index(r, flags.Args())
		if err != nil {
			return fmt.Errorf("image of %s: %w", i.binary, err)
		}
		if *to != "" {
			if err := write(filepath.Join(*to, i.binary), index, r.version); err != nil {
				return fmt.Errorf("image of %s: %w", i.binary, err)
			}
		}
		if *push != "" {
			if err := pushTo(ctx, *push+"/"+i.binary, index, r.version, out); err != nil {
				return fmt.Errorf("image of %s: %w", i.binary, err)
			}
		}
	}
	return nil
}

// write stores an index as an OCI layout, in place of what is there.
func write(dir string, index v1.ImageIndex, version string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	return path.AppendIndex(index, layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": version,
	}))
}

// pushTo pushes an index by its version, and prints its name with its digest.
func pushTo(ctx context.Context, repository string, index v1.ImageIndex, version string, out io.Writer) error {
	ref, err := name.NewTag(repository + ":" + strings.TrimPrefix(version, "v"))
	if err != nil {
		return err
	}
	if err := remote.WriteIndex(ref, index, remote.WithContext(ctx),
		remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
		return fmt.Errorf("push %s: %w", ref, err)
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s@%s\n", ref.Context(), digest)
	return err
}

// index returns the index of an image's platforms.
func (i image) index(r release, platforms []string) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range platforms {
		platform, folder, ok := strings.Cut(p, "=")
		at, err := v1.ParsePlatform(platform)
		if !ok || err != nil {
			return nil, fmt.Errorf("%q is not PLATFORM=FOLDER: %w", p, err)
		}
		built, err := i.build(r, at, filepath.Join(folder, i.binary))
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: built, Descriptor: v1.Descriptor{Platform: at}})
	}
	return index, nil
}

// build returns the image of a platform: one layer with the binary, roots for TLS, and an empty
// folder of the user's for data.
func (i image) build(r release, at *v1.Platform, binary string) (v1.Image, error) {
	packed, err := r.layer(binary)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(packed)), nil
	}, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
	if err != nil {
		return nil, err
	}
	made := v1.Time{Time: r.made}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	built, err := mutate.Append(base, mutate.Addendum{Layer: layer, History: v1.History{Created: made, CreatedBy: "image"}})
	if err != nil {
		return nil, err
	}
	config, err := built.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.Created, config.OS, config.Architecture, config.Variant = made, at.OS, at.Architecture, at.Variant
	config.Config = v1.Config{
		User: fmt.Sprintf("%d:%d", user, user), WorkingDir: "/data",
		Entrypoint: []string{"/usr/bin/" + i.binary}, Cmd: i.args,
		Env:          []string{"PATH=/usr/bin", "HOME=/data"},
		ExposedPorts: map[string]struct{}{}, Volumes: map[string]struct{}{"/data": {}},
		Labels: map[string]string{
			"org.opencontainers.image.title":       i.binary,
			"org.opencontainers.image.description": i.about,
			"org.opencontainers.image.source":      "https://github.com/firebreak-dev/firebreak",
			"org.opencontainers.image.licenses":    "Apache-2.0",
			"org.opencontainers.image.version":     r.version,
			"org.opencontainers.image.revision":    r.commit,
			"org.opencontainers.image.created":     r.made.UTC().Format(time.RFC3339),
		},
	}
	for _, port := range i.ports {
		config.Config.ExposedPorts[port] = struct{}{}
	}
	if len(i.health) > 0 {
		config.Config.Healthcheck = &v1.HealthConfig{Test: append([]string{"CMD"}, i.health...),
			Interval: 30 * time.Second, Timeout: 10 * time.Second, StartPeriod: 10 * time.Second, Retries: 3}
	}
	return mutate.ConfigFile(built, config)
}

// layer returns the root file system as a tar.
func (r release) layer(binary string) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(name string, mode fs.FileMode, owner int, content []byte) error {
		h := &tar.Header{Name: strings.TrimPrefix(name, "/"), Mode: int64(mode.Perm()), Uid: owner, Gid: owner,
			ModTime: r.made, Size: int64(len(content)), Typeflag: tar.TypeReg}
		if mode&fs.ModeSticky != 0 {
			h.Mode |= 0o1000
		}
		if mode.IsDir() {
			h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		_, err := w.Write(content)
		return err
	}
	for _, f := range []struct {
		name  string
		mode  fs.FileMode
		owner int
		read  func() ([]byte, error)
	}{
		{"/usr", fs.ModeDir | 0o755, 0, nil},
		{"/usr/bin", fs.ModeDir | 0o755, 0, nil},
		{"/usr/bin/" + filepath.Base(binary), 0o755, 0, func() ([]byte, error) { return os.ReadFile(binary) }},
		{"/etc", fs.ModeDir | 0o755, 0, nil},
		{"/etc/passwd", 0o644, 0, text("root:x:0:0:root:/:/nowhere\nnonroot:x:%d:%[1]d:nonroot:/data:/nowhere\n", user)},
		{"/etc/group", 0o644, 0, text("root:x:0:\nnonroot:x:%d:\n", user)},
		{"/etc/ssl", fs.ModeDir | 0o755, 0, nil},
		{"/etc/ssl/certs", fs.ModeDir | 0o755, 0, nil},
		{"/etc/ssl/certs/ca-certificates.crt", 0o644, 0, roots},
		{"/usr/share", fs.ModeDir | 0o755, 0, nil},
		{"/usr/share/doc", fs.ModeDir | 0o755, 0, nil},
		{"/usr/share/doc/firebreak", fs.ModeDir | 0o755, 0, nil},
		{"/usr/share/doc/firebreak/LICENSE", 0o644, 0, r.file("LICENSE")},
		{"/usr/share/doc/firebreak/NOTICE", 0o644, 0, r.file("NOTICE")},
		{"/tmp", fs.ModeDir | 0o777 | fs.ModeSticky, 0, nil},
		{"/data", fs.ModeDir | 0o700, user, nil}, // a new volume of Docker's gets its owner
	} {
		var content []byte
		if f.read != nil {
			var err error
			if content, err = f.read(); err != nil {
				return nil, err
			}
		}
		if err := add(f.name, f.mode, f.owner, content); err != nil {
			return nil, fmt.Errorf("pack %s: %w", f.name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func text(format string, args ...any) func() ([]byte, error) {
	return func() ([]byte, error) { return fmt.Appendf(nil, format, args...), nil }
}

func (r release) file(name string) func() ([]byte, error) {
	return func() ([]byte, error) { return os.ReadFile(filepath.Join(r.root, name)) }
}

// roots returns Mozilla's roots for TLS as PEM, but for those that hold under a condition only,
// which PEM can't say. The base is empty, so nothing else brings them.
func roots() ([]byte, error) {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
