package suspect_test

import (
	"bufio"
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/suspect"
)

// historyDir holds bare git directories of public repositories, at DIR/*/repo or DIR/*.git. Without it the back-test is
// skipped. None of the data is kept here.
var historyDir = flag.String("history", "", "directory with bare git directories for the back-test")

// How far back changes are looked at, and how soon after it a change must be reverted to count.
const (
	window = 48 * time.Hour
	soon   = 24 * time.Hour
)

// landed is what entered the default branch at one time: a merge, or a squashed pull request.
type landed struct {
	suspect.Change
	sha     string
	body    string
	reverts int // the index of what it takes back; -1: nothing that is known
}

// readHistory reads what entered the default branch, the oldest first. A snapshot may lack large files: of a change that
// has one, only the names of its files are known.
func readHistory(t *testing.T, dir string) []landed {
	t.Helper()
	head, err := exec.Command("git", "-C", dir, "symbolic-ref", "-q", "HEAD").Output()
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	repo := strings.ReplaceAll(strings.TrimSuffix(filepath.Base(filepath.Dir(dir)), ".git"), "+", "/")
	var all []landed
	for rev := strings.TrimSpace(string(head)); ; {
		part, err := readFrom(dir, repo, rev)
		all = append(all, part...)
		if err == nil {
			break
		}
		if len(part) == 0 {
			t.Fatalf("%s at %s: %v", dir, rev, err)
		}
		last := &all[len(all)-1]
		names, err := exec.Command("git", "-C", dir, "diff-tree", "-r", "--name-only", last.sha+"^", last.sha).Output()
		if err != nil {
			break // the first commit
		}
		last.Files, last.Lines = strings.Fields(string(names)), 0
		rev = last.sha + "^"
	}
	slices.Reverse(all)
	linkReverts(all)
	return all
}

// readFrom reads until the first commit, or one that can't be read, which is the last returned then.
func readFrom(dir, repo, rev string) ([]landed, error) {
	cmd := exec.Command("git", "-C", dir, "log", rev, "--first-parent", "-m", "--numstat", "--no-renames",
		"--format=%x01%H%x02%cI%x02%an%x02%B%x03")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	scan := bufio.NewScanner(out)
	scan.Buffer(nil, 64<<20)
	scan.Split(splitEntries)
	var all []landed
	for scan.Scan() {
		if c, ok := readLanded(repo, scan.Text()); ok {
			all = append(all, c)
		}
	}
	return all, cmp.Or(scan.Err(), cmd.Wait())
}

// splitEntries splits the log where an entry begins.
func splitEntries(data []byte, end bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, 1); i >= 0 {
		return i + 1, data[:i], nil
	}
	if end && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

var (
	mergeOf   = regexp.MustCompile(`^Merge pull request #(\d+) from (\S+)`)
	squashOf  = regexp.MustCompile(`^(.*) \(#(\d+)\)$`)
	revertBy  = regexp.MustCompile(`/revert-(\d+)-`)
	revertSHA = regexp.MustCompile(`(?i)this reverts (?:merge |pull request |pr )*(?:commit )?([0-9a-f]{7,40})`)
	revertNum = regexp.MustCompile(`(?im)(?:^reverts |this reverts (?:pr|pull request) )(?:[\w./-]*)?#(\d+)`)
	revertOf  = regexp.MustCompile(`(?i)^(?:revert|rollback|back ?out):? "(.*)"`)
	ofNumber  = regexp.MustCompile(`\(#(\d+)\)`)
)

