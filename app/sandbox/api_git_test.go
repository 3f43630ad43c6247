package sandbox

import (
	"encoding/base64"
	"strings"
)

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func testContents(g *github) {
	g.steps(
		step{"alice", "GET ~/contents/README.md", "", 200, []string{"type=file", "encoding=base64", "path=README.md", "sha>readme"}},
		step{"alice", "GET ~/contents", "", 200, []string{"*.name=README.md"}},
		step{"alice", "GET ~/contents/", "", 200, []string{"*.name=README.md"}},
		step{"gina", "GET ~/contents", "", 404, nil},
		step{"alice", "GET ~/contents/none.md", "", 404, []string{notFound}},
		step{"alice", "GET ~/contents/README.md?ref=none", "", 404, []string{"message=No commit found for the ref none"}},
		step{"app issues:read", "GET ~/contents/README.md", "", 403, []string{notForApp}},

		step{"alice", "PUT ~/contents/docs/a%20b.md", `{"message":"Add it","content":"` + encoded("one\n") + `"}`, 201, []string{
			"content.path=docs/a b.md", "content.sha>one", "commit.message=Add it", "commit.author.name=Alice Reyes", "commit.verification.verified=false"}},
		step{"alice", "GET ~/contents/docs/a%20b.md", "", 200, []string{"sha=$one", "size=4", "content=" + encoded("one\n") + "\n"}},
		step{"alice", "GET ~/contents/docs", "", 200, []string{"*.path=docs/a b.md", "*.type=file"}},
		step{"alice", "PUT ~/contents/docs/a%20b.md", `{"message":"Change it","content":"` + encoded("two\n") + `"}`, 422, []string{`message=Invalid request.` + "\n\n" + `"sha" wasn't supplied.`}},
		step{"alice", "PUT ~/contents/docs/a%20b.md", `{"message":"Change it","content":"` + encoded("two\n") + `","sha":"$readme"}`, 409, []string{"message=docs/a b.md does not match $readme"}},
		step{"app", "PUT ~/contents/docs/a%20b.md", `{"message":"Change it","content":"` + encoded("two\n") + `","sha":"$one"}`, 200, []string{
			"content.sha>two", "commit.committer.name=GitHub", "commit.verification.verified=true", "commit.author.name=robot[bot]"}},
		step{"alice", "PUT ~/contents/x.md", `{"message":"x"}`, 422, nil},
		step{"alice", "PUT ~/contents/x.md", `{"content":"` + encoded("x") + `"}`, 422, nil},
		step{"alice", "PUT ~/contents/x.md", `{"message":"x","content":"%"}`, 422, []string{"message=content is not valid Base64"}},
		step{"alice", "PUT ~/contents/README.md/x.md", `{"message":"x","content":""}`, 422, nil},
		step{"alice", "PUT ~/contents/x.md", `{"message":"x","content":"","branch":"none"}`, 404, []string{"message=Branch none not found"}},
		step{"mallory", "PUT ~/contents/x.md", `{"message":"x","content":""}`, 403, nil},
		step{"app contents:read", "PUT ~/contents/x.md", `{"message":"x","content":""}`, 403, []string{notForApp}},
		// An app needs a permission of its own for workflows.
		step{"app", "PUT ~/contents/.github/workflows/x.yml", `{"message":"x","content":""}`, 403, []string{notForApp}},

		step{"alice", "DELETE ~/contents/docs/a%20b.md", `{"message":"Remove it","sha":"$one"}`, 409, nil},
		step{"alice", "DELETE ~/contents/docs/none.md", `{"message":"Remove it","sha":"$one"}`, 404, nil},
		step{"mallory", "DELETE ~/contents/docs/a%20b.md", `{"message":"Remove it","sha":"$two"}`, 403, nil},
		step{"alice", "DELETE ~/contents/docs/a%20b.md", `{"message":"Remove it","sha":"$two"}`, 200, []string{"content=null", "commit.message=Remove it"}},
		step{"alice", "GET ~/contents/docs", "", 404, nil},
	)
	raw := g.call("alice", "GET ~/contents/README.md", "", "Accept: application/vnd.github.raw+json")
	if string(raw.body) != "# incidents\n\nEvery incident is an issue here; postmortems are pull requests.\n" {
		g.t.Errorf("the file is %q", raw.body)
	}
	// A long file comes in lines.
	g.call("alice", "PUT ~/contents/long.txt", `{"message":"x","content":"`+encoded(strings.Repeat("long ", 100))+`"}`).want(201)
	text := g.call("alice", "GET ~/contents/long.txt", "").field("content")
	if plain, err := base64.StdEncoding.DecodeString(text); err != nil || string(plain) != strings.Repeat("long ", 100) || strings.Index(text, "\n") != 60 {
		g.t.Errorf("the long file is %q, %v", text, err)
	}
}

