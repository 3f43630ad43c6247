package web

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// sampleText is a text in acme/incidents, where alice and the team acme/platform exist and so do #1 and acme/platform#7.
func sampleText(source string) markdownText {
	return markdownText{
		source: source, repo: "acme/incidents", origin: "http://127.0.0.1:8787",
		user: func(login string) bool {
			return slices.Contains([]string{"alice", "dave_acme", "ivan-", "a--b"}, strings.ToLower(login))
		},
		team: func(org, slug string) bool { return org == "acme" && slug == "platform" },
		item: func(repo string, number int) (string, string, bool) {
			switch {
			case repo == "acme/incidents" && number == 1:
				return `API "down"`, "/acme/incidents/issues/1", true
			case repo == "acme/platform" && number == 7:
				return "Alert", "/acme/platform/issues/7", true
			}
			return "", "", false
		},
	}
}

const (
	aliceLink = `<a class="user-mention" href="/alice">@alice</a>`
	teamLink  = `<a class="team-mention" href="/orgs/acme/teams/platform">@acme/platform</a>`
	issueOne  = `<a class="issue-link" href="/acme/incidents/issues/1" title="API &#34;down&#34;">#1</a>`
)

var tagPattern = regexp.MustCompile(`<(/?)([a-z0-9]+)[^>]*>`)

