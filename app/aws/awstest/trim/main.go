// Command trim writes models.json of package awstest: what AWS's own service models say of the operations that the
// product uses. It reads the models of botocore, which AWS publishes (Apache License 2.0), as files SERVICE.json:
//
//	go run ./app/aws/awstest/trim FOLDER > app/aws/awstest/models.json
package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// used are the operations that the product uses, by service.
var used = map[string][]string{
	"sqs": {"SendMessage", "ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch",
		"GetQueueAttributes"},
	"scheduler":      {"GetSchedule", "CreateSchedule", "UpdateSchedule", "DeleteSchedule", "GetScheduleGroup"},
	"secretsmanager": {"GetSecretValue", "DescribeSecret", "CreateSecret"},
	"ssm":            {"GetParameter"},
	"kms":            {"Sign", "GetPublicKey"},
	"cloudformation": {"DescribeStacks", "ListStackResources"},
	"cloudwatch":     {"DescribeAlarms"},
	"sns":            {"ListSubscriptionsByTopic"},
	"ses":            {"DescribeActiveReceiptRuleSet"},
}

// queried are the services whose answers are XML, which the double writes by the model.
var queried = []string{"cloudformation", "cloudwatch", "sns", "ses"}

// signedFor are the names that requests are signed for, where they differ from the service's.
var signedFor = map[string]string{"cloudwatch": "monitoring"}

// shape is a shape of a model, with the shapes that it refers to in it.
type shape struct {
	Type     string            `json:"type"`
	Required []string          `json:"required,omitempty"`
	Members  map[string]*shape `json:"members,omitempty"`
	Of       *shape            `json:"of,omitempty"` // of a list or a map
	Enum     []string          `json:"enum,omitempty"`
	Min      *float64          `json:"min,omitempty"`
	Max      *float64          `json:"max,omitempty"`
	Pattern  string            `json:"pattern,omitempty"`
}

type operation struct {
	Input  *shape   `json:"input"`
	Output *shape   `json:"output,omitempty"`
	Errors []string `json:"errors"`
}

type ref struct {
	Shape        string
	LocationName string
}

type model struct {
	Operations map[string]struct {
		Input, Output ref
		Errors        []ref
	}
	Shapes map[string]struct {
		Type          string
		Required      []string
		Members       map[string]ref
		Member, Value ref
		Enum          []string
		Min, Max      *float64
		Pattern       string
		Error         struct{ Code string }
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "trim: name the folder of the models")
		os.Exit(2)
	}
	out := map[string]map[string]operation{}
	for service, names := range used {
		text, err := os.ReadFile(filepath.Join(os.Args[1], service+".json"))
		var m model
		if err == nil {
			err = json.Unmarshal(text, &m)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "trim:", err)
			os.Exit(1)
		}
		signed := cmp.Or(signedFor[service], service)
		out[signed] = map[string]operation{}
		for _, name := range names {
			o := operation{Input: m.inline(m.Operations[name].Input.Shape, 0), Errors: []string{}}
			for _, e := range m.Operations[name].Errors {
				o.Errors = append(o.Errors, cmp.Or(m.Shapes[e.Shape].Error.Code, e.Shape))
			}
			if slices.Contains(queried, service) {
				o.Output = m.inline(m.Operations[name].Output.Shape, 0)
			}
			out[signed][name] = o
		}
	}
	text, err := json.MarshalIndent(out, "", "\t")
	if err == nil {
		_, err = fmt.Println(string(text))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "trim:", err)
		os.Exit(1)
	}
}

// deepest is how deep shapes are followed: some contain themselves.
const deepest = 6

func (m model) inline(name string, depth int) *shape {
	s := m.Shapes[name]
	out := &shape{Type: s.Type, Enum: s.Enum, Min: s.Min, Max: s.Max, Pattern: s.Pattern}
	if depth > deepest {
		return out
	}
	for member, r := range s.Members {
		if out.Members == nil {
			out.Members = map[string]*shape{}
		}
		out.Members[cmp.Or(r.LocationName, member)] = m.inline(r.Shape, depth+1)
	}
	for _, required := range s.Required {
		out.Required = append(out.Required, cmp.Or(s.Members[required].LocationName, required))
	}
	if of := cmp.Or(s.Member.Shape, s.Value.Shape); of != "" {
		out.Of = m.inline(of, depth+1)
	}
	return out
}
