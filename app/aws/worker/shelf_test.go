package worker_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/aws/awstest"
	"github.com/firebreak-dev/firebreak/app/aws/worker"
)

// Of all who claim a name in the bucket one alone is first, and what S3 refuses for another reason is said (X5).
func TestX5OneAloneIsFirstInTheBucket(t *testing.T) {
	double := awstest.New(t, time.Now)
	cfg, err := aws.Config(double.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	shelf := &worker.Shelf{S3: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }), Bucket: "shelf", Prefix: "p/"}
	for n, want := range []bool{true, false, false} {
		if is, err := shelf.Claim(t.Context(), "runs/Acme/incidents/1/a/0"); is != want || err != nil {
			t.Errorf("claimed for the %d. time: %t, %v", n+1, is, err)
		}
	}
	if is, err := shelf.Claim(t.Context(), "runs/acme/incidents/1/a/1"); !is || err != nil {
		t.Errorf("the next name: %t, %v", is, err)
	}
	double.Refuse("PutObject", "AccessDenied")
	if is, err := shelf.Claim(t.Context(), "runs/acme/incidents/1/a/2"); is || err == nil {
		t.Errorf("denied: %t, %v", is, err)
	}
}
