package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"
)

// What GitHub answers in the states that this file brings about.
var (
	errArchived   = forbidden("Repository was archived so is read-only.")
	errEmptyGit   = &Error{Status: http.StatusConflict, Message: "Git Repository is empty."}
	errEmptyFiles = &Error{Status: http.StatusNotFound, Message: "This repository is empty."}
	errNoIssues   = &Error{Status: http.StatusGone, Message: "Issues are disabled for this repo"}
)

// setUninstalled uninstalls the App. Its tokens are good for nothing any more, and of the installation
// nothing is found.
func setUninstalled(st *store, by *Actor, value json.RawMessage) error {
	if err := st.orgOf(value); err != nil {
		return err
	}
	if !st.installed(nil) {
		return errors.New("the App is not installed")
	}
	told := hookPayload{body: fields{"action": "deleted", "installation": mustJSON(st.installationView()), "sender": st.userView(by.Login),
		"repositories": st.installedRepos()}}
	if st.App != nil {
		st.App.Installed, st.App.Repositories = false, nil
	} else {
		st.Uninstalled = true
	}
	st.Suspended = time.Time{}
	st.Installation = st.nextID("installation") // which the next one has
	st.changed()
	st.emit("installation", "deleted", told)
	return nil
}

// setInstalled installs the App again, on all repositories. The installation has another id.
func setInstalled(st *store, by *Actor, value json.RawMessage) error {
	if err := st.orgOf(value); err != nil {
		return err
	}
	switch {
	case st.installed(nil):
		return errors.New("the App is installed already")
	case st.appless():
		return errors.New("there is no App yet")
	case st.App != nil:
		return st.install(by, st.App.Slug, nil)
	}
	st.Uninstalled = false
	st.changed()
	st.tellInstalled(by)
	return nil
}

// tellInstalled tells the App of its installation.
func (st *store) tellInstalled(by *Actor) {
	st.emit("installation", "created", hookPayload{body: fields{"action": "created", "installation": st.installationView(),
		"sender": st.userView(by.Login), "repositories": st.installedRepos(), "requester": nil}})
}

// setPermissions lets the installation have other permissions than the App asks for, as where an owner has not
// accepted yet that it asks for more. The empty value accepts all that it asks for.
func setPermissions(st *store, by *Actor, value json.RawMessage) error {
	granted := map[string]string{}
	if string(value) != `""` {
		if err := decode(value, &granted, `{"contents":"read"}`); err != nil {
			return err
		}
	}
	for area, level := range granted {
		if has := st.app.Permissions[area]; has == "" || level != "read" && level != has {
			return fmt.Errorf("the App doesn't ask for %s: %s", area, level)
		}
	}
	if !st.installed(nil) {
		return errors.New("the App is not installed")
	}
	if len(granted) > 0 {
		st.Granted = map[string]string{"metadata": "read"}
		maps.Copy(st.Granted, granted)
		st.changed()
		return nil
	}
	if st.Granted == nil {
		return nil
	}
	st.Granted = nil
	st.changed()
	st.emit("installation", "new_permissions_accepted", hookPayload{body: fields{"action": "new_permissions_accepted",
		"installation": st.installationView(), "sender": st.userView(by.Login), "repositories": st.installedRepos()}})
	return nil
}

// permissions are those that the installation has.
func (st *store) permissions() map[string]string {
	if st.Granted != nil {
		return st.Granted
	}
	return st.app.Permissions
}

// restrict takes from a token what the installation doesn't have any more.
func (st *store) restrict(permissions map[string]string) map[string]string {
	if st.Granted == nil {
		return permissions
	}
	left := map[string]string{}
	for area, level := range permissions {
		switch has := st.Granted[area]; {
		case has == level, has == "write":
			left[area] = level
		case has == "read":
			left[area] = has
		}
	}
	return left
}

// setAllowList lets the organization allow only addresses that the App doesn't have. The empty value ends it.
func setAllowList(st *store, _ *Actor, value json.RawMessage) error {
	on := string(value) != `""`
	if on {
		if err := st.orgOf(value); err != nil {
			return err
		}
	}
	st.AllowList = on
	st.changed()
	return nil
}

// ofTheOrganization are the addresses by which the App itself, without an installation's token, asks for what the
// organization's IP allow list protects.
var ofTheOrganization = regexp.MustCompile(`^/(?:repos/[^/]+/[^/]+|orgs/[^/]+)/installation$`)

// allowed refuses the App where the organization's IP allow list keeps it out.
// https://docs.github.com/en/organizations/keeping-your-organization-secure/managing-security-settings-for-your-organization/managing-allowed-ip-addresses-for-your-organization
func (q *request) allowed() error {
	path := q.r.URL.Path
	switch {
	case !q.st.AllowList, path == "/rate_limit", path == "/installation/token":
		return nil
	case q.by != nil && q.by.ViaApp, q.app && ofTheOrganization.MatchString(path):
		return forbidden(fmt.Sprintf("Although you appear to have the correct authorization credentials, the `%s` organization has an IP allow list enabled, and your IP address is not permitted to access this resource.", q.st.org.Login))
	}
	return nil
}

