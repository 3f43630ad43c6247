package awstest

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Schedule is a one-time schedule.
type Schedule struct {
	Group, Name string
	At          time.Time
	Input       string
}

type schedule struct {
	Schedule
	in    scheduleInput
	fired time.Time // zero: not yet. It is deleted a moment later
}

// Precision is how EventBridge Scheduler keeps its times. Its zero value is exact, and deletes what fired when Fire is
// called again.
type Precision struct {
	// Late is how long after its time a schedule fires: AWS says within a minute.
	// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
	Late time.Duration
	// Linger is how long a schedule that fired is still there, before it is deleted, with whatever was set in its place.
	// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-delete.html
	Linger time.Duration
	// Conflicts is whether what lingers can't be changed or deleted.
	Conflicts bool
	// Vanish is whether what fired is deleted as soon as somebody changes it: after CreateSchedule found it, and before
	// UpdateSchedule does.
	Vanish bool
}

// SetPrecision sets how times are kept.
func (a *AWS) SetPrecision(p Precision) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.precision = p
}

// deleteFired deletes the schedules that fired long enough ago.
func (a *AWS) deleteFired() {
	for key, s := range a.schedules {
		if !s.fired.IsZero() && !s.fired.Add(a.precision.Linger).After(a.now()) {
			delete(a.schedules, key)
		}
	}
}

type scheduleInput struct {
	GroupName, Name                                 string
	ActionAfterCompletion, ClientToken, Description string
	ScheduleExpression, ScheduleExpressionTimezone  string
	State                                           string
	FlexibleTimeWindow                              struct{ Mode string }
	Target                                          struct {
		Arn, RoleArn, Input string
		SqsParameters       struct{ MessageGroupId string }
	}
}

// Schedules lists the schedules that will fire, the next first.
func (a *AWS) Schedules() (all []Schedule) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.schedules {
		if s.fired.IsZero() {
			all = append(all, s.Schedule)
		}
	}
	slices.SortFunc(all, func(x, y Schedule) int {
		if c := x.At.Compare(y.At); c != 0 {
			return c
		}
		return strings.Compare(x.Name, y.Name)
	})
	return all
}

// Fire sends what is due into the queues, and reports how many that were. A schedule that fired is
// deleted a moment later, and with it whatever was set in its place in the meantime: here, when Fire is
// called again.
func (a *AWS) Fire() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.deleteFired()
	for _, s := range a.schedules {
		if s.fired.IsZero() && !s.At.Add(a.precision.Late).After(a.now()) {
			s.fired = a.now()
			n++
			if _, err := a.send(s.in.Target.Arn, s.in.Target.Input,
				s.in.Target.SqsParameters.MessageGroupId, ""); err != nil {
				a.t.Errorf("the schedule %s can't reach its target: %v", s.Name, err)
			}
		}
	}
	return n
}

// Due takes the schedules that are due, for a test whose queue is elsewhere. They are gone then.
func (a *AWS) Due() (due []Schedule) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, s := range a.schedules {
		if !s.At.After(a.now()) {
			due = append(due, s.Schedule)
			delete(a.schedules, key)
		}
	}
	return due
}

// groupsPath is where groups of schedules are.
const groupsPath = "/schedule-groups/"

func schedulerOperation(r *http.Request) string {
	if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, groupsPath) {
		return "GetScheduleGroup"
	}
	verb := map[string]string{http.MethodGet: "Get", http.MethodPost: "Create", http.MethodPut: "Update",
		http.MethodDelete: "Delete"}[r.Method]
	return verb + "Schedule"
}

var (
	scheduleName = regexp.MustCompile(`^[0-9a-zA-Z-_.]{1,64}$`)
	roleARN      = regexp.MustCompile(`^arn:aws:iam::\d{12}:role/[\w+=,.@-]+$`)
)

