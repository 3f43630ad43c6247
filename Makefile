# The five things that people type. Everything else is in CONTRIBUTING.md.
.PHONY: demo quick test gate golden

demo: ## the product and an embedded GitHub
	go run ./cmd/firebreak demo

quick: ## format, vet, lint and the tests that take seconds
	gofmt -l $$(git ls-files '*.go')
	go vet ./...
	.ci/lint
	go test -short ./app ./app/incident ./app/command ./app/config ./app/card ./app/postmortem ./app/intake ./templates

test: ## all tests
	go test ./...

gate: ## what CI runs
	.ci/run

golden: ## renew golden files and generated pages; look at git diff
	go test ./app/incident -run TestA1Answers -update
	go test ./templates ./app/card ./app/postmortem ./app/stats ./app/intake -update
	go test ./app/command ./app/setup -update
	go test ./app/config -run 'Schema|Reference' -update
	go test ./app/engine -run 'TestScenarios|TestACommandCosts|TestA3Authority' -update
	go test ./app -run 'README|Layout|Notice' -update
