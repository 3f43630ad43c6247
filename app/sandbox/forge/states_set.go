package forge

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// setUninstalled uninstalls the App. Its tokens are good for nothing any more, and of the installation
// nothing is found.
func setUninstalled(f *Forge, by *Actor, value json.RawMessage) error {
	if err := f.orgOf(value); err != nil {
		return err
	}
	if !f.IsInstalled(nil) {
		return errors.New("the App is not installed")
	}
	f.Emit(&InstallationEvent{By: by, Action: "deleted"}) // which shows it as it was
	if f.Registered != nil {
		f.Registered.Installed, f.Registered.Repositories = false, nil
	} else {
		f.Uninstalled = true
	}
	f.Suspended = time.Time{}
	f.Installation = f.NextID("installation") // which the next one has
	f.NoteChange()
	return nil
}

// setInstalled installs the App again, on all repositories. The installation has another id.
func setInstalled(f *Forge, by *Actor, value json.RawMessage) error {
	if err := f.orgOf(value); err != nil {
		return err
	}
	switch {
	case f.IsInstalled(nil):
		return errors.New("the App is installed already")
	case f.IsAppless():
		return errors.New("there is no App yet")
	case f.Registered != nil:
		return f.Install(by, f.Registered.Slug, nil)
	}
	f.Uninstalled = false
	f.NoteChange()
	f.Emit(&InstallationEvent{By: by, Action: "created"})
	return nil
}

// setPermissions lets the installation have other permissions than the App asks for, as where an owner has not
// accepted yet that it asks for more. The empty value accepts all that it asks for.
func setPermissions(f *Forge, by *Actor, value json.RawMessage) error {
	granted := map[string]string{}
	if string(value) != `""` {
		if err := decode(value, &granted, `{"contents":"read"}`); err != nil {
			return err
		}
	}
	for area, level := range granted {
		if has := f.App.Permissions[area]; has == "" || level != "read" && level != has {
			return fmt.Errorf("the App doesn't ask for %s: %s", area, level)
		}
	}
	if !f.IsInstalled(nil) {
		return errors.New("the App is not installed")
	}
	if len(granted) > 0 {
		f.Granted = map[string]string{"metadata": "read"}
		maps.Copy(f.Granted, granted)
		f.NoteChange()
		return nil
	}
	if f.Granted == nil {
		return nil
	}
	f.Granted = nil
	f.NoteChange()
	f.Emit(&InstallationEvent{By: by, Action: "new_permissions_accepted"})
	return nil
}

// setAllowList lets the organization allow only addresses that the App doesn't have. The empty value ends it.
func setAllowList(f *Forge, _ *Actor, value json.RawMessage) error {
	on := string(value) != `""`
	if on {
		if err := f.orgOf(value); err != nil {
			return err
		}
	}
	f.AllowList = on
	f.NoteChange()
	return nil
}

