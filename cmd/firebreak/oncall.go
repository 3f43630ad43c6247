package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/calendar"
	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/oncall"
)

// onCallOptions are what `firebreak oncall` was asked.
type onCallOptions struct {
	file, at, ics, calendars string
	asJSON                   bool
}

func onCallCommand() *cobra.Command {
	var o onCallOptions
	c := &cobra.Command{
		Use:   "oncall [OWNER/REPO] [ROTATION or @USER]",
		Short: "Shows who is on call now and next, and until when",
		Long: `Shows who is on call by .github/oncall.yml of a repository, read as the App with the environment that serve
uses, or by a file. A time in the past is answered by the file as it was then.`,
		Example: `  firebreak oncall acme/incidents
  firebreak oncall acme/incidents primary --at 2026-11-02T03:00Z
  firebreak oncall --file .github/oncall.yml primary --ics primary.ics
  firebreak oncall acme/incidents --calendars https://firebreak.acme.example`,
		Args: cobra.MaximumNArgs(2), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error { return o.run(c, args) },
	}
	c.Flags().StringVar(&o.file, "file", "", "read this file, and not a repository")
	c.Flags().StringVar(&o.at, "at", "", "who is on call then, such as 2026-11-02T03:00Z")
	c.Flags().BoolVar(&o.asJSON, "json", false, "as JSON, with keys that stay")
	c.Flags().StringVar(&o.ics, "ics", "",
		"write the calendar of the rotation or person to this file; - is standard output")
	c.Flags().StringVar(&o.calendars, "calendars", "",
		"print the addresses of the calendars at this server; whoever has one can read it")
	return c
}

func (o onCallOptions) run(c *cobra.Command, args []string) error {
	repo, name := "", ""
	if o.file == "" {
		if len(args) == 0 {
			return misuse("which repository? Write OWNER/REPO, or --file FILE")
		}
		repo, args = args[0], args[1:]
		if _, _, err := repositoryOf(repo); err != nil {
			return err
		}
	}
	if len(args) > 1 {
		return misuse("with --file, name a rotation or a person and nothing else")
	}
	if len(args) == 1 {
		name = args[0]
	}
	var reader *assembly.Reader
	now := time.Now()
	if o.file == "" {
		var err error
		if reader, err = newReader(c); err != nil {
			return err
		}
		now = reader.Now()
	}
	at := now
	if o.at != "" {
		var ok bool
		if whole, err := time.Parse(time.RFC3339, o.at); err == nil { // as a log has it, with seconds
			at = whole.UTC()
		} else if at, ok = config.ParseMoment(o.at, time.UTC); !ok {
			return misuse("--at %q: write a time such as 2026-11-02T03:00Z", o.at)
		}
	}
	schedule, err := o.read(c, reader, repo, at, now)
	if err != nil {
		return err
	}
	switch out := c.OutOrStdout(); {
	case o.ics != "":
		return o.writeCalendar(out, schedule, name, at)
	case o.calendars != "":
		return o.printAddresses(out, schedule, reader, repo)
	default:
		return o.print(out, schedule, name, at)
	}
}

// read reads the rotations: as they were, if the time that is asked for is over.
func (o onCallOptions) read(c *cobra.Command, reader *assembly.Reader, repo string, at, now time.Time) (oncall.Schedule,
	error) {
	if o.file != "" {
		content, err := os.ReadFile(o.file)
		if err != nil {
			return oncall.Schedule{}, fmt.Errorf("read the rotations: %w", err)
		}
		return parseOnCall(o.file, content)
	}
	owner, name, err := repositoryOf(repo)
	if err != nil {
		return oncall.Schedule{}, err
	}
	for _, where := range []incident.Ref{{Owner: owner, Repo: name}, {Owner: owner, Repo: ".github"}} {
		var content []byte
		var ok bool
		if at.Before(now) {
			content, ok, err = reader.App.ReadFileAsOf(c.Context(), where, oncall.Path, at)
		} else {
			content, ok, err = reader.App.ReadFile(c.Context(), where, oncall.Path)
		}
		if err != nil && where.Repo == name {
			return oncall.Schedule{}, err
		}
		if ok {
			return parseOnCall(oncall.Path+" of "+where.FullName(), content)
		}
	}
	return oncall.Schedule{}, fmt.Errorf("%s has no %s at that time: docs/oncall.md shows one", repo, oncall.Path)
}

