package functions_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// template is CloudFormation as serverless.yml becomes it.
type template struct {
	Conditions map[string]any
	Resources  map[string]resource
	Outputs    map[string]any

	t *testing.T
}

type resource struct {
	Type       string
	Condition  string
	Properties map[string]any
}

// packagedOnce keeps templates by their parameters.
var packagedOnce sync.Map

// packaged is serverless.yml, packaged offline and without credentials.
func packaged(t *testing.T, params ...string) template {
	t.Helper()
	needPackages(t)
	made, _ := packagedOnce.LoadOrStore(strings.Join(params, " "), sync.OnceValues(func() ([]byte, error) {
		return osls(params)
	}))
	text, err := made.(func() ([]byte, error))()
	if err != nil {
		t.Fatal(err)
	}
	x := template{t: t}
	if err := json.Unmarshal(text, &x); err != nil {
		t.Fatal(err)
	}
	return x
}

// osls packages serverless.yml and returns the template.
func osls(params []string) ([]byte, error) {
	dir, err := os.MkdirTemp(folder, "osls")
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile("../serverless.yml")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"serverless.yml": text}
	for _, name := range []string{"webhook", "intake", "slack", "worker", "sweep"} {
		files["build/"+name+".zip"] = nil // what is in them matters to nobody here
	}
	if err := os.Mkdir(filepath.Join(dir, "build"), 0o755); err != nil {
		return nil, err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return nil, err
		}
	}
	if params != nil {
		if err := writeStage(dir, params); err != nil {
			return nil, err
		}
	}
	command, err := filepath.Abs("testdata/node_modules/.bin/osls")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(command, "package")
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	said, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(said), "Warning") {
		return nil, errors.Join(err, fmt.Errorf("osls package:\n%s", said))
	}
	return os.ReadFile(filepath.Join(dir, ".serverless", "cloudformation-template-update-stack.json"))
}

// writeStage writes the file of the stage prod.
func writeStage(dir string, params []string) error {
	text := ""
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		text += name + ": " + strconv.Quote(value) + "\n"
	}
	if err := os.Mkdir(filepath.Join(dir, "stages"), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "stages", "prod.yml"), []byte(text), 0o644)
}

var everything = []string{"appId=17", "kmsKey=arn:kms:key", "pagerUrl=https://pager.example",
	"sesIdentity=arn:ses:identity", "servicesSecret=arn:services",
	"freezeUrl=https://freezer.acme.example", "freezeSecret=arn:freeze", "alarmTopic=arn:sns:topic", "slackSecret=arn:slack", "mailAddress=p1@acme.example"}

// of returns the resources of a type that exist, by name.
func (x template) of(kind string) map[string]map[string]any {
	all := map[string]map[string]any{}
	for name, r := range x.Resources {
		if r.Type == kind && (r.Condition == "" || x.holds(r.Condition)) {
			all[name] = r.Properties
		}
	}
	return all
}

// holds reports whether a condition holds. There are Equals, Not and And.
func (x template) holds(condition any) bool {
	if name, ok := condition.(string); ok {
		return x.holds(x.Conditions[name])
	}
	c := condition.(map[string]any)
	if not, ok := c["Fn::Not"]; ok {
		return !x.holds(not.([]any)[0])
	}
	if and, ok := c["Fn::And"]; ok {
		return !slices.ContainsFunc(and.([]any), func(one any) bool { return !x.holds(one) })
	}
	equals := c["Fn::Equals"].([]any)
	return equals[0] == equals[1]
}

// text writes a value shortly: X for a Ref, X.Arn for a GetAtt, ${X} within a Sub or a Join; "" if
// there isn't one.
func (x template) text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case map[string]any:
		for kind, of := range v {
			switch kind {
			case "Ref":
				return strings.ReplaceAll(of.(string), "AWS::NoValue", "")
			case "Fn::GetAtt":
				return x.list(of, ".")
			case "Fn::Sub":
				if list, ok := of.([]any); ok {
					text := list[0].(string)
					for name, value := range list[1].(map[string]any) {
						text = strings.ReplaceAll(text, "${"+name+"}", x.text(value))
					}
					return text
				}
				return of.(string)
			case "Fn::Split":
				return strings.ReplaceAll(of.([]any)[1].(string), of.([]any)[0].(string), " ")
			case "Fn::Join":
				return x.list(of.([]any)[1], "")
			case "Fn::If":
				return x.text(x.choose(of))
			}
		}
		x.t.Fatalf("%v can't be written", v)
	case []any:
		return x.list(v, ", ")
	}
	return fmt.Sprint(v)
}

func (x template) choose(of any) any {
	f := of.([]any)
	if x.holds(f[0]) {
		return f[1]
	}
	return f[2]
}

func (x template) list(v any, separator string) string {
	var parts []string
	for _, p := range v.([]any) {
		parts = append(parts, x.text(p))
	}
	return strings.Join(parts, separator)
}

// may lists what a role may do, as "action on resource", with the condition after it.
func (x template) may(role string) (all []string) {
	policies := x.Resources[role].Properties["Policies"].([]any)
	for _, p := range policies {
		for _, s := range p.(map[string]any)["PolicyDocument"].(map[string]any)["Statement"].([]any) {
			s := s.(map[string]any)
			if of, ok := s["Fn::If"]; ok {
				if s = x.choose(of).(map[string]any); s["Ref"] == "AWS::NoValue" {
					continue
				}
			}
			if s["Effect"] != "Allow" {
				x.t.Errorf("%s: %v", role, s)
			}
			for _, action := range each(s["Action"]) {
				for _, on := range each(s["Resource"]) {
					if what := x.text(on); what != "" {
						all = append(all, strings.TrimSpace(x.text(action)+" on "+what+" "+
							x.when(s["Condition"])))
					}
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

func each(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

func (x template) when(condition any) string {
	if condition == nil {
		return ""
	}
	var all []string
	for operator, of := range condition.(map[string]any) {
		for key, value := range of.(map[string]any) {
			switch operator {
			case "StringEquals":
				all = append(all, key+"="+x.text(value))
			case "Null":
				all = append(all, key+" is missing: "+x.text(value))
			default:
				x.t.Errorf("the condition %s", operator)
			}
		}
	}
	slices.Sort(all)
	return "if " + strings.Join(all, " and ")
}
