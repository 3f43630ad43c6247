package effects

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/similar"
)

// SimilarAPI is what Similar needs of GitHub.
type SimilarAPI interface {
	// ListFolder returns the files in a folder of the default branch; none if there is no such
	// folder. It makes 1 call.
	ListFolder(ctx context.Context, ref incident.Ref, folder string) ([]similar.File, error)
	// ReadContents returns the contents of files by their object names; "" for one that isn't text.
	// It makes 1 call.
	ReadContents(ctx context.Context, ref incident.Ref, oids []string) (contents map[string]string, err error)
	IssueURL(ref incident.Ref) string
}

// Similar finds the past incidents that are like this one, in the postmortems that were merged (L1).
type Similar struct {
	*look.Look
	GitHub  SimilarAPI
	Summary func() string // of the incident, as the postmortem has it
	// Load and Save keep the index of the past outside the process.
	Load func() []byte
	Save func([]byte)
}

const (
	// similarTimeout is how long the past is looked at.
	similarTimeout = 8 * time.Second
	// contentCalls is how many calls contents may take: what is left is read the next time.
	contentCalls = 2
)

// Apply finds them, if that is owed. It never fails because of GitHub: nothing else waits for it.
func (e Similar) Apply() error {
	return look.ForEach(e.Look, func(incident.FindSimilar) error {
		if !e.State.Similar.Owed {
			return nil // done by an effect before
		}
		ctx, cancel := context.WithTimeout(e.Ctx, similarTimeout)
		defer cancel()
		index, err := e.readIndex(ctx)
		var refusal *ports.Refusal
		switch {
		case err == nil:
			e.Report(e.compare(index))
		case e.Ctx.Err() != nil:
			return err
		case errors.As(err, &refusal):
			e.Logger.Warn("past incidents can't be read", "incident", e.Ref.String(), "err", ports.Redact(err))
			e.Report(incident.SimilarFound{Unread: []string{"the merged postmortems: " + ports.Reason(err)}})
		default:
			e.Logger.Warn("past incidents are looked for later", "incident", e.Ref.String(), "err", ports.Redact(err))
			e.Report(incident.SimilarUnread{})
		}
		return nil
	})
}

// Expire has the index compared with the repository when it is needed next: a postmortem was merged.
func (e Similar) Expire() error {
	kept := e.Load()
	if kept == nil {
		return nil
	}
	index := similar.OpenIndex(kept)
	index.Read = time.Time{}
	return e.keep(index)
}

// readIndex returns the index of the past, up to date.
func (e Similar) readIndex(ctx context.Context) (similar.Index, error) {
	index := similar.OpenIndex(e.Load())
	if index.IsFresh(e.Now) {
		return index, nil
	}
	files, err := e.GitHub.ListFolder(ctx, e.Ref, similar.Folder)
	if err != nil {
		return index, err
	}
	index.Compare(files, e.Now)
	for range contentCalls {
		oids := index.Unread()
		if len(oids) == 0 {
			break
		}
		contents, err := e.GitHub.ReadContents(ctx, e.Ref, similar.Batch(oids, files))
		if err != nil {
			return index, errors.Join(err, e.keep(index))
		}
		index.Add(contents)
	}
	return index, e.keep(index)
}

func (e Similar) keep(index similar.Index) error {
	data, err := index.Encode()
	if err != nil {
		return fmt.Errorf("keep the index of past incidents: %w", err)
	}
	e.Save(data)
	return nil
}

// compare returns the past incidents that are like this one.
func (e Similar) compare(index similar.Index) incident.SimilarFound {
	var past []similar.Past
	document := map[string]string{}
	for _, entry := range index.Entries {
		if entry.Past == nil || document[entry.Past.Ref] != "" || !e.isOther(entry.Past.Ref) {
			continue
		}
		past = append(past, *entry.Past)
		document[entry.Past.Ref] = entry.Document
	}
	found := incident.SimilarFound{Compared: len(past)}
	for _, m := range similar.Nearest(past, e.known(), incident.MostSimilar) {
		hide := e.hideCustomers(m.Customers)
		one := incident.PastIncident{Ref: m.Ref, Title: hide(m.Title), URL: e.documentURL(document[m.Ref]), At: m.Declared,
			Cause: hide(m.Lesson.Cause), Workaround: hide(m.Lesson.Workaround), Fix: hide(m.Lesson.Fix)}
		for _, r := range m.Reasons {
			one.Why = append(one.Why, hide(r.String()))
		}
		found.Past = append(found.Past, one)
	}
	return found
}

// isOther reports whether an incident is another one than this, by any of its names.
func (e Similar) isOther(name string) bool {
	ref, err := incident.ParseRef(name)
	return err == nil && !naming.Equal(ref.String(), e.Ref.String()) &&
		!naming.Equal(ref.String(), e.DeclaredRef().String())
}

// known returns what is known of this incident by now.
func (e Similar) known() similar.Case {
	c := similar.Case{Title: e.Snapshot.Title, Summary: e.Summary(), Customers: e.customers()}
	c.Alerts = similar.AlertNames(e.Snapshot.Title + "\n" + e.Snapshot.Body)
	if hit := e.State.Hit; hit.Name != "" && hit.How != incident.HitSuspect {
		c.Services = []string{e.State.Hit.Name}
	}
	var findings []string
	for _, s := range e.State.Found {
		findings = append(findings, s.Text)
	}
	c.Findings = strings.Join(findings, "\n")
	if e.State.Cause != nil {
		c.Cause = e.State.Cause.Text
	}
	return c
}

// customers returns the names of all customers that are known.
func (e Similar) customers() []string {
	names := append([]string{}, e.State.Customers...)
	for _, c := range e.Policy.Customers {
		names = append(names, c.Name)
	}
	return names
}

// hideCustomers returns what replaces the names of customers in the words of a past incident: its own
// customers', and those of the configuration.
func (e Similar) hideCustomers(theirs []string) func(string) string {
	var names []string
	for _, name := range append(e.customers(), theirs...) {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, regexp.QuoteMeta(name))
		}
	}
	if len(names) == 0 {
		return func(s string) string { return s }
	}
	customer := regexp.MustCompile(`(?i)(^|[^\pL\pN])(?:` + strings.Join(names, "|") + `)($|[^\pL\pN])`)
	return func(s string) string {
		for range 2 { // of two names with one character between them the second is found the second time
			s = customer.ReplaceAllString(s, "${1}a customer${2}")
		}
		return s
	}
}

// documentURL returns where people read a postmortem.
func (e Similar) documentURL(name string) string {
	web, _, _ := strings.Cut(e.GitHub.IssueURL(e.Ref), "/issues/")
	return web + "/blob/HEAD/" + similar.Folder + "/" + url.PathEscape(name)
}