func (a *AWS) scheduler(operation string, r *http.Request, body []byte) (any, error) {
	if operation == "GetScheduleGroup" {
		return a.operator.scheduleGroup(strings.TrimPrefix(r.URL.Path, groupsPath))
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/schedules/")
	if !ok || !scheduleName.MatchString(name) {
		return nil, refused("ValidationException", "%s is no schedule", r.URL.Path)
	}
	if a.precision.Linger > 0 {
		a.deleteFired()
	}
	if operation == "CreateSchedule" || operation == "UpdateSchedule" {
		return a.put(operation, name, body)
	}
	key := group(r.URL.Query()) + "/" + name
	s := a.schedules[key]
	if s == nil {
		return nil, &failure{http.StatusNotFound, "ResourceNotFoundException",
			"Schedule " + name + " does not exist."}
	}
	if operation == "DeleteSchedule" && !s.fired.IsZero() && a.precision.Conflicts {
		return nil, inconsistent
	}
	if operation == "DeleteSchedule" {
		delete(a.schedules, key)
		return struct{}{}, nil
	}
	return map[string]any{"Name": name, "GroupName": s.Group, "ScheduleExpression": s.in.ScheduleExpression,
		"State": "ENABLED"}, nil
}

// inconsistent is what AWS says of a schedule that is being deleted.
var inconsistent = &failure{http.StatusConflict, "ConflictException",
	"Updating or deleting the resource can cause an inconsistent state."}

func group(q url.Values) string { return q.Get("groupName") }

// there returns the schedule that an operation finds. One that fired may conflict with a change, or be gone by then.
func (a *AWS) there(operation, key string) (*schedule, error) {
	s := a.schedules[key]
	if s == nil || s.fired.IsZero() || operation != "UpdateSchedule" {
		return s, nil
	}
	if a.precision.Vanish {
		delete(a.schedules, key)
		return nil, nil
	}
	if a.precision.Conflicts {
		return nil, inconsistent
	}
	return s, nil
}

// put creates or changes a schedule as Firebreak wants it: once, exactly then, and gone afterwards.
func (a *AWS) put(operation, name string, body []byte) (any, error) {
	var in scheduleInput
	if err := read(body, &in); err != nil {
		return nil, err
	}
	at, err := time.Parse("at(2006-01-02T15:04:05)", in.ScheduleExpression)
	if err != nil || in.ScheduleExpressionTimezone != "UTC" || !at.After(a.now()) {
		return nil, refused("ValidationException", "%s %s is no time to come", in.ScheduleExpression,
			in.ScheduleExpressionTimezone)
	}
	if in.FlexibleTimeWindow.Mode != "OFF" || in.ActionAfterCompletion != "DELETE" {
		return nil, refused("ValidationException", "not exactly once: window %s, then %s",
			in.FlexibleTimeWindow.Mode, in.ActionAfterCompletion)
	}
	target := in.Target
	if a.queues[target.Arn] == nil && a.elsewhere == nil || !roleARN.MatchString(target.RoleArn) ||
		target.SqsParameters.MessageGroupId == "" || target.Input == "" || len(target.Input) > 256<<10 {
		return nil, refused("ValidationException",
			"the target is no FIFO queue with a role and a group: %+v", target)
	}
	if in.GroupName == "" {
		return nil, refused("ValidationException", "no group")
	}
	key := in.GroupName + "/" + name
	s, err := a.there(operation, key)
	switch {
	case err != nil:
		return nil, err
	case operation == "CreateSchedule" && s != nil:
		return nil, &failure{http.StatusConflict, "ConflictException", "Schedule " + name + " already exists."}
	case operation == "UpdateSchedule" && s == nil:
		return nil, &failure{http.StatusNotFound, "ResourceNotFoundException",
			"Schedule " + name + " does not exist."}
	case s == nil:
		s = &schedule{}
		a.schedules[key] = s
	}
	s.Schedule, s.in = Schedule{Group: in.GroupName, Name: name, At: at, Input: target.Input}, in
	return map[string]string{"ScheduleArn": "arn:aws:scheduler:" + Region + ":" + Account + ":schedule/" +
		key}, nil
}
