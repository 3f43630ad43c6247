package simulation

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// do does a step, and notes what GitHub said to it.
func (w *world) do(s step) {
	w.t.Helper()
	if s.wait > 0 {
		w.advance(s.wait)
	}
	w.taken = append(w.taken, w.act(s))
	w.endRuns()
}

func (w *world) act(s step) string {
	w.t.Helper()
	defer w.mergeOne()
	switch s.verb {
	case "opens", "declares":
		fields := map[string]any{"title": s.on, "body": s.text}
		var i issue
		status := w.as(s.who, "POST", repository+"/issues", fields, &i)
		w.issues[s.on] = i.Number
		if s.verb == "opens" { // the form labels it, whoever fills it in
			w.as("alice", "POST", fmt.Sprintf("%s/issues/%d/labels", repository, i.Number), map[string][]string{"labels": {incident.LabelIncident}}, nil)
		}
		return fmt.Sprint(status)
	case "titles":
		var i issue
		status := w.as(s.who, "POST", repository+"/issues", map[string]any{"title": s.on, "labels": strings.Fields(s.text)}, &i)
		w.issues[s.on] = i.Number
		return fmt.Sprint(status)
	case "signals":
		w.late[s.on] = w.late[s.on] || w.isUnheard()
		w.reported[s.on] = true
		return w.signal(s)
	}
	n := w.number(s.on)
	if n == 0 {
		return "no such issue"
	}
	w.late[s.on] = w.late[s.on] || w.reported[s.on] && w.journal.isReportWaiting(n) // what a report says counts after this
	s.text = w.numbered(s.text)
	at := w.path(s.on)
	var before, after issue
	w.as("alice", "GET", at, nil, &before)
	var status int
	switch s.verb {
	case "says":
		var c comment
		status = w.as(s.who, "POST", at+"/comments", map[string]string{"body": s.text}, &c)
		w.comments[s.name] = c.ID
		w.readAt[s.name] = w.timesRead(s.on)
		return fmt.Sprint(status)
	case "edits":
		now := w.box.Clock().Now()
		w.edited[s.on] = now
		w.late[s.on] = w.late[s.on] || w.isUnheard()
		return fmt.Sprint(w.as(s.who, "PATCH", fmt.Sprintf("%s/issues/comments/%d", w.home(s.on), w.comments[s.name]), map[string]string{"body": s.text}, nil))
	case "labels":
		status = w.as(s.who, "POST", at+"/labels", map[string][]string{"labels": {s.text}}, nil)
	case "unlabels":
		status = w.as(s.who, "DELETE", at+"/labels/"+url.PathEscape(s.text), nil, nil)
	case "assigns":
		status = w.as(s.who, "POST", at+"/assignees", map[string][]string{"assignees": {s.text}}, nil)
	case "unassigns":
		status = w.as(s.who, "DELETE", at+"/assignees", map[string][]string{"assignees": {s.text}}, nil)
	case "closes", "reopens":
		status = w.as(s.who, "PATCH", at, map[string]string{"state": map[string]string{"closes": "closed", "reopens": "open"}[s.verb]}, nil)
	case "merges":
		return w.merge(s, n)
	default:
		return w.actSeldom(s)
	}
	w.as("alice", "GET", at, nil, &after)
	changed := before.State != after.State || len(before.Labels) != len(after.Labels) || len(before.Assignees) != len(after.Assignees)
	return fmt.Sprint(status < 300, " ", changed)
}

// isUnheard reports whether the product hears of nothing, or can't look at it.
func (w *world) isUnheard() bool {
	return w.box.Clock().Now().Before(w.outage) || w.has("suspended") || w.has("removed") || w.has("an allow list") ||
		w.net.isReadDenied()
}

var namedIncident = regexp.MustCompile(`\{(Incident .)\}`)

// numbered returns a text with numbers in place of the incidents that it names in braces; one that
// doesn't exist gets a number that no issue has.
func (w *world) numbered(text string) string {
	return namedIncident.ReplaceAllStringFunc(text, func(name string) string {
		if n := w.number(strings.Trim(name, "{}")); n != 0 {
			return fmt.Sprintf("#%d", n)
		}
		return "#997"
	})
}

// signal lets a source report a trouble that fires, is smaller or worse than before, or has recovered.
func (w *world) signal(s step) string {
	kind, isGroup := strings.CutPrefix(s.text, "group ")
	path, report := "/intake/generic", single(s.on, kind)
	if isGroup {
		path, report = "/intake/alertmanager", group(s.on, kind)
	}
	body, err := json.Marshal(report)
	if err != nil {
		w.t.Fatal(err)
	}
	header := http.Header{"Authorization": {"Bearer demo-intake"}, "Content-Type": {"application/json"}}
	if w.busy != nil { // it comes while the product works
		w.mu.Lock()
		defer w.mu.Unlock()
		w.mail = append(w.mail, letter{due: w.box.Clock().Now(), header: header, body: body, path: path})
		return "taken"
	}
	if err := w.hand(path, header, body); err != nil {
		w.t.Fatal(err)
	}
	return "taken"
}

// single is a report of its own.
func single(title, kind string) map[string]any {
	report := map[string]any{"title": title, "message": "The probe fails", "severity": "critical", "customer": "globex", "dedup_key": title, "state": "alerting"}
	switch kind {
	case "resolved":
		report["state"] = "ok"
	case "smaller":
		report["severity"] = "regular"
	case "worse":
		report["message"] = "Orders are lost"
	}
	return report
}

// group is one of alerts, each with labels of its own.
func group(title, kind string) map[string]any {
	alert := func(name, severity string) map[string]any {
		return map[string]any{"status": "firing", "labels": map[string]string{"alertname": name, "severity": severity, "customer": "globex"}, "startsAt": "2026-03-02T10:00:00Z", "fingerprint": name}
	}
	status, alerts := "firing", []map[string]any{alert("DiskFilling", "warning"), alert(title, "critical")}
	switch kind {
	case "resolved":
		status, alerts = "resolved", alerts[1:]
		alerts[0]["status"] = "resolved"
	case "smaller":
		alerts = []map[string]any{alert(title, "warning")}
	case "worse":
		alerts = append(alerts, alert("OrdersLost", "warning"))
	}
	return map[string]any{"version": "4", "groupKey": title, "status": status, "receiver": "firebreak", "alerts": alerts}
}

// merge merges the postmortem, if there is one by now.
func (w *world) merge(s step, number int) string {
	for _, p := range w.pulls() {
		if p.Head.Ref == fmt.Sprintf("postmortem/%d", number) && p.State == "open" {
			return fmt.Sprint(w.as(s.who, "PUT", fmt.Sprintf("%s/pulls/%d/merge", repository, p.Number), map[string]string{}, nil))
		}
	}
	w.unmerged = append(w.unmerged, s)
	return "no such pull request"
}

type pull struct {
	Number int
	State  string
	Body   string
	Merged *time.Time `json:"merged_at"`
	Head   struct{ Ref string }
}

func (w *world) pulls() []pull { return list[pull](w, repository+"/pulls?state=all") }
