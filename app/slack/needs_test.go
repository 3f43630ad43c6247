package slack_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/firebreak-dev/firebreak/app/slack"
)

// TestTheManifestFitsSlacksSchema: the manifests that setup prints are what Slack's published schema describes.
// https://github.com/slackapi/manifest-schema
func TestTheManifestFitsSlacksSchema(t *testing.T) {
	text, err := os.ReadFile("testdata/manifest.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("slack.json", schema); err != nil {
		t.Fatal(err)
	}
	judge, err := compiler.Compile("slack.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"https://firebreak.example.com/intake/slack", ""} {
		text, err := json.Marshal(slack.Manifest(address))
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := judge.Validate(manifest); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		if isSocket := strings.Contains(string(text), `"socket_mode_enabled":true`); isSocket != (address == "") {
			t.Errorf("Socket Mode is on: %v\n%s", isSocket, text)
		}
	}
}

// TestScopesAreDocumented: docs/slack.md names each scope.
func TestScopesAreDocumented(t *testing.T) {
	docs, err := os.ReadFile("../../docs/slack.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range slack.Scopes {
		if !strings.Contains(string(docs), "`"+s.Name+"`") {
			t.Errorf("docs/slack.md has no %s", s.Name)
		}
	}
	for _, e := range slack.Events {
		if !strings.Contains(string(docs), "`"+e+"`") {
			t.Errorf("docs/slack.md has no event %s", e)
		}
	}
}
