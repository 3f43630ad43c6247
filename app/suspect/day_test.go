package suspect_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/suspect"
)

// The generated day: 300 pull requests are merged in 40 repositories within the 24 hours before somebody asks, most of
// them in the working hours. Six repositories report 12 deployments to production, with the merge commits; the others
// are deployed without GitHub. There are releases, pushes to configured paths and runs of workflows, too. One change,
// of six kinds in turn, is the culprit.
//
// What makes it hard:
//   - 25 % of the summaries are vague: no word of them is about the fault, or the service. 20 % of the incidents have no
//     alert, 10 % of the alerts no service, and in 15 % of the others it is the front end that suffers, and not the
//     service at fault. One summary in three says which part of the product fails (the vouchers), and so one title in
//     twenty of any repository has its word.
//   - 25 % of the culprits look harmless: their titles and paths are about something else than what fails, so that the
//     words point elsewhere. Nothing in the changes says which service uses which library.
//   - The others' titles and paths are drawn from the same lists as the culprit's: some 15 of the 300 are about the very
//     fault, in other repositories, and three at least are in the culprit's own repository on the same day.
//   - A deployment brings up to four other pull requests more than those of the day, live when the culprit is.
//   - Two in five culprits take longer than 15 minutes to be noticed, and 15 % one to twelve hours, while others are merged.
//     The start that is known is late by up to 15 minutes.
//   - Sizes say little: every second culprit has the larger of two sizes. Everybody merges everything.
type day struct {
	*rand.Rand
	start   time.Time // of the impact, as it is known
	asked   time.Time
	changes []suspect.Change
	number  int
	culprit []string // its Refs: a release may be listed as the pull request that it brought
	part    string   // of the product, that the culprit is about; "" if it is about none
}

const (
	pulls       = 300
	deployments = 12
)

var kinds = []string{"deployment", "dependency", "configuration", "migration", "library or flag", "push or workflow"}

func pick[T any](d *day, of []T) T { return of[d.IntN(len(of))] }

// chance returns true in so many of 100 cases.
func (d *day) chance(percent int) bool { return d.IntN(100) < percent }

// between returns a duration between two.
func (d *day) between(from, to time.Duration) time.Duration {
	return from + time.Duration(d.Int64N(int64(to-from)+1))
}

// delay returns how long it takes until a culprit is noticed.
func (d *day) delay() time.Duration {
	switch p := d.IntN(100); {
	case p < 60:
		return d.between(time.Minute, 15*time.Minute)
	case p < 85:
		return d.between(15*time.Minute, time.Hour)
	case p < 96:
		return d.between(time.Hour, 4*time.Hour)
	}
	return d.between(4*time.Hour, 12*time.Hour)
}

// merged returns when one of the pull requests of the day was merged: in the working hours mostly.
func (d *day) merged() time.Time {
	for {
		t := d.asked.Add(-d.between(0, 24*time.Hour))
		if h := t.Hour(); h >= 8 && h < 18 || d.chance(20) {
			return t
		}
	}
}

// add adds a change of a repository, with a number, a commit, an author and a size that say nothing.
func (d *day) add(c suspect.Change) suspect.Change {
	d.number++
	c.Repo = "acme/" + c.Repo
	switch c.Kind {
	case suspect.Release:
		c.Ref = fmt.Sprintf("%s@v1.%d.0", c.Repo, d.number)
	case suspect.Pull:
		c.Ref = fmt.Sprintf("%s#%d", c.Repo, d.number)
	default:
		c.Ref = fmt.Sprintf("%s@%07x", c.Repo, 0xa000000+d.number)
	}
	if c.Commit == "" {
		c.Commit = fmt.Sprintf("%040x", d.Uint64())
	}
	c.URL = "https://github.com/" + c.Ref
	c.By = cmp.Or(c.By, pick(d, []string{"alice", "bob", "carol", "dave", "erin", "frank"}))
	if c.Files != nil {
		c.Lines = 1 << d.IntN(10)
	}
	d.changes = append(d.changes, c)
	return c
}

