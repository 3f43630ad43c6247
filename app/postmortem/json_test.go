package postmortem

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestC2JSONOfAnyFacts: whatever was written, other tools can rely on the types: no list is null,
// and every time is RFC 3339 in UTC.
func TestC2JSONOfAnyFacts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		data, err := JSON(f)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := JSON(f); !bytes.Equal(again, data) {
			t.Fatalf("written twice:\n%s\nand\n%s", data, again)
		}
		var got exported
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&got); err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		if got.Version != 1 || len(got.Timeline) != len(f.Entries) || len(got.FollowUps) != len(f.FollowUps) {
			t.Fatalf("version %d with %d entries and %d follow-ups", got.Version, len(got.Timeline),
				len(got.FollowUps))
		}
		reliable(t, "", reflect.ValueOf(got))
	})
}

// reliable checks the lists and the times below a value.
func reliable(t *rapid.T, at string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			reliable(t, at+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Slice:
		if v.IsNil() {
			t.Fatalf("%s is null", at)
		}
		for i := range v.Len() {
			reliable(t, at, v.Index(i))
		}
	case reflect.Pointer:
		s, ok := v.Interface().(*string)
		if !ok || s == nil || at == ".FollowUps.Due" { // a number, no time, or people's words
			return
		}
		if when, err := time.Parse("2006-01-02T15:04:05Z", *s); err != nil || when.IsZero() {
			t.Fatalf("%s is %q", at, *s)
		}
	}
}