func TestMarkdown(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"line breaks stay":         {"a\nb", "<p>a<br>\nb</p>\n"},
		"CRLF":                     {"a\r\n\r\nb", "<p>a</p>\n<p>b</p>\n"},
		"mention":                  {"hi @alice, you", "<p>hi " + aliceLink + ", you</p>\n"},
		"mention at the start":     {"@alice: see", "<p>" + aliceLink + ": see</p>\n"},
		"possessive":               {"@alice's turn", "<p>" + aliceLink + "&#39;s turn</p>\n"},
		"two mentions":             {"@alice @alice", "<p>" + aliceLink + " " + aliceLink + "</p>\n"},
		"mention with a hyphen":    {"@alice- ok", "<p>" + aliceLink + "- ok</p>\n"},
		"unknown person":           {"@nobody", "<p>@nobody</p>\n"},
		"a managed user":           {"@dave_acme's", `<p><a class="user-mention" href="/dave_acme">@dave_acme</a>&#39;s</p>` + "\n"},
		"an old login":             {"@ivan-: @a--b", `<p><a class="user-mention" href="/ivan-">@ivan-</a>: <a class="user-mention" href="/a--b">@a--b</a></p>` + "\n"},
		"beside a managed user":    {"@dave_acme_x @dave_ @dave", "<p>@dave_acme_x @dave_ @dave</p>\n"},
		"longer name":              {"@alicette @alice_b", "<p>@alicette @alice_b</p>\n"},
		"mail address":             {"x@alice y", "<p>x@alice y</p>\n"},
		"team":                     {"(@acme/platform)", "<p>(" + teamLink + ")</p>\n"},
		"unknown team":             {"@acme/nobody @alice/x", "<p>@acme/nobody @alice/x</p>\n"},
		"mention in code":          {"`@alice` `#1`", "<p><code>@alice</code> <code>#1</code></p>\n"},
		"mention in a fence":       {"```\n@alice #1\n```", "<pre><code>@alice #1\n</code></pre>\n"},
		"mention in a link":        {"[@alice #1](/x)", "<p><a href=\"/x\">@alice #1</a></p>\n"},
		"mention in raw code":      {"<code>@alice</code>", "<p><code>@alice</code></p>\n"},
		"mention in a summary":     {"<details><summary>@alice</summary></details>", "<details><summary>" + aliceLink + "</summary></details>"},
		"number":                   {"see #1.", "<p>see " + issueOne + ".</p>\n"},
		"number in brackets":       {"(#1)", "<p>(" + issueOne + ")</p>\n"},
		"number within a word":     {"a#1 #1a #2 &#35;1", "<p>a#1 #1a #2 " + issueOne + "</p>\n"},
		"number elsewhere":         {"acme/platform#7 acme/platform#8", `<p><a class="issue-link" href="/acme/platform/issues/7" title="Alert">acme/platform#7</a> acme/platform#8</p>` + "\n"},
		"number in a path":         {"/acme/incidents#1 x/y/z#1", "<p>/acme/incidents#1 x/y/z#1</p>\n"},
		"own address shortened":    {"http://127.0.0.1:8787/acme/incidents/issues/1#issuecomment-5", `<p><a href="/acme/incidents/issues/1#issuecomment-5">#1 (comment)</a></p>` + "\n"},
		"other address whole":      {"https://example.com/a?b=1&c=2", `<p><a href="https://example.com/a?b=1&amp;c=2" rel="nofollow noreferrer">https://example.com/a?b=1&amp;c=2</a></p>` + "\n"},
		"emoji":                    {":eyes: :nothing: 10:30:45", "<p>👀 :nothing: 10:30:45</p>\n"},
		"strikethrough":            {"~~a~~", "<p><del>a</del></p>\n"},
		"task list":                {"- [x] a\n- [ ] b", "<ul>\n<li><input type=\"checkbox\" class=\"task-list-item-checkbox\" disabled=\"\" aria-label=\"Completed task\" checked=\"\"> a</li>\n<li><input type=\"checkbox\" class=\"task-list-item-checkbox\" disabled=\"\" aria-label=\"Incomplete task\"> b</li>\n</ul>\n"},
		"table":                    {"|a|b|\n|-|-:|\n|1|2|", "<table>\n<thead>\n<tr>\n<th>a</th>\n<th align=\"right\">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n<td align=\"right\">2</td>\n</tr>\n</tbody>\n</table>\n"},
		"script stripped":          {"a <script>alert(1)</script> b", "<p>a  b</p>\n"},
		"handlers stripped":        {"<b onclick=\"x()\" style=\"color:red\" class=\"flash\">a</b>", "<p><b>a</b></p>\n"},
		"script address":           {"[a](javascript:alert(1)) <a href=\"data:text/html,x\">b</a>", "<p><a>a</a> <a>b</a></p>\n"},
		"form controls":            {"<input type=text name=body><button>x</button><textarea>y</textarea>", "<p>xy</p>\n"},
		"frames":                   {"<iframe src=\"/x\"></iframe>a", "a"},
		"comment vanishes":         {"a<!-- note:{\"v\":1} -->b", "<p>ab</p>\n"},
		"comment block vanishes":   {"a\n\n<!-- x\n\n@alice -->\n\nb", "<p>a</p>\n\n<p>b</p>\n"},
		"comment never closed":     {"a\n\n<!-- x\n\nb", "<p>a</p>\n"},
		"details kept":             {"<details open><summary>More</summary>\n\n**b**\n\n</details>", "<details open=\"\"><summary>More</summary>\n<p><strong>b</strong></p>\n</details>"},
		"details closed for you":   {"<details><summary>More", "<details><summary>More</summary></details>"},
		"stray end tags":           {"a</div></main></p>", "<p>a</p>\n"},
		"crossed tags":             {"<b><i>a</b></i>", "<p><b><i>a</i></b></p>\n"},
		"sub sup kbd":              {"<sub>a</sub><sup>b</sup><kbd>c</kbd>", "<p><sub>a</sub><sup>b</sup><kbd>c</kbd></p>\n"},
		"image from elsewhere":     {"![graph](https://example.com/a.png)", `<p><a href="https://example.com/a.png" rel="nofollow noreferrer">graph</a></p>` + "\n"},
		"image in a link":          {"[![graph](https://example.com/a.png)](/x)", `<p><a href="/x">graph</a></p>` + "\n"},
		"ids are fenced off":       {"<a id=\"main\" name=\"comment\">x</a>", `<p><a id="user-content-main" name="user-content-comment">x</a></p>` + "\n"},
		"code language":            {"```go\na<b\n```", "<pre lang=\"go\"><code class=\"language-go\">a&lt;b\n</code></pre>\n"},
		"hostile language":         {"```\"><script>\na\n```", "<pre><code>a\n</code></pre>\n"},
		"mermaid":                  {"```mermaid\ngantt\n```", "<div class=\"mermaid\"><p class=\"mermaid-caption\">mermaid</p><pre lang=\"mermaid\"><code class=\"language-mermaid\">gantt\n</code></pre></div>\n"},
		"own classes are not free": {"<div class=\"mermaid\">a</div>", "<div>a</div>"},
		"no front matter in talk":  {"---\na: 1\n---", "<hr>\n<h2>a: 1</h2>\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(sampleText(c.in).html()); got != c.want {
				t.Errorf("%q\n got %q\nwant %q", c.in, got, c.want)
			}
		})
	}
}

