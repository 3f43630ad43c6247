package github_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/github"
)

// twoApps is a GitHub on which two Apps are installed. It notes which of them makes each request.
type twoApps struct {
	did   []string
	rules string
}

func (g *twoApps) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, status := "{}", http.StatusOK
	token := strings.TrimPrefix(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), "token ")
	switch {
	case strings.Count(token, ".") == 2:
		var claims struct{ Iss any }
		text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		if err != nil || json.Unmarshal(text, &claims) != nil {
			return nil, fmt.Errorf("what token is %q?", token)
		}
		if answer = `{"id":7}`; strings.HasSuffix(r.URL.Path, "/access_tokens") {
			answer, status = fmt.Sprintf(`{"token":"of %v","expires_at":%q}`, claims.Iss, time.Now().Add(time.Hour).Format(time.RFC3339)),
				http.StatusCreated
		}
	default:
		g.did = append(g.did, fmt.Sprintf("%s %s %s", token, r.Method, strings.TrimPrefix(r.URL.Path, "/api/v3/repos/acme/payments/")))
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/rulesets") {
			text, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			g.rules = string(text)
			var in struct{ Name string }
			if err := json.Unmarshal(text, &in); err != nil {
				return nil, err
			}
			answer, status = fmt.Sprintf(`{"id":9,"name":%q,"enforcement":"active"}`, in.Name), http.StatusCreated
		}
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(answer))}, nil
}

// An App of its own makes and deletes the rulesets, and does nothing else; the status that they require is
// the product's own (X4).
func TestX4AnAppOfItsOwnMakesTheRulesets(t *testing.T) {
	g := &twoApps{}
	second, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	options := github.Options{BaseURL: "https://github.test", AppID: 18, Transport: g, Unlimited: true,
		PEM: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(second)})}
	freezer, err := github.New(options)
	if err != nil {
		t.Fatal(err)
	}
	options.AppID, options.PEM, options.Freezer = 17, key(), freezer
	app, err := github.New(options)
	if err != nil {
		t.Fatal(err)
	}
	repo := it
	repo.Repo, repo.Number = "payments", 0
	made, err := app.SaveFreeze(t.Context(), ports.Freeze{Repo: repo, Holder: "acme/incidents#1/1", Until: time.Now()})
	if err != nil || made.ID != 9 || !app.HasFreezer() {
		t.Fatalf("%+v, %v", made, err)
	}
	if err := app.DeleteFreeze(t.Context(), repo, 9); err != nil {
		t.Error(err)
	}
	if _, err := app.FindFreezes(t.Context(), repo); err == nil { // an object, where a list is wanted
		t.Error("rulesets of nothing")
	}
	if err := app.SetStatus(t.Context(), repo, "0123", ports.CommitStatus{Context: "x", State: "success"}); err != nil {
		t.Error(err)
	}
	want := []string{"of 18 POST rulesets", "of 18 DELETE rulesets/9", "of 17 GET rulesets", "of 17 POST statuses/0123"}
	if !slices.Equal(g.did, want) {
		t.Errorf("they did %q, want %q", g.did, want)
	}
	if !strings.Contains(g.rules, `"integration_id":17`) || strings.Contains(g.rules, `:18`) {
		t.Errorf("the ruleset requires %s", g.rules)
	}
}
