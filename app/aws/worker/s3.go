package worker

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// ReadObject reads an object, as Object does.
type ReadObject func(
	ctx context.Context, bucket, key string, limit int64, condense func(io.Reader) io.Reader,
) ([]byte, error)

// Object reads an object of a bucket on S3, no more than limit bytes of it, and of those what
// condense leaves; nil: it is not there any more.
func Object(client *s3.Client) ReadObject {
	return func(
		ctx context.Context, bucket, key string, limit int64, condense func(io.Reader) io.Reader,
	) ([]byte, error) {
		out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
		var none *types.NoSuchKey
		if errors.As(err, &none) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read s3://%s/%s: %w", bucket, key, err)
		}
		defer out.Body.Close()
		body, err := io.ReadAll(condense(io.LimitReader(out.Body, limit)))
		if err != nil {
			return nil, fmt.Errorf("read s3://%s/%s: %w", bucket, key, err)
		}
		return body, nil
	}
}
