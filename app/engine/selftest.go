package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/app/selftest"
)

// testsKey is what the store keeps the tests of a repository under.
func testsKey(repo string) string { return "tests/" + strings.ToLower(repo) }

// testAnswerKey is what the store keeps under when somebody answered a test page. It is an entry of its own, so
// that the process that takes the answer and the one that sends tests write at the same time.
func testAnswerKey(repo, login string) string { return testsKey(repo) + "/" + naming.Key(login) }

// testPage begins the key of a test page, where that of another page has its number.
const testPage = "test/"

// IsTest reports whether the token is of a test page.
func (t PageToken) IsTest() bool { return strings.HasPrefix(t.Page, testPage) }

// handleTests tests what reaches people. What fails is said and not tried again: the sweep asks again in an hour.
func (e *Engine) handleTests(ctx context.Context, owner string) error {
	overdue, err := e.runTests(ctx, owner)
	switch {
	case err == nil:
		e.noteOverdue(owner, overdue)
		return ErrNotLooked
	case ctx.Err() != nil:
		return ctx.Err()
	}
	e.Metrics.Record(metrics.SelfTestFailures, 1, "path", "failed")
	e.Logger.Error("what reaches people can't be tested", "account", owner, "err", ports.Redact(err))
	return ErrNotLooked
}

// overdueTests is for how long tests of an owner were missing when this process looked.
type overdueTests struct {
	at time.Time
	by time.Duration
}

// overdueLife is for how long that counts: then another process looks after that owner, or the App left it.
const overdueLife = 90 * time.Minute

// noteOverdue counts that the tests were looked after, and for how long any of all owners is missing: an alarm rings
// where that is not counted any more.
func (e *Engine) noteOverdue(owner string, overdue time.Duration) {
	now := e.Clock.Now()
	e.mu.Lock()
	e.testsOverdue[strings.ToLower(owner)] = overdueTests{now, overdue}
	var most time.Duration
	for of, one := range e.testsOverdue {
		if now.Sub(one.at) > overdueLife {
			delete(e.testsOverdue, of)
		}
		most = max(most, e.testsOverdue[of].by)
	}
	e.mu.Unlock()
	e.Metrics.Record(metrics.SelfTestsOverdue, most.Seconds())
	e.Metrics.Record(metrics.SelfTestsChecked, float64(now.Unix()))
}

// runTests tests what reaches people, in the repositories of an owner where that is due.
func (e *Engine) runTests(ctx context.Context, owner string) (overdue time.Duration, err error) {
	if e.Store == nil || e.Pager == nil {
		return 0, nil // nothing would know that a test was sent
	}
	names, err := e.servedNames(ctx, owner)
	if err != nil {
		return 0, err
	}
	e.mu.Lock()
	for name := range e.policies { // of those that are listed by their ids, or not at all
		names = append(names, name)
	}
	e.mu.Unlock()
	slices.Sort(names)
	done := map[string]bool{}
	for _, name := range names {
		of, repo, ok := naming.SplitRepository(name)
		ref := incident.Ref{Owner: of, Repo: repo}
		if !ok || done[strings.ToLower(name)] || !naming.Equal(of, owner) || !e.servesNow(ctx, ref) {
			continue
		}
		done[strings.ToLower(name)] = true
		late, err := e.testRepository(ctx, ref)
		if err != nil {
			return 0, fmt.Errorf("test what reaches people of %s: %w", name, err)
		}
		overdue = max(overdue, late)
	}
	return overdue, nil
}

// testRepository sends the tests of a repository that are due, and counts those that came to nothing. It
// returns for how long any is missing.
func (e *Engine) testRepository(ctx context.Context, repo incident.Ref) (overdue time.Duration, err error) {
	policy := e.policyOf(ctx, repo)
	settings, ok := policy.Service(incident.ByPeople)
	reacher, canReach := e.Pager.(Reacher)
	plan := selftest.PlanOf(settings.Options)
	if !ok || !canReach || !plan.Path {
		return 0, nil
	}
	state, err := e.loadTests(ctx, repo)
	if err != nil {
		return 0, err
	}
	log := e.Logger.With("repository", repo.FullName())
	now := e.Clock.Now().UTC().Truncate(time.Second)
	names := reachedByPeople(policy)
	page := Page{Ref: repo, To: names, Service: settings, Others: policy.Services, Test: true}

	if plan.IsPathDue(state.Path.At, now, policy.Zone) {
		wrong := reacher.TestPath(ctx, page)
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		state.Path = selftest.Path{At: now}
		for _, err := range wrong {
			state.Path.Wrong = append(state.Path.Wrong, ports.Reason(err))
			log.Error("path to people failed its daily test", "err", err)
		}
		if len(wrong) == 0 {
			e.Metrics.Record(metrics.SelfTests, 1, "path")
		} else {
			e.Metrics.Record(metrics.SelfTestFailures, 1, "path", "failed")
		}
	}

	all, err := reacher.Ways(ctx, settings, names)
	if err != nil { // the path's test says so
		return plan.Overdue(state, nil, now), e.saveTests(ctx, repo, state)
	}
	people := testable(policy, all)
	state.Keep(people)
	for _, person := range people {
		key := naming.Key(person.Login)
		test := state.People[key]
		if test.Since.IsZero() {
			test.Since = cmp.Or(test.Sent, now)
		}
		e.countSilence(repo, person.Login, &test, now)
		if way, isDue := plan.IsPersonDue(test, person, now); isDue {
			test = selftest.Test{Since: test.Since, Sent: now, Way: person.Ways[way]}
			// noted before it leaves: a test too few is better than one too many
			state.People[key] = test
			if err := e.saveTests(ctx, repo, state); err != nil {
				return 0, err
			}
			test.Failed = e.sendTest(ctx, page, person, way, now)
		}
		state.People[key] = test
	}
	return plan.Overdue(state, people, now), e.saveTests(ctx, repo, state)
}

