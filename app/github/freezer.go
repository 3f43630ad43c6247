package github

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// A freezer is a process of its own that alone holds the key of the App for freezes (X4). It has GitHub's three
// addresses for the rulesets of a repository, below its own, and lets through what makes, prolongs or deletes a freeze
// of ours, and nothing else that this key could do. Who asks signs with a secret that both know.

const (
	// freezeTime has when a request was signed, in nanoseconds since 1970.
	freezeTime = "X-Firebreak-Time"
	// freezeSignature has "sha256=" and the hex HMAC-SHA256 of method, path below the address, time and body, each but
	// the last with a line feed behind it.
	freezeSignature = "X-Firebreak-Signature-256"
	// freezeSkew is how far the clocks of both may be apart.
	freezeSkew = 5 * time.Minute
	// mostFreezeBody is far more than a ruleset of ours has.
	mostFreezeBody = 64 << 10
	// keptSignatures is how many requests are remembered, so that none counts twice: more than come in freezeSkew.
	keptSignatures = 10_000
)

// FreezerAddress is where the process for freezes is, and the secret that signs what it is asked.
type FreezerAddress struct {
	URL    string
	Secret []byte
}

func signFreeze(secret []byte, method, path, at string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s\n%s\n%s\n", method, path, at)
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// freezeSigner signs what the process for freezes is asked.
type freezeSigner struct {
	next http.RoundTripper
	at   FreezerAddress
	base string // path of its address, with a slash at its end
	now  func() time.Time
}

func (s freezeSigner) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body.Close()
	}
	signed := req.Clone(req.Context())
	signed.Body, signed.GetBody = http.NoBody, nil
	if len(body) > 0 {
		signed.Body = io.NopCloser(bytes.NewReader(body))
	}
	at := strconv.FormatInt(s.now().UnixNano(), 10)
	signed.Header.Set(freezeTime, at)
	signed.Header.Set(freezeSignature,
		signFreeze(s.at.Secret, req.Method, strings.TrimPrefix(req.URL.EscapedPath(), s.base), at, body))
	return s.next.RoundTrip(signed)
}

// freezerClient returns a client of the process for freezes.
func (a *App) freezerClient(next http.RoundTripper) (*github.Client, error) {
	base, err := url.Parse(strings.TrimSuffix(a.o.FreezerAt.URL, "/") + "/")
	if err != nil || base.Host == "" {
		return nil, errors.New("the address of the process for freezes must be like https://freezer.example.com")
	}
	signed := freezeSigner{next, *a.o.FreezerAt, base.EscapedPath(), a.o.Now}
	c := github.NewClient(&http.Client{
		// It may wait for GitHub as long as this App does.
		Timeout: 2 * timeout,
		Transport: &rateLimitTransport{now: a.o.Now,
			next: &metricsTransport{next: signed, metrics: a.o.Metrics, now: a.o.Now}},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("the process for freezes redirects elsewhere")
		},
	})
	c.BaseURL, c.UserAgent = base, "firebreak"
	return c, nil
}

// rulesetClient returns a client that may change the rulesets of a repository: of this App, of one of its own, or of
// the process that holds that one's key.
func (a *App) rulesetClient(ctx context.Context, repo incident.Ref) (*github.Client, error) {
	if a.remoteFreezer != nil {
		return a.remoteFreezer, a.checkAccount(repo.Owner)
	}
	return cmp.Or(a.o.Freezer, a).clientOf(ctx, freezing, repo)
}

// HasFreezer reports whether an App of its own changes rulesets.
func (a *App) HasFreezer() bool { return a.o.Freezer != nil || a.o.FreezerAt != nil }

// CheckFreezer asks the process for freezes whether it would take what this App signs; nil also where there is none.
func (a *App) CheckFreezer(ctx context.Context) error {
	if a.remoteFreezer == nil {
		return nil
	}
	var answer struct{ Product int64 }
	if _, err := call(ctx, a.remoteFreezer, http.MethodGet, "", nil, &answer); err != nil {
		if v := classify(err); v.status != 0 {
			err = errors.New(v.reason)
		}
		return fmt.Errorf("the process for freezes (%s) refuses, or can't be reached: %w", a.o.FreezerAt.URL, err)
	}
	if answer.Product != a.o.AppID {
		return fmt.Errorf("the process for freezes (%s) freezes for App %d, and this is App %d: set FIREBREAK_APP_ID there",
			a.o.FreezerAt.URL, answer.Product, a.o.AppID)
	}
	return nil
}

// explainFreezer adds that the process for freezes gave no answer, where that is what failed.
func (a *App) explainFreezer(err error) error {
	if a.remoteFreezer == nil || classify(err).class != classAway || statusOf(err) != 0 {
		return err
	}
	return fmt.Errorf("%w: %w", ports.ErrFreezerAway, err)
}

