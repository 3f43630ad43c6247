package forge

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Deployment is a request to bring a commit into an environment. What came of it is in its statuses.
type Deployment struct {
	ID          int64
	Ref         string // branch, tag or commit, as it was asked for
	SHA         string
	Task        string
	Environment string
	Original    string // environment that was asked for: a status can change it
	Description string
	Payload     json.RawMessage `json:",omitempty"` // an object, or a text
	Creator     string
	ViaApp      bool
	Transient   bool // the environment ends some day
	Production  bool // people use the environment
	Created     time.Time
	Updated     time.Time
	Statuses    []*DeploymentStatus // oldest first
}

// DeploymentStatus is what is known of a deployment at a time.
type DeploymentStatus struct {
	ID             int64
	State          string // one of DeploymentStates
	Description    string
	Environment    string
	EnvironmentURL string
	LogURL         string
	Creator        string
	ViaApp         bool
	Created        time.Time
}

// DeploymentStates are the states that a status can have.
var DeploymentStates = []string{"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}

// Latest returns the newest status; nil if there is none yet.
func (d *Deployment) Latest() *DeploymentStatus {
	if len(d.Statuses) == 0 {
		return nil
	}
	return d.Statuses[len(d.Statuses)-1]
}

// abandonedAfter is how long a deployment may be pending without a word.
const abandonedAfter = 30 * time.Minute

// StateOf returns a deployment's state as GraphQL names it, which has names of its own for what
// succeeded and for what nobody reports of.
// https://docs.github.com/en/graphql/reference/enums#deploymentstate
func (f *Forge) StateOf(d *Deployment) string {
	latest := d.Latest()
	switch {
	case latest != nil && latest.State == "success":
		return "active"
	case latest != nil && latest.State != "pending":
		return latest.State
	case f.Now().Sub(d.Updated) >= abandonedAfter:
		return "abandoned"
	}
	return "pending"
}

// FindDeployment finds a deployment by its id.
func (r *Repository) FindDeployment(id int64) (*Deployment, bool) {
	n := slices.IndexFunc(r.Deployments, func(d *Deployment) bool { return d.ID == id })
	if n < 0 {
		return nil, false
	}
	return r.Deployments[n], true
}

// NewDeployment is what a deployment is made of.
type NewDeployment struct {
	Ref         string
	Task        string // empty: deploy
	Environment string // empty: production
	Description string
	Payload     json.RawMessage
	Transient   bool
	Production  *bool // nil: whether the environment is called production
}

// CreateDeployment asks for a deployment. The sandbox merges nothing into its branch before, and
// waits for no commit status.
func (f *Forge) CreateDeployment(by *Actor, r *Repository, in NewDeployment) (*Deployment, error) {
	if err := f.Require(by, r, RoleWrite, "deployments"); err != nil {
		return nil, err
	}
	if in.Ref == "" {
		return nil, MissingField("ref")
	}
	c, ok := r.Git.Resolve(in.Ref)
	if !ok {
		return nil, &Error{Status: statusUnprocessableEntity, Message: "No ref found for: " + in.Ref}
	}
	environment := cmp.Or(in.Environment, "production")
	d := &Deployment{ID: f.NextID("deployment"), Ref: in.Ref, SHA: c.SHA, Task: cmp.Or(in.Task, "deploy"),
		Environment: environment, Original: environment, Description: in.Description, Payload: in.Payload, Creator: by.Login,
		ViaApp: by.ViaApp, Transient: in.Transient, Production: environment == "production",
		Created: f.Now(), Updated: f.Now()}
	if in.Production != nil {
		d.Production = *in.Production
	}
	r.Deployments = append(r.Deployments, d)
	f.NoteChange()
	f.Emit(&DeploymentEvent{By: by, Repository: r, Deployment: d})
	return d, nil
}

// NewDeploymentStatus is what a status of a deployment says.
type NewDeploymentStatus struct {
	State          string
	Description    string
	Environment    string // empty: the deployment's
	EnvironmentURL string
	LogURL         string
	KeepActive     bool // what was deployed there before isn't made inactive
}

// AddDeploymentStatus notes what became of a deployment.
func (f *Forge) AddDeploymentStatus(by *Actor, r *Repository, d *Deployment,
	in NewDeploymentStatus) (*DeploymentStatus, error) {
	if err := f.Require(by, r, RoleWrite, "deployments"); err != nil {
		return nil, err
	}
	switch {
	case in.State == "":
		return nil, MissingField("state")
	case !slices.Contains(DeploymentStates, in.State):
		return nil, Invalid("DeploymentStatus", "state", "inclusion",
			"state must be one of "+strings.Join(DeploymentStates, ", "))
	case len(in.Description) > 140:
		return nil, Invalid("DeploymentStatus", "description", "custom",
			"description is too long (maximum is 140 characters)")
	}
	if in.Environment != "" {
		d.Environment = in.Environment
	}
	s := f.noteDeployment(by, r, d, in)
	if in.State == "success" && !in.KeepActive {
		f.deactivate(by, r, d)
	}
	return s, nil
}

// noteDeployment adds a status to a deployment.
func (f *Forge) noteDeployment(by *Actor, r *Repository, d *Deployment,
	in NewDeploymentStatus) *DeploymentStatus {
	s := &DeploymentStatus{ID: f.NextID("deployment status"), State: in.State, Description: in.Description,
		Environment: d.Environment, EnvironmentURL: in.EnvironmentURL, LogURL: in.LogURL,
		Creator: by.Login, ViaApp: by.ViaApp, Created: f.Now()}
	d.Statuses, d.Updated = append(d.Statuses, s), f.Now()
	f.NoteChange()
	f.Emit(&DeploymentEvent{By: by, Repository: r, Deployment: d, Status: s})
	return s
}

// deactivate notes that what succeeded in the environment before isn't what runs there any more. GitHub
// leaves out what is transient, and what is in production.
// https://docs.github.com/en/rest/deployments/statuses#create-a-deployment-status
func (f *Forge) deactivate(by *Actor, r *Repository, newer *Deployment) {
	for _, d := range r.Deployments {
		if latest := d.Latest(); d.ID < newer.ID && d.Environment == newer.Environment && !d.Transient &&
			!d.Production && latest != nil && latest.State == "success" {
			f.noteDeployment(by, r, d, NewDeploymentStatus{State: "inactive"})
		}
	}
}

// Release is a version that was made public.
type Release struct {
	ID         int64
	Tag        string
	Target     string // branch or commit that a tag is made of
	Name       string
	Body       string
	Draft      bool
	Prerelease bool
	Author     string
	ViaApp     bool
	Created    time.Time // of the commit, as GitHub has it; of a draft when it was written
	Updated    time.Time
	Published  time.Time // zero: a draft
}

// NewRelease is what a release is made of.
type NewRelease struct {
	Tag        string
	Target     string // empty: the default branch
	Name       string
	Body       string
	Draft      bool
	Prerelease bool
}

// CreateRelease makes a release, and its tag unless it is there already or the release is a draft.
func (f *Forge) CreateRelease(by *Actor, r *Repository, in NewRelease) (*Release, error) {
	if err := f.Require(by, r, RoleWrite, "contents"); err != nil {
		return nil, err
	}
	switch {
	case in.Tag == "":
		return nil, MissingField("tag_name")
	case r.Git.IsEmpty():
		return nil, Invalid("Release", "", "custom", "Repository is empty.")
	case strings.ContainsAny(in.Tag, " ~^:?*[\\") || strings.Contains(in.Tag, ".."):
		return nil, Invalid("Release", "tag_name", "custom", "tag_name is not a valid tag")
	case slices.ContainsFunc(r.Releases, func(o *Release) bool { return o.Tag == in.Tag && !o.Draft }):
		return nil, Invalid("Release", "tag_name", "already_exists", "")
	}
	target := cmp.Or(in.Target, r.DefaultBranch)
	ref := "refs/tags/" + in.Tag
	at := r.Git.Refs[ref]
	if at == "" {
		c, ok := r.Git.Resolve(target)
		if !ok {
			return nil, Invalid("Release", "target_commitish", "invalid", "")
		}
		at = c.SHA
	}
	release := &Release{ID: f.NextID("release"), Tag: in.Tag, Target: target, Name: in.Name, Body: in.Body,
		Draft: in.Draft, Prerelease: in.Prerelease, Author: by.Login, ViaApp: by.ViaApp,
		Created: f.Now(), Updated: f.Now()}
	if !in.Draft {
		release.Created, release.Published = r.Git.Commits[at].Committer.At, f.Now()
		f.moveRef(by, r, ref, at)
	}
	r.Releases = append(r.Releases, release)
	f.NoteChange()
	f.emitRelease(by, r, release)
	return release, nil
}

// emitRelease emits what GitHub sends of a new release.
func (f *Forge) emitRelease(by *Actor, r *Repository, release *Release) {
	actions := []string{"created"}
	if !release.Draft {
		actions = []string{"created", "published"}
		if release.Prerelease {
			actions = append(actions, "prereleased")
		} else {
			actions = append(actions, "released")
		}
	}
	for _, action := range actions {
		f.Emit(&ReleaseEvent{By: by, Repository: r, Release: release, Action: action})
	}
}

// VisibleReleases lists the releases that the actor sees, the newest first: drafts are for those who
// can write.
func (f *Forge) VisibleReleases(by *Actor, r *Repository) []*Release {
	isWriter := f.Can(by, r, RoleWrite, "contents")
	found := slices.DeleteFunc(slices.Clone(r.Releases), func(o *Release) bool { return o.Draft && !isWriter })
	slices.SortStableFunc(found, func(a, b *Release) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
	})
	return found
}

// LatestRelease returns the newest release that is neither a draft nor a prerelease; nil: there is none.
func (r *Repository) LatestRelease() *Release {
	var latest *Release
	for _, o := range r.Releases {
		if !o.Draft && !o.Prerelease && (latest == nil || !o.Created.Before(latest.Created)) {
			latest = o
		}
	}
	return latest
}

// ReleaseURL returns the address of a release's page. A draft's has no tag yet.
func (f *Forge) ReleaseURL(r *Repository, release *Release) string {
	return f.RepositoryURL(r) + "/releases/tag/" + EscapePath(release.Tag)
}
