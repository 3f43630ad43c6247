package awstest

import (
	"crypto/md5" // SQS's own checksum
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// QueueOptions are the attributes of a FIFO queue with content-based deduplication and a
// dead-letter queue next to it.
type QueueOptions struct {
	Visibility time.Duration
	Receives   int // maxReceiveCount
}

// Message is a message in a queue.
type Message struct {
	ID, Group, Body string
	Received        int

	deduplication string
	receipt       string
	from          time.Time // when it was last received
	visible       time.Time
	sent          time.Time
}

type queue struct {
	o        QueueOptions
	messages []*Message
	dead     []*Message
	known    map[string]known // by deduplication id
	n        int
}

type known struct {
	id string
	at time.Time
}

// AddQueue makes a queue and returns its address and ARN.
func (a *AWS) AddQueue(name string, o QueueOptions) (url, arn string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	url, arn = a.URL+"/"+Account+"/"+name, "arn:aws:sqs:"+Region+":"+Account+":"+name
	q := &queue{o: o, known: map[string]known{}}
	a.queues[url], a.queues[arn] = q, q
	return url, arn
}

// ServeSQS lets another emulator serve SQS.
func (a *AWS) ServeSQS(h http.Handler) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.elsewhere = h
}

// Messages lists what is in a queue, handed out or not.
func (a *AWS) Messages(url string) []Message { return a.list(a.queues[url].messages) }

// Dead lists what is in the dead-letter queue of a queue.
func (a *AWS) Dead(url string) []Message { return a.list(a.queues[url].dead) }

func (a *AWS) list(messages []*Message) (all []Message) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range messages {
		all = append(all, *m)
	}
	return all
}

// Hidden returns the next time at which a message of a queue that is hidden now will be handed out;
// zero: none is hidden.
func (a *AWS) Hidden(url string) (next time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range a.queues[url].messages {
		if m.visible.After(a.now()) && (next.IsZero() || m.visible.Before(next)) {
			next = m.visible
		}
	}
	return next
}

// readable are the characters that SQS takes.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
var (
	readable = regexp.MustCompile(`^[\t\n\r\x{20}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]+$`)
	naming   = regexp.MustCompile("^[0-9A-Za-z!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]{1,128}$")
)

func (a *AWS) sqs(operation string, body []byte) (any, error) {
	switch operation {
	case "SendMessage":
		var in struct{ QueueUrl, MessageBody, MessageGroupId, MessageDeduplicationId string }
		if err := read(body, &in); err != nil {
			return nil, err
		}
		id, err := a.send(in.QueueUrl, in.MessageBody, in.MessageGroupId, in.MessageDeduplicationId)
		sum := md5.Sum([]byte(in.MessageBody))
		return map[string]string{"MessageId": id, "MD5OfMessageBody": hex.EncodeToString(sum[:]),
			"SequenceNumber": "1"}, err
	case "ReceiveMessage":
		var in struct {
			QueueUrl                    string
			MaxNumberOfMessages         int
			WaitTimeSeconds             int
			VisibilityTimeout           *int
			MessageSystemAttributeNames []string
		}
		if err := read(body, &in); err != nil {
			return nil, err
		}
		if n := in.MaxNumberOfMessages; n < 0 || n > 10 {
			return nil, refused("InvalidParameterValue", "%d messages at once", n)
		}
		if in.WaitTimeSeconds < 0 || in.WaitTimeSeconds > 20 {
			return nil, refused("InvalidParameterValue", "a wait of %d s", in.WaitTimeSeconds)
		}
		return a.receive(in.QueueUrl, max(in.MaxNumberOfMessages, 1), in.VisibilityTimeout)
	case "DeleteMessageBatch", "ChangeMessageVisibilityBatch":
		var in struct {
			QueueUrl string
			Entries  []struct {
				Id, ReceiptHandle string
				VisibilityTimeout int
			}
		}
		if err := read(body, &in); err != nil {
			return nil, err
		}
		if n := len(in.Entries); n < 1 || n > 10 {
			return nil, refused("TooManyEntriesInBatchRequest", "%d entries", n)
		}
		var good, bad []map[string]any
		for _, e := range in.Entries {
			var err error
			if operation == "DeleteMessageBatch" {
				err = a.remove(in.QueueUrl, e.ReceiptHandle)
			} else {
				err = a.hide(in.QueueUrl, e.ReceiptHandle, e.VisibilityTimeout)
			}
			if f := (*failure)(nil); errors.As(err, &f) {
				bad = append(bad, map[string]any{"Id": e.Id, "Code": f.code, "Message": f.message,
					"SenderFault": true})
			} else {
				good = append(good, map[string]any{"Id": e.Id})
			}
		}
		return map[string]any{"Successful": good, "Failed": bad}, nil
	}
	if operation == "GetQueueAttributes" {
		return a.count(body)
	}
	return nil, refused("UnsupportedOperation", "%s is not known here", operation)
}

