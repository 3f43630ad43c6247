package forge

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// maxSubIssues is how many sub-issues an issue takes.
const maxSubIssues = 100

// AddSubIssue makes child a sub-issue of parent. Both must belong to the same owner; a child has
// one parent unless replace.
func (f *Forge) AddSubIssue(by *Actor, parent, child *Issue, replace bool) error {
	if err := f.Require(by, parent.repo, RoleTriage, "issues"); err != nil {
		return err
	}
	if err := f.Require(by, child.repo, RoleRead, "issues"); err != nil {
		return err
	}
	refuse := func(why string) error {
		return &Error{Status: statusUnprocessableEntity,
			Message: "An error occurred while adding the sub-issue to the parent issue. " + why}
	}
	switch {
	case child.Pull != nil || parent.Pull != nil:
		return refuse("Pull requests cannot be sub-issues")
	case parent == child:
		return refuse("Issue may not be a sub-issue of itself")
	case child.Parent == parent.ID:
		return refuse("Issue may not contain duplicate sub-issues")
	case child.Parent != 0 && !replace:
		return refuse("Sub issue may only have one parent")
	case len(parent.SubIssues) >= maxSubIssues:
		return refuse("Parent cannot have more than 100 sub-issues")
	}
	for at, depth := parent, 1; at.Parent != 0; depth++ {
		if at.Parent == child.ID || depth >= 8 {
			return refuse("Sub-issues may not be nested deeper than eight levels or in a circle")
		}
		at = f.IssuesByID[at.Parent]
	}
	if before, ok := f.IssuesByID[child.Parent]; ok {
		f.dropSubIssue(by, before, child)
	}
	parent.SubIssues = append(parent.SubIssues, child.ID)
	child.Parent = parent.ID
	f.addEvent(by, parent, TimelineEvent{Kind: "sub_issue_added", IssueID: child.ID})
	f.addEvent(by, child, TimelineEvent{Kind: "parent_issue_added", IssueID: parent.ID})
	f.Emit(&SubIssueEvent{By: by, Parent: parent, Child: child, Action: "added"})
	return nil
}

// RemoveSubIssue ends the relation.
func (f *Forge) RemoveSubIssue(by *Actor, parent, child *Issue) error {
	if err := f.Require(by, parent.repo, RoleTriage, "issues"); err != nil {
		return err
	}
	if child.Parent != parent.ID {
		return ErrNotFound
	}
	f.dropSubIssue(by, parent, child)
	return nil
}

func (f *Forge) dropSubIssue(by *Actor, parent, child *Issue) {
	parent.SubIssues = slices.DeleteFunc(parent.SubIssues, func(id int64) bool { return id == child.ID })
	child.Parent = 0
	f.addEvent(by, parent, TimelineEvent{Kind: "sub_issue_removed", IssueID: child.ID})
	f.addEvent(by, child, TimelineEvent{Kind: "parent_issue_removed", IssueID: parent.ID})
	f.Emit(&SubIssueEvent{By: by, Parent: parent, Child: child, Action: "removed"})
}

var (
	reference = regexp.MustCompile(`(?:^|[^\w/#&])(?:(` + naming.RepositoryPattern + `))?#(\d+)\b`)
	issueLink = regexp.MustCompile(`/(` + naming.RepositoryPattern + `)/(?:issues|pull)/(\d+)\b`)
	mention   = regexp.MustCompile(`(?:^|[^\w@/.` + "`" + `-])@(` + naming.LoginPattern + `)(?:[^\w/-]|$)`)
)

// withoutInert takes out where GitHub looks for no reference: code and HTML comments.
func withoutInert(text string) string {
	var out strings.Builder
	for from := 0; ; {
		at := strings.IndexAny(text[from:], "<`~")
		if at < 0 {
			out.WriteString(text[from:])
			return out.String()
		}
		out.WriteString(text[from : from+at])
		from += at
		n := inertPrefix(text[:from], text[from:])
		if n > 0 {
			out.WriteByte(' ')
		} else {
			n = len(text[from:]) - len(strings.TrimLeft(text[from:], text[from:from+1]))
			out.WriteString(text[from : from+n])
		}
		from += n
	}
}

