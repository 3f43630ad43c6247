package github_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/github"
)

var (
	secret = []byte("hush")
	now    = time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	frozen = ports.Freeze{Repo: it, Holder: "acme/incidents#1/1", Until: now.Add(2 * time.Hour)}
)

// freezer returns the process for freezes of App 17, on a GitHub that answers as it says, and the App that asks it.
func freezer(t *testing.T, a answers) (process *httptest.Server, app *github.App) {
	t.Helper()
	options := github.Options{BaseURL: "https://github.test", AppID: 18, PEM: key(), Transport: a, Unlimited: true,
		Now: func() time.Time { return now }}
	holder, err := github.New(options)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := holder.FreezerHandler(17, secret)
	if err != nil {
		t.Fatal(err)
	}
	process = httptest.NewServer(handler)
	t.Cleanup(process.Close)
	options.AppID, options.FreezerAt = 17, &github.FreezerAddress{URL: process.URL, Secret: secret}
	options.Transport = answers(func(r *http.Request, body string) (int, string) {
		if !strings.HasPrefix(process.URL, "http://"+r.URL.Host) { // the product's own calls to GitHub
			return a(r, body)
		}
		req, err := http.NewRequest(r.Method, r.URL.String(), strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		req.Header = r.Header
		res, err := process.Client().Do(req)
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Error(err)
		}
		return res.StatusCode, string(text)
	})
	if app, err = github.New(options); err != nil {
		t.Fatal(err)
	}
	return process, app
}

