package rest

import (
	"fmt"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// appView is the App as others embed it.
func (v *Views) appView() fields {
	a := v.forge.App
	return fields{"id": a.ID, "slug": a.Slug, "node_id": forge.NodeID("A", a.ID),
		"client_id": a.ClientID(), "owner": v.userView(a.Owner), "name": a.Name,
		"description": textOrNull(a.Description), "external_url": a.External,
		"html_url": v.forge.URL + "/apps/" + a.Slug, "created_at": forge.FormatTime(a.Created),
		"updated_at":  forge.FormatTime(a.Created),
		"permissions": a.Permissions, "events": list(a.Events)}
}

func (v *Views) installationRef() fields {
	return fields{"id": v.forge.InstallationID(), "node_id": forge.NodeID("IN", v.forge.InstallationID())}
}

func (v *Views) installationView() fields {
	a := v.forge.App
	selection := "all"
	if v.forge.Registered != nil && v.forge.Registered.Repositories != nil {
		selection = "selected"
	}
	return fields{"id": v.forge.InstallationID(), "client_id": a.ClientID(),
		"account": v.userView(v.forge.Org.Login), "repository_selection": selection,
		"access_tokens_url": v.api("/app/installations/%d/access_tokens", v.forge.InstallationID()),
		"repositories_url":  v.api("/installation/repositories"),
		"html_url": fmt.Sprintf("%s/organizations/%s/settings/installations/%d", v.forge.URL,
			v.forge.Org.Login, v.forge.InstallationID()), "app_id": a.ID, "app_slug": a.Slug,
		"target_id": v.forge.Org.ID, "target_type": "Organization",
		"permissions": v.forge.InstallationPermissions(), "events": list(a.Events),
		"created_at": forge.FormatTime(a.Created),
		"updated_at": forge.FormatTime(a.Created), "single_file_name": nil,
		"has_multiple_single_files": false, "single_file_paths": []string{}, "suspended_by": nil,
		"suspended_at": stampOrNull(v.forge.Suspended)}
}
