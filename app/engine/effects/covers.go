package effects

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/templates"
)

// CoversAPI is what Covers needs of GitHub.
type CoversAPI interface {
	// ChangeFile changes a file of the default branch by a commit, and returns it; "" if change leaves
	// the content as it is. Where somebody else changes the file in between, change is asked again.
	// ports.ErrRuled says that the branch takes pull requests alone.
	ChangeFile(ctx context.Context, ref incident.Ref, path, message string,
		change func([]byte) ([]byte, error)) (commit string, err error)
	ReadFile(ctx context.Context, ref incident.Ref, path string) (content []byte, ok bool, err error)
	OpenPullRequest(ctx context.Context, ref incident.Ref, p ports.Publication) (ports.OpenedPull, error)
}

// Covers writes covers to the file that says who is on call (O2).
type Covers struct {
	*look.Look
	GitHub CoversAPI
	// Where is the repository that has the file.
	Where func() incident.Ref
	// Expire has the file read again.
	Expire func()
}

// Apply writes what is owed. What can't be written is told to who asked for it.
func (e Covers) Apply() error {
	return look.ForEach(e.Look, func(o incident.ChangeCovers) error {
		for _, c := range e.State.CoverChanges {
			switch {
			case c.ID != o.Change.ID:
			case e.IsRebuilt && e.IsPosted("reply/"+c.ID): // it was written before the card was lost, and maybe taken back
				e.Report(incident.CoversChanged{ID: c.ID})
				return nil
			default:
				return e.write(c)
			}
		}
		return nil
	})
}

func (e Covers) write(c incident.CoverChange) error {
	text := templates.CoverCommit(c, e.DeclaredRef())
	title, _, _ := strings.Cut(text, "\n")
	var wrong error
	change := func(content []byte) (changed []byte, err error) {
		if len(c.Remove) > 0 {
			changed, err = config.RemoveCovers(content, c.Remove)
		} else {
			changed, err = config.AddCovers(content, c.Add)
		}
		wrong = err
		return changed, err
	}
	where, pull := e.Where(), ""
	_, err := e.GitHub.ChangeFile(e.Ctx, where, oncall.Path, text, change)
	if errors.Is(err, ports.ErrRuled) {
		pull, err = e.propose(c, where, title, text, change)
	}
	var refusal *ports.Refusal
	switch {
	case wrong != nil:
		e.Logger.Warn("cover not written", "incident", e.Ref.String(), "file", oncall.Path, "err", wrong)
		e.Report(incident.CoversRefused{ID: c.ID, Why: wrong.Error()})
		return nil
	case errors.As(err, &refusal):
		e.Logger.Warn("cover refused by GitHub", "incident", e.Ref.String(), "file", oncall.Path, "err", ports.Redact(err))
		e.Report(incident.CoversRefused{ID: c.ID, Why: ports.Reason(err)})
		return nil
	case err != nil:
		return fmt.Errorf("write a cover to %s of %s: %w", oncall.Path, where.FullName(), err)
	}
	e.Expire()
	e.Report(incident.CoversChanged{ID: c.ID, Pull: pull})
	return nil
}

// propose opens a pull request with the change, once, and returns its name.
func (e Covers) propose(c incident.CoverChange, where incident.Ref, title, text string,
	change func([]byte) ([]byte, error)) (string, error) {
	content, ok, err := e.GitHub.ReadFile(e.Ctx, where, oncall.Path)
	if err != nil || !ok {
		return "", err
	}
	changed, err := change(content)
	if err != nil {
		return "", err
	}
	opened, err := e.GitHub.OpenPullRequest(e.Ctx, where, ports.Publication{
		Branch: fmt.Sprintf("firebreak/cover-%d-%s", e.Ref.Number, strings.NewReplacer("/", "-", ":", "-").Replace(c.ID)),
		Files:  map[string]string{oncall.Path: string(changed)}, Message: text, Title: title, Body: text})
	if err != nil {
		return "", err
	}
	where.Number = opened.Number
	return where.String(), nil
}
