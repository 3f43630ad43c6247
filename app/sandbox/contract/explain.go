package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// schemaOptions of all validation: every reason, not only the first, and web
// addresses must be ones.
var schemaOptions = []openapi3.SchemaValidationOption{
	openapi3.MultiErrors(),
	openapi3.WithStringFormatValidator("uri", openapi3.NewCallbackValidator(checkURI)),
}

// checkURI wants an absolute address, or none: GitHub sends empty strings where
// an app has no page of its own.
func checkURI(value string) error {
	address, err := url.Parse(value)
	if err != nil {
		return err
	}
	if value != "" && !address.IsAbs() {
		return errors.New("no absolute address")
	}
	return nil
}

// schemaReasons says why a value doesn't match a schema; prefix names the value.
func schemaReasons(schema *openapi3.Schema, value any, prefix string) []string {
	err := schema.VisitJSON(value, schemaOptions...)
	if err == nil {
		return nil
	}
	return explain(err, prefix)
}

// explain lists the short reasons in a validation's error; prefix says what was
// validated.
func explain(err error, prefix string) []string {
	switch err := err.(type) { //nolint:errorlint // each level of the error is explained by itself
	case openapi3.MultiError:
		var all []string
		for _, one := range err {
			all = append(all, explain(one, prefix)...)
		}
		return all
	case *openapi3filter.RequestError:
		if err.Parameter != nil {
			prefix += fmt.Sprintf(" parameter %q in %s", err.Parameter.Name, err.Parameter.In)
		} else if err.RequestBody != nil {
			prefix += " body"
		}
		if err.Err == nil {
			return []string{prefix + ": " + err.Reason}
		}
		return explain(err.Err, prefix)
	case *openapi3filter.ResponseError:
		if err.Err == nil {
			return []string{prefix + ": " + err.Reason}
		}
		return explain(err.Err, prefix)
	case *openapi3.SchemaError:
		return explainSchema(err, prefix)
	default:
		return []string{prefix + ": " + err.Error()}
	}
}

// explainSchema looks into alternatives, of which the validation only says that
// none matches: the one that is nearest to the value says the reason.
func explainSchema(err *openapi3.SchemaError, prefix string) []string {
	if pointer := err.JSONPointer(); len(pointer) > 0 {
		if !strings.Contains(prefix, " /") {
			prefix += " "
		}
		prefix += "/" + strings.Join(pointer, "/")
	}
	switch err.SchemaField {
	case "anyOf":
		if reasons := nearest(err.Schema.AnyOf, err.Value, prefix); len(reasons) > 0 {
			return reasons
		}
	case "allOf":
		var reasons []string
		for _, part := range err.Schema.AllOf {
			reasons = append(reasons, schemaReasons(part.Value, err.Value, prefix)...)
		}
		if len(reasons) > 0 {
			return reasons
		}
	}
	reason := err.Reason
	switch err.SchemaField {
	case "format":
		reason = fmt.Sprintf("must be a %s, not %s", err.Schema.Format, shorten(err.Value))
	case "enum", "type":
		reason = fmt.Sprintf("%s, not %s", reason, shorten(err.Value))
	}
	return []string{prefix + ": " + reason}
}

// nearest returns the reasons against the alternative with the fewest.
func nearest(alternatives openapi3.SchemaRefs, value any, prefix string) []string {
	var best []string
	for _, alternative := range alternatives {
		if !sameKind(alternative.Value, value) {
			continue
		}
		reasons := schemaReasons(alternative.Value, value, prefix)
		if best == nil || len(reasons) < len(best) {
			best = reasons
		}
	}
	return best
}

// sameKind reports whether a schema wants a value of this JSON type at all.
func sameKind(schema *openapi3.Schema, value any) bool {
	switch value.(type) {
	case map[string]any:
		return schema.Type.Permits(openapi3.TypeObject)
	case []any:
		return schema.Type.Permits(openapi3.TypeArray)
	case string:
		return schema.Type.Permits(openapi3.TypeString)
	default:
		return true
	}
}

// shorten prints a value for a reason.
func shorten(value any) string {
	if _, isObject := value.(map[string]any); isObject {
		return "an object"
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "what it is"
	}
	if len(text) > 60 {
		return string(text[:60]) + "…"
	}
	return string(text)
}

// inventedFields lists the fields of a value that the schema doesn't have. The
// description is open about them, but what it doesn't list can't be relied on.
func inventedFields(schema *openapi3.Schema, value any, prefix string) []string {
	var found []string
	walkInvented([]*openapi3.Schema{schema}, value, "", func(pointer string) {
		found = append(found, fmt.Sprintf("%s %s: GitHub knows no such field", prefix, pointer))
	})
	slices.Sort(found)
	return found
}

// forgotten are fields that GitHub sends with each repository and each account,
// and that the description leaves out inside of pull requests and of webhooks.
var forgotten = set("custom_properties user_view_type")

// walkInvented goes through a value together with all the schemas that may
// describe it.
func walkInvented(schemas []*openapi3.Schema, value any, pointer string, found func(string)) {
	schemas = alternatives(schemas)
	switch value := value.(type) {
	case []any:
		var items []*openapi3.Schema
		for _, schema := range schemas {
			if schema.Items != nil {
				items = append(items, schema.Items.Value)
			}
		}
		for i, item := range value {
			walkInvented(items, item, fmt.Sprintf("%s/%d", pointer, i), found)
		}
	case map[string]any:
		fields := map[string][]*openapi3.Schema{}
		for _, schema := range schemas {
			if isOpen(schema) {
				return
			}
			for name, field := range schema.Properties {
				fields[name] = append(fields[name], field.Value)
			}
		}
		if len(fields) == 0 {
			return
		}
		for name, field := range value {
			if fields[name] == nil && forgotten[name] {
				continue
			}
			if fields[name] == nil {
				found(pointer + "/" + name)
				continue
			}
			walkInvented(fields[name], field, pointer+"/"+name, found)
		}
	}
}

// alternatives are the schemas and all that they consist of.
func alternatives(schemas []*openapi3.Schema) []*openapi3.Schema {
	var all []*openapi3.Schema
	for _, schema := range schemas {
		all = append(all, schema)
		for _, parts := range []openapi3.SchemaRefs{schema.AnyOf, schema.AllOf, schema.OneOf} {
			for _, part := range parts {
				all = append(all, alternatives([]*openapi3.Schema{part.Value})...)
			}
		}
	}
	return all
}

// isOpen reports whether a schema says that it has other fields, too, or is an
// object of which it says nothing.
func isOpen(schema *openapi3.Schema) bool {
	extra := schema.AdditionalProperties
	if extra.Schema != nil || extra.Has != nil && *extra.Has {
		return true
	}
	return schema.Type.Is(openapi3.TypeObject) &&
		len(schema.Properties)+len(schema.AnyOf)+len(schema.AllOf) == 0
}