// readLanded reads a commit and the files that it changed.
func readLanded(repo, entry string) (landed, bool) {
	head, files, ok := strings.Cut(entry, "\x03")
	part := strings.SplitN(head, "\x02", 4)
	if !ok || len(part) != 4 {
		return landed{}, false
	}
	when, err := time.Parse(time.RFC3339, part[1])
	if err != nil {
		return landed{}, false
	}
	subject, body, _ := strings.Cut(strings.TrimSpace(part[3]), "\n")
	c := landed{sha: part[0], body: strings.TrimSpace(body), reverts: -1, Change: suspect.Change{Kind: suspect.Pull, Repo: repo,
		Ref: repo + "@" + part[0][:7], Title: subject, By: part[2], Merged: when, Commit: part[0]}}
	if m := mergeOf.FindStringSubmatch(subject); m != nil {
		title, rest, _ := strings.Cut(c.body, "\n")
		c.Kind, c.Ref, c.Title, c.body = suspect.Pull, repo+"#"+m[1], title, strings.TrimSpace(rest)
		if b := revertBy.FindStringSubmatch(m[2]); b != nil {
			c.Reverts = repo + "#" + b[1]
		}
	} else if m := squashOf.FindStringSubmatch(subject); m != nil {
		c.Kind, c.Ref, c.Title = suspect.Pull, repo+"#"+m[2], m[1]
	}
	for line := range strings.Lines(files) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) == 3 {
			added, _ := strconv.Atoi(f[0])
			deleted, _ := strconv.Atoi(f[1])
			c.Lines += added + deleted
			c.Files = append(c.Files, f[2])
		}
	}
	return c, true
}

// linkReverts finds what each revert takes back, by number, by hash, and by title.
func linkReverts(all []landed) {
	byRef, byTitle := map[string]int{}, map[string]int{}
	bySHA := map[string]int{}
	for i := range all {
		c := &all[i]
		target, ok := -1, false
		if c.Reverts != "" {
			target, ok = lookup(byRef, c.Reverts)
		}
		if m := revertSHA.FindStringSubmatch(c.body); !ok && m != nil {
			target, ok = lookup(bySHA, m[1][:7])
		}
		if m := revertNum.FindStringSubmatch(c.body); !ok && m != nil {
			target, ok = lookup(byRef, c.Repo+"#"+m[1])
		}
		if m := revertOf.FindStringSubmatch(c.Title); !ok && m != nil {
			title := m[1]
			if n := ofNumber.FindStringSubmatch(title); n != nil {
				target, ok = lookup(byRef, c.Repo+"#"+n[1])
			}
			if !ok {
				target, ok = lookup(byTitle, strings.TrimSpace(ofNumber.ReplaceAllString(title, "")))
			}
		}
		c.Reverts = ""
		if ok {
			c.reverts, c.Reverts = target, all[target].Ref
		}
		byRef[c.Ref], byTitle[c.Title], bySHA[c.sha[:7]] = i, i, i
	}
}

func lookup(m map[string]int, key string) (int, bool) { i, ok := m[key]; return i, ok }

var (
	named  = regexp.MustCompile(`(?i)\b[0-9a-f]{7,40}\b|\S*#\d+|https?://\S+|\S*revert-\d+\S*`)
	useful = regexp.MustCompile(`(?i)^(this reverts|reverts?\b|co-authored-by|signed-off-by|reviewed-by|differential revision|pull request resolved|approved)`)
)

// symptomText returns what a revert says of why, without what names the change that it takes back: its own subject, the
// title, numbers, hashes, links, and the lines in which reverts name what they revert.
func symptomText(r, culprit landed) string {
	var keep []string
	for line := range strings.Lines(r.body) {
		line = strings.TrimSpace(strings.TrimLeft(line, "*- "))
		if !useful.MatchString(line) {
			keep = append(keep, strings.ReplaceAll(named.ReplaceAllString(line, ""), culprit.Title, ""))
		}
	}
	return strings.TrimSpace(strings.Join(keep, "\n"))
}

// largest returns the changes with the most lines first: what size alone says.
func largest(changes []suspect.Change) []suspect.Suspect {
	var all []suspect.Suspect
	for _, c := range changes {
		all = append(all, suspect.Suspect{Change: c})
	}
	slices.SortStableFunc(all, func(a, b suspect.Suspect) int { return cmp.Compare(b.Lines, a.Lines) })
	return all
}

