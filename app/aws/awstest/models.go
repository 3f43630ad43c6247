package awstest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// models.json is what AWS's own service models say of the operations that the product uses, from botocore (Apache
// License 2.0) at commit 0e6e2404b85dc336dd2889814e089bde7d1a4c55, by package trim.
//
//go:embed models.json
var modelsFile []byte

// shape is what a model says of a value.
type shape struct {
	Type     string
	Required []string
	Members  map[string]*shape
	Of       *shape
	Enum     []string
	Min, Max *float64
	Pattern  string
}

// models are the models of the services, by the name that requests are signed for.
var models = func() (all map[string]map[string]model) {
	if err := json.Unmarshal(modelsFile, &all); err != nil {
		panic("awstest: models.json: " + err.Error())
	}
	return all
}()

// model is what AWS says of an operation.
type model struct {
	Input, Output *shape
	Errors        []string
}

// common are the errors that any operation may answer, whatever its model says.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
var common = []string{"AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException",
	"InternalFailure", "InvalidAction", "InvalidParameterValue", "InvalidSignatureException", "MalformedInput",
	"MalformedQueryString", "RequestExpired", "SerializationException", "ServiceUnavailable",
	"ThrottlingException", "UnknownOperationException", "UnrecognizedClientException", "ValidationError",
	"ValidationException"}

// isErrorOf reports whether AWS answers an operation with an error code. Of an operation without a model nobody knows.
func isErrorOf(service, operation, code string) bool {
	model, known := models[service][operation]
	return !known || slices.Contains(model.Errors, code) || slices.Contains(common, code)
}

// holdAgainstModel returns a refusal of what AWS's model of an operation does not allow.
func holdAgainstModel(service, operation string, r *http.Request, body []byte) error {
	model, known := models[service][operation]
	if !known {
		return nil // of a service that another double serves, or one that the double refuses itself
	}
	in := map[string]any{}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &in); err != nil {
			return err
		}
	}
	if service == "scheduler" { // whose names are in the address
		in["Name"] = strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/schedules/"), groupsPath)
		for name, values := range r.URL.Query() {
			in[name] = values[0]
		}
	}
	if wrong := model.Input.check(operation, in); wrong != "" {
		return refused("ValidationException", "%s", wrong)
	}
	return nil
}

// check returns what is wrong with a value; "": nothing.
func (s *shape) check(path string, value any) string {
	switch v := value.(type) {
	case map[string]any:
		return s.checkStructure(path, v)
	case []any:
		if s.Type != "list" {
			return path + ": a list is not a " + s.Type
		}
		if wrong := s.bounds(path, float64(len(v))); wrong != "" {
			return wrong
		}
		for i, e := range v {
			if wrong := s.Of.check(fmt.Sprintf("%s[%d]", path, i), e); wrong != "" {
				return wrong
			}
		}
	case string:
		if s.Type != "string" && s.Type != "blob" && s.Type != "timestamp" {
			return path + ": a string is not a " + s.Type
		}
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
			return fmt.Sprintf("%s: %q is none of %q", path, v, s.Enum)
		}
		if s.Type == "string" {
			if wrong := s.bounds(path, float64(utf8.RuneCountInString(v))); wrong != "" {
				return wrong
			}
		}
		if p, err := regexp.Compile(s.Pattern); s.Pattern != "" && err == nil && !p.MatchString(v) {
			return fmt.Sprintf("%s: %q is not of the form %s", path, v, s.Pattern)
		}
	case float64:
		if !slices.Contains([]string{"integer", "long", "double", "timestamp"}, s.Type) {
			return path + ": a number is not a " + s.Type
		}
		return s.bounds(path, v)
	case bool:
		if s.Type != "boolean" {
			return path + ": a boolean is not a " + s.Type
		}
	}
	return ""
}

func (s *shape) checkStructure(path string, v map[string]any) string {
	if s.Type == "map" {
		return ""
	}
	if s.Type != "structure" {
		return path + ": a structure is not a " + s.Type
	}
	for _, name := range s.Required {
		if v[name] == nil {
			return path + ": " + name + " is required"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		of := s.Members[name]
		if of == nil {
			return path + ": " + name + " is not known to AWS"
		}
		if wrong := of.check(path+"."+name, v[name]); wrong != "" {
			return wrong
		}
	}
	return ""
}

func (s *shape) bounds(path string, n float64) string {
	if s.Min != nil && n < *s.Min || s.Max != nil && n > *s.Max {
		return fmt.Sprintf("%s: %v is out of bounds", path, n)
	}
	return ""
}
