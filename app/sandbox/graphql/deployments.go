package graphql

import (
	"cmp"
	"slices"

	"github.com/graph-gophers/graphql-go"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

type deploymentsArgs struct {
	pageArgs
	Environments *[]string
	OrderBy      struct{ Field, Direction string } // has a default, so that it is never null
}

// Deployments lists deployments, the oldest first unless asked otherwise.
func (r *gqlRepository) Deployments(args deploymentsArgs) *guarded[*gqlDeployment] {
	found := slices.DeleteFunc(slices.Clone(r.r.Deployments),
		func(d *forge.Deployment) bool { return !isIn(args.Environments, d.Environment) })
	slices.SortStableFunc(found, func(a, b *forge.Deployment) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	if args.OrderBy.Direction == "DESC" {
		slices.Reverse(found)
	}
	return guard(connect("deployments", found, args.pageArgs, r.deployment),
		r.c.forge.Require(r.c.by, r.r, forge.RoleRead, "deployments"))
}

// gqlDeployment is a deployment.
type gqlDeployment struct {
	r *gqlRepository
	d *forge.Deployment

	ID                                                               graphql.ID
	DatabaseID                                                       *int32
	CreatedAt, UpdatedAt                                             gqlScalar
	Description, Environment, OriginalEnvironment, LatestEnvironment *string
	Task, Payload, State                                             *string
	CommitOid                                                        string
}

func (r *gqlRepository) deployment(d *forge.Deployment) *gqlDeployment {
	return &gqlDeployment{r: r, d: d, ID: graphql.ID(forge.NodeID("DE", d.ID)), DatabaseID: databaseID(d.ID),
		CreatedAt: dateTime(d.Created), UpdatedAt: dateTime(d.Updated), Description: orNull(d.Description),
		Environment: orNull(d.Environment), OriginalEnvironment: orNull(d.Original),
		LatestEnvironment: orNull(d.Environment), Task: orNull(d.Task), Payload: orNull(string(d.Payload)),
		State: new(enum(r.c.forge.StateOf(d))), CommitOid: d.SHA}
}

// Creator is who asked for it.
func (d *gqlDeployment) Creator() *gqlActor { return d.r.c.actorOrGhost(d.d.Creator) }

// actorOrGhost returns an account, where there must be one.
func (c *gqlCall) actorOrGhost(login string) *gqlActor {
	u, ok := c.forge.FindUser(login)
	if !ok {
		u = &forge.User{Login: forge.Ghost, Kind: forge.KindUser}
	}
	return &gqlActor{c, u}
}

// Commit is what is deployed.
func (d *gqlDeployment) Commit() *gqlCommit { return d.r.c.commit(d.r.r, d.d.SHA) }

// Ref is the branch or the tag that was asked for; null where it was a commit.
func (d *gqlDeployment) Ref() *gqlRef { return d.r.Ref(struct{ QualifiedName string }{d.d.Ref}) }

// LatestStatus is its newest status.
func (d *gqlDeployment) LatestStatus() *gqlDeploymentStatus {
	if latest := d.d.Latest(); latest != nil {
		return d.status(latest)
	}
	return nil
}

// Statuses lists its statuses, the newest first.
func (d *gqlDeployment) Statuses(args pageArgs) *connection[*gqlDeploymentStatus] {
	statuses := slices.Clone(d.d.Statuses)
	slices.Reverse(statuses)
	return connect("statuses", statuses, args, d.status)
}

// Repository is where it is.
func (d *gqlDeployment) Repository() *gqlRepository { return d.r }

// gqlDeploymentStatus is a status of a deployment.
type gqlDeploymentStatus struct {
	d *gqlDeployment
	s *forge.DeploymentStatus

	ID                       graphql.ID
	CreatedAt, UpdatedAt     gqlScalar
	Description, Environment *string
	EnvironmentURL, LogURL   *gqlScalar
	State                    string
}

func (d *gqlDeployment) status(s *forge.DeploymentStatus) *gqlDeploymentStatus {
	return &gqlDeploymentStatus{d: d, s: s, ID: graphql.ID(forge.NodeID("DES", s.ID)),
		CreatedAt: dateTime(s.Created), UpdatedAt: dateTime(s.Created), Description: orNull(s.Description),
		Environment: orNull(s.Environment), EnvironmentURL: orNull(gqlScalar(s.EnvironmentURL)),
		LogURL: orNull(gqlScalar(s.LogURL)), State: enum(s.State)}
}

// Creator is who reported it.
func (s *gqlDeploymentStatus) Creator() *gqlActor { return s.d.r.c.actorOrGhost(s.s.Creator) }

// Deployment is whose status it is.
func (s *gqlDeploymentStatus) Deployment() *gqlDeployment { return s.d }