// TestHistory takes each revert within 24 hours of what it takes back as an incident that starts when the revert is
// merged. What is asked for among the changes of the 48 hours before is what the revert took back. It is not an incident of
// a company with services: there is one repository, nothing is known of deployments or alerts, and most reverts don't
// say why. A revert of a revert is not taken for an incident.
func TestHistory(t *testing.T) {
	if *historyDir == "" {
		t.Skip("run with -history DIR")
	}
	dirs, _ := filepath.Glob(filepath.Join(*historyDir, "*", "repo"))
	more, _ := filepath.Glob(filepath.Join(*historyDir, "*.git"))
	var total [5]tally
	var told [2]tally // with a text: ranked, recency
	t.Logf("%-42s %5s %6s %5s  %-24s %-24s %-24s %-24s", "", "n", "median", "text", "ranked", "recency", "size", "by chance")
	for _, dir := range append(dirs, more...) {
		all := readHistory(t, dir)
		var r [5]tally
		var sizes []int
		texts := 0
		for i, rev := range all {
			if rev.reverts < 0 || all[rev.reverts].reverts >= 0 {
				continue
			}
			culprit := all[rev.reverts]
			age := rev.Merged.Sub(culprit.Merged)
			if age < 0 || age > soon {
				continue
			}
			var changes []suspect.Change
			for j := i - 1; j >= 0 && j > i-2000; j-- {
				if a := rev.Merged.Sub(all[j].Merged); a >= 0 && a <= window {
					changes = append(changes, all[j].Change)
				}
			}
			slices.Reverse(changes)
			if len(changes) < 10 {
				continue // any order has it among the first five, mostly
			}
			sizes = append(sizes, len(changes))
			s := suspect.Symptoms{Start: rev.Merged, Words: symptomText(rev, culprit)}
			d := day{culprit: []string{culprit.Ref}}
			ranked, recent := d.place(suspect.Rank(changes, s, len(changes))), d.place(newest(changes, rev.Merged.Add(time.Second)))
			if len(strings.Fields(s.Words)) >= 5 {
				texts++
				told[0].add(ranked)
				told[1].add(recent)
			}
			for k, place := range []int{ranked, recent, d.place(largest(changes))} {
				r[k].add(place)
				total[k].add(place)
			}
			r[3].chance(len(changes))
			total[3].chance(len(changes))
		}
		if r[0].n == 0 {
			continue
		}
		slices.Sort(sizes)
		t.Logf("%-42s %5d %6d %5d  %-24s %-24s %-24s %-24s", all[0].Repo, r[0].n, sizes[len(sizes)/2], texts,
			r[0].short(), r[1].short(), r[2].short(), r[3].short())
	}
	t.Logf("%-42s %5d %6s %5d  %-24s %-24s %-24s %-24s", "all", total[0].n, "", told[0].n,
		total[0].short(), total[1].short(), total[2].short(), total[3].short())
	t.Logf("%-42s %5d %6s %5s  %-24s %-24s", "with a text", told[0].n, "", "", told[0].short(), told[1].short())
}

// chance adds what an order by chance has on average.
func (t *tally) chance(n int) {
	t.n++
	t.luckFirst += 1 / float64(n)
	t.luckFive += math.Min(1, 5/float64(n))
	for i := range n {
		t.reciprocal += 1 / float64(i+1) / float64(n)
	}
}

// short returns hit@1, hit@5 and MRR.
func (t tally) short() string {
	return fmt.Sprintf("%3.0f %%  %3.0f %%  %.2f", t.percent(t.first)+100*t.luckFirst/float64(max(1, t.n)),
		t.percent(t.five)+100*t.luckFive/float64(max(1, t.n)), t.reciprocal/float64(max(1, t.n)))
}