// The product has no key for rulesets, and freezes by the process that has it: it makes a freeze, moves its end and
// deletes it, and reads and marks as itself (X4).
func TestX4AnotherProcessHoldsTheKey(t *testing.T) {
	var did []string
	_, app := freezer(t, func(r *http.Request, body string) (int, string) {
		did = append(did, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/v3/repos/acme/incidents/"))
		switch r.Method {
		case http.MethodPost:
			if !strings.Contains(body, `"integration_id":17`) {
				t.Errorf("the ruleset is %s", body)
			}
			return http.StatusCreated, fmt.Sprintf(`{"id":9,"name":%q,"enforcement":"active"}`, frozen.Name())
		case http.MethodDelete:
			return http.StatusNoContent, ""
		}
		return http.StatusOK, fmt.Sprintf(`{"id":9,"name":%q,"enforcement":"active"}`, frozen.Name())
	})
	if err := app.CheckFreezer(t.Context()); err != nil || !app.HasFreezer() {
		t.Error(err)
	}
	repo := frozen
	repo.Repo.Number = 0
	made, err := app.SaveFreeze(t.Context(), repo)
	if err != nil || made.ID != 9 || !made.IsActive || made.Holder != frozen.Holder {
		t.Fatalf("%+v, %v", made, err)
	}
	made.Repo = repo.Repo
	if made, err = app.SaveFreeze(t.Context(), made); err != nil || made.ID != 9 {
		t.Errorf("%+v, %v", made, err)
	}
	if err := app.DeleteFreeze(t.Context(), repo.Repo, 9); err != nil {
		t.Error(err)
	}
	want := []string{"GET /api/v3/app", "POST rulesets", "GET rulesets/9", "PUT rulesets/9", "GET rulesets/9", "DELETE rulesets/9"}
	if !slices.Equal(did, want) {
		t.Errorf("it did %q, want %q", did, want)
	}
}

// ask asks the process for freezes as whoever has the secret could.
func ask(t *testing.T, process *httptest.Server, secret []byte, at time.Time, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, process.URL+"/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	stamp := strconv.FormatInt(at.UnixNano(), 10)
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s\n%s\n%s\n%s", method, path, stamp, body)
	req.Header.Set("X-Firebreak-Time", stamp)
	req.Header.Set("X-Firebreak-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	res, err := process.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// rules is the ruleset of a freeze as the product sends it.
func rules(name, status string, app int) string {
	return fmt.Sprintf(`{"name":%q,"target":"branch","enforcement":"active","bypass_actors":[],"conditions":{"ref_name":`+
		`{"include":["~DEFAULT_BRANCH"],"exclude":[]}},"rules":[{"type":"required_status_checks","parameters":{`+
		`"strict_required_status_checks_policy":false,"do_not_enforce_on_create":true,"required_status_checks":`+
		`[{"context":%q,"integration_id":%d}]}}]}`, name, status, app)
}

// Whatever a product that was taken over asks of the process for freezes, it does nothing but freezes: nothing else that
// its key could do reaches GitHub (X4).
func TestX4TheProcessForFreezesDoesNothingElse(t *testing.T) {
	var wrote []string
	process, _ := freezer(t, func(r *http.Request, _ string) (int, string) {
		if r.Method != http.MethodGet {
			wrote = append(wrote, r.Method+" "+r.URL.Path)
		}
		if strings.HasSuffix(r.URL.Path, "/rulesets/5") {
			return http.StatusOK, `{"id":5,"name":"protect main","enforcement":"active"}`
		}
		return http.StatusOK, fmt.Sprintf(`{"id":9,"name":%q,"enforcement":"active"}`, frozen.Name())
	})
	const all = "repos/acme/payments/rulesets"
	good := rules(frozen.Name(), frozen.Context(), 17)
	long := frozen
	long.Until = now.Add(73 * time.Hour)
	for name, c := range map[string]struct {
		secret             string
		at                 time.Duration
		method, path, body string
		status             int
		says               string
	}{
		"another secret":        {"guess", 0, "POST", all, good, 403, "the signature is wrong"},
		"no secret":             {"", 0, "POST", all, good, 403, "the signature is wrong"},
		"from the past":         {"hush", -6 * time.Minute, "POST", all, good, 403, "at another time"},
		"from the future":       {"hush", 6 * time.Minute, "POST", all, good, 403, "at another time"},
		"another name":          {"hush", 0, "POST", all, rules("protect main", frozen.Context(), 17), 403, "not named as a freeze"},
		"more in its name":      {"hush", 0, "POST", all, rules(frozen.ShortName()+"; or not", frozen.Context(), 17), 403, "not named as a freeze"},
		"another App's status":  {"hush", 0, "POST", all, rules(frozen.Name(), frozen.Context(), 99), 403, "what a freeze for App 17 holds"},
		"another status":        {"hush", 0, "POST", all, rules(frozen.Name(), "build", 17), 403, "what a freeze for App 17 holds"},
		"somebody may bypass":   {"hush", 0, "POST", all, strings.Replace(good, `"bypass_actors":[]`, `"bypass_actors":[{"actor_id":1,"actor_type":"Team"}]`, 1), 403, "what a freeze"},
		"not active":            {"hush", 0, "POST", all, strings.Replace(good, `"active"`, `"disabled"`, 1), 403, "what a freeze"},
		"another branch":        {"hush", 0, "POST", all, strings.Replace(good, "~DEFAULT_BRANCH", "~ALL", 1), 403, "what a freeze"},
		"a rule more":           {"hush", 0, "POST", all, strings.Replace(good, `"rules":[`, `"rules":[{"type":"deletion"},`, 1), 403, "what a freeze"},
		"for too long":          {"hush", 0, "POST", all, rules(long.Name(), long.Context(), 17), 403, "72 hours at most"},
		"no JSON":               {"hush", 0, "POST", all, "{", 403, "not the JSON"},
		"too large":             {"hush", 0, "POST", all, strings.Repeat(" ", 65<<10), 413, "too large"},
		"changes another one":   {"hush", 0, "PUT", all + "/5", good, 403, "the ruleset 5 of acme/payments is not a freeze"},
		"deletes another one":   {"hush", 0, "DELETE", all + "/5", "", 403, "the ruleset 5 of acme/payments is not a freeze"},
		"deletes with a body":   {"hush", 0, "DELETE", all + "/9", "{}", 403, "has no body"},
		"no number":             {"hush", 0, "DELETE", all + "/0", "", 403, "has a number"},
		"a path for a name":     {"hush", 0, "POST", "repos/acme/%2e%2e/rulesets", good, 403, "not the name of a repository"},
		"a path for an owner":   {"hush", 0, "POST", "repos/a%2Fb/payments/rulesets", good, 403, "not the name of a repository"},
		"reads a file":          {"hush", 0, "GET", "repos/acme/payments/contents/x", "", 404, ""},
		"administers":           {"hush", 0, "PATCH", "repos/acme/payments", `{"private":false}`, 404, ""},
		"adds a collaborator":   {"hush", 0, "PUT", "repos/acme/payments/collaborators/eve", "{}", 404, ""},
		"an organisation's":     {"hush", 0, "POST", "orgs/acme/rulesets", good, 404, ""},
		"another of its verbs":  {"hush", 0, "PATCH", all + "/9", good, 405, ""},
		"asks without a reason": {"hush", 0, "GET", all, "", 405, ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, said := ask(t, process, []byte(c.secret), now.Add(c.at), c.method, c.path, c.body)
			if status != c.status || !strings.Contains(said, c.says) {
				t.Errorf("%d %s, want %d %q", status, said, c.status, c.says)
			}
		})
	}
	if len(wrote) > 0 {
		t.Errorf("GitHub got %q", wrote)
	}
	for i, want := range []int{http.StatusOK, http.StatusForbidden} {
		if status, said := ask(t, process, secret, now.Add(time.Second), "POST", all, good); status != want {
			t.Errorf("the same for the %d. time: %d %s", i+1, status, said)
		}
	}
	res, err := process.Client().Get(process.URL + "/healthz")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("/healthz: %v, %v", res, err)
	}
	res.Body.Close()
	if _, err := (&github.App{}).FreezerHandler(17, nil); err == nil {
		t.Error("it runs without a secret")
	}
}

// What GitHub says to the process for freezes, the product hears as if it had asked itself; only that a ruleset is gone
// is believed of none but GitHub (X4).
func TestX4WhatTheProcessForFreezesPassesOn(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		answer  string
		unseen  int // what the repository itself is answered with
		refused bool
		want    error
		says    string
	}{
		"it is gone":                 {404, `{"message":"Not Found"}`, 200, false, nil, ""},
		"the repository is not seen": {404, `{"message":"Not Found"}`, 404, true, nil, "the App for freezes was not given acme/incidents"},
		"refused":                    {422, `{"message":"Validation Failed"}`, 200, true, nil, "Validation Failed"},
		"suspended":                  {403, `{"message":"This installation has been suspended"}`, 200, true, nil, "suspended"},
		"the key is revoked":         {401, `{"message":"Bad credentials"}`, 200, false, ports.ErrUnavailable, ""},
		"GitHub is out":              {503, `{"message":"Unicorn"}`, 200, false, ports.ErrUnavailable, ""},
		"a limit":                    {429, `{"message":"You have exceeded a secondary rate limit"}`, 200, false, &ports.RetryAfter{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, app := freezer(t, func(r *http.Request, _ string) (int, string) {
				if strings.Contains(r.URL.Path, "/rulesets/") {
					return c.status, c.answer
				}
				return c.unseen, `{"id":1,"message":"Not Found"}`
			})
			repo := frozen.Repo
			repo.Number = 0
			err := app.DeleteFreeze(t.Context(), repo, 9)
			var later *ports.RetryAfter
			switch {
			case c.refused && ports.IsRefused(err) && strings.Contains(err.Error(), c.says):
			case !c.refused && errors.Is(err, c.want):
			case errors.As(c.want, &later) && errors.As(err, &later):
			default:
				t.Errorf("it says %v", err)
			}
		})
	}
}

