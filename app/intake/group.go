package intake

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const maxAlerts = 20 // alerts of a group that its text lists

// Alertmanager reads Prometheus Alertmanager's webhook, version 4. It signs nothing, so a token is
// needed (http_config.authorization or basic_auth).
// https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
type Alertmanager struct{ Secrets Secrets }

// Name returns "alertmanager".
func (a *Alertmanager) Name() string { return "alertmanager" }

// Early needs the token.
func (a *Alertmanager) Early(h http.Header, _ time.Time) error { return needToken(a.Secrets, h) }

// Read returns one Signal for the group.
func (a *Alertmanager) Read(_ context.Context, r Request) (Result, error) {
	if err := needToken(a.Secrets, r.Header); err != nil {
		return Result{}, err
	}
	g, err := readGroup(r)
	if err != nil {
		return Result{}, err
	}
	s := g.signal()
	s.Source, s.DedupKey, s.Trust = a.Name(), key(a.Name(), g.GroupKey), SharedSecret
	return Result{Signals: []Signal{sealed(r, s)}}, nil
}

// Grafana reads Grafana Alerting's webhook, signed or with a token.
// https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
type Grafana struct {
	Secrets         Secrets
	SignatureHeader string // empty: X-Grafana-Alerting-Signature
	// TimestampHeader is where Grafana was told to put its time, which is then required. Empty:
	// X-Grafana-Alerting-Timestamp, if it is there.
	TimestampHeader string
}

// Name returns "grafana".
func (g *Grafana) Name() string { return "grafana" }

// Early needs a token, or what may be a signature of now.
func (g *Grafana) Early(h http.Header, now time.Time) error {
	return g.Secrets.needEither(h, h.Get(cmp.Or(g.SignatureHeader, "X-Grafana-Alerting-Signature")), "",
		h.Get(cmp.Or(g.TimestampHeader, "X-Grafana-Alerting-Timestamp")), now)
}

// Read returns one Signal for the group.
func (g *Grafana) Read(_ context.Context, r Request) (Result, error) {
	trust, err := g.verify(r)
	if err != nil {
		return Result{}, err
	}
	group, err := readGroup(r)
	if err != nil {
		return Result{}, err
	}
	s := group.signal()
	s.Source, s.Trust = g.Name(), trust
	s.DedupKey = key(g.Name(), fmt.Sprint(group.OrgID), group.GroupKey)
	return Result{Signals: []Signal{sealed(r, s)}}, nil
}

func (g *Grafana) verify(r Request) (Trust, error) {
	signature := r.Header.Get(cmp.Or(g.SignatureHeader, "X-Grafana-Alerting-Signature"))
	if signature == "" {
		return SharedSecret, needToken(g.Secrets, r.Header)
	}
	stamp, signed := r.Header.Get(cmp.Or(g.TimestampHeader, "X-Grafana-Alerting-Timestamp")), ""
	if stamp != "" {
		signed = stamp + ":"
	} else if g.TimestampHeader != "" {
		return "", rejected("timestamp", "the timestamp that %s should carry is missing", g.TimestampHeader)
	}
	if !g.Secrets.signed(signature, signed, string(r.Body)) {
		return "", rejected("signature", "the signature does not fit")
	}
	if stamp != "" {
		return Verified, needRecent(stamp, r.Now)
	}
	return Verified, nil
}

// group is the body of both. Alertmanager's own type would bring ten megabytes of its packages into
// the binary.
type group struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	Status            string            `json:"status"`
	Receiver          string            `json:"receiver"`
	TruncatedAlerts   int               `json:"truncatedAlerts"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	Alerts            []alert           `json:"alerts"`
	OrgID             int64             `json:"orgId"` // Grafana's
	Title             string            `json:"title"` // Grafana's

	isCut bool // it was too large, and this is its beginning
}

type alert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     string            `json:"startsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
	Values       map[string]any    `json:"values"` // Grafana's
}

func (a alert) firing() bool { return a.Status != "resolved" }

func (a alert) summary() string { return cmp.Or(a.Annotations["summary"], a.Annotations["message"]) }

