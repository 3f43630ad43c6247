package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// statusCodeOf is the status that GitHub's API says: 502 where nobody was reached, 504 where
// nobody answered in time, and 0 as long as the attempt is under way.
// https://docs.github.com/en/rest/apps/webhooks#list-deliveries-for-an-app-webhook
func statusCodeOf(d *forge.Delivery) int {
	switch {
	case !d.Done || d.Code != 0:
		return d.Code
	case d.Reason == forge.TimedOut:
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}

// isListedAs reports whether a delivery is among the "success" ones, which GitHub takes by status
// 200 to 399, or the "failure" ones, from 400 to 599.
func isListedAs(d *forge.Delivery, status string) bool {
	switch code := statusCodeOf(d); status {
	case "success":
		return code >= 200 && code < 400
	case "failure":
		return code >= 400 && code < 600
	}
	return true
}

func (v *Views) deliveryView(d *forge.Delivery) fields {
	status := d.Reason
	if !d.Done {
		status = "pending"
	}
	f := fields{"id": d.ID, "guid": d.GUID, "delivered_at": forge.FormatTime(d.At),
		"redelivery": d.Redelivery, "duration": d.Duration.Seconds(), "status": status,
		"status_code": statusCodeOf(d), "event": d.Event, "action": textOrNull(d.Action),
		"installation_id": v.forge.InstallationID(), "repository_id": nil, "throttled_at": nil}
	if d.RepositoryID != 0 {
		f["repository_id"] = d.RepositoryID
	}
	return f
}

// listDeliveries answers newest first; the cursor is the id of the delivery before.
func listDeliveries(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	size, err := strconv.Atoi(q.query("per_page"))
	if err != nil || size < 1 || size > 100 {
		size = 30
	}
	if status := q.query("status"); status != "" && status != "success" && status != "failure" {
		return 0, nil, forge.Invalid("Hook", "status", "invalid", "")
	}
	cursor, _ := strconv.ParseInt(strings.TrimPrefix(q.query("cursor"), "v1_"), 10, 64)
	views := []fields{}
	for _, d := range slices.Backward(q.forge.Deliveries) {
		if cursor != 0 && d.ID >= cursor || !isListedAs(d, q.query("status")) {
			continue
		}
		if len(views) == size {
			last, _ := views[size-1]["id"].(int64)
			values := q.r.URL.Query()
			values.Set("cursor", "v1_"+strconv.FormatInt(last, 10))
			q.head.Set("Link", "<"+q.views.api("/app/hook/deliveries?")+values.Encode()+`>; rel="next"`)
			break
		}
		views = append(views, q.views.deliveryView(d))
	}
	return http.StatusOK, views, nil
}

// delivery finds the delivery of the path.
func (q *request) delivery() (*forge.Delivery, error) {
	if err := q.ownApp(); err != nil {
		return nil, err
	}
	d, ok := q.forge.FindDelivery(q.id("delivery"))
	if !ok {
		return nil, forge.ErrNotFound
	}
	return d, nil
}

func getDelivery(q *request) (int, any, error) {
	d, err := q.delivery()
	if err != nil {
		return 0, nil, err
	}
	var payload any
	if err := json.Unmarshal(d.Payload, &payload); err != nil {
		return 0, nil, err
	}
	target, _ := q.forge.HookTarget()
	return http.StatusOK, q.views.deliveryView(d).with(fields{"url": target,
		"request":  fields{"headers": d.RequestHead, "payload": payload},
		"response": fields{"headers": d.ResponseHead, "payload": textOrNull(d.ResponseBody)}}), nil
}

func redeliver(q *request) (int, any, error) {
	d, err := q.delivery()
	if err != nil {
		return 0, nil, err
	}
	q.a.host.Redeliver(d)
	return http.StatusAccepted, fields{}, nil
}

func getHookConfig(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	target, _ := q.forge.HookTarget()
	return http.StatusOK, hookConfigView(target), nil
}

// patchHookConfig changes where the App's webhooks go, and by what they are signed. What is sent from here is always
// JSON, and its receiver's certificate is verified.
// https://docs.github.com/en/rest/apps/webhooks#update-a-webhook-configuration-for-an-app
func patchHookConfig(q *request) (int, any, error) {
	if err := q.ownApp(); err != nil {
		return 0, nil, err
	}
	var in struct {
		URL, Secret *string
		ContentType *string `json:"content_type"`
		InsecureSSL any     `json:"insecure_ssl"`
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	wrong := func(field, why string) error {
		return &forge.Error{Status: http.StatusUnprocessableEntity, Message: "Validation Failed",
			Fields: []forge.FieldError{{Resource: "Hook", Field: field, Code: "custom", Message: why}}}
	}
	if in.URL != nil {
		u, err := url.Parse(*in.URL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return 0, nil, wrong("url", "url is not a valid URL")
		}
	}
	if in.ContentType != nil && *in.ContentType != "json" {
		return 0, nil, wrong("content_type", "content_type is json in the sandbox")
	}
	if of := fmt.Sprint(in.InsecureSSL); in.InsecureSSL != nil && of != "0" {
		return 0, nil, wrong("insecure_ssl", "insecure_ssl is 0 in the sandbox")
	}
	q.forge.SetHook(in.URL, in.Secret)
	return getHookConfig(q)
}
