// Package web is the pages of a forge: GitHub as a person sees it, and Markdown as GitHub renders
// it. Pages are rendered on the server, work without a script and by keyboard, and load nothing
// from elsewhere. A click calls the same operations of the forge as a REST call does, so
// permissions and webhooks are the same.
//
// Hooks for browser tests. They are stable; classes and texts not named here are not.
//
//	form#person select[name=person]                     who acts; POST /_person (by keyboard, or without script: Enter
//	                                                    or the button decides)
//	form#clock button[value="5m"|"20m"|"24h"]           lets time pass; POST /_clock
//	#header #main #flash #not-found #hints #repositories
//	form[data-state=KEY] input[name=value], button[value=state] or [value=end]; form[data-fault] button[value=fault];
//	  #mend button; #holds [data-holds=state|fault]     what GitHub does on its bad days; GET and POST /_states
//	#outbox .box-row[data-kind][data-key]               what left for people outside; GET /_outbox; #phones a leads to
//	#phone[data-ringing] form#press button[name=digit]  somebody's phone, which rings; GET and POST /sandbox/phone/LOGIN
//	#calls .box-row[data-via] form.push button[name=button]  the buttons of a push
//	  #calls .box-row[data-kind][data-state]            its calls and texts, newest first
//	#channels a[data-channel]; #channel[data-channel]; #topic; #bookmarks a   Slack; GET /slack/CHANNEL
//	#messages .slack-message[data-ts][data-by][data-pinned] .slack-text, .slack-thread; form.slack-buttons
//	  button[name=button]; form#say textarea[name=body], button[name=send]; #form [data-field=NAME] [name=field-NAME],
//	  button[name=send], button[name=cancel]           what people see, write, press and fill in there
//	#list .issue-row[data-number]                       issues and pull requests; input[name=q] filters
//	#forms a                                            forms to choose from (issues/new/choose)
//	form#new-issue input[name="issue-title"], textarea[name=body] (blank), button[name=create]
//	  a form's fields are named by their YAML id: input, textarea, select (value: the option's text),
//	  checkboxes (value: the option's number, from 0); [data-field="ID"] is around each
//	#state                                              the badge: Open, Closed, Merged …
//	form#title input[name=title], button[name=save]
//	.timeline-comment[data-comment-id][data-author]     comments; the issue's own text has no data-comment-id
//	  .comment-body, form.edit-comment textarea[name=body] button[name=save],
//	  form.delete-comment button[name=delete], form.pin-comment button[name=pin], form.react button[name=reaction]
//	.event[data-event]                                  timeline lines: labels assigned unassigned closed reopened
//	                                                    renamed pinned unpinned cross-referenced merged reviewed …
//	#pinned[data-comment-id]                            the pinned comment, below the issue's text
//	#sub-issues .sub-row
//	form#comment textarea[name=body], button[name=comment], button[name=close] (value: completed, not_planned,
//	  duplicate), button[name=reopen]
//	form#labels input[name=label][value="phase/investigate"], button[name=apply]
//	form#assignees input[name=assignee][value=alice], button[name=apply]
//	form#reviewers input[name=reviewer], button[name=apply]      pull requests
//	[data-assignee] [data-label] [data-reviewer]        what is now
//	form#review textarea[name=body], input[name=event][value=APPROVE|REQUEST_CHANGES|COMMENT], button[name=submit]
//	form#merge button[name=merge]                       disabled while merging is blocked
//	#merge-box .check[data-check][data-conclusion]      checks, with summary and .annotation
//	form#deploy button[name=deploy]                     brings the default branch into production
//	form#revert button[name=revert]                     takes a merged pull request back by another one
//	.diff tr.add tr.del td.line                         changed files, of a commit too: /{owner}/{repo}/commit/SHA
//	#deployments #releases #actions [data-change=ID][data-state]   lists at these addresses; #changes leads there
//	form.end-run button[name=conclusion][value=success|failure]   ends a run, at /{owner}/{repo}/actions
//	form#new-app input[name=name], button[name=create]           registering an App by a manifest
//	form#install input[name=target], input[name=repository], button[name=install]; #installed
//	form#edit-file textarea[name=body], input[name=message], button[name=commit]   /{owner}/{repo}/edit/BRANCH/PATH
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
)

