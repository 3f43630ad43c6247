package command

import "testing"

func TestI2ATitleSaysWhatIsBroken(t *testing.T) {
	for title, want := range map[string]bool{
		"": false, " ": false, "Incident": false, "[Incident]": false, "[Incident]: ": false, "Incident: ": false, "P1": false, "p1!!": false, "help": false, "HELP": false,
		"urgent": false, "Urgent, please help": false, "[P1] Critical incident #2": false, "...": false, "123": false, "🔥🔥🔥": false, "Something is broken": false, "We have a P1": false,
		"Declared in Slack": false, "A message in Slack": false, "_No response_": false, "Drill: incident": false,
		"API is down": true, "[Incident]: API is down": true, "P1 checkout": true, "eu-1": true, "数据库": true, "Incident in eu-1": true, "Login broken": true, "503": false, "503s at login": true,
		"Drill: APIServerDown": true,
	} {
		t.Run(title, func(t *testing.T) {
			if got := SaysWhat(title); got != want {
				t.Errorf("%q: %t", title, got)
			}
		})
	}
}
