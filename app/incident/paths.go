package incident

import "github.com/firebreak-dev/firebreak/app/oncall"

import (
	"strconv"
	"strings"
)

// Files of an incident repository.
const (
	// ConfigPath is the configuration.
	ConfigPath = ".github/firebreak.yml"
	// OnCallPath says who is on call (O1).
	OnCallPath = oncall.Path

	// PostmortemTemplatePath is the repository's own template of postmortems, if it has one.
	PostmortemTemplatePath = ".github/firebreak/postmortem.md"
)

const postmortemBranches = "postmortem/"

// PostmortemBranch returns the branch of an incident's postmortem.
func PostmortemBranch(ref Ref) string { return postmortemBranches + strconv.Itoa(ref.Number) }

// ParsePostmortemBranch returns the number of the incident whose postmortem a branch holds.
func ParsePostmortemBranch(branch string) (number int, ok bool) {
	digits, ok := strings.CutPrefix(branch, postmortemBranches)
	number, err := strconv.Atoi(digits)
	return number, ok && err == nil && number > 0 && strconv.Itoa(number) == digits
}

// PostmortemCheck is the name of the check on a postmortem's pull request (C3).
const PostmortemCheck = "postmortem"
