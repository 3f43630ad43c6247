package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
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

func getUser(q *request) (int, any, error) {
	by, err := q.person()
	if err != nil {
		return 0, nil, err
	}
	if by.ViaApp {
		return 0, nil, forbidden("Resource not accessible by integration")
	}
	u, _ := q.st.user(by.Login)
	return http.StatusOK, q.st.ownProfileView(u), nil
}

func getUserNamed(q *request) (int, any, error) {
	u, ok := q.st.user(q.value("login"))
	if !ok {
		return 0, nil, errNotFound
	}
	return http.StatusOK, q.st.profileView(u), nil
}

func getOrg(q *request) (int, any, error) {
	if !strings.EqualFold(q.value("org"), q.st.org.Login) {
		return 0, nil, errNotFound
	}
	return http.StatusOK, q.st.orgFullView(), nil
}

func listRepos(q *request) (int, any, error) {
	by, err := q.person()
	if err != nil {
		return 0, nil, err
	}
	return paged(q, q.st.visibleRepos(by), func(r *Repository) fields { return q.st.repoListView(by, r) })
}

func getRepo(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.repoFullView(q.by, r), nil
}

func getPermission(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	u, ok := q.st.user(q.value("login"))
	if !ok {
		return 0, nil, &Error{Status: http.StatusNotFound, Message: q.value("login") + " is not a user"}
	}
	role := q.st.roleOf(u.Login, r)
	permission := role.String()
	switch role {
	case RoleTriage:
		permission = "read"
	case RoleMaintain:
		permission = "write"
	}
	user := q.st.userFields(u).with(fields{"permissions": permissionFields(role), "role_name": role.String()})
	return http.StatusOK, fields{"permission": permission, "role_name": role.String(), "user": user}, nil
}

func isCollaborator(q *request) (int, any, error) {
	r, err := q.repo()
	if err == nil && q.st.roleOf(q.value("login"), r) < RoleRead {
		err = errNotFound
	}
	return http.StatusNoContent, nil, err
}

func listCollaborators(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	people := slices.DeleteFunc(slices.Clone(q.st.Users), func(u *User) bool { return u.Kind != KindUser || q.st.roleOf(u.Login, r) < RoleRead })
	return paged(q, people, func(u *User) fields {
		role := q.st.roleOf(u.Login, r)
		return q.st.userFields(u).with(fields{"permissions": permissionFields(role), "role_name": role.String()})
	})
}

// team finds the team of the path. It exists for members of the organisation and for an app that may read members.
func (q *request) team() (*Team, error) {
	by, err := q.person()
	if err != nil {
		return nil, err
	}
	if by.ViaApp && !by.allows("members", "read") {
		return nil, forbidden("Resource not accessible by integration")
	}
	t, ok := q.st.team(q.value("team"))
	if !ok || !strings.EqualFold(q.value("org"), q.st.org.Login) || !by.ViaApp && !q.st.member(by.Login) {
		return nil, errNotFound
	}
	return t, nil
}

func listTeams(q *request) (int, any, error) {
	by, err := q.person()
	if err != nil {
		return 0, nil, err
	}
	if by.ViaApp && !by.allows("members", "read") || !by.ViaApp && !q.st.member(by.Login) {
		return 0, nil, forbidden("Resource not accessible by integration")
	}
	return paged(q, q.st.Teams, q.st.teamView)
}

func getTeam(q *request) (int, any, error) {
	t, err := q.team()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.teamFullView(t), nil
}

func listTeamMembers(q *request) (int, any, error) {
	t, err := q.team()
	if err != nil {
		return 0, nil, err
	}
	return paged(q, t.Members, q.st.userView)
}

func getMembership(q *request) (int, any, error) {
	t, err := q.team()
	if err != nil {
		return 0, nil, err
	}
	if !t.has(q.value("login")) {
		return 0, nil, errNotFound
	}
	return http.StatusOK, fields{"url": q.st.api("/teams/%d/memberships/%s", t.ID, q.value("login")), "role": "member", "state": "active"}, nil
}

func getApp(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.appView().with(fields{"installations_count": 1}), nil
}

func getAppNamed(q *request) (int, any, error) {
	if q.value("slug") != q.st.app.Slug {
		return 0, nil, errNotFound
	}
	return http.StatusOK, q.st.appView(), nil
}

func listInstallations(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	return paged(q, []fields{q.st.installationView()}, func(f fields) fields { return f })
}

func getInstallation(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	_, known := q.st.repo(q.value("owner") + "/" + q.value("repo"))
	switch {
	case q.value("installation") != "" && q.id("installation") != installationID,
		q.value("repo") != "" && !known,
		q.value("org") != "" && !strings.EqualFold(q.value("org"), q.st.org.Login),
		q.value("login") != "":
		return 0, nil, errNotFound
	}
	return http.StatusOK, q.st.installationView(), nil
}

