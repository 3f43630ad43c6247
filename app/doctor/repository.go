package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	gogithub "github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/app/owner"
	"github.com/firebreak-dev/firebreak/app/selftest"
	"github.com/firebreak-dev/firebreak/app/setup"
	"github.com/firebreak-dev/firebreak/templates"
)

// patient is a repository under examination.
type patient struct {
	*Doctor
	ref    incident.Ref
	inst   *gogithub.Installation
	c      *gogithub.Client
	policy incident.Policy
	asked  *testsAsked         // what came of the tests, once the product was asked
	people map[string][]string // login, lower case → what they are needed for
	branch string              // the default one
	id     int64
}

// checkInstallation asks whether the App is there, with what it was granted.
func (p *patient) checkInstallation(ctx context.Context) error {
	inst, res, err := p.App.Self().Apps.FindRepositoryInstallation(ctx, p.ref.Owner, p.ref.Repo)
	if err != nil && res != nil && res.StatusCode == http.StatusNotFound {
		p.failed = true
		p.add("", Failure, p.self.GetName()+" is not installed on "+p.ref.FullName(),
			"Install it at "+p.self.GetHTMLURL()+"/installations/new")
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the installation on %s: %w", p.ref.FullName(), err)
	}
	if inst.SuspendedAt != nil {
		p.failed = true
		p.add("", Failure, "the installation is suspended", "Unsuspend it at "+inst.GetHTMLURL())
		return nil
	}
	missing, err := lacking(github.Permissions, inst.Permissions)
	if err != nil {
		return err
	}
	for _, m := range missing {
		p.failed = true
		p.add("", Failure, fmt.Sprintf("the installation was not granted %s (%s)", m.Name, m.Level),
			"An owner accepts the App's new permissions at "+inst.GetHTMLURL())
	}
	if p.failed {
		return nil
	}
	p.inst = inst
	p.c, err = p.App.Repository(ctx, p.ref.Owner, p.ref.Repo)
	if err == nil {
		p.ok("%s is installed on %s", p.self.GetName(), p.ref.FullName())
	}
	return err
}

// checkSweep makes the search by which a sweep finds what webhooks and timers lost.
func (p *patient) checkSweep(ctx context.Context) error {
	owner := p.inst.GetAccount().GetLogin()
	err := p.App.Probe(ctx, github.Installation{ID: p.inst.GetID(), Owner: owner})
	var refused *engine.Refusal
	if errors.As(err, &refused) {
		p.add("", Failure, fmt.Sprintf("GitHub refuses the search for incidents of %s (%d): %s. A lost "+
			"webhook or timer is not found there", owner, refused.Status, refused.Reason),
			"Look at the organisation's IP allow list, and at the repositories that the App may reach at "+
				p.inst.GetHTMLURL())
		return nil
	}
	if err == nil {
		p.ok("lost webhooks and timers of %s are found", owner)
	}
	return err
}

// checkRepository looks for states of the repository in which GitHub refuses incidents.
func (p *patient) checkRepository(ctx context.Context) error {
	r, _, err := p.c.Repositories.Get(ctx, p.ref.Owner, p.ref.Repo)
	if err != nil {
		return fmt.Errorf("read %s: %w", p.ref.FullName(), err)
	}
	before := len(p.findings)
	if r.GetArchived() {
		p.add("", Failure, p.ref.FullName()+" is archived: nothing can be written there",
			"Unarchive it in its settings")
	}
	if !r.GetHasIssues() {
		p.add("", Failure, p.ref.FullName()+" has no issues, and incidents are issues",
			"Enable issues in its settings")
	}
	if !naming.Equal(r.GetFullName(), p.ref.FullName()) {
		p.add("", Warning, p.ref.FullName()+" is called "+r.GetFullName()+" now",
			"Use the new name where the old one is configured; GitHub redirects until somebody takes the old one")
	}
	p.branch, p.id = r.GetDefaultBranch(), r.GetID()
	if len(p.findings) == before {
		p.ok("%s takes issues", r.GetFullName())
	}
	return nil
}

