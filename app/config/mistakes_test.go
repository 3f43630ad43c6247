package config_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/services"
)

// refused are files with a mistake, and what is said of it.
var refused = []struct {
	content, want string // parts of want are between |
}{
	{"severites: {}", `line 1, column 1: "severites" is not known in the file (did you mean severities?)|allowed: severities, responders`},
	{"coordinators: a\ncoordinators: b", "line 2, column 1: "},
	{"severities:\n  regular: {}\n", "line 2, column 3: no severity is critical"},
	{"severities:\n  Critical!: {critical: true}\n", `line 2, column 3: "Critical!" can't be the name of a severity`},
	{"severities:\n  critical:\n    criticl: true\n", "line 3, column 5: |did you mean critical?|allowed: critical, call, updates"},
	{"severities:\n  critical:\n    critical: yes\n", `line 3, column 15: true or false is expected here; this is "yes"`},
	{"severities:\n  critical:\n    updates:\n      every: 20\n", `line 4, column 14: "20" is not a time span; allowed: days, hours, minutes and seconds such as 20m`},
	{"severities:\n  critical:\n    updates:\n      every: 0m\n", `line 4, column 14: "0m" is too short`},
	{"severities:\n  critical:\n    updates:\n      every: -5m\n", `line 4, column 14: "-5m" is not a time span`},
	{"severities:\n  critical:\n    updates:\n      every: 10s\n", `line 4, column 14: "10s" is too short: 1m is the shortest`},
	{"severities:\n  critical:\n    updates:\n      every: 2000000h\n", `line 4, column 14: "2000000h" is too long`},
	{"severities:\n  critical:\n    updates: {later: 5m}\n", "line 3, column 22: later (5m) is the slower rhythm, so it must be at least every (20m)"},
	{"severities:\n  critical:\n    updates: {warn: 1h30m}\n", "line 3, column 21: warn (1h30m) must be shorter than every (20m)"},
	{"severities: [critical]", "line 1, column 13: severities holds names with a colon"},
	{"responders: [platform, platform]", `line 1, column 24: "platform" is here twice`},
	{"responders: []", "responders is empty|"},
	{"responders: [platform, Platform]", `line 1, column 24: "Platform" is here twice; capitals make no difference`},
	{"escalation: {steps: [{to: '@a_b_c'}]}", `"@a_b_c" can't be paged`},
	{"responders: [-ops]", `"-ops" is not allowed here`},
	{"responders: [Not A Team]", `line 1, column 14: "Not A Team" is not allowed here`},
	{"coordinators:\n", "line 1, column 1: coordinators has no value"},
	{"coordinators: [a, b]", "line 1, column 15: a text is expected here; this is a list"},
	{"escalation: {again: 30s}", `line 1, column 21: "30s" is too short: 1m is the shortest; to send no more pages, write never`},
	{"escalation: {again: none}", `line 1, column 21: "none" is not a time span (did you mean never?)`},
	{"escalation: {again: sometimes}", `line 1, column 21: "sometimes" is not a time span`},
	{"escalation: {rounds: 0}", `line 1, column 22: a number of rounds from 1 to 20 is expected here; this is "0"`},
	{"escalation:\n  steps:\n  - after: 5m\n", "line 3, column 5: this step pages nobody"},
	{"escalation:\n  steps:\n  - to: [sre, phone]\n", `line 3, column 15: "phone" is the phone list, and there is none`},
	{"escalation:\n  steps:\n  - to: everybody here\n", `line 3, column 9: "everybody here" can't be paged`},
	{"escalation:\n  steps: {to: sre}\n", "line 2, column 10: steps is a list, such as - to: [incident-coordinators]"},
	{"freeze: {repositories: [payments]}\n", "is not allowed here"},
	{"freeze: {on-critical: always}\n", "allowed: propose, freeze, nothing"},
	{"freeze: {for: 4d}\n", "a freeze lasts 72h at most"},
	{"run:\n  rollback: {repository: acme/payments}\n", "line 2, column 3: a workflow needs workflow"},
	{"run:\n  roll back: {}\n", `line 2, column 3: "roll back" can't be the name of a workflow`},
	{"run:\n  a: {repository: a/b, workflow: ../x.yml}\n", `"../x.yml" is not allowed here; allowed: the name of a file`},
	{"run:\n  a: {repository: a/b, workflow: x.yml, inputs: {a b: {}}}\n", `"a b" can't be the name of an input`},
	{"run:\n  a: {repository: a/b, workflow: x.yml, inputs: {to: {type: choice}}}\n", "choices and the type choice belong together: to has one of them"},
	{"run:\n  a: {repository: a/b, workflow: x.yml, inputs: {to: {type: number, choices: [a]}}}\n", "choices and the type choice belong together"},
	{"phones: ['']", "line 1, column 10: a line of 1 to 200 characters"},
	{"pager: fax", `line 1, column 8: "fax" is not allowed here; allowed: github, webhook, pagerduty`},
	{"customers:\n  none:\n", "line 2, column 3: |can't be the name of a customer: that word says that no customer is impacted"},
	{"customers:\n  globex:\n  Globex:\n", `line 3, column 3: "Globex" is here twice; capitals make no difference`},
	{"customers:\n  two words:\n", `line 2, column 3: "two words" can't be the name of a customer`},
	{"customers:\n  globex:\n    channels:\n    - issue: nowhere\n", `line 4, column 14: "nowhere" is not allowed here; allowed: a repository as owner/repo`},
	{"customers:\n  globex:\n    channels:\n    - slack: #globex-p1\n", `line 4, column 7: slack needs a channel|"#globex-p1"`},
	{"customers:\n  globex:\n    channels:\n    - fax: 1\n", `line 4, column 7: "fax" is not known in a channel; allowed: issue, webhook, slack, email`},
	{"customers:\n  globex:\n    channels:\n    - {issue: a/b, email: a@b.example}\n", "line 4, column 20: a channel is one thing"},
	{"customers:\n  globex:\n    channels: [{issue: a/b}, {issue: a/b}]\n", `"issue a/b" is here twice`},
	{"customers:\n  globex:\n    channels:\n    - webhook: https://globex.example\n", "line 4, column 16: this is an address, and the file must not hold one: write a name such as PAGERDUTY"},
	{"stand-by: {lasts: 1h, check-in: 8h}", "line 1, column 33: check-in (8h) must not be longer than the stand-by lasts (1h)"},
	{"postmortem: {reviewers: [platform]}", `line 1, column 26: "platform" can't be a reviewer; allowed: a person as "@login", or a team as owner/team`},
	{"time-zone: Berlin", `line 1, column 12: "Berlin" is not a time zone`},
	{"time-zone: Local", "is not a time zone"},
	{"just words", "line 1, column 1: the file holds names with a colon"},
	{"a: b\n---\nc: d\n", "line 3, column 1: a second document"},
	{"responders: *platform\n", "an anchor or alias|"},
	{"responders: [a", "line 1, "},
	{"\tresponders: a", "line 1, "},
	{strings.Repeat("[", 5000), "line 1, column 1: too many brackets"},
	{strings.Repeat("a:\n", 5001), "line 5001, column 1: too many names with a colon: 5000 are allowed"},
	{"signals:\n- {source: reader, do: drop}", `line 2, column 12: a rule for reader, somebody who may not respond and declares a critical incident, says do: open or do: page, and nothing else`},
	{"signals:\n- {source: reader}", `line 2, column 12: a rule for reader`},
	{"signals:\n- {source: reader, do: open, title: x}", `line 2, column 12: a rule for reader`},
	{"pager: \"PagerDuty\"", `line 1, column 8: "PagerDuty" is not allowed here (did you mean pagerduty?)`},
	{"pager: pagerduty", "line 1, column 8: pagerduty needs settings, and there are none: add services: { pagerduty: { secret: PAGERDUTY } }"},
	{"escalation:\n  steps:\n  - to: sre\n    by: [webhook, slack]\n", "line 4, column 19: slack needs settings, and there are none: add services: { slack: { secret: SLACK, channel: C0123ABCD } }"},
	{"escalation:\n  steps:\n  - {to: sre, by: [github, github]}\n", `line 3, column 28: "github" is here twice`},
	{"escalation:\n  steps:\n  - {to: sre, by: []}\n", "line 3, column 19: by is empty; it is a list, such as [slack, pagerduty]"},
	{"escalation:\n  steps:\n  - {to: sre, by: fax}\n", `line 3, column 19: "fax" is not allowed here; allowed: github, webhook`},
	{"phones: 112\nescalation:\n  steps:\n  - {to: phone, by: webhook}\n", "line 4, column 21: people call the phone list themselves"},
	{"pager: email\nservices: {email: {secret: SMTP, from: a@b.example}}\n", `line 1, column 8: email reaches only those who are in its targets: add "incident-coordinators" there`},
	{"escalation: {steps: [{to: [sre, '@dan'], by: email}]}\nservices: {email: {secret: SMTP, from: a@b.example, targets: {sre: c@d.example}}}\n", `line 1, column 46: email reaches only those who are in its targets: add "@dan" there`},
	{"escalation: {steps: [{to: acme/sre, by: [slack, jira]}]}\nservices: {slack: {secret: A, channel: C0123ABCD}, jira: {secret: B, cloud: 11111111-2222-3333-4444-555555555555, user: a@b.example}}", `line 1, column 49: jira reaches only those who are in its targets: add "acme/sre" there`},
	{"services: {jira: {secret: B, targets: {sre: P1 coordinators}}}", `line 1, column 45: "P1 coordinators" is not allowed here; allowed: the id of a team, or team:ID`},
	{"services: {opsgenie: {secret: A, targets: {sre: 'people:dan'}}}", `line 1, column 49: "people:dan" is not allowed here; allowed: a team's name, or team:NAME`},
	{"services: {opsgenie: {secret: A, targets: {'@dan': a, '@Dan': b}}}", `line 1, column 55: "@Dan" is here twice; capitals make no difference`},
	{"customers: {globex: {channels: [slack: globex-p1]}}", "line 1, column 40: slack needs settings, and there are none"},
	{"services: [slack]", "line 1, column 11: services holds names with a colon"},
	{"services: {slak: {}}", `line 1, column 12: "slak" is not known in services (did you mean slack?); allowed: pagerduty, opsgenie`},
	{"services: {webhook: {secret: HOOK}}", "line 1, column 12: webhook needs no settings: the operator's environment holds its address as FIREBREAK_PAGER_URL"},
	{"services: {github: {}}", "line 1, column 12: github needs no settings"},
	{"services:\n  slack:\n", "line 2, column 3: slack has no settings; such as slack: { secret: SLACK, channel: C0123ABCD }"},
	{"services: {slack: {channel: C0123ABCD}}", "line 1, column 12: slack needs secret; such as slack: {"},
	{"slack: {mirror: some}", `line 1, column 17: "some" is not allowed here; allowed: commands, all`},
	{"services: {slack: {secret: SLACK}}", "line 1, column 12: slack needs channel"},
	{"services: {slack: {secret: SLACK, channel: General Chat}}", `line 1, column 44: "General Chat" is not allowed here; allowed: a channel such as C0123ABCD`},
	{"services: {slack: {secret: SLACK, channel: C0123ABCD, targets: {'@dan': dan}}}", `line 1, column 73: "dan" is not allowed here; allowed: the id of a user group or a member`},
	{"services: {slack: {secret: SLACK, channel: C0123ABCD, targets: {phone: S0ABC}}}", `line 1, column 65: "phone" can't be a target`},
	{"services: {slack: {secret: SLACK, channel: C0123ABCD, targets: {sre: }}}", "line 1, column 65: a target needs the name that the service knows it by"},
	{"services: {opsgenie: {secret: OPSGENIE, region: ue}}", `line 1, column 49: "ue" is not allowed here (did you mean us?); allowed: us, eu`},
	{"services: {jira: {secret: JSM, cloud: acme, user: bot@acme.example}}", `line 1, column 39: "acme" is not allowed here; allowed: the site's cloud id`},
	{"services: {jira: {secret: JSM, user: bot}}", `line 1, column 38: "bot" is not allowed here; allowed: the address of the account`},
	{"services: {jira: {secret: JSM}}", "line 1, column 12: jira needs cloud|jira needs user"},
	{"services: {email: {from: a@b.example}}", "line 1, column 12: email by smtp needs secret; such as email: {"},
	{"services: {email: {from: a@b.example, via: ses}}", "line 1, column 12: email by ses needs region; such as region: eu-central-1"},
	{"services: {email: {from: a@b.example, secret: SMTP, region: eu-central-1}}", "line 1, column 61: region is only for via: ses"},
	{"services: {email: {from: a@b.example, via: ses, region: Frankfurt}}", `line 1, column 57: "Frankfurt" is not allowed here; allowed: a region of AWS, such as eu-central-1`},
	{"pager: people", "line 1, column 8: people needs settings, and there are none: add services: { people: { secret: PEOPLE } }"},
	{"services: {people: {secret: PEOPLE, test: daily}}", `line 1, column 43: "daily" is not allowed here; allowed: weekly, path, off`},
	{"services: {people: {secret: PEOPLE, test-day: friday}}", `line 1, column 47: "friday" is not allowed here (did you mean fri?); allowed: mon, tue, wed, thu, fri, sat, sun`},
	{"services: {people: {secret: PEOPLE, test-hour: \"10:30\"}}", `line 1, column 48: "10:30" is not allowed here; allowed: a full hour in quotes, such as "10:00"`},
	{"services: {people: {secret: PEOPLE, twilio-from: \"030 1234567\"}}", `line 1, column 50: "030 1234567" is not allowed here; allowed: a phone number in quotes, such as "+14155550100"`},
	{"services: {pagerduty: {secret: [A]}}", "line 1, column 32: the name of a secret is expected here; this is a list"},
	{"services: {pagerduty: {secret: pagerduty}}", "line 1, column 32: this is not the name of a secret: capital letters, digits and _ are allowed"},
	{"services: {pagerduty: {secret: FIREBREAK_SECRET_PAGERDUTY}}", "line 1, column 32: write the name without FIREBREAK_SECRET_"},
	{"customers: {globex: {channels: [webhook: AKIAIOSFODNN7EXAMPLE]}}", "line 1, column 42: this looks like a secret itself"},
	{"customers: {globex: {channels: [{}]}}", "line 1, column 33: a channel is one of issue, webhook, slack, email, such as"},
	{"working-hours: {from: 9am}", `line 1, column 23: "9am" is not a time of day; allowed: "00:00" to "24:00"`},
	{"working-hours: {to: 24:01}", `line 1, column 21: "24:01" is not a time of day`},
	{"working-hours: {from: '22:00', to: '06:00'}", "working hours can't be from 22:00 to 06:00: to must be later than from"},
	{"working-hours: {from: '18:00'}", "working hours can't be from 18:00 to 18:00"},
	{"working-hours: {days: [Monday]}", `line 1, column 24: "Monday" is not allowed here (did you mean mon?); allowed: mon, tue, wed, thu, fri, sat, sun`},
	{"working-hours: {days: []}", "line 1, column 23: days is empty; it is a list, such as [mon, tue, wed, thu, fri]"},
	{"working-hours: {days: [mon, mon]}", `line 1, column 29: "mon" is here twice`},
	{"postmortem: {remind-after: 3d}", `line 1, column 28: a number of working days from 1 to 60 is expected here; this is "3d"`},
	{"postmortem: {remind-after: 61}", `line 1, column 28: a number of working days from 1 to 60 is expected here; this is "61"`},
	{"escalation: {rounds: 21}", "line 1, column 22: a number of rounds from 1 to 20"},
	{"stand-by: {lasts: 5124096h}", `line 1, column 19: "5124096h" is too long; allowed: up to 90d`},
	{"reminders: {unclaimed: 30s}", `line 1, column 24: "30s" is too short: 1m is the shortest`},
	{"reminders: {missing-data: 1s, customer-update: 0m, vacant-role: 59s}", `"1s" is too short: 1m is the shortest|"0m" is too short|"59s" is too short`},
	{"stand-by: {check-in: 1s, lasts: 10s}", `line 1, column 22: "1s" is too short: 1m is the shortest|"10s" is too short`},
	{"stand-by: {lasts: 'https://a.example'}", "line 1, column 19: this value is not a time span"},
	{"severities: {critical: 'https://a.example'}", "line 1, column 24: a severity holds names with a colon, such as key: value; this is a text"},
	{"severities:\n  critical: {updates: never}\n", `line 2, column 23: "never" is not allowed here; allowed: none, or a block with every`},
	{"escalation: {steps: [{to: @dan}]}", `line 1, column 27: a text can't begin with this character: put it in quotes, such as "@carol"`},
	{"pager:\n\tby: github", "line 2, column 1: a tab is here; YAML is indented with spaces"},
	{"pager: 'github\n", "line 1, column 8: the quote that opens here is not closed"},
	{"phones: [a\npager: b", "line 2, "},
	{"pager: github: webhook", "line 1, column 8: a second name with a colon follows this"},
	{"pager: github\ncoordinators\n", "line 2, column 1: a name with a colon is expected here"},
	{"phones: - a", "line 1, column 9: a list begins on a line of its own"},
	{"pager: |github", "line 1, column 8: nothing may follow | or > on its line"},
}

