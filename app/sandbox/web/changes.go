package web

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// routeChanges routes the pages of what changed in a repository.
func (p *server) routeChanges(mux *http.ServeMux) {
	const at = "GET /{owner}/{repo}/"
	mux.HandleFunc(at+"deployments", p.show((*visit).deployments))
	mux.HandleFunc(at+"releases", p.show((*visit).releases))
	mux.HandleFunc(at+"releases/tag/{tag...}", p.show((*visit).releases))
	mux.HandleFunc(at+"actions", p.show((*visit).runs))
	mux.HandleFunc(at+"actions/runs/{run}", p.show((*visit).runs))
	mux.HandleFunc("POST /{owner}/{repo}/actions/runs/{run}/end", p.act((*visit).endRun))
	mux.HandleFunc("POST /{owner}/{repo}/actions/runs/{run}/bypass", p.act((*visit).bypassGates))
	mux.HandleFunc("POST /{owner}/{repo}/environments/{environment}/gate", p.act((*visit).setGate))
	mux.HandleFunc(at+"rules", p.show((*visit).rulesets))
	mux.HandleFunc(at+"rules/{ruleset}", p.show((*visit).rulesets))
	mux.HandleFunc("POST /{owner}/{repo}/rules/{ruleset}/delete", p.act((*visit).deleteRuleset))
	mux.HandleFunc("POST /{owner}/{repo}/pull/{number}/let", p.act((*visit).letThrough))
	mux.HandleFunc(at+"commit/{sha}", p.show((*visit).commit))
	mux.HandleFunc("POST /{owner}/{repo}/deployments", p.act((*visit).deploy))
	mux.HandleFunc("POST /{owner}/{repo}/pull/{number}/revert", p.act((*visit).revert))
}

// changesPage is a list of what changed: deployments, releases or runs of workflows.
type changesPage struct {
	Kind   string // deployments, releases or actions
	Empty  string
	Deploy string // branch that a button brings into production; empty: there is none
	Gate   *gateButton
	Tabs   []changesTab
	Rows   []changeRow
}

// gateButton has deployments to an environment wait for the App, or not any more.
type gateButton struct {
	Environment, URL, App string
	IsOn                  bool
}

type changesTab struct {
	Name, URL string
	Count     int
	IsCurrent bool
}

// changeRow is a line of such a list. URL is empty where the row has no page of its own.
type changeRow struct {
	ID                    int64
	Icon, Tone, Title     string
	URL, State, Verb, SHA string
	SHAURL                string
	Author                personView
	At                    momentView
	Links                 []link
	Text                  template.HTML
	Inputs                []runInput
	End                   string // address at which a run is ended by a person; empty: it can't be
	Delete                string // address at which a ruleset is deleted; empty: it can't be
	Bypass                string // address at which all jobs that wait are started; empty: they can't be
}

// runInput is an input of a run.
type runInput struct{ Name, Value string }

// changes finds the repository, and begins one of its lists.
func (v *visit) changes(kind, title, empty string) (changesPage, error) {
	if err := v.openRepo(); err != nil {
		return changesPage{}, err
	}
	v.tab, v.title = "code", title
	d := changesPage{Kind: kind, Empty: empty, Tabs: v.changesTabs()}
	for n := range d.Tabs {
		d.Tabs[n].IsCurrent = d.Tabs[n].Name == title
	}
	return d, nil
}

// changesTabs are the lists of a repository, with what is in them.
func (v *visit) changesTabs() []changesTab {
	at := "/" + v.repo.FullName()
	return []changesTab{
		{Name: "Deployments", URL: at + "/deployments", Count: len(v.repo.Deployments)},
		{Name: "Releases", URL: at + "/releases", Count: len(v.forge.VisibleReleases(v.by, v.repo))},
		{Name: "Workflow runs", URL: at + "/actions", Count: len(v.repo.Runs)},
		{Name: "Rulesets", URL: at + "/rules", Count: len(v.repo.Rulesets)},
	}
}

// commitURL is the address of a commit's page.
func (v *visit) commitURL(sha string) string { return "/" + v.repo.FullName() + "/commit/" + sha }

// tones are the icon and the colour of a state or a conclusion; of any other they are a neutral dot's.
var tones = map[string][2]string{
	"success": {"check", "success"}, "active": {"check", "success"}, "failure": {"x", "failure"},
	"error": {"x", "failure"}, "timed_out": {"x", "failure"}, "startup_failure": {"x", "failure"},
	"queued": {"clock", "pending"}, "pending": {"clock", "pending"}, "in_progress": {"clock", "pending"},
}

