// Package graphql is GitHub's GraphQL API over a forge, as far as clients of incidents ask it, such
// as GitHub's own command line.
package graphql

import (
	"context"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/graph-gophers/graphql-go"
	"github.com/graph-gophers/graphql-go/ast"
	gqlerrors "github.com/graph-gophers/graphql-go/errors"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// githubSchema is GitHub's GraphQL schema, cut down by the program in trim to what is served here.
//
//go:embed schema.graphql
var githubSchema string

// graphQL is the schema with what resolves it.
var graphQL = sync.OnceValue(parseGraphQL)

// parseGraphQL parses the schema. Resolvers run one at a time: the forge is locked for all of them
// together, and its views are made as they are asked for.
func parseGraphQL() *graphql.Schema {
	return graphql.MustParseSchema(
		githubSchema,
		&gqlRoot{},
		graphql.UseFieldResolvers(),
		graphql.MaxParallelism(1),
		graphql.MaxDepth(25),
		graphql.MaxSelections(5000),
		graphql.OverlapValidationLimit(20000),
		graphql.DisableFieldSelections(),
	)
}

// lenientGraphQL answers what GitHub answers against the specification: a field may have one type in
// a fragment on issues and another in one on pull requests, as "state" has in queries of GitHub's own
// command line. Its definitions give all values one type, which only validation looks at: what
// resolves has copies of them as they were. That makes it useless for introspection, and so it
// answers only what graphQL refuses.
var lenientGraphQL = sync.OnceValue(func() *graphql.Schema {
	s := parseGraphQL()
	one := &ast.NonNull{OfType: s.AST().Types["String"]}
	for _, def := range s.AST().Types {
		var all ast.FieldsDefinition
		switch def := def.(type) {
		case *ast.ObjectTypeDefinition:
			all = def.Fields
		case *ast.InterfaceTypeDefinition:
			all = def.Fields
		}
		for _, field := range all {
			if isValue(field.Type) {
				field.Type = one
			}
		}
	}
	return s
})

// isValue reports whether a type is a scalar or an enumeration.
func isValue(t ast.Type) bool {
	switch t := t.(type) {
	case *ast.NonNull:
		return isValue(t.OfType)
	case *ast.ScalarTypeDefinition, *ast.EnumTypeDefinition:
		return true
	}
	return false
}

// conflictRule is the rule of validation that GitHub has not.
const conflictRule = "OverlappingFieldsCanBeMergedRule"

// gqlRoot resolves queries and mutations.
type gqlRoot struct{}

// gqlCall is who asks, and the forge.
type gqlCall struct {
	forge *forge.Forge
	by    *forge.Actor
}

type gqlKey struct{}

// callOf returns who asks.
func callOf(ctx context.Context) *gqlCall { return ctx.Value(gqlKey{}).(*gqlCall) }

// Query answers a query of the GraphQL API, with the errors in the answer.
// https://docs.github.com/en/graphql/guides/forming-calls-with-graphql
func Query(ctx context.Context, f *forge.Forge, by *forge.Actor, query, operation string,
	variables map[string]any) map[string]any {
	if strings.TrimSpace(query) == "" {
		return map[string]any{
			"errors": []any{map[string]any{"message": "A query attribute must be specified and must be a string."}},
		}
	}
	ctx = context.WithValue(ctx, gqlKey{}, &gqlCall{forge: f, by: by})
	result := graphQL().Exec(ctx, query, operation, variables)
	if slices.ContainsFunc(
		result.Errors,
		func(e *gqlerrors.QueryError) bool { return e.Rule == conflictRule },
	) {
		result = lenientGraphQL().Exec(ctx, query, operation, variables)
	}
	answer := map[string]any{}
	if len(result.Data) > 0 {
		answer["data"] = result.Data
	}
	if len(result.Errors) > 0 {
		answer["errors"] = convert(result.Errors, gqlErrorView)
	}
	return answer
}

// gqlError is a refusal, with GitHub's name of its kind.
type gqlError struct{ kind, message string }

func (e *gqlError) Error() string { return e.message }

// gqlRefusal turns a refusal of the forge's into GraphQL's.
func gqlRefusal(err error) error {
	var e *forge.Error
	if !errors.As(err, &e) {
		return err
	}
	kind, message := "UNPROCESSABLE", e.Message
	switch e.Status {
	case http.StatusNotFound:
		kind = "NOT_FOUND"
	case http.StatusForbidden:
		kind = "FORBIDDEN"
	}
	var why []string
	for _, f := range e.Fields {
		switch {
		case f.Message != "":
			why = append(why, f.Message)
		case f.Code == "missing_field":
			why = append(why, f.Field+" can't be blank")
		default:
			why = append(why, f.Field+" is "+strings.ReplaceAll(f.Code, "_", " "))
		}
	}
	if why = append(why, e.Reasons...); len(why) > 0 {
		message = strings.Join(why, ", ")
	}
	return &gqlError{kind, message}
}

// In GitHub's words some errors of a query are others than the library's: clients look for them.
var gqlWords = []struct {
	library *regexp.Regexp
	github  string
}{
	{
		regexp.MustCompile(`^Cannot query field "(\w+)" on type "(\w+)"\..*$`),
		"Field '$1' doesn't exist on type '$2'",
	},
	{
		regexp.MustCompile(`^Unknown argument "(\w+)" on field "(?:\w+\.)?(\w+)".*$`),
		"Field '$2' doesn't accept argument '$1'",
	},
	{
		regexp.MustCompile(`^Unknown type "(\w+)"\..*$`),
		"No such type $1, so it can't be a fragment condition",
	},
}

func gqlErrorView(e *gqlerrors.QueryError) map[string]any {
	message := e.Message
	for _, w := range gqlWords {
		message = w.library.ReplaceAllString(message, w.github)
	}
	view := map[string]any{"message": message}
	if len(e.Locations) > 0 {
		view["locations"] = e.Locations
	}
	if len(e.Path) > 0 {
		view["path"] = e.Path
	}
	var refused *gqlError
	if errors.As(e.ResolverError, &refused) {
		view["type"] = refused.kind
	}
	return view
}

// gqlScalar is a value of GitHub's own scalars: all are texts in an answer.
type gqlScalar string

// ImplementsGraphQLType reports which scalars a gqlScalar can be.
func (gqlScalar) ImplementsGraphQLType(name string) bool {
	return slices.Contains(
		[]string{"URI", "DateTime", "GitObjectID", "GitSSHRemote", "GitTimestamp", "BigInt", "Base64String"},
		name,
	)
}

// UnmarshalGraphQL reads a scalar from a request.
func (s *gqlScalar) UnmarshalGraphQL(in any) error {
	text, ok := in.(string)
	if !ok {
		return fmt.Errorf("a text is needed, not %v", in)
	}
	*s = gqlScalar(text)
	return nil
}

func dateTime(t time.Time) gqlScalar { return gqlScalar(forge.FormatTime(t)) }

// dateTimeOrNull is null for the zero time.
func dateTimeOrNull(t time.Time) *gqlScalar {
	if t.IsZero() {
		return nil
	}
	return new(dateTime(t))
}

// orNull is null for the empty text.
func orNull[T ~string](s T) *T {
	if s == "" {
		return nil
	}
	return &s
}

// databaseID is an id as REST has it.
func databaseID(id int64) *int32 { return new(int32(id)) }

// enum is a value as GraphQL writes it.
func enum(s string) string {
	return strings.ToUpper(strings.NewReplacer("-", "_", " ", "_").Replace(s))
}

// nodeNumber returns the number in an id of GraphQL's, if it has one of the prefixes.
func nodeNumber(id graphql.ID, prefixes ...string) (prefix string, number int64, ok bool) {
	prefix, encoded, _ := strings.Cut(string(id), "_")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || !slices.Contains(prefixes, prefix) {
		return "", 0, false
	}
	digits, found := strings.CutPrefix(string(text), prefix+":")
	number, err = strconv.ParseInt(digits, 10, 64)
	return prefix, number, found && err == nil
}

func notResolved(id graphql.ID) error {
	return &gqlError{"NOT_FOUND", fmt.Sprintf("Could not resolve to a node with the global id of '%s'", id)}
}

// pageArgs choose a part of a connection.
type pageArgs struct {
	First, Last   *int32
	After, Before *string
}

// connection is a list that is read in parts. A cursor is a place in it.
type connection[T any] struct {
	name string
	all  []T
	args pageArgs
}

// connect makes a connection; name is the field's.
func connect[S, T any](name string, all []S, args pageArgs, view func(S) T) *connection[T] {
	return &connection[T]{name: name, all: convert(all, view), args: args}
}

// TotalCount counts all of the list, whichever part is asked for.
func (c *connection[T]) TotalCount() int32 { return int32(len(c.all)) }

// maxNodes is how many records can be asked for at once.
const maxNodes = 100

// window returns which part is asked for.
func (c *connection[T]) window() (from, to int, err error) {
	to = len(c.all)
	if c.args.After != nil {
		from = min(cursorPlace(*c.args.After), len(c.all))
	}
	if c.args.Before != nil {
		to = max(from, min(cursorPlace(*c.args.Before)-1, to))
	}
	for _, limit := range []struct {
		name string
		n    *int32
	}{{"first", c.args.First}, {"last", c.args.Last}} {
		switch {
		case limit.n == nil:
		case *limit.n < 0:
			return 0, 0, &gqlError{
				"ARGUMENT_ERROR",
				fmt.Sprintf("`%s` on the `%s` connection cannot be less than zero.", limit.name, c.name),
			}
		case *limit.n > maxNodes:
			return 0, 0, &gqlError{
				"EXCESSIVE_PAGINATION",
				fmt.Sprintf(
					"Requesting %d records on the `%s` connection exceeds the `%s` limit of %d records.",
					*limit.n,
					c.name,
					limit.name,
					maxNodes,
				),
			}
		}
	}
	switch {
	case c.args.First != nil:
		to = min(to, from+int(*c.args.First))
	case c.args.Last != nil:
		from = max(from, to-int(*c.args.Last))
	default:
		return 0, 0, &gqlError{
			"MISSING_PAGINATION_BOUNDARIES",
			fmt.Sprintf(
				"You must provide a `first` or `last` value to properly paginate the `%s` connection.",
				c.name,
			),
		}
	}
	return from, to, nil
}

// Nodes returns the part of the list.
func (c *connection[T]) Nodes() (*[]T, error) {
	from, to, err := c.window()
	if err != nil {
		return nil, err
	}
	return new(c.all[from:to]), nil
}

type gqlPageInfo struct {
	HasNextPage, HasPreviousPage bool
	StartCursor, EndCursor       *string
}

// PageInfo says where the part is.
func (c *connection[T]) PageInfo() (*gqlPageInfo, error) {
	from, to, err := c.window()
	if err != nil {
		return nil, err
	}
	info := &gqlPageInfo{HasNextPage: to < len(c.all), HasPreviousPage: from > 0}
	if from < to {
		info.StartCursor, info.EndCursor = new(cursorOf(from+1)), new(cursorOf(to))
	}
	return info, nil
}

// cursorOf names the n-th place of a list.
func cursorOf(n int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "cursor:v2:%d", n))
}

// cursorPlace reads a cursor; one that can't be read is the beginning.
func cursorPlace(cursor string) int {
	text, _ := base64.StdEncoding.DecodeString(cursor)
	n, _ := strconv.Atoi(strings.TrimPrefix(string(text), "cursor:v2:"))
	return max(0, n)
}

// convert makes a view of every element.
func convert[S, T any](all []S, view func(S) T) []T {
	views := make([]T, 0, len(all))
	for _, one := range all {
		views = append(views, view(one))
	}
	return views
}