func TestMistakesSayWhereAndWhatIsAllowed(t *testing.T) {
	for _, c := range refused {
		_, err := config.Parse([]byte(c.content))
		if err == nil {
			t.Errorf("%q: no mistake found, want %s", c.content, c.want)
			continue
		}
		for _, part := range strings.Split(c.want, "|") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q:\n got %s\nwant %s", c.content, err, part)
			}
		}
	}
}

func TestALargeFileIsNotRead(t *testing.T) {
	_, err := config.Parse([]byte(strings.Repeat("#", config.MaxSize+1)))
	if m := config.Mistakes(err); len(m) != 1 || m[0].Line != 0 || m[0].Problem != "the file has 65537 bytes; 65536 are allowed" {
		t.Errorf("got %v", err)
	}
	if _, err := config.Parse([]byte(strings.Repeat("#", config.MaxSize))); err != nil {
		t.Error(err)
	}
}

func TestEveryMistakeIsToldInTheFilesOrder(t *testing.T) {
	policy, err := config.Parse([]byte("pager: fax\nseverities:\n  critical: {critcal: true}\nresponders: 'x y'\n"))
	var at []string
	for _, m := range config.Mistakes(fmt.Errorf("read the configuration: %w", err)) {
		at = append(at, fmt.Sprintf("%d:%d", m.Line, m.Column))
	}
	if diff := cmp.Diff([]string{"1:8", "3:14", "4:13"}, at); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(incident.DefaultPolicy(), policy, byName); diff != "" {
		t.Errorf("a broken file must change nothing:\n%s", diff)
	}
	if m := config.Mistakes(errors.New("another error")); m != nil {
		t.Errorf("%v isn't a mistake in a file", m)
	}
}