func toneOf(state string) (icon, tone string) {
	t := tones[state]
	return cmp.Or(t[0], "dot"), cmp.Or(t[1], "neutral")
}

// deployments lists the deployments, newest first.
func (v *visit) deployments() (string, any, error) {
	d, err := v.changes("deployments", "Deployments", "Nothing was deployed")
	if err != nil {
		return "", nil, err
	}
	if v.forge.Can(v.by, v.repo, forge.RoleWrite, "deployments") && !v.repo.Git.IsEmpty() {
		d.Deploy = v.repo.DefaultBranch
	}
	if v.forge.RequireRules(v.by, v.repo) == nil {
		d.Gate = &gateButton{Environment: production, URL: "/" + v.repo.FullName() + "/environments/" + production + "/gate",
			App: v.forge.App.Name, IsOn: v.repo.IsGated(production)}
	}
	for _, o := range slices.Backward(v.repo.Deployments) {
		state := v.forge.StateOf(o)
		row := changeRow{ID: o.ID, Title: o.Environment, State: strings.ReplaceAll(state, "_", " "),
			Verb: "deployed", SHA: short(o.SHA), SHAURL: v.commitURL(o.SHA), Author: newPerson(o.Creator),
			At: v.at(o.Created)}
		row.Icon, row.Tone = toneOf(state)
		if o.Description != "" {
			row.Title += " · " + o.Description
		}
		if latest := o.Latest(); latest != nil {
			row.link("Log", latest.LogURL)
			row.link("Environment", latest.EnvironmentURL)
		}
		d.Rows = append(d.Rows, row)
	}
	return "changes", d, nil
}

// production is the environment of the buttons.
const production = "production"

// setGate has deployments to an environment wait for the App, or not any more. On GitHub that is among the settings of
// an environment.
func (v *visit) setGate() (string, error) {
	if err := v.openRepo(); err != nil {
		return "", err
	}
	if err := v.forge.RequireRules(v.by, v.repo); err != nil {
		return "", err
	}
	v.forge.SetGate(v.repo, v.r.PathValue("environment"), v.r.PostForm.Get("gate") == "on")
	return "/" + v.repo.FullName() + "/deployments", nil
}

// bypassGates starts all jobs of a run that wait.
func (v *visit) bypassGates() (string, error) {
	if err := v.openRepo(); err != nil {
		return "", err
	}
	id, _ := strconv.ParseInt(v.r.PathValue("run"), 10, 64)
	run, ok := v.repo.FindRun(id)
	if !ok {
		return "", forge.ErrNotFound
	}
	return "/" + v.repo.FullName() + "/actions", v.forge.BypassGates(v.by, v.repo, run)
}

// deploy brings the default branch into production, with success; or as a run that waits for the App, where production
// does. GitHub's pages have no such button: there a workflow does it.
func (v *visit) deploy() (string, error) {
	if err := v.openRepo(); err != nil {
		return "", err
	}
	if v.repo.IsGated(production) {
		if err := v.forge.Require(v.by, v.repo, forge.RoleWrite, "deployments"); err != nil {
			return "", err
		}
		_, err := v.forge.Deploy(v.by, v.repo, "", production)
		return "/" + v.repo.FullName() + "/actions", err
	}
	d, err := v.forge.CreateDeployment(v.by, v.repo, forge.NewDeployment{Ref: v.repo.DefaultBranch})
	if err != nil {
		return "", err
	}
	_, err = v.forge.AddDeploymentStatus(v.by, v.repo, d, forge.NewDeploymentStatus{State: "success"})
	return "/" + v.repo.FullName() + "/deployments", err
}

// link adds a link to the row, unless it leads nowhere on the web.
func (r *changeRow) link(name, url string) {
	if strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://") {
		r.Links = append(r.Links, link{name, url})
	}
}

