package engine

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
)

// Lengths of a tag's parts, in bytes. Both in hex stay well under the 64 characters before an
// address's @. https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.1
const (
	tagMAC    = 12
	tagNumber = 4
)

// mailTag returns what our mails about an incident carry, so that an answer finds it. It is signed,
// or anybody could write to any incident by counting. The number is masked, so that a customer
// learns neither it nor the repository (A7).
func (e *Engine) mailTag(ref incident.Ref) string { return mailTagWith(e.keys[0], ref) }

func mailTagWith(key []byte, ref incident.Ref) string {
	mac := tagHash(key, "answer\n"+strings.ToLower(ref.String()))[:tagMAC]
	return hex.EncodeToString(append(mac, maskNumber(key, mac, uint32(ref.Number))...))
}

// maskNumber masks a number with its mac, or unmasks it.
func maskNumber(key, mac []byte, number uint32) []byte {
	mask := binary.BigEndian.Uint32(tagHash(key, "number\n"+string(mac)))
	return binary.BigEndian.AppendUint32(nil, number^mask)
}

func tagHash(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// answeredByTag returns the incident whose mail a mail answers: the address to which it was sent,
// or the conversation, carries its tag. The incident is in repo or in a repository that its rules
// name.
func (e *Engine) answeredByTag(s intake.Signal, repo incident.Ref, rules []incident.Rule) (incident.Ref,
	bool) {
	for _, tag := range s.Thread.Tags {
		for _, r := range signalRepositories(repo, rules) {
			if ref, ok := e.incidentOfTag(tag, r); ok {
				return ref, true
			}
		}
	}
	return repo, false
}

// incidentOfTag returns the incident of a repository that a tag names.
func (e *Engine) incidentOfTag(tag string, repo incident.Ref) (incident.Ref, bool) {
	tag = strings.ToLower(tag) // mail programs keep no case
	raw, err := hex.DecodeString(tag)
	if err != nil || len(raw) != tagMAC+tagNumber {
		return repo, false
	}
	for _, key := range e.keys {
		mac, number := raw[:tagMAC], binary.BigEndian.Uint32(raw[tagMAC:])
		repo.Number = int(binary.BigEndian.Uint32(maskNumber(key, mac, number)))
		if repo.Number > 0 && hmac.Equal([]byte(mailTagWith(key, repo)), []byte(tag)) {
			return repo, true
		}
	}
	return repo, false
}

// findAnswered returns the incident whose mail a mail answers, whatever its name is by now. A tag
// has the name under which its incident was declared: where no name fits, the incidents with the
// tag's number are asked for theirs.
func (r *reconciliation) findAnswered(s intake.Signal) (incident.Ref, bool, error) {
	if ref, ok := r.answeredByTag(s, r.Ref, r.Policy.Signals); ok {
		return ref, true, nil
	}
	for _, tag := range s.Thread.Tags {
		for _, ref := range r.issuesOfTag(tag) {
			snap, err := r.peekIssue(ref)
			if ports.IsRefused(err) {
				continue
			}
			if err != nil {
				return r.Ref, false, fmt.Errorf("look for the incident that a mail answers: %w", err)
			}
			c, ok := r.openPinned(snap)
			if !ok {
				continue
			}
			for _, name := range []string{c.State.DeclaredAs, c.Written.Ref.String()} {
				was, err := incident.ParseRef(name)
				if named, fits := r.incidentOfTag(tag, was); err == nil && fits && named == was {
					return snap.Ref, true, nil
				}
			}
		}
	}
	return r.Ref, false, nil
}

// issuesOfTag returns the issues that a tag may be of, if a repository to which sources report was
// renamed.
func (r *reconciliation) issuesOfTag(tag string) (refs []incident.Ref) {
	raw, err := hex.DecodeString(strings.ToLower(tag))
	if err != nil || len(raw) != tagMAC+tagNumber {
		return nil
	}
	for _, key := range r.keys {
		mac, number := raw[:tagMAC], binary.BigEndian.Uint32(raw[tagMAC:])
		n := int(binary.BigEndian.Uint32(maskNumber(key, mac, number)))
		if n < 1 || n > maxIssueNumber {
			continue // no tag by this key
		}
		for _, repo := range signalRepositories(r.Ref, r.Policy.Signals) {
			repo.Number = n
			refs = append(refs, repo)
		}
	}
	return refs
}

// maxIssueNumber is more than any repository has issues.
const maxIssueNumber = 10_000_000

// signalRepositories returns a repository and those that its rules name.
func signalRepositories(repo incident.Ref, rules []incident.Rule) []incident.Ref {
	repos := []incident.Ref{repo}
	for _, r := range rules {
		if owner, name, ok := strings.Cut(r.Repository, "/"); ok {
			repos = append(repos, incident.Ref{Owner: owner, Repo: name})
		}
	}
	return repos
}
