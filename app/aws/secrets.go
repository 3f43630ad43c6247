package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// A variable FIREBREAK_… whose value begins so refers to a secret by its name or ARN.
const (
	schemeSecret    = "secretsmanager:"
	schemeParameter = "ssm:"
)

// The secrets by which others are known to us rotate without a gap: the version before stays good
// for a while, as long as the service still has it. Cards that the webhook secret signed are
// written again within that time, or rebuilt.
const (
	before  = "_PREVIOUS"
	overlap = 7 * 24 * time.Hour
)

var rotating = regexp.MustCompile(`^FIREBREAK_(WEBHOOK|INTAKE|INTAKE_[A-Z]+)_SECRET$`)

const (
	keep  = 5 * time.Minute // how long secrets are kept before they are read again
	again = time.Minute     // how soon it is tried again when that failed

	doubted = 30 * time.Second // how soon they are read again when something did not fit them
)

// SecretsManager is what Secrets needs of AWS Secrets Manager.
type SecretsManager interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput,
		...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// Secrets is a function's environment in which variables may refer to secrets:
//
//	FIREBREAK_PRIVATE_KEY=secretsmanager:firebreak/private-key
//	FIREBREAK_SECRET_SLACK=ssm:/firebreak/slack
type Secrets struct {
	Environ []string // as os.Environ returns it
	Manager SecretsManager
	// reads one of Systems Manager; nil: none is read
	Parameter func(ctx context.Context, name string) (string, error)
	Now       func() time.Time
	Logger    *slog.Logger

	mu   sync.Mutex
	read map[string]string
	last time.Time // when they were read last
	next time.Time // when to read again
}

// Read returns the environment with the secrets in it. It is read again after five minutes; while
// that fails, the secrets are those that were good before.
func (s *Secrets) Read(ctx context.Context) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	if s.read != nil && now.Before(s.next) {
		return s.read, nil
	}
	env, err := s.resolve(ctx, now)
	s.last = now
	switch {
	case err == nil:
		s.read, s.next = env, now.Add(keep)
	case s.read == nil:
		return nil, err
	default:
		s.Logger.Warn("the secrets can't be read again: going on with those read before", "err", err)
		s.next = now.Add(again)
	}
	return s.read, nil
}

// value is what one variable refers to.
type value struct {
	name, now, before string
	err               error
}

// resolve reads all secrets at the same time: at a cold start somebody waits.
func (s *Secrets) resolve(ctx context.Context, now time.Time) (map[string]string, error) {
	env := map[string]string{}
	for _, v := range s.Environ {
		name, text, _ := strings.Cut(v, "=")
		env[name] = text
	}
	var found []*value
	var reading sync.WaitGroup
	for name, text := range env {
		if !strings.HasPrefix(name, "FIREBREAK_") {
			continue
		}
		secret, isSecret := strings.CutPrefix(text, schemeSecret)
		parameter, isParameter := strings.CutPrefix(text, schemeParameter)
		if !isSecret && !isParameter {
			continue
		}
		v := &value{name: name}
		found = append(found, v)
		reading.Go(func() {
			switch {
			case isSecret && rotating.MatchString(name) && env[name+before] == "":
				v.now, v.before, v.err = s.versions(ctx, secret, now)
			case isSecret:
				v.now, _, v.err = s.version(ctx, secret, "AWSCURRENT")
			default:
				v.now, v.err = s.parameter(ctx, parameter)
			}
		})
	}
	reading.Wait()
	slices.SortFunc(found, func(a, b *value) int { return strings.Compare(a.name, b.name) })
	read := maps.Clone(env)
	var wrong []error
	for _, v := range found {
		if v.err == nil && v.now == "" {
			v.err = errors.New("it is empty")
		}
		if v.err != nil {
			wrong = append(wrong, fmt.Errorf("%s=%s: %w", v.name, env[v.name], v.err))
		}
		read[v.name] = v.now
		if v.before != "" {
			read[v.name+before] = v.before
		}
	}
	wrong = append(wrong, spread(read))
	return read, errors.Join(wrong...)
}

// Of all services, whose names the repository's file knows, the secrets may be in one, as JSON.
const (
	allServices = "FIREBREAK_SECRETS"
	ofService   = "FIREBREAK_SECRET_"
)

// spread puts the secrets that one holds in their places. One that has a variable of its own stays.
func spread(env map[string]string) error {
	text := env[allServices]
	delete(env, allServices)
	if text == "" {
		return nil
	}
	var all map[string]string
	if json.Unmarshal([]byte(text), &all) != nil { // whose error would show what is in it
		return errors.New(allServices + ` must hold JSON such as {"PAGERDUTY": "…", "ACME__SLACK": "…"}`)
	}
	for name, value := range all {
		if env[ofService+name] == "" {
			env[ofService+name] = value
		}
	}
	return nil
}

// Doubt has the secrets read again for the next request, since something did not fit them: one may have been
// rotated. Anybody can send what does not fit, so that it is done twice a minute at most.
func (s *Secrets) Doubt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if soonest := s.last.Add(doubted); s.read != nil && soonest.Before(s.next) {
		s.next = soonest
	}
}

// versions reads a secret and, while it rotates, the version before.
func (s *Secrets) versions(ctx context.Context, name string, now time.Time) (current, previous string,
	err error) {
	var since time.Time
	var errPrevious error
	var reading sync.WaitGroup
	reading.Go(func() { previous, _, errPrevious = s.version(ctx, name, "AWSPREVIOUS") })
	current, since, err = s.version(ctx, name, "AWSCURRENT")
	reading.Wait()
	var none *types.ResourceNotFoundException
	if err != nil || errors.As(errPrevious, &none) || now.Sub(since) > overlap {
		return current, "", err
	}
	return current, previous, errPrevious
}

// version reads a secret as one of its labels names it, and since when it is so.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version
func (s *Secrets) version(ctx context.Context, name, stage string) (string, time.Time, error) {
	out, err := s.Manager.GetSecretValue(ctx,
		&secretsmanager.GetSecretValueInput{SecretId: aws.String(name), VersionStage: aws.String(stage)})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("read the secret: %w", err)
	}
	if out.SecretString == nil {
		return string(out.SecretBinary), aws.ToTime(out.CreatedDate), nil
	}
	return *out.SecretString, aws.ToTime(out.CreatedDate), nil
}

func (s *Secrets) parameter(ctx context.Context, name string) (string, error) {
	if s.Parameter == nil {
		return "", errors.New("this function reads no parameters: keep it in Secrets Manager and write " +
			"secretsmanager:NAME")
	}
	return s.Parameter(ctx, name)
}
