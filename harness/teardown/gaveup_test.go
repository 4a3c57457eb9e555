package teardown_test

import (
	"testing"

	"lastack/harness/teardown"
)

// TestGoodbyes: the server's goodbye to a FIN is no late answer, and a RST after a usual limit on
// silence does not show that an answer was due.
func TestGoodbyes(t *testing.T) {
	const asked = far + "100 c PSH+ACK len=50\n120 s ACK\n341 c FIN+ACK\n"
	for _, tt := range []struct {
		name, script string
		want         teardown.Cause
		harmless     bool
	}{
		{"an alert and a FIN at once", asked + "361 s PSH+ACK len=24\n361.1 s FIN+ACK\n361.2 c RST\n", teardown.CauseDataAfterClose, true},
		{"an alert with the FIN", asked + "361 s FIN+ACK len=24\n361.2 c RST\n", teardown.CauseDataAfterClose, true},
		{"without a FIN", asked + "361 s PSH+ACK len=24\n361.2 c RST\n", teardown.CauseGaveUp, false},
		{"more than a goodbye", asked + "361 s PSH+ACK len=700\n361.1 s FIN+ACK\n361.2 c RST\n", teardown.CauseGaveUp, false},
		{"later", asked + "361 s ACK\n900 s PSH+ACK len=24\n900.1 s FIN+ACK\n900.2 c RST\n", teardown.CauseGaveUp, false},
		{"on its way before the FIN", asked + "350 s PSH+ACK len=24 ack=251\n350.1 s FIN+ACK ack=251\n350.2 c RST seq=252\n", teardown.CauseGaveUp, false},
		{"after a minute", far + "100 c PSH+ACK len=50\n120 s ACK\n59800 c RST+ACK\n", teardown.CauseUnknown, false},
		{"after 50 s", far + "100 c PSH+ACK len=50\n120 s ACK\n50100 c RST+ACK\n", teardown.CauseGaveUp, false},
		{"after a minute, not acknowledged", far + "100 c PSH+ACK len=50\n59800 c RST+ACK\n", teardown.CauseGaveUp, false},
	} {
		c := opened(t, tt.script)
		if r, d := c.Report(), c.Detail(c.Start()); r.Cause != tt.want || d.Harmless != tt.harmless {
			t.Errorf("%s: %s, harmless %v: %s", tt.name, r.Cause, d.Harmless, r.Reason)
		}
	}
}
