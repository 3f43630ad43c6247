package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
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
	if q.st.installed(nil) {
		count = 1
	}
	return http.StatusOK, q.st.appView().with(fields{"installations_count": count}), nil
}

func getAppNamed(q *request) (int, any, error) {
	if q.st.appless() || q.value("slug") != q.st.app.Slug {
		return 0, nil, errNotFound
	}
	return http.StatusOK, q.st.appView(), nil
}

func listInstallations(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	views := []fields{}
	if q.st.installed(nil) {
		views = append(views, q.st.installationView())
	}
	return paged(q, views, func(f fields) fields { return f })
}

func getInstallation(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	r, known := q.st.repo(q.value("owner") + "/" + q.value("repo"))
	switch {
	case q.value("repo") != "" && !known:
		return 0, nil, q.renamed(errNotFound)
	case !q.st.installed(r),
		q.value("installation") != "" && q.id("installation") != q.st.installationID(),
		q.value("org") != "" && !strings.EqualFold(q.value("org"), q.st.org.Login),
		q.value("login") != "":
		return 0, nil, errNotFound
	}
	return http.StatusOK, q.st.installationView(), nil
}

// suspend ends or restores what the installation's tokens and webhooks do.
// https://docs.github.com/en/rest/apps/apps#suspend-an-app-installation
func suspend(suspended bool) endpoint {
	return func(q *request) (int, any, error) {
		if err := q.ownApp(); err != nil {
			return 0, nil, err
		}
		if q.id("installation") != q.st.installationID() || !q.st.installed(nil) {
			return 0, nil, errNotFound
		}
		q.st.suspend(&Actor{Login: q.st.app.Login}, suspended)
		return http.StatusNoContent, nil, nil
	}
}

