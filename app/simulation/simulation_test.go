package simulation

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seeds = flag.Uint64("seeds", defaultSeeds, "how many seeds")
	first = flag.Uint64("first", 1, "the first of them")
	one   = flag.Uint64("seed", 0, "this seed only, told step by step")
	only  = flag.String("theme", "", "only the seeds whose theme's name has this in it, or one of these: first|second")
	tell  = flag.Bool("excused", false, "tell what is excused")
)

const defaultSeeds = 24

// TestA4FaultsChangeNothing plays each seed's script twice.
func TestA4FaultsChangeNothing(t *testing.T) {
	if *one != 0 {
		simulate(t, *one, os.Stderr)
		return
	}
	n := *seeds
	if testing.Short() {
		n = min(n, 3) // under the race detector a seed takes ten times as long
	}
	for seed := *first; seed < *first+n; seed++ {
		if !isOfTheme(seed, *only) || isNarrow(seed) { // those are for TestA4InvariantsHold
			continue
		}
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			simulate(t, seed, io.Discard)
		})
	}
}

// trial is what goes wrong with a seed besides the network's faults: outages between the steps.
type trial struct {
	draw
	script   []step
	pressing *trial     // with what a seed's theme draws; nil: not yet
	play     func(step) // lets somebody act besides the script; nil: only the script is played
}

// before is called before a step.
func (f *trial) before(w *world, n int) {
	if isAlone(w.net.seed) {
		f.themed(w, n)
		return
	}
	if n == 0 {
		w.net.rate = pick(f.draw, uint64(3), 20, 60)
		w.hooks = pick(f.draw, uint64(0), 50, 200)
	}
	if f.chance(3) {
		if d := f.spare(n, time.Duration(1+f.IntN(600))*time.Second); d > 0 {
			f.outage(w, d)
		}
	}
	f.overtime(w, n)
	f.themed(w, n)
	if f.chance(2) {
		f.harm(w)
	}
	if f.chance(3) {
		w.net.tell("started again")
		w.restart()
	}
}

// isLast reports whether a step is the last of its incident: a merge is made up for in the end.
func isLast(script []step, n int) bool {
	return !slices.ContainsFunc(script[n+1:], func(s step) bool { return s.on == script[n].on })
}

// outage lets GitHub be out.
func (f *trial) outage(w *world, d time.Duration) {
	w.net.tell("an outage of %s", d)
	w.fault(map[string]any{"outage": d.String()})
	now := w.box.Clock().Now()
	w.went, w.outage = now, now.Add(d)
	w.net.isAway(now, w.outage)
	for title, at := range w.edited {
		w.late[title] = w.late[title] || now.Sub(at) < time.Minute // it may not have been looked at yet
	}
}

// harm deletes a card, or changes what its hidden part says, as anybody with write access can. A
// card is built again from the issue, where a comment that was edited proves nothing any more:
// where there are some, the card is left alone.
func (f *trial) harm(w *world) {
	var cards []issue
	for _, title := range slices.Sorted(maps.Keys(w.issues)) {
		var i issue
		if edited(f.script, title) {
			continue
		}
		if w.as("alice", "GET", fmt.Sprintf("%s/issues/%d", repository, w.issues[title]), nil, &i); i.Pinned != nil {
			cards = append(cards, i)
		}
	}
	if len(cards) == 0 {
		return
	}
	i := cards[f.IntN(len(cards))]
	w.harmed[i.Title] = true
	at := fmt.Sprintf("%s/issues/comments/%d", repository, i.Pinned.ID)
	if f.chance(50) {
		w.net.tell("the card of %s is deleted", i.Title)
		w.as("dan", "DELETE", at, nil, nil)
		return
	}
	w.net.tell("the card of %s is changed", i.Title)
	w.as("dan", "PATCH", at, map[string]string{"body": strings.Replace(i.Pinned.Body, `"state":{`, `"state":{"drill":true,`, 1)}, nil)
}

// compared counts the outcomes, and excused those that differ for a reason that isn't a fault.
var (
	compared atomic.Int64
	excused  tally
)

// tally counts reasons.
type tally struct {
	mu  sync.Mutex
	why map[string]int
}

func (t *tally) add(why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why == nil {
		t.why = map[string]int{}
	}
	t.why[why]++
}

func (t *tally) total() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, times := range t.why {
		n += times
	}
	return n
}

func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(400) // a world is small and short-lived
	code := m.Run()
	fmt.Printf("%d outcomes, %d of them excused: %v\n", compared.Load(), excused.total(), excused.why)
	if pagesJudged.total() > 0 {
		fmt.Printf("%d pages where there are rotations: %v\n", pagesJudged.total(), pagesJudged.why)
	}
	os.Exit(code)
}

func simulate(t *testing.T, seed uint64, log io.Writer) {
	script := write(seed)
	compare(t, seed, script, log, func(w *world) {
		played := slices.Clone(script)
		w.play(played, &trial{draw: newDraw(seed, 2), script: played})
	})
}

