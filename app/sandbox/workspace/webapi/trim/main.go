// Command trim writes methods.json of package webapi: what Slack's own description of its Web API says of the methods
// that the product uses. It reads the types of npm's @slack/web-api (MIT), which Slack writes by hand for arguments and
// generates from real answers for responses. Run it in app/sandbox/workspace/webapi, with the unpacked package:
//
//	npm pack @slack/web-api@8.2.0 && tar xzf slack-web-api-8.2.0.tgz
//	go run ./trim package
//
// It writes methods.json and LICENSE-slack-web-api. The same package makes the same bytes.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// used are the methods that the product uses.
var used = []string{"apps.connections.open", "auth.test", "bookmarks.add", "bookmarks.edit", "bookmarks.list",
	"bookmarks.remove", "chat.delete", "chat.postEphemeral", "chat.postMessage", "chat.update", "conversations.archive",
	"conversations.create", "conversations.history", "conversations.info", "conversations.invite",
	"conversations.replies", "conversations.setPurpose", "conversations.setTopic", "conversations.unarchive",
	"pins.add", "users.conversations", "users.info", "views.open"}

// deep are fields of an answer of which the product reads no part: that they are there is enough.
var deep = []string{"assistant_app_thread", "attachments", "blocks", "bot_profile", "channel_settings", "file", "files",
	"huddle", "icons", "language", "properties", "reactions", "room", "root", "state", "status_emoji_display_info",
	"enterprise_user", "x_files"}

// described is a method.
type described struct {
	Arguments *shape `json:"arguments"`
	Answer    *shape `json:"answer"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./trim PATH-OF-UNPACKED-@slack/web-api")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "trim:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	types := filepath.Join(dir, "dist", "types")
	all := map[string]described{}
	for _, method := range used {
		parts := strings.Split(method, ".")
		name := ""
		for _, part := range parts {
			name += strings.ToUpper(part[:1]) + part[1:]
		}
		in, err := readFile(filepath.Join(types, "request", "common.d.ts"), filepath.Join(types, "request", parts[0]+".d.ts"))
		if err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		out, err := readFile(filepath.Join(types, "response", name+"Response.d.ts"))
		if err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		d := described{Arguments: in.shapeOf(name+"Arguments", 1), Answer: out.shapeOf(name+"Response", 4)}
		if d.Arguments == nil || d.Answer == nil || len(d.Answer.Members) == 0 {
			return fmt.Errorf("%s: the package does not describe it", method)
		}
		all[method] = d
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return fmt.Errorf("write the methods: %w", err)
	}
	licence, err := os.ReadFile(filepath.Join(dir, "LICENSE"))
	return errors.Join(err, os.WriteFile("methods.json", append(text, '\n'), 0o644),
		os.WriteFile("LICENSE-slack-web-api", licence, 0o644))
}