//go:embed pages
var pageFiles embed.FS

// server serves the pages of one store.
type server struct {
	forge   *forge.Forge
	trouble *Trouble             // nil: the page of states and faults isn't there
	phones  Phones               // nil: the pages of phones aren't there
	slack   *workspace.Workspace // nil: the pages of Slack aren't there
	// lets the virtual clock run; must not be called while the forge is locked
	advance func(time.Duration) error
	*pages
}

// pages are the templates and assets: the same for every sandbox of a process, of which tests have hundreds.
type pages struct {
	templates map[string]*template.Template
	assets    map[string][]byte // by file name
	version   string            // of the assets, so that browsers may keep them
}

var readPages = sync.OnceValue(parsePages)

// New returns what serves the pages of a forge; t, phones and slack may be nil.
func New(f *forge.Forge, advance func(time.Duration) error, t *Trouble, phones Phones,
	slack *workspace.Workspace) http.Handler {
	p := &server{forge: f, advance: advance, trouble: t, phones: phones, slack: slack, pages: readPages()}
	return p.handler()
}

// parsePages prepares templates and assets; both are part of the program, so that failing is a mistake in it.
func parsePages() *pages {
	p := &pages{templates: map[string]*template.Template{}, assets: map[string][]byte{}}
	sum := sha256.New()
	for _, name := range []string{"style.css", "page.js"} {
		content, err := pageFiles.ReadFile("pages/" + name)
		if err != nil {
			panic(err)
		}
		p.assets[name] = content
		sum.Write(content)
	}
	p.version = hex.EncodeToString(sum.Sum(nil))[:12]
	base := template.Must(template.New("").Funcs(template.FuncMap{
		"icon":  octicon,
		"inc":   func(n int) int { return n + 1 },
		"asset": func(name string) string { return "/_assets/" + name + "?v=" + p.version },
	}).ParseFS(pageFiles, "pages/layout.html", "pages/partials.html"))
	names, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		name = strings.TrimSuffix(path.Base(name), ".html")
		if name == "layout" || name == "partials" {
			continue
		}
		p.templates[name] = template.Must(template.Must(base.Clone()).ParseFS(pageFiles, "pages/"+name+".html"))
	}
	return p
}

