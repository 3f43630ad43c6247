package postmortem

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/incident"
)

var update = flag.Bool("update", false, "write the golden files again")

// at returns a time of the day on which the incidents of these tests happened; past 24:00 it is the
// next day.
func at(clock string) time.Time {
	var h, m int
	for i, r := range clock {
		if r == ':' {
			continue
		}
		if i < 2 {
			h = h*10 + int(r-'0')
		} else {
			m = m*10 + int(r-'0')
		}
	}
	return time.Date(2026, 3, 4, h, m, 0, 0, time.UTC)
}

func stamped(by, clock, id string) *incident.Stamp {
	return &incident.Stamp{By: by, At: at(clock), ID: id}
}

var ref = incident.Ref{Owner: "acme", Repo: "incidents", Number: 12}

const issueURL = "https://github.com/acme/incidents/issues/12"

// rich is a P1 with all there is: a page, a handover, a missed update, a regression, texts that try
// things.
func rich() Facts {
	policy := incident.DefaultPolicy()
	return Facts{
		Ref: ref, URL: issueURL, Title: "API server of eu-1 is down (fixes #3, @acme/all)",
		Author: "alertmanager[bot]",
		Summary: "The API server of eu-1 answers 503.\n\ncloses #99, @alice <img src=x>\n<!-- " +
			"firebreak:end summary -->",
		Source: "a customer called @alice, Alertmanager",
		Policy: policy,
		State: incident.State{
			Declared: stamped("alertmanager[bot]", "10:41", "opened"), Source: "alertmanager",
			Began: at("10:35"), Pinned: []int64{140},
			Severity:  "critical",
			Confirmed: stamped("alice", "10:43", "c101.0"), Summary: true,
			Customers: []string{"globex", "Initech & Söhne"},
			Phase:     incident.Closing, Since: *stamped("dora", "37:00", "c130.0"), Regressions: 1,
			IC: "dora", OEs: []string{"alice", "erin"}, Handed: 1,
			Cause: stamped("alice", "11:20", "c108.0"), Workaround: stamped("erin", "13:25", "c121.0"),
			Agreed: stamped("dora", "36:55", "c129.0"),
			Freezes: []incident.Freeze{
				{Stamp: incident.Stamp{By: "carol", At: at("11:22"), Text: "no other | change"}, Repo: "acme/platform", Number: 1,
					From: at("11:22"), Ended: at("11:40"), EndWhy: incident.ThawedByPhase, Way: incident.FreezeByRuleset,
					Waited: []int{40, 42}, Through: []incident.Exception{
						{Stamp: incident.Stamp{By: "carol", At: at("11:25"), Text: "it is the fix, closes #5"}, Pull: 41, Head: "0123456789abcdef"},
						{Stamp: incident.Stamp{By: "carol", At: at("11:26"), Text: "too late"}, Pull: 43, Failed: true}}},
				{Stamp: incident.Stamp{By: "dora", At: at("13:11")}, Repo: "acme/payments", Number: 2, From: at("13:11"), Way: incident.FreezeByWord,
					Weak: "not granted", Until: at("15:11")},
				{Stamp: incident.Stamp{By: "dora", At: at("13:12")}, Repo: "acme/never", Number: 3},
			},
			Updates: incident.Updates{Kept: 3, Missed: 1, Snoozed: 1, Longest: 34 * time.Minute},
			Paging: incident.Paging{Pages: []incident.Page{
				{Key: "page/1", At: at("10:43"), To: []string{"incident-coordinators"}, Why: "team",
					Failed: "the pager answered 503"},
			}},
		},
		Spans: []incident.Span{
			{Phase: incident.Identify, From: at("10:41"), To: at("10:50")},
			{Phase: incident.Investigate, From: at("10:50"), To: at("11:21")},
			{Phase: incident.Fixing, From: at("11:21"), To: at("11:40")},
			{Phase: incident.Monitoring, From: at("11:40"), To: at("13:02")},
			{Phase: incident.Investigate, From: at("13:02"), To: at("13:10")},
			{Phase: incident.Fixing, From: at("13:10"), To: at("13:26")},
			{Phase: incident.Monitoring, From: at("13:26"), To: at("37:00")},
			{Phase: incident.Closing, From: at("37:00"), To: at("37:00")},
		},
		Pages: []incident.Page{
			{Key: "page/1", At: at("10:43"), To: []string{"incident-coordinators"}, Why: "team"},
			{Key: "page/2", At: at("10:48"), To: []string{"incident-coordinators", "phone"}, Why: "team"},
			{Key: "page/3", At: at("11:00"), To: []string{"@frank", "acme/db"}, Why: "asked"},
		},
		Entries: []incident.Entry{
			{At: at("10:41"), By: "alertmanager[bot]", Kind: "declared", Ref: "opened", What: "alertmanager"},
			{At: at("10:43"), By: "alice", Kind: "severity", Ref: "c101.0", What: "critical",
				Text: "every request fails"},
			{At: at("10:43"), By: "alice", Kind: "oe", Ref: "c101.1", What: "alice"},
			{At: at("10:43"), Kind: "page", What: "incident-coordinators"},
			{At: at("10:44"), By: "alice", Kind: "customer", Ref: "c102.0", What: "globex"},
			{At: at("10:44"), By: "alice", Kind: "customer", Ref: "c102.0", What: "Initech & Söhne"},
			{At: at("10:48"), Kind: "page", What: "incident-coordinators, phone"},
			{At: at("10:49"), By: "carol", Kind: "ic", Ref: "c103.0", What: "carol"},
			{At: at("10:49"), By: "carol", Kind: "answered", Ref: "c103.0", What: "carol"},
			{At: at("10:50"), By: "carol", Kind: "phase", Ref: "e900", What: "investigate"},
			{At: at("10:52"), By: "carol", Kind: "update", Ref: "c104.0",
				Text: "We see it and are on it.\nNext update at 11:12 UTC."},
			{At: at("11:00"), By: "carol", Kind: "page", Ref: "c105.0", What: "@frank, acme/db",
				Text: "the database; people who know it"},
			{At: at("10:50"), By: "bob", Kind: "impact", Ref: "c139.0", Text: "30 % of checkouts fail"},
			{At: at("10:55"), By: "bob", Kind: "pinned", What: "dora", Ref: "c140",
				Text: "seen first\n\nThe graph of @alice\n/ic close"},
			{At: at("11:05"), By: "alice", Kind: "finding", Ref: "c106.0",
				Text: "etcd is full:\n\n```\n/ic close\n| a | b |\n```\nsee https://example.com/graph?a=1|2"},
			{At: at("11:12"), Kind: "missed"},
			{At: at("10:58"), By: "alice", Kind: "note", Ref: "c107.0",
				Text: "deploy #41 was rolled back: \"no\" effect (really)"},
			{At: at("10:20"), By: "alice", Kind: "note", Ref: "c107.0", Text: "the first 503 in the logs"},
			{At: at("11:20"), By: "alice", Kind: "cause", Ref: "c108.0",
				Text: "etcd ran out of space after the compaction job was turned off in acme/platform#7."},
			{At: at("11:21"), By: "carol", Kind: "phase", Ref: "c109.0", What: "fixing"},
			{At: at("11:26"), By: "carol", Kind: "update", Ref: "c110.0", Text: "The cause is known."},
			{At: at("11:30"), By: "alice", Kind: "action", Ref: "c111.0", Text: "compacted etcd on eu-1"},
			{At: at("11:38"), By: "alice", Kind: "workaround", Ref: "c112.0", Text: "Compaction by hand."},
			{At: at("11:40"), By: "carol", Kind: "phase", Ref: "c113.0", What: "monitoring"},
			{At: at("11:42"), By: "carol", Kind: "update", Ref: "c114.0", Text: "It works again; we watch it."},
			{At: at("12:30"), By: "carol", Kind: "handover", Ref: "c115.0", What: "dora",
				Text: "my shift ends | all quiet"},
			{At: at("12:36"), By: "dora", Kind: "ic", Ref: "c116.0", What: "dora"},
			{At: at("13:02"), By: "alice", Kind: "regression", Ref: "c117.0", Text: "503 again"},
			{At: at("13:02"), By: "alice", Kind: "phase", Ref: "c117.0", What: "investigate"},
			{At: at("13:03"), By: "erin", Kind: "oe", Ref: "c118.0", What: "erin"},
			{At: at("13:10"), By: "dora", Kind: "insisted", Ref: "c119.0", What: "fixing",
				Text: "the cause is the same"},
			{At: at("13:10"), By: "dora", Kind: "phase", Ref: "c119.0", What: "fixing"},
			{At: at("13:16"), By: "dora", Kind: "snooze", Ref: "c120.0", What: "15m0s",
				Text: "on the phone with Gina"},
			{At: at("13:25"), By: "erin", Kind: "workaround", Ref: "c121.0",
				Text: "Compaction by a cron job, every 5 minutes."},
			{At: at("13:26"), By: "dora", Kind: "phase", Ref: "c122.0", What: "monitoring"},
			{At: at("13:30"), By: "dora", Kind: "update", Ref: "c123.0",
				Text: "Repaired again. Sorry, @globex!"},
			{At: at("13:40"), By: "erin", Kind: "followup", Ref: "c124.0", What: "acme/platform",
				Text: "Alert on etcd's space (closes #5)\n\nAt 80 %, please.\n/ic close"},
			{At: at("13:41"), By: "frank", Kind: "pinned", Ref: "c125", What: "dora", Text: "the graph"},
			{At: at("36:55"), By: "dora", Kind: "agreed", Ref: "c129.0", Text: "Gina of globex, by phone"},
			{At: at("37:00"), By: "dora", Kind: "phase", Ref: "c130.0", What: "closing"},
			{At: at("37:00"), By: "dora", Kind: "followup", Ref: "c130.0"},
		},
		FollowUps: []FollowUp{
			{FollowUp: incident.FollowUp{Stamp: *stamped("erin", "13:40", "c124.0"), Repo: "acme/platform",
				Owner: "frank", Due: "2026-03-20", Ticket: "acme/platform#77"},
				Title: "Alert on etcd's space (closes #5)\n\nAt 80 %, please.\n/ic close"},
			{FollowUp: incident.FollowUp{Stamp: *stamped("erin", "13:25", "c121.0"), Auto: true},
				Title: "Compaction by a cron job, every 5 minutes."},
		},
		At: at("37:00"),
	}
}

