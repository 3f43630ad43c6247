package functions_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plain is a part of the template with every reference written shortly.
func (x template) plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for kind := range v {
			if kind == "Ref" || strings.HasPrefix(kind, "Fn::") {
				return x.text(v)
			}
		}
		all := map[string]any{}
		for name, part := range v {
			all[name] = x.plain(part)
		}
		return all
	case []any:
		all := []any{}
		for _, part := range v {
			all = append(all, x.plain(part))
		}
		return all
	}
	return v
}

// Without an address for mails there is nothing of the kind, and with one SES alone stores them and
// invokes the function.
func TestI1MailsComeBySESAlone(t *testing.T) {
	kinds := []string{"AWS::SES::ReceiptRule", "AWS::SES::ReceiptRuleSet", "AWS::S3::BucketPolicy",
		"AWS::Lambda::EventInvokeConfig"}
	without := packaged(t, "appId=17")
	for _, kind := range kinds {
		for name := range without.of(kind) {
			if strings.HasPrefix(name, "Mail") {
				t.Errorf("without an address there is %s", name)
			}
		}
	}
	for name := range without.of("AWS::S3::Bucket") {
		if strings.HasPrefix(name, "Mail") {
			t.Errorf("without an address there is %s", name)
		}
	}
	for set, params := range map[string][]string{"firebreak-prod": everything,
		"ours": {"appId=17", "mailAddress=p1@acme.example", "mailRuleSet=ours"}} {
		x := packaged(t, params...)
		if own := len(x.of("AWS::SES::ReceiptRuleSet")); own != map[string]int{"firebreak-prod": 1,
			"ours": 0}[set] {
			t.Errorf("%s: %d rule sets are made", set, own)
		}
		rule := "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:receipt-rule-set/" + set +
			":receipt-rule/firebreak-prod"
		want := map[string]string{
			"MailBucketPolicy": `{"Bucket": "MailBucket", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
				{"Effect": "Allow", "Principal": {"Service": "ses.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "${MailBucket.Arn}/mail/*",
					"Condition": {"StringEquals": {"aws:SourceAccount": "AWS::AccountId", "aws:SourceArn": "` +
				rule + `"}}},
				{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["MailBucket.Arn", "${MailBucket.Arn}/*"], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}}`,
			"MailBucket": `{"PublicAccessBlockConfiguration": {"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true},
				"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
				"BucketEncryption": {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
				"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationInDays": 30, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}]}}`,
			"MailPermission": `{"FunctionName": "IntakeLambdaFunction.Arn", "Action": "lambda:InvokeFunction", "Principal": "ses.amazonaws.com",
				"SourceAccount": "AWS::AccountId", "SourceArn": "` + rule + `"}`,
			"MailRule": `{"RuleSetName": "` +
				map[string]string{"firebreak-prod": "MailRuleSet", "ours": "ours"}[set] +
				`", "Rule": {"Name": "firebreak-prod", "Enabled": true,
				"Recipients": ["p1@acme.example"], "ScanEnabled": true, "TlsPolicy": "Optional", "Actions": [{"S3Action": {"BucketName": "MailBucket", "ObjectKeyPrefix": "mail/"}},
				{"LambdaAction": {"FunctionArn": "IntakeLambdaFunction.Arn", "InvocationType": "Event"}}]}}`,
			"MailRetries": `{"FunctionName": "IntakeLambdaFunction", "Qualifier": "$LATEST", "MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 21600,
				"DestinationConfig": {"OnFailure": {"Destination": "MailDeadLetters.Arn"}}}`,
			"MailDeadLetters": `{"QueueName": "firebreak-prod-mail-dead", "MessageRetentionPeriod": 1209600, "SqsManagedSseEnabled": true}`,
		}
		for name, text := range want {
			var is any
			if err := json.Unmarshal([]byte(text), &is); err != nil {
				t.Fatal(name, err)
			}
			if d := cmp.Diff(is, x.plain(x.Resources[name].Properties)); d != "" ||
				x.Resources[name].Condition != "Mail" {
				t.Errorf("%s, %s (condition %q):\n%s", set, name, x.Resources[name].Condition, d)
			}
		}
		env := x.Resources["IntakeLambdaFunction"].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		if where := x.text(env["FIREBREAK_INTAKE_MAILS"]); where != "s3://${MailBucket}/mail/" {
			t.Errorf("%s: the function reads mails at %q", set, where)
		}
		for name, p := range x.of("AWS::Lambda::Permission") {
			if to := x.text(p["Principal"]); !slices.Contains([]string{"apigateway.amazonaws.com",
				"events.amazonaws.com", "ses.amazonaws.com"}, to) {
				t.Errorf("%s: %s lets %s in", set, name, to)
			}
		}
	}
}
