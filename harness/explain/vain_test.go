package explain

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestPathDown: connections whose FINs nobody acknowledges are no sign of a capture of one
// direction, and do not hide what others leave in CLOSE_WAIT; connections that go on are.
func TestPathDown(t *testing.T) {
	const (
		left   = "0 c SYN\n20 s SYN+ACK\n20.1 c ACK\n30 c PSH+ACK len=9\n50 s FIN+ACK\n50.1 c ACK\n"
		vain   = "60000 c ACK seq=1 ack=1\n61868 c FIN+ACK\n62108 c FIN+ACK seq=1\n62588 c FIN+ACK seq=1\n"
		lone   = "60000 s PSH+ACK seq=1 ack=1 len=9\n"
		half   = "60000 c SYN\n60020 c ACK ack=1\n60020.1 c PSH+ACK len=9\n60090 c FIN+ACK ack=900\n"
		oneway = "one direction alone"
	)
	for name, tt := range map[string]struct {
		script string
		sided  int
		found  bool
	}{"in vain": {vain, 0, true}, "lone": {lone, 0, true}, "half": {half, 3, false}} {
		scripts := []string{"server 10.0.0.2:443\n" + left}
		for i := range 3 {
			scripts = append(scripts, fmt.Sprintf("client 10.0.1.%d:40000\nserver 10.0.0.3:443\n%s", i+1, tt.script))
		}
		_, sum := explained(t, Options{}, scripts...)
		leak := slices.ContainsFunc(sum.Findings, func(f Finding) bool { return f.Kind == FindCloseWait })
		if sum.OneSided != tt.sided || leak != tt.found || strings.Contains(strings.Join(sum.Warnings, " "), oneway) == tt.found {
			t.Errorf("%s: %d one-sided, CLOSE_WAIT found %v, warnings %q", name, sum.OneSided, leak, sum.Warnings)
		}
		if got := slices.ContainsFunc(sum.Findings, func(f Finding) bool { return f.Kind == FindUnanswered }); got != (name == "in vain") {
			t.Errorf("%s: %s found %v", name, FindUnanswered, got)
		}
	}
}
