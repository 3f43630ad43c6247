package webapi

import "slices"

// Codes of errors. Slack publishes them in the reference of each method alone, and not in the types that methods.json
// comes from: these are those of which the product or the embedded Slack knows, compared by hand with the reference as
// it was in May 2026. https://docs.slack.dev/reference/methods
var codes = map[string][]string{
	"apps.connections.open": {"forbidden_team", "insecure_request", "missing_args"},
	"auth.test":             {},
	"bookmarks.add": {"channel_not_found", "invalid_link", "not_implemented", "permission_denied",
		"too_many_bookmarks"},
	"bookmarks.edit":   {"channel_not_found", "invalid_link", "not_found", "not_implemented", "permission_denied"},
	"bookmarks.list":   {"channel_not_found", "not_implemented"},
	"bookmarks.remove": {"channel_not_found", "not_found", "not_implemented", "permission_denied"},
	"chat.delete":      {"cant_delete_message", "channel_not_found", "message_not_found"},
	"chat.postEphemeral": {"channel_not_found", "invalid_blocks", "is_archived", "msg_too_long", "no_text",
		"not_in_channel", "restricted_action", "user_not_in_channel"},
	"chat.postMessage": {"cannot_reply_to_message", "channel_not_found", "duplicate_channel_not_found",
		"duplicate_message_not_found", "invalid_blocks", "invalid_metadata_format", "is_archived",
		"message_limit_exceeded", "msg_too_long", "no_text", "not_in_channel", "rate_limited", "restricted_action"},
	"chat.update": {"cant_update_message", "channel_not_found", "edit_window_closed", "external_channel_migrating",
		"invalid_blocks", "invalid_metadata_format", "is_inactive", "message_limit_exceeded", "message_not_found",
		"msg_too_long", "no_text", "update_failed"},
	"conversations.archive": {"already_archived", "cant_archive_general", "cant_archive_required", "channel_not_found",
		"not_in_channel", "restricted_action"},
	"conversations.create": {"invalid_name", "invalid_name_maxlength", "invalid_name_punctuation",
		"invalid_name_required", "invalid_name_specials", "name_taken", "no_channel", "restricted_action"},
	"conversations.history": {"channel_is_limited_access", "channel_not_found", "invalid_cursor", "not_in_channel"},
	"conversations.info":    {"channel_is_limited_access", "channel_not_found"},
	"conversations.invite": {"already_in_channel", "cant_invite", "cant_invite_self", "channel_not_found",
		"external_channel_migrating", "invitee_cant_see_channel", "is_archived", "no_external_invite_permission",
		"no_user", "not_in_channel", "org_user_not_in_team", "ura_max_channels", "user_is_restricted", "user_not_found"},
	"conversations.replies":    {"channel_not_found", "invalid_cursor", "thread_not_found"},
	"conversations.setPurpose": {"channel_not_found", "is_archived", "not_in_channel", "too_long", "user_is_restricted"},
	"conversations.setTopic":   {"channel_not_found", "is_archived", "not_in_channel", "too_long", "user_is_restricted"},
	"conversations.unarchive":  {"channel_not_found", "not_archived"},
	"pins.add": {"already_pinned", "bad_timestamp", "channel_not_found", "external_channel_migrating",
		"message_not_found", "no_item_specified", "not_in_channel", "not_pinnable", "restricted_action", "too_many_pins"},
	"users.conversations": {"invalid_cursor", "invalid_limit", "invalid_types"},
	"users.info":          {"user_not_found", "user_not_visible"},
	"views.open":          {"exchanged_trigger_id", "expired_trigger_id", "invalid_trigger_id", "view_too_large"},
}

// common are the codes by which any method may refuse.
var common = []string{"access_denied", "accesslimited", "account_inactive", "deprecated_endpoint", "ekm_access_denied",
	"enterprise_is_restricted", "fatal_error", "internal_error", "invalid_arg_name", "invalid_arguments",
	"invalid_array_arg", "invalid_auth", "invalid_charset", "invalid_form_data", "invalid_post_type",
	"method_deprecated", "missing_post_type", "missing_scope", "no_permission", "not_allowed_token_type", "not_authed",
	"org_login_required", "ratelimited", "request_timeout", "service_unavailable", "team_access_not_granted",
	"team_added_to_org", "token_expired", "token_revoked", "two_factor_setup_required"}

// undocumented are the codes with which the embedded Slack answers although the method's reference does not list them:
// it has no code for the case, and other methods have these.
var undocumented = map[string][]string{
	"bookmarks.add":           {"is_archived", "not_in_channel"},
	"bookmarks.edit":          {"is_archived", "not_in_channel"},
	"bookmarks.remove":        {"is_archived", "not_in_channel"},
	"chat.delete":             {"is_archived", "not_in_channel"},
	"chat.update":             {"is_archived", "not_in_channel"},
	"conversations.unarchive": {"not_in_channel"},
	"pins.add":                {"is_archived"},
}

// undocumentedArguments are arguments that the product sends although the method's description has no word of them, and
// why.
var undocumentedArguments = map[string]string{
	"chat.postMessage client_msg_id": "Slack drops a repetition by it, of which the codes duplicate_* of the method speak",
	"chat.postEphemeral unfurl_links": "Slack's page on unfurling names the method: " +
		"https://docs.slack.dev/messaging/unfurling-links-in-messages",
	"chat.postEphemeral unfurl_media": "as unfurl_links",
}

// IsCode reports whether a method may refuse with a code.
func IsCode(name, code string) bool {
	return slices.Contains(common, code) || slices.Contains(codes[name], code) || slices.Contains(undocumented[name], code)
}
