package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	gogithub "github.com/google/go-github/v60/github"
	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/aws/stack"
	"github.com/firebreak-dev/firebreak/app/doctor"
	"github.com/firebreak-dev/firebreak/app/stage"
)

// deployer is the tool that makes a stack of serverless.yml.
const deployer = "osls@3.77.1"

// errNotDeployed is returned where a step failed. The output has said which.
var errNotDeployed = errors.New("the deployment is not complete: see above")

func deployCommand() *cobra.Command {
	d := &deployment{}
	var asJSON bool
	c := &cobra.Command{
		Use:   "deploy STAGE",
		Short: "Deploys the functions on AWS, and sets the App's webhook address",
		Long: `Deploys a stage from a checkout of Firebreak, with the parameters in stages/STAGE.yml, which
` + "`firebreak setup --to secretsmanager:NAME`" + ` writes. It does this:

  1. reads the file, and ends if it has a mistake or lacks what the deployed stage has
  2. builds the functions:          go run ./functions/build
  3. makes or changes the stack:    npx ` + deployer + ` deploy --stage STAGE
  4. sets the stack as the App's webhook address, with the webhook secret, unless GitHub has that address

It uses the credentials of AWS that the AWS command line would use, and needs Go and Node. Run it again when a
step failed: what is done stays done. A stack that can't be changed goes back to what it was.`,
		Example: `  firebreak deploy prod --dry-run
  firebreak deploy prod`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if d.stage, d.stack, err = openStage(c.Context(), d.dir, args[0]); err != nil {
				return err
			}
			d.command = c
			d.run(c.Context())
			if asJSON {
				err = writeJSON(c.OutOrStdout(), d.done)
			} else {
				err = tellFindings(c.OutOrStdout(), d.done)
			}
			if slices.ContainsFunc(d.done, func(f doctor.Finding) bool { return f.Status == doctor.Failure }) {
				return errors.Join(err, errNotDeployed)
			}
			if err == nil && !asJSON && !d.dry {
				_, err = fmt.Fprintf(c.OutOrStdout(), "\nSee whether all works together:\n\n  firebreak doctor --aws %s "+
					"OWNER/REPO\n", args[0])
			}
			return err
		},
	}
	c.Flags().StringVar(&d.dir, "dir", ".", "the checkout of Firebreak, with serverless.yml and stages")
	c.Flags().BoolVar(&d.dry, "dry-run", false, "say what would be done, and do nothing")
	c.Flags().BoolVar(&d.onlyWebhook, "webhook-only", false,
		"set the App's webhook address and secret alone, as after a rotation")
	c.Flags().BoolVar(&asJSON, "json", false, "print what was done as JSON")
	return c
}

// deployment is one run of the command.
type deployment struct {
	dir              string
	dry, onlyWebhook bool

	command *cobra.Command
	stage   *stage.File
	stack   *stack.Stack
	done    []doctor.Finding
	before  stack.Description
}

func (d *deployment) ok(step, format string, args ...any) bool {
	d.done = append(d.done, doctor.Finding{Check: step, Status: doctor.OK, Found: fmt.Sprintf(format, args...)})
	return true
}

func (d *deployment) fail(step, found, mend string) bool {
	d.done = append(d.done, doctor.Finding{Check: step, Status: doctor.Failure, Found: found, Mend: mend})
	return false
}

// run does the steps, until one fails.
func (d *deployment) run(ctx context.Context) {
	if !d.looks(ctx) {
		return
	}
	if !d.onlyWebhook && !(d.build(ctx) && d.change(ctx)) {
		return
	}
	now := d.before
	if !d.dry {
		var err error
		if now, err = d.stack.Describe(ctx); err != nil {
			d.fail("stack", err.Error(), "")
			return
		}
	}
	d.connect(ctx, now)
}

// looks reads what is there, and refuses to lose any of it.
func (d *deployment) looks(ctx context.Context) bool {
	before, err := d.stack.Describe(ctx)
	isThere := !errors.Is(err, stack.ErrNone)
	if isThere && err != nil {
		return d.fail("stack", err.Error(), "Sign in to AWS, so that `aws sts get-caller-identity` answers")
	}
	where := d.stack.Name + " in " + d.stack.Config.Region
	if !isThere {
		if d.onlyWebhook {
			return d.fail("stack", err.Error(), "`firebreak deploy "+d.stage.Name+"` makes it")
		}
		d.ok("parameters", "%d are in %s", len(d.stage.Params), d.stage.Path)
		return d.ok("stack", "%s will be made", where)
	}
	d.before = before
	parts, err := d.stack.Resources(ctx)
	if err != nil {
		return d.fail("stack", err.Error(), "")
	}
	made := func(name string) bool { _, ok := parts[name]; return ok }
	if lost := d.stage.Lost(before.Outputs, made); len(lost) > 0 {
		for _, l := range lost {
			d.fail("parameters", "this deployment would lose one", l)
		}
		return false
	}
	d.ok("parameters", "%d are in %s", len(d.stage.Params), d.stage.Path)
	switch {
	case strings.HasSuffix(before.Status, "_IN_PROGRESS"):
		return d.fail("stack", where+" is "+before.Status, "Another deployment is at work: wait until it has ended")
	case before.Status == "UPDATE_ROLLBACK_FAILED" || strings.HasPrefix(before.Status, "ROLLBACK_") ||
		before.Status == "CREATE_FAILED" || before.Status == "DELETE_FAILED":
		return d.fail("stack", where+" is "+before.Status, doctor.Recovery(d.stage, before.Status))
	}
	return d.ok("stack", "%s is %s", where, before.Status)
}

