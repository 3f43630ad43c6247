package aws

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// SQS is what a Queue needs of Amazon SQS.
type SQS interface {
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
	ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput,
		...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
}

// Queue is a FIFO queue, grouped by incident: SQS hands out one incident's messages one batch at a
// time and in order. It implements engine.Queue, but knows a delivery for five minutes only, as
// long as SQS does; a later one is a look too many.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-exactly-once-processing.html
type Queue struct {
	SQS SQS
	URL string
	Now func() time.Time
	// Later sends a message at a time; nil: only what is due is taken. A FIFO queue itself delays
	// no single message.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html
	Later func(ctx context.Context, m incident.Message, at time.Time) error
}

// Enqueue stores a message.
func (q *Queue) Enqueue(ctx context.Context, m incident.Message, at time.Time) error {
	if at.After(q.Now()) {
		if q.Later == nil {
			return errors.New("this function sends nothing later: it has no scheduler")
		}
		return q.Later(ctx, m, at)
	}
	body, err := Encode(m, MaxBody)
	if err != nil {
		return err
	}
	in := &sqs.SendMessageInput{QueueUrl: aws.String(q.URL), MessageBody: aws.String(body),
		MessageGroupId: aws.String(GroupOf(m)), MessageDeduplicationId: aws.String(q.deduplication(m))}
	if _, err := q.SQS.SendMessage(ctx, in); err != nil {
		return fmt.Errorf("send a message for %s to %s: %w", m.Ref, q.URL, err)
	}
	return nil
}

// perRequest is how many messages SQS takes in one request.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html
const perRequest = 10

// Hide keeps received messages from being handed out again for a while.
func (q *Queue) Hide(ctx context.Context, receipts []string, d time.Duration) error {
	var failed []error
	for len(receipts) > 0 {
		n := min(len(receipts), perRequest)
		in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: aws.String(q.URL)}
		for i, r := range receipts[:n] {
			in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), ReceiptHandle: aws.String(r),
				VisibilityTimeout: int32(d.Seconds())})
		}
		receipts = receipts[n:]
		out, err := q.SQS.ChangeMessageVisibilityBatch(ctx, in)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		for _, f := range out.Failed {
			failed = append(failed, fmt.Errorf("%s: %s", aws.ToString(f.Code), aws.ToString(f.Message)))
		}
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("hide messages of %s for %s: %w", q.URL, d, err)
	}
	return nil
}

// maxGroup is the length of the longest message group id and deduplication id.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
const maxGroup = 128

// Group names the message group of an incident: owner/repo#number. GitHub's names are the same in
// any case.
func Group(ref incident.Ref) string { return group(ref.String()) }

// GroupOf names the message group of a message: its incident's, or that of the incident's searches.
func GroupOf(m incident.Message) string { return group(m.Group()) }

func group(name string) string {
	name = strings.ToLower(name)
	if len(name) <= maxGroup {
		return name
	}
	sum := "~" + hash(name)[:16]
	return name[:maxGroup-len(sum)] + sum
}

var plain = regexp.MustCompile(`^[0-9A-Za-z_.:/#-]+$`)

// calm is how often a source's repetition of itself is stored: a storm of alerts must not fill the
// queue before the commands of those who respond, and the engine writes it down no more often.
const calm = 15 * time.Second

// deduplication says which messages are one. A delivery is, in letters that SQS takes: GitHub
// doesn't sign the header that its id comes in. All else is a message of its own each time: by its
// content, a second request to look at an incident would be lost if it came within five minutes of
// the first.
func (q *Queue) deduplication(m incident.Message) string {
	switch {
	case m.Delivery != "" && len(m.Delivery) <= maxGroup && plain.MatchString(m.Delivery):
		return m.Delivery
	case m.Delivery != "":
		return hash(m.Delivery)
	case m.Signal() != nil && m.Signal().Key != "":
		return hash(fmt.Sprintf("%s\n%s\n%d", m.Ref, m.Signal().Key, q.Now().UnixNano()/int64(calm)))
	}
	return rand.Text()
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// MaxBody is the size of the largest message that SQS takes, in bytes.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const MaxBody = 1 << 20

// noncharacters are the two that JSON may hold and SQS refuses.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
var noncharacters = strings.NewReplacer("\uFFFE", `\ufffe`, "\uFFFF", `\uffff`)

// Encode writes a message as the queue carries it. One that is larger than limit goes without its
// comment: the look reads it from GitHub then.
func Encode(m incident.Message, limit int) (string, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	text := noncharacters.Replace(string(body))
	if len(text) > limit && m.Comment() != nil {
		return Encode(m.WithoutComment(), limit)
	}
	return text, nil
}

// Decode reads a message of the queue.
func Decode(body string) (m incident.Message, err error) {
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, fmt.Errorf("not a message of ours: %w", err)
	}
	_, isSweep := m.Sweep()
	if m.Ref.Owner == "" || m.Ref.Repo == "" && !isSweep {
		return m, errors.New("not a message of ours: it names no repository")
	}
	return m, nil
}