func testGit(g *github) {
	none := strings.Repeat("0", 40)
	g.steps(
		step{"app", "GET ~/git/ref/heads/main", "", 200, []string{"ref=refs/heads/main", "object.type=commit", "object.sha>main"}},
		step{"app", "GET ~/git/ref/heads/mai", "", 404, nil},
		step{"gina", "GET ~/git/ref/heads/main", "", 404, nil},
		step{"app issues:read", "GET ~/git/ref/heads/main", "", 403, []string{notForApp}},
		step{"app", "POST ~/git/refs", `{"ref":"refs/heads/postmortem/1","sha":"$main"}`, 201, []string{"ref=refs/heads/postmortem/1", "object.sha=$main"}},
		step{"app", "POST ~/git/refs", `{"ref":"refs/heads/postmortem/1","sha":"$main"}`, 422, []string{"message=Reference already exists"}},
		step{"app", "POST ~/git/refs", `{"ref":"refs/heads/x","sha":"` + none + `"}`, 422, []string{"message=Object does not exist"}},
		step{"app", "POST ~/git/refs", `{"ref":"postmortem/2","sha":"$main"}`, 422, nil},
		step{"app", "POST ~/git/refs", `{"ref":"refs/heads/a..b","sha":"$main"}`, 422, nil},
		step{"mallory", "POST ~/git/refs", `{"ref":"refs/heads/x","sha":"$main"}`, 403, nil},
		step{"app contents:read", "POST ~/git/refs", `{"ref":"refs/heads/x","sha":"$main"}`, 403, []string{notForApp}},
		step{"app", "GET ~/git/matching-refs/heads/postm", "", 200, []string{"*.ref=refs/heads/postmortem/1"}},
		step{"app", "GET ~/git/matching-refs/heads/none", "", 200, []string{"#=0"}},
		step{"gina", "GET ~/git/matching-refs/heads", "", 404, nil},

		step{"app", "GET ~/git/commits/$main", "", 200, []string{"sha=$main", "tree.sha>root", "parents.#=0"}},
		step{"app", "GET ~/git/commits/" + none, "", 404, nil},
		step{"app", "GET ~/git/trees/$root", "", 200, []string{"tree.*.path=README.md", "truncated=false"}},
		step{"app", "GET ~/git/trees/" + none, "", 404, nil},
		step{"app", "POST ~/git/blobs", `{"content":"` + encoded("hello\n") + `","encoding":"base64"}`, 201, []string{"sha=ce013625030ba8dba906f756967f9e9ca394464a"}}, // as git hash-object
		step{"app", "POST ~/git/blobs", `{"content":"%","encoding":"base64"}`, 422, nil},
		step{"mallory", "POST ~/git/blobs", `{"content":"x"}`, 403, nil},
		step{"app", "GET ~/git/blobs/ce013625030ba8dba906f756967f9e9ca394464a", "", 200, []string{"size=6", "content=" + encoded("hello\n") + "\n"}},
		step{"app", "GET ~/git/blobs/" + none, "", 404, nil},
		step{"app", "POST ~/git/trees", `{"base_tree":"$root","tree":[
			{"path":"postmortems/1.md","mode":"100644","type":"blob","content":"# Down\n"},
			{"path":"hello","mode":"100644","type":"blob","sha":"ce013625030ba8dba906f756967f9e9ca394464a"},
			{"path":"README.md","mode":"100644","type":"blob","sha":null}]}`, 201, []string{"tree.*.path=hello,postmortems", "sha>tree"}},
		step{"app", "GET ~/git/trees/$tree?recursive=1", "", 200, []string{"tree.*.path=hello,postmortems,postmortems/1.md", "tree.1.type=tree"}},
		step{"app", "POST ~/git/trees", `{"base_tree":"` + none + `","tree":[]}`, 404, nil},
		step{"app", "POST ~/git/trees", `{"tree":[{"path":"","mode":"100644","type":"blob","content":"x"}]}`, 422, nil},
		step{"app", "POST ~/git/trees", `{"tree":[{"path":"../x","mode":"100644","type":"blob","content":"x"}]}`, 422, nil},
		step{"app", "POST ~/git/trees", `{"tree":[{"path":"x","mode":"100644","type":"blob","sha":"` + none + `"}]}`, 422, nil},
		step{"app", "POST ~/git/trees", `{"base_tree":"$root","tree":[{"path":"README.md/x","mode":"100644","type":"blob","content":"x"}]}`, 422, nil},
		step{"app", "POST ~/git/trees", `{"tree":[{"path":"x","mode":"7","type":"blob","content":"x"}]}`, 422, []string{"message=Must supply a valid tree.mode"}},
		step{"mallory", "POST ~/git/trees", `{"tree":[]}`, 403, nil},
		step{"app", "POST ~/git/commits", `{"message":"Write the postmortem","tree":"$tree","parents":["$main"]}`, 201, []string{"sha>commit", "parents.0.sha=$main", "verification.verified=true"}},
		step{"alice", "POST ~/git/commits", `{"message":"Signed off","tree":"$tree","parents":["$main"],"author":{"name":"Bob","email":"bob@acme.test","date":"2026-01-02T03:04:05Z"}}`, 201, []string{
			"author.name=Bob", "committer.name=Bob", "author.date=2026-01-02T03:04:05Z", "sha>aside"}},
		step{"app", "POST ~/git/commits", `{"message":"x","tree":"` + none + `"}`, 422, []string{"message=Tree SHA does not exist"}},
		step{"app", "POST ~/git/commits", `{"message":"x","tree":"$tree","parents":["` + none + `"]}`, 422, nil},
		step{"app", "POST ~/git/commits", `{"tree":"$tree"}`, 422, nil},
		step{"mallory", "POST ~/git/commits", `{"message":"x","tree":"$tree"}`, 403, nil},

		step{"app", "PATCH ~/git/refs/heads/postmortem/1", `{"sha":"$commit"}`, 200, []string{"object.sha=$commit"}},
		step{"app", "PATCH ~/git/refs/heads/postmortem/1", `{"sha":"$aside"}`, 422, []string{"message=Update is not a fast forward"}},
		step{"app", "PATCH ~/git/refs/heads/none", `{"sha":"$commit"}`, 422, []string{"message=Reference does not exist"}},
		step{"app", "PATCH ~/git/refs/heads/postmortem/1", `{"sha":"` + none + `"}`, 422, nil},
		step{"mallory", "PATCH ~/git/refs/heads/postmortem/1", `{"sha":"$main"}`, 403, nil},

		step{"alice", "GET ~/branches", "", 200, []string{"*.name=main,postmortem/1", "1.commit.sha=$commit"}},
		step{"gina", "GET ~/branches", "", 404, nil},
		step{"alice", "GET ~/branches/postmortem/1", "", 200, []string{"name=postmortem/1", "commit.sha=$commit"}},
		step{"alice", "GET ~/branches/none", "", 404, []string{"message=Branch not found"}},
		step{"alice", "GET ~/rules/branches/postmortem/1", "", 200, []string{"#=0"}},
		step{"gina", "GET ~/rules/branches/main", "", 404, nil},
		step{"alice", "GET ~/commits?sha=postmortem/1", "", 200, []string{"*.sha=$commit,$main", "0.author.login=robot[bot]"}},
		step{"alice", "GET ~/commits?sha=postmortem/1&path=postmortems", "", 200, []string{"*.sha=$commit"}},
		step{"alice", "GET ~/commits?sha=none", "", 404, nil},
		step{"alice", "GET ~/commits/postmortem/1", "", 200, []string{"sha=$commit", "files.*.filename=README.md,hello,postmortems/1.md", "files.*.status=removed,added,added", "stats.total=5"}},
		step{"alice", "GET ~/commits/none", "", 422, []string{"message=No commit found for SHA: none"}},
		step{"alice", "GET ~/compare/main...postmortem/1", "", 200, []string{"status=ahead", "ahead_by=1", "behind_by=0", "commits.*.sha=$commit", "merge_base_commit.sha=$main"}},
		step{"alice", "GET ~/compare/$aside...postmortem/1", "", 200, []string{"status=diverged"}},
		step{"alice", "GET ~/compare/main...main", "", 200, []string{"status=identical"}},
		step{"alice", "GET ~/compare/postmortem/1...main", "", 200, []string{"status=behind"}},
		step{"alice", "GET ~/compare/main...none", "", 404, nil},

		step{"app", "PATCH ~/git/refs/heads/postmortem/1", `{"sha":"$aside","force":true}`, 200, []string{"object.sha=$aside"}},
		step{"mallory", "DELETE ~/git/refs/heads/postmortem/1", "", 403, nil},
		step{"app", "DELETE ~/git/refs/heads/postmortem/1", "", 204, nil},
		step{"app", "DELETE ~/git/refs/heads/postmortem/1", "", 422, []string{"message=Reference does not exist"}},
		step{"app", "DELETE ~/git/refs/heads/main", "", 422, nil},
	)
}
