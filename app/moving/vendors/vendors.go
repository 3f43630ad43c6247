// Package vendors reads schedules, escalations and teams by the APIs of Opsgenie and PagerDuty. It
// changes nothing there.
package vendors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/PagerDuty/go-pagerduty"

	"github.com/firebreak-dev/firebreak/app/moving"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// The addresses of the APIs, by region.
var (
	Opsgenie  = map[string]string{"us": "https://api.opsgenie.com", "eu": "https://api.eu.opsgenie.com"}
	PagerDuty = map[string]string{"us": "https://api.pagerduty.com", "eu": "https://api.eu.pagerduty.com"}
)

// Weeks is how much of the vendors' calendars is read.
const Weeks = 4

// Reader reads by an API.
type Reader struct {
	Base  string
	Key   string
	HTTP  *http.Client
	Sleep func(context.Context, time.Duration) error
	// Left hears of each schedule and team that the vendor refuses to show, while the others are read; nil: such
	// a refusal ends the import.
	Left func(moving.Note)
}

// refused is a vendor's answer that it does not show one thing.
type refused struct {
	status int
	text   string
}

func (r *refused) Error() string { return r.text }

// leave notes what the vendor refuses to show of one schedule or team, so that the others are read. It returns
// any other error.
func (r Reader) leave(where string, err error) error {
	status := 0
	var answer *refused
	var api pagerduty.APIError
	switch {
	case errors.As(err, &answer):
		status = answer.status
	case errors.As(err, &api):
		status = api.StatusCode
	}
	isOwn := status >= 400 && status < 500 && status != http.StatusUnauthorized && status != http.StatusTooManyRequests
	if r.Left == nil || !isOwn {
		return err
	}
	r.Left(moving.Note{Where: where,
		Text: fmt.Sprintf("could not be read, so it may be missing here, in whole or in part: %v", err)})
	return nil
}

const (
	tries       = 5
	longestWait = 90 * time.Second
	mostBody    = 32 << 20 // bytes of an answer
	mostPages   = 200
)

// Do sends a request that changes nothing, and again where the vendor says that it was too many, or
// that it failed.
func (r Reader) Do(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		return nil, fmt.Errorf("%s %s: the import only reads", req.Method, req.URL.Path)
	}
	for n := 1; ; n++ {
		res, err := r.HTTP.Do(req)
		if err != nil {
			return nil, err
		}
		if n == tries || res.StatusCode != http.StatusTooManyRequests && res.StatusCode < 500 {
			return res, nil
		}
		_ = res.Body.Close()
		pause, ok := wait.RetryAfter(res.Header.Get("Retry-After"), time.Now(), longestWait)
		if !ok {
			pause = wait.Backoff(time.Second, n, longestWait)
		}
		if err := r.Sleep(req.Context(), pause); err != nil {
			return nil, err
		}
	}
}

// get reads an answer of Opsgenie.
func (r Reader) get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "GenieKey "+r.Key)
	res, err := r.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask Opsgenie: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, mostBody+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read GET %s: %w", req.URL.Path, err)
	case len(body) > mostBody:
		return nil, fmt.Errorf("read GET %s: the answer is longer than %d MB", req.URL.Path, mostBody>>20)
	case res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden,
		res.StatusCode == http.StatusUnprocessableEntity:
		return nil, &refused{res.StatusCode, fmt.Sprintf("GET %s: Opsgenie refused the key (%s): it needs the rights to "+
			"read and to access configurations, and --region eu for an account in Europe", req.URL.Path, res.Status)}
	case res.StatusCode != http.StatusOK:
		return nil, &refused{res.StatusCode, fmt.Sprintf("GET %s: Opsgenie answered %s", req.URL.Path, res.Status)}
	}
	return body, nil
}