func createToken(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	if q.id("installation") != q.st.installationID() || !q.st.installed(nil) {
		return 0, nil, errNotFound
	}
	if err := q.st.notSuspended(); err != nil {
		return 0, nil, err
	}
	var in struct {
		Repositories  []string
		RepositoryIDs []int64 `json:"repository_ids"`
		Permissions   map[string]string
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	expires := q.a.s.clock.Now().Add(q.st.tokenLife())
	g := grant{Installation: q.st.installationID(), Expires: expires.Unix(), Permissions: maps.Clone(q.st.permissions())}
	if in.Permissions != nil {
		g.Permissions = map[string]string{"metadata": "read"}
		for area, level := range in.Permissions {
			has := q.st.permissions()[area]
			if has == "" || level == "write" && has != "write" {
				return 0, nil, &Error{Status: http.StatusUnprocessableEntity, Message: "The permissions requested are not granted to this installation."}
			}
			g.Permissions[area] = level
		}
	}
	view := fields{"expires_at": stamp(expires.Add(q.a.s.faults.ahead())), "permissions": g.Permissions, "repository_selection": "all"}
	if q.st.App != nil {
		g.Repositories = q.st.App.Repositories
	}
	if len(in.Repositories)+len(in.RepositoryIDs) > 0 {
		g.Repositories = []int64{}
		var repos []*Repository
		for _, r := range q.st.Repos {
			if !q.st.installed(r) {
				continue
			}
			if slices.Contains(in.RepositoryIDs, r.ID) || slices.ContainsFunc(in.Repositories, func(n string) bool { return strings.EqualFold(n, r.Name) }) {
				g.Repositories = append(g.Repositories, r.ID)
				repos = append(repos, r)
			}
		}
		if len(repos) < len(in.Repositories)+len(in.RepositoryIDs) {
			return 0, nil, &Error{Status: http.StatusUnprocessableEntity, Message: "There is at least one repository that does not exist or is not accessible to the parent installation."}
		}
		by := g.actor(q.st.app)
		view["repository_selection"] = "selected"
		view["repositories"] = each(repos, func(r *Repository) fields { return q.st.repoListView(by, r) })
	}
	view["token"] = q.st.app.token(g)
	return http.StatusCreated, view, nil
}

func listInstallationRepos(q *request) (int, any, error) {
	if q.by == nil || !q.by.ViaApp {
		return 0, nil, forbidden("You must authenticate with an installation access token in order to list repositories for an installation.")
	}
	repos := q.st.visibleRepos(q.by)
	from, to := q.page(len(repos))
	selection := "all"
	if q.by.Repositories != nil {
		selection = "selected"
	}
	return http.StatusOK, fields{"total_count": len(repos), "repository_selection": selection,
		"repositories": each(repos[from:to], func(r *Repository) fields { return q.st.repoListView(q.by, r) })}, nil
}

func getHookConfig(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	url, _ := q.a.s.hook()
	return http.StatusOK, q.st.hookConfig(url), nil
}

func (st *store) deliveryView(d *Delivery) fields {
	status := d.Reason
	if !d.Done {
		status = "pending"
	}
	f := fields{"id": d.ID, "guid": d.GUID, "delivered_at": stamp(d.At), "redelivery": d.Redelivery, "duration": d.Duration.Seconds(), "status": status,
		"status_code": d.statusCode(), "event": d.Event, "action": textOrNull(d.Action), "installation_id": st.installationID(), "repository_id": nil, "throttled_at": nil}
	if d.RepositoryID != 0 {
		f["repository_id"] = d.RepositoryID
	}
	return f
}

// listDeliveries answers newest first; the cursor is the id of the delivery before.
func listDeliveries(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	size, err := strconv.Atoi(q.query("per_page"))
	if err != nil || size < 1 || size > 100 {
		size = 30
	}
	if status := q.query("status"); status != "" && status != "success" && status != "failure" {
		return 0, nil, invalid("Hook", "status", "invalid", "")
	}
	cursor, _ := strconv.ParseInt(strings.TrimPrefix(q.query("cursor"), "v1_"), 10, 64)
	views := []fields{}
	for _, d := range slices.Backward(q.st.Deliveries) {
		if cursor != 0 && d.ID >= cursor || !d.isListedAs(q.query("status")) {
			continue
		}
		if len(views) == size {
			last, _ := views[size-1]["id"].(int64)
			values := q.r.URL.Query()
			values.Set("cursor", "v1_"+strconv.FormatInt(last, 10))
			q.head.Set("Link", "<"+q.st.api("/app/hook/deliveries?")+values.Encode()+`>; rel="next"`)
			break
		}
		views = append(views, q.st.deliveryView(d))
	}
	return http.StatusOK, views, nil
}

// delivery finds the delivery of the path.
func (q *request) delivery() (*Delivery, error) {
	if err := q.ownApp(); err != nil {
		return nil, err
	}
	d, ok := q.st.delivery(q.id("delivery"))
	if !ok {
		return nil, errNotFound
	}
	return d, nil
}

func (st *store) delivery(id int64) (*Delivery, bool) {
	n, ok := slices.BinarySearchFunc(st.Deliveries, id, func(d *Delivery, id int64) int { return int(min(max(d.ID-id, -1), 1)) })
	if !ok {
		return nil, false
	}
	return st.Deliveries[n], true
}

func getDelivery(q *request) (int, any, error) {
	d, err := q.delivery()
	if err != nil {
		return 0, nil, err
	}
	var payload any
	if err := json.Unmarshal(d.Payload, &payload); err != nil {
		return 0, nil, err
	}
	url, _ := q.a.s.hook()
	return http.StatusOK, q.st.deliveryView(d).with(fields{"url": url, "request": fields{"headers": d.RequestHead, "payload": payload},
		"response": fields{"headers": d.ResponseHead, "payload": textOrNull(d.ResponseBody)}}), nil
}

func redeliver(q *request) (int, any, error) {
	d, err := q.delivery()
	if err != nil {
		return 0, nil, err
	}
	q.a.s.courier.redeliver(d)
	return http.StatusAccepted, fields{}, nil
}

func getRateLimit(q *request) (int, any, error) {
	view := func(b *budget) fields {
		b.renew(q.a.s.clock.Now())
		return fields{"limit": b.limit, "remaining": b.limit - b.used, "reset": b.reset(), "used": b.used}
	}
	b := q.a.budgetsOf(q)
	core, search, graphql := view(&b.core), view(&b.search), view(&b.graphql)
	return http.StatusOK, fields{"rate": core, "resources": fields{"core": core, "search": search, "graphql": graphql}}, nil
}

// serverVersion is the GitHub Enterprise Server that clients may take the sandbox for: by it they choose
// among the ways to ask for something. It is the newest that GitHub's description has.
const serverVersion = "3.19.0"

func getMeta(*request) (int, any, error) {
	return http.StatusOK, fields{"verifiable_password_authentication": false, "installed_version": serverVersion, "hooks": []string{"127.0.0.0/8"}}, nil
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
	var r *Repository
	if q.by != nil {
		if open, err := q.st.openRepo(q.by, in.Context); err == nil {
			r = open
		}
	}
	q.head.Set("Content-Type", "text/html; charset=utf-8")
	return http.StatusOK, []byte(q.st.renderMarkdown(q.by, r, in.Text)), nil
}
