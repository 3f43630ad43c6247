package rest

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// Patterns of what most operations are about.
const (
	repoPath    = "/repos/{owner}/{repo}"
	issuePath   = repoPath + "/issues/{number}"
	commentPath = repoPath + "/issues/comments/{comment}"
	pullPath    = repoPath + "/pulls/{number}"
)

// operations lists every operation that there is, by method and pattern.
func operations() map[string]endpoint {
	all := map[string]endpoint{}
	for _, some := range []map[string]endpoint{
		peopleOperations(), repositoryOperations(), issueOperations(), contentOperations(),
		pullOperations(), appOperations(), changeOperations(), rulesetOperations(), gateOperations(),
	} {
		maps.Copy(all, some)
	}
	return all
}

// peopleOperations are those of who there is.
func peopleOperations() map[string]endpoint {
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
	}
}

// repositoryOperations are those of who may do what in a repository.
func repositoryOperations() map[string]endpoint {
	return map[string]endpoint{
		"GET " + repoPath:                                       getRepo,
		"GET " + repoPath + "/collaborators":                    listCollaborators,
		"GET " + repoPath + "/collaborators/{login}":            isCollaborator,
		"GET " + repoPath + "/collaborators/{login}/permission": getPermission,
	}
}

// issueOperations are those of issues, comments and labels.
func issueOperations() map[string]endpoint {
	return map[string]endpoint{
		"GET " + repoPath + "/issues":                     listIssues,
		"POST " + repoPath + "/issues":                    createIssue,
		"GET " + issuePath:                                getIssue,
		"PATCH " + issuePath:                              patchIssue,
		"PUT " + issuePath + "/lock":                      lockIssue(true),
		"DELETE " + issuePath + "/lock":                   lockIssue(false),
		"GET " + issuePath + "/comments":                  listComments,
		"POST " + issuePath + "/comments":                 createComment,
		"GET " + repoPath + "/issues/comments":            listRepoComments,
		"GET " + commentPath:                              getComment,
		"PATCH " + commentPath:                            patchComment,
		"DELETE " + commentPath:                           deleteComment,
		"PUT " + commentPath + "/pin":                     pinComment,
		"DELETE " + commentPath + "/pin":                  unpinComment,
		"GET " + commentPath + "/reactions":               listReactions,
		"POST " + commentPath + "/reactions":              createReaction,
		"DELETE " + commentPath + "/reactions/{reaction}": deleteReaction,
		"GET " + issuePath + "/reactions":                 listReactions,
		"POST " + issuePath + "/reactions":                createReaction,
		"DELETE " + issuePath + "/reactions/{reaction}":   deleteReaction,
		"GET " + repoPath + "/labels":                     listRepoLabels,
		"POST " + repoPath + "/labels":                    createLabel,
		"GET " + repoPath + "/labels/{name}":              getLabel,
		"PATCH " + repoPath + "/labels/{name}":            patchLabel,
		"DELETE " + repoPath + "/labels/{name}":           deleteLabel,
		"GET " + issuePath + "/labels":                    listIssueLabels,
		"POST " + issuePath + "/labels":                   changeLabels((*forge.Forge).AddLabels),
		"PUT " + issuePath + "/labels":                    changeLabels((*forge.Forge).SetLabels),
		"DELETE " + issuePath + "/labels/{name}":          removeLabel,
		"DELETE " + issuePath + "/labels":                 removeLabels,
		"GET " + repoPath + "/assignees":                  listAssignable,
		"GET " + repoPath + "/assignees/{login}":          checkAssignable,
		"GET " + issuePath + "/assignees/{login}":         checkAssignable,
		"POST " + issuePath + "/assignees": changeAssignees((*forge.Forge).Assign,
			http.StatusCreated),
		"DELETE " + issuePath + "/assignees": changeAssignees((*forge.Forge).Unassign,
			http.StatusOK),
		"GET " + issuePath + "/timeline":     listTimeline,
		"GET " + issuePath + "/events":       listEvents,
		"GET " + issuePath + "/sub_issues":   listSubIssues,
		"POST " + issuePath + "/sub_issues":  addSubIssue,
		"DELETE " + issuePath + "/sub_issue": removeSubIssue,
		"GET " + issuePath + "/parent":       getParent,
		"GET /search/issues":                 searchIssues,
	}
}