// compare plays a script without faults, and as play does it, and holds that both end the same.
func compare(t *testing.T, seed uint64, script []step, log io.Writer, play func(*world)) {
	var titles []string
	for _, s := range script {
		if !slices.Contains(titles, s.on) {
			titles = append(titles, s.on)
		}
	}
	calm := newWorld(t, seed, io.Discard)
	calm.script = script
	calm.play(script, nil)
	want := calm.outcome(titles)
	rough := newWorld(t, seed, log)
	rough.script = script
	play(rough)
	got := rough.outcome(titles)
	if len(rough.deeds) > 0 { // what another bot does is compared with the same done on a good day
		calm = newWorld(t, seed, io.Discard)
		calm.addRobot()
		calm.other = rough
		calm.play(script, nil)
		want = calm.outcome(titles)
	}
	rough.sweep() // where a look wrote much, the next one notes how far it read
	before := len(rough.net.wrote)
	rough.sweep()
	for _, line := range rough.net.wrote[before:] {
		got.wrong = append(got.wrong, "written by a sweep with nothing lost: "+line)
	}
	var failed strings.Builder
	for _, line := range want.wrong {
		fmt.Fprintln(&failed, "without faults:", line)
	}
	for _, key := range calm.pages.Repeated() {
		fmt.Fprintln(&failed, "without faults: sent more than once:", key)
	}
	for _, line := range got.wrong {
		fmt.Fprintln(&failed, line)
	}
	for _, line := range rough.pagedLate(script, want, got) {
		fmt.Fprintln(&failed, line)
	}
	got.pagedLater(titles, &want)
	for _, title := range titles {
		tellEntries(title, &want, &got)
		if !want.began[title].Equal(got.began[title]) {
			want.unpaged(title)
			got.unpaged(title)
		}
		got.sighted(title, want)
		got.overtaken(title, want)
		got.unneeded(title, want, rough.journal.skippedPages(rough.issues[title]))
		got.lapsed(title, want, want.overdue, rough.net.away)
		got.inVain(title, want, rough.net.away)
		answeredByMerge(title, &want, &got, rough.net.away)
		// An archived repository takes no page as a comment, so that the next step goes out at once.
		if rough.net.muted[rough.issues[title]] || rough.archived || got.isPagedIn(title, want, rough.net.dim) {
			got.hurried(title, &want)
		}
		// An edit's webhook is delivered again in the end, and counts late; a report that GitHub
		// can't be asked about meets the incident as it is afterwards, and opens another if that is
		// over.
		if rough.late[title] {
			got.excused[title] = "known only after an outage"
		}
		// Of a step that may name a rotation the coordinators are paged until that is known (O1).
		if first, ok := rough.first[title]; ok && !rough.net.knewRotations(first.from) {
			got.excused[title] = "GitHub could not be asked whom to page"
		}
		if rough.journal.isShareRefused(rough.issues[title]) {
			read := slices.Clone(got.same[""])
			want.newestShared(script, title, read)
			got.newestShared(script, title, read)
		}
		if rough.net.low {
			want.unthanked(title)
			got.unthanked(title)
		}
		if rough.isEditReadLate(script, title) {
			got.excused[title] = "an edit was read late"
		}
		for _, s := range script {
			if s.on == title && s.verb == "edits" { // one look answers for both, or two looks for each
				want.unanswered(title, s.name)
				got.unanswered(title, s.name)
			}
		}
		if hasRun(script, title) {
			want.unrun(title)
			got.unrun(title)
		}
		if hasFreeze(script, title) {
			want.unfrozen(title, script)
			got.unfrozen(title, script)
		}
		if isOfTheme(seed, "templates mean no good") { // such a template has other sections to write, or none
			want.unfilled(title)
			got.unfilled(title)
		}
		if rough.journal.isConfigurationRemoved() {
			got.excused[title] = "the configuration was gone whenever it was read"
		}
		if rough.harmed[title] && rough.journal.isAnswerRefused(rough.issues[title]) {
			got.excused[title] = "an answer was refused, and the card that knew was lost"
		}
		if len(rough.marked[title]) > 0 { // of what somebody wrote into, nothing counts as said
			want.unsaid(title)
			got.unsaid(title)
		}
		if rough.harmed[title] {
			want.unreacted(title)
			got.unreacted(title)
			got.lapsed(title, want, want.pagedAt, rough.net.away)
		}
	}
	got.overtaken("", want)
	got.pagedFirst(want, rough.net.failed)
	for _, title := range titles {
		if (hurried(script, title) || unsettled(script, title, rough.net.away, rough.net.deaf[rough.issues[title]])) && differ(want.same[title], got.same[title]) != "" {
			got.excused[title] = "asked for while it closed"
		}
	}
	met := folds(script)
	for _, title := range titles {
		if met[title] && differ(want.same[title], got.same[title]) != "" {
			got.excused[title] = "folded while people were at the other one"
		}
	}
	// Where GitHub took a step in one run only, there is nothing to compare.
	for n, s := range script {
		if calm.taken[n] != rough.taken[n] && !(s.verb == "merges" && isLast(script, n)) {
			got.excused[s.on] = "people met another issue: " + s.verb
		}
	}
	got.excused[""] = ""
	for _, title := range titles {
		if got.excused[title] != "" {
			want.elsewhereOf(script, title)
			got.elsewhereOf(script, title)
		}
	}
	for _, title := range append(titles, "") {
		compared.Add(1)
		d := differ(want.same[title], got.same[title])
		if rough.net.hidden && strings.Contains(d, "Write the postmortem: ") {
			got.excused[title] = "GitHub showed neither the merged postmortem nor its folder"
		}
		switch why := got.excused[title]; {
		case d == "":
		case why != "":
			excused.add(why)
			if *tell {
				fmt.Printf("seed %d: excused, %s:\n%s", seed, why, d)
			}
		default:
			fmt.Fprintf(&failed, "not as without faults (-want +got):\n%s", d)
		}
	}
	if failed.Len() == 0 {
		return
	}
	var told strings.Builder
	for n, s := range script {
		fmt.Fprintf(&told, "%3d %s (%s, %s)\n", n, s, calm.taken[n], rough.taken[n])
	}
	t.Errorf("seed %d fails; replay it with go test ./app/simulation -seed %d\n\nthe script:\n%s\nthe faults:\n%s\n\n%s", seed, seed, told.String(), strings.Join(rough.net.told, "\n"), failed.String())
}
