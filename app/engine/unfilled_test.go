package engine_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// writePostmortem puts words in the place of each prompt of the postmortem on a branch, but for those
// in some sections.
func (w *world) writePostmortem(branch string, but ...string) {
	w.t.Helper()
	at := "/api/v3/repos/acme/incidents/contents/postmortems?ref=" + url.QueryEscape(branch)
	var files []struct{ Path string }
	w.ok("alice", "GET", at, nil, &files)
	for _, f := range files {
		if !strings.HasSuffix(f.Path, ".md") {
			continue
		}
		var file struct{ SHA, Content string }
		path := "/api/v3/repos/acme/incidents/contents/" + f.Path
		w.ok("alice", "GET", path+"?ref="+url.QueryEscape(branch), nil, &file)
		text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(file.Content, "\n", ""))
		if err != nil {
			w.t.Fatal(err)
		}
		var lines []string
		heading := ""
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "#") {
				heading = strings.Trim(line, "# \n")
			}
			isKept := false
			for _, b := range but {
				isKept = isKept || heading == b
			}
			if strings.HasPrefix(line, "_Write here:") && !isKept {
				line = "Requests failed, and work again.\n"
			}
			lines = append(lines, line)
		}
		w.ok("alice", "PUT", path, map[string]string{"message": "Write it", "branch": branch, "sha": file.SHA,
			"content": base64.StdEncoding.EncodeToString([]byte(strings.Join(lines, "")))}, nil)
	}
	w.settle()
}

// Reads that are behind the merge do not show the document: that proves neither that it is written
// nor that the customer's part is missing.
func TestC3TheMergedPostmortemIsReadOnceItIsThere(t *testing.T) {
	skipUnderRace(t)
	for _, c := range []struct {
		but  []string
		want string // what the incident says
	}{
		{[]string{"Trigger"}, "was merged before it was filled in"},
		{nil, ""},
	} {
		w := unjudged(t)
		w.tell(strings.TrimSuffix(whole(t), "carol merges\n"))
		w.order(`{"match":"GET .*/contents/postmortems.*","lag":"45s"}`)
		w.writePostmortem("postmortem/1", c.but...)
		w.tell("wait 1m\ncarol merges\nwait 5m")
		if said := w.said("was merged before it was filled in"); (len(said) == 1) != (c.want != "") {
			t.Errorf("but for %q: the incident says %q", c.but, said)
		}
		if said := w.said("did not reach"); len(said) > 0 {
			t.Errorf("but for %q: it says of the customers %q", c.but, said)
		}
	}
}

// A merged document that GitHub lists and doesn't show is not known yet, for however long that goes on (C3, A8).
func TestC3AMergedPostmortemThatIsNotShownIsReadLater(t *testing.T) {
	skipUnderRace(t)
	w := unjudged(t)
	w.tell(strings.TrimSuffix(whole(t), "carol merges\n"))
	w.writePostmortem("postmortem/1", "Trigger")
	w.tell("wait 1m")
	w.order(`{"match":"GET .*/contents/postmortems/.*","status":404,"count":1000000}`)
	w.tell("carol merges\nwait 20m")
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.tell("wait 20m")
	if said := w.said("was merged before it was filled in"); len(said) != 1 || !strings.Contains(w.everything(), "Write the postmortem: Trigger") {
		t.Errorf("the incident says %q", said)
	}
}

// A postmortem that is merged before it is written is said to be, and what is missing becomes tickets
// of those who were to write it (C3).
func TestC3AnUnfilledPostmortemIsSaid(t *testing.T) {
	skipUnderRace(t)
	for _, c := range []struct {
		name    string
		but     []string
		tickets []string // titles, and whose they are
		isSent  bool     // to the customer
	}{
		{"written", nil, nil, true},
		{"all but two sections", []string{"Detection", "Trigger"}, []string{"Trigger", "Detection"}, true},
		{"all but the customer's section", []string{"For the customer"}, []string{"For the customer"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := unjudged(t)
			w.tell(strings.TrimSuffix(whole(t), "carol merges\n"))
			w.writePostmortem("postmortem/1", c.but...)
			w.tell("wait 1m\ncarol merges\nwait 1m")
			said := w.said("was merged before it was filled in")
			if len(said) > 1 || (len(said) == 1) != (len(c.tickets) > 0) {
				t.Fatalf("the incident says %q", said)
			}
			var issues []struct {
				Title     string
				Assignees []struct{ Login string }
			}
			w.ok("alice", "GET", "/api/v3/repos/acme/incidents/issues?state=all&direction=asc", nil, &issues)
			var titles []string
			for _, i := range issues {
				if title, ok := strings.CutPrefix(i.Title, "Write the postmortem: "); ok {
					titles = append(titles, title)
					if len(i.Assignees) != 1 || !strings.Contains("carol alice", i.Assignees[0].Login) {
						t.Errorf("%s is assigned to %v", i.Title, i.Assignees)
					}
				}
			}
			if fmt.Sprint(titles) != fmt.Sprint(c.tickets) {
				t.Errorf("tickets %q, want %q", titles, c.tickets)
			}
			if all := w.customersIssue(); strings.Contains(all, "Requests failed, and work again") != c.isSent ||
				!strings.HasPrefix(all, "closed: ") {
				t.Errorf("the customer reads\n%s", all)
			}
			if card := w.card(); strings.Contains(card, "not filled in") != (len(c.tickets) > 0) {
				t.Errorf("the card says\n%s", card)
			}

			// Nothing of it happens twice, the card lost or not.
			before, followUps := w.everything(), w.state().FollowUps
			w.tell("alice deletes card\ncarol: /incident status")
			w.redeliver()
			w.tell("wait 20m")
			for i, f := range w.state().FollowUps {
				if f.By != followUps[i].By || !f.At.Equal(followUps[i].At) {
					t.Errorf("follow-up %d is by %q of %s, and was by %q of %s", i, f.By, f.At, followUps[i].By, followUps[i].At)
				}
			}
			if n := len(w.said("was merged before it was filled in")); n != len(said) {
				t.Errorf("it is said %d times", n)
			}
			if after := w.everything(); strings.Count(after, "Write the postmortem: ") != strings.Count(before, "Write the postmortem: ") {
				t.Errorf("tickets are opened again:\n%s", after)
			}
		})
	}
}
