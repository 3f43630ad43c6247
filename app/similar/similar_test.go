package similar_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/postmortem"
	"github.com/firebreak-dev/firebreak/app/similar"
)

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

// written is a postmortem, as a merged one carries it, and the family that it is of.
type written struct {
	family string
	past   similar.Past
	asked  similar.Case // what was known in the incident: no cause
}

// write returns a postmortem of a family. Each part has one of three wordings, of which a quarter of the words is lost,
// as everybody says it a little differently. One title in four says only that the service is down, one summary in four
// says nothing, one incident in two has no alert, one in three has no finding of use, and one in four has a finding of
// another family: what was suspected first. Services and customers are drawn without regard to the family.
func write(t *testing.T, r *rand.Rand, f family, n int) written {
	t.Helper()
	service := pick(r, services)
	in := func(text string) string {
		words := strings.Fields(strings.ReplaceAll(text, "%s", service))
		return strings.Join(slices.DeleteFunc(words, func(string) bool { return r.IntN(4) == 0 }), " ")
	}
	w := written{family: f.name}
	title, summary := in(pick(r, f.titles)), in(pick(r, f.summaries))
	if r.IntN(4) == 0 {
		title = service + " is down" // nobody knew more
	}
	if r.IntN(4) == 0 {
		summary = ""
	}
	if r.IntN(2) == 0 {
		summary += " Alert: " + pick(r, f.alerts) + "."
	}
	customer := pick(r, customers)
	summary += " " + pick(r, general) + " " + customer + " is hit."
	facts := postmortem.Facts{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: n}, Title: title, Summary: summary,
		Policy: incident.DefaultPolicy(), State: incident.State{Customers: []string{customer}}}
	say := func(kind, text string) {
		facts.Entries = append(facts.Entries, incident.Entry{Kind: kind, By: "alice", Text: text})
	}
	say("finding", in(pick(r, asides)))
	if r.IntN(3) > 0 {
		say("finding", in(pick(r, f.findings)))
	}
	if r.IntN(4) == 0 {
		say("finding", in(pick(r, pick(r, families).findings)))
	}
	say("cause", in(pick(r, f.causes)))
	say("fix", in(pick(r, f.fixes)))

	data, err := postmortem.JSON(facts)
	if err != nil {
		t.Fatal(err)
	}
	if w.past, err = similar.Read(data); err != nil {
		t.Fatal(err)
	}
	w.past.Services = []string{service}
	w.asked = w.past.Case
	w.asked.Cause = ""
	return w
}

func corpus(t *testing.T, seed uint64, each int) []written {
	r := rand.New(rand.NewPCG(seed, 20))
	var all []written
	for i := range each * len(families) {
		all = append(all, write(t, r, families[i%len(families)], i+1))
	}
	return all
}

// Of each postmortem, the family is among the two nearest of the others. Where the family is not among them at all,
// little is said.
func TestTheFamilyIsFound(t *testing.T) {
	const seeds, each = 5, 6
	var found, first, silent, misled, asked float64
	worst := 100.0
	for seed := range uint64(seeds) {
		all := corpus(t, seed, each)
		hits := 0.0
		for i, w := range all {
			var others, strange []similar.Past
			family := map[string]string{}
			for j, o := range all {
				if i == j {
					continue
				}
				others = append(others, o.past)
				family[o.past.Ref] = o.family
				if o.family != w.family {
					strange = append(strange, o.past)
				}
			}
			is := func(m similar.Match) bool { return family[m.Ref] == w.family }
			got := similar.Nearest(others, w.asked, 2)
			asked++
			switch {
			case len(got) == 0:
				silent++
			case is(got[0]):
				first++
			}
			if slices.ContainsFunc(got, is) {
				hits++
			}
			if len(similar.Nearest(strange, w.asked, 1)) > 0 {
				misled++
			}
		}
		found += hits
		worst = min(worst, 100*hits/float64(len(all)))
	}
	t.Logf("%d postmortems of %d families, %d times: the family is among the first two of %.1f %% (worst %.1f %%), first of %.1f %%; "+
		"nothing is said of %.1f %%; of a new family something is said of %.1f %%", each*len(families), len(families), seeds,
		100*found/asked, worst, 100*first/asked, 100*silent/asked, 100*misled/asked)
	if 100*found/asked < 80 || 100*misled/asked > 33 {
		t.Error("the family must be among the first two of 80 %, and little be said of what is new")
	}
}

