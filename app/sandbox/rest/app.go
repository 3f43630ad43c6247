package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// unmarshalNames reads a list of texts, or of objects with a name.
func unmarshalNames(b []byte, into *names) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*into = names{}
	for _, r := range raw {
		var name string
		if json.Unmarshal(r, &name) != nil {
			var named struct{ Name string }
			if err := json.Unmarshal(r, &named); err != nil {
				return err
			}
			name = named.Name
		}
		*into = append(*into, name)
	}
	return nil
}

func getApp(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	count := 0
	if q.forge.IsInstalled(nil) {
		count = 1
	}
	return http.StatusOK, q.views.appView().with(fields{"installations_count": count}), nil
}

func getAppNamed(q *request) (int, any, error) {
	if q.forge.IsAppless() || q.value("slug") != q.forge.App.Slug {
		return 0, nil, forge.ErrNotFound
	}
	return http.StatusOK, q.views.appView(), nil
}

func listInstallations(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	views := []fields{}
	if q.forge.IsInstalled(nil) {
		views = append(views, q.views.installationView())
	}
	return paged(q, views, func(f fields) fields { return f })
}

func getInstallation(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	r, known := q.forge.FindRepository(q.value("owner") + "/" + q.value("repo"))
	switch {
	case q.value("repo") != "" && !known:
		return 0, nil, q.renamed(forge.ErrNotFound)
	case !q.forge.IsInstalled(r),
		q.value("installation") != "" && q.id("installation") != q.forge.InstallationID(),
		q.value("org") != "" && !strings.EqualFold(q.value("org"), q.forge.Org.Login),
		q.value("login") != "":
		return 0, nil, forge.ErrNotFound
	}
	return http.StatusOK, q.views.installationView(), nil
}

// suspend ends or restores what the installation's tokens and webhooks do.
// https://docs.github.com/en/rest/apps/apps#suspend-an-app-installation
func suspend(suspended bool) endpoint {
	return func(q *request) (int, any, error) {
		if err := q.ownApp(); err != nil {
			return 0, nil, err
		}
		if q.id("installation") != q.forge.InstallationID() || !q.forge.IsInstalled(nil) {
			return 0, nil, forge.ErrNotFound
		}
		q.forge.Suspend(&forge.Actor{Login: q.forge.App.Login}, suspended)
		return http.StatusNoContent, nil, nil
	}
}

func listInstallationRepos(q *request) (int, any, error) {
	if q.by == nil || !q.by.ViaApp {
		return 0, nil, forge.Forbidden("You must authenticate with an installation access token in order " +
			"to list repositories for an installation.")
	}
	repos := q.forge.VisibleRepositories(q.by)
	from, to := q.page(len(repos))
	selection := "all"
	if q.by.Repositories != nil {
		selection = "selected"
	}
	return http.StatusOK, fields{"total_count": len(repos), "repository_selection": selection,
		"repositories": each(repos[from:to],
			func(r *forge.Repository) fields { return q.views.repoListView(q.by, r) })}, nil
}

func getRateLimit(q *request) (int, any, error) {
	view := func(b *budget) fields {
		b.renew(q.a.host.Now())
		return fields{"limit": b.limit, "remaining": b.limit - b.used, "reset": b.reset(), "used": b.used}
	}
	b := q.a.budgetsOf(q)
	core, search, graphql := view(&b.core), view(&b.search), view(&b.graphql)
	return http.StatusOK, fields{"rate": core,
		"resources": fields{"core": core, "search": search, "graphql": graphql}}, nil
}

// serverVersion is the GitHub Enterprise Server that clients may take the sandbox for: by it they choose
// among the ways to ask for something. It is the newest that GitHub's description has.
const serverVersion = "3.19.0"

func getMeta(*request) (int, any, error) {
	return http.StatusOK, fields{"verifiable_password_authentication": false,
		"installed_version": serverVersion, "hooks": []string{"127.0.0.0/8"}}, nil
}

// getVersions lists the versions of the API.
func getVersions(*request) (int, any, error) {
	return http.StatusOK, []string{version2026, version2022}, nil
}

func renderText(q *request) (int, any, error) {
	var in struct{ Text, Context string }
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	var r *forge.Repository
	if q.by != nil {
		if open, err := q.forge.VisibleRepository(q.by, in.Context); err == nil {
			r = open
		}
	}
	q.head.Set("Content-Type", "text/html; charset=utf-8")
	return http.StatusOK, []byte(q.a.host.RenderMarkdown(q.forge, q.by, r, in.Text)), nil
}

// allowed refuses the App where the organization's IP allow list keeps it out.
// See "Managing allowed IP addresses for your organization" at https://docs.github.com/en/organizations.
func (q *request) allowed() error {
	path := q.r.URL.Path
	switch {
	case !q.forge.AllowList, path == "/rate_limit", path == "/installation/token":
		return nil
	case q.by != nil && q.by.ViaApp, q.app && ofTheOrganization.MatchString(path):
		return forge.Forbidden(fmt.Sprintf("Although you appear to have the correct authorization credentials, "+
			"the `%s` organization has an IP allow list enabled, and your IP address is not permitted "+
			"to access this resource.", q.forge.Org.Login))
	}
	return nil
}

// ofTheOrganization are the addresses by which the App itself, without an installation's token,
// asks for what the organization's IP allow list protects.
var ofTheOrganization = regexp.MustCompile(`^/(?:repos/[^/]+/[^/]+|orgs/[^/]+)/installation$`)

// convertManifest needs no token: whoever has the code came from the page.
// https://docs.github.com/en/rest/apps/apps#create-a-github-app-from-a-manifest
func convertManifest(q *request) (int, any, error) {
	a, err := q.forge.TakeCredentials(q.value("code"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.views.appView().with(fields{"client_secret": a.ClientSecret,
		"webhook_secret": a.HookSecret, "pem": string(a.Key)}), nil
}
