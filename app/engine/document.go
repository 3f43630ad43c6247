package engine

import (
	"fmt"
	"strings"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/postmortem"
)

// publish opens the postmortem's pull request (C2).
func (p *pass) publish() error {
	return each(p, func(incident.OpenDocument) error {
		if p.state.Phase != incident.Closing || p.state.Document.Number != 0 && !p.state.Document.Shut {
			return nil
		}
		facts, err := p.told()
		if err != nil {
			return err
		}
		files, err := documents(facts)
		if err != nil {
			return err
		}
		title, body, err := postmortem.Pull(facts)
		if err != nil {
			return fmt.Errorf("write the pull request: %w", err)
		}
		pub := Publication{Branch: postmortem.Branch(p.m.Ref), Files: files, Message: title, Title: title, Body: body + "\n\n" + incident.PullMark(p.m.Ref)}
		for _, r := range append(p.reviewers(), p.policy.Reviewers...) {
			if _, team, ok := strings.Cut(r, "/"); ok {
				pub.Teams = append(pub.Teams, team)
			} else if !incident.Has(pub.Reviewers, r) {
				pub.Reviewers = append(pub.Reviewers, strings.TrimPrefix(r, "@"))
			}
		}
		number, err := p.GitHub.Publish(p.ctx, p.m.Ref, pub)
		if err != nil {
			return fmt.Errorf("open the postmortem's pull request: %w", err)
		}
		p.result(incident.DocumentOpened{Number: number, Path: postmortem.Path(facts)})
		return nil
	})
}

// recallDocument brings back what stands in the postmortem's pull request and not in the issue: that it is there, what
// became of it, and the commands in its comments.
func (p *pass) recallDocument() error {
	if p.state.Phase != incident.Closing {
		return nil
	}
	number, err := p.GitHub.FindPull(p.ctx, p.m.Ref, postmortem.Branch(p.m.Ref))
	if err != nil || number == 0 {
		return err
	}
	p.result(incident.DocumentOpened{Number: number})
	ref := p.m.Ref
	ref.Number = number
	items, err := p.GitHub.Timeline(p.ctx, ref)
	if err != nil {
		return fmt.Errorf("read the pull request's comments: %w", err)
	}
	var said []incident.Fact
	for i, it := range items {
		if it.Event == "commented" && !it.Own && !it.Bot && !it.Edited {
			said = append(said, p.commands(command.Parse(it.Body), i, incident.Fact{ID: it.ID + "@pull", At: it.At, By: incident.Person{Login: it.By}})...)
		}
	}
	said, err = p.people(said)
	if err != nil {
		return err
	}
	became, err := p.document(number)
	if err != nil {
		return err
	}
	for _, f := range append(said, became...) {
		p.fact(f)
	}
	return nil
}

// documents are the files of a postmortem: for people, and the same facts for other tools.
func documents(facts postmortem.Facts) (map[string]string, error) {
	document, err := postmortem.Document(facts)
	if err != nil {
		return nil, fmt.Errorf("write the postmortem: %w", err)
	}
	return map[string]string{postmortem.Path(facts): document}, nil
}

// reviewers are the IC and the OEs.
func (p *pass) reviewers() []string {
	var out []string
	if ic, _ := p.state.Coordinator(); ic != "" {
		out = append(out, ic)
	}
	return append(out, p.state.OEs...)
}