// freezer serves the process for freezes.
type freezer struct {
	app     *App
	product int64 // number of the App whose status lets a commit through
	secret  []byte
	seen    *lru.Cache[string, struct{}] // signatures
}

// FreezerHandler serves what a process for freezes is asked: this is the App whose key it holds, and product the number
// of the one that runs the incidents.
//
//	GET    /healthz                            200, without a signature
//	GET    /                                   200 and {"product": 123456}, if GitHub takes the key
//	POST   /repos/OWNER/REPO/rulesets          as GitHub's, if the ruleset is a freeze of product's
//	PUT    /repos/OWNER/REPO/rulesets/ID       likewise, if that one is a freeze, too
//	DELETE /repos/OWNER/REPO/rulesets/ID       as GitHub's, if that one is a freeze
//
// What it refuses itself is answered 403, what GitHub refuses as GitHub did, a limit of GitHub's 429 with Retry-After,
// and 502 if GitHub could not be asked.
func (a *App) FreezerHandler(product int64, secret []byte) (http.Handler, error) {
	if len(secret) == 0 {
		return nil, errors.New("without a secret anybody could freeze")
	}
	seen, err := lru.New[string, struct{}](keptSignatures)
	if err != nil {
		return nil, err
	}
	f := &freezer{a, product, secret, seen}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /{$}", f.signed(func(ctx context.Context, _ freezeRequest) (int, any, error) {
		_, _, err := a.self.Apps.Get(ctx, "") // the key may have been revoked
		return http.StatusOK, map[string]int64{"product": product}, err
	}))
	mux.HandleFunc("POST /repos/{owner}/{repo}/rulesets", f.signed(f.save))
	mux.HandleFunc("PUT /repos/{owner}/{repo}/rulesets/{id}", f.signed(f.save))
	mux.HandleFunc("DELETE /repos/{owner}/{repo}/rulesets/{id}", f.signed(f.delete))
	return mux, nil
}

// freezeRequest is what the process for freezes is asked.
type freezeRequest struct {
	method string
	repo   incident.Ref
	id     int64 // of a ruleset; 0: none is named
	body   []byte
}

// path returns what GitHub is asked.
func (r freezeRequest) path() string {
	if r.id == 0 {
		return repoPath(r.repo) + "/rulesets"
	}
	return rulesetPath(r.repo, r.id)
}

// notAFreeze refuses what is not for this process.
type notAFreeze struct{ reason string }

func (n notAFreeze) Error() string { return n.reason }

// signed serves what is signed with the secret, lately and for the first time.
func (f *freezer) signed(do func(context.Context, freezeRequest) (int, any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostFreezeBody))
		if err != nil {
			answerFreeze(w, http.StatusRequestEntityTooLarge,
				map[string]string{"message": "the body can't be read, or is too large"})
			return
		}
		if err := f.check(r, body); err != nil { // a stranger's words are in no log
			f.app.o.Logger.Warn("refused", "err", err)
			answerFreeze(w, http.StatusForbidden, map[string]string{"message": err.Error()})
			return
		}
		asked := freezeRequest{method: r.Method, body: body,
			repo: incident.Ref{Owner: r.PathValue("owner"), Repo: r.PathValue("repo")}}
		if name := asked.repo.FullName(); name != "/" && !naming.IsRepository(name) { // it becomes a part of an address
			f.fail(w, r, notAFreeze{"it is not the name of a repository"})
			return
		}
		if id := r.PathValue("id"); id != "" {
			if asked.id, err = strconv.ParseInt(id, 10, 64); err != nil || asked.id < 1 {
				f.fail(w, r, notAFreeze{"a ruleset has a number"})
				return
			}
		}
		status, answer, err := do(r.Context(), asked)
		if err != nil {
			f.fail(w, r, err)
			return
		}
		answerFreeze(w, status, answer)
	}
}

// check refuses what is not signed with the secret, was signed at another time, or was here before.
func (f *freezer) check(r *http.Request, body []byte) error {
	at, signature := r.Header.Get(freezeTime), r.Header.Get(freezeSignature)
	want := signFreeze(f.secret, r.Method, strings.TrimPrefix(r.URL.EscapedPath(), "/"), at, body)
	if !hmac.Equal([]byte(signature), []byte(want)) {
		return notAFreeze{"the signature is wrong: FIREBREAK_FREEZE_SECRET must be the same here and there"}
	}
	signed, err := strconv.ParseInt(at, 10, 64)
	if apart := f.app.o.Now().Sub(time.Unix(0, signed)).Abs(); err != nil || apart > freezeSkew {
		return notAFreeze{"it was signed at another time: set the clocks of both machines by NTP"}
	}
	if was, _ := f.seen.ContainsOrAdd(signature, struct{}{}); was {
		return notAFreeze{"it was asked before"}
	}
	return nil
}