// testable returns the people whom ways reach, with the kinds of those that can be tested.
func testable(policy incident.Policy, all []PersonWays) (people []selftest.Person) {
	for _, one := range all {
		person := selftest.Person{Login: one.Login, Zone: zoneOf(policy, one.Login), Ways: slices.Clone(one.Kinds)}
		for i, kind := range person.Ways {
			if kind == "github" { // there is no issue to mention somebody on
				person.Ways[i] = ""
			}
		}
		people = append(people, person)
	}
	return people
}

// countSilence counts once what came of a test page: it was answered, or not in time.
func (e *Engine) countSilence(repo incident.Ref, login string, t *selftest.Test, now time.Time) {
	switch {
	case t.IsTold || t.Failed != "" || t.Sent.IsZero():
		return
	case !t.Answered.Before(t.Sent):
		e.Metrics.Record(metrics.SelfTests, 1, "person")
	case t.IsSilent(now):
		e.Metrics.Record(metrics.SelfTestFailures, 1, "person", "silent")
		e.Logger.Error("test page not answered: pages may not reach them", "repository", repo.FullName(), "login", login,
			"way", t.Way, "sent", t.Sent)
	default:
		return
	}
	t.IsTold = true
}

// sendTest sends one person a test page by one of their ways, and returns why it was not sent.
func (e *Engine) sendTest(ctx context.Context, p Page, person selftest.Person, way int, now time.Time) string {
	p.To = []string{"@" + person.Login}
	p.Key = fmt.Sprintf("%s/%s%d/%s", p.Ref.FullName(), testPage, now.Unix(), naming.Key(person.Login))
	p.Title = "Firebreak tests whether pages reach you"
	p.Text = "You are on call for " + p.Ref.FullName() +
		". Please answer, so that we know that a page by this way reaches you."
	p.LinkOf = func(login string) string {
		return e.answerLink(p.Ref, testPage+strconv.FormatInt(now.Unix(), 10), login, now)
	}
	p.Way = &Way{Login: person.Login, Index: way, Kind: person.Ways[way]}
	err := e.Pager.Page(ctx, p)
	if err == nil {
		e.Logger.Info("test page sent", "repository", p.Ref.FullName(), "login", person.Login, "way", p.Way.Kind)
		return ""
	}
	e.Metrics.Record(metrics.SelfTestFailures, 1, "person", "failed")
	e.Logger.Error("test page not sent", "repository", p.Ref.FullName(), "login", person.Login, "way", p.Way.Kind,
		"err", err)
	return ports.Reason(err)
}

