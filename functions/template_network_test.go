package functions_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Nothing is deployed without the file of the stage, or without the App's number in it.
func TestAStageWithoutItsFileIsNotDeployed(t *testing.T) {
	needPackages(t)
	for name, params := range map[string][]string{"custom.stage": nil, "params.default.appId": {"appSlug=x"}} {
		_, err := osls(params)
		if err == nil || !strings.Contains(err.Error(), `Cannot resolve variable at "`+name+`"`) {
			t.Errorf("%q: %v", params, err)
		}
	}
}

// network are all parameters of the network.
var network = []string{"appId=17", "domain=firebreak.acme.example", "certificate=arn:aws:acm:certificate", "hostedZone=Z1",
	"vpcSubnets=subnet-a,subnet-b", "vpcSecurityGroups=sg-a"}

// In a VPC are the functions that call somebody, and what runs in them can't change the network.
func TestTheVPC(t *testing.T) {
	without := packaged(t, "appId=17")
	x := packaged(t, network...)
	for logical, f := range x.of("AWS::Lambda::Function") {
		name := strings.TrimSuffix(logical, "LambdaFunction")
		at := map[string]string{}
		if choice, ok := f["VpcConfig"].(map[string]any); ok {
			for key, value := range x.choose(choice["Fn::If"]).(map[string]any) {
				at[key] = x.text(value)
			}
		}
		want := map[string]string{"SubnetIds": "subnet-a subnet-b", "SecurityGroupIds": "sg-a"}
		var changes []string
		for _, action := range []string{"AssignPrivateIpAddresses", "CreateNetworkInterface", "DeleteNetworkInterface",
			"DescribeNetworkInterfaces", "DescribeSubnets", "UnassignPrivateIpAddresses"} {
			changes = append(changes, "ec2:"+action+" on * if lambda:SourceFunctionArn is missing: true")
		}
		if name == "Webhook" {
			want, changes = map[string]string{}, nil
		}
		if d := cmp.Diff(want, at); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
		may := slices.DeleteFunc(x.may(name+"Role"), func(p string) bool { return !strings.HasPrefix(p, "ec2:") })
		if !slices.Equal(may, changes) {
			t.Errorf("%s may %q, want %q", name, may, changes)
		}
		if at := without.text(without.Resources[logical].Properties["VpcConfig"]); at != "" {
			t.Errorf("%s is in %s without being asked", name, at)
		}
		if strings.Contains(strings.Join(without.may(name+"Role"), " "), "ec2:") {
			t.Errorf("%s may change the network without being in it", name)
		}
	}
}

// With a domain, webhooks, reports and the links of pages go there, and its record is made where its zone is known.
func TestTheDomain(t *testing.T) {
	const own = "https://${HttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
	for name, c := range map[string]struct {
		params []string
		at     string
		public string
		made   []string
	}{
		"none": {[]string{"appId=17"}, own, own, nil},
		"domain and zone": {network, "https://firebreak.acme.example", "https://firebreak.acme.example",
			[]string{"DomainMapping", "DomainName", "DomainRecord"}},
		"domain, and a public address of its own": {append(slices.Clone(network[:3]), "publicUrl=https://p.acme.example"),
			"https://firebreak.acme.example", "https://p.acme.example", []string{"DomainMapping", "DomainName"}},
	} {
		x := packaged(t, c.params...)
		for output, path := range map[string]string{"WebhookURL": "/webhook", "IntakeURL": "/intake/"} {
			if got := x.text(x.Outputs[output].(map[string]any)["Value"]); got != c.at+path {
				t.Errorf("%s: %s is %s", name, output, got)
			}
		}
		for _, f := range []string{"Intake", "Worker"} {
			env := x.Resources[f+"LambdaFunction"].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
			if got := x.text(env["FIREBREAK_PUBLIC_URL"]); got != c.public {
				t.Errorf("%s: people reach %s at %s", name, f, got)
			}
		}
		var made []string
		for logical, r := range x.Resources {
			if strings.HasPrefix(logical, "Domain") && x.holds(r.Condition) {
				made = append(made, logical)
			}
		}
		if slices.Sort(made); !slices.Equal(made, c.made) {
			t.Errorf("%s: %q are made", name, made)
		}
	}
	x := packaged(t, network...)
	for logical, want := range map[string]map[string]any{
		"DomainName": {"DomainName": "firebreak.acme.example", "DomainNameConfigurations": []any{map[string]any{
			"CertificateArn": "arn:aws:acm:certificate", "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}}},
		"DomainMapping": {"ApiId": "HttpApi", "DomainName": "DomainName", "Stage": "HttpApiStage"},
		"DomainRecord": {"HostedZoneId": "Z1", "Name": "firebreak.acme.example", "Type": "A", "AliasTarget": map[string]any{
			"DNSName": "DomainName.RegionalDomainName", "HostedZoneId": "DomainName.RegionalHostedZoneId"}},
	} {
		if d := cmp.Diff(want, x.plain(x.Resources[logical].Properties)); d != "" {
			t.Errorf("%s:\n%s", logical, d)
		}
	}
	if x.Resources["HttpApiStage"].Type != "AWS::ApiGatewayV2::Stage" {
		t.Error("the mapping leads to no stage of the HTTP API")
	}
}

// The commands of docs/production-aws.md wrap an App's key so that KMS can import it: with the other half of the wrapping
// key, what they make is the key again.
func TestTheKeyIsWrappedForKMS(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("openssl isn't installed (apt-get install openssl): %v", err)
		}
		t.Skipf("openssl isn't installed (apt-get install openssl): %v", err)
	}
	page, err := os.ReadFile("../docs/production-aws.md")
	if err != nil {
		t.Fatal(err)
	}
	_, wrap, found := strings.Cut(string(page), "<!-- wrap: begin -->\n```\n")
	wrap, _, ends := strings.Cut(wrap, "```\n<!-- wrap: end -->")
	if !found || !ends {
		t.Fatal("the page has no commands that wrap the key")
	}
	dir := t.TempDir()
	script := openssl + ` genrsa -traditional -out key.pem 2048
` + openssl + ` genrsa -out kms.pem 4096
` + openssl + ` rsa -in kms.pem -pubout -outform DER -out wrapping.der
` + wrap + `
head --bytes 512 wrapped.bin > aes.wrapped
tail --bytes +513 wrapped.bin > key.wrapped
` + openssl + ` pkeyutl -decrypt -inkey kms.pem -in aes.wrapped -out aes.again -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256
` + openssl + ` enc -d -id-aes256-wrap-pad -iv A65959A6 -K "$(od -An -vtx1 aes.again | tr -d ' \n')" -in key.wrapped -out again.der
` + openssl + ` pkcs8 -inform DER -nocrypt -in again.der -out again.pem
` + openssl + ` rsa -in again.pem -modulus -noout > again
` + openssl + ` rsa -in key.pem -modulus -noout > was
cmp again was
`
	cmd := exec.Command("bash", "-euc", script)
	cmd.Dir = dir
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, secret := range []string{"key.der", "aes.bin"} {
		if _, err := os.Stat(filepath.Join(dir, secret)); err == nil {
			t.Errorf("the commands leave %s", secret)
		}
	}
}
