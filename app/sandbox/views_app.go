package sandbox

import "fmt"

// appView is the App as others embed it.
func (v *views) appView() fields {
	a := v.app
	return fields{"id": a.ID, "slug": a.Slug, "node_id": nodeID("A", a.ID), "client_id": a.clientID(), "owner": v.userView(a.Owner), "name": a.Name,
		"description": textOrNull(a.Description), "external_url": a.External, "html_url": v.url + "/apps/" + a.Slug, "created_at": stamp(a.created), "updated_at": stamp(a.created),
		"permissions": a.Permissions, "events": list(a.Events)}
}

func (v *views) installationRef() fields {
	return fields{"id": v.installationID(), "node_id": nodeID("IN", v.installationID())}
}

func (v *views) installationView() fields {
	a := v.app
	selection := "all"
	if v.Registered != nil && v.Registered.Repositories != nil {
		selection = "selected"
	}
	return fields{"id": v.installationID(), "client_id": a.clientID(), "account": v.userView(v.org.Login), "repository_selection": selection,
		"access_tokens_url": v.api("/app/installations/%d/access_tokens", v.installationID()), "repositories_url": v.api("/installation/repositories"),
		"html_url": fmt.Sprintf("%s/organizations/%s/settings/installations/%d", v.url, v.org.Login, v.installationID()), "app_id": a.ID, "app_slug": a.Slug,
		"target_id": v.org.ID, "target_type": "Organization", "permissions": v.permissions(), "events": list(a.Events), "created_at": stamp(a.created),
		"updated_at": stamp(a.created), "single_file_name": nil, "has_multiple_single_files": false, "single_file_paths": []string{}, "suspended_by": nil,
		"suspended_at": stampOrNull(v.Suspended)}
}