// What is like nothing before, nobody is told of.
func TestNothingIsLikeAnOddOne(t *testing.T) {
	var past []similar.Past
	for _, w := range corpus(t, 1, 6) {
		past = append(past, w.past)
	}
	for _, odd := range []string{
		"The coffee machine of the office floods the kitchen",
		"An invoice was sent to the wrong department by the printer",
		"Satellite imagery misaligned over Greenland tiles",
		"",
	} {
		if got := similar.Nearest(past, similar.Case{Title: odd, Summary: odd}, 2); len(got) > 0 {
			t.Errorf("%q is like %s by %.2f: %v", odd, got[0].Title, got[0].Likeness, got[0].Reasons)
		}
	}
}

func TestReasons(t *testing.T) {
	past := []similar.Past{
		{Ref: "acme/incidents#1", Lesson: similar.Lesson{Fix: "Raised the limit."}, Case: similar.Case{Services: []string{"acme/payments"},
			Alerts: []string{"KubePodOOMKilled"}, Title: "Pods are killed", Cause: "The heap grows", Customers: []string{"Globex"}}},
		{Ref: "acme/incidents#2", Case: similar.Case{Title: "Blank page", Summary: "Globex can't click on anything"}},
		{Ref: "acme/incidents#3", Case: similar.Case{Title: "Certificate has ended", Summary: "TLS fails"}},
	}
	got := similar.Nearest(past, similar.Case{Services: []string{"payments"}, Alerts: []string{"KubePodOOMKilled"},
		Summary: "Globex: heaps are full", Customers: []string{"Globex"}}, 2)
	if len(got) != 1 || got[0].Ref != past[0].Ref || got[0].Lesson != past[0].Lesson {
		t.Fatalf("%+v", got)
	}
	var said []string
	for _, r := range got[0].Reasons {
		said = append(said, r.String())
	}
	if s := strings.Join(said, "; "); !strings.HasPrefix(s, "the same service: payments; the same alert: KubePodOOMKilled; the same words: ") ||
		!strings.Contains(s, "heaps") || strings.Contains(s, "Globex") {
		t.Error(s)
	}
	if got := similar.Nearest(past, similar.Case{Services: []string{"payments"}}, 0); len(got) != 0 {
		t.Errorf("none were asked for: %v", got)
	}
}

func TestNearestDoesNotDependOnTheOrder(t *testing.T) {
	var past []similar.Past
	all := corpus(t, 3, 6)
	for _, w := range all {
		past = append(past, w.past)
	}
	want := fmt.Sprint(similar.Nearest(past, all[5].asked, 5))
	for range 5 {
		past = append(past[1:], past[0])
		if got := fmt.Sprint(similar.Nearest(past, all[5].asked, 5)); got != want {
			t.Fatalf("%s\nwant %s", got, want)
		}
	}
}

func TestRead(t *testing.T) {
	data, err := os.ReadFile("../postmortem/testdata/rich.json")
	if err != nil {
		t.Fatal(err)
	}
	p, err := similar.Read(data)
	if err != nil || p.Ref != "acme/incidents#12" || !strings.Contains(p.Findings, "etcd is full") || len(p.Customers) != 2 || p.Lesson.Workaround == "" {
		t.Errorf("%+v, %v", p, err)
	}
	if strings.HasPrefix(p.Lesson.Workaround, "Compaction by hand") {
		t.Errorf("the incident came back after %q", p.Lesson.Workaround)
	}
	drill, _ := os.ReadFile("../postmortem/testdata/drill.json")
	if _, err := similar.Read(drill); !errors.Is(err, similar.ErrDrill) {
		t.Errorf("a drill: %v", err)
	}
	for _, bad := range []string{"", "[]", "{}", `{"version": 2}`} {
		if _, err := similar.Read([]byte(bad)); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
	if got := similar.AlertNames("KubePodOOMKilled and HighErrorRate at GitHub, KubePodOOMKilled"); !slices.Equal(got, []string{"KubePodOOMKilled", "HighErrorRate"}) {
		t.Errorf("%v", got)
	}
}

// The services that were hit are those that the timeline names, each once (L1, X2).
func TestL1ServicesAreReadFromTheTimeline(t *testing.T) {
	p, err := similar.Read([]byte(`{"version":1,"incident":{"id":"acme/incidents#1","title":"Cards fail"},"timeline":[
		{"kind":"service","what":"payments"},{"kind":"finding","what":"checkout"},{"kind":"service","what":"Payments"},
		{"kind":"service","what":"acme/ledger"}]}`))
	if err != nil || !slices.Equal(p.Services, []string{"payments", "acme/ledger"}) {
		t.Errorf("the services: %q, %v", p.Services, err)
	}
}
