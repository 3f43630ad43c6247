package awstest

import (
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Stack is a stack of CloudFormation.
type Stack struct {
	Status, Reason string
	Outputs        map[string]string
	Resources      []StackResource
}

// StackResource is a resource of a stack.
type StackResource struct{ Logical, Type, Physical string }

// Alarm is an alarm of CloudWatch.
type Alarm struct {
	Name, State string // OK, ALARM or INSUFFICIENT_DATA
	Actions     []string
	IsDisabled  bool
}

// Subscription is one of an SNS topic. Its ARN is PendingConfirmation until somebody confirmed it.
type Subscription struct{ ARN, Protocol, Endpoint string }

// Rule is a receipt rule of SES.
type Rule struct {
	Name    string
	Enabled bool
}

// operator is what the services hold that a person looks at.
type operator struct {
	stacks  map[string]Stack
	alarms  []Alarm
	topics  map[string][]Subscription
	ruleSet string // the active one
	rules   []Rule
	groups  map[string]string // state by name
}

// SetStack makes or changes a stack.
func (a *AWS) SetStack(name string, s Stack) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.operator.stacks[name] = s
}

// SetAlarms sets all alarms.
func (a *AWS) SetAlarms(all ...Alarm) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.operator.alarms = all
}

// SetTopic makes a topic with these subscriptions.
func (a *AWS) SetTopic(arn string, all ...Subscription) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.operator.topics[arn] = all
}

// SetActiveRules sets the active receipt rule set of SES; "": none is active.
func (a *AWS) SetActiveRules(set string, rules ...Rule) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.operator.ruleSet, a.operator.rules = set, rules
}

// SetScheduleGroup makes a group of schedules, in the state ACTIVE or DELETING.
func (a *AWS) SetScheduleGroup(name, state string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.operator.groups[name] = state
}

// versions are those of the services that take forms and answer with XML, by the name that requests are signed for.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Query.html
var versions = map[string]string{"cloudformation": "2010-05-15", "monitoring": "2010-08-01", "sns": "2010-03-31",
	"ses": "2010-12-01"}

// query serves one of those.
func (a *AWS) query(w http.ResponseWriter, r *http.Request, service string, body []byte) {
	out, operation, err := a.asked(r, service, body)
	w.Header().Set("Content-Type", "text/xml")
	e := xml.NewEncoder(w)
	if err == nil {
		result := element(operation+"Result", models[service][operation].Output, out)
		err = e.Encode(node{XMLName: xml.Name{Local: operation + "Response"}, Nodes: []node{result}})
	}
	if err == nil {
		return
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{http.StatusBadRequest, "MalformedInput", err.Error()}
	}
	w.WriteHeader(f.status)
	_ = e.Encode(node{XMLName: xml.Name{Local: "ErrorResponse"}, Nodes: []node{{XMLName: xml.Name{Local: "Error"},
		Nodes: []node{leaf("Type", "Sender"), leaf("Code", f.code), leaf("Message", f.message)}}}})
}

// asked does an operation.
func (a *AWS) asked(r *http.Request, service string, body []byte) (out map[string]any, operation string, err error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, "", err
	}
	operation = form.Get("Action")
	model, known := models[service][operation]
	if !known || form.Get("Version") != versions[service] || r.Method != http.MethodPost ||
		!strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return nil, operation, refused("InvalidAction", "%s of %s, version %s", operation, service, form.Get("Version"))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, operation)
	if code := a.refuse[operation]; code != "" {
		return nil, operation, refused(code, "the test wants it so")
	}
	in, err := decodeForm(model.Input, form)
	if err != nil {
		return nil, operation, err
	}
	if wrong := model.Input.check(operation, in); wrong != "" {
		return nil, operation, refused("ValidationError", "%s", wrong)
	}
	if out, err = a.operator.do(operation, in, a.now()); err != nil {
		return nil, operation, err
	}
	if wrong := model.Output.check(operation+"Result", out); wrong != "" {
		a.t.Errorf("the double answers what AWS does not: %s", wrong)
	}
	return out, operation, nil
}

// decodeForm reads a form by the model of its operation: Names.member.1=a is the first of Names.
func decodeForm(model *shape, form url.Values) (map[string]any, error) {
	in := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(form)) {
		name, number, listed := strings.Cut(key, ".member.")
		switch of := model.Members[name]; {
		case key == "Action" || key == "Version":
		case listed:
			list, _ := in[name].([]any)
			if n, err := strconv.Atoi(number); err != nil || n < 1 || n > len(form) {
				return nil, refused("MalformedQueryString", "%s", key)
			}
			in[name] = append(list, form.Get(key))
		case of != nil && of.Type == "integer":
			n, err := strconv.ParseFloat(form.Get(key), 64)
			if err != nil {
				return nil, refused("MalformedInput", "%s=%s", key, form.Get(key))
			}
			in[name] = n
		default:
			in[name] = form.Get(key)
		}
	}
	return in, nil
}

// node is an element of XML.
type node struct {
	XMLName xml.Name
	Text    string `xml:",chardata"`
	Nodes   []node
}

