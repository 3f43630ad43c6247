package web

import (
	"html/template"
	"strings"
	"testing"
)

func TestTasksAreButtonsForWhoMayEdit(t *testing.T) {
	const source = "# Title\n\n- [ ] one\n- [x] two\n> - [ ] three\n\ntext - [ ] no task\n"
	rendered := template.HTML(strings.Repeat(`<li><input type="checkbox" class="task-list-item-checkbox" disabled="" aria-label="Incomplete task"> x</li>`, 3))
	got := string(withTasks(rendered, source, "tasks-1"))
	if strings.Count(got, `form="tasks-1"`) != 3 || !strings.Contains(got, `value="3"`) || strings.Contains(got, "disabled") {
		t.Errorf("rendered as %s", got)
	}
	if got := withTasks(rendered, "- [ ] one\n", "tasks-1"); got != rendered {
		t.Errorf("where the lines are not plain: %s", got)
	}

	for n, want := range map[int]string{1: "- [x] one", 2: "- [ ] two", 3: "> - [x] three"} {
		if got, ok := toggleTask(source, n); !ok || !strings.Contains(got, want) {
			t.Errorf("task %d: %v\n%s", n, ok, got)
		}
	}
	if got, ok := toggleTask(source, 4); ok || got != source {
		t.Errorf("a task that is not there: %q", got)
	}
}