// minimal is an incident of which nearly nothing was recorded.
func minimal() Facts {
	return Facts{
		Ref: ref, URL: issueURL, Title: "???", Author: "alice", Policy: incident.DefaultPolicy(),
		State: incident.State{Declared: stamped("alice", "10:41", "opened"), Responder: true,
			Phase: incident.Closing, Since: *stamped("alice", "11:00", "e5")},
		Spans: []incident.Span{{Phase: incident.Identify, From: at("10:41"), To: at("11:00")},
			{Phase: incident.Closing, From: at("11:00"), To: at("11:00")}},
		Entries: []incident.Entry{
			{At: at("10:41"), By: "alice", Kind: "declared", Ref: "opened", What: "form"},
			{At: at("11:00"), By: "alice", Kind: "phase", Ref: "e5", What: "closing"},
		},
		At: at("11:00"),
	}
}

// drill is a regular incident in a drill, done by one person.
func drill() Facts {
	return Facts{
		Ref: ref, URL: issueURL, Title: "Übung: Zertifikat läuft ab", Author: "alice",
		Policy:  incident.DefaultPolicy(),
		Summary: "The certificate of the *test* cluster ends today.",
		State: incident.State{Declared: stamped("alice", "10:41", "opened"), Responder: true,
			Source: "form", Severity: "regular",
			Confirmed: stamped("alice", "10:41", "opened"), Customers: []string{"globex"}, Drill: true,
			Phase: incident.Closing,
			Since: *stamped("alice", "12:00", "c9.0"), IC: "alice", OEs: []string{"alice"},
			Closed: stamped("alice", "12:00", "c9.0"),
			Fix:    stamped("alice", "11:30", "c5.0"), Cause: stamped("alice", "11:00", "c4.0")},
		Spans: []incident.Span{
			{Phase: incident.Identify, From: at("10:41"), To: at("10:45")},
			{Phase: incident.Investigate, From: at("10:45"), To: at("11:01")},
			{Phase: incident.Fixing, From: at("11:01"), To: at("12:00")},
			{Phase: incident.Closing, From: at("12:00"), To: at("12:00")},
		},
		Entries: []incident.Entry{
			{At: at("10:41"), By: "alice", Kind: "declared", Ref: "opened", What: "form"},
			{At: at("10:41"), By: "alice", Kind: "severity", Ref: "opened", What: "regular"},
			{At: at("10:44"), By: "alice", Kind: "ic", Ref: "c1.0", What: "alice"},
			{At: at("10:44"), By: "alice", Kind: "oe", Ref: "c1.1", What: "alice"},
			{At: at("10:45"), By: "alice", Kind: "phase", Ref: "c2.0", What: "investigate"},
			{At: at("10:50"), By: "alice", Kind: "update", Ref: "c3.0", Text: "This is a drill."},
			{At: at("11:00"), By: "alice", Kind: "cause", Ref: "c4.0", Text: "nobody renews it"},
			{At: at("11:01"), By: "alice", Kind: "phase", Ref: "c4.1", What: "fixing"},
			{At: at("11:30"), By: "alice", Kind: "fix", Ref: "c5.0", Text: "acme/platform#8"},
			{At: at("11:55"), By: "alice", Kind: "left", Ref: "c8.0", What: "alice", Text: "oe"},
			{At: at("12:00"), By: "alice", Kind: "phase", Ref: "c9.0", What: "closing"},
			{At: at("12:00"), By: "alice", Kind: "closed", Ref: "c9.0"},
		},
		FollowUps: []FollowUp{{FollowUp: incident.FollowUp{Stamp: *stamped("alice", "11:40", "c6.0")},
			Title: "Renew certificates by themselves"}},
		At: at("12:00"),
	}
}

// TestC2Golden holds the whole document, the pull request and the tickets of three incidents.
func TestC2Golden(t *testing.T) {
	for name, f := range map[string]Facts{"rich": rich(), "minimal": minimal(), "drill": drill()} {
		t.Run(name, func(t *testing.T) {
			document, err := Document(f)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".md", document)
			title, body, err := Pull(f)
			if err != nil {
				t.Fatal(err)
			}
			text := "# " + title + "\n\n" + body
			for i := range f.FollowUps {
				title, body, err := Ticket(f, i)
				if err != nil {
					t.Fatal(err)
				}
				text += "\n---\n\n# " + title + "\n\n" + body
			}
			golden(t, name+".issues.md", text)
			data, err := JSON(f)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", string(data))
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs; if that is meant, run go test -update (-want +got):\n%s", name, diff)
	}
}