// ReadOpsgenie reads schedules with their rotations, overrides and timelines from a time on,
// escalations, and teams with their members.
func (r Reader) ReadOpsgenie(ctx context.Context, from time.Time) (out []moving.Document, err error) {
	type list struct {
		Data []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"data"`
		Paging struct {
			Next string `json:"next"`
		} `json:"paging"`
	}
	type named struct{ id, name string }
	read := func(name, path string) (ids []named, err error) {
		for range mostPages {
			body, err := r.get(ctx, r.Base+path)
			if err != nil {
				return nil, err
			}
			out = append(out, moving.Document{Name: name, Content: body})
			var l list
			if json.Unmarshal(body, &l) != nil {
				return nil, nil // one thing, and no list of them
			}
			for _, one := range l.Data {
				ids = append(ids, named{one.ID, one.Name})
			}
			if l.Paging.Next == "" {
				return ids, nil
			}
			next, err := url.Parse(l.Paging.Next)
			if err != nil {
				return nil, fmt.Errorf("GET %s: the address of the next page: %w", path, err)
			}
			path = next.RequestURI() // of the same host, for the key goes with it
		}
		return nil, fmt.Errorf("GET %s: there are more than %d pages", path, mostPages)
	}
	schedules, err := read("schedules.json", "/v2/schedules?expand=rotation")
	if err != nil {
		return nil, err
	}
	for _, schedule := range schedules {
		base, where := "/v2/schedules/"+url.PathEscape(schedule.id), "schedule "+schedule.name
		_, err := read("overrides.json", base+"/overrides")
		if err := r.leave(where+", overrides", err); err != nil {
			return nil, err
		}
		query := url.Values{"interval": {fmt.Sprint(Weeks)}, "intervalUnit": {"weeks"},
			"date": {from.UTC().Format(time.RFC3339)}}
		_, err = read("timelines.json", base+"/timeline?"+query.Encode())
		if err := r.leave(where+", calendar", err); err != nil {
			return nil, err
		}
	}
	if _, err := read("escalations.json", "/v2/escalations"); err != nil {
		return nil, err
	}
	body, err := r.get(ctx, r.Base+"/v2/teams")
	if err != nil {
		return nil, err
	}
	var teams list
	if err := json.Unmarshal(body, &teams); err != nil {
		return nil, fmt.Errorf("read GET /v2/teams: %w", err)
	}
	for _, t := range teams.Data { // the list has no members
		_, err := read("teams/"+t.ID+".json", "/v2/teams/"+url.PathEscape(t.ID))
		if err := r.leave("team "+t.Name+", members", err); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ReadPagerDuty reads schedules with their layers, overrides and calendar from a time on, escalation
// policies, teams, and users with their addresses.
func (r Reader) ReadPagerDuty(ctx context.Context, from time.Time) ([]moving.Document, error) {
	client := pagerduty.NewClient(r.Key, pagerduty.WithAPIEndpoint(r.Base))
	client.HTTPClient = r
	var out []moving.Document
	add := func(name string, value any) error {
		content, err := json.Marshal(map[string]any{name: value})
		out = append(out, moving.Document{Name: name + ".json", Content: content})
		return err
	}
	const page = 100
	// each walks the pages of a list
	each := func(what string, next func(offset uint) (more bool, err error)) error {
		for n := range uint(mostPages) {
			more, err := next(n * page)
			var refused pagerduty.APIError
			switch {
			case errors.As(err, &refused) && (refused.StatusCode == http.StatusUnauthorized ||
				refused.StatusCode == http.StatusForbidden):
				return fmt.Errorf("read PagerDuty's %s: the key was refused: it needs a read-only REST API key, and "+
					"--region eu for an account in Europe: %w", what, err)
			case err != nil:
				return fmt.Errorf("read PagerDuty's %s: %w", what, err)
			case !more:
				return nil
			}
		}
		return fmt.Errorf("read PagerDuty's %s: there are more than %d pages", what, mostPages)
	}
	err := each("schedules", func(offset uint) (bool, error) {
		list, err := client.ListSchedulesWithContext(ctx, pagerduty.ListSchedulesOptions{Limit: page, Offset: offset})
		if err != nil {
			return false, err
		}
		for _, s := range list.Schedules {
			whole, err := client.GetScheduleWithContext(ctx, s.ID, pagerduty.GetScheduleOptions{
				Since: from.UTC().Format(time.RFC3339), Until: from.UTC().AddDate(0, 0, 7*Weeks).Format(time.RFC3339)})
			if err != nil {
				if err := r.leave("schedule "+s.Name, err); err != nil {
					return false, err
				}
				continue
			}
			if err := add("schedule", whole); err != nil {
				return false, err
			}
		}
		return list.More, nil
	})
	if err != nil {
		return nil, err
	}
	err = each("escalation policies", func(offset uint) (bool, error) {
		list, err := client.ListEscalationPoliciesWithContext(ctx,
			pagerduty.ListEscalationPoliciesOptions{Limit: page, Offset: offset})
		if err != nil {
			return false, err
		}
		return list.More, add("escalation_policies", list.EscalationPolicies)
	})
	if err != nil {
		return nil, err
	}
	err = each("teams", func(offset uint) (bool, error) {
		list, err := client.ListTeamsWithContext(ctx, pagerduty.ListTeamOptions{Limit: page, Offset: offset})
		if err != nil {
			return false, err
		}
		return list.More, add("teams", list.Teams)
	})
	if err != nil {
		return nil, err
	}
	err = each("users", func(offset uint) (bool, error) {
		list, err := client.ListUsersWithContext(ctx, pagerduty.ListUsersOptions{Limit: page, Offset: offset})
		if err != nil {
			return false, err
		}
		return list.More, add("users", list.Users)
	})
	return out, err
}
