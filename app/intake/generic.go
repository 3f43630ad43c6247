package intake

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Generic reads everything else: the fields of Grafana OnCall's formatted webhook and severity,
// customer, dedup_key, drill, all optional, signed or with a token.
//
// The signature, in X-Firebreak-Signature-256, is "sha256=" and the hex HMAC-SHA256 of the time in
// X-Firebreak-Timestamp (Unix seconds), a colon and the body; or of the body alone, as our own
// webhooks are signed, which nothing protects from being sent again.
// https://grafana.com/docs/oncall/latest/configure/integrations/references/webhook/
type Generic struct{ Secrets Secrets }

// Name returns "generic".
func (g *Generic) Name() string { return "generic" }

// Early needs a token, or what may be a signature of now.
func (g *Generic) Early(h http.Header, now time.Time) error {
	return g.Secrets.needEither(
		h,
		h.Get("X-Firebreak-Signature-256"),
		"sha256=",
		h.Get("X-Firebreak-Timestamp"),
		now,
	)
}

// Read returns one Signal.
func (g *Generic) Read(_ context.Context, r Request) (Result, error) {
	trust, err := g.verify(r)
	if err != nil {
		return Result{}, err
	}
	var a struct {
		AlertUID string          `json:"alert_uid"`
		Title    string          `json:"title"`
		ImageURL string          `json:"image_url"`
		State    string          `json:"state"`
		Link     string          `json:"link_to_upstream_details"`
		Message  string          `json:"message"`
		Severity string          `json:"severity"`
		Customer string          `json:"customer"`
		DedupKey string          `json:"dedup_key"`
		Drill    json.RawMessage `json:"drill"`
	}
	if err := decode(r.Body, &a); err != nil {
		return Result{}, err
	}
	drill, err := isDrill(a.Drill)
	if err != nil {
		return Result{}, err
	}
	if a.Title == "" && a.Message == "" {
		return Result{}, bad("a title or a message is needed")
	}
	first, _, _ := strings.Cut(strings.TrimSpace(a.Message), "\n")
	s := Signal{
		Source: g.Name(), Trust: trust, Firing: !isRecovered(a.State), Drill: drill,
		Title: cmp.Or(a.Title, first), Text: a.Message, URL: a.Link,
		SeverityHint: a.Severity, CustomerHint: a.Customer,
		DedupKey: key(g.Name(), cmp.Or(a.DedupKey, a.AlertUID, a.Title, first)),
		Labels:   map[string]string{"severity": a.Severity, "customer": a.Customer},
	}
	if drill {
		s.DedupKey = key("drill", s.DedupKey)
	}
	if image := address(a.ImageURL); image != "" {
		s.Text += "\nImage: " + image
	}
	return Result{Signals: []Signal{sealed(r, s)}}, nil
}

// recovered are the words by which monitoring says that it is over.
var recovered = []string{
	"ok", "okay", "resolved", "resolve", "recovered", "recovery", "recover", "up", "normal", "closed",
	"close", "clear", "cleared", "healthy", "green", "inactive", "fixed", "success", "passed", "passing",
	"good", "end", "ended", "back", "deactivated", "restored",
}

// isRecovered reports whether a state says that what was reported is over.
func isRecovered(state string) bool {
	return slices.Contains(recovered, strings.ToLower(strings.Trim(state, " \t\n.!:")))
}

// isDrill reads whether it is an exercise. Taken for the other, an exercise would page for real and
// an alert nobody: what is neither yes nor no is refused.
func isDrill(field json.RawMessage) (bool, error) {
	switch strings.Trim(string(field), `"`) {
	case "", "false", "null":
		return false, nil
	case "true":
		return true, nil
	}
	return false, bad("drill must be true or false")
}

func (g *Generic) verify(r Request) (Trust, error) {
	header := r.Header.Get("X-Firebreak-Signature-256")
	if header == "" {
		return SharedSecret, needToken(g.Secrets, r.Header)
	}
	signature, ok := strings.CutPrefix(header, "sha256=")
	stamp, body := r.Header.Get("X-Firebreak-Timestamp"), string(r.Body)
	if !ok || !g.Secrets.signed(signature, body) && !g.Secrets.signed(signature, stamp, ":", body) {
		return "", rejected("signature", "the signature does not fit")
	}
	if stamp != "" {
		return Verified, needRecent(stamp, r.Now)
	}
	return Verified, nil
}
