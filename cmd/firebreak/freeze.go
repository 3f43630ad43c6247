package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// maintenance begins the holder of a freeze of the command line.
const maintenance = "maintenance/"

func freezeCommand() *cobra.Command {
	var length time.Duration
	var because string
	var isEnd bool
	var let int
	c := &cobra.Command{
		Use:   "freeze OWNER/REPO",
		Short: "Holds the merges into a repository without an incident, as before a maintenance",
		Long: `Has GitHub refuse merges and pushes to the default branch of a repository, for a time. It makes a
ruleset, whose name says until when, and how to lift it by hand. The running product deletes it in time;
--end deletes it now, and lets go on what waited in a merge queue. --let lets one pull request through, as it is now.

What an incident has frozen, /ic thaw there ends. It takes the permissions of firebreak setup --with freeze,
and acts as the App, with the environment that serve uses.`,
		Example: `  env $(cat firebreak.env) firebreak freeze acme/payments --for 2h --because "new database"
  env $(cat firebreak.env) firebreak freeze acme/payments --let 41 --because "the migration itself"
  env $(cat firebreak.env) firebreak freeze acme/payments --end`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			owner, name, err := repositoryOf(args[0])
			switch {
			case err != nil:
				return err
			case length < time.Minute || length > incident.FreezeMost:
				return misuse("--for %s: give a time from 1m to %s", length, incident.FreezeMost)
			case let != 0 && because == "":
				return misuse("--let %d: say why by --because", let)
			case let != 0 && isEnd:
				return misuse("--let and --end: give one of them")
			}
			reader, err := newReader(c)
			if err != nil {
				return err
			}
			f := frost{c, reader.App, incident.Ref{Owner: owner, Repo: name}, reader.Now().UTC()}
			switch {
			case isEnd:
				return f.end()
			case let != 0:
				return f.let(let, because)
			}
			return f.begin(length, because)
		},
	}
	c.Flags().DurationVar(&length, "for", incident.FreezeStandard, "how long")
	c.Flags().StringVar(&because, "because", "", "why")
	c.Flags().BoolVar(&isEnd, "end", false, "end what this command froze there")
	c.Flags().IntVar(&let, "let", 0, "number of a pull request that is let through")
	return c
}

// frost freezes one repository from the command line.
type frost struct {
	*cobra.Command
	app  *github.App
	repo incident.Ref
	now  time.Time
}

// own returns what this command has frozen there, whenever that was.
func (f frost) own() (own []ports.Freeze, err error) {
	all, err := f.app.FindFreezes(f.Context(), f.repo)
	for _, one := range all {
		if strings.HasPrefix(one.Holder, maintenance) {
			own = append(own, one)
		}
	}
	return own, err
}

// begin freezes the repository, or sets another end for its freeze.
func (f frost) begin(length time.Duration, because string) error {
	own, err := f.own()
	if err != nil {
		return err
	}
	want := ports.Freeze{Repo: f.repo, Holder: maintenance + f.now.Format("20060102T150405"),
		Until: f.now.Add(length).Truncate(time.Minute)}
	if len(own) > 0 {
		want.ID, want.Holder = own[0].ID, own[0].Holder
	}
	made, err := f.app.SaveFreeze(f.Context(), want)
	if err != nil {
		return err
	}
	if because != "" {
		because = " (" + because + ")"
	}
	_, err = fmt.Fprintf(f.OutOrStdout(), "%s is frozen until %s%s: %s\n", f.repo.FullName(),
		made.Until.Format("2 Jan 15:04 UTC"), because, made.URL)
	return err
}

// end deletes what this command has made there, and looks that nothing is left.
func (f frost) end() error {
	own, err := f.own()
	if err != nil {
		return err
	}
	for _, one := range own {
		if err := f.app.DeleteFreeze(f.Context(), f.repo, one.ID); err != nil {
			return err
		}
	}
	for _, one := range own {
		if err := effects.ReleaseQueue(f.Context(), f.app, one); err != nil && !ports.IsRefused(err) {
			return err
		}
	}
	left, err := f.app.FindFreezes(f.Context(), f.repo)
	if err != nil {
		return err
	}
	for _, one := range left {
		if _, err := fmt.Fprintf(f.OutOrStdout(), "%s is still frozen for %s until %s: %s\n", f.repo.FullName(), one.Holder,
			one.Until.Format("2 Jan 15:04 UTC"), one.URL); err != nil {
			return err
		}
	}
	if len(left) > 0 {
		return nil
	}
	if _, err = fmt.Fprintf(f.OutOrStdout(), "%s is open for merges\n", f.repo.FullName()); err != nil {
		return err
	}
	waiting, err := f.app.WaitingGates(f.Context(), f.repo, nil)
	if err != nil && !ports.IsRefused(err) { // who may not see them has none wait
		return err
	}
	if len(waiting) > 0 {
		_, err = fmt.Fprintf(f.OutOrStdout(), "%d deployments wait; the running product lets them go on in five minutes\n",
			len(waiting))
		return err
	}
	return nil
}

// let lets one pull request through what this command has frozen there.
func (f frost) let(number int, because string) error {
	own, err := f.own()
	if err != nil {
		return err
	}
	if len(own) == 0 {
		return fmt.Errorf("this command has not frozen %s", f.repo.FullName())
	}
	ref := f.repo
	ref.Number = number
	head, isOpen, err := f.app.ReadHead(f.Context(), ref)
	switch {
	case err != nil:
		return err
	case !isOpen:
		return fmt.Errorf("%s is not open", ref)
	}
	for _, one := range own {
		if err := f.app.SetStatus(f.Context(), f.repo, head, ports.CommitStatus{Context: one.Context(), State: "success",
			Description: "Let through: " + because, URL: one.URL}); err != nil {
			return err
		}
		if err := effects.SettleQueue(f.Context(), f.app, one); err != nil { // it may be in the merge queue
			return err
		}
	}
	_, err = fmt.Fprintf(f.OutOrStdout(), "%s may be merged as it is at %.7s\n", ref, head)
	return err
}
