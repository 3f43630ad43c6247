package stack

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

func TestEndpoints(t *testing.T) {
	for _, c := range []struct {
		region string
		of     service
		want   string
	}{
		{"eu-central-1", cloudFormation, "https://cloudformation.eu-central-1.amazonaws.com/"},
		{"us-east-1", cloudWatch, "https://monitoring.us-east-1.amazonaws.com/"},
		{"us-gov-west-1", sns, "https://sns.us-gov-west-1.amazonaws.com/"},
		{"cn-north-1", ses, "https://email.cn-north-1.amazonaws.com.cn/"},
	} {
		s := &Stack{Config: aws.Config{Region: c.region}}
		if got := s.endpoint(c.of); got != c.want {
			t.Errorf("%s: %s", c.want, got)
		}
	}
}
