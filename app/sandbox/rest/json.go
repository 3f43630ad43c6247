package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// mustJSON writes what cannot fail to be written.
func mustJSON(v any) json.RawMessage { return appendJSON(nil, v) }

// appendJSON writes a view as encoding/json does with HTML not escaped. That reads every part that
// is JSON already once more, and goes through reflection for the rest: of a program that keeps
// asking, it took most of the time.
func appendJSON(to []byte, view any) []byte {
	switch v := view.(type) {
	case nil:
		return append(to, "null"...)
	case bool:
		return strconv.AppendBool(to, v)
	case int:
		return strconv.AppendInt(to, int64(v), 10)
	case int64:
		return strconv.AppendInt(to, v, 10)
	case string:
		return appendText(to, v)
	case json.RawMessage:
		if v == nil {
			return append(to, "null"...)
		}
		return append(to, v...)
	case fields:
		if v == nil {
			return append(to, "null"...)
		}
		to = append(to, '{')
		for n, key := range slices.Sorted(maps.Keys(v)) {
			if n > 0 {
				to = append(to, ',')
			}
			to = append(appendText(to, key), ':')
			to = appendJSON(to, v[key])
		}
		return append(to, '}')
	case []fields:
		return appendList(to, v)
	case []json.RawMessage:
		return appendList(to, v)
	case []string:
		return appendList(to, v)
	case []any:
		return appendList(to, v)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(view); err != nil {
		panic(fmt.Sprintf("sandbox: a view cannot be written as JSON: %v", err))
	}
	return append(to, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

func appendList[T any](to []byte, all []T) []byte {
	if all == nil {
		return append(to, "null"...)
	}
	to = append(to, '[')
	for n, v := range all {
		if n > 0 {
			to = append(to, ',')
		}
		to = appendJSON(to, v)
	}
	return append(to, ']')
}

func appendText(to []byte, s string) []byte {
	to = append(to, '"')
	plain := 0 // where what can be copied begins
	for at := 0; at < len(s); {
		r, size := rune(s[at]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[at:])
		}
		switch {
		case r == '"' || r == '\\':
			to = append(append(to, s[plain:at]...), '\\', byte(r))
			plain = at + 1
		case r == '\n':
			to = append(append(to, s[plain:at]...), '\\', 'n')
			plain = at + 1
		case r < ' ' || r == '\u2028' || r == '\u2029':
			to = fmt.Appendf(append(to, s[plain:at]...), `\u%04x`, r)
			plain = at + size
		case r == utf8.RuneError && size == 1:
			to = append(append(to, s[plain:at]...), `\ufffd`...)
			plain = at + 1
		}
		at += size
	}
	return append(append(to, s[plain:]...), '"')
}