// count answers GetQueueAttributes: how many messages wait, and how many are handed out.
func (a *AWS) count(body []byte) (any, error) {
	var in struct {
		QueueUrl       string
		AttributeNames []string
	}
	if err := read(body, &in); err != nil {
		return nil, err
	}
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	waiting, out := 0, 0
	for _, m := range q.messages {
		if m.visible.After(a.now()) {
			out++
		} else {
			waiting++
		}
	}
	return map[string]any{"Attributes": map[string]string{"ApproximateNumberOfMessages": strconv.Itoa(waiting),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(out), "ApproximateNumberOfMessagesDelayed": "0"}}, nil
}

func (a *AWS) queue(url string) (*queue, error) {
	q := a.queues[url]
	if q == nil {
		return nil, refused("QueueDoesNotExist", "there is no queue %s", url)
	}
	return q, nil
}

// send is as SQS's SendMessage on a FIFO queue with content-based deduplication.
func (a *AWS) send(url, body, group, deduplication string) (string, error) {
	q, err := a.queue(url)
	if err != nil {
		return "", err
	}
	if !readable.MatchString(body) {
		return "", refused("InvalidMessageContents", "%q", body)
	}
	if len(body) > 1<<20 {
		return "", refused("InvalidParameterValue", "%d bytes are too many", len(body))
	}
	if !naming.MatchString(group) || deduplication != "" && !naming.MatchString(deduplication) {
		return "", refused("InvalidParameterValue", "message group %q, deduplication id %q", group,
			deduplication)
	}
	if deduplication == "" {
		sum := sha256.Sum256([]byte(body))
		deduplication = hex.EncodeToString(sum[:])
	}
	now := a.now()
	if k, ok := q.known[deduplication]; ok && now.Sub(k.at) < 5*time.Minute {
		return k.id, nil
	}
	q.n++
	m := &Message{ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", q.n), Group: group, Body: body,
		deduplication: deduplication, visible: now, sent: now}
	q.known[deduplication] = known{m.ID, now}
	q.messages = append(q.messages, m)
	return m.ID, nil
}

// received is the answer to ReceiveMessage.
type received struct{ Messages []map[string]any }

// waitOf returns how long an operation waits for a message.
func waitOf(operation string, body []byte) time.Duration {
	var in struct{ WaitTimeSeconds int }
	if operation != "ReceiveMessage" || json.Unmarshal(body, &in) != nil {
		return 0
	}
	return time.Duration(min(in.WaitTimeSeconds, 20)) * time.Second
}

// receive hands out messages in order, as many of a group as it can, and none of a group of which another is out.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
func (a *AWS) receive(url string, most int, hidden *int) (any, error) {
	q, err := a.queue(url)
	if err != nil {
		return nil, err
	}
	visibility := q.o.Visibility
	if hidden != nil {
		if *hidden < 0 || *hidden > 43200 {
			return nil, refused("InvalidParameterValue", "a visibility timeout of %d s", *hidden)
		}
		visibility = time.Duration(*hidden) * time.Second
	}
	now := a.now()
	out := map[string]bool{}
	for _, m := range q.messages {
		if m.visible.After(now) {
			out[m.Group] = true
		}
	}
	var given []map[string]any
	for _, m := range slices.Clone(q.messages) {
		if out[m.Group] || len(given) == most {
			continue
		}
		if m.Received >= q.o.Receives {
			q.messages = slices.DeleteFunc(q.messages, func(o *Message) bool { return o == m })
			q.dead = append(q.dead, m)
			continue
		}
		m.Received++
		m.receipt, m.from, m.visible = fmt.Sprintf("%s/%d", m.ID, m.Received), now, now.Add(visibility)
		sum := md5.Sum([]byte(m.Body))
		given = append(given, map[string]any{"MessageId": m.ID, "ReceiptHandle": m.receipt, "Body": m.Body,
			"MD5OfBody": hex.EncodeToString(sum[:]),
			"Attributes": map[string]string{"MessageGroupId": m.Group,
				"MessageDeduplicationId":  m.deduplication,
				"ApproximateReceiveCount": strconv.Itoa(m.Received),
				"SentTimestamp":           strconv.FormatInt(m.sent.UnixMilli(), 10), "SequenceNumber": "1"}})
	}
	return received{given}, nil
}

func (a *AWS) find(url, receipt string) (*queue, *Message, error) {
	q, err := a.queue(url)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range q.messages {
		if m.receipt == receipt && m.visible.After(a.now()) {
			return q, m, nil
		}
	}
	return nil, nil, refused("ReceiptHandleIsInvalid", "%q", receipt)
}

func (a *AWS) remove(url, receipt string) error {
	q, m, err := a.find(url, receipt)
	if err != nil {
		return err
	}
	q.messages = slices.DeleteFunc(q.messages, func(o *Message) bool { return o == m })
	return nil
}

func (a *AWS) hide(url, receipt string, seconds int) error {
	_, m, err := a.find(url, receipt)
	if err != nil {
		return err
	}
	until := a.now().Add(time.Duration(seconds) * time.Second)
	if seconds < 0 || seconds > 43200 || until.Sub(m.from) > 12*time.Hour {
		return refused("InvalidParameterValue",
			"a message is hidden twelve hours from when it was received at most, not %d s", seconds)
	}
	m.visible = until
	return nil
}