func TestMarkdownAlerts(t *testing.T) {
	for _, kind := range []string{"Note", "Tip", "Important", "Warning", "Caution"} {
		got := string(sampleText("> [!" + strings.ToUpper(kind) + "]\n> **a** @alice\n> b").html())
		lower := strings.ToLower(kind)
		for _, want := range []string{
			`<div class="markdown-alert markdown-alert-` + lower + `">`, `<p class="markdown-alert-title"><svg class="octicon octicon-` + alertIcons[lower] + `"`,
			"</svg>" + kind + "</p>", "<p><strong>a</strong> " + aliceLink + "<br>\nb</p>\n</div>",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is missing in %q", kind, want, got)
			}
		}
		if strings.Contains(got, "[!") || strings.Contains(got, "blockquote") {
			t.Errorf("%s: the marker or the quote is left in %q", kind, got)
		}
	}
	// as on GitHub, these are quotes like any other
	for _, plain := range []string{"> [!NOTE]", "> [!NOTE] a", "> [!OTHER]\n> a", "> a\n> [!NOTE]", "> > [!NOTE]\n> > a", "- > [!NOTE]\n  > a"} {
		if got := string(sampleText(plain).html()); strings.Contains(got, "markdown-alert") || !strings.Contains(got, "blockquote") {
			t.Errorf("%q became %q", plain, got)
		}
	}
	if got := string(sampleText("> [!warning]\n>\n> - a\n> - b").html()); !strings.Contains(got, "markdown-alert-warning") || !strings.Contains(got, "<li>a</li>") {
		t.Errorf("an alert with a list became %q", got)
	}
}

