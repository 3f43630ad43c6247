package replay

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"regexp"

	"github.com/google/go-github/v60/github"
)

var (
	deliveryID   = regexp.MustCompile(`^[0-9]+$`)
	deliveryGUID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

// Names reports whether a text names a delivery that GitHub has: by its id, or by the GUID that
// GitHub shows on the App's page and sends as X-GitHub-Delivery.
func Names(text string) bool { return deliveryID.MatchString(text) || deliveryGUID.MatchString(text) }

// Fetch reads a delivery from GitHub, which keeps it for three days. app is the App itself.
func Fetch(ctx context.Context, app *github.Client, name string) (Delivery, error) {
	id := name
	if !deliveryID.MatchString(name) {
		found, err := find(ctx, app, name)
		if err != nil {
			return Delivery{}, err
		}
		id = fmt.Sprint(found)
	}
	req, err := app.NewRequest(http.MethodGet, "app/hook/deliveries/"+id, nil)
	if err != nil {
		return Delivery{}, err
	}
	var text bytes.Buffer // as it is: go-github would read the headers by names of its own
	if _, err := app.Do(ctx, req, &text); err != nil {
		return Delivery{}, fmt.Errorf("read delivery %s: %w", id, err)
	}
	return Parse(text.Bytes())
}

// find looks a GUID up.
func find(ctx context.Context, app *github.Client, guid string) (int64, error) {
	for page := (&github.ListCursorOptions{PerPage: 100}); ; {
		all, res, err := app.Apps.ListHookDeliveries(ctx, page)
		if err != nil {
			return 0, fmt.Errorf("look for delivery %s: %w", guid, err)
		}
		for _, d := range all {
			if d.GetGUID() == guid {
				return d.GetID(), nil
			}
		}
		if res.Cursor == "" {
			return 0, fmt.Errorf("GitHub knows no delivery %s; it keeps them for three days", guid)
		}
		page.Cursor = res.Cursor
	}
}
