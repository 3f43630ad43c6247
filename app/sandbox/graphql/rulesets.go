package graphql

import (
	"github.com/graph-gophers/graphql-go"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// gqlRuleset is a ruleset of a repository.
type gqlRuleset struct {
	ID                   graphql.ID
	DatabaseID           *int32
	Name, Enforcement    string
	CreatedAt, UpdatedAt gqlScalar
}

// rulesetsArgs ask for rulesets. There are none of an organization here.
type rulesetsArgs struct {
	pageArgs
	IncludeParents bool
}

// Rulesets lists the rulesets, the oldest first.
func (r *gqlRepository) Rulesets(args rulesetsArgs) *guarded[*gqlRuleset] {
	return guard(connect("rulesets", r.r.Rulesets, args.pageArgs, func(s *forge.Ruleset) *gqlRuleset {
		return &gqlRuleset{ID: graphql.ID(forge.NodeID("RRS", s.ID)), DatabaseID: databaseID(s.ID), Name: s.Name,
			Enforcement: enum(s.Enforcement), CreatedAt: dateTime(s.Created), UpdatedAt: dateTime(s.Updated)}
	}), r.c.forge.Require(r.c.by, r.r, forge.RoleRead, "metadata"))
}
