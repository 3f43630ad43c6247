package sandbox

import (
	"cmp"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// hookEvents are what the App is subscribed to.
var hookEvents = []string{"issues", "issue_comment", "pull_request", "pull_request_review", "check_run", "sub_issues", "push", "create", "delete", "repository"}

// firstInstallation is the App's installation in every sandbox, until it is uninstalled.
const firstInstallation = 7001

// installationID is the number of the one installation that there is.
func (st *store) installationID() int64 { return cmp.Or(st.Installation, firstInstallation) }

// app is the one GitHub App.
type app struct {
	ID          int64
	Slug        string
	Login       string
	Name        string
	Description string
	External    string // its own address
	Owner       string
	Permissions map[string]string
	Events      []string
	key         *rsa.PrivateKey
	secret      string // of its tokens
	created     time.Time
	view        json.RawMessage // the App as others embed it; it never changes
}

func newApp(o Options) *app {
	return &app{ID: o.AppID, Slug: "firebreak", Login: "firebreak[bot]", Name: "Firebreak", Description: "Runs critical incidents", External: o.URL, Owner: "acme", Events: hookEvents, key: o.PrivateKey, secret: o.WebhookSecret + " tokens", created: o.Start.UTC(),
		Permissions: map[string]string{"metadata": "read", "members": "read", "issues": "write", "contents": "write", "pull_requests": "write", "checks": "write"}}
}

// clientID is the App's other name, which its own token may be issued by, too.
func (a *app) clientID() string { return "Iv23sandbox" + strconv.FormatInt(a.ID, 10) }

func pemOf(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

// verifyJWT checks the App's own token at a time. That is the real one, since clients sign by it.
func (a *app) verifyJWT(token string, now time.Time) error {
	claims := &appClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return &a.key.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	switch {
	case err == nil && !claims.VerifyExpiresAt(now, false):
		return &Error{Status: http.StatusUnauthorized, Message: "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"}
	case err == nil && !claims.VerifyIssuedAt(now, false):
		return &Error{Status: http.StatusUnauthorized, Message: "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"}
	case err != nil:
		return &Error{Status: http.StatusUnauthorized, Message: "A JSON web token could not be decoded"}
	case string(claims.Issuer) != strconv.FormatInt(a.ID, 10) && string(claims.Issuer) != a.clientID():
		return &Error{Status: http.StatusNotFound, Message: "Integration not found"}
	case claims.ExpiresAt == nil || claims.ExpiresAt.Sub(now) > 10*time.Minute+5*time.Second:
		return &Error{Status: http.StatusUnauthorized, Message: "'Expiration time' claim ('exp') is too far in the future"}
	}
	return nil
}

// appClaims are what the App's own token says.
type appClaims struct {
	jwt.RegisteredClaims
	Issuer issuer `json:"iss"`
}

// issuer is the App's id, which some clients write as a number, or its client id.
type issuer string

func (i *issuer) UnmarshalJSON(b []byte) error {
	var number json.Number // of digits, in quotes or not
	if json.Unmarshal(b, &number) == nil {
		*i = issuer(number)
		return nil
	}
	return json.Unmarshal(b, (*string)(i))
}

// grant is what an installation token allows. It stands in the token itself, signed, so that tokens outlive a restart.
type grant struct {
	Installation int64             `json:"i"`
	Expires      int64             `json:"e"` // Unix, on the virtual clock
	Permissions  map[string]string `json:"p"`
	Repositories []int64           `json:"r"` // nil: all
}

func (a *app) token(g grant) string {
	body := base64.RawURLEncoding.EncodeToString(mustJSON(g))
	return fmt.Sprintf("ghs_%d_%s.%s", a.ID, body, sign(a.secret, []byte(body))[7:])
}

// tokenLife is how long an installation's token lives, on the virtual clock.
func (st *store) tokenLife() time.Duration { return cmp.Or(st.TokenLife, time.Hour) }

// grantOf reads what a token allows, as long as it lives and its installation is there.
func (st *store) grantOf(token string, now time.Time) (grant, bool) {
	g, ok := st.app.grantOf(token)
	return g, ok && now.Unix() < g.Expires && st.installed(nil) && g.Installation == st.installationID()
}

func (a *app) grantOf(token string) (g grant, ok bool) {
	rest, found := strings.CutPrefix(token, fmt.Sprintf("ghs_%d_", a.ID))
	body, mac, cut := strings.Cut(rest, ".")
	if !found || !cut || !hmac.Equal([]byte(mac), []byte(sign(a.secret, []byte(body))[7:])) {
		return g, false
	}
	text, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || json.Unmarshal(text, &g) != nil {
		return g, false
	}
	return g, true
}

func (g grant) actor(a *app) *Actor {
	by := &Actor{Login: a.Login, ViaApp: true, Permissions: g.Permissions}
	if g.Repositories != nil {
		by.Repositories = map[int64]bool{}
		for _, id := range g.Repositories {
			by.Repositories[id] = true
		}
	}
	return by
}

// appView is the App as others embed it.
func (st *store) appView() fields {
	a := st.app
	return fields{"id": a.ID, "slug": a.Slug, "node_id": nodeID("A", a.ID), "client_id": a.clientID(), "owner": st.userView(a.Owner), "name": a.Name,
		"description": textOrNull(a.Description), "external_url": a.External, "html_url": st.url + "/apps/" + a.Slug, "created_at": stamp(a.created), "updated_at": stamp(a.created),
		"permissions": a.Permissions, "events": list(a.Events)}
}

// notSuspended refuses the tokens of a suspended installation.
func (st *store) notSuspended() error {
	if st.Suspended.IsZero() {
		return nil
	}
	return forbidden("This installation has been suspended")
}

// suspend suspends the installation or ends that, and tells the App, which hears nothing else meanwhile.
func (st *store) suspend(by *Actor, suspended bool) {
	if suspended == !st.Suspended.IsZero() {
		return
	}
	action := "unsuspend"
	st.Suspended = time.Time{}
	if suspended {
		action, st.Suspended = "suspend", st.now()
	}
	st.changed()
	st.emit("installation", action, hookPayload{body: fields{"action": action, "installation": st.installationView(), "sender": st.userView(by.Login),
		"repositories": st.installedRepos()}})
}

func (st *store) installationRef() fields {
	return fields{"id": st.installationID(), "node_id": nodeID("IN", st.installationID())}
}

func (st *store) installationView() fields {
	a := st.app
	selection := "all"
	if st.App != nil && st.App.Repositories != nil {
		selection = "selected"
	}
	return fields{"id": st.installationID(), "client_id": a.clientID(), "account": st.userView(st.org.Login), "repository_selection": selection,
		"access_tokens_url": st.api("/app/installations/%d/access_tokens", st.installationID()), "repositories_url": st.api("/installation/repositories"),
		"html_url": fmt.Sprintf("%s/organizations/%s/settings/installations/%d", st.url, st.org.Login, st.installationID()), "app_id": a.ID, "app_slug": a.Slug,
		"target_id": st.org.ID, "target_type": "Organization", "permissions": st.permissions(), "events": list(a.Events), "created_at": stamp(a.created),
		"updated_at": stamp(a.created), "single_file_name": nil, "has_multiple_single_files": false, "single_file_paths": []string{}, "suspended_by": nil,
		"suspended_at": stampOrNull(st.Suspended)}
}
