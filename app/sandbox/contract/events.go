package contract

import (
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// An element of an issue's timeline, or of its list of events, may be any of
// some thirty kinds, and the kind "state change" asks for so little that a
// mangled element of another kind passes for it. So each element is held
// against the one kind that its event names.

// kindOfRest is the kind of all events that have no kind of their own.
const kindOfRest = "state_change"

// eventsOfRest are the events of that kind. The list in GitHub's documentation
// (https://docs.github.com/rest/using-the-rest-api/issue-event-types) is older
// than pinned comments, which GitHub's GraphQL API has events for.
var eventsOfRest = set(`automatic_base_change_failed automatic_base_change_succeeded base_ref_changed closed
	comment_deleted comment_pinned comment_unpinned connected convert_to_draft converted_to_discussion deployed
	deployment_environment_changed disconnected
	head_ref_deleted head_ref_force_pushed head_ref_restored marked_as_duplicate mentioned merged pinned
	ready_for_review referenced reopened subscribed transferred unlocked unmarked_as_duplicate unpinned
	unsubscribed user_blocked`)

// eventReasons says what is wrong with the elements of a list of events, and
// whether the body is such a list.
func eventReasons(doc *openapi3.T, schema *openapi3.Schema, body any) (reasons []string, isEvents bool) {
	elements, isList := body.([]any)
	if !isList || schema.Items == nil {
		return nil, false
	}
	kinds := eventKinds(doc, schema.Items.Value)
	if kinds == nil {
		return nil, false
	}
	for i, element := range elements {
		prefix := fmt.Sprintf("answer /%d", i)
		name := eventName(element)
		kind := kinds[strings.ReplaceAll(name, "-", "_")]
		if kind == nil && eventsOfRest[name] {
			kind = kinds[kindOfRest]
		}
		if kind == nil {
			reasons = append(reasons, fmt.Sprintf("%s: GitHub knows no event %q here", prefix, name))
			continue
		}
		reasons = append(reasons, schemaReasons(kind, element, prefix)...)
		reasons = append(reasons, inventedFields(kind, element, prefix)...)
	}
	return reasons, true
}

// eventKinds maps events to the schemas of a union of events; nil if the schema
// isn't one.
func eventKinds(doc *openapi3.T, union *openapi3.Schema) map[string]*openapi3.Schema {
	kinds := map[string]*openapi3.Schema{}
	for _, kind := range union.AnyOf {
		name := kind.Ref[strings.LastIndex(kind.Ref, "/")+1:]
		name, isEvent := strings.CutSuffix(name, "-event")
		if !isEvent {
			return nil
		}
		name = strings.TrimSuffix(strings.TrimPrefix(name, "timeline-"), "-issue")
		kinds[strings.ReplaceAll(name, "-", "_")] = kind.Value
	}
	if len(kinds) == 0 {
		return nil
	}
	if kinds["comment"] != nil {
		kinds["commented"] = kinds["comment"]
	}
	// The union for an issue's events leaves this one out, and GitHub does not.
	kinds[kindOfRest] = doc.Components.Schemas["state-change-issue-event"].Value
	return kinds
}

func eventName(element any) string {
	fields, _ := element.(map[string]any)
	name, _ := fields["event"].(string)
	return name
}

func set(words string) map[string]bool {
	all := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		all[word] = true
	}
	return all
}
