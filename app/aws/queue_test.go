package aws_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/aws/awstest"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

var start = time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)

var ref = incident.Ref{Owner: "Acme", Repo: "incidents", Number: 7}

// newQueue returns a queue and the double that it is in. The clock is at *now.
func newQueue(t *testing.T, now *time.Time) (*aws.Queue, *awstest.AWS) {
	t.Helper()
	clock := func() time.Time { return *now }
	double := awstest.New(t, clock)
	url, _ := double.AddQueue("firebreak.fifo", awstest.QueueOptions{Visibility: 12 * time.Minute, Receives: 3})
	cfg, err := aws.Config(double.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return &aws.Queue{SQS: sqs.NewFromConfig(cfg), URL: url, Now: clock}, double
}

var _ engine.Queue = (*aws.Queue)(nil)

func TestMessagesAreGroupedByIncidentAndStoredOnce(t *testing.T) {
	now := start
	q, double := newQueue(t, &now)
	put := func(m incident.Message) {
		t.Helper()
		if err := q.Enqueue(t.Context(), m, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	other := incident.Ref{Owner: "acme", Repo: "incidents", Number: 8}
	put(incident.Message{Ref: ref, Why: "issues.opened", Delivery: "d1"})
	put(incident.Message{Ref: ref, Why: "issues.labeled", Delivery: "d2"})
	put(incident.Message{Ref: ref, Why: "issues.labeled", Delivery: "d2"}) // delivered again
	put(incident.Message{Ref: other, Why: "sweep"})
	// the first may have been looked at already
	put(incident.Message{Ref: other, Why: "sweep"})
	// which SQS doesn't take as it is
	put(incident.Message{Ref: other, Why: "x", Delivery: "an id\n with blanks"})
	now = now.Add(5 * time.Minute)
	put(incident.Message{Ref: ref, Why: "issues.labeled", Delivery: "d2"}) // SQS has forgotten it
	var got []string
	for _, m := range double.Messages(q.URL) {
		read, err := aws.Decode(m.Body)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Group+" "+read.Why)
	}
	want := []string{"acme/incidents#7 issues.opened", "acme/incidents#7 issues.labeled",
		"acme/incidents#8 sweep", "acme/incidents#8 sweep", "acme/incidents#8 x",
		"acme/incidents#7 issues.labeled"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A storm of alerts is stored as often as it is written down; another trouble, or its end, is
// another message.
func TestI6AStormDoesNotFillTheQueue(t *testing.T) {
	now := start
	q, double := newQueue(t, &now)
	for range 1000 {
		for _, key := range []string{"alertmanager APIDown true", "alertmanager DiskFull true"} {
			if err := q.Enqueue(t.Context(),
				incident.Message{Ref: ref, Why: "signal",
					What: &incident.Signal{Body: []byte(`{}`), Key: key, Count: 1}}, time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(30 * time.Millisecond)
	}
	if n := len(double.Messages(q.URL)); n != 4 { // in 30 s
		t.Errorf("%d messages", n)
	}
}

func TestWhatSQSRefusesIsAnError(t *testing.T) {
	now := start
	q, double := newQueue(t, &now)
	double.Refuse("SendMessage", "QueueDoesNotExist")
	if err := q.Enqueue(t.Context(), incident.Message{Ref: ref}, time.Time{}); err == nil ||
		!strings.Contains(err.Error(), q.URL) {
		t.Errorf("error %v", err)
	}
	if err := q.Hide(t.Context(), []string{"nobody's"}, time.Minute); err == nil ||
		!strings.Contains(err.Error(), "ReceiptHandleIsInvalid") {
		t.Errorf("error %v", err)
	}
	if err := q.Enqueue(t.Context(), incident.Message{Ref: ref}, start.Add(time.Second)); err == nil ||
		!strings.Contains(err.Error(), "scheduler") {
		t.Errorf("a message for later, without a scheduler: %v", err)
	}
	if n := len(double.Messages(q.URL)); n > 0 {
		t.Errorf("%d messages", n)
	}
}

func TestLongNamesKeepTheirGroups(t *testing.T) {
	a := incident.Ref{Owner: strings.Repeat("o", 39), Repo: strings.Repeat("r", 100), Number: 1}
	b := a
	b.Number = 2
	if g := aws.Group(a); len(g) > 128 || g == aws.Group(b) {
		t.Errorf("%d characters, and the group of another: %v", len(g), g == aws.Group(b))
	}
}

// A comment of the greatest length fits, and one that doesn't is read from GitHub.
func TestLargeComments(t *testing.T) {
	m := incident.Message{Ref: ref, Why: "issue_comment.edited",
		What: &incident.Comment{ID: 1, Body: strings.Repeat("é", 65536), Before: strings.Repeat("é", 65536)}}
	for limit, kept := range map[int]bool{aws.MaxBody: true, 1000: false} {
		text, err := aws.Encode(m, limit)
		if err != nil || len(text) > limit {
			t.Errorf("%d bytes of %d: %v", len(text), limit, err)
		}
		read, err := aws.Decode(text)
		if err != nil || (read.Comment() != nil) != kept || read.Why != m.Why {
			t.Errorf("limit %d: comment kept %v, %v", limit, read.Comment() != nil, err)
		}
	}
}

func TestOnlyOurMessagesAreRead(t *testing.T) {
	for _, body := range []string{"", "x", "{}", "[]", `{"ref":{"owner":"acme"}}`, `{"ref":7}`} {
		if m, err := aws.Decode(body); err == nil {
			t.Errorf("%q is %+v", body, m)
		}
	}
}

// Whatever people write, SQS takes it and it is read as it was written.
func FuzzEncode(f *testing.F) {
	f.Add("/ic update \uFFFE and \uFFFF", "alice", "x")
	f.Add("\x00\x1b[31m \u2028 <script> 😀 \\ufffe", "", "d\x7f")
	f.Fuzz(func(t *testing.T, body, author, delivery string) {
		m := incident.Message{Ref: ref, Delivery: strings.ToValidUTF8(delivery, "?"),
			What: &incident.Comment{Body: strings.ToValidUTF8(body, "?"),
				Author: strings.ToValidUTF8(author, "?")}}
		text, err := aws.Encode(m, aws.MaxBody)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range text {
			if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0xFFFE || c == 0xFFFF {
				t.Errorf("%q holds %U, which SQS refuses", text, c)
			}
		}
		read, err := aws.Decode(text)
		if d := cmp.Diff(m, read); err != nil || d != "" && len(text) < aws.MaxBody/2 {
			t.Error(err, d)
		}
	})
}

// A search is a group of its own: SQS hands it out while a look at its incident is under way (X1).
func TestX1ASearchHasAGroupOfItsOwn(t *testing.T) {
	ref := incident.Ref{Owner: "Acme", Repo: "incidents", Number: 1}
	search := incident.Message{Ref: ref, What: &incident.Sought{Number: 1}}
	if g := aws.GroupOf(search); g != "~acme/incidents#1" || aws.GroupOf(incident.Message{Ref: ref}) != aws.Group(ref) {
		t.Errorf("the group of a search is %q", g)
	}
}

// TestS5GroupsAreSQS: SQS takes letters, digits and punctuation in the name of a group, and no space.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
func TestS5GroupsAreSQS(t *testing.T) {
	name := regexp.MustCompile("^[!-~]{1,128}$")
	ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: 7}
	for _, what := range []incident.Request{&incident.ChatSync{}, &incident.ChatLines{}, &incident.ChatAnswer{}, &incident.ChatPin{},
		&incident.ChatWho{}, &incident.Sought{}, &incident.ChatSaid{}} {
		if group := aws.GroupOf(incident.Message{Ref: ref, What: what}); !name.MatchString(group) {
			t.Errorf("%T: the group %q", what, group)
		}
	}
}
