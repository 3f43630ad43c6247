package web

import (
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"strconv"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

var (
	// taskInput is a task's checkbox as the renderer writes it.
	taskInput = regexp.MustCompile(`<input type="checkbox" class="task-list-item-checkbox" disabled="" ` +
		`aria-label="([^"]*)"( checked="")?>`)
	// taskSource is where a line begins a task.
	taskSource = regexp.MustCompile(`(?m)^([ \t>]*(?:[-*+]|[0-9]{1,9}[.)])[ \t]+\[)([ xX])(\][ \t])`)
)

// withTasks makes buttons of the checkboxes in a rendered comment, for those who may edit it. They
// belong to the form of that id. Where
// it is not plain which line each is of, as with tasks in a block of code, they stay as they are.
func withTasks(rendered template.HTML, source, form string) template.HTML {
	if len(taskInput.FindAllStringIndex(string(rendered), -1)) != len(taskSource.FindAllStringIndex(source, -1)) {
		return rendered
	}
	n := 0
	// What the renderer made is safe, and so is what is made of it.
	return template.HTML(taskInput.ReplaceAllStringFunc(string(rendered), func(input string) string {
		m := taskInput.FindStringSubmatch(input)
		n++
		return fmt.Sprintf(`<button type="submit" form="%s" name="task" value="%d" role="checkbox" `+
			`aria-checked="%t" class="task-list-item-checkbox" aria-label="%s"></button>`,
			template.HTMLEscapeString(form), n, m[2] != "", m[1])
	}))
}

// toggleTask ticks task n of a text, from 1, or takes the tick away.
func toggleTask(source string, n int) (toggled string, ok bool) {
	seen := 0
	toggled = taskSource.ReplaceAllStringFunc(source, func(line string) string {
		if seen++; seen != n {
			return line
		}
		m := taskSource.FindStringSubmatch(line)
		ok = true
		if m[2] == " " {
			return m[1] + "x" + m[3]
		}
		return m[1] + " " + m[3]
	})
	return toggled, ok
}

// tickComment toggles one task of a comment, as clicking it does. Like GitHub it refuses that on a
// page that is older than the comment.
func (v *visit) tickComment() (string, error) {
	c, to, err := v.openComment()
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(v.r.PostForm.Get("task"))
	if err != nil {
		return "", forge.ErrNotFound
	}
	body, ok := toggleTask(c.Body, n)
	if !ok || v.r.PostForm.Get("version") != versionOf(c) {
		return "", &forge.Error{Status: http.StatusUnprocessableEntity,
			Message: "This comment was edited since the page was opened. Reload it and try again."}
	}
	return to, v.forge.EditComment(v.by, c, body)
}

// versionOf names a comment's text.
func versionOf(c *forge.Comment) string {
	return fmt.Sprintf("%d-%d", c.Updated.UnixNano(), len(c.Body))
}