// inertPrefix returns the length of the comment or code that rest begins with, or 0.
func inertPrefix(before, rest string) int {
	enclosed := func(mark, end string) int {
		if n := strings.Index(rest[len(mark):], end); n >= 0 {
			return len(mark) + n + len(end)
		}
		return 0
	}
	switch fence := rest[:min(3, len(rest))]; {
	case strings.HasPrefix(rest, "<!--"):
		return enclosed("<!--", "-->")
	case (fence == "```" || fence == "~~~") && beginsLine(before):
		if end := fenceEnds[fence].FindStringIndex(rest); end != nil {
			return end[1]
		}
		return len(rest)
	case strings.HasPrefix(rest, "``"):
		return enclosed("``", "``")
	case rest[0] == '`':
		if n := strings.IndexAny(rest[1:], "`\n"); n >= 0 && rest[1+n] == '`' {
			return n + 2
		}
	}
	return 0
}

var fenceEnds = map[string]*regexp.Regexp{"```": regexp.MustCompile("\n {0,3}```"),
	"~~~": regexp.MustCompile("\n {0,3}~~~")}

// beginsLine reports whether what follows begins a line, but for the three spaces that a fence may have.
func beginsLine(before string) bool {
	indent := before[strings.LastIndexByte(before, '\n')+1:]
	return len(indent) <= 3 && strings.Trim(indent, " ") == ""
}

// mayRefer reports whether a line may name an issue by its number. A card is written again and again, and
// of its many lines few do.
func mayRefer(line string) bool {
	for {
		before, after, found := strings.Cut(line, "#")
		if !found {
			return false
		}
		if after != "" && '0' <= after[0] && after[0] <= '9' && !strings.HasSuffix(before, "&") {
			return true
		}
		line = after
	}
}

// references lists the issues that a text written in an issue of r mentions, as owner/repo and
// number, in order.
func (f *Forge) references(r *Repository, text string) []*Issue {
	var found []*Issue
	add := func(fullName, number string) {
		at := r
		if fullName != "" {
			var ok bool
			if at, ok = f.FindRepository(fullName); !ok {
				if at, ok = f.FindRenamed(fullName); !ok {
					return
				}
			}
		}
		n, _ := strconv.Atoi(number)
		if i, ok := at.IssueAt(n); ok && !slices.Contains(found, i) {
			found = append(found, i)
		}
	}
	for line := range strings.Lines(text) {
		if !mayRefer(line) {
			continue
		}
		for _, m := range reference.FindAllStringSubmatch(line, -1) {
			add(m[1], m[2])
		}
	}
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, f.URL+"/")
		if !ok {
			break
		}
		if m := issueLink.FindStringSubmatchIndex("/" + after); m != nil && m[0] == 0 {
			add(("/" + after)[m[2]:m[3]], ("/" + after)[m[4]:m[5]])
		}
		rest = after
	}
	return found
}

// noteMentions writes what a text mentions into the timelines: once per source issue and target,
// and once per person mentioned.
func (f *Forge) noteMentions(by *Actor, source *Issue, text string) {
	text = withoutInert(text)
	for _, target := range f.references(source.repo, text) {
		e := &TimelineEvent{Kind: "cross-referenced", Actor: by.Login, ViaApp: by.ViaApp, At: f.Now(),
			IssueID: source.ID}
		if target != source && f.CanSee(by, target.repo) && target.isFirstMention(e) {
			// a mention does not change the target's updated_at
			target.Timeline = append(target.Timeline, e)
			f.NoteChange()
		}
	}
	if !strings.Contains(text, "@") {
		return // a card is long, and has none
	}
	for _, m := range mention.FindAllStringSubmatch(text, -1) {
		u, ok := f.FindUser(m[1])
		if !ok || u.Kind != KindUser || f.RoleOf(u.Login, source.repo) < RoleRead {
			continue
		}
		if !source.isFirstMention(&TimelineEvent{Kind: "mentioned", Actor: u.Login}) {
			continue
		}
		for _, kind := range []string{"mentioned", "subscribed"} {
			source.Timeline = append(source.Timeline,
				&TimelineEvent{ID: f.NextID("event"), Kind: kind, Actor: u.Login, At: f.Now()})
		}
	}
}

// isFirstMention reports whether a mention or reference is the first of its kind in the issue, and remembers it.
func (i *Issue) isFirstMention(e *TimelineEvent) bool {
	if i.mentions == nil {
		i.mentions = map[TimelineEvent]bool{}
		for _, old := range i.Timeline {
			i.mentions[mentionKey(old)] = true
		}
	}
	key := mentionKey(e)
	if i.mentions[key] {
		return false
	}
	i.mentions[key] = true
	return true
}
