package worker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// Shelf keeps what it takes to page people while GitHub is out in a bucket on S3.
type Shelf struct {
	S3     *s3.Client
	Bucket string
	Prefix string // of the keys; empty, or with a slash at its end
}

var _ engine.Store = (*Shelf)(nil)

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

// Load returns what was kept by a name; nil if nothing was. It implements engine.Shelf.
func (s *Shelf) Load(ctx context.Context, name string) ([]byte, error) {
	return Object(s.S3)(ctx, s.Bucket, s.key(name), maxKept, func(all io.Reader) io.Reader { return all })
}

func (s *Shelf) key(name string) string { return s.Prefix + strings.ToLower(name) }
