package contract

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// approved remembers which answers are as described, and which elements of lists: a client that
// follows a timeline is given the same again and again.
var approved = judged{parts: map[part]bool{}}

type judged struct {
	mu    sync.Mutex
	parts map[part]bool
}

// part is a hash of a schema and of what was held against it.
type part [sha256.Size]byte

// without returns what of an answer is still to be judged, as JSON, and its parts; there are none if nothing is.
func (j *judged) without(schema *openapi3.Schema, body []byte) (fresh []byte, parts []part) {
	var elements []json.RawMessage
	isList := json.Unmarshal(body, &elements) == nil && len(elements) > 0
	if !isList {
		elements = []json.RawMessage{body}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	left := elements[:0]
	for _, e := range elements {
		if p := part(sha256.Sum256(fmt.Appendf(nil, "%p %t %s", schema, isList, e))); !j.parts[p] {
			left, parts = append(left, e), append(parts, p)
		}
	}
	if !isList || len(left) == 0 {
		return body, parts
	}
	fresh = []byte{'['}
	for n, e := range left {
		if n > 0 {
			fresh = append(fresh, ',')
		}
		fresh = append(fresh, e...)
	}
	return append(fresh, ']'), parts
}

func (j *judged) add(parts []part) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, p := range parts {
		j.parts[p] = true
	}
}
