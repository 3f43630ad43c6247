package rest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// verifyJWT checks the App's own token at a time. That is the real one, since clients sign by it.
func verifyJWT(a *forge.App, token string, now time.Time) error {
	claims := &appClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return &a.Key.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	switch {
	case err == nil && !claims.VerifyExpiresAt(now, false):
		return &forge.Error{Status: http.StatusUnauthorized,
			Message: "'Expiration time' claim ('exp') must be a numeric value representing " +
				"the future time at which the assertion expires"}
	case err == nil && !claims.VerifyIssuedAt(now, false):
		return &forge.Error{Status: http.StatusUnauthorized,
			Message: "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"}
	case err != nil:
		return &forge.Error{Status: http.StatusUnauthorized, Message: "A JSON web token could not be decoded"}
	case string(claims.Issuer) != strconv.FormatInt(a.ID, 10) && string(claims.Issuer) != a.ClientID():
		return &forge.Error{Status: http.StatusNotFound, Message: "Integration not found"}
	case claims.ExpiresAt == nil || claims.ExpiresAt.Sub(now) > 10*time.Minute+5*time.Second:
		return &forge.Error{Status: http.StatusUnauthorized,
			Message: "'Expiration time' claim ('exp') is too far in the future"}
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

// grant is what an installation token allows. It is in the token itself, signed, so that tokens
// outlive a restart.
type grant struct {
	Installation int64             `json:"i"`
	Expires      int64             `json:"e"` // Unix, on the virtual clock
	Permissions  map[string]string `json:"p"`
	Repositories []int64           `json:"r"` // nil: all
}

func tokenOf(a *forge.App, g grant) string {
	body := base64.RawURLEncoding.EncodeToString(mustJSON(g))
	return fmt.Sprintf("ghs_%d_%s.%s", a.ID, body, macOfText(a.TokenSecret, body))
}

// grantOf reads what a token allows, as long as it lives and its installation is there.
func grantOf(f *forge.Forge, token string, now time.Time) (grant, bool) {
	g, ok := parseToken(f.App, token)
	return g, ok && now.Unix() < g.Expires && f.IsInstalled(nil) && g.Installation == f.InstallationID()
}

func parseToken(a *forge.App, token string) (g grant, ok bool) {
	rest, found := strings.CutPrefix(token, fmt.Sprintf("ghs_%d_", a.ID))
	body, mac, cut := strings.Cut(rest, ".")
	if !found || !cut || !hmac.Equal([]byte(mac), []byte(macOfText(a.TokenSecret, body))) {
		return g, false
	}
	text, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || json.Unmarshal(text, &g) != nil {
		return g, false
	}
	return g, true
}

func (g grant) actor(a *forge.App) *forge.Actor {
	by := &forge.Actor{Login: a.Login, ViaApp: true, Permissions: g.Permissions}
	if g.Repositories != nil {
		by.Repositories = map[int64]bool{}
		for _, id := range g.Repositories {
			by.Repositories[id] = true
		}
	}
	return by
}

// isRevoked reports whether an installation token was revoked.
func isRevoked(f *forge.Forge, token string) bool {
	for _, mac := range f.Revoked {
		if mac == macOf(token) {
			return true
		}
	}
	return false
}

// macOf returns the signature in a token, by which it can be told from others.
func macOf(token string) string { return token[strings.LastIndexByte(token, '.')+1:] }

func createToken(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	if q.id("installation") != q.forge.InstallationID() || !q.forge.IsInstalled(nil) {
		return 0, nil, forge.ErrNotFound
	}
	if err := q.forge.CheckNotSuspended(); err != nil {
		return 0, nil, err
	}
	var in struct {
		Repositories  []string
		RepositoryIDs []int64 `json:"repository_ids"`
		Permissions   map[string]string
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	expires := q.a.host.Now().Add(q.forge.TokenLifetime())
	g := grant{Installation: q.forge.InstallationID(), Expires: expires.Unix(),
		Permissions: maps.Clone(q.forge.InstallationPermissions())}
	if in.Permissions != nil {
		g.Permissions = map[string]string{"metadata": "read"}
		for area, level := range in.Permissions {
			has := q.forge.InstallationPermissions()[area]
			if has == "" || level == "write" && has != "write" {
				return 0, nil, &forge.Error{Status: http.StatusUnprocessableEntity,
					Message: "The permissions requested are not granted to this installation."}
			}
			g.Permissions[area] = level
		}
	}
	view := fields{"expires_at": forge.FormatTime(expires.Add(q.a.host.Skew())),
		"permissions": g.Permissions, "repository_selection": "all"}
	if q.forge.Registered != nil {
		g.Repositories = q.forge.Registered.Repositories
	}
	if len(in.Repositories)+len(in.RepositoryIDs) > 0 {
		g.Repositories = []int64{}
		var repos []*forge.Repository
		for _, r := range q.forge.Repos {
			if !q.forge.IsInstalled(r) {
				continue
			}
			if slices.Contains(in.RepositoryIDs, r.ID) ||
				slices.ContainsFunc(in.Repositories,
					func(n string) bool { return strings.EqualFold(n, r.Name) }) {
				g.Repositories = append(g.Repositories, r.ID)
				repos = append(repos, r)
			}
		}
		if len(repos) < len(in.Repositories)+len(in.RepositoryIDs) {
			return 0, nil, &forge.Error{Status: http.StatusUnprocessableEntity,
				Message: "There is at least one repository that does not exist or is not accessible to the parent installation."}
		}
		by := g.actor(q.forge.App)
		view["repository_selection"] = "selected"
		view["repositories"] = each(repos,
			func(r *forge.Repository) fields { return q.views.repoListView(by, r) })
	}
	view["token"] = tokenOf(q.forge.App, g)
	return http.StatusCreated, view, nil
}

// revokeToken ends the installation token with which it is called.
// https://docs.github.com/en/rest/apps/installations#revoke-an-installation-access-token
func revokeToken(q *request) (int, any, error) {
	if q.by == nil || !q.by.ViaApp {
		return 0, nil, forge.Forbidden(
			"You must authenticate with an installation access token in order to revoke it.",
		)
	}
	_, token, _ := strings.Cut(q.r.Header.Get("Authorization"), " ")
	q.forge.Revoked = append(q.forge.Revoked, macOf(token))
	q.forge.NoteChange()
	return http.StatusNoContent, nil, nil
}

// macOfText returns the signature of a token's text.
func macOfText(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}