func TestI5AMissingServiceIsToldOnce(t *testing.T) {
	_, err := config.Parse([]byte("pager: slack\nescalation: {steps: [{to: sre, by: [slack, jira]}, {to: sre, by: slack}]}"))
	if m := config.Mistakes(err); len(m) != 2 {
		t.Errorf("slack and jira have no settings; got %v", err)
	}
}

func TestSummary(t *testing.T) {
	for _, c := range []struct {
		content string
		known   bool
		want    string
	}{
		{"a: 1\npager: fax", true, "`.github/firebreak.yml` can't be used: " +
			`line 1, column 1: "a" is not known in the file; allowed: severities, responders, coordinators, pager, escalation, phones, services, customers, signals, call, advance, broadcast, stakeholders, changes, catalog, run, slack, freeze, stand-by, working-hours, reminders, follow-ups, postmortem, time-zone` +
			` · line 2, column 8: "fax" is not allowed here; allowed: ` + strings.Join(services.Kinds(nil), ", ") + `. The last good one goes on.`},
		{"phones: ['', '', '', '', '', '', '']", false, "`.github/firebreak.yml` can't be used: " +
			strings.TrimSuffix(strings.Join([]string{"line 1, column 10: a line of 1 to 200 characters is expected here", "line 1, column 14: a line of 1 to 200 characters is expected here",
				"line 1, column 18: a line of 1 to 200 characters is expected here", "line 1, column 22: a line of 1 to 200 characters is expected here",
				"line 1, column 26: a line of 1 to 200 characters is expected here", "2 more"}, " · "), " ") + ". The defaults go on."},
		{"responders: ['@acme/all #1 <b> [x](https:y)']", true, "`.github/firebreak.yml` can't be used: " +
			"line 1, column 14: \"@\u2060acme/all \\#\u20601 &lt;b&gt; \\[x\\](https:y)\" is not allowed here; allowed: a team's short name, such as platform. The last good one goes on."},
	} {
		_, err := config.Parse([]byte(c.content))
		if diff := cmp.Diff(c.want, config.Summary(config.Path, err, c.known)); diff != "" {
			t.Error(diff)
		}
	}
}

