package web

import (
	"html/template"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/naming"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

type homePage struct {
	Heading   string
	Repos     []repoView
	Incidents string // where a newcomer finds the issue form
}

func (v *visit) home() (string, any, error) {
	d := homePage{Heading: "Repositories"}
	for _, r := range v.forge.VisibleRepositories(v.by) {
		d.Repos = append(d.Repos, newRepoView(r))
		if forms, _, _ := issueForms(r); len(forms) > 0 && d.Incidents == "" {
			d.Incidents = r.FullName()
		}
	}
	return "home", d, nil
}

// outboxRow is a message that left.
type outboxRow struct {
	Kind, Channel, To, Text, Key, URL string
	At                                momentView
	Count                             int
	Links                             map[string]string
}

// outbox shows what left for people outside GitHub, newest first.
func (v *visit) outbox() (string, any, error) {
	v.title, v.crumb, v.narrow = "Outbox", "Outbox", true
	var d struct {
		Rows   []outboxRow
		Phones []string // whose phones something reached
	}
	d.Phones = phoneOwners(v.forge)
	for _, e := range slices.Backward(v.forge.Outbox) {
		d.Rows = append(d.Rows, outboxRow{e.Kind, e.Channel, e.To, e.Text, e.Key, e.URL, v.at(e.At), e.Count, e.Links})
	}
	return "outbox", d, nil
}

// link is a name with an address, or without one where one already is.
type link struct{ Name, URL string }

type profilePage struct {
	Person   personView
	Name     string
	Kind     string
	Teams    []string // as org/teams/slug
	Members  []personView
	TeamList []link
	Repos    []repoView
}

// profile shows a person or the organization.
func (v *visit) profile() (string, any, error) {
	u, ok := v.forge.FindUser(v.r.PathValue("login"))
	if !ok || u.Kind == forge.KindBot {
		return "", nil, forge.ErrNotFound
	}
	v.title, v.crumb, v.narrow = u.Login, u.Login, true
	d := profilePage{Person: newPerson(u.Login), Name: u.Login, Kind: "Person"}
	inside := v.forge.IsMember(v.by.Login)
	for _, t := range v.forge.Teams {
		if !inside {
			break // teams are visible to members of the organization only
		}
		if t.HasMember(u.Login) {
			d.Teams = append(d.Teams, t.Org+"/teams/"+t.Slug)
		}
		if t.Org == u.Login {
			d.TeamList = append(d.TeamList,
				link{"@" + t.Org + "/" + t.Slug, "/orgs/" + t.Org + "/teams/" + t.Slug})
		}
	}
	if u.Kind == forge.KindOrganization {
		d.Kind = "Organization"
		for _, r := range v.forge.VisibleRepositories(v.by) {
			if r.Owner == u.Login {
				d.Repos = append(d.Repos, newRepoView(r))
			}
		}
	}
	return "profile", d, nil
}

// teamProfile shows a team with its members, to members of the organization.
func (v *visit) teamProfile() (string, any, error) {
	t, ok := v.forge.FindTeam(v.r.PathValue("team"))
	if !ok || !strings.EqualFold(t.Org, v.r.PathValue("org")) || !v.forge.IsMember(v.by.Login) {
		return "", nil, forge.ErrNotFound
	}
	v.title, v.crumb, v.narrow = "@"+t.Org+"/"+t.Slug, t.Org, true
	d := profilePage{Person: newPerson(t.Slug), Name: "@" + t.Org + "/" + t.Slug, Kind: t.Description}
	for _, login := range t.Members {
		d.Members = append(d.Members, newPerson(login))
	}
	return "profile", d, nil
}

// appProfile shows the app as the account under which it writes.
func (v *visit) appProfile() (string, any, error) {
	u, ok := v.forge.FindUser(naming.BotOf(v.r.PathValue("slug")))
	if !ok {
		return "", nil, forge.ErrNotFound
	}
	v.title, v.crumb, v.narrow = u.Login, u.Login, true
	return "profile", profilePage{Person: newPerson(u.Login), Name: newPerson(u.Login).Name(),
		Kind: "GitHub App"}, nil
}

// fileEntry is a line of a folder.
type fileEntry struct {
	Name, URL string
	Folder    bool
}

type commitLine struct{ Message, SHA string }

type filesPage struct {
	Path       string
	Branch     string
	Crumbs     []link
	Commit     *commitLine
	Entries    []fileEntry
	Changes    []changesTab // what there is of them, at the top of the repository
	ReadmeName string
	Readme     template.HTML
}

// treePath finds the branch and the path that an address after /tree/, /blob/ or /raw/ means. A
// branch's name may hold slashes, so that the longest branch that fits is taken; a commit's name
// does as well.
func treePath(r *forge.Repository, rest string) (branch string, commit *forge.Commit, file string, ok bool) {
	for _, name := range r.Git.Branches() {
		if (rest == name || strings.HasPrefix(rest, name+"/")) && len(name) > len(branch) {
			branch = name
		}
	}
	if branch == "" {
		branch, _, _ = strings.Cut(rest, "/")
	}
	commit, ok = r.Git.Resolve(branch)
	return branch, commit, strings.Trim(strings.TrimPrefix(rest, branch), "/"), ok
}

// crumbs are the folders of a path, each a link but the last.
func crumbs(repo, branch, file string) []link {
	parts := strings.FieldsFunc(file, func(r rune) bool { return r == '/' })
	var list []link
	for n, part := range parts {
		l := link{Name: part}
		if n < len(parts)-1 {
			l.URL = "/" + repo + "/tree/" + branch + "/" + strings.Join(parts[:n+1], "/")
		}
		list = append(list, l)
	}
	return list
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// files lists a folder.
func (v *visit) files() (string, any, error) {
	if err := v.openRepo(); err != nil {
		return "", nil, err
	}
	v.tab = "code"
	v.title = v.repo.Description
	if v.title == "" {
		v.title = "Code"
	}
	d := filesPage{Branch: v.repo.DefaultBranch}
	if v.r.PathValue("rest") == "" {
		d.Changes = slices.DeleteFunc(v.changesTabs(), func(t changesTab) bool { return t.Count == 0 })
	}
	rest := v.r.PathValue("rest")
	if rest == "" {
		rest = v.repo.DefaultBranch
	}
	branch, commit, folder, ok := treePath(v.repo, rest)
	if !ok {
		if v.r.PathValue("rest") != "" {
			return "", nil, forge.ErrNotFound
		}
		return "files", d, nil // nothing was ever committed
	}
	tree, ok := v.repo.Git.Entry(commit.Tree, folder)
	if !ok || tree.Kind() != "tree" {
		return "", nil, forge.ErrNotFound
	}
	d.Branch, d.Path = branch, folder
	d.Commit = &commitLine{firstLine(commit.Message), commit.SHA[:7]}
	if folder != "" {
		d.Crumbs = crumbs(v.repo.FullName(), branch, folder)
	}
	for _, e := range v.repo.Git.Trees[tree.SHA] {
		at := path.Join(folder, e.Name)
		entry := fileEntry{Name: e.Name, Folder: e.Kind() == "tree",
			URL: "/" + v.repo.FullName() + "/blob/" + branch + "/" + at}
		if entry.Folder {
			entry.URL = "/" + v.repo.FullName() + "/tree/" + branch + "/" + at
		}
		d.Entries = append(d.Entries, entry)
		if strings.EqualFold(e.Name, "README.md") {
			d.ReadmeName = e.Name
			d.Readme = v.file(branch, at, string(v.repo.Git.Blobs[e.SHA]))
		}
	}
	slices.SortStableFunc(d.Entries, func(a, b fileEntry) int {
		switch {
		case a.Folder == b.Folder:
			return 0
		case a.Folder:
			return -1
		}
		return 1
	})
	return "files", d, nil
}

// file renders a Markdown file.
func (v *visit) file(branch, name, content string) template.HTML {
	t := markdownOf(v.forge, v.by, v.repo, content)
	t.branch, t.file = branch, name
	return t.html()
}

type blobPage struct {
	Crumbs    []link
	Markdown  bool
	Plain     bool
	Binary    bool
	LineCount int
	Size      string
	RawURL    string
	EditURL   string
	Rendered  template.HTML
	Lines     []string
	Problem   string
}

// blob shows a file: Markdown rendered, anything else by its lines.
func (v *visit) blob() (string, any, error) {
	if err := v.openRepo(); err != nil {
		return "", nil, err
	}
	v.tab = "code"
	branch, commit, name, ok := treePath(v.repo, v.r.PathValue("rest"))
	if !ok {
		return "", nil, forge.ErrNotFound
	}
	content, _, ok := v.repo.Git.File(commit, name)
	if !ok {
		return "", nil, forge.ErrNotFound
	}
	v.title = name + " at " + branch
	text := string(content)
	d := blobPage{
		Crumbs: crumbs(v.repo.FullName(), branch, name), Markdown: isMarkdown(name),
		Plain: v.r.URL.Query().Get("plain") == "1",
		Size:  humanSize(len(content)), RawURL: "/" + v.repo.FullName() + "/raw/" + branch + "/" + name,
		Binary:    isBinary(content),
		LineCount: len(slices.Collect(strings.Lines(text))),
	}
	if _, isBranch := v.repo.Git.Branch(branch); isBranch && !d.Binary &&
		v.forge.RoleOfActor(v.by, v.repo) >= forge.RoleWrite {
		d.EditURL = "/" + v.repo.FullName() + "/edit/" + branch + "/" + name
	}
	switch {
	case d.Binary:
	case d.Markdown && !d.Plain:
		d.Rendered = v.file(branch, name, text)
	default:
		d.Lines = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if isFormPath(name) {
			// GitHub shows what is wrong with a form where its file is shown
			if _, err := parseIssueForm(path.Base(name), content); err != nil {
				d.Problem = "There is a problem with this template. " + err.Error()
			}
		}
	}
	return "blob", d, nil
}

// raw serves a file as it is; nothing in it may run.
func (p *server) raw(w http.ResponseWriter, r *http.Request) {
	p.forge.Lock()
	v := p.visit(w, r)
	var content []byte
	name := ""
	err := v.openRepo()
	if err == nil {
		_, commit, file, ok := treePath(v.repo, r.PathValue("rest"))
		if ok {
			content, _, ok = v.repo.Git.File(commit, file)
		}
		if !ok {
			err = forge.ErrNotFound
		}
		name = file
	}
	p.forge.Unlock()
	if err != nil {
		http.NotFound(w, r)
		return
	}
	kind := "text/plain; charset=utf-8"
	if byName := mime.TypeByExtension(path.Ext(name)); strings.HasPrefix(byName, "image/") {
		kind = byName
	} else if isBinary(content) {
		kind = "application/octet-stream"
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	w.Write(content) // the reader may have left
}

// editPage is a file in a text field.
type editPage struct {
	Name, Branch, Content, SHA, Action, Cancel, Message string
}

// openFile finds the file of the address on a branch that the person may push to.
func (v *visit) openFile() (d editPage, err error) {
	if err := v.openRepo(); err != nil {
		return d, err
	}
	branch, commit, name, ok := treePath(v.repo, v.r.PathValue("rest"))
	if _, isBranch := v.repo.Git.Branch(branch); !ok || !isBranch ||
		v.forge.RoleOfActor(v.by, v.repo) < forge.RoleWrite {
		return d, forge.ErrNotFound
	}
	content, sha, ok := v.repo.Git.File(commit, name)
	if !ok || isBinary(content) {
		return d, forge.ErrNotFound
	}
	return editPage{Name: name, Branch: branch, Content: string(content), SHA: sha, Action: v.r.URL.Path,
		Cancel:  "/" + v.repo.FullName() + "/blob/" + branch + "/" + name,
		Message: "Update " + path.Base(name)}, nil
}

// editFile shows a file in a text field.
func (v *visit) editFile() (string, any, error) {
	d, err := v.openFile()
	if err != nil {
		return "", nil, err
	}
	v.tab, v.title = "code", "Editing "+d.Name
	if v.r.Method == http.MethodPost {
		d.Content, d.Message, d.SHA = v.kept, v.r.PostForm.Get("message"), v.r.PostForm.Get("sha")
	}
	return "edit", d, nil
}

// saveFile commits what is in the text field. It leads to the pull request of the branch if there is one.
func (v *visit) saveFile() (string, error) {
	d, err := v.openFile()
	if err != nil {
		return "", err
	}
	form := v.r.PostForm
	message := strings.TrimSpace(form.Get("message"))
	if message == "" {
		message = d.Message
	}
	if _, _, err := v.forge.ChangeFile(v.by, v.repo,
		forge.FileChange{Path: d.Name, Content: []byte(lines(form.Get("body"))), SHA: form.Get("sha"),
			Branch: d.Branch, Message: message}); err != nil {
		return "", err
	}
	for _, i := range v.repo.Issues {
		if i != nil && i.Pull != nil && !i.Closed && i.Pull.Head == d.Branch {
			return issuePath(i), nil
		}
	}
	return d.Cancel, nil
}
