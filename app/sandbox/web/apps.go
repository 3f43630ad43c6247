package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// The way of an App: a manifest is posted to …/settings/apps/new from anywhere, a person returns the
// App its name, and the browser returns to the manifest's redirect_url with a code.
// https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest

// routeApps adds the pages of registering and installing an App. The first is posted to from
// another server, as on GitHub; it changes nothing.
func (p *server) routeApps(mux *http.ServeMux, protection *http.CrossOriginProtection) {
	for _, at := range []string{"/settings/apps/new", "/organizations/{org}/settings/apps/new"} {
		mux.HandleFunc("POST "+at, p.show((*visit).newApp))
		protection.AddInsecureBypassPattern("POST " + at)
	}
	mux.HandleFunc("POST /settings/apps/manifest", p.actOr((*visit).registerApp, (*visit).newApp))
	mux.HandleFunc("GET /apps/{slug}/installations/new", p.show((*visit).newInstallation))
	mux.HandleFunc("POST /apps/{slug}/installations/new",
		p.actOr((*visit).createInstallation, (*visit).newInstallation))
	mux.HandleFunc("GET /organizations/{org}/settings/installations/{id}", p.show((*visit).installation))
}

type newAppPage struct {
	Owner, Name, Manifest, State string
	Hook                         string
	Permissions                  []permissionLine
	Events                       []string
}

type permissionLine struct{ Area, Level string }

func permissionLines(permissions map[string]string) []permissionLine {
	var lines []permissionLine
	for _, area := range slices.Sorted(maps.Keys(permissions)) {
		lines = append(lines, permissionLine{strings.ReplaceAll(area, "_", " "), permissions[area]})
	}
	return lines
}

// newApp shows what a manifest asks for, and lets the person name it.
func (v *visit) newApp() (string, any, error) {
	owner := v.appOwner()
	if err := v.forge.CheckRegister(v.by, owner); err != nil {
		return "", nil, err
	}
	m, err := forge.ParseManifest(v.r.PostFormValue("manifest"))
	if err != nil {
		return "", nil, err
	}
	state := v.r.PostFormValue("state")
	if state == "" {
		state = v.r.URL.Query().Get("state")
	}
	name := m.Name
	if v.r.PostForm.Has("name") {
		name = v.r.PostFormValue("name")
	}
	back, err := url.Parse(m.Redirect)
	if err != nil {
		return "", nil, err
	}
	v.leads = back.Scheme + "://" + back.Host
	v.title, v.crumb, v.narrow = "Create GitHub App", "Settings", true
	return "newapp", newAppPage{Owner: owner, Name: name, Manifest: v.r.PostFormValue("manifest"),
		State: state, Hook: m.Hook.URL,
		Permissions: permissionLines(m.Permissions), Events: m.Events}, nil
}

func (v *visit) appOwner() string {
	for _, name := range []string{v.r.PathValue("org"), v.r.PostFormValue("owner")} {
		if name != "" {
			return name
		}
	}
	return v.by.Login
}

// registerApp registers the App and goes back to where the manifest came from.
func (v *visit) registerApp() (string, error) {
	m, err := forge.ParseManifest(v.r.PostFormValue("manifest"))
	if err != nil {
		return "", err
	}
	m.Name = v.r.PostFormValue("name")
	code, err := v.forge.Register(v.by, v.appOwner(), m)
	if err != nil {
		return "", err
	}
	back, err := url.Parse(m.Redirect)
	if err != nil {
		return "", err
	}
	query := back.Query()
	query.Set("code", code)
	if state := v.r.PostFormValue("state"); state != "" {
		query.Set("state", state)
	}
	back.RawQuery = query.Encode()
	return back.String(), nil
}

type installationPage struct {
	App, Slug, Account string
	Installed          bool
	All                bool
	Repos              []installedRepo
	Permissions        []permissionLine
}

type installedRepo struct {
	ID       int64
	Name     string
	Selected bool
}

func (v *visit) installationPage() installationPage {
	p := installationPage{App: v.forge.App.Name, Slug: v.forge.App.Slug, Account: v.forge.Org.Login,
		Installed: v.forge.IsInstalled(nil), Permissions: permissionLines(v.forge.App.Permissions)}
	p.All = !p.Installed || v.forge.Registered == nil || v.forge.Registered.Repositories == nil
	for _, r := range v.forge.Repos {
		p.Repos = append(p.Repos, installedRepo{ID: r.ID, Name: r.FullName(),
			Selected: p.Installed && v.forge.IsInstalled(r)})
	}
	return p
}

func (v *visit) newInstallation() (string, any, error) {
	if err := v.forge.CheckInstall(v.by, v.r.PathValue("slug")); err != nil {
		return "", nil, err
	}
	v.title, v.crumb, v.narrow = "Install "+v.forge.App.Name, "Install", true
	return "install", v.installationPage(), nil
}

func (v *visit) createInstallation() (string, error) {
	var repositories []int64
	if v.r.PostFormValue("target") == "selected" {
		for _, r := range v.forge.Repos {
			if slices.Contains(v.r.PostForm["repository"], strconv.FormatInt(r.ID, 10)) {
				repositories = append(repositories, r.ID)
			}
		}
		if repositories == nil {
			return "", &forge.Error{Status: http.StatusUnprocessableEntity,
				Message: "Select at least one repository"}
		}
	}
	if err := v.forge.Install(v.by, v.r.PathValue("slug"), repositories); err != nil {
		return "", err
	}
	return fmt.Sprintf("/organizations/%s/settings/installations/%d", v.forge.Org.Login,
		v.forge.InstallationID()), nil
}

// installation shows what the App may do, and where.
func (v *visit) installation() (string, any, error) {
	if !strings.EqualFold(v.r.PathValue("org"), v.forge.Org.Login) ||
		v.r.PathValue("id") != strconv.FormatInt(v.forge.InstallationID(), 10) ||
		!v.forge.IsInstalled(nil) || !v.forge.IsMember(v.by.Login) {
		return "", nil, forge.ErrNotFound
	}
	v.title, v.crumb, v.narrow = v.forge.App.Name, "Installed GitHub Apps", true
	return "installation", v.installationPage(), nil
}
