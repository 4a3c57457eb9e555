package teardown_test

import (
	"strings"
	"testing"
	"time"

	"lastack/harness/teardown"
)

// TestDelayedACKRunsOut is said only where the round trip is known, the ACK took at least a
// delayed ACK's time beside it, and the application had not closed when it came.
func TestDelayedACKRunsOut(t *testing.T) {
	const (
		begin = "0 c SYN\n50 s SYN+ACK\n50.1 c ACK\n"
		words = "as when a delayed ACK runs out"
	)
	for name, tt := range map[string]struct {
		script string
		want   bool
	}{
		"50 ms and 40":                {begin + "100 c FIN+ACK\n190 s ACK\n290 s FIN+ACK\n290.1 c ACK\n", true},
		"50 ms and 25":                {begin + "100 c FIN+ACK\n175 s ACK\n290 s FIN+ACK\n290.1 c ACK\n", false},
		"the FIN right behind":        {begin + "100 c FIN+ACK\n190 s ACK\n190.6 s FIN+ACK\n190.7 c ACK\n", false},
		"the round trip is not known": {"100 c FIN+ACK\n190 s ACK\n290 s FIN+ACK\n290.1 c ACK\n", false},
	} {
		c := feed(teardown.NewTable(teardown.Config{}), script(t, tt.script))
		r, pace := c.Report(), c.Detail(time.Time{}).AckPace
		line := false
		for _, l := range r.Segments {
			line = line || strings.HasSuffix(l.Why, ": delayed")
		}
		if r.Close != teardown.FourWay || strings.Contains(r.Reason, words) != tt.want || line != tt.want || (pace == teardown.PaceDelayed) != tt.want {
			t.Errorf("%s: pace %s, in the ladder %v: %s", name, pace, line, r.Reason)
		}
	}
}
