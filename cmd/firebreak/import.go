package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/moving"
	"github.com/firebreak-dev/firebreak/app/moving/vendors"
)

// importOptions are what `firebreak import` was asked.
type importOptions struct {
	people, policy, out, region, from, keyFile string
	force                                      bool
}

// pager is a vendor whose schedules can be taken over.
type pager struct {
	title   string
	regions map[string]string
	parse   func([]moving.Document) (moving.Export, error)
	read    func(vendors.Reader, context.Context, time.Time) ([]moving.Document, error)
}

var pagers = map[string]pager{
	"opsgenie":  {"Opsgenie", vendors.Opsgenie, moving.ReadOpsgenie, vendors.Reader.ReadOpsgenie},
	"pagerduty": {"PagerDuty", vendors.PagerDuty, moving.ReadPagerDuty, vendors.Reader.ReadPagerDuty},
}

func importCommand() *cobra.Command {
	var o importOptions
	c := &cobra.Command{
		Use:   "import opsgenie|pagerduty [FILE or KEY]",
		Short: "Turns a pager's schedules and escalations into .github/oncall.yml and the escalation policy",
		Long: `Turns schedules, rotations, overrides, escalation policies and teams of Opsgenie or PagerDuty into
.github/oncall.yml and the escalation of .github/firebreak.yml. It says what has no counterpart, and
prints both calendars next to each other for four weeks, with every difference.

FILE is an export: the folder or zip of opsgenie-configuration-backup, or answers of the vendor's API
as JSON, one or a folder of them. KEY reads the same by the API, and changes nothing there; --key-file
keeps it out of the shell's history. docs/opsgenie.md shows the whole move.`,
		Example: `  firebreak import opsgenie OpsGenieBackups --people people.yml --policy P1
  firebreak import opsgenie --key-file opsgenie.key --region eu --people people.yml --out .github
  firebreak import pagerduty schedules.json --from 2026-12-07`,
		Args: cobra.RangeArgs(1, 2),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return []string{"opsgenie", "pagerduty"}, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(c *cobra.Command, args []string) error { return o.run(c, args) },
	}
	c.Flags().StringVar(&o.people, "people", "",
		"YAML file that says who is who on GitHub: `carol@acme.example: carol`, `Platform Team: platform`")
	c.Flags().StringVar(&o.policy, "policy", "", "name of the escalation that becomes the one of firebreak.yml")
	c.Flags().StringVar(&o.out, "out", "", "folder to write oncall.yml and firebreak.yml to (default: print them)")
	c.Flags().BoolVar(&o.force, "force", false, "overwrite oncall.yml in that folder")
	c.Flags().StringVar(&o.region, "region", "us", "where the account is: us or eu")
	c.Flags().StringVar(&o.from, "from", "",
		"the day from which calendars are compared, such as 2026-12-07 (default: now)")
	c.Flags().StringVar(&o.keyFile, "key-file", "", "read the API key from this file; - is standard input")
	return c
}

func (o importOptions) run(c *cobra.Command, args []string) error {
	vendor, ok := pagers[strings.ToLower(args[0])]
	if !ok {
		return misuse("%q is not a pager that can be imported: choose opsgenie or pagerduty", args[0])
	}
	from := time.Now().UTC().Truncate(time.Minute)
	if o.from != "" {
		day, err := time.Parse(time.DateOnly, o.from)
		if err != nil {
			return misuse("--from %q: write a date such as 2026-12-07", o.from)
		}
		from = day
	}
	base, ok := vendor.regions[o.region]
	if !ok {
		return misuse("--region %q: choose us or eu", o.region)
	}
	people, err := o.readPeople()
	if err != nil {
		return err
	}
	var left []moving.Note
	documents, err := o.read(c, vendor, base, args[1:], from, func(n moving.Note) { left = append(left, n) })
	if err != nil {
		return err
	}
	export, err := vendor.parse(documents)
	if err != nil {
		return err
	}
	export.Notes = append(export.Notes, left...)
	result, err := moving.Convert(export, people, o.policy, from)
	if err != nil {
		return err
	}
	file, escalation := result.OnCallFile(export.Vendor), result.EscalationBlock()
	if result.Schedule, err = config.ParseOnCall(file); err != nil { // the calendar is that of the file
		return fmt.Errorf("oncall.yml as it was made of this export can't be used: %w", err)
	}
	if _, err := config.Parse(escalation); err != nil {
		return fmt.Errorf("the escalation as it was made of this export can't be used: %w", err)
	}
	if err := o.write(c.OutOrStdout(), file, escalation); err != nil {
		return err
	}
	until := from.AddDate(0, 0, 7*vendors.Weeks)
	calendars := moving.Compare(export, people, result, from, until)
	_, err = fmt.Fprint(c.OutOrStdout(), moving.Report(export, result, calendars, from, until))
	return err
}

