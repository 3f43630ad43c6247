package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/admission"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/server"
	"github.com/firebreak-dev/firebreak/app/setup"
	"github.com/firebreak-dev/firebreak/app/slack"
)

func setupCommand() *cobra.Command {
	var o setup.Options
	var listen, to string
	var of setup.Stage
	var asJSON bool
	c := &cobra.Command{
		Use:   "setup --webhook URL",
		Short: "Registers the GitHub App in one click, with a page on this machine",
		Long:  setupHelp(),
		Example: `  firebreak setup --org acme --webhook https://firebreak.acme.example/webhook --repository acme/incidents
  firebreak setup --org acme --github-url https://github.acme.example --with changes --webhook https://….example/webhook
  firebreak setup --org acme --with freezer
  firebreak setup --with slack --webhook https://firebreak.acme.example/webhook > manifest.json
  firebreak setup --org acme --webhook https://acme.example --to secretsmanager:firebreak --stage prod`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if slices.Contains(o.With, withSlack) {
				if len(o.With) > 1 || asJSON {
					return misuse("--with slack prints the manifest of the app in Slack and registers nothing: give it alone")
				}
				return printManifest(c, o.Webhook)
			}
			if err := checkSetup(&o, &to, c.Flags().Changed("to")); err != nil {
				return err
			}
			o.Logger = logger(c)
			var err error
			if o.Store, err = storeOf(c.Context(), o, to, of); err != nil {
				return &usageError{err}
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return err
			}
			if addr, ok := l.Addr().(*net.TCPAddr); !ok || !addr.IP.IsLoopback() {
				return errors.Join(misuse("--listen %s: the page belongs on this machine alone, such as "+
					"127.0.0.1:0", listen), l.Close())
			}
			o.Self = server.Address(l)
			flow, err := setup.New(o)
			if err != nil {
				return errors.Join(&usageError{err}, l.Close())
			}
			if err := o.Store.Check(c.Context()); err != nil {
				return errors.Join(err, l.Close())
			}
			app, err := serveSetup(c, l, flow, asJSON)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(c.OutOrStdout(), app)
			}
			return tell(c, o, app)
		},
	}
	c.Flags().StringVar(&o.Org, "org", "", "organisation that the App belongs to; default: your own account")
	c.Flags().StringVar(&o.GitHub, "github-url", os.Getenv("FIREBREAK_GITHUB_URL"),
		"a GitHub Enterprise Server or ghe.com, such as https://github.example.com; default: GitHub itself")
	c.Flags().StringVar(&o.Webhook, "webhook", "",
		"address at which GitHub reaches the product, such as https://firebreak.example.com/webhook")
	c.Flags().StringVar(&o.Name, "name", "",
		"the App's name, of which there is one on all of GitHub; default: Firebreak ORG")
	c.Flags().StringSliceVar(&o.Repositories, "repository", nil,
		"repository for incidents, OWNER/REPO, and no other is served; may be given again. `firebreak "+
			"init` adds more")
	c.Flags().StringSliceVar(&o.With, "with", nil,
		"what the App can do beyond the least, such as changes; may be given again")
	c.Flags().StringVar(&to, "to", "env:firebreak.env",
		"where the credentials go: env:FILE or secretsmanager:NAME")
	c.Flags().StringVar(&of.Name, "stage", "prod",
		"with --to secretsmanager:NAME, the stage whose file stages/STAGE.yml is written for `firebreak deploy`")
	c.Flags().StringVar(&of.Dir, "dir", ".", "and the checkout of Firebreak that the file goes to")
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:0",
		"address of the page, on this machine; port 0 picks one")
	c.Flags().BoolVar(&asJSON, "json", false, "print the App as JSON")
	return c
}

// setupHelp is what the command says of itself.
func setupHelp() string {
	return `Starts a page on this machine that registers the GitHub App by a manifest: it shows what the App may
do and why, and GitHub asks you to confirm. The App's private key and webhook secret are stored where
--to says and nowhere else:

  env:FILE               a file of variables for ` + "`env $(cat FILE) firebreak-serve`" +
		`, and the key in FILE.private-key.pem next to it
                         (without .env), both for your eyes only (0600)
  secretsmanager:NAME    two secrets in AWS Secrets Manager, NAME/private-key and NAME/webhook-secret, and
                         stages/STAGE.yml in this folder, which names them, for ` + "`firebreak deploy`" + `. That
                         sets the webhook's address in the end: give any of yours here

--with NAME asks for more than every App needs:

` + withHelp() + `
It overwrites nothing.

--with freezer registers another App, for freezes alone, so that the one that runs the incidents administers no
repository. Its credentials go to env:freezer.env, for ` + "`env $(cat freezer.env) firebreak freezer`" + `, the process
that holds its key.

--with slack is another thing: it prints the manifest of the app in Slack, for incidents that have a channel
there, and registers nothing. Slack sends to the same server as GitHub; without --webhook the manifest is for
Socket Mode, by which a server behind a firewall gets it.`
}

