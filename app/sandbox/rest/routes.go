package rest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// operations lists every operation that there is.
func operations() map[string]endpoint {
	const (
		repo    = "/repos/{owner}/{repo}"
		issue   = repo + "/issues/{number}"
		comment = repo + "/issues/comments/{comment}"
		pull    = repo + "/pulls/{number}"
	)
	return map[string]endpoint{
		"GET /":                                getRoot,
		"GET /user":                            getUser,
		"GET /users/{login}":                   getUserNamed,
		"GET /user/repos":                      listRepos,
		"GET /orgs/{org}":                      getOrg,
		"GET /orgs/{org}/repos":                listRepos,
		"GET /orgs/{org}/teams":                listTeams,
		"GET /orgs/{org}/teams/{team}":         getTeam,
		"GET /orgs/{org}/teams/{team}/members": listTeamMembers,
		"GET /orgs/{org}/teams/{team}/memberships/{login}": getMembership,

		"GET " + repo:                                       getRepo,
		"GET " + repo + "/collaborators":                    listCollaborators,
		"GET " + repo + "/collaborators/{login}":            isCollaborator,
		"GET " + repo + "/collaborators/{login}/permission": getPermission,

		"GET " + repo + "/issues":                     listIssues,
		"POST " + repo + "/issues":                    createIssue,
		"GET " + issue:                                getIssue,
		"PATCH " + issue:                              patchIssue,
		"PUT " + issue + "/lock":                      lockIssue(true),
		"DELETE " + issue + "/lock":                   lockIssue(false),
		"GET " + issue + "/comments":                  listComments,
		"POST " + issue + "/comments":                 createComment,
		"GET " + repo + "/issues/comments":            listRepoComments,
		"GET " + comment:                              getComment,
		"PATCH " + comment:                            patchComment,
		"DELETE " + comment:                           deleteComment,
		"PUT " + comment + "/pin":                     pinComment,
		"DELETE " + comment + "/pin":                  unpinComment,
		"GET " + comment + "/reactions":               listReactions,
		"POST " + comment + "/reactions":              createReaction,
		"DELETE " + comment + "/reactions/{reaction}": deleteReaction,
		"GET " + issue + "/reactions":                 listReactions,
		"POST " + issue + "/reactions":                createReaction,
		"DELETE " + issue + "/reactions/{reaction}":   deleteReaction,
		"GET " + repo + "/labels":                     listRepoLabels,
		"POST " + repo + "/labels":                    createLabel,
		"GET " + repo + "/labels/{name}":              getLabel,
		"PATCH " + repo + "/labels/{name}":            patchLabel,
		"DELETE " + repo + "/labels/{name}":           deleteLabel,
		"GET " + issue + "/labels":                    listIssueLabels,
		"POST " + issue + "/labels":                   changeLabels((*forge.Forge).AddLabels),
		"PUT " + issue + "/labels":                    changeLabels((*forge.Forge).SetLabels),
		"DELETE " + issue + "/labels/{name}":          removeLabel,
		"DELETE " + issue + "/labels":                 removeLabels,
		"GET " + repo + "/assignees":                  listAssignable,
		"GET " + repo + "/assignees/{login}":          checkAssignable,
		"GET " + issue + "/assignees/{login}":         checkAssignable,
		"POST " + issue + "/assignees":                changeAssignees((*forge.Forge).Assign, http.StatusCreated),
		"DELETE " + issue + "/assignees":              changeAssignees((*forge.Forge).Unassign, http.StatusOK),
		"GET " + issue + "/timeline":                  listTimeline,
		"GET " + issue + "/events":                    listEvents,
		"GET " + issue + "/sub_issues":                listSubIssues,
		"POST " + issue + "/sub_issues":               addSubIssue,
		"DELETE " + issue + "/sub_issue":              removeSubIssue,
		"GET " + issue + "/parent":                    getParent,
		"GET /search/issues":                          searchIssues,

		"GET " + repo + "/milestones":                 listMilestones,
		"POST " + repo + "/dispatches":                dispatch,
		"GET " + repo + "/readme":                     getReadme,
		"GET " + repo + "/contents":                   getContents,
		"GET " + repo + "/contents/{path...}":         getContents,
		"PUT " + repo + "/contents/{path...}":         changeContents(false),
		"DELETE " + repo + "/contents/{path...}":      changeContents(true),
		"GET " + repo + "/git/ref/{ref...}":           getRef,
		"GET " + repo + "/git/matching-refs/{ref...}": listMatchingRefs,
		"POST " + repo + "/git/refs":                  createRef,
		"PATCH " + repo + "/git/refs/{ref...}":        updateRef,
		"DELETE " + repo + "/git/refs/{ref...}":       deleteRef,
		"GET " + repo + "/git/commits/{sha}":          getGitCommit,
		"POST " + repo + "/git/commits":               createGitCommit,
		"GET " + repo + "/git/trees/{sha}":            getTree,
		"POST " + repo + "/git/trees":                 createTree,
		"GET " + repo + "/git/blobs/{sha}":            getBlob,
		"POST " + repo + "/git/blobs":                 createBlob,
		"GET " + repo + "/branches":                   listBranches,
		"GET " + repo + "/branches/{branch...}":       getBranch,
		"GET " + repo + "/rules/branches/{branch...}": listRules,
		"GET " + repo + "/commits":                    listCommits,
		"GET " + repo + "/commits/{ref...}":           atCommit,
		"GET " + repo + "/compare/{basehead...}":      compare,

		"GET " + repo + "/pulls":                        listPulls,
		"POST " + repo + "/pulls":                       createPull,
		"GET " + pull:                                   getPull,
		"PATCH " + pull:                                 patchPull,
		"GET " + pull + "/commits":                      listPullCommits,
		"GET " + pull + "/files":                        listPullFiles,
		"GET " + pull + "/requested_reviewers":          listReviewers,
		"POST " + pull + "/requested_reviewers":         changeReviewers((*forge.Forge).RequestReviewers, http.StatusCreated),
		"DELETE " + pull + "/requested_reviewers":       changeReviewers((*forge.Forge).RemoveReviewers, http.StatusOK),
		"GET " + pull + "/reviews":                      listReviews,
		"POST " + pull + "/reviews":                     createReview,
		"GET " + pull + "/reviews/{review}":             getReview,
		"PUT " + pull + "/reviews/{review}/dismissals":  dismissReview,
		"PUT " + pull + "/merge":                        mergePull,
		"GET " + pull + "/merge":                        isMerged,
		"POST " + repo + "/check-runs":                  createCheckRun,
		"GET " + repo + "/check-runs/{run}":             getCheckRun,
		"PATCH " + repo + "/check-runs/{run}":           patchCheckRun,
		"GET " + repo + "/check-runs/{run}/annotations": listAnnotations,
		"POST " + repo + "/statuses/{sha}":              createStatus,

		"GET /app":                                             getApp,
		"GET /apps/{slug}":                                     getAppNamed,
		"GET /app/installations":                               listInstallations,
		"GET /app/installations/{installation}":                getInstallation,
		"PUT /app/installations/{installation}/suspended":      suspend(true),
		"DELETE /app/installations/{installation}/suspended":   suspend(false),
		"POST /app/installations/{installation}/access_tokens": createToken,
		"GET " + repo + "/installation":                        getInstallation,
		"GET /orgs/{org}/installation":                         getInstallation,
		"GET /users/{login}/installation":                      getInstallation,
		"GET /installation/repositories":                       listInstallationRepos,
		"DELETE /installation/token":                           revokeToken,
		"POST /app-manifests/{code}/conversions":               convertManifest,
		"GET /app/hook/config":                                 getHookConfig,
		"GET /app/hook/deliveries":                             listDeliveries,
		"GET /app/hook/deliveries/{delivery}":                  getDelivery,
		"POST /app/hook/deliveries/{delivery}/attempts":        redeliver,
		"GET /rate_limit":                                      getRateLimit,
		"GET /meta":                                            getMeta,
		"GET /versions":                                        getVersions,
		"POST /markdown":                                       renderText,
	}
}

