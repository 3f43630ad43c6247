// Command pack puts all payloads of npm's @octokit/webhooks-examples into one
// file for the tests of the webhook endpoint.
//
// Run it in app/sandbox/contract, with the unpacked npm package as argument:
//
//	npm pack @octokit/webhooks-examples@7.6.1 && tar xzf octokit-webhooks-examples-7.6.1.tgz
//	go run ./pack package
//
// It writes octokit-webhooks-examples.json.gz and, next to it, the licence's
// notice to app/webhook/testdata. The file holds a list of {event, name,
// payload}; a name is unique and says whose example it is. The same package makes
// the same bytes.
package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// out is where the endpoint's tests are.
const out = "../../webhook/testdata"

// licence is the package's: its package.json says MIT, and the notice is that of
// its repository, octokit/webhooks, as the package itself carries none.
const licence = `MIT License Copyright (c) 2020 Octokit contributors

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice (including the next paragraph) shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

// An example is one delivery.
type example struct {
	Event   string          `json:"event"`
	Name    string          `json:"name"`
	Payload json.RawMessage `json:"payload"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./pack PATH-OF-UNPACKED-@octokit/webhooks-examples")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	sets, err := filepath.Glob(filepath.Join(dir, "*", "index.json"))
	if err != nil {
		return err
	}
	if len(sets) == 0 {
		return fmt.Errorf("%s: holds no examples", dir)
	}
	var all []example
	for _, set := range sets {
		examples, err := readSet(set)
		if err != nil {
			return err
		}
		all = append(all, examples...)
	}
	// Like next to like packs best.
	slices.SortStableFunc(all, func(a, b example) int { return cmp.Compare(a.Event, b.Event) })
	data, err := json.Marshal(all) // compacts the payloads
	if err != nil {
		return err
	}
	if err := writeGzip(filepath.Join(out, "octokit-webhooks-examples.json.gz"), data); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "LICENSE-octokit-webhooks-examples"), []byte(licence), 0o644)
}

// readSet reads the examples of one GitHub: api.github.com or a version of its
// Enterprise Server.
func readSet(path string) ([]example, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var events []struct {
		Name     string
		Examples []json.RawMessage
	}
	if err := json.Unmarshal(data, &events); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	origin := filepath.Base(filepath.Dir(path))
	var all []example
	for _, event := range events {
		for i, payload := range event.Examples {
			name := fmt.Sprintf("%s/%s/%d", origin, event.Name, i)
			all = append(all, example{Event: event.Name, Name: name, Payload: payload})
		}
	}
	return all, nil
}

// writeGzip leaves name and time out of the header: same content, same bytes.
func writeGzip(path string, data []byte) error {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, packed.Bytes(), 0o644)
}
