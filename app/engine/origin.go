package engine

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/mark"
)

// signedOrigin is what an incident's text holds of the report that opened it. It is signed:
// everybody with write access can edit the text.
type signedOrigin struct {
	Source    string             `json:"source"`
	Severity  string             `json:"severity,omitempty"`
	Customers []string           `json:"customers,omitempty"`
	Proposed  []string           `json:"proposed,omitempty"`
	Links     []incident.Link    `json:"links,omitempty"`
	Page      bool               `json:"page,omitempty"`
	Paged     bool               `json:"paged,omitempty"`
	Early     incident.EarlyPage `json:"early,omitzero"`
	Drill     bool               `json:"drill,omitempty"`
	Count     int                `json:"count,omitempty"`
	Report    incident.Report    `json:"report,omitzero"`
	Known     []string           `json:"known,omitempty"`   // marks of what it said
	Service   string             `json:"service,omitempty"` // that it names
}

// signOrigin returns the signed mark of the report that opened an incident. It is signed together
// with the dedup hash, whose mark is next to it, and not with the repository's name, which may
// change.
func (r *reconciliation) signOrigin(trouble string, o signedOrigin) mark.Mark {
	text, err := json.Marshal(o)
	if err != nil {
		panic("engine: " + err.Error()) // strings and booleans always marshal
	}
	said := base64.RawURLEncoding.EncodeToString(text)
	return mark.Mark{Kind: "origin", Text: said + "." + r.hash("origin", trouble, said)}
}

var originPattern = lazily.Compile(`^([A-Za-z0-9_-]+)\.([0-9a-f]{64})$`)

// originFact returns the fact that a source opened this incident, if the app wrote so.
func (r *reconciliation) originFact() (incident.Opened, bool) {
	if !r.Snapshot.Own {
		return incident.Opened{}, false
	}
	marks := r.reportMarks(r.Ctx, r.Snapshot)
	m := originPattern.FindStringSubmatch(firstMark("origin", marks))
	if m == nil {
		return incident.Opened{}, false
	}
	var of []string // what it may be signed with: the trouble or, by older versions, the repository's name
	if trouble := firstMark("signal", marks); trouble != "" {
		of = append(of, trouble)
	}
	for _, name := range r.names() {
		of = append(of, strings.ToLower(name.FullName()))
	}
	for _, with := range of {
		if !r.isOrigin(with, m[1], m[2]) {
			continue
		}
		var o signedOrigin
		if text, err := base64.RawURLEncoding.DecodeString(m[1]); err != nil ||
			json.Unmarshal(text, &o) != nil {
			return incident.Opened{}, false
		}
		return incident.Opened{Source: o.Source, Severity: o.Severity, Customers: o.Customers,
			Proposed: o.Proposed, Links: o.Links, Signal: true,
			Count: o.Count, Report: o.Report, Page: o.Page, Paged: o.Paged, Early: o.Early, Drill: o.Drill, Known: o.Known,
			Service: o.Service}, true
	}
	return incident.Opened{}, false
}

// isOrigin reports whether a key of ours signed what an incident's text holds of the report that
// opened it, together with its trouble or its repository's name.
func (e *Engine) isOrigin(with, said, signature string) bool {
	return slices.ContainsFunc(e.keys, func(key []byte) bool {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("origin\n" + with + "\n" + said))
		return hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(signature))
	})
}
