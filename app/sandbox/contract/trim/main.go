// Command trim cuts GitHub's official OpenAPI description, as npm's
// @octokit/openapi carries it, down to the operations and webhook payloads that
// tests hold traffic against.
//
// Run it in app/sandbox/contract, with the unpacked npm package as argument:
//
//	npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
//	go run ./trim package
//
// It writes testdata/openapi.json.gz, testdata/openapi-2026-03-10.json.gz for
// that version of the API, and testdata/LICENSE-octokit-openapi. The same
// package makes the same bytes.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./trim PATH-OF-UNPACKED-@octokit/openapi")
		os.Exit(2)
	}
	if err := run(os.Args[1], "testdata"); err != nil {
		fmt.Fprintln(os.Stderr, "trim:", err)
		os.Exit(1)
	}
}

func run(dir, out string) error {
	var pkg struct{ Name, Version string }
	if err := readJSON(filepath.Join(dir, "package.json"), &pkg); err != nil {
		return err
	}
	for _, version := range []struct{ name, file string }{{"2022-11-28", "openapi.json.gz"},
		{"2026-03-10", "openapi-2026-03-10.json.gz"}} {
		var doc map[string]any
		if err := readJSON(filepath.Join(dir, "generated", "api.github.com.json"), &doc); err != nil {
			return err
		}
		if err := breakUpTo(version.name, doc); err != nil {
			return fmt.Errorf("version %s: %w", version.name, err)
		}
		data, err := trimmed(doc, pkg.Name, pkg.Version)
		if err != nil {
			return fmt.Errorf("version %s: %w", version.name, err)
		}
		if err := writeGzip(filepath.Join(out, version.file), data); err != nil {
			return err
		}
	}
	licence, err := os.ReadFile(filepath.Join(dir, "LICENSE"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "LICENSE-octokit-openapi"), licence, 0o644)
}

// trimmed cuts a description down to what stays, as JSON.
func trimmed(doc map[string]any, pkg, version string) ([]byte, error) {
	paths, err := keepOperations(doc["paths"].(map[string]any))
	if err != nil {
		return nil, err
	}
	payloads := keepWebhooks(doc["x-webhooks"].(map[string]any))

	// A GitHub Enterprise Server, whose addresses the sandbox has, says its version there (ghes-3.19.json).
	if overview := at(doc, "components", "schemas", "api-overview", "properties"); overview != nil {
		overview["installed_version"] = map[string]any{"type": "string"}
	}

	// A range of dates is more than the one date that the description asks for: "created=>=2026-11-28".
	// https://docs.github.com/en/search-github/getting-started-with-searching-on-github/understanding-the-search-syntax#query-for-dates
	if created := at(doc, "components", "parameters", "created", "schema"); created != nil {
		delete(created, "format")
	}

	// The components those refer to, and what these refer to in turn.
	kept := map[string]any{}
	for pending := references([]any{paths, payloads}); len(pending) > 0; {
		ref := pending[0]
		pending = pending[1:]
		section, name, ok := strings.Cut(strings.TrimPrefix(ref, "#/components/"), "/")
		if !ok {
			return nil, fmt.Errorf("%s: not a reference to a component", ref)
		}
		from, _ := doc["components"].(map[string]any)[section].(map[string]any)
		component, ok := from[name]
		if !ok {
			return nil, fmt.Errorf("%s: the description has no such component", ref)
		}
		to, ok := kept[section].(map[string]any)
		if !ok {
			to = map[string]any{}
			kept[section] = to
		}
		if to[name] != nil {
			continue
		}
		to[name] = clean(component)
		pending = append(pending, references(to[name])...)
	}

	if err := share(kept["schemas"].(map[string]any)); err != nil {
		return nil, err
	}

	return json.Marshal(map[string]any{ // sorts keys
		"openapi": doc["openapi"],
		"info": map[string]any{"title": "GitHub's REST API, trimmed", "version": version,
			"license": map[string]any{"name": "MIT"}},
		"paths":              paths,
		"components":         kept,
		"x-trimmed-from":     map[string]any{"package": pkg, "version": version},
		"x-webhook-payloads": payloads,
	})
}

