package explain

import (
	"strings"
	"testing"
	"time"

	"lastack/harness/teardown/teardowntest"
	"lastack/stack/segment"
)

// TestScanWithoutSYN: the server of a probe without SYN is who it was sent to, although
// the scanner's port is the lower one and shared by all.
func TestScanWithoutSYN(t *testing.T) {
	for _, script := range []string{
		"0 c FIN\n1 s RST+ACK\n", "0 c PSH len=5\n1 s RST+ACK\n", "0 c FIN+PSH\n1 s RST+ACK\n", "0 c FIN\n",
	} {
		recs, err := teardowntest.Parse(script)
		if err != nil {
			t.Fatal(err)
		}
		a := New(Options{})
		for port := range uint16(9) {
			for _, r := range recs {
				r.Time = r.Time.Add(time.Duration(port) * time.Second)
				for _, e := range []*segment.Endpoint{&r.Seg.Src, &r.Seg.Dst} {
					if e.Port == 80 {
						e.Port = 40000 + port
					} else {
						e.Port = 30000
					}
				}
				a.add(&record{Record: r})
			}
		}
		sum, err := a.Summary()
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range sum.Groups {
			if !strings.HasPrefix(g.Server, "10.200.0.1:4000") {
				t.Errorf("%q: the server is %s", script, g.Server)
			}
		}
		if len(sum.Groups) == 0 {
			t.Errorf("%q: no groups", script)
		}
	}
}