// handler routes the pages' addresses. Those that begin with an underscore are the sandbox's own:
// no GitHub account can be named so.
func (p *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_assets/{name}", p.serveAsset)
	mux.HandleFunc("POST /_person", p.switchPerson)
	mux.HandleFunc("POST /_clock", p.moveClock)

	mux.HandleFunc("GET /_outbox", p.show((*visit).outbox))

	mux.HandleFunc("GET /{$}", p.show((*visit).home))
	mux.HandleFunc("GET /{login}", p.show((*visit).profile))
	mux.HandleFunc("GET /apps/{slug}", p.show((*visit).appProfile))
	mux.HandleFunc("GET /orgs/{org}/teams/{team}", p.show((*visit).teamProfile))
	mux.HandleFunc("GET /{owner}/{repo}", p.show((*visit).files))
	mux.HandleFunc("GET /{owner}/{repo}/tree/{rest...}", p.show((*visit).files))
	mux.HandleFunc("GET /{owner}/{repo}/blob/{rest...}", p.show((*visit).blob))
	mux.HandleFunc("GET /{owner}/{repo}/raw/{rest...}", p.raw)
	mux.HandleFunc("GET /{owner}/{repo}/edit/{rest...}", p.show((*visit).editFile))
	mux.HandleFunc("POST /{owner}/{repo}/edit/{rest...}", p.act((*visit).saveFile))

	mux.HandleFunc("GET /{owner}/{repo}/issues", p.show((*visit).issueList))
	mux.HandleFunc("GET /{owner}/{repo}/pulls", p.show((*visit).issueList))
	mux.HandleFunc("GET /{owner}/{repo}/issues/new/choose", p.show((*visit).chooseForm))
	mux.HandleFunc("GET /{owner}/{repo}/issues/new", p.show((*visit).newIssue))
	mux.HandleFunc("POST /{owner}/{repo}/issues/new", p.act((*visit).createIssue))
	mux.HandleFunc("POST /{owner}/{repo}/preview", p.preview)

	for _, kind := range []string{"issues", "pull"} {
		at := " /{owner}/{repo}/" + kind + "/{number}"
		mux.HandleFunc("GET"+at, p.show((*visit).item))
		for name, act := range map[string]func(*visit) (string, error){
			"comment": (*visit).comment, "edit": (*visit).editText, "title": (*visit).editTitle,
			"react":  (*visit).react,
			"labels": (*visit).setLabels, "assignees": (*visit).setAssignees,
			"comments/{comment}/edit":   (*visit).editComment,
			"comments/{comment}/tick":   (*visit).tickComment,
			"comments/{comment}/delete": (*visit).deleteComment,
			"comments/{comment}/pin":    (*visit).pinComment, "comments/{comment}/react": (*visit).reactComment,
		} {
			mux.HandleFunc("POST"+at+"/"+name, p.act(act))
		}
	}
	pull := " /{owner}/{repo}/pull/{number}"
	for _, view := range []string{"commits", "checks", "files"} {
		mux.HandleFunc("GET"+pull+"/"+view, p.show((*visit).item))
	}
	mux.HandleFunc("POST"+pull+"/review", p.act((*visit).review))
	mux.HandleFunc("POST"+pull+"/reviewers", p.act((*visit).setReviewers))
	mux.HandleFunc("POST"+pull+"/merge", p.act((*visit).merge))
	mux.HandleFunc("POST"+pull+"/checks/{run}", p.act((*visit).pressCheck))
	mux.HandleFunc("/", p.show(func(*visit) (string, any, error) { return "", nil, forge.ErrNotFound }))
	protection := http.NewCrossOriginProtection()
	p.routeApps(mux, protection)
	p.routeChanges(mux)
	p.routeTrouble(mux)
	p.routePhones(mux)
	return protection.Handler(p.withSlack(mux))
}

// visit is one request by one person. The forge is locked while it lasts.
type visit struct {
	p     *server
	forge *forge.Forge
	w     http.ResponseWriter
	r     *http.Request
	by    *forge.Actor
	now   time.Time
	repo  *forge.Repository // once found
	tab   string

	title  string
	narrow bool
	crumb  string
	flash  string // why what was asked did not happen
	kept   string // the text that was sent with it
	leads  string // another server to which the page's form leads, besides this one
}

// person is who acts on the pages; without a cookie it is the first person of the sandbox.
func (p *server) person(r *http.Request) *forge.Actor {
	if cookie, err := r.Cookie("person"); err == nil {
		if by, ok := p.forge.PersonActor(cookie.Value); ok {
			return by
		}
	}
	for _, u := range p.forge.Users {
		if by, ok := p.forge.PersonActor(u.Login); ok {
			return by
		}
	}
	return &forge.Actor{}
}

// people lists everybody that one can act as.
func (p *server) people() []string {
	var logins []string
	for _, u := range p.forge.Users {
		if u.Kind == forge.KindUser {
			logins = append(logins, u.Login)
		}
	}
	return logins
}

func (p *server) visit(w http.ResponseWriter, r *http.Request) *visit {
	return &visit{p: p, forge: p.forge, w: w, r: r, by: p.person(r), now: p.forge.Now()}
}

