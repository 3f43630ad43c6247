package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// RepositoriesPath is where an owner's .github repository lists the repositories for incidents.
const RepositoriesPath = ".github/firebreak-repositories.yml"

// maxRepositories is how many repositories a list may name.
const maxRepositories = 100

// ParseRepositories reads such a list, and returns the repositories as owner/repo. The list may
// name those of its owner only.
func ParseRepositories(content []byte, owner string) ([]string, error) {
	root, err := document(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", RepositoriesPath, err)
	}
	var list struct {
		Repositories []string `yaml:"repositories"`
	}
	if root != nil {
		err = yaml.NodeToValue(root, &list, yaml.Strict())
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not a list as `repositories: [incidents]`", RepositoriesPath)
	}
	if len(list.Repositories) > maxRepositories {
		return nil, fmt.Errorf("%s names more than %d repositories", RepositoriesPath, maxRepositories)
	}
	var names []string
	for n, entry := range list.Repositories {
		name := entry
		if !strings.Contains(name, "/") {
			name = owner + "/" + name
		}
		of, _, ok := naming.SplitRepository(name)
		if !ok || !naming.Equal(of, owner) {
			return nil, fmt.Errorf("%s: entry %d is not a repository of %s", RepositoriesPath, n+1, owner)
		}
		names = append(names, name)
	}
	return names, nil
}
