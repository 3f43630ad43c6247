package intake

import "encoding/json"

// What Amazon's services send, as far as it is read here. The types of AWS's own library would be
// linked into every server.

// SESEvent is what Amazon SES invokes a function with.
// https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-lambda-event.html
type SESEvent struct {
	Records []struct {
		SES SESMail `json:"ses"`
	}
}

// SESMail is what Amazon SES says of a mail.
type SESMail struct {
	Mail struct {
		MessageID     string `json:"messageId"`
		CommonHeaders struct {
			From      []string `json:"from"`
			MessageID string   `json:"messageId"`
			Subject   string   `json:"subject"`
		} `json:"commonHeaders"`
		Headers []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"headers"`
	} `json:"mail"`
	Receipt struct {
		Recipients   []string   `json:"recipients"`
		SpamVerdict  SESVerdict `json:"spamVerdict"`
		DKIMVerdict  SESVerdict `json:"dkimVerdict"`
		DMARCVerdict SESVerdict `json:"dmarcVerdict"`
		SPFVerdict   SESVerdict `json:"spfVerdict"`
		VirusVerdict SESVerdict `json:"virusVerdict"`
	} `json:"receipt"`
}

// SESVerdict is the outcome of a check: PASS, FAIL, GRAY or PROCESSING_FAILED.
type SESVerdict struct {
	Status string `json:"status"`
}

// Event is an event of Amazon EventBridge.
// https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
type Event struct {
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	AccountID  string          `json:"account"`
	Time       string          `json:"time"` // one that can't be read costs no alarm
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// snsAlarm is what an alarm's action publishes by SNS.
type snsAlarm struct {
	AlarmName        string `json:"AlarmName"`
	AlarmDescription string `json:"AlarmDescription"`
	AWSAccountID     string `json:"AWSAccountId"`
	NewStateValue    string `json:"NewStateValue"`
	NewStateReason   string `json:"NewStateReason"`
	StateChangeTime  string `json:"StateChangeTime"`
	Region           string `json:"Region"`
	AlarmARN         string `json:"AlarmArn"`
	Trigger          struct {
		MetricName string `json:"MetricName"`
		Namespace  string `json:"Namespace"`
		Statistic  string `json:"Statistic"`
		Dimensions []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"Dimensions"`
	} `json:"Trigger"`
}