func (o importOptions) readPeople() (moving.People, error) {
	if o.people == "" {
		return moving.People{}, nil
	}
	content, err := os.ReadFile(o.people)
	if err != nil {
		return nil, fmt.Errorf("read --people: %w", err)
	}
	file := map[string]string{}
	if err := yaml.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("%s: a line for each, such as `carol@acme.example: carol`: %w", o.people, err)
	}
	people, err := moving.NewPeople(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.people, err)
	}
	return people, nil
}

// keyShape is that of the vendors' keys, which have neither a dot nor a slash.
var keyShape = regexp.MustCompile(`^[A-Za-z0-9_+-]{18,64}$`)

// read returns the documents of a file, a folder or a zip, or by the API.
func (o importOptions) read(c *cobra.Command, vendor pager, base string, args []string,
	from time.Time, left func(moving.Note)) ([]moving.Document, error) {
	if len(args) == 1 && o.keyFile != "" {
		return nil, misuse("name a file or a key, or use --key-file, not both")
	}
	if o.keyFile == "" {
		if len(args) == 0 {
			return nil, misuse("what is imported? Name a file or an API key, or use --key-file FILE")
		}
		documents, err := readExport(args[0])
		if !errors.Is(err, fs.ErrNotExist) {
			return documents, err
		}
		if !keyShape.MatchString(args[0]) {
			return nil, misuse("there is no file %s, and it isn't an API key", args[0])
		}
	}
	key, err := o.key(c.InOrStdin(), args)
	if err != nil {
		return nil, err
	}
	reader := vendors.Reader{Base: base, Key: key, HTTP: &http.Client{Timeout: time.Minute}, Sleep: sleep,
		Left: left}
	return vendor.read(reader, c.Context(), from)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (o importOptions) key(in io.Reader, args []string) (string, error) {
	var content []byte
	var err error
	switch o.keyFile {
	case "":
		return args[0], nil
	case "-":
		content, err = io.ReadAll(io.LimitReader(in, 1<<10))
	default:
		content, err = os.ReadFile(o.keyFile)
	}
	if err != nil {
		return "", fmt.Errorf("read --key-file: %w", err)
	}
	key := strings.TrimSpace(string(content))
	if !keyShape.MatchString(key) {
		return "", errors.New("read --key-file: it doesn't hold an API key and nothing else")
	}
	return key, nil
}

func readExport(path string) (out []moving.Document, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the export: %w", err)
	}
	if !info.IsDir() {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the export: %w", err)
		}
		if strings.HasPrefix(string(content), "PK") {
			return moving.Unzip(content)
		}
		return []moving.Document{{Name: path, Content: content}}, nil
	}
	folder := os.DirFS(path)
	err = fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".json" {
			return err
		}
		content, err := fs.ReadFile(folder, name)
		out = append(out, moving.Document{Name: name, Content: content})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the export: %w", err)
	}
	return slices.Clip(out), nil
}

// write writes the files, or prints them.
func (o importOptions) write(out io.Writer, file, escalation []byte) error {
	const divider = "# --- %s\n%s\n"
	if o.out == "" {
		_, _ = fmt.Fprintf(out, divider, ".github/oncall.yml", file)
		if len(escalation) > 0 {
			_, _ = fmt.Fprintf(out, divider, ".github/firebreak.yml, in place of its escalation", escalation)
		}
		_, err := fmt.Fprintln(out, "# --- what to know")
		return err
	}
	create := func(name string, content []byte, mode int) error {
		f, err := os.OpenFile(filepath.Join(o.out, name), os.O_WRONLY|os.O_CREATE|mode, 0o644)
		if err != nil {
			return err
		}
		_, err = f.Write(content)
		return errors.Join(err, f.Close())
	}
	mode := os.O_EXCL
	if o.force {
		mode = os.O_TRUNC
	}
	err := create("oncall.yml", file, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w; --force overwrites it", err)
	}
	if err != nil {
		return fmt.Errorf("write oncall.yml: %w", err)
	}
	if len(escalation) == 0 {
		return nil
	}
	err = create("firebreak.yml", escalation, os.O_EXCL)
	if errors.Is(err, fs.ErrExist) { // it holds more than the escalation: people merge it
		_, err = fmt.Fprintf(out, divider, "put this in firebreak.yml in place of its escalation", escalation)
	}
	if err != nil {
		return fmt.Errorf("write firebreak.yml: %w", err)
	}
	return nil
}
