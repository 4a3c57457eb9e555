package teardown_test

import (
	"testing"

	"lastack/harness/teardown"
)

// TestBeginsWithProbe: a capture that begins with a keep-alive probe shows the close that
// follows as it was.
func TestBeginsWithProbe(t *testing.T) {
	for name, tt := range map[string]struct {
		script string
		want   teardown.Kind
	}{
		"three":         {"0 c ACK seq=500 ack=1\n39 s ACK seq=1 ack=501\n14726 s PSH+ACK len=55\n14726.1 c ACK seq=501\n14727 s FIN+ACK ack=501\n14727.1 c FIN+ACK seq=501\n14767 s ACK\n", teardown.ThreeWay},
		"four":          {"0 c ACK seq=500 ack=1\n39 s ACK seq=1 ack=501\n14727 s FIN+ACK ack=501\n14760 c ACK seq=501\n15000 c FIN+ACK seq=501\n15040 s ACK\n", teardown.FourWay},
		"of the server": {"0 s ACK seq=500 ack=1\n39 c ACK seq=1 ack=501\n14727 c FIN+ACK ack=501\n14727.1 s FIN+ACK seq=501\n14767 c ACK\n", teardown.ThreeWay},
	} {
		all := tabled(script(t, tt.script))
		if len(all) != 1 {
			t.Fatalf("%s: %d connections", name, len(all))
		}
		r, d := all[0].Report(), all[0].Detail(all[0].Start())
		if r.Close != tt.want || r.TimeWait == teardown.None || d.MissingBytes != 0 || d.CloseWait != teardown.None {
			t.Errorf("%s: %s, TIME_WAIT %s, %d bytes missing, CLOSE_WAIT %s", name, r.Close, r.TimeWait, d.MissingBytes, d.CloseWait)
		}
	}
}

// tabled is what a Table makes of records.
func tabled(recs []teardown.Record) []*teardown.Conn {
	table := teardown.NewTable(teardown.Config{})
	for i := range recs {
		table.Add(&recs[i])
	}
	return table.All()
}
