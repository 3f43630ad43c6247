package main

import (
	"fmt"
	"slices"
	"strings"
)

// breaking is the extension in which GitHub's description says, next to a part of it, how a version
// of the API changes that part.
const breaking = "x-github-breaking-changes"

// breakUpTo changes a description to what it is in a version of the API.
func breakUpTo(version string, part any) error {
	switch part := part.(type) {
	case map[string]any:
		for _, child := range part {
			if err := breakUpTo(version, child); err != nil {
				return err
			}
		}
		changes, _ := part[breaking].([]any)
		delete(part, breaking)
		changed := false
		for _, change := range changes {
			change := change.(map[string]any)
			if change["version"].(string) > version {
				continue
			}
			if err := applyPatch(part, change["patch"]); err != nil {
				return fmt.Errorf("%s: %w", change["changeset"], err)
			}
			changed = true
		}
		if changed {
			dropUnknownRequired(part)
		}
	case []any:
		for _, child := range part {
			if err := breakUpTo(version, child); err != nil {
				return err
			}
		}
	}
	return nil
}

// applyPatch applies a JSON merge patch (RFC 7396), or of a JSON patch (RFC 6902) what GitHub uses:
// remove and replace. What is removed from "required" is left to dropUnknownRequired: each patch
// counts positions as if it were alone.
func applyPatch(part map[string]any, patch any) error {
	if merge, ok := patch.(map[string]any); ok {
		applyMergePatch(part, merge)
		return nil
	}
	steps, _ := patch.([]any)
	for _, step := range steps {
		step := step.(map[string]any)
		keys := strings.Split(strings.TrimPrefix(step["path"].(string), "/"), "/")
		for i, key := range keys {
			keys[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(key)
		}
		last := len(keys) - 1
		if last > 0 && keys[last-1] == "required" {
			continue
		}
		parent := at(part, keys[:last]...)
		switch {
		case parent == nil:
			continue // gone by an earlier change
		case step["op"] == "remove":
			delete(parent, keys[last])
		case step["op"] == "replace":
			parent[keys[last]] = step["value"]
		default:
			return fmt.Errorf("%v of %v: not known here", step["op"], step["path"])
		}
	}
	return nil
}

func applyMergePatch(part, patch map[string]any) {
	for key, value := range patch {
		child, isObject := value.(map[string]any)
		old, wasObject := part[key].(map[string]any)
		switch {
		case value == nil:
			delete(part, key)
		case isObject && wasObject:
			applyMergePatch(old, child)
		default:
			part[key] = value
		}
	}
}

// dropUnknownRequired takes out of each "required" what isn't a property any more: two changes of one
// schema know nothing of each other, and each brings the whole list.
func dropUnknownRequired(part any) {
	switch part := part.(type) {
	case map[string]any:
		properties, ok := part["properties"].(map[string]any)
		if required, is := part["required"].([]any); ok && is {
			part["required"] = slices.DeleteFunc(required, func(name any) bool {
				text, _ := name.(string)
				_, known := properties[text]
				return !known
			})
		}
		for _, child := range part {
			dropUnknownRequired(child)
		}
	case []any:
		for _, child := range part {
			dropUnknownRequired(child)
		}
	}
}