func (d *deployment) build(ctx context.Context) bool {
	return d.runs(ctx, "build", "Build it by hand to see more", "go", "run", "./functions/build")
}

// change has the tool make or change the stack.
func (d *deployment) change(ctx context.Context) bool {
	if d.runs(ctx, "deploy", "", "npx", "--yes", deployer, "deploy", "--stage", d.stage.Name,
		"--param", "given="+d.stage.Given()) {
		return true
	}
	last := &d.done[len(d.done)-1]
	now, err := d.stack.Describe(ctx)
	switch {
	case err != nil:
		last.Mend = "See what the tool says above"
	case now.Status == "UPDATE_ROLLBACK_COMPLETE" || now.Status == d.before.Status:
		last.Found += ". The stack is as it was before: " + now.Status
		last.Mend = "See what the tool says above, mend it, and run this again"
	default:
		last.Found += ". The stack is " + now.Status
		last.Mend = doctor.Recovery(d.stage, now.Status)
	}
	return false
}

// runs runs a command in the checkout. What it says goes to standard error.
func (d *deployment) runs(ctx context.Context, step, mend, name string, args ...string) bool {
	line := strings.Join(append([]string{name}, args...), " ")
	if d.dry {
		return d.ok(step, "would run: %s", line)
	}
	fmt.Fprintln(d.command.ErrOrStderr(), "+ "+line)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = d.dir, os.Environ()
	cmd.Stdout, cmd.Stderr = d.command.ErrOrStderr(), d.command.ErrOrStderr()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it says what it left
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return d.fail(step, name+" is not there", "Install "+map[string]string{"go": "Go", "npx": "Node 20 or newer"}[name])
	case err != nil:
		return d.fail(step, line+": "+err.Error(), mend)
	}
	return d.ok(step, "%s", line)
}

// connect sets the App's webhook to the address of the stack, with the secret by which the functions verify.
func (d *deployment) connect(ctx context.Context, now stack.Description) bool {
	address := now.Outputs["WebhookURL"]
	if address == "" {
		if d.dry {
			return d.ok("webhook", "would get the address of the stack, once there is one")
		}
		return d.fail("webhook", "the stack does not say where it takes webhooks", doctor.Recovery(d.stage, now.Status))
	}
	if err := d.checkKey(ctx, now); err != nil {
		return d.fail("webhook", err.Error(), "Put the App's private key there: `aws secretsmanager put-secret-value "+
			"--region "+d.stage.Region()+" --secret-id "+now.Outputs["PrivateKey"]+" --secret-string file://key.pem`, "+
			"then `firebreak deploy "+d.stage.Name+" --webhook-only`")
	}
	retry := "Mend that, then `firebreak deploy " + d.stage.Name + " --webhook-only`; or set " + address +
		" in the App's settings, with the webhook secret"
	if err := become(d.stage, now.Outputs); err != nil {
		return d.fail("webhook", err.Error(), retry)
	}
	reader, err := newReader(d.command)
	if err != nil {
		return d.fail("webhook", err.Error(), retry)
	}
	apps := reader.App.Self().Apps
	hook, _, err := apps.GetHookConfig(ctx)
	if err != nil {
		return d.fail("webhook", "ask GitHub where the App's webhooks go: "+err.Error(), retry)
	}
	secretID := d.stage.Params["webhookSecret"]
	isNew := d.before.Outputs["WebhookSecret"] != "" && d.before.Outputs["WebhookSecret"] != now.Outputs["WebhookSecret"]
	if hook.GetURL() == address && !isNew && (d.dry || !d.onlyWebhook) {
		return d.ok("webhook", "the App's webhooks go to %s already", address)
	}
	if d.dry {
		return d.ok("webhook", "would change the App's webhook address from %q to %s", hook.GetURL(), address)
	}
	if secretID == "" {
		secretID = now.Outputs["WebhookSecret"]
	}
	secret, err := d.read(ctx, secretID)
	if err == nil {
		_, _, err = apps.UpdateHookConfig(ctx, &gogithub.HookConfig{URL: &address, Secret: &secret,
			ContentType: gogithub.String("json"), InsecureSSL: gogithub.String("0")})
	}
	if err != nil {
		return d.fail("webhook", "set the App's webhook address: "+err.Error(), retry)
	}
	return d.ok("webhook", "the App's webhooks go to %s now, before to %q", address, hook.GetURL())
}

// checkKey returns an error where the stack made an empty secret for the App's private key.
func (d *deployment) checkKey(ctx context.Context, now stack.Description) error {
	id := now.Outputs["PrivateKey"]
	if id == "" {
		return nil
	}
	s, err := d.stack.Secret(ctx, id)
	if err == nil && !s.HasValue {
		return fmt.Errorf("the App's private key is not in its secret %s yet", id)
	}
	return nil // what can't be looked at says so when it is read
}

// read returns the value of a secret.
func (d *deployment) read(ctx context.Context, id string) (string, error) {
	out, err := secretsmanager.NewFromConfig(d.stack.Config).GetSecretValue(ctx,
		&secretsmanager.GetSecretValueInput{SecretId: aws.String(id), VersionStage: aws.String("AWSCURRENT")})
	if err != nil {
		return "", fmt.Errorf("read the webhook secret: %w", err)
	}
	return aws.ToString(out.SecretString), nil
}