// show makes a handler of a page: a function that returns the template's name and data.
func (p *server) show(page func(*visit) (string, any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.forge.Lock()
		v := p.visit(w, r)
		status, body := v.render(page)
		p.forge.Unlock()
		send(w, status, body, v.leads)
	}
}

// act makes a handler of a button: a function that does something and says where to go on. What
// GitHub refuses is told on the page where the button is, with the text that was sent still in
// its field.
func (p *server) act(do func(*visit) (string, error)) http.HandlerFunc {
	return p.actOr(do, nil)
}

// actOr is act, and shows a refusal on the page again; nil finds the page by the address.
func (p *server) actOr(do func(*visit) (string, error),
	again func(*visit) (string, any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "the form could not be read: "+err.Error(), http.StatusBadRequest)
			return
		}
		p.forge.Lock()
		v := p.visit(w, r)
		to, err := do(v)
		if err == nil {
			p.forge.Unlock()
			http.Redirect(w, r, to, http.StatusSeeOther)
			return
		}
		var refused *forge.Error
		status := http.StatusUnprocessableEntity
		if errors.As(err, &refused) {
			status = refused.Status
		}
		again := again
		switch {
		case again != nil:
		case status == http.StatusNotFound:
			again = func(*visit) (string, any, error) { return "", nil, forge.ErrNotFound }
		case r.PathValue("rest") != "":
			again = (*visit).editFile
		case r.PathValue("number") == "":
			again = (*visit).newIssue
		default:
			again = (*visit).item
		}
		v.flash, v.kept = explain(err), r.PostForm.Get("body")
		_, body := v.render(again)
		p.forge.Unlock()
		send(w, status, body, v.leads)
	}
}

// explain says for people why something was refused.
func explain(err error) string {
	var refused *forge.Error
	if !errors.As(err, &refused) {
		return err.Error()
	}
	var parts []string
	for _, f := range refused.Fields {
		switch {
		case f.Message != "":
			parts = append(parts, f.Message)
		case f.Code == "missing_field":
			parts = append(parts, f.Field+" can't be blank")
		default:
			parts = append(parts, strings.TrimSpace(f.Field+" "+strings.ReplaceAll(f.Code, "_", " ")))
		}
	}
	if len(parts) == 0 {
		return refused.Message
	}
	return strings.Join(parts, "; ")
}

// send answers with a page. Its forms lead to this server, and to the one that leads names.
func send(w http.ResponseWriter, status int, body []byte, leads string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self' 'unsafe-inline'; "+
		"script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self' "+leads+
		"; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(body) // the reader may have left
}

// frame is what every page has around its content.
type frame struct {
	Title, Tab, Crumb, Back, Flash string
	Narrow                         bool
	Still                          bool // it does not follow what happens
	Version                        int64
	Person                         personView
	People                         []string
	Now                            momentView
	Repo                           *repoView
	Data                           any
}

// repoView is a repository as pages show it.
type repoView struct {
	Owner, Name, FullName, Description string
	Private                            bool
	OpenIssues, OpenPulls              int
}

func newRepoView(r *forge.Repository) repoView {
	v := repoView{Owner: r.Owner, Name: r.Name, FullName: r.FullName(), Description: r.Description,
		Private: r.Private}
	for _, i := range r.Issues {
		switch {
		case i == nil || i.Closed:
		case i.Pull != nil:
			v.OpenPulls++
		default:
			v.OpenIssues++
		}
	}
	return v
}

