package contract

import (
	"fmt"
	"slices"
	"strconv"
)

// Refusals returns the operation of GitHub's description that a request is, such as
// "POST /repos/{owner}/{repo}/issues/{issue_number}/labels", and the 4xx statuses with which GitHub
// may answer it: those that
// the description lists, and 403, which any operation answers to an App without the permission. 401
// and rate limits are none.
func Refusals(method, path string) (operation string, statuses []int, err error) {
	d, err := load()
	if err != nil {
		return "", nil, err
	}
	if api, ok := d.apiPath(path); ok {
		path = api
	}
	route, _, ok := d.find(method, path)
	if !ok {
		return "", nil, fmt.Errorf("%s %s isn't an operation of GitHub's description", method, path)
	}
	statuses = []int{403}
	for name := range route.Operation.Responses.Map() {
		status, err := strconv.Atoi(name)
		if err != nil || status < 400 || status >= 500 || status == 401 || status == 429 ||
			slices.Contains(statuses, status) {
			continue
		}
		statuses = append(statuses, status)
	}
	slices.Sort(statuses)
	return method + " " + route.Path, statuses, nil
}
