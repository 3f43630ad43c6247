package setup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// Credentials are what it takes to be the App. They print as nothing.
type Credentials struct {
	AppID        int64
	GitHub       string
	Repositories []string // for incidents

	key, secret string
	isFreezer   bool // of the App for freezes, for the process that holds its key
}

// String keeps the credentials out of logs.
func (Credentials) String() string { return "credentials" }

// GoString keeps them out of %#v, too.
func (Credentials) GoString() string { return "credentials" }

// Store keeps the App's credentials, which GitHub provides once.
type Store interface {
	// Check returns, before an App is registered, what would keep its credentials from being stored.
	Check(ctx context.Context) error
	Keep(ctx context.Context, c Credentials) error
	// Where names the place for people.
	Where() string
	// Next returns the commands with which to go on.
	Next(app Registered) []string
}

// ParseStore reads where credentials are stored: env:FILE or secretsmanager:NAME. manager returns the
// client of Secrets Manager.
func ParseStore(to string, manager func() (SecretsManager, error)) (Store, error) {
	kind, name, _ := strings.Cut(to, ":")
	switch {
	case kind == "env" && name != "":
		if strings.ContainsFunc(name, unicode.IsSpace) {
			return nil, fmt.Errorf("--to %q: choose a file without blanks in its name, so that env $(cat "+
				"FILE) can read it", to)
		}
		path, err := filepath.Abs(name)
		if err != nil {
			return nil, fmt.Errorf("--to %q: %w", to, err)
		}
		if strings.ContainsFunc(path, unicode.IsSpace) {
			return nil, fmt.Errorf("--to %q: the folder %s has a blank in its name, which env $(cat "+
				"FILE) can't read: choose another", to, filepath.Dir(path))
		}
		return &envFile{name: name, path: path}, nil
	case kind == "secretsmanager" && name != "":
		m, err := manager()
		if err != nil {
			return nil, fmt.Errorf("--to %q: %w", to, err)
		}
		return &secrets{manager: m, name: name}, nil
	}
	return nil, fmt.Errorf("--to %q: give env:FILE or secretsmanager:NAME", to)
}

// ParseFreezerStore reads where the credentials of the App for freezes are stored: env:FILE, for `firebreak freezer`.
func ParseFreezerStore(to string) (Store, error) {
	s, err := ParseStore(to, func() (SecretsManager, error) {
		return nil, errors.New("the key of the App for freezes is for firebreak freezer, which reads a file: give env:FILE")
	})
	if err != nil {
		return nil, err
	}
	return &freezerFile{s.(*envFile)}, nil
}

// freezerFile is the file of variables for the process that holds the key of the App for freezes.
type freezerFile struct{ *envFile }

// Next returns the commands with which to go on.
func (f *freezerFile) Next(Registered) []string {
	return []string{"# NUMBER is that of the App that runs the incidents",
		"env $(cat " + f.name + ") FIREBREAK_APP_ID=NUMBER firebreak freezer",
		"# and the process that runs them gets FIREBREAK_FREEZE_URL, and FIREBREAK_FREEZE_SECRET of " + f.name}
}

// envFile is a file of variables, next to which the private key is: a value of several lines
// fits into no such file.
type envFile struct{ name, path string }

func (e *envFile) keyPath() string { return strings.TrimSuffix(e.path, ".env") + ".private-key.pem" }

func (e *envFile) Where() string { return e.name }

