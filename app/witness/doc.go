// Package witness plays the same story against two GitHubs: the sandbox, and one that others wrote.
// What people see must be the same after each step: labels, assignees, state, and the texts of
// comments, tickets and pull requests. So the sandbox and the product, which have the same authors,
// can't be wrong together about what the other GitHub knows better.
//
// The other GitHub is vercel-labs/emulate (npm, Apache-2.0), which runs offline:
//
//	npm ci --prefix app/witness/testdata/emulate --ignore-scripts --no-audit --no-fund
//	go test ./app/witness -v
//
// Without it the tests are skipped and say so; in CI they fail. What emulate lacks is made up from
// its own state by a filler in front of it (gaps, in filler_test.go), as little as possible; and
// what it answers 404 to is left at that, as an older GitHub Enterprise Server answers. The test's
// output counts both, so that one sees what the witness did not attest.
//
// The tools are for other tests too: a [Recorder] of requests and answers, and a [Sink] for pages
// and mails that keeps repetitions.
package witness