// contentOperations are those of files, git objects and commits.
func contentOperations() map[string]endpoint {
	return map[string]endpoint{
		"GET " + repoPath + "/milestones":                 listMilestones,
		"POST " + repoPath + "/dispatches":                dispatch,
		"GET " + repoPath + "/readme":                     getReadme,
		"GET " + repoPath + "/contents":                   getContents,
		"GET " + repoPath + "/contents/{path...}":         getContents,
		"PUT " + repoPath + "/contents/{path...}":         changeContents(false),
		"DELETE " + repoPath + "/contents/{path...}":      changeContents(true),
		"GET " + repoPath + "/git/ref/{ref...}":           getRef,
		"GET " + repoPath + "/git/matching-refs/{ref...}": listMatchingRefs,
		"POST " + repoPath + "/git/refs":                  createRef,
		"PATCH " + repoPath + "/git/refs/{ref...}":        updateRef,
		"DELETE " + repoPath + "/git/refs/{ref...}":       deleteRef,
		"GET " + repoPath + "/git/commits/{sha}":          getGitCommit,
		"POST " + repoPath + "/git/commits":               createGitCommit,
		"GET " + repoPath + "/git/trees/{sha}":            getTree,
		"POST " + repoPath + "/git/trees":                 createTree,
		"GET " + repoPath + "/git/blobs/{sha}":            getBlob,
		"POST " + repoPath + "/git/blobs":                 createBlob,
		"GET " + repoPath + "/branches":                   listBranches,
		"GET " + repoPath + "/branches/{branch...}":       getBranch,
		"GET " + repoPath + "/rules/branches/{branch...}": listRules,
		"GET " + repoPath + "/commits":                    listCommits,
		"GET " + repoPath + "/commits/{ref...}":           atCommit,
		"GET " + repoPath + "/compare/{basehead...}":      compare,
	}
}

// pullOperations are those of pull requests, checks and statuses.
func pullOperations() map[string]endpoint {
	return map[string]endpoint{
		"GET " + repoPath + "/pulls":               listPulls,
		"POST " + repoPath + "/pulls":              createPull,
		"GET " + pullPath:                          getPull,
		"PATCH " + pullPath:                        patchPull,
		"GET " + pullPath + "/commits":             listPullCommits,
		"GET " + pullPath + "/files":               listPullFiles,
		"GET " + pullPath + "/requested_reviewers": listReviewers,
		"POST " + pullPath + "/requested_reviewers": changeReviewers(
			(*forge.Forge).RequestReviewers, http.StatusCreated),
		"DELETE " + pullPath + "/requested_reviewers":       changeReviewers((*forge.Forge).RemoveReviewers, http.StatusOK),
		"GET " + pullPath + "/reviews":                      listReviews,
		"POST " + pullPath + "/reviews":                     createReview,
		"GET " + pullPath + "/reviews/{review}":             getReview,
		"PUT " + pullPath + "/reviews/{review}/dismissals":  dismissReview,
		"PUT " + pullPath + "/merge":                        mergePull,
		"GET " + pullPath + "/merge":                        isMerged,
		"POST " + repoPath + "/check-runs":                  createCheckRun,
		"GET " + repoPath + "/check-runs/{run}":             getCheckRun,
		"PATCH " + repoPath + "/check-runs/{run}":           patchCheckRun,
		"GET " + repoPath + "/check-runs/{run}/annotations": listAnnotations,
		"POST " + repoPath + "/statuses/{sha}":              createStatus,
	}
}

// appOperations are those of the App, its installation and its webhooks.
func appOperations() map[string]endpoint {
	return map[string]endpoint{
		"GET /app":                                             getApp,
		"GET /apps/{slug}":                                     getAppNamed,
		"GET /app/installations":                               listInstallations,
		"GET /app/installations/{installation}":                getInstallation,
		"PUT /app/installations/{installation}/suspended":      suspend(true),
		"DELETE /app/installations/{installation}/suspended":   suspend(false),
		"POST /app/installations/{installation}/access_tokens": createToken,
		"GET " + repoPath + "/installation":                    getInstallation,
		"GET /orgs/{org}/installation":                         getInstallation,
		"GET /users/{login}/installation":                      getInstallation,
		"GET /installation/repositories":                       listInstallationRepos,
		"DELETE /installation/token":                           revokeToken,
		"POST /app-manifests/{code}/conversions":               convertManifest,
		"GET /app/hook/config":                                 getHookConfig,
		"PATCH /app/hook/config":                               patchHookConfig,
		"GET /app/hook/deliveries":                             listDeliveries,
		"GET /app/hook/deliveries/{delivery}":                  getDelivery,
		"POST /app/hook/deliveries/{delivery}/attempts":        redeliver,
		"GET /rate_limit":                                      getRateLimit,
		"GET /meta":                                            getMeta,
		"GET /versions":                                        getVersions,
		"POST /markdown":                                       renderText,
	}
}

// commitParts are what there is of a commit. They are told apart by hand, since a branch in the
// path may have slashes, which a pattern takes only at its end.
var commitParts = map[string]endpoint{"/check-runs": listCheckRuns, "/check-suites": listCheckSuites,
	"/pulls":    listCommitPulls,
	"/status":   combinedStatus,
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