func createToken(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	if q.id("installation") != installationID {
		return 0, nil, errNotFound
	}
	var in struct {
		Repositories  []string
		RepositoryIDs []int64 `json:"repository_ids"`
		Permissions   map[string]string
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	g := grant{Expires: time.Now().Add(time.Hour).Unix(), Permissions: maps.Clone(q.st.app.Permissions)}
	if in.Permissions != nil {
		g.Permissions = map[string]string{"metadata": "read"}
		for area, level := range in.Permissions {
			has := q.st.app.Permissions[area]
			if has == "" || level == "write" && has != "write" {
				return 0, nil, &Error{Status: http.StatusUnprocessableEntity, Message: "The permissions requested are not granted to this installation."}
			}
			g.Permissions[area] = level
		}
	}
	view := fields{"expires_at": stamp(time.Unix(g.Expires, 0)), "permissions": g.Permissions, "repository_selection": "all"}
	if len(in.Repositories)+len(in.RepositoryIDs) > 0 {
		g.Repositories = []int64{}
		var repos []*Repository
		for _, r := range q.st.Repos {
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
	return http.StatusOK, fields{"total_count": len(repos), "repository_selection": "all",
		"repositories": each(repos[from:to], func(r *Repository) fields { return q.st.repoListView(q.by, r) })}, nil
}

func getHookConfig(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.a.s.hookConfig(), nil
}

func (st *store) deliveryView(d *Delivery) fields {
	status := d.Reason
	if !d.Done {
		status = "pending"
	}
	f := fields{"id": d.ID, "guid": d.GUID, "delivered_at": stamp(d.At), "redelivery": d.Redelivery, "duration": d.Duration.Seconds(), "status": status,
		"status_code": d.Code, "event": d.Event, "action": textOrNull(d.Action), "installation_id": installationID, "repository_id": nil, "throttled_at": nil}
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
	cursor, _ := strconv.ParseInt(strings.TrimPrefix(q.query("cursor"), "v1_"), 10, 64)
	views := []fields{}
	for _, d := range slices.Backward(q.st.Deliveries) {
		if cursor != 0 && d.ID >= cursor || q.query("status") == "success" && !d.OK() || q.query("status") == "failure" && (d.OK() || !d.Done) {
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
	return http.StatusOK, q.st.deliveryView(d).with(fields{"url": q.a.s.o.WebhookURL, "request": fields{"headers": d.RequestHead, "payload": payload},
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
	now := q.a.s.clock.Now()
	if now.Sub(q.a.window) >= time.Hour {
		q.a.window, q.a.used = now, 0
	}
	core := fields{"limit": hourly, "remaining": hourly - q.a.used, "reset": q.a.window.Add(time.Hour).Unix(), "used": q.a.used}
	search := fields{"limit": 30, "remaining": 30, "reset": now.Add(time.Minute).Unix(), "used": 0}
	return http.StatusOK, fields{"rate": core, "resources": fields{"core": core, "search": search}}, nil
}

func getMeta(*request) (int, any, error) {
	return http.StatusOK, fields{"verifiable_password_authentication": false, "hooks": []string{"127.0.0.0/8"}}, nil
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

// routes lists every operation that there is.
func (a *apiServer) routes() {
	const repo, issue, pull, comment = "/repos/{owner}/{repo}", "/repos/{owner}/{repo}/issues/{number}", "/repos/{owner}/{repo}/pulls/{number}", "/repos/{owner}/{repo}/issues/comments/{comment}"
	for pattern, e := range map[string]endpoint{
		"GET /user": getUser, "GET /users/{login}": getUserNamed, "GET /user/repos": listRepos, "GET /orgs/{org}": getOrg, "GET /orgs/{org}/repos": listRepos,
		"GET /orgs/{org}/teams": listTeams, "GET /orgs/{org}/teams/{team}": getTeam, "GET /orgs/{org}/teams/{team}/members": listTeamMembers,
		"GET /orgs/{org}/teams/{team}/memberships/{login}": getMembership,

		"GET " + repo: getRepo, "GET " + repo + "/collaborators": listCollaborators, "GET " + repo + "/collaborators/{login}": isCollaborator,
		"GET " + repo + "/collaborators/{login}/permission": getPermission,

		"GET " + repo + "/issues": listIssues, "POST " + repo + "/issues": createIssue, "GET " + issue: getIssue, "PATCH " + issue: patchIssue,
		"PUT " + issue + "/lock": lockIssue(true), "DELETE " + issue + "/lock": lockIssue(false),
		"GET " + issue + "/comments": listComments, "POST " + issue + "/comments": createComment,
		"GET " + comment: getComment, "PATCH " + comment: patchComment, "DELETE " + comment: deleteComment,
		"PUT " + comment + "/pin": pinComment, "DELETE " + comment + "/pin": unpinComment,
		"GET " + comment + "/reactions": listReactions, "POST " + comment + "/reactions": createReaction, "DELETE " + comment + "/reactions/{reaction}": deleteReaction,
		"GET " + issue + "/reactions": listReactions, "POST " + issue + "/reactions": createReaction, "DELETE " + issue + "/reactions/{reaction}": deleteReaction,
		"GET " + repo + "/labels": listRepoLabels, "POST " + repo + "/labels": createLabel, "GET " + repo + "/labels/{name}": getLabel,
		"PATCH " + repo + "/labels/{name}": patchLabel, "DELETE " + repo + "/labels/{name}": deleteLabel,
		"GET " + issue + "/labels": listIssueLabels, "POST " + issue + "/labels": changeLabels((*store).addLabels), "PUT " + issue + "/labels": changeLabels((*store).setLabels),
		"DELETE " + issue + "/labels/{name}": removeLabel, "DELETE " + issue + "/labels": removeLabels,
		"GET " + repo + "/assignees": listAssignable, "GET " + repo + "/assignees/{login}": checkAssignable, "GET " + issue + "/assignees/{login}": checkAssignable,
		"POST " + issue + "/assignees":   changeAssignees((*store).assign, http.StatusCreated),
		"DELETE " + issue + "/assignees": changeAssignees((*store).unassign, http.StatusOK),
		"GET " + issue + "/timeline":     listTimeline, "GET " + issue + "/events": listEvents,
		"GET " + issue + "/sub_issues": listSubIssues, "POST " + issue + "/sub_issues": addSubIssue, "DELETE " + issue + "/sub_issue": removeSubIssue, "GET " + issue + "/parent": getParent,
		"GET /search/issues": searchIssues,

		"GET " + repo + "/contents/{path...}": getContents, "PUT " + repo + "/contents/{path...}": changeContents(false), "DELETE " + repo + "/contents/{path...}": changeContents(true),
		"GET " + repo + "/git/ref/{ref...}": getRef, "GET " + repo + "/git/matching-refs/{ref...}": listMatchingRefs, "POST " + repo + "/git/refs": createRef,
		"PATCH " + repo + "/git/refs/{ref...}": updateRef, "DELETE " + repo + "/git/refs/{ref...}": deleteRef,
		"GET " + repo + "/git/commits/{sha}": getGitCommit, "POST " + repo + "/git/commits": createGitCommit,
		"GET " + repo + "/git/trees/{sha}": getTree, "POST " + repo + "/git/trees": createTree, "GET " + repo + "/git/blobs/{sha}": getBlob, "POST " + repo + "/git/blobs": createBlob,
		"GET " + repo + "/branches": listBranches, "GET " + repo + "/branches/{branch...}": getBranch, "GET " + repo + "/commits": listCommits, "GET " + repo + "/commits/{ref}": getCommit,
		"GET " + repo + "/compare/{basehead...}": compare,

		"GET " + repo + "/pulls": listPulls, "POST " + repo + "/pulls": createPull, "GET " + pull: getPull, "PATCH " + pull: patchPull,
		"GET " + pull + "/commits": listPullCommits, "GET " + pull + "/files": listPullFiles, "GET " + pull + "/requested_reviewers": listReviewers,
		"POST " + pull + "/requested_reviewers":   changeReviewers((*store).requestReviewers, http.StatusCreated),
		"DELETE " + pull + "/requested_reviewers": changeReviewers((*store).removeReviewers, http.StatusOK),
		"GET " + pull + "/reviews":                listReviews, "POST " + pull + "/reviews": createReview, "PUT " + pull + "/merge": mergePull, "GET " + pull + "/merge": isMerged,
		"POST " + repo + "/check-runs": createCheckRun, "GET " + repo + "/check-runs/{run}": getCheckRun, "PATCH " + repo + "/check-runs/{run}": patchCheckRun,
		"GET " + repo + "/check-runs/{run}/annotations": listAnnotations,
		"GET " + repo + "/commits/{ref}/check-runs":     listCheckRuns, "GET " + repo + "/commits/{ref}/check-suites": listCheckSuites,
		"GET " + repo + "/commits/{ref}/status": combinedStatus, "POST " + repo + "/statuses/{sha}": createStatus,

		"GET /app": getApp, "GET /apps/{slug}": getAppNamed, "GET /app/installations": listInstallations, "GET /app/installations/{installation}": getInstallation,
		"POST /app/installations/{installation}/access_tokens": createToken, "GET " + repo + "/installation": getInstallation, "GET /orgs/{org}/installation": getInstallation,
		"GET /users/{login}/installation": getInstallation, "GET /installation/repositories": listInstallationRepos,
		"GET /app/hook/config": getHookConfig, "GET /app/hook/deliveries": listDeliveries, "GET /app/hook/deliveries/{delivery}": getDelivery,
		"POST /app/hook/deliveries/{delivery}/attempts": redeliver, "GET /rate_limit": getRateLimit, "GET /meta": getMeta, "POST /markdown": renderText,
	} {
		a.on(pattern, e)
	}
}