// ReadsBeginnings reports true: a group that is too large loses its last alerts rather than all.
// Alertmanager does not send again what is refused.
func (a *Alertmanager) ReadsBeginnings(http.Header) bool { return true }

// ReadsBeginnings reports whether a group that is too large can be read in part: not where a
// signature covers the whole.
func (g *Grafana) ReadsBeginnings(h http.Header) bool {
	return h.Get(cmp.Or(g.SignatureHeader, "X-Grafana-Alerting-Signature")) == ""
}

func readGroup(r Request) (group, error) {
	var g group
	body := r.Body
	if r.IsCut {
		if body = complete(body); body == nil {
			return g, &Error{Kind: Bad, Reason: "size", Err: errors.New("the body is too large")}
		}
	}
	if err := decode(body, &g); err != nil {
		return g, err
	}
	if r.IsCut { // Alertmanager writes these behind the alerts
		g.isCut = true
		g.Version = cmp.Or(g.Version, "4")
		if g.GroupKey == "" && len(g.Alerts) > 0 {
			g.GroupKey = "cut " + g.Receiver + " " + g.Alerts[0].Labels["alertname"]
		}
	}
	if g.Version == "" {
		return g, bad("no version: a custom payload belongs to /intake/generic")
	}
	if g.GroupKey == "" || len(g.Alerts) == 0 {
		return g, bad("not a group of alerts: groupKey and alerts are needed")
	}
	if g.Status != "firing" && g.Status != "resolved" {
		return g, bad("the status is neither firing nor resolved")
	}
	return g, nil
}

func (g group) signal() Signal {
	// A mixed group recovers when its last alert does, whatever the status of the whole says.
	firing := slices.DeleteFunc(slices.Clone(g.Alerts), func(a alert) bool { return !a.firing() })
	relevant := firing
	if len(relevant) == 0 {
		relevant = g.Alerts
	}
	worst := g.worst(relevant)
	s := Signal{
		Firing: g.Status == "firing" || len(firing) > 0,
		Title:  g.title(worst), Text: g.text(), Labels: g.shared(worst), Event: g.event(), Alerts: g.alerts(relevant),
		URL: g.ExternalURL, Runbook: g.annotation("runbook_url", worst), SeverityHint: g.severityOf(worst[0]),
	}
	if g.isCut {
		s.Text = "(This report was too large: only its beginning was read.)\n" + s.Text
	}
	if len(g.Alerts) == 1 {
		s.URL = cmp.Or(address(worst[0].GeneratorURL), s.URL)
	}
	var customers []string
	for _, a := range relevant {
		if c := a.Labels["customer"]; c != "" && !slices.Contains(customers, c) {
			customers = append(customers, c)
		}
		if at := parseTime(a.StartsAt); !at.IsZero() && (s.Started.IsZero() || at.Before(s.Started)) {
			s.Started = at
		}
	}
	s.CustomerHint = cmp.Or(strings.Join(customers, ", "), s.Labels["customer"])
	return s
}

// annotation returns what is common, or what the first alert says that has it.
func (g group) annotation(name string, among []alert) string {
	if v := g.CommonAnnotations[name]; v != "" {
		return v
	}
	for _, a := range among {
		if v := a.Annotations[name]; v != "" {
			return v
		}
	}
	return ""
}

// title returns "APIServerDown: the API of eu-1 does not answer", or the labels of the group where
// there is no summary of all. Where an alert has no name, the labels that tell it from others are
// for it.
func (g group) title(among []alert) string {
	name := cmp.Or(g.CommonLabels["alertname"], g.GroupLabels["alertname"])
	summary := g.CommonAnnotations["summary"]
	if name == "" && len(among) < len(g.Alerts) {
		name = g.shared(among)["alertname"]
	}
	if len(among) == 1 {
		name, summary = cmp.Or(among[0].Labels["alertname"], name), cmp.Or(among[0].summary(), summary)
	}
	if rule, what := g.grafanaRule(name, among); rule != "" {
		name, summary = rule, cmp.Or(summary, what)
	}
	if summary != "" {
		return strings.TrimPrefix(name+": "+summary, ": ")
	}
	others := maps.Clone(g.GroupLabels)
	delete(others, "alertname")
	values := make([]string, 0, len(others)+1)
	for _, label := range slices.Sorted(maps.Keys(others)) {
		values = append(values, others[label])
	}
	if t := strings.TrimSpace(name + " " + strings.Join(values, " ")); t != "" {
		return t
	}

	return cmp.Or(
		g.Title,
		among[0].Labels["alertname"],
		among[0].summary(),
		firstLine(among[0].Annotations["description"]),
		g.distinction(among),
	)
}

