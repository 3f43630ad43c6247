package github

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/similar"
)

// listQuery lists a folder of the default branch: REST would take one call for the list and one for
// each file (L1).
const listQuery = `query($owner: String!, $name: String!, $at: String!) {
  repository(owner: $owner, name: $name) {
    object(expression: $at) { ... on Tree { entries { name type oid object { ... on Blob { byteSize } } } } }
  }
}`

// ListFolder returns the files in a folder of the default branch; none if there is no such folder. It
// takes one call.
func (a *App) ListFolder(ctx context.Context, ref incident.Ref, folder string) ([]similar.File, error) {
	var answer struct {
		Repository *struct {
			Object *struct {
				Entries []struct {
					Name, Type, OID string
					Object          *struct{ ByteSize int }
				}
			}
		}
	}
	err := a.queryFiles(ctx, ref, listQuery, map[string]any{"at": "HEAD:" + folder}, &answer)
	if err == nil && answer.Repository == nil {
		err = errors.New("GraphQL: the repository is not shown")
	}
	if err != nil {
		return nil, describeError("list "+folder, ref.FullName(), err)
	}
	if answer.Repository.Object == nil {
		return nil, nil
	}
	var files []similar.File
	for _, e := range answer.Repository.Object.Entries {
		if e.Type == "blob" && e.Object != nil {
			files = append(files, similar.File{Name: e.Name, OID: e.OID, Size: e.Object.ByteSize})
		}
	}
	return files, nil
}

// objectName is the name of one of git's objects.
var objectName = lazily.Compile(`^[0-9a-f]{40,64}$`)

// ReadContents returns the contents of files by their object names; "" for one that isn't text. It
// takes one call.
func (a *App) ReadContents(ctx context.Context, ref incident.Ref, oids []string) (map[string]string, error) {
	var text strings.Builder
	text.WriteString("query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) {")
	for i, oid := range oids {
		if !objectName.MatchString(oid) {
			return nil, fmt.Errorf("%q is not the name of an object", oid)
		}
		fmt.Fprintf(&text, "\n  f%d: object(oid: %q) { ... on Blob { oid text isTruncated } }", i, oid)
	}
	text.WriteString("\n} }")
	var answer struct {
		Repository map[string]*struct {
			OID         string
			Text        string // null is ""
			IsTruncated bool
		}
	}
	if err := a.queryFiles(ctx, ref, text.String(), map[string]any{}, &answer); err != nil {
		return nil, describeError("read files", ref.FullName(), err)
	}
	contents := map[string]string{}
	for _, f := range answer.Repository {
		if f != nil && f.IsTruncated {
			f.Text = ""
		}
		if f != nil {
			contents[f.OID] = f.Text
		}
	}
	return contents, nil
}

// queryFiles asks GraphQL for files of a repository.
func (a *App) queryFiles(ctx context.Context, ref incident.Ref, text string, variables map[string]any, v any) error {
	c, err := a.clientOf(ctx, files, ref)
	if err != nil {
		return err
	}
	variables["owner"], variables["name"] = ref.Owner, ref.Repo
	partial, err := query(ctx, c, text, variables, v)
	if err == nil && len(partial) > 0 && len(partial[0].Path) == 1 { // the repository itself
		err = fmt.Errorf("GraphQL: %s", partial[0].Message)
	}
	return err
}