// checkSetup refuses what does not go together, and completes what the App for freezes has of its own.
func checkSetup(o *setup.Options, to *string, isToGiven bool) error {
	switch {
	case !slices.Contains(o.With, withFreezer) && o.Webhook == "":
		return misuse(`required flag "webhook" not set: the address at which GitHub reaches the product`)
	case !slices.Contains(o.With, withFreezer):
		return nil
	case len(o.With) > 1 || o.Webhook != "" || len(o.Repositories) > 0:
		return misuse("--with freezer registers an App of its own, which has no webhook and no incidents: " +
			"give it without --webhook, --repository and other --with")
	}
	o.With, o.IsFreezer = nil, true
	if !isToGiven {
		*to = "env:freezer.env"
	}
	return nil
}

// storeOf returns where the credentials go.
func storeOf(ctx context.Context, o setup.Options, to string, of setup.Stage) (setup.Store, error) {
	if o.IsFreezer {
		return setup.ParseFreezerStore(to)
	}
	return setup.ParseStore(to, of, func() (setup.SecretsManager, error) { return manager(ctx) })
}

// withFreezer registers the App for freezes.
const withFreezer = "freezer"

// withSlack asks for the manifest of the app in Slack.
const withSlack = "slack"

// printManifest prints the manifest of the app in Slack, and next to it what each of its scopes is for.
func printManifest(c *cobra.Command, webhook string) error {
	address := ""
	if webhook != "" {
		u, err := url.Parse(webhook)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			return misuse("--webhook %s: Slack sends to an address with https", webhook)
		}
		address = strings.TrimSuffix(strings.TrimSuffix(u.String(), "/"), "/webhook") + intake.Prefix + "slack"
	}
	out := c.ErrOrStderr()
	fmt.Fprint(out, "Create the app from this manifest at https://api.slack.com/apps?new_app=1, and install it.\n\n")
	for _, s := range slack.Scopes {
		fmt.Fprintf(out, "  %-17s to %s\n", s.Name, s.Why)
	}
	fmt.Fprint(out, "\nThen set FIREBREAK_SECRET_SLACK to the bot's token (OAuth & Permissions), and ")
	if address == "" {
		fmt.Fprint(out, "FIREBREAK_SLACK_APP_TOKEN to a token of the app (Basic Information, App-Level Tokens, "+
			"connections:write).\n\n")
	} else {
		fmt.Fprint(out, "FIREBREAK_INTAKE_SLACK_SECRET to the signing secret (Basic Information).\n\n")
	}
	return writeJSON(c.OutOrStdout(), slack.Manifest(address))
}

// withHelp lists the capabilities that can be asked for.
func withHelp() string {
	var b strings.Builder
	for _, c := range github.Capabilities {
		var needs []string
		for _, p := range c.Permissions {
			needs = append(needs, p.Name+": "+p.Level)
		}
		fmt.Fprintf(&b, "  %s  %s\n           Needs %s.\n", c.Name, c.Gives, strings.Join(needs, ", "))
	}
	return b.String()
}

// serveSetup serves the page until the App is registered.
func serveSetup(c *cobra.Command, l net.Listener, flow *setup.Flow, asJSON bool) (app setup.Registered, err error) {
	out := c.OutOrStdout()
	if asJSON {
		out = c.ErrOrStderr()
	}
	fmt.Fprintln(c.ErrOrStderr(),
		"Open this address in a browser in which you are signed in to GitHub; Ctrl+C ends it:")
	door := server.Door{Guard: &admission.Guard{}, Log: logger(c), Grace: server.Brief}
	err = server.Run(c.Context(), out, l, door, flow.Handler(), func(ctx context.Context) (err error) {
		app, err = flow.Wait(ctx)
		return err
	})
	if err == nil && app.ID == 0 {
		err = errors.New("no App was registered")
	}
	return app, err
}

// manager returns AWS Secrets Manager with the credentials that the AWS command line would use.
func manager(ctx context.Context) (setup.SecretsManager, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	return secretsmanager.NewFromConfig(cfg), nil
}

// tell says what was made, and the commands with which to go on.
func tell(c *cobra.Command, o setup.Options, app setup.Registered) error {
	out := c.OutOrStdout()
	where := "where your incidents will be"
	if o.IsFreezer {
		where = "on the repositories that may be frozen, and on no other"
	}
	fmt.Fprintf(out, "%s is registered (App %d); its credentials are in %s.\n\nInstall it %s:\n\n  %s\n\nThen:\n\n",
		app.Slug, app.ID, app.Stored, where, app.Install)
	for _, command := range o.Store.Next(app) {
		fmt.Fprintf(out, "  %s\n", command)
	}
	return nil
}