func TestMarkdownFile(t *testing.T) {
	render := func(source string) string {
		text := sampleText(source)
		text.branch, text.file = "main", "docs/process.md"
		return string(text.html())
	}
	for name, c := range map[string]struct{ in, want string }{
		"line breaks flow":  {"a\nb", "<p>a\nb</p>\n"},
		"relative link":     {"[a](other.md#Part)", `<p><a href="/acme/incidents/blob/main/docs/other.md#user-content-Part">a</a></p>` + "\n"},
		"link upwards":      {"[a](../README.md)", `<p><a href="/acme/incidents/blob/main/README.md">a</a></p>` + "\n"},
		"link beyond":       {"[a](../../../etc/passwd)", `<p><a href="/acme/incidents/blob/main/etc/passwd">a</a></p>` + "\n"},
		"link from the top": {"[a](/x.md)", `<p><a href="/acme/incidents/blob/main/x.md">a</a></p>` + "\n"},
		"own image":         {"![a](i.png)", `<p><img src="/acme/incidents/raw/main/docs/i.png" alt="a"></p>` + "\n"},
		"front matter":      {"---\ntitle: \"<A>\"\ntags: [b, c]\n---\nx", "<table><thead><tr><th>title</th><th>tags</th></tr></thead><tbody><tr><td><div>&lt;A&gt;</div></td><td><table><tbody><tr><td><div>b</div></td><td><div>c</div></td></tr></tbody></table></td></tr></tbody></table><p>x</p>\n"},
		"not front matter":  {"---\n: : :\n - [\n---\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := render(c.in)
			if c.want == "" {
				if strings.Contains(got, "<table>") {
					t.Errorf("%q\n got %q", c.in, got)
				}
				return
			}
			if got != c.want {
				t.Errorf("%q\n got %q\nwant %q", c.in, got, c.want)
			}
		})
	}
	got := render("# What we *did*, when?\n\n# What we did, when?")
	for _, want := range []string{`<h1 id="user-content-what-we-did-when">`, `<h1 id="user-content-what-we-did-when-1">`, `href="#user-content-what-we-did-when"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in %q", want, got)
		}
	}
}

// TestMarkdownHostile feeds 64 KiB of what parsers fear. None may take far longer than as much of what people write, grow without
// bound or lose the text. Both are measured in one run, and what is slow is tried again, for the machine may be slow or busy.
func TestMarkdownHostile(t *testing.T) {
	const size = 64 << 10
	many := func(s string) string { return strings.Repeat(s, size/len(s)) }
	counted := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	deeper := func(line func(depth int) string) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			b.WriteString(line(i))
		}
		return b.String()
	}
	fastest := func(text markdownText, tries int, enough time.Duration) time.Duration {
		least := time.Duration(math.MaxInt64)
		for n := 0; n < tries && least > enough; n++ {
			start := time.Now()
			text.html()
			least = min(least, time.Since(start))
		}
		return least
	}
	const slower = 200 // some 25 are seen
	ordinary := fastest(sampleText(many("The API of *eu-1* answers with `503` since 10:38, see #1 and https://a.example/graph.\n\n- @alice looks\n\n")), 5, 0)
	for name, source := range map[string]string{
		"quotes": many("> "), "quoted lines": many(strings.Repeat("> ", 24) + "a\n"),
		"lists": deeper(func(d int) string { return strings.Repeat("  ", d) + "- a\n" }), "one line of lists": many("- "), "numbered": deeper(func(d int) string { return strings.Repeat("   ", d) + "1. a\n" }),
		"lazy": strings.Repeat(">", 24) + "a\n" + many("a\n"), "brackets": many("["), "images": many("!["), "links": many("[a]("), "pointed links": many("[a](<"),
		"paragraphs of links": many(strings.Repeat("[a](", 1900) + "\n\n"), "stars": many("*a **b "), "lines of stars": many("***a** b* "), "under": many("_a "),
		"ticks": deeper(func(d int) string { return strings.Repeat("`", d) + " " }), "tags": many("<a "), "comments": many("a <!-- "), "cdata": many("a <![CDATA[ "),
		"one definition": "[a]: " + strings.Repeat("x", size/2) + "\n\n" + strings.Repeat("[a] ", size/8), "definitions": counted("[a%d]: u\n"),
		"wide table": "|" + strings.Repeat("a|", 1000) + "\n|" + strings.Repeat("-|", 1000) + "\n" + strings.Repeat("|a\n", 20000),
		"mentions":   many("@alice "), "numbers": many("#1 "), "codes": many(":a"), "mail": many("a@a."), "addresses": many("http://a.b/( "), "parens": "http://a.b/" + many("("),
		"details": many("<details>"), "divs": many("<div>\n\n"), "alerts": many("> [!NOTE]\n> a\n\n"), "headings": many("# a\n"), "entities": many("&#"), "nothing": many("\n"),
	} {
		t.Run(name, func(t *testing.T) {
			for _, file := range []string{"", "a.md"} {
				text := sampleText(source)
				text.branch, text.file = "main", file
				if took := fastest(text, 3, slower*ordinary); took > slower*ordinary {
					t.Errorf("%d bytes took %v, ordinary ones %v", len(source), took, ordinary)
				}
				if got := text.html(); len(got) > 64*size {
					t.Errorf("%d bytes became %d", len(source), len(got))
				}
			}
		})
	}
	if got := string(sampleText(strings.Repeat("> ", 200) + "<b>still & here</b>").html()); !strings.HasPrefix(got, `<pre class="plain-text">`) || !strings.Contains(got, "&lt;b&gt;still &amp; here") {
		t.Errorf("a text nested too deeply is not shown as it was written: %q", got)
	}
}

// TestMarkdownBalanced renders pieces of HTML that try to leave their box: what comes out must be closed in itself.
func TestMarkdownBalanced(t *testing.T) {
	for _, source := range []string{"</div></div></body>", "<div><table><tr><td>", "<details><summary>a</details></summary>", "<b>" + strings.Repeat("<div>", 3000), "<a href=/x><a href=/y>z", "<!-- </div>", "<p></p></p></section>", "<ul><li><ol></ul></li>"} {
		got := string(sampleText(source).html())
		depth := map[string]int{}
		for _, tag := range tagPattern.FindAllStringSubmatch(got, -1) {
			if voidElements[tag[2]] {
				continue
			}
			if tag[1] == "/" {
				depth[tag[2]]--
			} else {
				depth[tag[2]]++
			}
			if depth[tag[2]] < 0 {
				t.Errorf("%q closes more than it opened: %q", source, got)
			}
		}
		for name, n := range depth {
			if n != 0 {
				t.Errorf("%q leaves %d %s open: %q", source, n, name, got)
			}
		}
	}
}