// repoState is a state of one repository. The empty value ends it, for all of which it holds.
func repoState(holds func(*Repository) bool, set func(st *store, by *Actor, r *Repository, on bool) error) func(*store, *Actor, json.RawMessage) error {
	return func(st *store, by *Actor, value json.RawMessage) error {
		if string(value) != `""` {
			r, err := st.repoOf(value)
			if err != nil || holds(r) {
				return err
			}
			return st.condition(by, r, true, set)
		}
		for _, r := range st.Repos {
			if holds(r) {
				if err := st.condition(by, r, false, set); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// condition sets or ends a state of a repository.
func (st *store) condition(by *Actor, r *Repository, on bool, set func(*store, *Actor, *Repository, bool) error) error {
	if err := set(st, by, r, on); err != nil {
		return err
	}
	r.Updated, r.view = st.now(), nil
	st.changed()
	return nil
}

func isArchived(r *Repository) bool { return r.Archived }

// setArchived archives a repository or ends that. Whoever tries to change something there is refused.
func setArchived(st *store, by *Actor, r *Repository, on bool) error {
	action := "unarchived"
	if on {
		action = "archived"
	}
	r.Archived, r.view = on, nil
	st.hook(by, r, "repository", action)
	return nil
}

// writable refuses changes of an archived repository.
func (r *Repository) writable() error {
	if r.Archived {
		return errArchived
	}
	return nil
}

func hasRules(r *Repository) bool { return r.Ruled }

// setRules makes a ruleset that lets changes of the default branch in by pull requests alone, or removes it. The App
// is told nothing: it isn't subscribed to repository_ruleset.
func setRules(_ *store, _ *Actor, r *Repository, on bool) error {
	r.Ruled = on
	return nil
}

// ruled refuses a direct change of the default branch where a ruleset asks for pull requests. The contents API
// answers 409, git's references 422.
func (r *Repository) ruled(ref string, status int) error {
	if !r.Ruled || ref != "refs/heads/"+r.DefaultBranch {
		return nil
	}
	return &Error{Status: status, Message: "Repository rule violations found\n\nChanges must be made through a pull request.\n\n"}
}

// listRules lists the rules that hold for a branch, whether it exists or not.
// https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch
func listRules(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	if err := q.st.need(q.by, r, RoleRead, "metadata"); err != nil {
		return 0, nil, err
	}
	rules := []fields{}
	if r.Ruled && q.value("branch") == r.DefaultBranch {
		rules = append(rules, fields{"type": "pull_request", "ruleset_source_type": "Repository", "ruleset_source": r.FullName(), "ruleset_id": r.ID,
			"parameters": fields{"required_approving_review_count": 0, "dismiss_stale_reviews_on_push": false, "require_code_owner_review": false,
				"require_last_push_approval": false, "required_review_thread_resolution": false}})
	}
	return http.StatusOK, rules, nil
}

func withoutIssues(r *Repository) bool { return r.NoIssues }

// disableIssues switches a repository's issues off or on again. GitHub has no webhook for it.
func disableIssues(_ *store, _ *Actor, r *Repository, on bool) error {
	r.NoIssues = on
	return nil
}

// hasIssues refuses what belongs to issues where they are disabled. Pull requests stay.
func (r *Repository) hasIssues() error {
	if r.NoIssues {
		return errNoIssues
	}
	return nil
}

func isEmptied(r *Repository) bool { return r.Emptied != nil }

// setEmpty takes everything out of a repository, as if it had just been made; its issues stay, and open pull requests
// are closed. Ending that brings back what was there, over what came since.
func setEmpty(st *store, by *Actor, r *Repository, on bool) error {
	if on {
		was := r.Git.copyOf()
		st.removeRefs(by, r)
		r.Git, r.Emptied = newGit(), was
		return nil
	}
	st.removeRefs(by, r)
	refs := r.Emptied.Refs
	r.Git, r.Emptied = r.Emptied, nil
	r.Git.Refs = map[string]string{}
	for _, ref := range slices.Sorted(maps.Keys(refs)) {
		st.moveRef(by, r, ref, refs[ref])
	}
	return nil
}

// removeRefs removes all branches and tags.
func (st *store) removeRefs(by *Actor, r *Repository) {
	for _, ref := range slices.Sorted(maps.Keys(r.Git.Refs)) {
		st.moveRef(by, r, ref, "")
	}
}

// isEmpty reports whether nothing was ever committed.
func (g *Git) isEmpty() bool { return len(g.Commits) == 0 }

// setUserDeleted deletes somebody's account. GitHub tells it by events that the App isn't subscribed to.
func setUserDeleted(st *store, _ *Actor, value json.RawMessage) error {
	u, err := st.personOf(value)
	if err == nil && u.Login == ghost {
		err = errors.New("the ghost stays")
	}
	if err != nil {
		return err
	}
	st.deleteUser(u)
	return nil
}