// What may be a secret is repeated nowhere, whatever the place: it would be in a comment.
func TestA7ASecretInTheFileIsNotRepeated(t *testing.T) {
	for _, secret := range []string{ // none is real; in two parts, so that scanners of secrets pass them by
		"https://hooks.slack.example/services/T000/B000/XXXX", "postgres://me:pass@db.example",
		"xoxb" + "-17653672481-19874698323-pdFZKVeTuE8sk7oOHcbrzqgy", "xapp" + "-1-A111-222-abcdefgh", "ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a", "github" + "_pat_11ABCDEFG0abcdefghijkl",
		"AKIA" + "IOSFODNN7EXAMPLE", "R030X6B4KU8S2R0XWTC0LWZL1GN6M36Y", "e93facc04764012d7bfb002500d5d1a6", "eb243592-faa2-4ba2-a551-1afdf565c889",
		"eyJhbGciOiJIUzI1NiJ9.e30.ZRrHA1JJJW8opsbCGfG", "Bearer abcdef", "-----BEGIN" + " PRIVATE KEY-----", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1",
	} {
		for _, file := range []string{
			"services: {slack: {secret: SLACK, channel: SECRET}}", "services: {slack: {SECRET: x}}", "services: {SECRET: x}",
			"services: {pagerduty: {secret: A, targets: {sre: SECRET}}}", "services: {jira: {secret: JSM, cloud: SECRET, user: SECRET}}", "services: {opsgenie: {secret: A, region: SECRET}}",
			"customers: {globex: {channels: [{webhook: SECRET}]}}", "customers: {globex: {channels: [{slack: SECRET}, {issue: SECRET}, {email: SECRET}]}}", "customers: {globex: SECRET}",
			"pager: SECRET", "escalation: {rounds: SECRET}", "working-hours: {from: SECRET}", "stand-by: {lasts: SECRET}", "time-zone: SECRET", "SECRET", "severities: {critical: {updates: SECRET}}",
		} {
			content := strings.ReplaceAll(file, "SECRET", "'"+secret+"'")
			_, err := config.Parse([]byte(content))
			if err == nil {
				continue // it can be the name of something there, as a UUID is a cloud's
			}
			if strings.Contains(err.Error(), secret) || strings.Contains(config.Summary(config.Path, err, true), secret) {
				t.Errorf("%s:\n%v", content, err)
			}
		}
		_, err := config.Parse([]byte("services: {pagerduty: {secret: '" + secret + "'}}"))
		if err == nil || !strings.Contains(err.Error(), "this is an address") && !strings.Contains(err.Error(), "this looks like a secret itself: take it out of the file and revoke it") {
			t.Errorf("%s: %v", secret, err)
		}
	}
	// A password looks like nothing: what is given as a secret's name is never repeated.
	_, err := config.Parse([]byte("services: {email: {from: a@b.example, secret: 'hunter2'}}"))
	if err == nil || strings.Contains(strings.ToLower(err.Error()), "hunter2") {
		t.Errorf("%v", err)
	}
}

