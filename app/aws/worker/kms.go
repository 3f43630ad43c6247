package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// KMS is what a Key needs of AWS KMS.
type KMS interface {
	Sign(context.Context, *kms.SignInput, ...func(*kms.Options)) (*kms.SignOutput, error)
}

// Key is the App's private key, imported into KMS as RSA_2048 for SIGN_VERIFY. It never leaves it.
type Key struct {
	KMS KMS
	ID  string // id or ARN of the key, or its alias
}

// patience is how long a signature may take.
const patience = 10 * time.Second

// Sign signs a SHA-256 digest as GitHub wants an App's token signed.
func (k *Key) Sign(digest []byte) ([]byte, error) {
	ctx, stop := context.WithTimeout(context.Background(), patience) // ghinstallation passes none on
	defer stop()
	out, err := k.KMS.Sign(ctx,
		&kms.SignInput{KeyId: aws.String(k.ID), Message: digest, MessageType: types.MessageTypeDigest,
			SigningAlgorithm: types.SigningAlgorithmSpecRsassaPkcs1V15Sha256})
	if err != nil {
		return nil, fmt.Errorf("sign with the key %s in KMS: %w", k.ID, err)
	}
	return out.Signature, nil
}

// SSM is what Parameter needs of AWS Systems Manager.
type SSM interface {
	GetParameter(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput,
		error)
}

// Parameter returns what reads a parameter, decrypted.
func Parameter(client SSM) func(ctx context.Context, name string) (string, error) {
	return func(ctx context.Context, name string) (string, error) {
		out, err := client.GetParameter(ctx,
			&ssm.GetParameterInput{Name: aws.String(name), WithDecryption: aws.Bool(true)})
		if err != nil {
			return "", fmt.Errorf("read the parameter: %w", err)
		}
		return aws.ToString(out.Parameter.Value), nil
	}
}
