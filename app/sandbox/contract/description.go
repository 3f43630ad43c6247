package contract

import (
	"bytes"
	"cmp"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:embed testdata/openapi.json.gz
var packed []byte

//go:embed testdata/openapi-2026-03-10.json.gz
var packedNewest []byte

// newest is the version of the API that packedNewest describes; packed describes the one before,
// which whoever names none is given.
const newest = "2026-03-10"

// A description is GitHub's OpenAPI description, ready to be held against.
type description struct {
	doc      *openapi3.T
	routes   []route                     // the most specific first
	roots    map[string]bool             // first segments of all paths
	payloads map[string]*openapi3.Schema // by "event" or "event/action"
}

// A route is a path of the description.
type route struct {
	path    string
	pattern *regexp.Regexp
	params  []string
	fixed   int // how many segments are no parameter
	item    *openapi3.PathItem
}

// load reads the description once. It is not validated itself: it is GitHub's,
// and a strict reader finds much to object to.
var load = sync.OnceValues(func() (*description, error) { return describe(packed) })

var loadNewest = sync.OnceValues(func() (*description, error) { return describe(packedNewest) })

func describe(packed []byte) (*description, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotLoaded, err)
	}
	data, err := io.ReadAll(unpacked)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotLoaded, err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotLoaded, err)
	}
	d := &description{doc: doc, roots: map[string]bool{}}
	for path, item := range doc.Paths.Map() {
		d.routes = append(d.routes, newRoute(path, item))
		first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if first != "" { // of the root itself every page would seem to be a part
			d.roots[first] = true
		}
	}
	slices.SortFunc(d.routes, func(a, b route) int {
		return cmp.Or(cmp.Compare(b.fixed, a.fixed), cmp.Compare(a.path, b.path))
	})
	d.payloads, err = readPayloads(doc)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotLoaded, err)
	}
	return d, nil
}

// several lists the parameters that GitHub takes more than one segment for. A
// path may also be empty: the root folder's.
var several = map[string]string{
	"path": "(?:/(.*))?", "ref": "/(.+)", "basehead": "/(.+)", "branch": "/(.+)",
}

func newRoute(path string, item *openapi3.PathItem) route {
	r := route{path: path, item: item}
	pattern := "^"
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		name, isParam := strings.CutPrefix(segment, "{")
		if !isParam {
			pattern += "/" + regexp.QuoteMeta(segment)
			r.fixed++
			continue
		}
		name = strings.TrimSuffix(name, "}")
		r.params = append(r.params, name)
		pattern += cmp.Or(several[name], "/([^/]+)")
	}
	r.pattern = regexp.MustCompile(pattern + "$")
	return r
}

// readPayloads resolves the schemas of webhook payloads, which are in an
// extension, where the loader doesn't look.
func readPayloads(doc *openapi3.T) (map[string]*openapi3.Schema, error) {
	data, err := json.Marshal(doc.Extensions["x-webhook-payloads"])
	if err != nil {
		return nil, err
	}
	var references map[string]struct {
		Ref string `json:"$ref"`
	}
	if err := json.Unmarshal(data, &references); err != nil {
		return nil, fmt.Errorf("x-webhook-payloads: %w", err)
	}
	payloads := map[string]*openapi3.Schema{}
	for name, reference := range references {
		schema := doc.Components.Schemas[strings.TrimPrefix(reference.Ref, "#/components/schemas/")]
		if schema == nil || schema.Value == nil {
			return nil, fmt.Errorf("x-webhook-payloads: %s: no schema %q", name, reference.Ref)
		}
		payloads[name] = schema.Value
	}
	if len(payloads) == 0 {
		return nil, fmt.Errorf("x-webhook-payloads: empty")
	}
	return payloads, nil
}