func (e *envFile) Check(context.Context) error {
	for _, path := range []string{e.path, e.keyPath()} {
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s is there already and is not overwritten: move it away, or choose "+
				"another file with --to env:FILE", path)
		} else if !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("the file for the credentials: %w", err)
		}
	}
	// GitHub returns the credentials once: a folder that can't be written to must be known before.
	probe, err := os.CreateTemp(filepath.Dir(e.path), ".firebreak-*")
	if err != nil {
		return fmt.Errorf("the folder for the credentials: %w", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

func (e *envFile) Keep(_ context.Context, c Credentials) error {
	if err := create(e.keyPath(), c.key); err != nil {
		return err
	}
	var text strings.Builder
	if c.GitHub != "" {
		fmt.Fprintf(&text, "FIREBREAK_GITHUB_URL=%s\n", c.GitHub)
	}
	if c.isFreezer {
		fmt.Fprintf(&text, "FIREBREAK_FREEZE_APP_ID=%d\nFIREBREAK_FREEZE_PRIVATE_KEY_FILE=%s\nFIREBREAK_FREEZE_SECRET=%s\n",
			c.AppID, e.keyPath(), rand.Text())
		return create(e.path, text.String())
	}
	fmt.Fprintf(&text, "FIREBREAK_APP_ID=%d\nFIREBREAK_PRIVATE_KEY_FILE=%s\nFIREBREAK_WEBHOOK_SECRET=%s\n",
		c.AppID, e.keyPath(), c.secret)
	text.WriteString(listLine(c.Repositories))
	return create(e.path, text.String())
}

// create writes a file that isn't there yet, for nobody else to read.
func create(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("store the credentials: %w", err)
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func (e *envFile) Next(Registered) []string {
	env := "env $(cat " + e.name + ") firebreak"
	return []string{env + " init OWNER/REPO", env + "-serve", env + " doctor OWNER/REPO"}
}

// SecretsManager is what storing needs of AWS Secrets Manager.
type SecretsManager interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput,
		...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	CreateSecret(context.Context, *secretsmanager.CreateSecretInput,
		...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error)
}

// secrets are two in AWS Secrets Manager, as the functions read them.
type secrets struct {
	manager SecretsManager
	name    string
	github  string
	listed  []string

	keyARN, secretARN string // once they are kept
}

func (s *secrets) keyName() string    { return s.name + "/private-key" }
func (s *secrets) secretName() string { return s.name + "/webhook-secret" }

func (s *secrets) Where() string { return "AWS Secrets Manager, " + s.name }

func (s *secrets) Check(ctx context.Context) error {
	for _, name := range []string{s.keyName(), s.secretName()} {
		_, err := s.manager.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(name)})
		var none *types.ResourceNotFoundException
		switch {
		case err == nil:
			return fmt.Errorf("the secret %s is there already and is not overwritten: choose another "+
				"name with --to secretsmanager:NAME", name)
		case !errors.As(err, &none):
			return fmt.Errorf("look for the secret %s: %w", name, err)
		}
	}
	return nil
}

func (s *secrets) Keep(ctx context.Context, c Credentials) error {
	s.github, s.listed = c.GitHub, c.Repositories
	for _, of := range []struct {
		name, value, about string
		arn                *string
	}{{s.keyName(), c.key, "private key", &s.keyARN},
		{s.secretName(), c.secret, "webhook secret", &s.secretARN}} {
		made, err := s.manager.CreateSecret(ctx,
			&secretsmanager.CreateSecretInput{Name: aws.String(of.name), SecretString: aws.String(of.value),
				Description: aws.String("The " + of.about + " of Firebreak's GitHub App " +
					strconv.FormatInt(c.AppID, 10))})
		if err != nil {
			return fmt.Errorf("store the secret %s: %w", of.name, err)
		}
		*of.arn = aws.ToString(made.ARN)
	}
	return nil
}

func (s *secrets) Next(app Registered) []string {
	env := fmt.Sprintf("env FIREBREAK_APP_ID=%d FIREBREAK_PRIVATE_KEY=secretsmanager:%s "+
		"FIREBREAK_WEBHOOK_SECRET=secretsmanager:%s ", app.ID, s.keyName(), s.secretName())
	if s.github != "" {
		env += "FIREBREAK_GITHUB_URL=" + s.github + " "
	}
	return []string{"go run ./functions/build", s.deploy(app),
		"# make WebhookURL of its outputs the webhook's address in the App's settings, unless it is so",
		env + "firebreak init OWNER/REPO", env + "firebreak doctor OWNER/REPO"}
}

// deploy is the command that makes the functions read these secrets, where Secrets Manager has them.
func (s *secrets) deploy(app Registered) string {
	command := "npx osls@3.77.1 deploy"
	if at, err := arn.Parse(s.keyARN); err == nil {
		command += " --region " + at.Region
	}
	command += fmt.Sprintf(" --param appId=%d --param appSlug=%s", app.ID, app.Slug)
	if s.github != "" {
		command += " --param githubUrl=" + s.github
	}
	if len(s.listed) > 0 {
		command += " --param repositories=" + strings.Join(s.listed, ",")
	}
	return command + " --param privateKey=" + s.keyARN + " --param webhookSecret=" + s.secretARN
}