func leaf(name, text string) node { return node{XMLName: xml.Name{Local: name}, Text: text} }

// element writes a value as its model says.
func element(name string, s *shape, value any) node {
	switch v := value.(type) {
	case map[string]any:
		n := node{XMLName: xml.Name{Local: name}}
		for _, member := range slices.Sorted(maps.Keys(v)) {
			n.Nodes = append(n.Nodes, element(member, s.Members[member], v[member]))
		}
		return n
	case []any:
		n := node{XMLName: xml.Name{Local: name}}
		for _, one := range v {
			n.Nodes = append(n.Nodes, element("member", s.Of, one))
		}
		return n
	}
	return leaf(name, fmt.Sprint(value))
}

// pageSize is how many things a page of an answer has: less than AWS's, so that the product must ask for more.
const pageSize = 3

// pageOf returns the page of a list that a token asks for, and the token of the next; nil: there is none.
func pageOf[T any](all []T, token any) (page []T, next any) {
	from, _ := strconv.Atoi(fmt.Sprint(token))
	from = min(from, len(all))
	to := min(from+pageSize, len(all))
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return all[from:to], next
}

// answerOf is a page of a list, with the token of the next.
func answerOf[T any](name string, all []T, token any, write func(T) map[string]any) map[string]any {
	page, next := pageOf(all, token)
	list := []any{}
	for _, one := range page {
		list = append(list, write(one))
	}
	out := map[string]any{name: list}
	if next != nil {
		out["NextToken"] = next
	}
	return out
}

func (o *operator) do(operation string, in map[string]any, now time.Time) (map[string]any, error) {
	text := func(name string) string { v, _ := in[name].(string); return v }
	at := now.UTC().Format(time.RFC3339)
	switch operation {
	case "DescribeStacks", "ListStackResources":
		stack, ok := o.stacks[text("StackName")]
		if !ok {
			return nil, refused("ValidationError", "Stack with id %s does not exist", text("StackName"))
		}
		if operation == "ListStackResources" {
			return answerOf("StackResourceSummaries", stack.Resources, in["NextToken"],
				func(r StackResource) map[string]any {
					return map[string]any{"LogicalResourceId": r.Logical, "PhysicalResourceId": r.Physical,
						"ResourceType": r.Type, "ResourceStatus": "CREATE_COMPLETE", "LastUpdatedTimestamp": at}
				}), nil
		}
		outputs := []any{}
		for _, key := range slices.Sorted(maps.Keys(stack.Outputs)) {
			outputs = append(outputs, map[string]any{"OutputKey": key, "OutputValue": stack.Outputs[key]})
		}
		s := map[string]any{"StackName": text("StackName"), "StackStatus": stack.Status, "CreationTime": at,
			"Outputs": outputs}
		if stack.Reason != "" {
			s["StackStatusReason"] = stack.Reason
		}
		return map[string]any{"Stacks": []any{s}}, nil
	case "DescribeAlarms":
		names, _ := in["AlarmNames"].([]any)
		var found []Alarm
		for _, a := range o.alarms {
			if names == nil || slices.Contains(names, any(a.Name)) {
				found = append(found, a)
			}
		}
		return answerOf("MetricAlarms", found, in["NextToken"], func(a Alarm) map[string]any {
			actions := []any{}
			for _, arn := range a.Actions {
				actions = append(actions, arn)
			}
			return map[string]any{"AlarmName": a.Name, "StateValue": a.State, "ActionsEnabled": !a.IsDisabled,
				"AlarmActions": actions, "StateUpdatedTimestamp": at}
		}), nil
	case "ListSubscriptionsByTopic":
		all, ok := o.topics[text("TopicArn")]
		if !ok {
			return nil, &failure{http.StatusNotFound, "NotFound", "Topic does not exist"}
		}
		return answerOf("Subscriptions", all, in["NextToken"], func(s Subscription) map[string]any {
			return map[string]any{"SubscriptionArn": s.ARN, "Protocol": s.Protocol, "Endpoint": s.Endpoint,
				"TopicArn": text("TopicArn"), "Owner": Account}
		}), nil
	}
	if o.ruleSet == "" { // DescribeActiveReceiptRuleSet
		return map[string]any{}, nil
	}
	rules := []any{}
	for _, r := range o.rules {
		rules = append(rules, map[string]any{"Name": r.Name, "Enabled": r.Enabled})
	}
	return map[string]any{"Metadata": map[string]any{"Name": o.ruleSet, "CreatedTimestamp": at}, "Rules": rules}, nil
}

// scheduleGroup answers GetScheduleGroup.
func (o *operator) scheduleGroup(name string) (any, error) {
	state, ok := o.groups[name]
	if !ok {
		return nil, &failure{http.StatusNotFound, "ResourceNotFoundException",
			"Schedule group " + name + " does not exist."}
	}
	return map[string]any{"Name": name, "State": state, "Arn": "arn:aws:scheduler:" + Region + ":" + Account +
		":schedule-group/" + name}, nil
}