// keepOperations picks the listed operations out of the description's paths.
func keepOperations(all map[string]any) (map[string]any, error) {
	paths := map[string]any{}
	for _, line := range strings.Fields(strings.ReplaceAll(operations, " ", "@")) {
		method, path, _ := strings.Cut(line, "@")
		item, _ := all[path].(map[string]any)
		operation := item[strings.ToLower(method)]
		if operation == nil {
			return nil, fmt.Errorf("%s %s: the description has no such operation", method, path)
		}
		if item["parameters"] != nil {
			return nil, errors.New(path + ": parameters of a whole path would be lost")
		}
		if paths[path] == nil {
			paths[path] = map[string]any{}
		}
		paths[path].(map[string]any)[strings.ToLower(method)] = clean(operation)
	}
	installations := at(paths, "/app/installations", "get", "responses", "200", "content",
		"application/json", "schema")
	if at(installations, "items", "properties", "account")["allOf"] == nil {
		return nil, errors.New("GET /app/installations: the description of an installation is no longer a copy: " +
			"drop its correction")
	}
	// The copy wants an account to be a person and an enterprise at once; what
	// it was copied from wants either.
	installations["items"] = map[string]any{"$ref": "#/components/schemas/installation"}
	for _, request := range bareLists {
		method, path, _ := strings.Cut(request, " ")
		if err := allowBareList(at(paths, path, method)); err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	return paths, nil
}

// bareLists are the requests whose labels may be in the body without an
// object around them, and may be none. The description says so in its prose ("You
// can also pass an `array` of labels directly", "You can pass an empty array to
// remove all labels"), and its schemas leave it out; go-github sends such lists.
var bareLists = []string{
	"post /repos/{owner}/{repo}/issues/{issue_number}/labels",
	"put /repos/{owner}/{repo}/issues/{issue_number}/labels",
}

// allowBareList lets an operation's body be the list that is its "labels", too.
func allowBareList(operation map[string]any) error {
	schema := at(operation, "requestBody", "content", "application/json", "schema")
	bodies, _ := schema["anyOf"].([]any)
	if len(bodies) == 0 {
		return errors.New("the body is no longer one of several")
	}
	for _, body := range bodies {
		labels := at(body.(map[string]any), "properties", "labels")
		if labels == nil {
			return errors.New("the body no longer has labels")
		}
		delete(labels, "minItems")
		bodies = append(bodies, maps.Clone(labels))
	}
	schema["anyOf"] = bodies
	return nil
}

// at follows keys into a part of the description; nil where there is no such way.
func at(part map[string]any, keys ...string) map[string]any {
	for _, key := range keys {
		part, _ = part[key].(map[string]any)
	}
	return part
}

// keepWebhooks maps "event" or "event/action" to the payload's schema.
func keepWebhooks(all map[string]any) map[string]any {
	payloads := map[string]any{}
	for _, item := range all {
		post := item.(map[string]any)["post"].(map[string]any)
		id := post["operationId"].(string)
		if !webhooks.MatchString(id) {
			continue
		}
		content := post["requestBody"].(map[string]any)["content"].(map[string]any)
		schema := content["application/json"].(map[string]any)["schema"]
		payloads[strings.ReplaceAll(id, "-", "_")] = clean(schema)
	}
	return payloads
}

// clean copies a part of the description without its noise. It turns oneOf into
// anyOf: the description's alternatives overlap (a private user is a public
// user, too), so that "exactly one" would refuse what GitHub itself sends.
func clean(part any) any {
	switch part := part.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range part {
			switch {
			case key == "oneOf" && part["anyOf"] == nil:
				out["anyOf"] = clean(value)
			case key == "discriminator", key == "enum" && value == nil:
			case noise[key] || strings.HasPrefix(key, "x-"):
			case named[key]:
				names, ok := value.(map[string]any)
				if !ok {
					out[key] = value
					continue
				}
				cleaned := map[string]any{}
				for name, v := range names {
					cleaned[name] = clean(v)
				}
				out[key] = cleaned
			default:
				out[key] = clean(value)
			}
		}
		return out
	case []any:
		out := make([]any, len(part))
		for i, v := range part {
			out[i] = clean(v)
		}
		return out
	default:
		return part
	}
}

// worthSharing is the size from which a schema inside another is alone.
const worthSharing = 500

// share moves objects inside of schemas into components of their own, so that
// what the description repeats for each webhook is there, and is loaded, once.
func share(schemas map[string]any) error {
	shared := map[string]any{}
	for _, schema := range schemas {
		if err := shareParts(schema, shared); err != nil {
			return err
		}
	}
	maps.Copy(schemas, shared)
	return nil
}

func shareParts(part any, shared map[string]any) error {
	replace := func(child any) (any, error) {
		if err := shareParts(child, shared); err != nil {
			return nil, err
		}
		schema, ok := child.(map[string]any)
		if !ok || schema["type"] != "object" || schema["properties"] == nil {
			return child, nil
		}
		data, err := json.Marshal(schema)
		if err != nil || len(data) < worthSharing {
			return child, err
		}
		name := fmt.Sprintf("shared-%x", sha256.Sum256(data))[:len("shared-")+12]
		shared[name] = schema
		return map[string]any{"$ref": "#/components/schemas/" + name}, nil
	}
	var err error
	switch part := part.(type) {
	case map[string]any:
		for key, child := range part {
			if part[key], err = replace(child); err != nil {
				return err
			}
		}
	case []any:
		for i, child := range part {
			if part[i], err = replace(child); err != nil {
				return err
			}
		}
	}
	return nil
}

// references lists every $ref inside a part of the description.
func references(part any) []string {
	var refs []string
	switch part := part.(type) {
	case map[string]any:
		for key, value := range part {
			if ref, ok := value.(string); ok && key == "$ref" {
				refs = append(refs, ref)
				continue
			}
			refs = append(refs, references(value)...)
		}
	case []any:
		for _, value := range part {
			refs = append(refs, references(value)...)
		}
	}
	return refs
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
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
