package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// SetState brings a state about, as POST /sandbox/states does; text is the body of its request.
func (s *Sandbox) SetState(text []byte) error {
	var in map[string]json.RawMessage
	if err := json.Unmarshal(text, &in); err != nil {
		return fmt.Errorf("the state can't be read: %w", err)
	}
	if len(in) != 1 {
		return fmt.Errorf("give exactly one state, not %d, like %s", len(in), stateExamples())
	}
	for key, value := range in {
		n := slices.IndexFunc(forge.States, func(s forge.State) bool { return s.Key == key })
		if n < 0 {
			return fmt.Errorf("there is no state %q; there are %s", key, stateExamples())
		}
		s.forge.Lock()
		defer s.forge.Unlock()
		if err := forge.States[n].Set(s.forge, s.forge.Owner(), value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// stateExamples lists one request for each state.
func stateExamples() string {
	var all []string
	for _, s := range forge.States {
		all = append(all, fmt.Sprintf(`{"%s":%s}`, s.Key, s.Example))
	}
	return strings.Join(all, " · ")
}

// postState serves POST /sandbox/states.
func (s *Sandbox) postState(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err == nil {
		err = s.SetState(text)
	}
	if err != nil {
		tell(w, http.StatusBadRequest, map[string]any{"message": err.Error()})
		return
	}
	tell(w, http.StatusOK, map[string]any{})
}

// getStates serves GET /sandbox/states: what can be brought about, and what holds.
func (s *Sandbox) getStates(w http.ResponseWriter, _ *http.Request) {
	s.forge.Lock()
	holds := s.forge.Conditions()
	s.forge.Unlock()
	views := []map[string]any{}
	for _, s := range forge.States {
		views = append(views, map[string]any{"key": s.Key, "example": json.RawMessage(s.Example), "doc": s.Doc})
	}
	tell(w, http.StatusOK, map[string]any{"holds": listOf(holds), "faults": listOf(s.describeFaults()),
		"states": views})
}