// checkList asks whether the repository is one for incidents: in others nothing is done.
func (p *patient) checkList(ctx context.Context) error {
	name := p.ref.FullName()
	if len(p.Listed) == 0 {
		p.add("", Warning, "FIREBREAK_REPOSITORIES is not set: whoever can write in another repository "+
			"may have its incidents handled too",
			"Set FIREBREAK_REPOSITORIES="+name+" where the product runs")
		return nil
	}
	for _, entry := range append(slices.Clone(p.Listed), p.Reports) {
		if naming.Equal(entry, name) || entry == fmt.Sprint(p.id) {
			p.ok("%s is listed for incidents", name)
			return nil
		}
		if !naming.Equal(entry, p.ref.Owner+"/.github") {
			continue
		}
		content, ok, err := p.App.ReadFile(ctx, incident.Ref{Owner: p.ref.Owner, Repo: ".github"},
			config.RepositoriesPath)
		if err != nil {
			return err
		}
		if !ok {
			p.add("", Failure, entry+" has no "+config.RepositoriesPath,
				"Write `repositories: ["+p.ref.Repo+"]` into it")
			return nil
		}
		names, err := config.ParseRepositories(content, p.ref.Owner)
		if err != nil {
			p.add("", Failure, entry+": "+err.Error(), "Mend the list")
			return nil
		}
		if naming.Contains(names, name) {
			p.ok("%s is listed for incidents by %s", name, entry)
			return nil
		}
	}
	p.add("", Failure, name+" is not listed for incidents: nothing is done there",
		"Add it to FIREBREAK_REPOSITORIES where the product runs")
	return nil
}

// checkPublishing looks for what keeps the postmortem's branch from being made: a repository
// without a commit, or rules.
func (p *patient) checkPublishing(ctx context.Context) error {
	_, _, err := p.c.Git.GetRef(ctx, p.ref.Owner, p.ref.Repo, "heads/"+p.branch)
	if err != nil {
		return fmt.Errorf("read the branch %s of %s: %w", p.branch, p.ref.FullName(), err)
	}
	rules, err := p.App.BranchRules(ctx, p.ref, "postmortem/1")
	if err != nil {
		return err
	}
	for _, rule := range rules {
		if rule.Type == "creation" || rule.Type == "update" {
			p.add("", Warning, "a ruleset restricts the "+rule.Type+" of branches named postmortem/*",
				"Let the App bypass it, or leave those branches out of it: a postmortem is a pull "+
					"request from one")
			return nil
		}
	}
	p.ok("postmortems can be published from branches of their own")
	return p.checkRequired(ctx)
}

// checkRequired looks whether a postmortem can be merged before it is written (C3).
func (p *patient) checkRequired(ctx context.Context) error {
	rules, err := p.App.BranchRules(ctx, p.ref, p.branch)
	if err != nil {
		return err
	}
	for _, rule := range rules {
		if slices.Contains(rule.Checks, incident.PostmortemCheck) {
			p.ok("a postmortem can only be merged once it is written")
			return nil
		}
	}
	p.add("", OK, "a postmortem can be merged before it is written: no rule requires the check “"+
		incident.PostmortemCheck+"”", "If it should not be, run as an admin: "+setup.RequireCheck(p.ref.FullName()))
	return nil
}

func (p *patient) checkRate(ctx context.Context) error {
	left, limit, until, err := p.App.RateLimit(ctx, p.ref.Owner, p.ref.Repo)
	switch {
	case err != nil:
		return err
	case limit == 0:
		p.ok("GitHub limits nothing here")
	case left*5 < limit:
		p.add("", Warning, fmt.Sprintf("%d of %d calls are left until %s", left, limit,
			until.Format("15:04 UTC")), "Find out what else uses the App's calls")
	default:
		p.ok("%d of %d calls are left this hour", left, limit)
	}
	return nil
}