// repository returns where a pull request is: some repositories have many, most have few.
func (d *day) repository() string {
	all := slices.Concat(services, fronts, libraries, platform, others)
	shuffled := rand.New(rand.NewPCG(7, 7)).Perm(len(all))
	return all[shuffled[int(float64(len(all))*math.Pow(d.Float64(), 1.4))]]
}

// subject returns a title and files that are about a fault, or about none of them.
func (d *day) subject(repo, about string) (title string, files []string) {
	thing := pick(d, things)
	n := 1 + d.IntN(6)
	if about == "" {
		title = fmt.Sprintf(pick(d, chores), thing)
	} else {
		title = fmt.Sprintf(pick(d, faults[about].titles), thing)
	}
	for i := range n {
		if about != "" && (i == 0 || d.chance(30)) {
			files = append(files, pick(d, faults[about].paths))
		} else {
			files = append(files, fmt.Sprintf(pick(d, chorePaths), pick(d, things)))
		}
	}
	switch {
	case repo == "gitops":
		files = []string{fmt.Sprintf("clusters/prod/%s/values.yaml", pick(d, services))}
	case repo == "edge":
		files = []string{pick(d, []string{"listeners/public.yaml", "waf/rules.yaml", "routes/" + pick(d, services) + ".yaml",
			"routes/" + pick(d, services) + ".yaml"})}
	case repo == "terraform-live":
		files = []string{fmt.Sprintf("live/%s/main.tf", pick(d, services))}
	case repo == "feature-flags":
		files = []string{fmt.Sprintf("production/%s/%s.yaml", pick(d, services), thing)}
	case repo == "handbook":
		files = []string{"docs/" + thing + ".md"}
	}
	return title, files
}

func (d *day) anyFault() string {
	if d.chance(40) {
		return ""
	}
	return pick(d, slices.Sorted(maps.Keys(faults)))
}

// noise returns an ordinary pull request.
func (d *day) noise(repo string, merged time.Time) suspect.Change {
	if d.chance(12) {
		return d.bump(repo, pick(d, modules).name, merged)
	}
	title, files := d.subject(repo, d.anyFault())
	if d.chance(8) {
		files = []string{".github/workflows/" + pick(d, []string{"ci.yml", "release.yml", "lint.yml"})}
	}
	if d.chance(40) {
		files = append(files, pick(d, []string{"README.md", "handlers/create_test.go", "docs/notes.md", "spec/unit_spec.rb", "CHANGELOG.md"}))
	}
	return d.add(suspect.Change{Kind: suspect.Pull, Repo: repo, Title: title, Files: files, Merged: merged})
}

func (d *day) bump(repo, module string, merged time.Time) suspect.Change {
	major := d.IntN(5) + 1
	return d.add(suspect.Change{Kind: suspect.Pull, Repo: repo, Merged: merged, By: pick(d, []string{"dependabot[bot]", "renovate[bot]"}),
		Title:  fmt.Sprintf("Bump %s from %d.%d.0 to %d.%d.0", module, major, d.IntN(9), major, 9+d.IntN(9)),
		Labels: []string{"dependencies"}, Files: pick(d, [][]string{{"go.mod", "go.sum"}, {"package.json", "package-lock.json"}, {"Gemfile.lock"}})})
}

// newDay returns a day, and what is known of its incident.
func newDay(seed uint64) (*day, suspect.Symptoms) {
	d := &day{Rand: rand.New(rand.NewPCG(seed, 20))}
	hour := 8 + d.IntN(12) // most incidents are in the hours in which people work
	began := time.Date(2026, 11, 27, hour, d.IntN(60), 0, 0, time.UTC)
	d.start = began.Add(d.between(0, 15*time.Minute))
	d.asked = d.start.Add(d.between(5*time.Minute, 30*time.Minute))

	service, about := pick(d, services), pick(d, slices.Sorted(maps.Keys(faults)))
	deploying := d.deployingServices()
	kind := int(seed) % len(kinds)
	if kind == 0 {
		service = pick(d, deploying)
	}
	live := began.Add(-d.delay())
	about = d.plant(kind, service, about, live, slices.Contains(deploying, service))
	for d.count(suspect.Pull) < pulls {
		d.noise(d.repository(), d.merged())
	}
	d.deploy(deploying)
	d.background()
	return d, d.symptoms(service, about)
}

