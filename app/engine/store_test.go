package engine_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// Whatever a whole incident leaves on the shelf has an end.
func TestAllThatIsKeptHasAnEnd(t *testing.T) {
	w := newWorld(t)
	w.tell(whole(t))
	w.alert("firing", "APIServerDown", 1)
	w.tell("wait 1m")
	w.stop()
	defer w.start()
	db, err := sql.Open("sqlite", w.queue)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT name FROM shelf")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		kind, _, _ := strings.Cut(name, "/")
		found[kind+"/"] = true
		// One for each repository that is served, or two, and one in all.
		stays := kind == "policies" || kind == "oncall" || kind == "served" || name == "marks/signed"
		if engine.StoreRetention()[kind+"/"] == 0 && !stays {
			t.Errorf("%s is kept for ever", name)
		}
	}
	if err := rows.Err(); err != nil || !found["sent/"] || !found["said/"] {
		t.Errorf("found %v, %v", found, err)
	}
}
