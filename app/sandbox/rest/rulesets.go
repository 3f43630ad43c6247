package rest

import (
	"encoding/json"
	"net/http"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// rulesetOperations are those of a repository's rulesets.
func rulesetOperations() map[string]endpoint {
	const rulesets, ruleset = repoPath + "/rulesets", repoPath + "/rulesets/{ruleset}"
	return map[string]endpoint{
		"GET " + rulesets:   listRulesets,
		"POST " + rulesets:  saveRuleset,
		"GET " + ruleset:    getRuleset,
		"PUT " + ruleset:    saveRuleset,
		"DELETE " + ruleset: deleteRuleset,
	}
}

// rulesetView is a ruleset as lists show it.
func (v *Views) rulesetView(r *forge.Repository, s *forge.Ruleset) fields {
	return fields{"id": s.ID, "name": s.Name, "target": s.Target, "source_type": "Repository", "source": r.FullName(),
		"enforcement": s.Enforcement, "node_id": forge.NodeID("RRS", s.ID),
		"created_at": forge.FormatTime(s.Created), "updated_at": forge.FormatTime(s.Updated),
		"_links": fields{"self": fields{"href": v.api("/repos/%s/rulesets/%d", r.FullName(), s.ID)},
			"html": fields{"href": v.forge.RulesetURL(r, s)}}}
}

// rulesetFullView is a ruleset alone. Who may bypass it is shown to those alone who may change it.
func (q *request) rulesetFullView(r *forge.Repository, s *forge.Ruleset) fields {
	rules := s.Rules
	if rules == nil {
		rules = []forge.Rule{}
	}
	f := q.views.rulesetView(r, s).with(fields{"rules": rules, "conditions": fields{"ref_name": fields{
		"include": orEmpty(s.Include), "exclude": orEmpty(s.Exclude)}}})
	if q.forge.RequireRules(q.by, r) == nil {
		bypass := s.Bypass
		if bypass == nil {
			bypass = []json.RawMessage{}
		}
		f["bypass_actors"], f["current_user_can_bypass"] = bypass, "never"
	}
	return f
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func listRulesets(q *request) (int, any, error) {
	r, err := q.readableBy("metadata")
	if err != nil {
		return 0, nil, err
	}
	return paged(q, r.Rulesets, func(s *forge.Ruleset) fields { return q.views.rulesetView(r, s) })
}

func getRuleset(q *request) (int, any, error) {
	r, err := q.readableBy("metadata")
	if err != nil {
		return 0, nil, err
	}
	s, ok := r.FindRuleset(q.id("ruleset"))
	if !ok {
		return 0, nil, forge.ErrNotFound
	}
	return http.StatusOK, q.rulesetFullView(r, s), nil
}

// saveRuleset makes a ruleset, or changes the one of the path: what the request leaves out stays.
func saveRuleset(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	if err := q.forge.RequireRules(q.by, r); err != nil {
		return 0, nil, err
	}
	s, status := forge.Ruleset{}, http.StatusCreated
	if id := q.id("ruleset"); id > 0 {
		known, ok := r.FindRuleset(id)
		if !ok {
			return 0, nil, forge.ErrNotFound
		}
		s, status = *known, http.StatusOK
	}
	var in struct {
		Name, Target, Enforcement *string
		Bypass                    *[]json.RawMessage `json:"bypass_actors"`
		Conditions                *struct {
			RefName struct{ Include, Exclude []string } `json:"ref_name"`
		}
		Rules *[]forge.Rule
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	for from, to := range map[*string]*string{in.Name: &s.Name, in.Target: &s.Target, in.Enforcement: &s.Enforcement} {
		if from != nil {
			*to = *from
		}
	}
	if in.Bypass != nil {
		s.Bypass = *in.Bypass
	}
	if in.Conditions != nil {
		s.Include, s.Exclude = in.Conditions.RefName.Include, in.Conditions.RefName.Exclude
	}
	if in.Rules != nil {
		s.Rules = *in.Rules
	}
	saved, err := q.forge.SaveRuleset(q.by, r, s)
	if err != nil {
		return 0, nil, err
	}
	return status, q.rulesetFullView(r, saved), nil
}

func deleteRuleset(q *request) (int, any, error) {
	r, err := q.repo()
	if err == nil {
		err = q.forge.DeleteRuleset(q.by, r, q.id("ruleset"))
	}
	return http.StatusNoContent, nil, err
}
