// Package webapi holds calls of Slack's Web API against what Slack itself says of it: arguments, answers and codes of
// errors. The embedded Slack and whoever calls it are checked in tests; nothing of it runs in production.
package webapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// methods.json is what Slack's description says of the methods that the product uses: the types of npm's
// @slack/web-api 8.2.0 of 30 September 2026 (MIT, see LICENSE-slack-web-api), by package trim.
//
//go:embed methods.json
var methodsFile []byte

// shape is what a value looks like.
type shape struct {
	Is       []string          `json:"is"` // string, number, boolean, object or list; none: not known
	Required []string          `json:"required"`
	Members  map[string]*shape `json:"members"` // nil: not known
	Of       *shape            `json:"of"`
}

// method is what Slack says of a method.
type method struct {
	Arguments *shape `json:"arguments"`
	Answer    *shape `json:"answer"`
}

var methods = func() (all map[string]method) {
	if err := json.Unmarshal(methodsFile, &all); err != nil {
		panic("webapi: methods.json: " + err.Error())
	}
	return all
}()

// IsDescribed reports whether a method is one that is described here.
func IsDescribed(name string) bool { _, ok := methods[name]; return ok }

// Reporter is a test that hears what does not hold.
type Reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// Middleware lets calls through to a Slack, and reports what Slack's description does not allow: of the call, and of
// the answer. The last part of the path is the method.
func Middleware(t Reporter, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Helper()
		name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		if !strings.Contains(name, ".") { // a response URL
			next.ServeHTTP(w, r)
			return
		}
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller gave up
		}
		r.Body = io.NopCloser(bytes.NewReader(sent))
		answered := httptest.NewRecorder()
		next.ServeHTTP(answered, r)
		for _, wrong := range append(checkCall(name, r, sent), checkAnswer(name, answered)...) {
			t.Errorf("Slack's description does not allow %s: %s", name, wrong)
		}
		maps.Copy(w.Header(), answered.Header())
		w.WriteHeader(answered.Code)
		_, _ = w.Write(answered.Body.Bytes())
	})
}

// checkCall returns what is wrong with a call.
func checkCall(name string, r *http.Request, sent []byte) (wrong []string) {
	m, ok := methods[name]
	if !ok {
		return []string{"no method of that name is described"}
	}
	given := map[string]any{}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(sent, &given); err != nil {
			return []string{"the body is no JSON: " + err.Error()}
		}
	} else {
		form, err := url.ParseQuery(string(sent))
		if err != nil {
			return []string{"the body is no form: " + err.Error()}
		}
		for argument, values := range form {
			given[argument] = values[0]
		}
	}
	for argument, values := range r.URL.Query() {
		given[argument] = values[0]
	}
	for _, argument := range m.Arguments.Required {
		if given[argument] == nil || given[argument] == "" && !mayBeEmpty(argument) {
			wrong = append(wrong, "the argument "+argument+" is missing")
		}
	}
	for _, argument := range slices.Sorted(maps.Keys(given)) {
		of := m.Arguments.Members[argument]
		switch {
		case argument == "token":
		case of == nil && undocumentedArguments[name+" "+argument] == "":
			wrong = append(wrong, "there is no argument "+argument)
		case of != nil && !of.fits(given[argument]):
			wrong = append(wrong, fmt.Sprintf("the argument %s is %v, and not a %s", argument, given[argument],
				strings.Join(of.Is, " or ")))
		}
	}
	return wrong
}

// mayBeEmpty reports whether an argument that must be there may be empty: it empties what is set.
func mayBeEmpty(argument string) bool { return argument == "topic" || argument == "purpose" }

// fits reports whether the value of an argument is of its kind: forms have texts for all of them.
func (s *shape) fits(value any) bool {
	text, ok := value.(string)
	if !ok || len(s.Is) == 0 {
		return s.check("", value) == nil
	}
	return slices.ContainsFunc(s.Is, func(kind string) bool {
		switch kind {
		case "string":
			return true
		case "number":
			_, err := strconv.ParseFloat(text, 64)
			return err == nil
		case "boolean":
			return slices.Contains([]string{"0", "1", "true", "false"}, text)
		case "list":
			return strings.HasPrefix(text, "[") && json.Valid([]byte(text))
		}
		return strings.HasPrefix(text, "{") && json.Valid([]byte(text))
	})
}

// checkAnswer returns what is wrong with an answer.
func checkAnswer(name string, answered *httptest.ResponseRecorder) []string {
	m, ok := methods[name]
	if !ok || answered.Code != http.StatusOK || answered.Body.Len() == 0 {
		return nil // out of order, which no method describes
	}
	var out map[string]any
	if err := json.Unmarshal(answered.Body.Bytes(), &out); err != nil {
		return []string{"the answer is no JSON: " + err.Error()}
	}
	wrong := m.Answer.check("the answer", any(out))
	code, isRefused := out["error"].(string)
	switch isOK, has := out["ok"].(bool); {
	case !has:
		wrong = append(wrong, "the answer does not say whether it is ok")
	case isOK == isRefused:
		wrong = append(wrong, fmt.Sprintf("the answer is ok: %t, with the error %q", isOK, code))
	case isRefused && !IsCode(name, code):
		wrong = append(wrong, "there is no error "+code)
	}
	return wrong
}

// check returns what is wrong with a value.
func (s *shape) check(path string, value any) (wrong []string) {
	if s == nil || len(s.Is) == 0 || value == nil {
		return nil
	}
	kind := ""
	switch v := value.(type) {
	case string:
		kind = "string"
	case bool:
		kind = "boolean"
	case float64:
		kind = "number"
	case []any:
		kind = "list"
		for i, one := range v {
			wrong = append(wrong, s.Of.check(fmt.Sprintf("%s[%d]", path, i), one)...)
		}
	case map[string]any:
		kind = "object"
		for _, name := range slices.Sorted(maps.Keys(v)) {
			of := s.Members[name]
			if of == nil && s.Members != nil {
				wrong = append(wrong, path+" has no "+name)
				continue
			}
			wrong = append(wrong, of.check(path+"."+name, v[name])...)
		}
	}
	if !slices.Contains(s.Is, kind) {
		wrong = append(wrong, fmt.Sprintf("%s is a %s, and not a %s", path, kind, strings.Join(s.Is, " or ")))
	}
	return wrong
}
