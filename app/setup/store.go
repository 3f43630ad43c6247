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

	"github.com/firebreak-dev/firebreak/app/stage"
)

// Credentials are what it takes to be the App. They print as nothing.
type Credentials struct {
	AppID        int64
	Slug         string // the App's name in its address
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

// Stage is where a deployment on AWS keeps its parameters: a folder with serverless.yml, and the stage's name.
type Stage struct{ Dir, Name string }

// ParseStore reads where credentials are stored: env:FILE or secretsmanager:NAME. manager returns the
// client of Secrets Manager, and the stage gets a file that names what is stored there.
func ParseStore(to string, of Stage, manager func() (SecretsManager, error)) (Store, error) {
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
		return &secrets{manager: m, name: name, stage: of}, nil
	}
	return nil, fmt.Errorf("--to %q: give env:FILE or secretsmanager:NAME", to)
}

// ParseFreezerStore reads where the credentials of the App for freezes are stored: env:FILE, for `firebreak freezer`.
func ParseFreezerStore(to string) (Store, error) {
	s, err := ParseStore(to, Stage{}, func() (SecretsManager, error) {
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

// secrets are two in AWS Secrets Manager, as the functions read them, and the stage's file, which names them.
type secrets struct {
	manager SecretsManager
	name    string
	stage   Stage
}

func (s *secrets) keyName() string    { return s.name + "/private-key" }
func (s *secrets) secretName() string { return s.name + "/webhook-secret" }

func (s *secrets) Where() string {
	return "AWS Secrets Manager, " + s.name + ", which " + s.path() + " names"
}

func (s *secrets) path() string { return stage.Path(s.stage.Dir, s.stage.Name) }

func (s *secrets) Check(ctx context.Context) error {
	if err := s.checkStage(); err != nil {
		return err
	}
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

// checkStage returns what would keep the stage's file from being written.
func (s *secrets) checkStage() error {
	if err := stage.CheckName(s.stage.Name); err != nil {
		return fmt.Errorf("--stage: %w", err)
	}
	if _, err := os.Stat(filepath.Join(s.stage.Dir, stage.Template)); err != nil {
		return fmt.Errorf("the functions are deployed from a checkout of Firebreak, which is not here: run this in it, or "+
			"name it by --dir: %w", err)
	}
	if _, err := os.Lstat(s.path()); err == nil {
		return fmt.Errorf("%s is there already and is not overwritten: choose another stage with --stage NAME", s.path())
	}
	if err := os.MkdirAll(filepath.Dir(s.path()), 0o755); err != nil {
		return fmt.Errorf("the folder for the stage: %w", err)
	}
	return nil
}

func (s *secrets) Keep(ctx context.Context, c Credentials) error {
	var keyARN, secretARN string
	for _, of := range []struct {
		name, value, about string
		arn                *string
	}{{s.keyName(), c.key, "private key", &keyARN},
		{s.secretName(), c.secret, "webhook secret", &secretARN}} {
		made, err := s.manager.CreateSecret(ctx,
			&secretsmanager.CreateSecretInput{Name: aws.String(of.name), SecretString: aws.String(of.value),
				Description: aws.String("The " + of.about + " of Firebreak's GitHub App " +
					strconv.FormatInt(c.AppID, 10))})
		if err != nil {
			return fmt.Errorf("store the secret %s: %w", of.name, err)
		}
		*of.arn = aws.ToString(made.ARN)
	}
	params := []stage.Param{{Name: "appId", Value: strconv.FormatInt(c.AppID, 10)}, {Name: "appSlug", Value: c.Slug}}
	if at, err := arn.Parse(keyARN); err == nil {
		params = append(params, stage.Param{Name: "region", Value: at.Region})
	}
	if c.GitHub != "" && c.GitHub != "https://github.com" {
		params = append(params, stage.Param{Name: "githubUrl", Value: c.GitHub})
	}
	if len(c.Repositories) > 0 {
		params = append(params, stage.Param{Name: "repositories", Value: strings.Join(c.Repositories, ",")})
	}
	return stage.Create(s.stage.Dir, s.stage.Name, append(params, stage.Param{Name: "webhookSecret", Value: secretARN},
		stage.Param{Name: "privateKey", Value: keyARN}))
}

func (s *secrets) Next(Registered) []string {
	name := s.stage.Name
	return []string{"firebreak init OWNER/REPO --stage " + name,
		"# add to " + s.path() + ` whom alarms tell: alarmEmail: "you@example.com"`,
		"firebreak deploy " + name, "firebreak doctor --aws " + name + " OWNER/REPO"}
}