// releases lists the releases, newest first, or shows the one of a tag.
func (v *visit) releases() (string, any, error) {
	d, err := v.changes("releases", "Releases", "There is no release")
	if err != nil {
		return "", nil, err
	}
	tag := v.r.PathValue("tag")
	for _, o := range v.forge.VisibleReleases(v.by, v.repo) {
		if tag != "" && tag != o.Tag {
			continue
		}
		at := o.Published
		if o.Draft {
			at = o.Created
		}
		row := changeRow{ID: o.ID, Icon: "tag", Tone: "neutral", Title: cmp.Or(o.Name, o.Tag),
			URL: "/" + v.repo.FullName() + "/releases/tag/" + forge.EscapePath(o.Tag), Verb: "released",
			Author: newPerson(o.Author), At: v.at(at), Text: v.text(o.Body)}
		switch {
		case o.Draft:
			row.State, row.Verb = "draft", "drafted"
		case o.Prerelease:
			row.State = "pre-release"
		case o == v.repo.LatestRelease():
			row.State = "latest"
		}
		if o.Name != "" {
			row.Title += " · " + o.Tag
		}
		if sha := v.repo.Git.Refs["refs/tags/"+o.Tag]; sha != "" {
			row.SHA, row.SHAURL = short(sha), v.commitURL(sha)
		}
		d.Rows = append(d.Rows, row)
	}
	if tag != "" && len(d.Rows) == 0 {
		return "", nil, forge.ErrNotFound
	}
	return "changes", d, nil
}

// runs lists the runs of workflows, newest first, or shows one.
func (v *visit) runs() (string, any, error) {
	d, err := v.changes("actions", "Workflow runs", "No workflow has run")
	if err != nil {
		return "", nil, err
	}
	asked := v.r.PathValue("run")
	for _, o := range v.repo.RunsOf(forge.RunQuery{}) {
		if asked != "" && asked != strconv.FormatInt(o.ID, 10) {
			continue
		}
		row := changeRow{ID: o.ID, Title: o.Workflow + " · " + o.Title,
			URL:   "/" + v.repo.FullName() + "/actions/runs/" + strconv.FormatInt(o.ID, 10),
			State: strings.ReplaceAll(cmp.Or(o.Conclusion, o.Status), "_", " "), Verb: "started it on " + o.Branch,
			SHA: short(o.SHA), SHAURL: v.commitURL(o.SHA), Author: newPerson(o.Actor), At: v.at(o.Created)}
		row.Icon, row.Tone = toneOf(cmp.Or(o.Conclusion, o.Status))
		for _, name := range slices.Sorted(maps.Keys(o.Inputs)) {
			row.Inputs = append(row.Inputs, runInput{name, o.Inputs[name]})
		}
		if o.Status != "completed" && v.forge.Can(v.by, v.repo, forge.RoleWrite, "actions") {
			row.End = row.URL + "/end"
		}
		if o.IsHeld() && v.forge.RequireRules(v.by, v.repo) == nil {
			row.End, row.Bypass = "", row.URL+"/bypass"
		}
		for _, g := range o.Gates {
			if len(g.Comments) > 0 {
				row.Text = v.text(g.Environment + ": " + strings.Join(g.Comments, "\n\n"))
			}
		}
		d.Rows = append(d.Rows, row)
	}
	if asked != "" && len(d.Rows) == 0 {
		return "", nil, forge.ErrNotFound
	}
	return "changes", d, nil
}

// endRun ends a run, well or badly: nothing runs here, so a person says how it went.
func (v *visit) endRun() (string, error) {
	if err := v.openRepo(); err != nil {
		return "", err
	}
	id, _ := strconv.ParseInt(v.r.PathValue("run"), 10, 64)
	run, ok := v.repo.FindRun(id)
	if !ok {
		return "", forge.ErrNotFound
	}
	return "/" + v.repo.FullName() + "/actions",
		v.forge.EndRun(v.by, v.repo, run, v.r.PostForm.Get("conclusion"))
}

// rulesets lists the rulesets, newest first, or shows one.
func (v *visit) rulesets() (string, any, error) {
	d, err := v.changes("rulesets", "Rulesets", "There is no ruleset")
	if err != nil {
		return "", nil, err
	}
	asked := v.r.PathValue("ruleset")
	for _, s := range slices.Backward(v.repo.Rulesets) {
		id := strconv.FormatInt(s.ID, 10)
		if asked != "" && asked != id {
			continue
		}
		row := changeRow{ID: s.ID, Icon: "lock", Tone: "neutral", Title: s.Name,
			URL: "/" + v.repo.FullName() + "/rules/" + id, State: s.Enforcement, Verb: "made", At: v.at(s.Created)}
		if v.forge.RequireRules(v.by, v.repo) == nil {
			row.Delete = row.URL + "/delete"
		}
		d.Rows = append(d.Rows, row)
	}
	if asked != "" && len(d.Rows) == 0 {
		return "", nil, forge.ErrNotFound
	}
	return "changes", d, nil
}

