package forge

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// Registration is an App that somebody registered by a manifest. A sandbox has one App: this one,
// or the one it was made with.
// https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
type Registration struct {
	ID           int64
	Name         string
	Slug         string
	Description  string
	URL          string
	Owner        string
	Public       bool
	Permissions  map[string]string
	Events       []string
	HookURL      string
	HookSecret   string
	ClientSecret string
	Key          []byte // PKCS #1
	Created      time.Time
	Code         string // by which the credentials are had, once
	CodeUntil    time.Time
	Installed    bool
	Repositories []int64 // of the installation; nil: all
}

// Manifest describes an App that is to be registered.
type Manifest struct {
	Name        string
	URL         string
	Description string
	Public      bool
	Redirect    string `json:"redirect_url"`
	Hook        struct {
		URL    string
		Active *bool
	} `json:"hook_attributes"`
	Permissions map[string]string `json:"default_permissions"`
	Events      []string          `json:"default_events"`
}

// eventsOf returns which permission an event needs.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads
var eventsOf = map[string]string{
	"issues": "issues", "issue_comment": "issues", "sub_issues": "issues", "pull_request": "pull_requests",
	"pull_request_review": "pull_requests",
	"check_run":           "checks", "check_suite": "checks", "repository": "metadata", "push": "contents",
	"create": "contents", "delete": "contents",
	"deployment": "deployments", "deployment_status": "deployments", "release": "contents", "workflow_run": "actions",
	"deployment_protection_rule": "deployments",
	"repository_dispatch":        "contents", "status": "statuses", "membership": "members", "team": "members",
}

// maxAppName is how long an App's name may be.
const maxAppName = 34

// ParseManifest reads a manifest, and refuses what GitHub refuses.
func ParseManifest(text string) (m Manifest, err error) {
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return m, &Error{Status: statusUnprocessableEntity, Message: "The manifest is not JSON: " + err.Error()}
	}
	var wrong []FieldError
	bad := func(field, message string) {
		wrong = append(wrong, FieldError{Resource: "Integration", Field: field, Code: "custom",
			Message: message})
	}
	for _, at := range []struct{ field, value string }{{"url", m.URL}, {"hook_attributes.url", m.Hook.URL},
		{"redirect_url", m.Redirect}} {
		if u, err := url.Parse(at.value); err != nil || u.Host == "" ||
			u.Scheme != "http" && u.Scheme != "https" {
			bad(at.field, at.field+" must be a valid URL")
		}
	}
	for area, level := range m.Permissions {
		if level != "read" && level != "write" && level != "admin" {
			bad("default_permissions", fmt.Sprintf("Permission %s can't be %s", area, level))
		}
	}
	for _, event := range m.Events {
		area, known := eventsOf[event]
		if !known || area != "metadata" && m.Permissions[area] == "" {
			bad("default_events", "Default events unsupported: "+event)
		}
	}
	if len(wrong) > 0 {
		return m, &Error{Status: statusUnprocessableEntity, Message: "Invalid GitHub App configuration",
			Fields: wrong}
	}
	return m, nil
}

// CheckRegister refuses whoever may not register an App for an account: people for themselves, the
// organization's members for it.
func (f *Forge) CheckRegister(by *Actor, owner string) error {
	u, ok := f.FindUser(owner)
	switch {
	case !ok, u.Kind == KindUser && u.Login != by.Login, u.Kind == KindOrganization && !f.IsMember(by.Login):
		return ErrNotFound
	case !f.IsAppless():
		return &Error{Status: statusUnprocessableEntity,
			Message: "A sandbox has one App, and " + f.App.Name +
				" is registered already. One without an App is started with --empty"}
	}
	return nil
}

// Register registers the App, and returns the code by which its credentials are had.
func (f *Forge) Register(by *Actor, owner string, m Manifest) (code string, err error) {
	if err := f.CheckRegister(by, owner); err != nil {
		return "", err
	}
	name := strings.TrimSpace(m.Name)
	slug := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, name), "-")
	switch _, taken := f.FindUser(slug); {
	case slug == "":
		return "", Invalid("Integration", "name", "custom", "Name can't be blank")
	case len(name) > maxAppName:
		return "", Invalid("Integration", "name", "custom",
			fmt.Sprintf("Name is too long (maximum is %d characters)", maxAppName))
	case taken:
		return "", Invalid("Integration", "name", "custom", "Name is already taken")
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", fmt.Errorf("make the App's key: %w", err)
	}
	a := &Registration{ID: f.NextID("app"), Name: name, Slug: slug, Description: m.Description, URL: m.URL,
		Owner: owner, Public: m.Public,
		Permissions: map[string]string{"metadata": "read"}, Events: m.Events, HookSecret: random(20),
		ClientSecret: random(20), Key: EncodeKey(key),
		Created: f.Now(), Code: random(20), CodeUntil: f.Now().Add(time.Hour)}
	for area, level := range m.Permissions {
		a.Permissions[area] = level
	}
	if m.Hook.Active == nil || *m.Hook.Active {
		a.HookURL = m.Hook.URL
	}
	f.Registered = a
	if err := f.Adopt(); err != nil {
		return "", err
	}
	f.AddUser(f.App.Login, KindBot, "")
	f.NoteChange()
	f.Emit(&PingEvent{App: a})
	return a.Code, nil
}

// Adopt makes the registered App the one that there is.
func (f *Forge) Adopt() error {
	a := f.Registered
	block, _ := pem.Decode(a.Key)
	if block == nil {
		return errors.New("the registered App has no key")
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return fmt.Errorf("the registered App's key: %w", err)
	}
	f.App = &App{ID: a.ID, Slug: a.Slug, Login: naming.BotOf(a.Slug), Name: a.Name,
		Description: a.Description, External: a.URL, Owner: a.Owner,
		Permissions: a.Permissions, Events: a.Events, HookURL: a.HookURL, HookSecret: a.HookSecret,
		Key: key, TokenSecret: a.HookSecret + " tokens", Created: a.Created}
	return nil
}

// TakeCredentials returns what an App needs, once and within an hour.
func (f *Forge) TakeCredentials(code string) (*Registration, error) {
	a := f.Registered
	if a == nil || a.Code == "" || a.Code != code || f.Now().After(a.CodeUntil) {
		return nil, ErrNotFound
	}
	a.Code = ""
	f.NoteChange()
	return a, nil
}

// CheckInstall refuses whoever may not install the App on the organization. A private App is
// installed where it belongs to.
// https://docs.github.com/en/apps/creating-github-apps/registering-a-github-app/making-a-github-app-public-or-private
func (f *Forge) CheckInstall(by *Actor, slug string) error {
	switch {
	case f.Registered == nil || f.Registered.Slug != slug || !f.IsMember(by.Login):
		return ErrNotFound
	case !f.Registered.Public && f.Registered.Owner != f.Org.Login:
		return &Error{Status: statusUnprocessableEntity,
			Message: fmt.Sprintf("%s is private: it can be installed on the account of %s alone, which has no repositories",
				f.Registered.Name, f.Registered.Owner)}
	}
	return nil
}

// Install installs the App on the organization; nil repositories are all of them.
func (f *Forge) Install(by *Actor, slug string, repositories []int64) error {
	if err := f.CheckInstall(by, slug); err != nil {
		return err
	}
	was := f.Registered.Installed
	f.Registered.Installed, f.Registered.Repositories = true, repositories
	f.NoteChange()
	if !was {
		f.Emit(&InstallationEvent{By: by, Action: "created"})
	}
	return nil
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// EncodeKey writes a private key as PEM.
func EncodeKey(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}