// reachedByPeople returns whom steps reach by people's own ways, and all of the rotations if /ic escalate does.
func reachedByPeople(p incident.Policy) (names []string) {
	add := func(all []string) {
		for _, name := range all {
			if name != "phone" && !naming.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for _, step := range p.Escalation {
		if slices.Contains(p.ServicesOf(step), incident.ByPeople) {
			add(p.OnCall.WithMembers(step.To))
		}
	}
	if p.Pager == incident.ByPeople {
		add(p.OnCall.WithMembers(p.OnCall.Names()))
	}
	return names
}

// zoneOf returns the time zone of somebody's rotation, or that of the configuration.
func zoneOf(p incident.Policy, login string) *time.Location {
	for _, r := range p.OnCall.Rotations {
		if r.Zone != nil && naming.Contains(r.Members(), "@"+login) {
			return r.Zone
		}
	}
	return p.Zone
}

// loadTests returns what came of the tests of a repository, with the answers that came since.
func (e *Engine) loadTests(ctx context.Context, repo incident.Ref) (s selftest.State, err error) {
	text, err := e.Store.Load(ctx, testsKey(repo.FullName()))
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, fmt.Errorf("read the tests of %s: %w", repo.FullName(), err)
	}
	for key, test := range s.People {
		if test.IsTold || test.Sent.IsZero() {
			continue
		}
		text, err := e.Store.Load(ctx, testAnswerKey(repo.FullName(), key))
		if err != nil {
			return s, fmt.Errorf("read the answer to a test of %s: %w", repo.FullName(), err)
		}
		if at, err := time.Parse(time.RFC3339, string(text)); err == nil {
			test.Answered = at
			s.People[key] = test
		}
	}
	return s, nil
}

func (e *Engine) saveTests(ctx context.Context, repo incident.Ref, s selftest.State) error {
	text, err := json.Marshal(s)
	if err == nil {
		err = e.Store.Save(ctx, testsKey(repo.FullName()), text)
	}
	if err != nil {
		return fmt.Errorf("keep the tests of %s: %w", repo.FullName(), err)
	}
	return nil
}

// takeTestAnswer notes that somebody's test page arrived.
func (e *Engine) takeTestAnswer(ctx context.Context, t PageToken) error {
	if e.Store == nil {
		return nil
	}
	now := e.Clock.Now().UTC().Format(time.RFC3339)
	if err := e.Store.Save(ctx, testAnswerKey(t.Ref.FullName(), t.Login), []byte(now)); err != nil {
		return fmt.Errorf("store the answer to a test of %s: %w", t.Ref.FullName(), err)
	}
	return nil
}

// warnOfTests returns who of a file's rotations did not answer their test page.
func (r *reconciliation) warnOfTests(schedule oncall.Schedule) (out []oncall.Warning) {
	if r.Store == nil {
		return nil
	}
	state, err := r.loadTests(r.Ctx, r.Ref)
	if err != nil {
		r.Logger.Warn("tests of what reaches people not readable", "repository", r.Ref.FullName(), "err", ports.Redact(err))
		return nil
	}
	silent := state.Silent(r.Now)
	for _, rotation := range schedule.Rotations {
		for _, name := range rotation.Members() {
			if login := strings.TrimPrefix(name, "@"); login != name && naming.Contains(silent, login) {
				out = append(out, oncall.Warning{Line: rotation.Line, Text: fmt.Sprintf(
					"in %s, %s did not get or answer the test page of %s", rotation.Name, login,
					oncall.When(state.People[naming.Key(login)].Sent, rotation.Zone))})
			}
		}
	}
	return out
}

// addWays adds to what came of the tests who is reached by which vendors, and for how long tests are missing. It
// alone knows what people set on their own pages.
func (e *Engine) addWays(ctx context.Context, repo incident.Ref, s *selftest.State) {
	policy := e.policyOf(ctx, repo)
	settings, ok := policy.Service(incident.ByPeople)
	reacher, canReach := e.Pager.(Reacher)
	if !ok || !canReach {
		return
	}
	all, err := reacher.Ways(ctx, settings, reachedByPeople(policy))
	if err != nil {
		e.Logger.Warn("ways to reach people not readable", "repository", repo.FullName(), "err", ports.Redact(err))
	}
	for _, one := range all {
		s.Ways = append(s.Ways, selftest.Reached{Login: one.Login, Vendors: one.Vendors, Ways: len(one.Kinds),
			IsOwn: one.IsOwn})
	}
	s.Overdue = selftest.PlanOf(settings.Options).Overdue(*s, testable(policy, all), s.Now)
}

// statusPurpose keeps another sealed text from being the token of a status.
const statusPurpose = "test status v1"

// TestStatusPath returns the path at which the product says, for some minutes, what came of the tests of a
// repository. Only who knows the webhook's secrets can make it.
func TestStatusPath(secrets [][]byte, repo incident.Ref, now time.Time) string {
	return AnswerPath + mark.Keys(card.Keys(secrets)).Seal(strings.Join([]string{statusPurpose, repo.FullName(),
		strconv.FormatInt(now.Add(10*time.Minute).Unix(), 36)}, "\n"))
}

// TestStatus returns what came of the tests of a repository, as JSON, by the token of TestStatusPath. ok is false
// for every other token.
func (e *Engine) TestStatus(ctx context.Context, token string) (status []byte, ok bool, err error) {
	text, _ := e.markKeys().Open(token)
	parts := strings.Split(text, "\n")
	if len(parts) != 3 || parts[0] != statusPurpose {
		return nil, false, nil
	}
	owner, repo, isRepository := naming.SplitRepository(parts[1])
	until, err := strconv.ParseInt(parts[2], 36, 64)
	if !isRepository || err != nil || !e.Clock.Now().Before(time.Unix(until, 0)) {
		return nil, false, nil
	}
	var s selftest.State
	if e.Store != nil {
		if s, err = e.loadTests(ctx, incident.Ref{Owner: owner, Repo: repo}); err != nil {
			return nil, true, err
		}
	}
	s.Now = e.Clock.Now().UTC()
	e.addWays(ctx, incident.Ref{Owner: owner, Repo: repo}, &s)
	status, err = json.Marshal(s)
	return status, true, err
}
