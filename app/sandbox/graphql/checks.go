package graphql

import (
	"maps"
	"slices"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
	"github.com/graph-gophers/graphql-go"
)

// gqlRollup sums up the checks and statuses of a commit.
type gqlRollup struct {
	ID    graphql.ID
	State string
	all   []*gqlContext
}

// gqlContext is a check run or a status.
type gqlContext struct {
	run    *gqlCheckRun
	status *gqlStatus
}

// ToCheckRun returns the check run, if it is one.
func (c *gqlContext) ToCheckRun() (*gqlCheckRun, bool) { return c.run, c.run != nil }

// ToStatusContext returns the status, if it is one.
func (c *gqlContext) ToStatusContext() (*gqlStatus, bool) { return c.status, c.status != nil }

// gqlCheckRun is a check run.
type gqlCheckRun struct {
	ID                     graphql.ID
	DatabaseID             *int32
	Name, Status           string
	Conclusion             *string
	StartedAt, CompletedAt *gqlScalar
	DetailsURL             *gqlScalar
	URL                    gqlScalar
	Title, Summary         *string
	CheckSuite             *gqlCheckSuite
}

// gqlCheckSuite is an App's check runs on a commit.
type gqlCheckSuite struct {
	ID          graphql.ID
	DatabaseID  *int32
	Status      string
	Conclusion  *string
	WorkflowRun *gqlWorkflowRun // GitHub Actions doesn't run here
}

type gqlWorkflowRun struct {
	ID       graphql.ID
	Event    string
	Workflow *gqlWorkflow
}

type gqlWorkflow struct {
	ID   graphql.ID
	Name string
}

type requiredArgs struct {
	PullRequestID     *graphql.ID
	PullRequestNumber *int32
}

// IsRequired reports false: no branch is protected here.
func (*gqlCheckRun) IsRequired(requiredArgs) bool { return false }

// gqlStatus is a commit status.
type gqlStatus struct {
	ID             graphql.ID
	Context, State string
	Description    *string
	TargetURL      *gqlScalar
	CreatedAt      gqlScalar
}

// IsRequired is false: no branch is protected here.
func (*gqlStatus) IsRequired(requiredArgs) bool { return false }

// rollup sums up what checks say of a commit; null if none does, or an app may not read them.
func (c *gqlCall) rollup(r *forge.Repository, sha string) *gqlRollup {
	sum := &gqlRollup{ID: graphql.ID("SCR_" + sha), State: "SUCCESS"}
	worse := func(failed, pending bool) {
		switch {
		case failed:
			sum.State = "FAILURE"
		case pending && sum.State != "FAILURE":
			sum.State = "PENDING"
		}
	}
	if c.forge.Can(c.by, r, forge.RoleRead, "checks") {
		for _, run := range slices.Backward(r.CheckRunsOf(sha, false)) {
			view := c.checkRun(r, run)
			sum.all = append(sum.all, &gqlContext{run: view})
			good := slices.Contains([]string{"success", "neutral", "skipped"}, run.Conclusion)
			worse(run.Status == "completed" && !good, run.Status != "completed")
		}
	}
	if c.forge.Can(c.by, r, forge.RoleRead, "statuses") {
		newest := map[string]*forge.Status{}
		for _, s := range r.Statuses {
			if s.SHA == sha {
				newest[s.Context] = s
			}
		}
		for _, context := range slices.Sorted(maps.Keys(newest)) {
			s := newest[context]
			sum.all = append(
				sum.all,
				&gqlContext{
					status: &gqlStatus{
						ID:          graphql.ID(forge.NodeID("SC", s.ID)),
						Context:     s.Context,
						State:       enum(s.State),
						Description: orNull(s.Description),
						TargetURL:   orNull(gqlScalar(s.TargetURL)),
						CreatedAt:   dateTime(s.Created),
					},
				},
			)
			worse(s.State == "failure" || s.State == "error", s.State == "pending")
		}
	}
	if len(sum.all) == 0 {
		return nil
	}
	return sum
}

func (c *gqlCall) checkRun(r *forge.Repository, run *forge.CheckRun) *gqlCheckRun {
	page, details := c.forge.CheckRunURLs(r, run)
	suite := &gqlCheckSuite{
		ID:         graphql.ID(forge.NodeID("CS", run.Suite)),
		DatabaseID: databaseID(run.Suite),
		Status:     enum(run.Status),
	}
	if at := slices.IndexFunc(r.CheckSuites,
		func(s *forge.CheckSuite) bool { return s.ID == run.Suite }); at >= 0 {
		status, conclusion := forge.SuiteState(r, r.CheckSuites[at])
		suite.Status, suite.Conclusion = enum(status), orNull(enum(conclusion))
	}
	return &gqlCheckRun{
		ID:          graphql.ID(forge.NodeID("CR", run.ID)),
		DatabaseID:  databaseID(run.ID),
		Name:        run.Name,
		Status:      enum(run.Status),
		Conclusion:  orNull(enum(run.Conclusion)),
		StartedAt:   dateTimeOrNull(run.Started),
		CompletedAt: dateTimeOrNull(run.Completed),
		DetailsURL:  orNull(gqlScalar(details)),
		URL:         gqlScalar(page),
		Title:       orNull(run.Title),
		Summary:     orNull(run.Summary),
		CheckSuite:  suite,
	}
}

// gqlContexts are the checks and statuses of a commit.
type gqlContexts struct {
	connection[*gqlContext]
	CheckRunCount, StatusContextCount int32
	CheckRunCountsByState             *[]*gqlCount
	StatusContextCountsByState        *[]*gqlCount
}

// gqlCount counts checks or statuses of one state.
type gqlCount struct {
	State string
	Count int32
}

// Contexts lists the checks and statuses.
func (r *gqlRollup) Contexts(args pageArgs) *gqlContexts {
	runs, statuses := map[string]int32{}, map[string]int32{}
	sum := &gqlContexts{connection: connection[*gqlContext]{"contexts", r.all, args}}
	for _, c := range r.all {
		if c.status != nil {
			sum.StatusContextCount++
			statuses[c.status.State]++
			continue
		}
		sum.CheckRunCount++
		if c.run.Conclusion != nil {
			runs[*c.run.Conclusion]++
		} else {
			runs[c.run.Status]++
		}
	}
	sum.CheckRunCountsByState, sum.StatusContextCountsByState = counts(runs), counts(statuses)
	return sum
}

func counts(by map[string]int32) *[]*gqlCount {
	all := convert(
		slices.Sorted(maps.Keys(by)),
		func(state string) *gqlCount { return &gqlCount{state, by[state]} },
	)
	return &all
}
