package worker

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// SES opens Amazon SES in a region with the credentials of the environment. What it returns sends a
// mail and tries once: who calls it knows when to try again.
func SES(ctx context.Context, region string,
	client *http.Client) (func(ctx context.Context, mail []byte) error, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		return nil, errors.New("the option region must name the region of SES, such as eu-central-1")
	}
	c := sesv2.NewFromConfig(cfg, func(o *sesv2.Options) { o.HTTPClient, o.Retryer = client, aws.NopRetryer{} })
	return func(ctx context.Context, mail []byte) error {
		content := &types.EmailContent{Raw: &types.RawMessage{Data: mail}}
		_, err := c.SendEmail(ctx, &sesv2.SendEmailInput{Content: content})
		return err
	}, nil
}
