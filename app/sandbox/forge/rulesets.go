package forge

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Ruleset is a ruleset of a repository, for branches. The sandbox keeps to its required status checks alone.
// https://docs.github.com/en/rest/repos/rules
type Ruleset struct {
	ID          int64
	Name        string
	Target      string // branch
	Enforcement string // active, disabled or evaluate
	Bypass      []json.RawMessage
	Include     []string // patterns of references
	Exclude     []string
	Rules       []Rule
	Created     time.Time
	Updated     time.Time
}

// Rule is one rule of a ruleset.
type Rule struct {
	Type       string          `json:"type"`
	Parameters json.RawMessage `json:"parameters,omitempty"`
}

// RequiredStatus is a status that a commit needs.
type RequiredStatus struct {
	Context     string `json:"context"`
	Integration int64  `json:"integration_id"` // 0: whoever writes it
}

// Enforcements are what a ruleset's enforcement may be.
var Enforcements = []string{"disabled", "active", "evaluate"}

// mostRulesets is how many rulesets a repository has at most.
// https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/about-rulesets
const mostRulesets = 75

// RequireRules refuses who may not change rulesets: an App without the administration of repositories, and
// people who don't administer this one. Reading needs no more than seeing the repository.
func (f *Forge) RequireRules(by *Actor, r *Repository) error {
	return f.Require(by, r, RoleAdmin, "administration")
}

// SaveRuleset makes a ruleset, or changes it where it has an id.
func (f *Forge) SaveRuleset(by *Actor, r *Repository, s Ruleset) (*Ruleset, error) {
	if err := f.RequireRules(by, r); err != nil {
		return nil, err
	}
	isTaken := slices.ContainsFunc(r.Rulesets, func(o *Ruleset) bool {
		return strings.EqualFold(o.Name, s.Name) && o.ID != s.ID
	})
	refuse := func(why string) error {
		return Invalid("RepositoryRuleset", "", "custom", why)
	}
	s.Target = cmp.Or(s.Target, "branch")
	switch {
	case strings.TrimSpace(s.Name) == "":
		return nil, refuse("Name can't be blank")
	case isTaken:
		return nil, refuse("Name must be unique")
	case !slices.Contains(Enforcements, s.Enforcement):
		return nil, refuse("Enforcement is not included in the list")
	}
	if s.ID == 0 && len(r.Rulesets) >= mostRulesets {
		return nil, refuse("Maximum number of rulesets reached")
	}
	for _, rule := range s.Rules {
		if rule.Type != "required_status_checks" {
			continue
		}
		if _, err := rule.statuses(); err != nil {
			return nil, refuse(fmt.Sprintf("Invalid rule '%s': %v", rule.Type, err))
		}
	}
	s.Created, s.Updated = f.Now(), f.Now()
	defer f.NoteChange()
	if s.ID == 0 {
		s.ID = f.NextID("ruleset")
		r.Rulesets = append(r.Rulesets, &s)
		return &s, nil
	}
	known, ok := r.FindRuleset(s.ID)
	if !ok {
		return nil, ErrNotFound
	}
	s.Created = known.Created
	*known = s
	return known, nil
}

// DeleteRuleset removes a ruleset.
func (f *Forge) DeleteRuleset(by *Actor, r *Repository, id int64) error {
	if err := f.RequireRules(by, r); err != nil {
		return err
	}
	if _, ok := r.FindRuleset(id); !ok {
		return ErrNotFound
	}
	r.Rulesets = slices.DeleteFunc(r.Rulesets, func(s *Ruleset) bool { return s.ID == id })
	f.NoteChange()
	return nil
}

// FindRuleset finds a ruleset by its id.
func (r *Repository) FindRuleset(id int64) (*Ruleset, bool) {
	n := slices.IndexFunc(r.Rulesets, func(s *Ruleset) bool { return s.ID == id })
	if n < 0 {
		return nil, false
	}
	return r.Rulesets[n], true
}

// statuses returns the statuses that a rule requires.
func (rule Rule) statuses() ([]RequiredStatus, error) {
	var in struct {
		Required []RequiredStatus `json:"required_status_checks"`
		Strict   *bool            `json:"strict_required_status_checks_policy"`
	}
	if err := json.Unmarshal(rule.Parameters, &in); err != nil {
		return nil, err
	}
	if in.Required == nil || in.Strict == nil {
		return nil, fmt.Errorf("its parameters lack required_status_checks or strict_required_status_checks_policy")
	}
	return in.Required, nil
}

// covers reports whether the ruleset is about a reference.
func (s *Ruleset) covers(r *Repository, ref string) bool {
	fits := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			return p == "~ALL" || p == ref || p == "~DEFAULT_BRANCH" && ref == "refs/heads/"+r.DefaultBranch
		})
	}
	return s.Enforcement == "active" && s.Target == "branch" && fits(s.Include) && !fits(s.Exclude)
}

// RulesetsOf returns the rulesets that hold for a reference.
func (r *Repository) RulesetsOf(ref string) []*Ruleset {
	return slices.DeleteFunc(slices.Clone(r.Rulesets), func(s *Ruleset) bool { return !s.covers(r, ref) })
}

