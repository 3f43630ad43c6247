// Package stage reads and writes the file of a stage: the parameters of serverless.yml that a deployment on AWS is
// made with. The file is kept between deployments, so that none of them is forgotten. It holds no secret, only where
// secrets are.
package stage

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// Template is the file that takes the parameters, in the folder that has the stages.
const Template = "serverless.yml"

// folder is where the files of the stages are.
const folder = "stages"

// service is the name of the deployment, which the names of its stacks begin with.
const service = "firebreak"

// DefaultRegion is where a stage is whose file names no region, as serverless.yml says.
const DefaultRegion = "eu-central-1"

// File is what the file of a stage says.
type File struct {
	Name   string // of the stage
	Path   string
	Params map[string]string
}

// A Param is a parameter and its value.
type Param struct{ Name, Value string }

var (
	stageName  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,30}$`) // of which names on AWS are made
	parameters = regexp.MustCompile(`\$\{self:custom\.stage\.(\w+)`)
)

// CheckName returns an error where a stage can't have a name.
func CheckName(name string) error {
	if !stageName.MatchString(name) {
		return fmt.Errorf("stage %q: give letters, digits and hyphens, such as prod", name)
	}
	return nil
}

// Path returns where the file of a stage is, in a folder that has serverless.yml.
func Path(dir, name string) string { return filepath.Join(dir, folder, name+".yml") }

// Stack returns the name of the stage's stack.
func (f *File) Stack() string { return service + "-" + f.Name }

// Region returns where on AWS the stage is.
func (f *File) Region() string {
	if r := f.Params["region"]; r != "" {
		return r
	}
	return DefaultRegion
}

// Read reads the file of a stage and checks it against serverless.yml. All mistakes are named at once.
func Read(dir, name string) (*File, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	template, err := os.ReadFile(filepath.Join(dir, Template))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w; run this in a checkout of Firebreak, or name it by --dir", Template, err)
	}
	f, err := load(Path(dir, name), name)
	if err != nil {
		return nil, err
	}
	return f, f.check(template)
}

// load reads the file of a stage.
func load(path, name string) (*File, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("the stage %s has no file %s (%w): without it each parameter would be lost that an earlier "+
			"deployment had. For a new App run `firebreak setup --to secretsmanager:NAME --stage %s`; for one that "+
			"exists write the file, with at least: appId: \"123456\"", name, path, os.ErrNotExist, name)
	}
	if err != nil {
		return nil, fmt.Errorf("read the stage %s: %w", name, err)
	}
	return parse(text, path, name)
}

func parse(text []byte, path, name string) (*File, error) {
	var values map[string]any
	if err := yaml.Unmarshal(text, &values); err != nil {
		return nil, fmt.Errorf("%s: write one parameter a line, as name: \"value\": %w", path, err)
	}
	f := &File{Name: name, Path: path, Params: map[string]string{}}
	var wrong []error
	for _, param := range slices.Sorted(maps.Keys(values)) {
		switch v := values[param].(type) {
		case nil:
		case string, bool, int64, uint64, int, float64:
			f.Params[param] = fmt.Sprint(v)
		default:
			wrong = append(wrong, fmt.Errorf("%s: %s: give one value; several go into it by commas", path, param))
		}
	}
	return f, errors.Join(wrong...)
}

// arns are the parameters that name something on AWS, by the service it belongs to. A secret in place of its ARN would
// be in the file, and in the template.
var arns = map[string]string{"webhookSecret": "secretsmanager", "privateKey": "secretsmanager",
	"servicesSecret": "secretsmanager", "freezeSecret": "secretsmanager", "kmsKey": "kms", "alarmTopic": "sns",
	"sesIdentity": "ses", "certificate": "acm"}

// together are parameters that make no sense without another.
var together = [][2]string{{"domain", "certificate"}, {"certificate", "domain"}, {"hostedZone", "domain"},
	{"vpcSubnets", "vpcSecurityGroups"}, {"vpcSecurityGroups", "vpcSubnets"}, {"freezeUrl", "freezeSecret"},
	{"mailRuleSet", "mailAddress"}}

func (f *File) check(template []byte) error {
	known := map[string]bool{}
	for _, m := range parameters.FindAllSubmatch(template, -1) {
		known[string(m[1])] = true
	}
	var wrong []error
	bad := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf(f.Path+": "+format, args...))
	}
	for _, name := range slices.Sorted(maps.Keys(f.Params)) {
		value := f.Params[name]
		switch of := arns[name]; {
		case !known[name]:
			bad("%s is no parameter of %s%s", name, Template, guess(name, known))
		case of != "" && value != "" && !strings.HasPrefix(value, "arn:"):
			bad("%s: give the ARN, which begins with arn:, and never the secret itself", name)
		case of != "" && value != "" && strings.Split(value+":::", ":")[2] != of:
			bad("%s: the ARN is of another service than %s", name, of)
		case of == "secretsmanager" && value != "" && strings.Split(value+":::", ":")[3] != f.Region():
			bad("%s is in another region than %s, where the stage is: add region: or make the secret there", name, f.Region())
		}
	}
	if id := f.Params["appId"]; id == "" {
		bad("appId is missing: the App's number, on its settings page")
	} else if _, err := strconv.ParseInt(id, 10, 64); err != nil {
		bad("appId: %q is not a number", id)
	}
	for _, pair := range together {
		if f.Params[pair[0]] != "" && f.Params[pair[1]] == "" {
			bad("%s needs %s, too", pair[0], pair[1])
		}
	}
	if f.Params["kmsKey"] != "" && f.Params["privateKey"] != "" {
		bad("kmsKey and privateKey are both given: the key is in one place")
	}
	return errors.Join(wrong...)
}

// guess returns the parameter that was meant, if it is plain.
func guess(name string, known map[string]bool) string {
	for k := range known {
		if strings.EqualFold(k, name) {
			return ": it is " + k
		}
	}
	return ""
}

// Create writes the file of a stage that has none.
func Create(dir, name string, params []Param) error {
	path := Path(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the stage %s: %w", name, err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write the stage %s: %w", name, err)
	}
	text := "# The parameters of Firebreak's stage " + name + ", which `firebreak deploy " + name + "` reads. " +
		Template + " explains each.\n" +
		"# Keep this file: a parameter that is missing is as if it was never there. It holds no secret.\n"
	for _, p := range params {
		text += line(p) + "\n"
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Sync(), file.Close())
}

func line(p Param) string { return p.Name + ": " + strconv.Quote(p.Value) }

// AddRepository adds a repository to those for incidents in the file of a stage, and reports whether it was missing.
// Everything else in the file stays as it is. The error is os.ErrNotExist where there isn't such a file.
func AddRepository(path, repository string) (added bool, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return false, fmt.Errorf("list %s: %w", repository, err)
	}
	f, err := parse(text, path, "")
	if err != nil {
		return false, err
	}
	names := strings.FieldsFunc(f.Params["repositories"], func(r rune) bool { return r == ',' || r == ' ' })
	if naming.Contains(names, repository) {
		return false, nil
	}
	list := Param{"repositories", strings.Join(append(names, repository), ",")}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "repositories:") })
	if at < 0 {
		lines = append(lines, line(list))
	} else {
		comment := ""
		if _, after, ok := strings.Cut(lines[at], " #"); ok {
			comment = "  #" + after
		}
		lines[at] = line(list) + comment
	}
	changed := strings.Join(lines, "\n") + "\n"
	if now, err := parse([]byte(changed), path, ""); err != nil || now.Params["repositories"] != list.Value {
		return false, fmt.Errorf("%s: add %s to repositories there yourself: it is not on one line", path, repository)
	}
	return true, replace(path, changed)
}

// replace writes a file again, all of it or nothing.
func replace(path, text string) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(temporary)))
	}
	return nil
}

// ParametersOutput is the output of the stack that names the parameters that were given at the last deployment.
const ParametersOutput = "Parameters"

// Given returns the names of the parameters that the file names, as that output has them.
func (f *File) Given() string { return strings.Join(slices.Sorted(maps.Keys(f.Params)), " ") }

// Lost returns what the deployment of a stage would lose that the deployed one has, and what to write to keep it.
// outputs are those of the stack, and makes reports whether the stack itself made a resource.
func (f *File) Lost(outputs map[string]string, makes func(resource string) bool) (all []string) {
	secrets := map[string]string{"webhookSecret": "WebhookSecret", "privateKey": "PrivateKey"}
	before := strings.TrimSpace(outputs[ParametersOutput])
	if before == "-" { // deployed without `firebreak deploy`
		before = ""
	}
	for _, name := range strings.Fields(before) {
		if _, given := f.Params[name]; given || name == "privateKey" && f.Params["kmsKey"] != "" {
			continue
		}
		says := fmt.Sprintf("%s was given at the last deployment and is missing in %s: write ", name, f.Path)
		if value := outputs[secrets[name]]; value != "" {
			says += fmt.Sprintf("%s: %q", name, value)
		} else {
			says += name + `: "" if it is to go, else its value`
		}
		all = append(all, says)
	}
	if before != "" {
		return all
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		resource := secrets[name]
		_, given := f.Params[name]
		if given || outputs[resource] == "" || makes(resource) || name == "privateKey" && f.Params["kmsKey"] != "" {
			continue
		}
		all = append(all, fmt.Sprintf("the stack reads another %s than this deployment would make: write %s: %q into %s",
			name, name, outputs[resource], f.Path))
	}
	return all
}

// Environment returns the variables with which a command acts as the stage's App, with secrets by their names. What
// the file leaves to the stack is among its outputs, if there is one.
func (f *File) Environment(outputs map[string]string) map[string]string {
	p := f.Params
	env := map[string]string{}
	for name, variable := range map[string]string{"appId": "APP_ID", "appSlug": "APP_SLUG", "githubUrl": "GITHUB_URL",
		"githubLimits": "GITHUB_LIMITS", "accounts": "ACCOUNTS", "repositories": "REPOSITORIES",
		"intakeRepository": "INTAKE_REPOSITORY", "kmsKey": "KMS_KEY", "publicUrl": "PUBLIC_URL",
		"outboundAllow": "OUTBOUND_ALLOW"} {
		if p[name] != "" {
			env["FIREBREAK_"+variable] = p[name]
		}
	}
	secret := func(variable, id string) {
		if id != "" {
			env["FIREBREAK_"+variable] = "secretsmanager:" + id
		}
	}
	secret("WEBHOOK_SECRET", cmp.Or(p["webhookSecret"], outputs["WebhookSecret"]))
	secret("SECRETS", p["servicesSecret"])
	if p["kmsKey"] == "" {
		secret("PRIVATE_KEY", cmp.Or(p["privateKey"], outputs["PrivateKey"]))
	}
	if env["FIREBREAK_PUBLIC_URL"] == "" && outputs["WebhookURL"] != "" {
		env["FIREBREAK_PUBLIC_URL"] = strings.TrimSuffix(outputs["WebhookURL"], "/webhook")
	}
	return env
}
