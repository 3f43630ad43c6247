package intake

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// EventBridge reads what an API destination of EventBridge's posts, with a token.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
type EventBridge struct{ Secrets Secrets }

// Name returns "eventbridge".
func (e *EventBridge) Name() string { return "eventbridge" }

// Early needs the token.
func (e *EventBridge) Early(h http.Header, _ time.Time) error { return needToken(e.Secrets, h) }

// Read returns a Signal for an alarm that goes off or ends, or for any other event that a rule
// sends here.
func (e *EventBridge) Read(_ context.Context, r Request) (Result, error) {
	if err := needToken(e.Secrets, r.Header); err != nil {
		return Result{}, err
	}
	var event Event
	if err := decode(r.Body, &event); err != nil {
		return Result{}, err
	}
	return ReadEvent(r, event, SharedSecret)
}

// alarmState is the detail of a CloudWatch alarm's state change.
type alarmState struct {
	AlarmName     string `json:"alarmName"`
	Configuration struct {
		Description string `json:"description"`
	} `json:"configuration"`
	State struct {
		Value     string `json:"value"`
		Reason    string `json:"reason"`
		Timestamp string `json:"timestamp"`
	} `json:"state"`
	AlarmTags map[string]string `json:"alarmTags"`
}

// ReadEvent reads an event that whoever calls has verified: a function that EventBridge invokes is
// authenticated by AWS.
func ReadEvent(r Request, event Event, trust Trust) (Result, error) {
	if event.Source == "" || event.DetailType == "" {
		return Result{}, bad("not an event of EventBridge's: source and detail-type are needed")
	}
	if event.Source == "aws.ses" {
		if s, ok := readSESReport(event.Detail, trust); ok {
			return Result{Signals: []Signal{sealed(r, s)}}, nil
		}
	}
	resource := ""
	if len(event.Resources) > 0 {
		resource = event.Resources[0]
	}
	if event.Source != "aws.cloudwatch" || event.DetailType != "CloudWatch Alarm State Change" {
		var detail bytes.Buffer
		if err := json.Indent(&detail, event.Detail, "", "  "); err != nil {
			detail.Reset() // an event without detail
		}
		s := Signal{
			Source:   "eventbridge",
			DedupKey: key("eventbridge", event.Source, event.DetailType, cmp.Or(resource, event.ID)),
			Event:    event.ID, Firing: true, Trust: trust, Started: parseTime(event.Time),
			Title: strings.TrimSpace(event.DetailType + " " + resource), Text: detail.String(),
			Labels: map[string]string{
				"account":     event.AccountID,
				"region":      event.Region,
				"source":      event.Source,
				"detail-type": event.DetailType,
			},
		}
		return Result{Signals: []Signal{sealed(r, s)}}, nil
	}
	var a alarmState
	if err := decode(event.Detail, &a); err != nil {
		return Result{}, err
	}
	if a.AlarmName == "" {
		return Result{}, bad("the event names no alarm")
	}
	if a.State.Value != "ALARM" && a.State.Value != "OK" {
		return Result{}, nil // INSUFFICIENT_DATA is what every new alarm begins with
	}
	arn := cmp.Or(resource, "arn:aws:cloudwatch:"+event.Region+":"+event.AccountID+":alarm:"+a.AlarmName)
	s := alarmSignal(arn, a.AlarmName, a.State.Value, a.State.Timestamp, trust)
	s.Text = a.Configuration.Description + "\n" + a.State.Reason
	for name, value := range a.AlarmTags {
		s.Labels[name] = value
	}
	s.SeverityHint, s.CustomerHint = s.Labels["severity"], s.Labels["customer"]
	return Result{Signals: []Signal{sealed(r, s)}}, nil
}

// readAlarm reads the message that an alarm's action publishes by SNS; ok is false if it isn't one.
func readAlarm(message string, trust Trust) (s Signal, ok bool) {
	var a snsAlarm
	if err := decode([]byte(message), &a); err != nil || a.AlarmName == "" || a.NewStateValue == "" {
		return s, false
	}
	s = alarmSignal(
		cmp.Or(a.AlarmARN, a.AWSAccountID+"/"+a.Region+"/"+a.AlarmName),
		a.AlarmName,
		a.NewStateValue,
		a.StateChangeTime,
		trust,
	)
	s.Text = a.AlarmDescription + "\n" + a.NewStateReason
	if t := a.Trigger; t.MetricName != "" {
		s.Text += "\nMetric: " + strings.Join(
			strings.Fields(t.Namespace+" "+t.MetricName+" "+t.Statistic),
			" ",
		)
		for _, d := range t.Dimensions {
			s.Text += " " + d.Name + "=" + d.Value
			s.Labels[d.Name] = d.Value
		}
		s.Labels["namespace"], s.Labels["metric"] = t.Namespace, t.MetricName
	}
	return s, true
}

// alarmSignal returns what both ways of an alarm have in common, so that an alarm that comes by
// both is one trouble. The time of the change is in Event and not in DedupKey: an alarm and its end
// must meet (I6).
func alarmSignal(arn, name, state, changed string, trust Trust) Signal {
	s := Signal{
		Source: "cloudwatch", DedupKey: key("cloudwatch", arn), Event: digest(arn, state, changed),
		Firing: state != "OK", Trust: trust,
		Title: name, Started: parseTime(changed), Labels: map[string]string{"alarmname": name},
	}
	if part := strings.SplitN(arn, ":", 7); len(part) == 7 && part[1] == "aws" {
		s.Labels["region"], s.Labels["account"] = part[3], part[4]
		s.URL = "https://console.aws.amazon.com/cloudwatch/home?region=" + url.QueryEscape(part[3]) +
			"#alarmsV2:alarm/" + url.PathEscape(name)
	}
	return s
}