func parseOnCall(where string, content []byte) (oncall.Schedule, error) {
	schedule, err := config.ParseOnCall(content)
	if err != nil {
		return schedule, fmt.Errorf("%s can't be used: %w", where, err)
	}
	return schedule, nil
}

func (o onCallOptions) print(out io.Writer, s oncall.Schedule, name string, at time.Time) error {
	names := s.Names()
	if name != "" {
		r, ok := s.Find(name)
		if !ok {
			return misuse("%s is not a rotation: choose of %s", name, strings.Join(names, ", "))
		}
		names = []string{r.Name}
	}
	var all []oncall.Now
	for _, n := range names {
		all = append(all, s.Now(n, at))
	}
	if o.asJSON {
		return printOnCallJSON(out, all)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ROTATION\tON CALL\tUNTIL\tTHEN\tUNTIL")
	for _, n := range all {
		r, _ := s.Find(n.Rotation)
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", n.Rotation, whoOf(n.Shift), timeIn(n.Shift.Until, r.Zone),
			whoOf(n.Next), timeIn(n.Next.Until, r.Zone))
	}
	return w.Flush()
}

func timeIn(at time.Time, zone *time.Location) string {
	return at.In(zone).Format("Mon 2 Jan 15:04 MST")
}

func whoOf(s oncall.Shift) string {
	if len(s.Who) == 0 {
		return "nobody"
	}
	return strings.ReplaceAll(strings.Join(s.Who, ", "), "@", "")
}

func printOnCallJSON(out io.Writer, all []oncall.Now) error {
	type shift struct {
		OnCall []string  `json:"onCall"`
		From   time.Time `json:"from"`
		Until  time.Time `json:"until"`
	}
	type row struct {
		Rotation string `json:"rotation"`
		Now      shift  `json:"now"`
		Next     shift  `json:"next"`
	}
	of := func(s oncall.Shift) shift { return shift{append([]string{}, s.Who...), s.From.UTC(), s.Until.UTC()} }
	rows := []row{}
	for _, n := range all {
		rows = append(rows, row{n.Rotation, of(n.Shift), of(n.Next)})
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(rows)
}

func (o onCallOptions) writeCalendar(out io.Writer, s oncall.Schedule, name string, at time.Time) error {
	if name == "" {
		return misuse("--ics: name a rotation, or a person as @login")
	}
	content, ok := calendar.Write(s, name, at)
	if !ok {
		return fmt.Errorf("%s is neither a rotation nor on call in one", name)
	}
	if o.ics == "-" {
		_, err := out.Write(content)
		return err
	}
	if err := os.WriteFile(o.ics, content, 0o644); err != nil {
		return fmt.Errorf("write the calendar: %w", err)
	}
	return nil
}

func (o onCallOptions) printAddresses(out io.Writer, s oncall.Schedule, reader *assembly.Reader, repo string) error {
	if reader == nil || len(reader.Secrets) == 0 {
		return errors.New("--calendars needs a repository and the App's environment: the secret follows from the webhook's")
	}
	names := s.Names()
	for _, r := range s.Rotations {
		for _, who := range r.Members() {
			if oncall.IsPerson(who) && !slices.Contains(names, who) {
				names = append(names, who)
			}
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, n := range names {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", n, strings.TrimSuffix(o.calendars, "/")+calendar.Path(reader.Secrets[0], repo, n))
	}
	return w.Flush()
}