func (v *visit) deleteRuleset() (string, error) {
	if err := v.openRepo(); err != nil {
		return "", err
	}
	id, _ := strconv.ParseInt(v.r.PathValue("ruleset"), 10, 64)
	return "/" + v.repo.FullName() + "/rules", v.forge.DeleteRuleset(v.by, v.repo, id)
}

// freezeStatus begins the status that lets a commit past a freeze; the incident follows, and which of its freezes.
const freezeStatus = "firebreak/freeze "

// frozenBy returns the incident whose freeze keeps a pull request from being merged; nil if none does.
func (v *visit) frozenBy(i *forge.Issue) *forge.Issue {
	for _, status := range v.forge.MissingStatuses(i) {
		holder, ok := strings.CutPrefix(status, freezeStatus)
		if at := strings.LastIndexByte(holder, '/'); ok && at > 0 {
			name, number, _ := strings.Cut(holder[:at], "#")
			n, _ := strconv.Atoi(number)
			if r, err := v.forge.VisibleRepository(v.by, name); err == nil {
				if of, ok := r.IssueAt(n); ok && !of.Closed {
					return of
				}
			}
		}
	}
	return nil
}

// letThrough asks in the incident to let a pull request past its freeze, as a comment there does.
func (v *visit) letThrough() (string, error) {
	i, err := v.openIssue()
	if err != nil {
		return "", err
	}
	if i.Pull == nil {
		return "", forge.ErrNotFound
	}
	of := v.frozenBy(i)
	if of == nil {
		return issuePath(i), nil // it is not frozen any more
	}
	because := strings.Join(strings.Fields(v.r.PostForm.Get("because")), " ")
	c, err := v.forge.AddComment(v.by, of, "/ic let "+i.Ref()+" through because "+because)
	if err != nil {
		return "", err
	}
	return issuePath(of) + "#issuecomment-" + strconv.FormatInt(c.ID, 10), nil
}

// commitPage is a commit with its changes.
type commitPage struct {
	Number               string // of the lines' anchors
	Title, Body, SHA     string
	Author               personView
	At                   momentView
	Pulls                []link
	Additions, Deletions int
	Files                []diffFile
}

// commit shows a commit.
func (v *visit) commit() (string, any, error) {
	if err := v.openRepo(); err != nil {
		return "", nil, err
	}
	c, ok := v.repo.Git.Resolve(v.r.PathValue("sha"))
	if !ok {
		return "", nil, forge.ErrNotFound
	}
	title, body, _ := strings.Cut(c.Message, "\n")
	v.tab, v.title = "code", title
	d := commitPage{Number: short(c.SHA), Title: title, Body: strings.TrimSpace(body), SHA: c.SHA,
		Author: newPerson(cmp.Or(c.Login, c.Author.Name)), At: v.at(c.Committer.At)}
	for _, i := range v.forge.PullsWith(v.repo, c.SHA) {
		d.Pulls = append(d.Pulls, link{"#" + strconv.Itoa(i.Number), issuePath(i)})
	}
	for _, change := range forge.CommitChanges(v.repo.Git, c) {
		d.Additions += change.Additions
		d.Deletions += change.Deletions
		f := v.diff(change, c.SHA)
		f.Lines = diffLines(change.Patch, nil)
		d.Files = append(d.Files, f)
	}
	return "commit", d, nil
}

// diff is a changed file without its lines; ref is a branch or a commit that has it.
func (v *visit) diff(c forge.Change, ref string) diffFile {
	sum := sha256.Sum256([]byte(c.Path))
	return diffFile{Path: c.Path, Status: c.Status, Additions: c.Additions, Deletions: c.Deletions,
		Anchor: hex.EncodeToString(sum[:6]), BlobURL: "/" + v.repo.FullName() + "/blob/" + ref + "/" + c.Path}
}

// revert opens a pull request that takes a merged one back. GitHub shows it before it opens it.
func (v *visit) revert() (string, error) {
	i, err := v.openPull()
	if err != nil {
		return "", err
	}
	back, err := v.forge.RevertPull(v.by, i, forge.RevertRequest{})
	if err != nil {
		return "", err
	}
	return issuePath(back), nil
}
