package incident_test

import (
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// What a comment is the newest of is told by its mark alone: whoever has lost the card finds it again,
// and writes into it or replaces it (A4, V1).
func TestV1TheMarkOfACommentNamesItsTopic(t *testing.T) {
	for key, want := range map[string]incident.Said{
		"changes/3":                    {Topic: "changes", Comment: 7, Number: 3},
		"similar/2":                    {Topic: "similar", Comment: 7, Number: 2},
		"runbook/high-errors":          {Topic: "runbook", Comment: 7},
		"check-in/1772447000":          {Topic: "stand-by", Comment: 7},
		"shut/2/1772447000":            {Topic: "review", Comment: 7},
		"update/1772447000":            {Topic: "update", Comment: 7},
		"refused/labels/1772447000":    {Topic: "refused/labels", Comment: 7},
		"refused/ticket/2/1772447000":  {Topic: "refused/ticket/2", Comment: 7},
		"accepted/ticket/2/1772447000": {Topic: "refused/ticket/2", Comment: 7},
		"update/c12.0":                 {Comment: 7}, // what somebody wrote stays
		"page/1":                       {Comment: 7},
		"merged":                       {Comment: 7},
		"":                             {Comment: 7},
		"refused":                      {Topic: "refused/", Comment: 7},
		"changes/":                     {Topic: "changes", Comment: 7},
	} {
		if got, ok := incident.ParseSaid(key, 7); got != want || ok != (want.Topic != "") {
			t.Errorf("%q is %+v, %t", key, got, ok)
		}
	}
}