// save makes or changes a freeze, if it is exactly what the product makes of one.
func (f *freezer) save(ctx context.Context, asked freezeRequest) (int, any, error) {
	var given map[string]any
	if err := json.Unmarshal(asked.body, &given); err != nil {
		return 0, nil, notAFreeze{"it is not the JSON of a ruleset"}
	}
	name, _ := given["name"].(string)
	freeze, ok := ports.ReadFreeze(name)
	if !ok || name != freeze.Name() && name != freeze.ShortName() {
		return 0, nil, notAFreeze{"the ruleset is not named as a freeze is"}
	}
	own := freezeRules(freeze, name, f.product)
	var want map[string]any
	if text, err := json.Marshal(own); err != nil || json.Unmarshal(text, &want) != nil {
		return 0, nil, fmt.Errorf("a freeze as JSON: %w", err)
	}
	if !reflect.DeepEqual(given, want) {
		return 0, nil, notAFreeze{fmt.Sprintf("the ruleset does not hold what a freeze for App %d holds", f.product)}
	}
	if latest := f.app.o.Now().Add(incident.FreezeMost + freezeSkew); freeze.Until.After(latest) {
		return 0, nil, notAFreeze{fmt.Sprintf("a freeze lasts %d hours at most", int(incident.FreezeMost.Hours()))}
	}
	return f.forward(ctx, asked, own, freeze)
}

// delete deletes a freeze.
func (f *freezer) delete(ctx context.Context, asked freezeRequest) (int, any, error) {
	if len(asked.body) > 0 {
		return 0, nil, notAFreeze{"a deletion has no body"}
	}
	return f.forward(ctx, asked, nil, ports.Freeze{})
}

// forward asks GitHub for it. A ruleset that is there already must be a freeze.
func (f *freezer) forward(ctx context.Context, asked freezeRequest, body any, freeze ports.Freeze) (int, any, error) {
	c, err := f.app.clientOf(ctx, freezing, asked.repo)
	if err != nil {
		return 0, nil, err
	}
	if asked.id != 0 {
		var there ruleset
		_, err := call(ctx, c, http.MethodGet, asked.path(), nil, &there)
		if isStatus(err, http.StatusNotFound) {
			switch unseen := f.app.isThere(ctx, c, asked.repo); {
			case ports.IsRefused(unseen): // 404 would say that the ruleset is gone
				return 0, nil, notAFreeze{"the App for freezes was not given " + asked.repo.FullName()}
			case unseen != nil:
				return 0, nil, unseen
			}
		}
		if err != nil {
			return 0, nil, err
		}
		known, ok := ports.ReadFreeze(there.Name)
		if !ok {
			return 0, nil, notAFreeze{fmt.Sprintf("the ruleset %d of %s is not a freeze", asked.id, asked.repo.FullName())}
		}
		if body == nil {
			freeze = known
		}
	}
	var answer json.RawMessage
	res, err := call(ctx, c, asked.method, asked.path(), body, &answer)
	if err != nil {
		return 0, nil, err
	}
	f.app.o.Logger.Info("freeze", "method", asked.method, "repository", asked.repo.FullName(), "ruleset", asked.id,
		"holder", freeze.Holder, "until", freeze.Until)
	return res.StatusCode, answer, nil
}

// fail answers what went wrong as the product's own client of GitHub would have heard it.
func (f *freezer) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, reason := http.StatusForbidden, err.Error()
	var refused notAFreeze
	var later *ports.RetryAfter
	switch {
	case errors.As(err, &refused):
	case errors.As(err, &later):
		status = http.StatusTooManyRequests
		seconds := max(1, int(later.Until.Sub(f.app.o.Now()).Seconds())+1)
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	default:
		switch v := classify(err); v.class {
		case classRefused:
			status, reason = v.status, v.reason
		case classLost: // 404 would say that a ruleset is gone
			reason = v.reason
		case classAway:
			status, reason = http.StatusBadGateway, cmp.Or(v.reason, "GitHub is not available")
		default:
			status = http.StatusBadGateway
		}
	}
	f.app.o.Logger.Warn("refused", "method", r.Method, "path", r.URL.Path, "status", status, "err", err)
	answerFreeze(w, status, map[string]string{"message": reason})
}

func answerFreeze(w http.ResponseWriter, status int, answer any) {
	if raw, ok := answer.(json.RawMessage); ok && len(raw) == 0 {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // who asked may be gone
}
