package main

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// largest is the size of the webhook function's package, in bytes: a small one starts soon.
const largest = 8 << 20

func TestTheSameBytesTwice(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for _, dir := range []string{first, second} {
		if err := run(dir, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	names, err := filepath.Glob(filepath.Join(first, "*.zip"))
	if err != nil || len(names) < 3 {
		t.Fatalf("packages %v, %v", names, err)
	}
	here, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		one, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		two, err := os.ReadFile(filepath.Join(second, filepath.Base(name)))
		if err != nil || !bytes.Equal(one, two) {
			t.Errorf("%s differs when it is built again: %v", filepath.Base(name), err)
		}
		if filepath.Base(name) == "webhook.zip" && len(one) > largest {
			t.Errorf("webhook.zip has %d bytes", len(one))
		}
		binary := unpack(t, one)
		if bytes.Contains(binary, []byte(here)) {
			t.Errorf("%s holds the path where it was built", filepath.Base(name))
		}
		f, err := elf.NewFile(bytes.NewReader(binary))
		if err != nil || f.Machine != elf.EM_AARCH64 {
			t.Errorf("%s is not for arm64: %v", filepath.Base(name), err)
		}
		if libraries, err := f.ImportedLibraries(); err != nil || len(libraries) > 0 {
			t.Errorf("%s needs %v, %v", filepath.Base(name), libraries, err)
		}
	}
}

// unpack returns the one file in a package, which must be what Lambda runs.
func unpack(t *testing.T, packed []byte) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	if len(z.File) != 1 || z.File[0].Name != "bootstrap" || z.File[0].Mode() != 0o755 ||
		!z.File[0].Modified.Equal(stamp) {
		t.Errorf("it holds %d files, the first %s, %s, of %s", len(z.File), z.File[0].Name,
			z.File[0].Mode(), z.File[0].Modified)
	}
	r, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	binary, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return binary
}
