package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// Shelf keeps what it takes to page people while GitHub is out in a bucket on S3.
type Shelf struct {
	S3     *s3.Client
	Bucket string
	Prefix string // of the keys; empty, or with a slash at its end
}

var (
	_ engine.Store   = (*Shelf)(nil)
	_ engine.Claimer = (*Shelf)(nil)
)

// maxKept is more than a configuration or a state is long.
const maxKept = 1 << 20

// Save stores content by a name. It implements engine.Shelf.
func (s *Shelf) Save(ctx context.Context, name string, content []byte) error {
	_, err := s.S3.PutObject(ctx,
		&s3.PutObjectInput{Bucket: aws.String(s.Bucket), Key: aws.String(s.key(name)),
			Body: bytes.NewReader(content)})
	if err != nil {
		return fmt.Errorf("write s3://%s/%s: %w", s.Bucket, s.key(name), err)
	}
	return nil
}

// Claim saves an entry unless there is one. It implements engine.Claimer.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
func (s *Shelf) Claim(ctx context.Context, name string) (isFirst bool, err error) {
	_, err = s.S3.PutObject(ctx,
		&s3.PutObjectInput{Bucket: aws.String(s.Bucket), Key: aws.String(s.key(name)),
			Body: strings.NewReader("1"), IfNoneMatch: aws.String("*")})
	var refused smithy.APIError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode() == "PreconditionFailed":
		return false, nil
	case err != nil:
		return false, fmt.Errorf("claim s3://%s/%s: %w", s.Bucket, s.key(name), err)
	}
	return true, nil
}

// Load returns what was kept by a name; nil if nothing was. It implements engine.Shelf.
func (s *Shelf) Load(ctx context.Context, name string) ([]byte, error) {
	return Object(s.S3)(ctx, s.Bucket, s.key(name), maxKept, func(all io.Reader) io.Reader { return all })
}

func (s *Shelf) key(name string) string { return s.Prefix + strings.ToLower(name) }