// missingStatuses returns the statuses that a commit lacks to get into a reference.
func (f *Forge) missingStatuses(r *Repository, ref, sha string) (missing []string) {
	for _, s := range r.RulesetsOf(ref) {
		for _, rule := range s.Rules {
			if rule.Type != "required_status_checks" {
				continue
			}
			required, _ := rule.statuses() // they were read when it was saved
			for _, status := range required {
				if !f.hasStatus(r, sha, status) && !slices.Contains(missing, status.Context) {
					missing = append(missing, status.Context)
				}
			}
		}
	}
	return missing
}

// MissingStatuses returns the statuses without which a pull request can't be merged.
func (f *Forge) MissingStatuses(i *Issue) []string {
	return f.missingStatuses(i.repo, "refs/heads/"+i.Pull.Base, i.Pull.HeadSHA)
}

// hasStatus reports whether the newest status of a commit, or its check, is well, by who has to write it.
func (f *Forge) hasStatus(r *Repository, sha string, required RequiredStatus) bool {
	isOurs := func(login string) bool {
		return required.Integration == 0 || required.Integration == f.App.ID && strings.EqualFold(login, f.App.Login)
	}
	for _, s := range slices.Backward(r.Statuses) {
		if s.SHA == sha && s.Context == required.Context && isOurs(s.Creator) {
			return s.State == "success"
		}
	}
	return slices.ContainsFunc(r.CheckRunsOf(sha, false), func(c *CheckRun) bool {
		return c.Name == required.Context && c.Conclusion == "success" && isOurs(f.App.Login)
	})
}

// checkStatuses refuses a commit that lacks what a ruleset requires, with GitHub's words.
func (f *Forge) checkStatuses(r *Repository, ref, sha string, status int) error {
	missing := f.missingStatuses(r, ref, sha)
	switch len(missing) {
	case 0:
		return nil
	case 1:
		return &Error{Status: status, Message: fmt.Sprintf(
			"Repository rule violations found\n\nRequired status check \"%s\" is expected.\n\n", missing[0])}
	}
	return &Error{Status: status, Message: fmt.Sprintf(
		"Repository rule violations found\n\n%d of %d required status checks are expected.\n\n", len(missing), len(missing))}
}

// AutoMerge has a pull request merged as soon as nothing is in its way. GitHub refuses that for one that can be
// merged at once; by "" it is taken back.
func (f *Forge) AutoMerge(by *Actor, i *Issue, method string) error {
	if err := f.Require(by, i.repo, RoleWrite, "pull_requests"); err != nil {
		return err
	}
	switch {
	case method == "":
		i.Pull.AutoMerge = nil
		f.NoteChange()
		f.Emit(&IssueEvent{By: by, Issue: i, Action: "auto_merge_disabled"})
		return nil
	case i.Closed:
		return &Error{Status: statusUnprocessableEntity, Message: "Can't enable auto-merge for this pull request."}
	}
	i.Pull.AutoMerge = &AutoMerge{By: by.Login, Method: method, At: f.Now()}
	f.NoteChange()
	f.Emit(&IssueEvent{By: by, Issue: i, Action: "auto_merge_enabled"})
	return nil
}

// AutoMerge is a request to merge a pull request as soon as nothing is in its way.
type AutoMerge struct {
	By     string
	Method string // merge, squash or rebase
	At     time.Time
}

// mergeWaiting merges what waits with this commit, if nothing is in its way any more.
func (f *Forge) mergeWaiting(r *Repository, sha string) {
	for _, i := range r.Issues {
		if i == nil || i.Pull == nil || i.Closed || i.Pull.AutoMerge == nil || i.Pull.HeadSHA != sha {
			continue
		}
		if by, ok := f.PersonActor(i.Pull.AutoMerge.By); ok {
			_ = f.MergePull(by, i, MergeRequest{Method: i.Pull.AutoMerge.Method}) // else it goes on waiting
		}
	}
}

// setAutoMerge has a pull request merged as soon as nothing is in its way.
func setAutoMerge(f *Forge, by *Actor, i *Issue) error {
	if i.Pull == nil {
		return fmt.Errorf("%s is not a pull request", i.Ref())
	}
	return f.AutoMerge(by, i, "merge")
}

// setRulesets makes a ruleset of a name, or enables, disables, empties or deletes all rulesets of a repository, as an
// owner of the organization does on the pages.
func setRulesets(f *Forge, _ *Actor, value json.RawMessage) error {
	var in struct{ Repository, Name, Enforcement string }
	if err := decode(value, &in, `{"repository":"acme/payments","enforcement":"disabled"}`); err != nil {
		return err
	}
	r, ok := f.FindRepository(in.Repository)
	if !ok {
		return fmt.Errorf("there is no repository %q", in.Repository)
	}
	defer f.NoteChange()
	switch {
	case in.Name != "":
		r.Rulesets = append(r.Rulesets, &Ruleset{ID: f.NextID("ruleset"), Name: in.Name, Target: "branch",
			Enforcement: cmp.Or(in.Enforcement, "active"), Include: []string{"~DEFAULT_BRANCH"}, Created: f.Now(),
			Updated: f.Now()})
	case in.Enforcement == "deleted":
		r.Rulesets = nil
	case in.Enforcement == "emptied":
		for _, s := range r.Rulesets {
			s.Rules, s.Updated = nil, f.Now()
		}
	case slices.Contains(Enforcements, in.Enforcement):
		for _, s := range r.Rulesets {
			s.Enforcement, s.Updated = in.Enforcement, f.Now()
		}
	default:
		return fmt.Errorf("rulesets can't be %q, only deleted, emptied or one of %s", in.Enforcement,
			strings.Join(Enforcements, ", "))
	}
	return nil
}
