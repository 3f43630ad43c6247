package functions_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
)

// conversation asks an SQS what the functions count on, and writes down what it answers.
func conversation(t *testing.T, elsewhere http.Handler) (told []string) {
	s := newStack(t, settings{sqs: elsewhere, receives: 4})
	tell := func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }
	send := func(group, body, deduplication string) {
		in := &sqs.SendMessageInput{QueueUrl: aws.String(s.queue), MessageGroupId: aws.String(group),
			MessageBody: aws.String(body)}
		if deduplication != "" {
			in.MessageDeduplicationId = aws.String(deduplication)
		}
		_, err := s.sqs.SendMessage(t.Context(), in)
		tell("send %s to %s: %v", body, group, err)
	}
	receipts := map[string]string{}
	// One at a time: SQS may hand out several of a group at once, as the double does and fauxqs
	// doesn't.
	receive := func() {
		out, err := s.sqs.ReceiveMessage(t.Context(),
			&sqs.ReceiveMessageInput{QueueUrl: aws.String(s.queue), MaxNumberOfMessages: 1,
				MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			tell("receive nothing")
			return
		}
		m := out.Messages[0]
		receipts[*m.Body] = *m.ReceiptHandle
		tell("receive %s of %s for the %s. time", *m.Body, m.Attributes["MessageGroupId"],
			m.Attributes["ApproximateReceiveCount"])
	}
	hide := func(seconds int, bodies ...string) {
		in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: aws.String(s.queue)}
		for _, b := range bodies {
			in.Entries = append(in.Entries,
				types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(b),
					ReceiptHandle: aws.String(receipts[b]), VisibilityTimeout: int32(seconds)})
		}
		out, err := s.sqs.ChangeMessageVisibilityBatch(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		tell("hide %v for %d s: %d done, %d failed", bodies, seconds, len(out.Successful), len(out.Failed))
	}
	remove := func(bodies ...string) {
		in := &sqs.DeleteMessageBatchInput{QueueUrl: aws.String(s.queue)}
		for _, b := range bodies {
			in.Entries = append(in.Entries,
				types.DeleteMessageBatchRequestEntry{Id: aws.String(b), ReceiptHandle: aws.String(receipts[b])})
		}
		out, err := s.sqs.DeleteMessageBatch(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		tell("delete %v: %d done, %d failed", bodies, len(out.Successful), len(out.Failed))
	}

	send("a/b#1", "one", "delivery-1")
	send("a/b#1", "two", "")
	send("a/b#2", "other", "")
	send("a/b#1", "one more of delivery 1", "delivery-1")
	send("a/b#1", "two", "") // the same content
	receive()
	receive() // of the other incident: a group of which a message is out is out as a whole
	receive()
	hide(60, "one")
	receive()
	remove("other")
	hide(0, "one")
	receive() // in order again
	send("a/b#1", "three", "")
	remove("one")
	for range 4 {
		receive()
		hide(0, "two")
	}
	receive() // the second was tried four times and is dead
	remove("three")
	receive()
	return told
}

// The double answers as an SQS that somebody else wrote.
func TestTheDoubleIsAsAnotherSQS(t *testing.T) {
	if d := cmp.Diff(conversation(t, fauxqs(t)), conversation(t, nil)); d != "" {
		t.Errorf("fauxqs (-) and the double (+):\n%s", d)
	}
}
