package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/admission"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/server"
	"github.com/firebreak-dev/firebreak/app/setup"
)

func setupCommand() *cobra.Command {
	var o setup.Options
	var listen, to string
	var asJSON bool
	c := &cobra.Command{
		Use:   "setup --webhook URL",
		Short: "Registers the GitHub App in one click, with a page on this machine",
		Long: `Starts a page on this machine that registers the GitHub App by a manifest: it shows what the App may
do and why, and GitHub asks you to confirm. The App's private key and webhook secret are stored where
--to says and nowhere else:

  env:FILE               a file of variables for ` + "`env $(cat FILE) firebreak-serve`" +
			`, and the key in FILE.private-key.pem next to it
                         (without .env), both for your eyes only (0600)
  secretsmanager:NAME    two secrets in AWS Secrets Manager, NAME/private-key and NAME/webhook-secret; it
                         ends with the command that deploys the functions with them. The webhook's
                         address is known after that: give any of yours here, and change it in the
                         App's settings

--with NAME asks for more than every App needs:

` + withHelp() + `
It overwrites nothing.`,
		Example: `  firebreak setup --org acme --webhook https://firebreak.acme.example/webhook --repository acme/incidents
  firebreak setup --org acme --github-url https://github.acme.example --with changes --webhook https://….example/webhook
  firebreak setup --org acme --webhook https://….execute-api.eu-central-1.amazonaws.com/webhook \
    --to secretsmanager:firebreak`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Logger = logger(c)
			var err error
			if o.Store, err = setup.ParseStore(to, func() (setup.SecretsManager, error) {
				return manager(c.Context())
			}); err != nil {
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
			return tell(c, o.Store, app)
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
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:0",
		"address of the page, on this machine; port 0 picks one")
	c.Flags().BoolVar(&asJSON, "json", false, "print the App as JSON")
	_ = c.MarkFlagRequired("webhook")
	return c
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
func tell(c *cobra.Command, store setup.Store, app setup.Registered) error {
	out := c.OutOrStdout()
	fmt.Fprintf(out, "%s is registered (App %d); its credentials are in %s.\n\nInstall it where your "+
		"incidents will be:\n\n  %s\n\nThen:\n\n", app.Slug, app.ID, app.Stored, app.Install)
	for _, command := range store.Next(app) {
		fmt.Fprintf(out, "  %s\n", command)
	}
	return nil
}
