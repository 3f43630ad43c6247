package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/assembly/lambda"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/stats"
)

// formats are how a report can be written.
var formats = map[string]func(*stats.Report, io.Writer) error{
	"table": (*stats.Report).Table, "json": (*stats.Report).JSON, "csv": (*stats.Report).CSV,
	"html": (*stats.Report).HTML,
}

// newReader builds what a command needs that runs once, from the environment.
func newReader(c *cobra.Command) (*assembly.Reader, error) {
	log := logger(c)
	getenv, err := lambda.Environ(c.Context(), log)
	if err != nil {
		return nil, err
	}
	reader, err := lambda.NewReader(c.Context(), getenv, log)
	if err != nil && getenv("FIREBREAK_APP_ID") == "" {
		err = fmt.Errorf("%w\nThese are in the file that `firebreak setup` wrote: env $(cat "+
			"firebreak.env) %s", err, c.CommandPath())
	}
	return reader, err
}

func statsCommand() *cobra.Command {
	var since, format, cache string
	c := &cobra.Command{
		Use:   "stats OWNER/REPO",
		Short: "Reports the figures of a repository's incidents: a table, JSON, CSV, or a page with plots",
		Long:  statsHelp(),
		Example: `  firebreak stats acme/incidents --since 2026-01-01
  firebreak stats acme/incidents --since 90d --format html > incidents.html`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			owner, repo, err := repositoryOf(args[0])
			if err != nil {
				return err
			}
			write := formats[format]
			if write == nil {
				return misuse("--format %q: choose table, json, csv or html", format)
			}
			reader, err := newReader(c)
			if err != nil {
				return err
			}
			from, err := parseSince(since, reader.Now())
			if err != nil {
				return err
			}
			if cache == "" {
				if cache, err = os.UserCacheDir(); err != nil {
					return fmt.Errorf("%w; choose a folder with --cache", err)
				}
				cache = filepath.Join(cache, "firebreak", "stats")
			}
			p := newProgress(c.ErrOrStderr(), time.Now)
			r := stats.Reader{GitHub: reader.App, Keys: reader.Keys, Cache: cache, Host: reader.Host,
				Now: reader.Now, Progress: p.tell}
			read, err := r.Read(c.Context(), owner, repo, from)
			p.end()
			if err != nil {
				return err
			}
			return write(stats.NewReport(read), c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&since, "since", "",
		"only incidents declared since: a date like 2026-01-31, or a time like 90d or 12w")
	c.Flags().StringVar(&format, "format", "table", "table, json, csv or html")
	_ = c.RegisterFlagCompletionFunc("format",
		cobra.FixedCompletions([]string{"table", "json", "csv", "html"}, cobra.ShellCompDirectiveNoFileComp))
	c.Flags().StringVar(&cache, "cache", "",
		"folder in which what was read is kept (default: the user's cache folder)")
	return c
}

// statsHelp is the command's long text, with the definitions that the code counts by.
func statsHelp() string {
	var b strings.Builder
	b.WriteString(`Reports the figures of a repository's incidents, read from its issues alone. It acts as the App, with
the environment that serve uses. Drills, declined incidents and duplicates are left out.

A folder keeps what was read, so that the next run reads only what changed. A fifth of GitHub's rate
limit is left to running incidents: if the rest isn't enough it stops and says when to run it again,
and then goes on from there.

The figures:
`)
	for _, d := range incident.Definitions {
		fmt.Fprintf(&b, "\n  %s (%s)\n%s", d.Title, d.Figure, fold(d.Text, 96, "      "))
	}
	return b.String()
}

// fold breaks a text into lines of a width.
func fold(text string, width int, indent string) string {
	var b strings.Builder
	at := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case at == 0:
			b.WriteString(indent)
		case at+1+len(word) > width:
			b.WriteString("\n" + indent)
			at = 0
		default:
			b.WriteByte(' ')
		}
		b.WriteString(word)
		at += 1 + len(word)
	}
	return b.String() + "\n"
}

var ago = regexp.MustCompile(`^([1-9][0-9]{0,4})([dw])$`)

// parseSince reads a date, or how long ago.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if m := ago.FindStringSubmatch(text); m != nil {
		days, _ := strconv.Atoi(m[1])
		if m[2] == "w" {
			days *= 7
		}
		return now.UTC().AddDate(0, 0, -days), nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, misuse("--since %q: give a date like 2026-01-31, or a time like 90d or 12w", text)
	}
	return day, nil
}

// progress says on standard error how far something came that takes longer than a second: on a
// terminal in one line that counts, elsewhere in a line now and then.
type progress struct {
	out      io.Writer
	now      func() time.Time
	terminal bool
	next     time.Time
	shown    bool
}

func newProgress(out io.Writer, now func() time.Time) *progress {
	p := &progress{out: out, now: now, next: now().Add(time.Second)}
	if file, ok := out.(*os.File); ok {
		info, err := file.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

func (p *progress) tell(step string, done, total int) {
	now := p.now()
	if now.Before(p.next) {
		return
	}
	line := step + " " + thousands(done)
	if total > 0 {
		line += " of " + thousands(total)
	}
	if p.shown = true; p.terminal {
		p.next = now.Add(100 * time.Millisecond)
		fmt.Fprintf(p.out, "\r\x1b[K%s", line)
		return
	}
	p.next = now.Add(10 * time.Second)
	fmt.Fprintln(p.out, line)
}

// end clears the line.
func (p *progress) end() {
	if p.terminal && p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// thousands writes a number with commas.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	var parts []string
	for len(digits) > 3 {
		parts = append(parts, digits[len(digits)-3:])
		digits = digits[:len(digits)-3]
	}
	parts = append(parts, digits)
	slices.Reverse(parts)
	return strings.Join(parts, ",")
}
