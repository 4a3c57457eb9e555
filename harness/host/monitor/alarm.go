package monitor

import (
	"fmt"
	"strconv"
	"strings"

	"lastack/harness/lab/sockstat"
)

// portsLeft is the alarm that is not about a state.
const portsLeft = "ports-left"

// Alarm is a threshold. Make it with ParseAlarm.
type Alarm struct {
	// What names what is counted, as it was given: a state, a group of states, or
	// "ports-left".
	What string
	// Limit is the largest number that is all right; of ports left, the
	// smallest.
	Limit int

	states []string
}

// ParseAlarm reads STATE=N, where the state is spelled in any way that
// sockstat.ParseStates knows, or ports-left=N.
func ParseAlarm(s string) (Alarm, error) {
	what, number, ok := strings.Cut(s, "=")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 0 {
		return Alarm{}, fmt.Errorf("%q is no threshold; give STATE=N or %s=N, as in time-wait=50000", s, portsLeft)
	}
	a := Alarm{What: what, Limit: n}
	if what == portsLeft {
		return a, nil
	}
	if a.states, err = sockstat.ParseStates(what); err != nil {
		return Alarm{}, fmt.Errorf("%w; or %s", err, portsLeft)
	}
	return a, nil
}

// Raised is an alarm and the number that raised it.
type Raised struct {
	What  string `json:"what"`
	Count int    `json:"count"`
	Limit int    `json:"limit"`
	// New: it was not raised at the look before.
	New bool `json:"new"`
}

func (r *Raised) String() string {
	relation := "above"
	if r.What == portsLeft {
		relation = "below"
	}
	return fmt.Sprintf("%s %d, %s %d", r.What, r.Count, relation, r.Limit)
}

// check holds a sample against the threshold.
func (a *Alarm) check(s *Sample) (count int, raised bool) {
	if a.What == portsLeft {
		for i := range s.Destinations {
			if left := s.Destinations[i].Left(); left < a.Limit && (!raised || left < count) {
				count, raised = left, true
			}
		}
		return count, raised
	}
	for _, state := range a.states {
		count += s.States[state]
	}
	return count, count > a.Limit
}
