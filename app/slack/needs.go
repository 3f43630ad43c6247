package slack

import "github.com/slack-go/slack"

// Scope is what the bot may do in Slack, and why.
type Scope struct{ Name, Why string }

// Scopes lists the bot's scopes. The manifest asks for them, and the doctor looks for them.
// https://docs.slack.dev/reference/scopes
var Scopes = []Scope{
	{"groups:write", "make, describe and archive private channels, and invite people"},
	{"channels:manage", "make, describe and archive public channels, and invite people"},
	{"groups:read", "find a private channel again"},
	{"channels:read", "find a public channel again"},
	{"groups:history", "find the card in a private channel again, and hear commands that are messages"},
	{"channels:history", "find the card in a public channel again, and hear commands that are messages"},
	{"commands", "receive slash commands, and the shortcut on messages"},
	{"chat:write", "write and edit the card, answers, pages and updates"},
	{"pins:write", "pin the card"},
	{"pins:read", "hear what people pin"},
	{"reactions:read", "hear of a pushpin on a message"},
	{"users:read", "look up who wrote a command, where the configuration does not name them"},
	{"users:read.email", "know them by their e-mail address, where the organisation on GitHub has verified the same one"},
	{"bookmarks:read", "find the bookmarks again"},
	{"bookmarks:write", "set the bookmarks"},
}

// Events lists what the app hears of from Slack.
var Events = []string{"message.channels", "message.groups", "pin_added", "reaction_added"}

// commands are the slash commands.
var commands = []slack.ManifestSlashCommand{
	{Command: "/incident", Description: "Declare an incident, or write a command in its channel",
		UsageHint: "critical what is wrong"},
	{Command: "/ic", Description: "Commands of the Incident Coordinator, in an incident's channel",
		UsageHint: "update what you know"},
	{Command: "/oe", Description: "Commands of the Operations Engineer, in an incident's channel",
		UsageHint: "finding what you see"},
}

// Manifest returns the manifest of the app in Slack. address takes what Slack sends; without one the app gets it by
// Socket Mode. https://docs.slack.dev/reference/app-manifest
func Manifest(address string) slack.Manifest {
	m := slack.Manifest{
		Metadata: slack.ManifestMetadata{MajorVersion: 1, MinorVersion: 1},
		Display: slack.Display{Name: "Firebreak", Description: "Runs P1 incidents on GitHub issues, with a channel for each",
			BackgroundColor: "#b60205"},
		Features: slack.Features{
			BotUser: slack.BotUser{DisplayName: "firebreak", AlwaysOnline: true},
			Shortcuts: []slack.Shortcut{{Name: "Declare an incident", CallbackID: "declare", Type: slack.MessageShortcut,
				Description: "Declares an incident of this message"}},
		},
		Settings: slack.Settings{
			EventSubscriptions: &slack.EventSubscriptions{RequestUrl: address, BotEvents: Events},
			Interactivity:      &slack.Interactivity{IsEnabled: true, RequestUrl: address},
			SocketModeEnabled:  address == "",
		},
	}
	for _, c := range commands {
		c.Url, c.ShouldEscape = address, true
		m.Features.SlashCommands = append(m.Features.SlashCommands, c)
	}
	for _, s := range Scopes {
		m.OAuthConfig.Scopes.Bot = append(m.OAuthConfig.Scopes.Bot, s.Name)
	}
	return m
}
