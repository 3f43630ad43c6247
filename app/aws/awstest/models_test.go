package awstest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The double refuses what AWS's own models do not allow.
func TestRequestsAreHeldAgainstTheModels(t *testing.T) {
	long := strings.Repeat("x", 65)
	const target = `"FlexibleTimeWindow":{"Mode":"OFF"},"Target":{"Arn":"arn:aws:sqs:eu-central-1:123456789012:q",` +
		`"RoleArn":"arn:aws:iam::123456789012:role/timer"}`
	for _, c := range []struct{ service, operation, path, body, wrong string }{
		{"sqs", "SendMessage", "/", `{"QueueUrl":"q","MessageBody":"m","MessageGroupId":"g"}`, ""},
		{"sqs", "SendMessage", "/", `{"QueueUrl":"q"}`, "MessageBody is required"},
		{"sqs", "SendMessage", "/", `{"QueueUrl":"q","MessageBody":7}`, "a number is not a string"},
		{"sqs", "SendMessage", "/", `{"QueueUrl":"q","MessageBody":"m","Group":"g"}`, "Group is not known"},
		{"sqs", "ReceiveMessage", "/", `{"QueueUrl":"q","MessageSystemAttributeNames":["Everything"]}`, "is none of"},
		{"sqs", "ChangeMessageVisibilityBatch", "/", `{"QueueUrl":"q","Entries":[{"Id":"1"}]}`, "ReceiptHandle is required"},
		{"scheduler", "CreateSchedule", "/schedules/a", `{"ScheduleExpression":"at(2026-03-02T10:00:00)",` + target + `}`, ""},
		{"scheduler", "CreateSchedule", "/schedules/" + long, `{"ScheduleExpression":"at(x)",` + target + `}`, "out of bounds"},
		{"scheduler", "CreateSchedule", "/schedules/a", `{` + target + `}`, "ScheduleExpression is required"},
		{"scheduler", "CreateSchedule", "/schedules/a", `{"ScheduleExpression":"at(x)","ActionAfterCompletion":"KEEP",` +
			target + `}`, "is none of"},
		{"scheduler", "GetSchedule", "/schedules/a%20b", ``, "is not of the form"},
		{"secretsmanager", "GetSecretValue", "/", `{"VersionStage":"AWSCURRENT"}`, "SecretId is required"},
		{"ssm", "GetParameter", "/", `{}`, "Name is required"},
		{"kms", "Sign", "/", `{"KeyId":"k","Message":"bQ==","SigningAlgorithm":"MD5"}`, "is none of"},
	} {
		err := holdAgainstModel(c.service, c.operation, httptest.NewRequest(http.MethodPost, c.path, nil), []byte(c.body))
		if got := err == nil; got != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s of %s %s: %v, want %q", c.operation, c.path, c.body, err, c.wrong)
		}
	}
	for service, operations := range models {
		for name, o := range operations {
			if o.Input == nil || o.Input.Type != "structure" {
				t.Errorf("%s of %s has no model", name, service)
			}
		}
	}
}

// The double fails as AWS does: with the errors that its models name, and those that any operation may answer.
func TestErrorsAreThoseOfTheModels(t *testing.T) {
	for _, c := range []struct {
		service, operation, code string
		want                     bool
	}{
		{"sqs", "SendMessage", "QueueDoesNotExist", true},
		{"sqs", "SendMessage", "AWS.SimpleQueueService.NonExistentQueue", false},
		{"scheduler", "UpdateSchedule", "ConflictException", true},
		{"scheduler", "GetSchedule", "ConflictException", false},
		{"scheduler", "GetSchedule", "ThrottlingException", true},
		{"secretsmanager", "GetSecretValue", "ResourceNotFoundException", true},
		{"ssm", "GetParameter", "ResourceNotFoundException", false},
		{"sns", "ListSubscriptionsByTopic", "NotFound", true},
	} {
		if got := isErrorOf(c.service, c.operation, c.code); got != c.want {
			t.Errorf("%s of %s answers %s: %t", c.operation, c.service, c.code, got)
		}
	}
}