// commitParts are what there is of a commit. They are told apart by hand, since a branch in the path may have slashes, which a
// pattern takes only at its end.
var commitParts = map[string]endpoint{"/check-runs": listCheckRuns, "/check-suites": listCheckSuites, "/status": combinedStatus,
	"/statuses": listStatuses}

// atCommit serves a commit and its parts.
func atCommit(q *request) (int, any, error) {
	for suffix, part := range commitParts {
		if ref, ok := strings.CutSuffix(q.value("ref"), suffix); ok {
			q.values["ref"] = ref
			return part(q)
		}
	}
	return getCommit(q)
}

// Operations lists the operations by method and pattern, sorted, and the parts of a commit.
func Operations() []string {
	var names []string
	for pattern := range operations() {
		path, _ := cutWildcard(pattern)
		names = append(names, path)
	}
	for part := range commitParts {
		names = append(names, "GET /repos/{owner}/{repo}/commits/*"+part)
	}
	slices.Sort(names)
	return names
}

// OperationOf returns the one of operationNames that answers a call of a path, empty if none does.
func OperationOf(method, path string) string {
	path, _, _ = strings.Cut(path, "?")
	pattern := newRouter().Find(chi.NewRouteContext(), method, path)
	if pattern == "/repos/{owner}/{repo}/commits/*" {
		for part := range commitParts {
			if strings.HasSuffix(path, part) {
				pattern += part
			}
		}
	}
	return method + " " + pattern
}
