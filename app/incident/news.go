package incident

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// keptWords is how many different things of a trouble are reported one by one. After that a report
// is only counted.
const keptWords = 40

// Word is one thing that a report says: the name of an alert, a title, a text. Mark names it
// without telling it; Text is how people read, where the rest of the report doesn't say it.
type Word struct{ Mark, Text string }

// Learned says that a comment of the app's own reported something new about a known problem.
type Learned struct {
	Source   string
	Severity string // the worse one that the source reported; empty if it was no worse
	Marks    []string
	Report   Report
	At       int64 // when it was reported, in Unix seconds
	Page     bool
	Paged    bool
	Links    []Link
}

// reportNews reports what is new about a known problem (I6): another alert, a worse severity,
// another title or text.
func (r *run) reportNews(s Signalled) {
	if !s.Firing || !r.Running() {
		return
	}
	// a card of before knew of no words: those of its first report are not news
	if len(r.Signals.Known) == 0 {
		for _, w := range s.Words {
			r.knowWord(w.Mark)
		}
	}
	// All that depends on the time goes by when the report came, so that it is the same if it is
	// handed out again.
	learned := Learned{Source: s.Source, Report: s.Report, At: r.f.At.Unix(), Page: s.Page, Paged: s.Paged,
		Links: r.unknownLinks(s.Links)}
	if s.Report.At != 0 {
		learned.At = s.Report.At
	}
	var texts []string
	for _, w := range s.Words {
		if !r.knowWord(w.Mark) {
			continue
		}
		if learned.Marks = append(learned.Marks, w.Mark); w.Text != "" {
			texts = append(texts, w.Text)
		}
	}
	if severity := r.p.Named(s.Severity); r.isWorse(severity, r.worstKnown()) {
		learned.Severity = severity
	}
	if len(learned.Marks) == 0 && learned.Severity == "" {
		return
	}
	if len(texts) == 0 && s.Title != "" {
		texts = []string{s.Title}
	}
	isUnsure := r.Confirmed == nil
	r.recordNews(learned)
	if len(texts) > 0 {
		r.news = texts[0]
	}
	say := Say{Name: "news", Line: s.Source, Severity: learned.Severity, Lines: texts, Reason: s.Details,
		Links: learned.Links}
	if say.Who = r.holder(); say.Who == "" && !r.Drill {
		say.Teams = []string{r.p.Coordinators}
	}
	if learned.Severity != "" && isUnsure == (r.Confirmed == nil) && r.Severity != learned.Severity {
		say.Command = "/ic severity " + learned.Severity
	}
	r.emit(Remind{Key: learned.key(), At: r.f.At, Say: say})
}

// worstKnown returns the worst severity that was reported.
func (r *run) worstKnown() string { return cmp.Or(r.Signals.Worst, r.Claimed, r.Severity) }

// holder names who hears what happens to the incident: the coordinator, or who has a look at it.
func (r *run) holder() string {
	if holder, _ := r.Coordinator(); holder != "" {
		return holder
	}
	if len(r.OEs) > 0 {
		return r.OEs[0]
	}
	return ""
}

// isNews reports whether a comment says what the state does not know yet: the look that wrote it
// knows it already.
func (r *run) isNews(l Learned) bool {
	isNew := slices.ContainsFunc(l.Marks, func(m string) bool {
		return !slices.Contains(r.Signals.Known, m) && len(r.Signals.Known) < keptWords
	})
	return isNew || r.isWorse(l.Severity, r.worstKnown())
}

// recordNews takes what is new. It is what a rebuilt card takes from the comment that reported it.
func (r *run) recordNews(l Learned) {
	for _, mark := range l.Marks {
		r.knowWord(mark)
	}
	r.addLinks(l.Links)
	f := r.f
	r.f = Fact{At: time.Unix(l.At, 0).UTC()} // whether the source says it or our own comment
	r.recordAt(Entry{At: r.f.At, Kind: "news", What: l.Source})
	if l.Severity != "" {
		r.Signals.Worst = l.Severity
		r.claimSeverity(l.Severity, l.Page, l.Paged)
	}
	r.f = f
}

// knowWord remembers a word and reports whether it is new.
func (r *run) knowWord(mark string) bool {
	if mark == "" || len(r.Signals.Known) >= keptWords || slices.Contains(r.Signals.Known, mark) {
		return false
	}
	r.Signals.Known = append(slices.Clone(r.Signals.Known), mark)
	return true
}

// key writes what was learned for the comment that reports it:
// news/3f9a.XKQM.1772447000/1772447003/critical/page/1a2b,3c4d/Alertmanager.
func (l Learned) key() string {
	how := "open"
	switch {
	case l.Paged:
		how = "paged"
	case l.Page:
		how = "page"
	}
	return strings.Join([]string{"news", l.Report.String(), strconv.FormatInt(l.At, 10), cmp.Or(l.Severity, "-"), how,
		cmp.Or(strings.Join(l.Marks, ","), "-"), url.PathEscape(l.Source)}, "/") + markLinks(l.Links)
}

// ParseNews reads what a comment says of news.
func ParseNews(key string) (Learned, bool) {
	key, links := CutLinks(key)
	parts := strings.Split(key, "/")
	if len(parts) != 7 || parts[0] != "news" {
		return Learned{}, false
	}
	report, _ := ParseReport(parts[1])
	at, err := strconv.ParseInt(parts[2], 10, 64)
	source, bad := url.PathUnescape(parts[6])
	l := Learned{Source: source, Report: report, At: at, Page: parts[4] != "open", Paged: parts[4] == "paged",
		Links: links}
	if parts[3] != "-" {
		l.Severity = parts[3]
	}
	if parts[5] != "-" {
		l.Marks = strings.Split(parts[5], ",")
	}
	return l, err == nil && bad == nil
}

// messageKey names the comment that reports a message, with the severity of the message where that
// is a hint.
func messageKey(s Signalled) string {
	key := fmt.Sprintf("message/%s/%s", s.Report, s.Source)
	if s.Severity != "" {
		key += "/" + url.PathEscape(s.Severity)
		if s.Page {
			key += "/page"
		}
	}
	return key + markLinks(s.Links)
}
