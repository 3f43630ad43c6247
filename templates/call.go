package templates

import (
	"bytes"
	"encoding/xml"
	"strings"
	"sync"
	"text/template"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// calls holds what a phone says.
var calls = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Option("missingkey=error").Funcs(template.FuncMap{
		"xml": func(text string) (string, error) {
			var out strings.Builder
			err := xml.EscapeText(&out, []byte(text))
			return out.String(), err
		},
		"plain": plain,
	}).ParseFS(files, "call.xml", "call-answered.xml"))
})

// Call is what a phone says to who is paged.
type Call struct {
	Title, Text string
	Answer      string // where the key goes that is pressed; empty: nobody can answer by phone
	Test        bool   // it is a test: any key answers
}

// CallScript returns what a phone says, as TwiML. https://www.twilio.com/docs/voice/twiml
func CallScript(c Call) (string, error) { return writeCall("call.xml", c) }

// CallTested returns what a phone says after a key was pressed in a test.
func CallTested() (string, error) { return writeCall("call-answered.xml", "test") }

// CallAnswered returns what a phone says after a key was pressed: one of incident.PageAnswers, or ""
// for a key that means nothing.
func CallAnswered(how string) (string, error) { return writeCall("call-answered.xml", how) }

func writeCall(name string, what any) (string, error) {
	var out bytes.Buffer
	err := calls().ExecuteTemplate(&out, name, what)
	return strings.TrimSpace(out.String()), err
}

// AnswerLabel returns what the button of an answer says.
func AnswerLabel(how string) string {
	switch how {
	case incident.AnswerCoordinate:
		return "I coordinate"
	case incident.AnswerSeen:
		return "I have seen it"
	}
	return "Pass on"
}