func (d *day) count(k suspect.Kind) (n int) {
	for _, c := range d.changes {
		if c.Kind == k {
			n++
		}
	}
	return n
}

// deployingServices returns the services that report their deployments.
func (d *day) deployingServices() []string {
	var out []string
	for _, i := range d.Perm(len(services))[:6] {
		out = append(out, services[i])
	}
	return out
}

// plant adds the culprit and three others of its repository, and returns the fault that is seen.
func (d *day) plant(kind int, service, about string, live time.Time, deployed bool) string {
	looks := about
	if d.chance(25) {
		looks = d.anyFault()
	}
	merged := live
	if deployed {
		merged = live.Add(-d.between(10*time.Minute, 3*time.Hour))
	}
	var c suspect.Change
	switch kind {
	case 0:
		title, files := d.subject(service, looks)
		c = d.add(suspect.Change{Kind: suspect.Pull, Repo: service, Title: title, Files: files, Merged: merged})
	case 1:
		m := pick(d, modules)
		for about = m.fault; about == ""; about = m.fault {
			m = pick(d, modules)
		}
		if d.chance(40) {
			about = "errors" // as most breaking dependencies show themselves
		}
		c = d.bump(service, m.name, merged)
	case 2:
		c = d.plantConfiguration(service, looks, live)
	case 3:
		title := fmt.Sprintf(pick(d, faults["database"].titles), pick(d, things))
		about = pick(d, []string{"database", "database", "errors", "latency"})
		c = d.add(suspect.Change{Kind: suspect.Pull, Repo: service, Title: title, Merged: merged,
			Files: []string{fmt.Sprintf("db/migrate/2026112%d_%s.rb", d.IntN(10), pick(d, things)), "app/models/record.rb"}})
	case 4:
		c = d.plantElsewhere(service, looks, live)
	case 5:
		c = d.plantQuietly(service, looks, live, merged)
	}
	d.culprit = append(d.culprit, c.Ref)
	if i := len(d.changes) - 1; d.chance(50) && d.changes[i].Ref == c.Ref {
		d.changes[i].Lines = max(c.Lines, 1<<d.IntN(10))
	}
	for _, thing := range things {
		if strings.Contains(c.Title+strings.Join(c.Files, " "), thing) {
			d.part = thing
		}
	}
	repo := strings.TrimPrefix(c.Repo, "acme/")
	for range 3 {
		d.noise(repo, d.merged())
	}
	if deployed && repo == service && c.Kind == suspect.Pull {
		for range d.IntN(5) { // they went live with the culprit
			d.noise(repo, c.Merged.Add(-d.between(time.Minute, 3*time.Hour)))
		}
		d.deployOf(c, live)
	}
	return about
}

// plantConfiguration adds a change of the clusters' configuration, for a service.
func (d *day) plantConfiguration(service, looks string, live time.Time) suspect.Change {
	repo := pick(d, []string{"gitops", "terraform-live"})
	title, files := d.subject(repo, looks)
	if d.chance(50) {
		title = fmt.Sprintf(pick(d, []string{"%s: new values", "Tune %s", "Resize %s", "%s: smaller instances"}), service)
	}
	files[0] = strings.Replace(files[0], strings.Split(files[0], "/")[len(strings.Split(files[0], "/"))-2], service, 1)
	return d.add(suspect.Change{Kind: suspect.Pull, Repo: repo, Title: title, Files: files, Merged: live})
}