// render runs a page and its template. A page that does not exist, or that the person may not see,
// is GitHub's 404.
func (v *visit) render(page func(*visit) (string, any, error)) (int, []byte) {
	status := http.StatusOK
	name, data, err := page(v)
	if err != nil {
		status = http.StatusInternalServerError
		var refused *forge.Error
		if errors.As(err, &refused) {
			status = refused.Status
		}
		name, data, v.repo, v.title = "notfound", nil, nil, "Page not found"
		if status != http.StatusNotFound {
			v.flash = explain(err)
		}
	}
	f := frame{
		Title: v.title, Tab: v.tab, Crumb: v.crumb, Flash: v.flash, Narrow: v.narrow, Still: v.leads != "",
		Version: v.forge.Version,
		Person:  newPerson(v.by.Login), People: v.p.people(), Now: v.at(v.now), Back: v.here(), Data: data,
	}
	if f.Crumb == "" {
		f.Crumb = "Dashboard"
	}
	if f.Title == "" {
		f.Title = f.Crumb
	}
	if v.repo != nil {
		r := newRepoView(v.repo)
		f.Repo = &r
		f.Title += " · " + r.FullName
	}
	var out bytes.Buffer
	if err := v.p.templates[name].ExecuteTemplate(&out, "layout", f); err != nil {
		return http.StatusInternalServerError, fmt.Appendf(nil, "page %s: %v",
			template.HTMLEscapeString(name), template.HTMLEscapeString(err.Error()))
	}
	return status, out.Bytes()
}

// here is the address to come back to: the page itself, or the one on which the pressed button was.
func (v *visit) here() string {
	if v.r.Method == http.MethodGet {
		return v.r.URL.RequestURI()
	}
	if n := v.r.PathValue("number"); n != "" {
		parts := strings.SplitN(v.r.URL.Path, "/", 6)
		return strings.Join(parts[:5], "/")
	}
	return v.r.URL.RequestURI()
}

func (v *visit) at(t time.Time) momentView { return momentView{at: t, now: v.now} }

// text renders Markdown as it is in a comment in the visit's repository.
func (v *visit) text(source string) template.HTML {
	return RenderMarkdown(v.forge, v.by, v.repo, source)
}

// openRepo finds the repository of the address.
func (v *visit) openRepo() error {
	name := v.r.PathValue("owner") + "/" + v.r.PathValue("repo")
	r, err := v.forge.VisibleRepository(v.by, name)
	if old, ok := v.forge.FindRenamed(name); err != nil && ok && v.forge.CanSee(v.by, old) {
		r, err = old, nil // it was renamed
	}
	if err != nil {
		return err
	}
	v.repo = r
	return nil
}

// openIssue finds the issue or pull request of the address.
func (v *visit) openIssue() (*forge.Issue, error) {
	if err := v.openRepo(); err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(v.r.PathValue("number"))
	if err != nil {
		return nil, forge.ErrNotFound
	}
	i, ok := v.repo.IssueAt(number)
	if !ok { // it may have been transferred
		if i, ok = v.forge.IssuesByID[v.repo.Moved[number]]; !ok || !v.forge.CanSee(v.by, i.Repo()) {
			return nil, forge.ErrNotFound
		}
		v.repo = i.Repo()
	}
	return i, nil
}

func (p *server) serveAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	content, ok := p.assets[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.URL.Query().Get("v") == p.version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}

// backTo is where a button of the header leads: to the page on which it is, never to another server.
func backTo(r *http.Request) string {
	back := r.PostFormValue("back")
	u, err := url.Parse(back)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(back, "/") ||
		strings.HasPrefix(back, "//") || strings.Contains(back, `\`) {
		return "/"
	}
	return back
}

// preview renders the text of a field, for the Preview tab.
func (p *server) preview(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	body := r.PostFormValue("body")
	p.forge.Lock()
	v := p.visit(w, r)
	err := v.openRepo()
	var html template.HTML
	if err == nil {
		html = v.text(body)
	}
	p.forge.Unlock()
	if err != nil {
		http.NotFound(w, r)
		return
	}
	if strings.TrimSpace(body) == "" {
		html = `<p class="no-description">Nothing to preview</p>`
	}
	send(w, http.StatusOK, []byte(html), "")
}