func TestNamesOfSecretsThatAreNoSecrets(t *testing.T) {
	for _, name := range []string{"A", "PAGERDUTY", "PAGERDUTY_PLATFORM", "ASIA_PACIFIC_PAGER", "SMTP_2026_EU", "INCIDENTCOORDINATORS", "OPSGENIE1"} {
		if _, err := config.Parse([]byte("services: {pagerduty: {secret: " + name + "}}")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A file of the largest size costs little, whatever is in it: some of these took seconds, a hundred
// times as much as a long list, which grows with its length. A slow machine is slow with that too.
func TestNoFileTakesLong(t *testing.T) {
	fill := func(before, each, after string) []byte {
		var b strings.Builder
		b.WriteString(before)
		for i := 0; b.Len()+len(each)+8 < config.MaxSize-len(after); i++ {
			b.WriteString(strings.ReplaceAll(each, "N", fmt.Sprintf("a%d", i)))
		}
		return []byte(b.String() + after)
	}
	cost := func(content []byte) time.Duration {
		start := time.Now()
		_, _ = config.Parse(content)
		return time.Since(start)
	}
	limit := 20 * max(cost(fill("responders: [", "N,", "a]")), 50*time.Millisecond)
	for name, content := range map[string][]byte{
		"unknown names": fill("", "N:\n", ""), "the same name": fill("", "a:\n", ""), "a list of one name": fill("responders: [", "a,", "a]"), "phones": fill("phones:\n", "- N\n", ""), "customers": fill("customers:\n", " N:\n", ""),
		"channels":    fill("customers: {a: {channels: [", "{webhook: N},", "]}}"),
		"steps":       fill("pager: email\nescalation:\n steps:\n", " - {to: N, by: email}\n", "services: {email: {secret: A, from: a@b.c}}\n"),
		"a long step": fill("pager: email\nservices: {email: {secret: A, from: a@b.c}}\nescalation:\n steps:\n - to: [", "N,", "a]"),
		"targets":     fill("services: {pagerduty: {secret: A, targets: {", "N: A,", "}}}"), "days": fill("working-hours: {days: [", "mon,", "mon]}"),
		"a long word": fill("pager: ", "pagerduty", ""), "indents": fill("", "- ", ""), "brackets": fill("", "[]", ""), "nothing": fill("", "\n", ""),
		"documents": fill("", "---\n", ""), "questions": fill("", "? a\n", ""), "anchors": fill("", "- &N b\n", ""), "a folded text": fill("a: >\n", " b\n\n", ""),
	} {
		if took := cost(content); took > limit {
			t.Errorf("%s: %s, more than %s", name, took, limit)
		}
	}
}