// plantElsewhere adds a release of a library that the service uses, or a flag that is turned on.
func (d *day) plantElsewhere(service, looks string, live time.Time) suspect.Change {
	if d.chance(50) {
		thing := pick(d, things)
		return d.add(suspect.Change{Kind: suspect.Pull, Repo: "feature-flags", Merged: live,
			Title: fmt.Sprintf(pick(d, []string{"Turn on %s for everyone", "%s to 100 %%", "Enable the new %s"}), thing),
			Files: []string{fmt.Sprintf("production/%s/%s.yaml", service, thing)}})
	}
	repo := pick(d, libraries)
	title, files := d.subject(repo, looks)
	c := d.add(suspect.Change{Kind: suspect.Pull, Repo: repo, Title: title, Files: files,
		Merged: live.Add(-d.between(5*time.Minute, 4*time.Hour))})
	r := d.add(suspect.Change{Kind: suspect.Release, Repo: repo, Title: "v1", Live: live, Commit: c.Commit})
	d.culprit = append(d.culprit, r.Ref)
	return c
}

// plantQuietly adds a push without a pull request, or a change of how a service is built.
func (d *day) plantQuietly(service, looks string, live, merged time.Time) suspect.Change {
	if d.chance(50) {
		repo := pick(d, []string{"gitops", "edge"})
		title, files := d.subject(repo, looks)
		switch {
		case repo == "edge" && d.chance(70):
			files = []string{"routes/" + service + ".yaml"}
		case repo == "gitops":
			files = []string{fmt.Sprintf("clusters/prod/%s/%s", service, pick(d, []string{"values.yaml", "deployment.yaml", "config.yaml"}))}
		}
		return d.add(suspect.Change{Kind: suspect.Push, Repo: repo, Title: title, Files: files, Merged: live})
	}
	return d.add(suspect.Change{Kind: suspect.Pull, Repo: service, Merged: merged,
		Title: pick(d, []string{"Build the image on the new runners", "Cache layers", "Build with the new base image", "Pass variables at build time"}),
		Files: []string{".github/workflows/" + pick(d, []string{"deploy.yml", "build.yml", "image.yml"}), "Dockerfile"}[:1+d.IntN(2)]})
}

// deployOf adds the deployment that brings a pull request.
func (d *day) deployOf(c suspect.Change, live time.Time) {
	d.add(suspect.Change{Kind: suspect.Deployment, Repo: strings.TrimPrefix(c.Repo, "acme/"), Live: live, Commit: c.Commit,
		Environment: "production", Title: "Deploy to production"})
}

// deploy adds the other deployments: each of a pull request that was merged in the hours before.
func (d *day) deploy(deploying []string) {
	for try := 0; d.count(suspect.Deployment) < deployments && try < 1000; try++ {
		c := d.changes[d.IntN(len(d.changes))]
		repo := strings.TrimPrefix(c.Repo, "acme/")
		if c.Kind == suspect.Pull && slices.Contains(deploying, repo) && !slices.Contains(d.culprit, c.Ref) {
			d.deployOf(c, c.Merged.Add(d.between(10*time.Minute, 2*time.Hour)))
		}
	}
}

// background adds what else there is on a day.
func (d *day) background() {
	for range 4 {
		d.add(suspect.Change{Kind: suspect.Release, Repo: pick(d, libraries), Title: "v1", Live: d.merged()})
		title, files := d.subject("gitops", d.anyFault())
		d.add(suspect.Change{Kind: suspect.Push, Repo: pick(d, []string{"gitops", "edge"}), Title: title, Files: files, Merged: d.merged()})
		d.add(suspect.Change{Kind: suspect.Workflow, Repo: pick(d, services), Title: pick(d, []string{"Nightly", "Backup", "Rotate logs"}), Live: d.merged()})
	}
	d.Shuffle(len(d.changes), func(i, j int) { d.changes[i], d.changes[j] = d.changes[j], d.changes[i] })
}