// repoState is a state of one repository. The empty value ends it, for all of which it holds.
func repoState(holds func(*Repository) bool,
	set func(f *Forge, by *Actor, r *Repository, on bool) error) func(*Forge, *Actor, json.RawMessage) error {
	return func(f *Forge, by *Actor, value json.RawMessage) error {
		if string(value) != `""` {
			r, err := f.repoOf(value)
			if err != nil || holds(r) {
				return err
			}
			return f.condition(by, r, true, set)
		}
		for _, r := range f.Repos {
			if holds(r) {
				if err := f.condition(by, r, false, set); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// condition sets or ends a state of a repository.
func (f *Forge) condition(by *Actor, r *Repository, on bool,
	set func(*Forge, *Actor, *Repository, bool) error) error {
	if err := set(f, by, r, on); err != nil {
		return err
	}
	r.Updated = f.Now()
	r.revise()
	f.NoteChange()
	return nil
}

func isArchived(r *Repository) bool { return r.Archived }

// setArchived archives a repository or ends that. Whoever tries to change something there is refused.
func setArchived(f *Forge, by *Actor, r *Repository, on bool) error {
	action := "unarchived"
	if on {
		action = "archived"
	}
	r.Archived = on
	r.revise()
	f.Emit(&RepositoryEvent{By: by, Repository: r, Action: action})
	return nil
}

func hasRules(r *Repository) bool { return r.Ruled }

// setRules makes a ruleset that lets changes of the default branch in by pull requests alone, or
// removes it. The App is told nothing: it isn't subscribed to repository_ruleset.
func setRules(_ *Forge, _ *Actor, r *Repository, on bool) error {
	r.Ruled = on
	return nil
}

func withoutIssues(r *Repository) bool { return r.NoIssues }

// disableIssues switches a repository's issues off or on again. GitHub has no webhook for it.
func disableIssues(_ *Forge, _ *Actor, r *Repository, on bool) error {
	r.NoIssues = on
	return nil
}

func isEmptied(r *Repository) bool { return r.Emptied != nil }

// setEmpty takes everything out of a repository, as if it had just been made; its issues stay, and
// open pull requests are closed. Ending that brings back what was there, over what came since.
func setEmpty(f *Forge, by *Actor, r *Repository, on bool) error {
	if on {
		was := r.Git.copyOf()
		f.removeRefs(by, r)
		r.Git, r.Emptied = NewGit(), was
		return nil
	}
	f.removeRefs(by, r)
	refs := r.Emptied.Refs
	r.Git, r.Emptied = r.Emptied, nil
	r.Git.Refs = map[string]string{}
	for _, ref := range slices.Sorted(maps.Keys(refs)) {
		f.moveRef(by, r, ref, refs[ref])
	}
	return nil
}

// removeRefs removes all branches and tags.
func (f *Forge) removeRefs(by *Actor, r *Repository) {
	for _, ref := range slices.Sorted(maps.Keys(r.Git.Refs)) {
		f.moveRef(by, r, ref, "")
	}
}

// setUserDeleted deletes somebody's account. GitHub sends events that the App isn't subscribed to.
func setUserDeleted(f *Forge, _ *Actor, value json.RawMessage) error {
	u, err := f.personOf(value)
	if err == nil && u.Login == Ghost {
		err = errors.New("the ghost stays")
	}
	if err != nil {
		return err
	}
	f.DeleteUser(u)
	return nil
}

// Conditions says what holds beyond what is usual, for people.
func (f *Forge) Conditions() (all []string) {
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	switch {
	case !f.IsInstalled(nil):
		say("The App is not installed")
	case !f.Suspended.IsZero():
		say("The App's installation is suspended since %s", shortTime(f.Suspended))
	}
	if f.Granted != nil {
		var areas []string
		for _, area := range slices.Sorted(maps.Keys(f.Granted)) {
			areas = append(areas, area+": "+f.Granted[area])
		}
		say("The App's installation has these permissions alone: %s", strings.Join(areas, ", "))
	}
	if f.AllowList {
		say("An IP allow list keeps the App out of %s", f.Org.Login)
	}
	if f.TokenLife != 0 {
		say("Tokens live %s", f.TokenLife)
	}
	for _, r := range f.Repos {
		for _, c := range []struct {
			holds bool
			says  string
		}{{r.Archived, "is archived"}, {r.Emptied != nil, "was emptied"},
			{r.Ruled, "takes changes of " + r.DefaultBranch + " by pull requests alone"},
			{r.NoIssues, "has no issues"}} {
			if c.holds {
				say("%s %s", r.FullName(), c.says)
			}
		}
	}
	if n := len(f.Delayed); n > 0 {
		next := slices.MinFunc(f.Delayed, func(a, b *Delivery) int { return a.Due.Compare(b.Due) })
		say("Delayed webhooks: %d, the next at %s", n, shortTime(next.Due))
	}
	return all
}

func shortTime(t time.Time) string { return t.UTC().Format("2 Jan 15:04:05 UTC") }
