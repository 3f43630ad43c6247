package owner_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/owner"
)

const catalog = `apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: payments
  links:
    - {url: "https://wiki.acme.example/payments", title: Wiki}
    - {url: "https://wiki.acme.example/runbooks/payments", title: "Payments runbook"}
spec:
  owner: group:default/money
  dependsOn: ["component:ledger", "resource:payments-db", "default/mailer"]
  dependencyOf: ["component:default/checkout"]
---
kind: Component
metadata:
  name: refunds
  annotations: {acme.example/runbook-url: "https://wiki.acme.example/refunds"}
spec: {owner: "user:dan"}
---
kind: API
metadata: {name: payments}
spec: {owner: others}
`

func TestX2WhoOwnsAService(t *testing.T) {
	payments := owner.Service{Name: "payments", Repository: "acme/payments"}
	for name, tt := range map[string]struct {
		known owner.Service
		files owner.Files
		want  owner.Service
	}{
		"nothing is known": {payments, owner.Files{}, payments},
		"the last line of CODEOWNERS that fits counts": {payments,
			owner.Files{Codeowners: "* @acme/all\n* @acme/Money @dan gina@acme.example # all\n/deploy/ @acme/platform\n*.go @bob\n"},
			owner.Service{Name: "payments", Repository: "acme/payments", Owners: []string{"money", "@dan"}}},
		"of a folder its own line": {owner.Service{Name: "cards", Path: "services/cards/"},
			owner.Files{Codeowners: "* @acme/money\n/services/cards/ @acme/cards\n"},
			owner.Service{Name: "cards", Path: "services/cards/", Owners: []string{"cards"}}},
		"of files those who own most of them": {owner.Service{Name: "mono", Files: []string{"services/cards/a.go", "docs/a.md", "services/cards/b.go",
			"services/web/c.go"}}, owner.Files{Codeowners: "* @acme/all\n/services/cards/ @acme/cards\n/docs/\n"},
			owner.Service{Name: "mono", Files: []string{"services/cards/a.go", "docs/a.md", "services/cards/b.go", "services/web/c.go"}, Owners: []string{"cards"}}},
		"a known folder comes before files": {owner.Service{Name: "web", Path: "web", Files: []string{"cards/a.go"}},
			owner.Files{Codeowners: "/web/ @acme/web\n/cards/ @acme/cards\n"},
			owner.Service{Name: "web", Path: "web", Files: []string{"cards/a.go"}, Owners: []string{"web"}}},
		"of files that nobody owns the others'": {owner.Service{Name: "web", Files: []string{"cards/a.go"}},
			owner.Files{Codeowners: "* @acme/web\n/cards/\n"}, owner.Service{Name: "web", Files: []string{"cards/a.go"}, Owners: []string{"web"}}},
		"a line with a mistake is skipped": {payments, owner.Files{Codeowners: "* @acme/money\n*.go ?? @bob\n[x] not an owner\n"},
			owner.Service{Name: "payments", Repository: "acme/payments", Owners: []string{"money"}}},
		"others' teams can't be paged": {payments, owner.Files{Codeowners: "* @other/money\n", Properties: map[string]string{"team": "Money"}},
			owner.Service{Name: "payments", Repository: "acme/payments", Owners: []string{"money"}}},
		"the catalog": {payments, owner.Files{Repository: "Acme/Payments", Catalog: catalog},
			owner.Service{Name: "payments", Repository: "Acme/Payments", Owners: []string{"money"},
				Runbook:   "https://wiki.acme.example/runbooks/payments",
				DependsOn: []string{"ledger", "mailer"}, NeededBy: []string{"checkout"}}},
		"another component, a person's": {owner.Service{Name: "refunds"}, owner.Files{Catalog: catalog},
			owner.Service{Name: "refunds", Owners: []string{"@dan"}, Runbook: "https://wiki.acme.example/refunds"}},
		"what is configured stays": {owner.Service{Name: "payments", Owners: []string{"@erin"}, Runbook: "https://r.example",
			DependsOn: []string{"x"}, NeededBy: []string{"web"}}, owner.Files{Codeowners: "* @acme/money", Catalog: catalog},
			owner.Service{Name: "payments", Owners: []string{"@erin"}, Runbook: "https://r.example", DependsOn: []string{"x"},
				NeededBy: []string{"web", "checkout"}}},
		"properties": {payments, owner.Files{Properties: map[string]string{"owner": "@dan", "service": "payments"}},
			owner.Service{Name: "payments", Repository: "acme/payments", Owners: []string{"@dan"}}},
		"a catalog that makes much of little": {payments, owner.Files{Catalog: "a: &a [x, x]\nb: &b [*a, *a]\nkind: Component\n" +
			"metadata: {name: payments}\nspec: {owner: money}\n"}, payments},
		"no YAML":  {payments, owner.Files{Catalog: "{{ template }}\n\t- :"}, payments},
		"too long": {payments, owner.Files{Catalog: catalog + strings.Repeat("#", 64<<10)}, payments},
		"an only component is the repository": {owner.Service{Name: "pay"}, owner.Files{
			Catalog: "kind: Component\nmetadata: {name: payments}\nspec: {owner: money}\n"},
			owner.Service{Name: "pay", Owners: []string{"money"}}},
		"a runbook is an address": {payments, owner.Files{Catalog: "kind: Component\nmetadata: {name: payments, links: " +
			"[{url: 'javascript:alert(1)', title: runbook}]}\n"}, payments},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, owner.Complete(tt.known, tt.files, "acme"), cmp.Transformer("empty", func(l []string) string {
				return strings.Join(l, ", ")
			})); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}