// symptoms returns what is known of the incident.
func (d *day) symptoms(service, about string) suspect.Symptoms {
	f := faults[about]
	s := suspect.Symptoms{Start: d.start, Labels: map[string]string{}}
	said := strings.TrimSuffix(strings.TrimSuffix(service, "-api"), "-service")
	if d.chance(30) {
		said = pick(d, []string{"it", "the shop", "production", "the backend", "the site"})
	}
	if d.chance(25) {
		s.Words = pick(d, vague)
		if d.chance(40) {
			s.Words += " " + pick(d, []string{"since", "with", "at", "around"}) + " " + said
		}
	} else {
		s.Words = fmt.Sprintf(pick(d, f.words), said)
		if d.part != "" && d.chance(45) {
			s.Words += fmt.Sprintf(pick(d, []string{", only with %s", ". It seems to be the %s", " when there are %s"}), d.part)
		}
	}
	if d.chance(80) {
		s.Labels["alertname"] = pick(d, f.alerts)
		s.Labels["severity"] = pick(d, []string{"critical", "page"})
		s.Labels["instance"] = fmt.Sprintf("10.0.%d.%d:9100", d.IntN(256), d.IntN(256))
		switch {
		case d.chance(10): // an alert of the cluster: it knows no service
		case d.chance(15):
			s.Labels["service"] = pick(d, fronts)
		default:
			s.Labels[pick(d, []string{"service", "app", "namespace", "job"})] = service
		}
	}
	if d.chance(40) {
		s.Services = []string{service}
	}
	return s
}

// place returns at which place the culprit is, from 1; 0 if it is not there.
func (d *day) place(all []suspect.Suspect) int {
	return 1 + slices.IndexFunc(all, func(s suspect.Suspect) bool { return slices.Contains(d.culprit, s.Ref) })
}

// newest returns the changes before the start, the newest first: what recency alone says.
func newest(changes []suspect.Change, start time.Time) []suspect.Suspect {
	var all []suspect.Suspect
	for _, c := range changes {
		if when(c).Before(start) {
			all = append(all, suspect.Suspect{Change: c})
		}
	}
	slices.SortStableFunc(all, func(a, b suspect.Suspect) int { return when(b.Change).Compare(when(a.Change)) })
	return all
}

func when(c suspect.Change) time.Time {
	if c.Live.IsZero() {
		return c.Merged
	}
	return c.Live
}

// tally counts at which places culprits were.
type tally struct {
	n, first, five int
	reciprocal     float64
	luckFirst      float64 // of an order by chance
	luckFive       float64
}

func (t *tally) add(place int) {
	t.n++
	if place > 0 {
		t.reciprocal += 1 / float64(place)
	}
	if place == 1 {
		t.first++
	}
	if place >= 1 && place <= 5 {
		t.five++
	}
}

func (t tally) percent(n int) float64 { return 100 * float64(n) / float64(max(1, t.n)) }

func (t tally) String() string {
	return fmt.Sprintf("first %4.1f %%, among five %4.1f %%, MRR %.2f of %d", t.percent(t.first), t.percent(t.five),
		t.reciprocal/float64(max(1, t.n)), t.n)
}

func TestTheGeneratedDay(t *testing.T) {
	const seeds = 600
	var ranked, recent tally
	byKind := make([]tally, len(kinds))
	for seed := range uint64(seeds) {
		d, s := newDay(seed)
		if d.count(suspect.Pull) < pulls || d.count(suspect.Deployment) != deployments {
			t.Fatalf("seed %d: %d pull requests, %d deployments", seed, d.count(suspect.Pull), d.count(suspect.Deployment))
		}
		p := d.place(suspect.Rank(d.changes, s, len(d.changes)))
		ranked.add(p)
		byKind[int(seed)%len(kinds)].add(p)
		recent.add(d.place(newest(d.changes, s.Start)))
	}
	t.Logf("ranked:  %s", ranked)
	t.Logf("recency: %s", recent)
	for i, k := range kinds {
		t.Logf("  %-17s %s", k, byKind[i])
	}
	if ranked.percent(ranked.five) < 90 || ranked.percent(ranked.first) < 60 {
		t.Errorf("the culprit must be among the first five in 90 %%, and first in 60 %%, of the days")
	}
}
