package setup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// listVariable names the repositories for incidents. In all others that the App can reach it does
// nothing.
const listVariable = "FIREBREAK_REPOSITORIES"

// ParseRepositories checks the names of repositories for incidents. owner/.github leaves the list
// to that repository.
func ParseRepositories(names []string) error {
	for _, name := range names {
		if !naming.IsRepository(name) {
			return fmt.Errorf("--repository %q: give it as owner/repo", name)
		}
	}
	return nil
}

// listLine is the line for a file of variables; empty if nothing is listed.
func listLine(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return listVariable + "=" + strings.Join(names, ",") + "\n"
}

// List adds a repository to the list in a file of variables, and reports whether it was missing. It
// returns an error that is os.ErrNotExist where there isn't such a file.
func List(file, repository string) (added bool, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return false, fmt.Errorf("list %s: %w", repository, err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return false, fmt.Errorf("list %s: %w", repository, err)
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	listed := false
	for i, line := range lines {
		list, ok := strings.CutPrefix(line, listVariable+"=")
		if !ok {
			continue
		}
		names := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
		if naming.Contains(names, repository) {
			return false, nil
		}
		lines[i], listed = strings.TrimSuffix(listLine(append(names, repository)), "\n"), true
		break
	}
	if !listed {
		lines = append(lines, strings.TrimSuffix(listLine([]string{repository}), "\n"))
	}
	return true, replace(file, strings.Join(lines, "\n")+"\n", info.Mode().Perm())
}

// replace writes a file again, all of it or nothing.
func replace(file, text string, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".firebreak-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