// grafanaRule returns the name of the rule, and what is wrong, where Grafana raises an alert of its
// own because a rule has no data or fails: its name is the same for every rule.
// https://grafana.com/docs/grafana/latest/alerting/fundamentals/alert-rule-evaluation/stale-alert-instances/
func (g group) grafanaRule(name string, among []alert) (rule, what string) {
	what = map[string]string{"DatasourceNoData": "no data", "DatasourceError": "its query fails"}[name]
	if what == "" {
		return "", ""
	}

	return g.shared(among)["rulename"], what
}

// distinction returns the values of the labels that say where something is, and not how bad it is:
// "node-1 api".
func (g group) distinction(among []alert) string {
	shared := g.shared(among)
	var values []string
	for _, name := range slices.Sorted(maps.Keys(shared)) {
		if !slices.Contains(
			[]string{
				"alertname",
				"severity",
				"priority",
				"team",
				"customer",
				"prometheus",
				"monitor",
				"replica",
			},
			name,
		) {
			values = append(values, shared[name])
		}
	}

	return strings.Join(values, " ")
}

// firstLine returns the first line of a text.
func firstLine(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")

	return first
}

// text lists the alerts, those that fire first.
func (g group) text() string {
	all := slices.Clone(g.Alerts)
	slices.SortStableFunc(all, func(a, b alert) int {
		switch {
		case a.firing() == b.firing():
			return 0
		case a.firing():
			return -1
		}
		return 1
	})
	var b strings.Builder
	for _, a := range all[:min(len(all), maxAlerts)] {
		b.WriteString("- " + line(g.describe(a), 380) + "\n")
	}
	if rest := len(all) - maxAlerts; rest > 0 {
		fmt.Fprintf(&b, "and %d more\n", rest)
	}
	if g.TruncatedAlerts > 0 {
		fmt.Fprintf(&b, "%d more were left out by the sender\n", g.TruncatedAlerts)
	}
	return b.String()
}

func (g group) describe(a alert) string {
	var own []string // the labels by which it differs
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		if name != "alertname" && g.CommonLabels[name] != a.Labels[name] {
			own = append(own, name+"="+a.Labels[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Values)) {
		own = append(own, fmt.Sprintf("%s=%v", name, a.Values[name]))
	}
	name := strings.TrimSpace(a.Labels["alertname"] + " " + strings.Join(own, " "))
	d := cmp.Or(name, g.distinction([]alert{a}), "an alert without a name") + ", " + cmp.Or(a.Status, g.Status)
	if at := parseTime(a.StartsAt); !at.IsZero() && a.firing() {
		d += at.Format(" since 2006-01-02 15:04 UTC")
	}
	for _, t := range []string{a.summary(), a.Annotations["description"]} {
		if t != "" {
			d += ": " + t
		}
	}
	return d
}

// event identifies a state of the group: Alertmanager repeats an unchanged group each
// repeat_interval.
func (g group) event() string {
	states := make([]string, 0, len(g.Alerts)+1)
	for _, a := range g.Alerts {
		state, err := json.Marshal(
			[]any{a.Status, a.Fingerprint, a.Labels, parseTime(a.StartsAt).Format(time.RFC3339Nano)},
		)
		if err != nil {
			continue // strings and maps of strings always can be written
		}
		states = append(states, string(state))
	}
	slices.Sort(states)
	return digest(append(states, g.Status)...)
}