// The doctor's question finds what does not fit: another secret, another App, a key that was revoked (X4).
func TestX4TheProcessForFreezesIsChecked(t *testing.T) {
	_, revoked := freezer(t, func(*http.Request, string) (int, string) {
		return http.StatusUnauthorized, `{"message":"Bad credentials"}`
	})
	if err := revoked.CheckFreezer(t.Context()); err == nil || !strings.Contains(err.Error(), "FIREBREAK_FREEZE_APP_ID") {
		t.Errorf("the key is revoked: %v", err)
	}
	process, _ := freezer(t, func(*http.Request, string) (int, string) { return http.StatusOK, "{}" })
	for want, o := range map[string]github.Options{
		"the signature is wrong":  {AppID: 17, FreezerAt: &github.FreezerAddress{URL: process.URL, Secret: []byte("guess")}},
		"freezes for App 17":      {AppID: 19, FreezerAt: &github.FreezerAddress{URL: process.URL + "/", Secret: secret}},
		"connection refused":      {AppID: 17, FreezerAt: &github.FreezerAddress{URL: "http://127.0.0.1:1", Secret: secret}},
		"must be like https://fr": {AppID: 17, FreezerAt: &github.FreezerAddress{URL: "freezer", Secret: secret}},
	} {
		o.PEM, o.Now = key(), func() time.Time { return now }
		app, err := github.New(o)
		if err == nil {
			err = app.CheckFreezer(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it says %v, want %q", err, want)
		}
		if app != nil && want == "connection refused" {
			err := app.DeleteFreeze(t.Context(), it, 9)
			if !errors.Is(err, ports.ErrFreezerAway) || !errors.Is(err, ports.ErrUnavailable) {
				t.Errorf("a freeze that can't be ended: %v", err)
			}
		}
	}
}
