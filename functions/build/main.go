// Command build makes the functions' packages for Lambda: build/NAME.zip for each folder of
// functions that is a command. The same source and the same Go give the same bytes.
package main

import (
	"archive/zip"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	to := flag.String("o", "build", "folder for the packages")
	flag.Parse()
	if err := run(*to, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run builds each function in the folders next to this command.
func run(to string, out io.Writer) error {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("go list -m: run this in the repository: %w", err)
	}
	functions := filepath.Join(strings.TrimSpace(string(root)), "functions")
	mains, err := filepath.Glob(filepath.Join(functions, "*", "main.go"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, file := range mains {
		folder := filepath.Dir(file)
		name := filepath.Base(folder)
		if name == "build" {
			continue
		}
		binary, err := compile(folder)
		if err != nil {
			return err
		}
		packed, err := pack(binary)
		if err != nil {
			return fmt.Errorf("pack %s: %w", name, err)
		}
		target := filepath.Join(to, name+".zip")
		if err := os.WriteFile(target, packed, 0o644); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\t%.1f MB, of a binary of %.1f MB\n", target,
			float64(len(packed))/1e6, float64(len(binary))/1e6); err != nil {
			return err
		}
	}
	return nil
}

// compile builds a function for Lambda on arm64. Without the tag lambda.norpc, which the go1.x
// runtime needed, it would link net/rpc.
// https://docs.aws.amazon.com/lambda/latest/dg/golang-package.html
func compile(folder string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "firebreak")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "bootstrap")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags",
		"-s -w -buildid=", "-o", binary, ".")
	cmd.Dir, cmd.Env = folder, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build %s: %w\n%s", folder, err, said)
	}
	return os.ReadFile(binary)
}

// stamp is the time of every file in a package: the earliest that a zip file can say.
var stamp = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// pack makes the package of a binary, which Lambda's own images run by the name of bootstrap.
func pack(binary []byte) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	head := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: stamp}
	head.SetMode(0o755)
	w, err := z.CreateHeader(head)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(binary); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
