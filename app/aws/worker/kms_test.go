package worker_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/aws/awstest"
	"github.com/firebreak-dev/firebreak/app/aws/worker"
)

func TestAKeyInKMSSigns(t *testing.T) {
	double := awstest.New(t, time.Now)
	cfg, err := aws.Config(double.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	double.SetKey("alias/firebreak", private)
	digest := sha256.Sum256([]byte("text"))
	key := worker.Key{KMS: kms.NewFromConfig(cfg), ID: "alias/firebreak"}
	signature, err := key.Sign(digest[:])
	if err != nil {
		t.Fatal(err)
	}
	if err := rsa.VerifyPKCS1v15(&private.PublicKey, crypto.SHA256, digest[:], signature); err != nil {
		t.Error(err)
	}
	key.ID = "alias/other"
	if _, err := key.Sign(digest[:]); err == nil || !strings.Contains(err.Error(), "alias/other") {
		t.Errorf("error %v", err)
	}
}

func TestAParameterIsReadDecrypted(t *testing.T) {
	double := awstest.New(t, time.Now)
	cfg, err := aws.Config(double.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	double.SetParameter("/fb/slack", "xoxb")
	read := worker.Parameter(ssm.NewFromConfig(cfg))
	if got, err := read(t.Context(), "/fb/slack"); got != "xoxb" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := read(t.Context(), "/fb/none"); err == nil ||
		!strings.Contains(err.Error(), "ParameterNotFound") {
		t.Errorf("error %v", err)
	}
}
