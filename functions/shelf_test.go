package functions_test

import (
	"maps"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// The bucket's rules end what counts no more, and nothing else.
func TestTheShelfsRulesAreThoseOfTheEngine(t *testing.T) {
	text, err := os.ReadFile("../serverless.yml")
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]int{}
	for _, m := range regexp.MustCompile(`\{Status: Enabled, Prefix: (\S+), ExpirationInDays: (\d+)\}`).FindAllStringSubmatch(string(text),
		-1) {
		days, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		rules[m[1]] = days
	}
	if want := engine.StoreRetention(); !maps.Equal(rules, want) {
		t.Errorf("serverless.yml has the rules %v, want %v", rules, want)
	}
}