// checkConfig reads the policy as the engine does: the repository's, else the organisation's, else
// the defaults.
func (p *patient) checkConfig(ctx context.Context) error {
	p.policy = incident.DefaultPolicy()
	where := p.ref
	content, there, err := p.App.ReadFile(ctx, where, config.Path)
	if err == nil && !there {
		where = incident.Ref{Owner: p.ref.Owner, Repo: ".github"}
		content, there, err = p.App.ReadFile(ctx, where, config.Path)
		if errors.Is(err, engine.ErrNoAccess) {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	if !there {
		p.add("", Warning, "there is no "+config.Path+", so the defaults apply",
			"`firebreak init "+p.ref.FullName()+"` offers one as a pull request")
		return nil
	}
	schedule, err := p.checkOnCall(ctx, where)
	if err != nil {
		return err
	}
	policy, err := config.ParseWith(content, schedule)
	for _, m := range config.Mistakes(err) {
		p.add("", Failure, fmt.Sprintf("%s of %s: %v", config.Path, where.FullName(), m),
			"Correct that line. Until then the last good configuration applies, or the defaults")
	}
	if err == nil {
		p.policy = policy.Of(where.Owner)
		p.ok("%s of %s can be used", config.Path, where.FullName())
	}
	return nil
}

// checkOnCall reads who is on call, next to the configuration.
func (p *patient) checkOnCall(ctx context.Context, where incident.Ref) (oncall.Schedule, error) {
	content, there, err := p.App.ReadFile(ctx, where, oncall.Path)
	if err != nil || !there {
		return oncall.Schedule{}, err
	}
	schedule, err := config.ParseOnCall(content)
	for _, m := range config.Mistakes(err) {
		p.add("", Failure, fmt.Sprintf("%s of %s: %v", oncall.Path, where.FullName(), m),
			"Correct that line. Until then the last good one says who is on call, or nobody is")
	}
	if err == nil {
		p.ok("%s of %s can be used", oncall.Path, where.FullName())
	}
	return schedule, nil
}

func (p *patient) checkLabels(ctx context.Context) error {
	missing, err := setup.MissingLabels(ctx, p.c, p.ref, p.policy)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		p.add("", Failure, "missing: "+strings.Join(missing, ", "),
			"`firebreak init "+p.ref.FullName()+"` creates them")
		return nil
	}
	p.ok("all are there")
	return nil
}

// checkForm looks for a form that declares incidents. Without one there is still /incident.
func (p *patient) checkForm(ctx context.Context) error {
	const folder = ".github/ISSUE_TEMPLATE"
	_, files, res, err := p.c.Repositories.GetContents(ctx, p.ref.Owner, p.ref.Repo, folder, nil)
	if err != nil && (res == nil || res.StatusCode != http.StatusNotFound) {
		return fmt.Errorf("list %s of %s: %w", folder, p.ref.FullName(), err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.GetName(), ".yml") && !strings.HasSuffix(f.GetName(), ".yaml") {
			continue
		}
		content, there, err := p.App.ReadFile(ctx, p.ref, f.GetPath())
		if err != nil {
			return err
		}
		if there && setup.Declares(content) {
			p.ok("%s declares incidents", f.GetPath())
			return nil
		}
	}
	p.add("", Warning, "no issue form sets the label "+incident.LabelIncident+
		", so incidents can be declared by /incident only",
		"`firebreak init "+p.ref.FullName()+"` offers one as a pull request")
	return nil
}

// checkTeams asks whether each team that the policy names is there and has somebody in it, and
// notes who.
func (p *patient) checkTeams(ctx context.Context) error {
	p.people = map[string][]string{}
	teams := map[string]bool{p.policy.Coordinators: true}
	for _, name := range slices.Concat(p.policy.Responders, p.policy.Reviewers) {
		teams[name] = true
	}
	for _, step := range p.policy.Escalation {
		for _, to := range p.policy.OnCall.WithMembers(step.To) {
			teams[to] = to != "phone"
		}
	}
	whole := true
	for _, name := range slices.Sorted(maps.Keys(teams)) {
		if login, isPerson := strings.CutPrefix(name, "@"); isPerson && !strings.Contains(login, "/") {
			p.people[strings.ToLower(login)] = append(p.people[strings.ToLower(login)], config.Path)
			continue
		}
		if !teams[name] || name == "" {
			continue
		}
		n, err := p.team(ctx, name)
		if err != nil {
			return err
		}
		whole = whole && n > 0
	}
	if whole {
		p.ok("%d people in the teams that the configuration names", len(p.people))
	}
	return nil
}

// checkOwners asks of each service of the catalog whether somebody who owns it can be reached.
func (p *patient) checkOwners(ctx context.Context) error {
	before := len(p.findings)
	for _, s := range p.policy.Catalog.Services {
		known := owner.Service{Name: s.Name, Repository: s.Repo, Path: s.Path, Owners: s.Owners}
		if len(known.Owners) == 0 {
			files, err := p.App.ReadOwners(ctx, p.ref, cmp.Or(s.Repo, p.ref.Owner+"/"+s.Name))
			if err != nil {
				return err
			}
			known = owner.Complete(known, files, p.ref.Owner)
		}
		reached := false
		for _, o := range p.policy.OnCall.WithMembers(known.Owners) {
			if login, isPerson := strings.CutPrefix(o, "@"); isPerson {
				_, res, err := p.c.Repositories.IsCollaborator(ctx, p.ref.Owner, p.ref.Repo, login)
				if err != nil && (res == nil || res.StatusCode != http.StatusNotFound) {
					return fmt.Errorf("ask whether %s can respond: %w", login, err)
				}
				reached = reached || res.StatusCode == http.StatusNoContent
				continue
			}
			n, err := p.team(ctx, o)
			if err != nil {
				return err
			}
			reached = reached || n > 0
		}
		if !reached {
			p.add("", Warning, "the service "+s.Name+" has no owner who can be reached",
				"Name owners in "+config.Path+", or in CODEOWNERS, catalog-info.yaml or a custom property of its repository")
		}
	}
	if len(p.findings) == before {
		p.ok("%d services of the configuration have owners who can be reached", len(p.policy.Catalog.Services))
	}
	return nil
}

// team notes a team's members, and reports how many there are.
func (p *patient) team(ctx context.Context, name string) (int, error) {
	org, slug, other := strings.Cut(strings.TrimPrefix(name, "@"), "/")
	if !other {
		org, slug = p.ref.Owner, strings.TrimPrefix(name, "@")
	}
	n := 0
	for page := (&gogithub.TeamListTeamMembersOptions{ListOptions: gogithub.ListOptions{PerPage: 100}}); ; {
		members, res, err := p.c.Teams.ListTeamMembersBySlug(ctx, org, slug, page)
		if err != nil && res != nil && res.StatusCode == http.StatusNotFound {
			p.add("", Failure, fmt.Sprintf("there is no team %s/%s that the App can see", org, slug),
				fmt.Sprintf("Create it, or name another in %s; in a person's repository, which has no "+
					"teams, write @login", config.Path))
			return 0, nil
		}
		if err != nil {
			return 0, fmt.Errorf("list the members of %s/%s: %w", org, slug, err)
		}
		for _, m := range members {
			login := strings.ToLower(m.GetLogin())
			p.people[login] = append(p.people[login], slug)
		}
		n += len(members)
		if res.NextPage == 0 {
			break
		}
		page.Page = res.NextPage
	}
	if n == 0 {
		p.add("", Failure, fmt.Sprintf("nobody is in the team %s/%s", org, slug), "Add its members")
	}
	return n, nil
}

// checkAssignees asks whether those people can be assigned: roles are assignees, and GitHub drops
// whom it can't assign without a word.
func (p *patient) checkAssignees(ctx context.Context) error {
	can := map[string]bool{}
	for page := (&gogithub.ListOptions{PerPage: 100}); ; {
		users, res, err := p.c.Issues.ListAssignees(ctx, p.ref.Owner, p.ref.Repo, page)
		if err != nil {
			return fmt.Errorf("list who can be assigned in %s: %w", p.ref.FullName(), err)
		}
		for _, u := range users {
			can[strings.ToLower(u.GetLogin())] = true
		}
		if res.NextPage == 0 {
			break
		}
		page.Page = res.NextPage
	}
	var not []string
	for _, login := range slices.Sorted(maps.Keys(p.people)) {
		if !can[login] {
			not = append(not, login+" ("+strings.Join(p.people[login], ", ")+")")
		}
	}
	if len(not) > 0 {
		p.add("", Failure, "can't be assigned: "+strings.Join(not, ", "),
			"Give their team at least read access to "+p.ref.FullName()+", better write")
		return nil
	}
	p.ok("everybody in those teams can be assigned")
	return nil
}

// checkPagers lets every step of the escalation be sent, up to the sending.
func (p *patient) checkPagers(ctx context.Context) error {
	before := len(p.findings)
	told := map[string]bool{}
	var kinds []string
	for n, step := range p.policy.Escalation {
		if slices.Contains(step.To, "phone") && len(p.policy.Phones) == 0 {
			p.add("", Warning, fmt.Sprintf("step %d of the escalation names the phone list, which is empty",
				n+1), "List numbers under phones in "+config.Path)
		}
		to := slices.DeleteFunc(p.policy.OnCall.WithMembers(step.To), func(t string) bool { return t == "phone" })
		for _, kind := range p.policy.ServicesOf(step) {
			if len(to) == 0 {
				continue
			}
			if !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
			if kind == "github" {
				continue // a mention needs nothing but the teams
			}
			service, _ := p.policy.Service(kind)
			to := to
			if kind == incident.ByPeople {
				if to = p.bySecret(ctx, service, to); len(to) == 0 {
					continue
				}
			}
			err := p.Pager.Page(ctx,
				engine.Page{Ref: p.ref, Key: "doctor", To: to, Title: "doctor",
					Severity: p.policy.Severities[0].Name, Service: service, Others: p.policy.Services})
			if err != nil && !told[err.Error()] {
				told[err.Error()] = true
				mend := "Set it in " + config.Path + ", or in the environment of `firebreak-serve` and of this command"
				if kind == incident.ByPeople && p.tests(ctx).err != nil {
					mend += ". What people set on their own page of ways can't be seen from here: the product does not answer"
				}
				p.add("", Failure, fmt.Sprintf("step %d of the escalation: %v", n+1, err), mend)
			}
		}
	}
	if len(p.findings) == before {
		p.ok("%s: what a page needs is there; none was sent", strings.Join(kinds, ", "))
	}
	p.countWays(ctx)
	return p.checkWays(ctx)
}

// checkWays names the steps that reach somebody by fewer than two ways that don't depend on each other: one of
// them may be out (O3). Of people's own ways that is a warning. Of a service that may have more ways to them
// than we know it is advice.
func (p *patient) checkWays(ctx context.Context) error {
	for n, step := range p.policy.Escalation {
		to := slices.DeleteFunc(p.policy.OnCall.WithMembers(step.To), func(t string) bool { return t == "phone" })
		services, status := p.policy.ServicesOf(step), OK
		if slices.Contains(services, incident.ByPeople) {
			status = Warning
		}
		few, err := p.fewWays(ctx, services, to)
		if err != nil {
			return err
		}
		delete(few, "") // the dry run of the page says so
		for _, way := range slices.Sorted(maps.Keys(few)) {
			found := fmt.Sprintf("step %d of the escalation: only %s reaches %s; while that is out nobody does", n+1, way,
				strings.Join(few[way], ", "))
			p.add("", status, found, "Add a way that does not depend on it: another service in by of the step, or ways of "+
				"another vendor in the secret of services.people")
		}
	}
	return nil
}

// ways knows how people are reached by their own ways.
type ways interface {
	Ways(ctx context.Context, s incident.Service, to []string) ([]engine.PersonWays, error)
}

// fewWays returns whom services reach by fewer than two independent ways, by those ways.
func (p *patient) fewWays(ctx context.Context, services, to []string) (few map[string][]string, err error) {
	few = map[string][]string{}
	note := func(who string, own []string) {
		all := incident.WaysBy(services, own)
		if len(all) >= oncall.EnoughWays {
			return
		}
		way := ""
		for _, one := range all {
			way = templates.Way(one)
		}
		if login := strings.TrimPrefix(who, "@"); !slices.Contains(few[way], login) {
			few[way] = append(few[way], login)
		}
	}
	settings, _ := p.policy.Service(incident.ByPeople)
	for _, who := range to {
		if !slices.Contains(services, incident.ByPeople) {
			note(who, nil)
			continue
		}
		reacher, ok := p.Pager.(ways)
		if !ok {
			return nil, errors.New("nothing here reaches people by their own ways")
		}
		all, err := reacher.Ways(ctx, settings, []string{who})
		if err != nil {
			return few, nil // the dry run of the page says so
		}
		for _, one := range all {
			if own, ok := p.ownWays(ctx, one.Login); ok {
				one.Vendors = own.Vendors
			}
			note(one.Login, one.Vendors)
		}
	}
	return few, nil
}

// ownWays returns what somebody set on their own page of ways, as the running product says. It shows no address.
func (p *patient) ownWays(ctx context.Context, login string) (selftest.Reached, bool) {
	known := p.tests(ctx).Ways
	i := slices.IndexFunc(known, func(r selftest.Reached) bool { return r.IsOwn && naming.Equal(r.Login, login) })
	if i < 0 {
		return selftest.Reached{}, false
	}
	return known[i], true
}

// bySecret returns whom the secret of the service people must reach: those who set their ways on their own page need
// no entry there, and the product's daily test tries what they set.
func (p *patient) bySecret(ctx context.Context, settings incident.Service, to []string) (out []string) {
	reacher, ok := p.Pager.(ways)
	if !ok {
		return to
	}
	for _, name := range to {
		all, err := reacher.Ways(ctx, settings, []string{name})
		var others []string
		for _, one := range all {
			if _, isOwn := p.ownWays(ctx, one.Login); !isOwn {
				others = append(others, "@"+one.Login)
			}
		}
		if err != nil || len(others) == len(all) {
			others = []string{name}
		}
		out = append(out, others...)
	}
	return out
}

// countWays says how many people are reached by what they set on their own page, and how many by the secret.
func (p *patient) countWays(ctx context.Context) {
	if _, ok := p.policy.Service(incident.ByPeople); !ok || len(p.tests(ctx).Ways) == 0 {
		return
	}
	var people, ways [2]int // by the secret, by their own page
	for _, r := range p.tests(ctx).Ways {
		of := 0
		if r.IsOwn {
			of = 1
		}
		people[of]++
		ways[of] += r.Ways
	}
	p.ok("people: %d reached by %d ways of the secret, %d by %d ways that they set on their own page", people[0], ways[0],
		people[1], ways[1])
}

// checkCustomers lets every customer be told, up to the sending.
func (p *patient) checkCustomers(ctx context.Context) error {
	before, channels := len(p.findings), 0
	for _, c := range p.policy.Customers {
		for _, ch := range c.Channels {
			channels++
			var err error
			mend := "Set it in " + config.Path +
				", or in the environment of `firebreak-serve` and of this command"
			if ch.Kind == "issue" {
				owner, repo, _ := strings.Cut(ch.To, "/")
				_, _, err = p.App.Self().Apps.FindRepositoryInstallation(ctx, owner, repo)
				mend = "Install the App on " + ch.To + " at " + p.self.GetHTMLURL() + "/installations/new"
			} else {
				service, _ := p.policy.Service(ch.Kind)
				err = p.Announcer.Announce(ctx,
					engine.Announcement{Key: "doctor", Customer: c.Name, Channel: ch, Service: service,
						Text: "doctor", At: p.Now()})
			}
			if err != nil {
				p.add("", Failure, fmt.Sprintf("%s can't be told by %s %s: %v", c.Name, ch.Kind, ch.To,
					err), mend)
			}
		}
	}
	if len(p.findings) == before {
		p.ok("%d customers with %d channels: what an update needs is there; none was sent",
			len(p.policy.Customers), channels)
	}
	return nil
}
