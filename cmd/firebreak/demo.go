package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/admission"
	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/calendar"
	"github.com/firebreak-dev/firebreak/app/demo"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/app/server"
	"github.com/firebreak-dev/firebreak/templates"
)

// repository is where the sandbox's incidents are, with what an incident repository holds.
const repository = "acme/incidents"

func files() map[string]map[string]string {
	all := templates.Repository()
	all[oncall.Path] = templates.OnCallExample()
	settings, workflow := templates.RunExample()
	people := demo.WithSlack(demo.WithPhones(map[string]map[string]string{repository: all}))
	return demo.WithWorkflow(people, settings, "acme/payments", ".github/workflows/rollback.yml", workflow)
}

func demoCommand() *cobra.Command {
	var listen, data string
	var speed float64
	c := &cobra.Command{
		Use:   "demo",
		Short: "Runs the product and an embedded GitHub in one process: nothing to configure",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return err
			}
			url := server.Address(l)
			follow := &follower{}
			box, err := demo.New(sandbox.Options{URL: url, WebhookURL: url + "/webhook", Data: data,
				Speed: speed, Files: files(), Follower: follow, Morning: true})
			if err != nil {
				return errors.Join(err, l.Close())
			}
			env := box.Environment()
			options := assembly.Options{Clock: box.Clock(), Logger: logger(c), IsDemo: true}
			if data != "" {
				options.File = filepath.Join(data, "firebreak.db")
			}
			product, err := assembly.New(func(name string) string { return env[name] }, options)
			if err != nil {
				return errors.Join(err, box.Close(), l.Close())
			}
			follow.server.Store(product)
			mux := http.NewServeMux()
			mux.Handle("/", box.Handler())
			mux.Handle("/webhook", product.Handler())
			mux.Handle("/intake/", product.Handler())
			mux.Handle(engine.AnswerPath, product.Handler())
			mux.Handle(calendar.Prefix, product.Handler())
			err = server.Run(c.Context(), c.OutOrStdout(), l,
				server.Door{Guard: product.Guard(), Log: options.Logger, Grace: server.Brief}, mux, product.Run)
			return errors.Join(err, box.Close(), product.Close())
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8787", "address to listen on; port 0 picks one")
	c.Flags().StringVar(&data, "data", "", "folder to keep everything in; default: in memory")
	c.Flags().Float64Var(&speed, "speed", 1, "virtual seconds per second")
	c.Flags().Bool("verbose", false, "log every look")
	return c
}

// follower follows the sandbox's clock, once it is there.
type follower struct {
	server atomic.Pointer[assembly.Server]
}

// Follow implements sandbox.Follower.
func (p *follower) Follow(ctx context.Context, now time.Time) (time.Time, error) {
	if s := p.server.Load(); s != nil {
		return s.Follow(ctx, now)
	}
	return time.Time{}, nil
}

func sandboxCommand() *cobra.Command {
	var listen, data, webhook string
	var empty bool
	c := &cobra.Command{
		Use:   "sandbox",
		Short: "Runs the embedded GitHub alone, for `firebreak serve` or another App",
		Long: `Runs the embedded GitHub alone. With --data it writes what an App needs to DIR/firebreak.env, so that

  env $(cat DIR/firebreak.env) firebreak serve

runs against it. With --empty nothing is set up: no App is registered, and acme/incidents has no labels, form and
configuration. There setting up can be practised, with the pages that GitHub has for it:

  firebreak setup --org acme --github-url http://127.0.0.1:8788 --webhook http://127.0.0.1:8789/webhook`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return err
			}
			o := sandbox.Options{URL: server.Address(l), WebhookURL: webhook, Data: data, Files: files(), Morning: true}
			if empty {
				o.Empty, o.Files = true, nil
			}
			box, err := demo.New(o)
			if err != nil {
				return errors.Join(err, l.Close())
			}
			idle := func(ctx context.Context) error { <-ctx.Done(); return nil }
			return errors.Join(server.Run(c.Context(), c.OutOrStdout(), l,
				server.Door{Guard: &admission.Guard{}, Log: logger(c), Grace: server.Brief}, box.Handler(),
				idle), box.Close())
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8788", "address to listen on; port 0 picks one")
	c.Flags().StringVar(&data, "data", "", "folder to keep everything in; default: in memory")
	c.Flags().StringVar(&webhook, "webhook", "",
		"where to deliver webhooks, such as http://127.0.0.1:8789/webhook")
	c.Flags().BoolVar(&empty, "empty", false,
		"set nothing up: an App is registered on its pages, and says where its webhooks go")
	c.MarkFlagsOneRequired("webhook", "empty")
	c.MarkFlagsMutuallyExclusive("webhook", "empty")
	return c
}
