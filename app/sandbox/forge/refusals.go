package forge

import "fmt"

// Error is a refusal, as GitHub words it.
type Error struct {
	Status  int // of HTTP, as the REST API answers it
	Message string
	Fields  []FieldError

	Address string   // of a redirect: where it is now
	Reasons []string // GitHub's reviews give reasons as texts, in place of fields
}

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	Resource string `json:"resource,omitempty"`
	Field    string `json:"field,omitempty"`
	Code     string `json:"code"`
	Message  string `json:"message,omitempty"`
}

func (e *Error) Error() string {
	text := e.Message
	for _, f := range e.Fields {
		text += fmt.Sprintf("; %s.%s: %s %s", f.Resource, f.Field, f.Code, f.Message)
	}
	for _, reason := range e.Reasons {
		text += "; " + reason
	}
	return text
}

// ErrNotFound is returned for what is not there, or what the actor may not know of.
var ErrNotFound = &Error{Status: statusNotFound, Message: "Not Found"}

// Forbidden is the refusal of what the actor may not do.
func Forbidden(message string) *Error {
	return &Error{Status: statusForbidden, Message: message}
}

// Invalid is GitHub's 422 for a field.
func Invalid(resource, field, code, message string) *Error {
	return &Error{Status: statusUnprocessableEntity, Message: "Validation Failed",
		Fields: []FieldError{{Resource: resource, Field: field, Code: code, Message: message}}}
}

// MissingField is the refusal of a request that lacks a field.
func MissingField(field string) *Error {
	return &Error{Status: statusUnprocessableEntity,
		Message: fmt.Sprintf("Invalid request.\n\n%q wasn't supplied.", field)}
}

// What GitHub answers in the states that this file brings about.
var (
	errArchived   = Forbidden("Repository was archived so is read-only.")
	ErrEmptyGit   = &Error{Status: statusConflict, Message: "Git Repository is empty."}
	ErrEmptyFiles = &Error{Status: statusNotFound, Message: "This repository is empty."}
	errNoIssues   = &Error{Status: statusGone, Message: "Issues are disabled for this repo"}
)

// unprocessable refuses a review, in the form that GitHub uses there.
func unprocessable(why string) *Error {
	return &Error{Status: statusUnprocessableEntity, Message: "Unprocessable Entity", Reasons: []string{why}}
}

// The statuses of refusals, which are GitHub's choice and HTTP's numbers.
const (
	statusForbidden           = 403
	statusNotFound            = 404
	statusMethodNotAllowed    = 405
	statusConflict            = 409
	statusGone                = 410
	statusUnprocessableEntity = 422
)
