package explain

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/teardown"
	"lastack/harness/teardown/teardowntest"
	"lastack/stack/segment"
)

// many feeds an Analysis n copies of a script, one every so often, each from a
// port of its own, in the order of time.
func many(t *testing.T, n int, every time.Duration, script string) *Summary {
	t.Helper()
	recs, err := teardowntest.Parse(script)
	if err != nil {
		t.Fatal(err)
	}
	var all []teardown.Record
	for i := range n {
		for _, r := range recs {
			r.Time = r.Time.Add(time.Duration(i) * every)
			for _, e := range []*segment.Endpoint{&r.Seg.Src, &r.Seg.Dst} {
				if e.Port >= 32768 {
					e.Port = uint16(33000 + i)
				}
			}
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(x, y teardown.Record) int { return x.Time.Compare(y.Time) })
	a := New(Options{})
	for i := range all {
		a.add(&record{Record: all[i]})
	}
	sum, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

const talked = "0 c SYN\n0.1 s SYN+ACK\n0.2 c ACK\n1 c PSH+ACK len=100\n2 s PSH+ACK len=1000\n2.1 c ACK\n"

// TestFindings: each has its sort, its numbers, and what to do.
func TestFindings(t *testing.T) {
	for _, tt := range []struct {
		kind   FindingKind
		n      int
		every  time.Duration
		script string
		want   []string
	}{
		{FindCloseWait, 7, 3 * time.Second, talked + "3 c FIN+ACK\n44 s ACK\n", []string{"The server 10.200.0.1:80 leaves 7 connections in CLOSE_WAIT, of which 6 have been silent for over 1.0 s", "oldest for 18 s", "ss -tnp state close-wait"}},
		{FindExhaustion, 3000, time.Millisecond, talked + "3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n", []string{"10.200.0.2 closes first and leaves 3,000 connections to 10.200.0.1:80", "32768-60999", "EADDRNOTAVAIL after 28 s"}},
		{FindWhoCloses, 200, 10 * time.Millisecond, talked + "3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n", []string{"101 per second", "6,030 of the 28,232", "Let the server close first", "4.7-fold"}},
		{FindWhoCloses, 3000, 500 * time.Microsecond, talked + "3 s FIN+ACK\n4 c FIN+ACK\n5 s ACK\n", []string{"10.200.0.1:80 closes first 2001 times per second", "Let the clients close first"}},
		{FindRace, 5, time.Second, talked + "5002 s FIN+ACK\n5002.1 c PSH+ACK len=100 ack=1001\n5003 s RST\n", []string{"5 of 5 connections", "idle for 5.0 s", "give up idle connections sooner"}},
		{FindRace, 2, time.Second, talked + "5002 s FIN+ACK\n5043 c ACK\n9000 c PSH+ACK len=100\n9001 s RST\n", []string{"2 of 2 connections", "idle for 5.0 s"}},
		{FindHalfOpen, 2, time.Second, talked + "600000 c PSH+ACK len=9\n600001 s RST\n", []string{"quiet for 10 min", "keep-alive"}},
		{FindHit, 2, time.Second, "0 c SYN\n1 s ACK seq=900 ack=700\n2 c RST seq=700\n", []string{"met TIME_WAIT", "tcp_timestamps"}},
		{FindLate, 2, time.Second, talked + "3 c FIN+ACK\n4 s PSH+ACK len=9\n5 c RST\n", []string{"data came for a side that had closed", "read to the end before close()"}},
		{FindForgotten, 2, time.Second, talked + "3 c FIN+ACK\n4 s ACK\n90000 s FIN+ACK\n90001 c RST\n", []string{"tcp_fin_timeout"}},
		{FindLost, 4, time.Second, talked + "3 c FIN+ACK\n4 s ACK\n210 c FIN+ACK seq=101\n210.1 s ACK\n250 s FIN+ACK\n251 c ACK\n", []string{"4 of 4 connections", "(100.0%)", "its ACK was lost or late on 4"}},
		{FindUnanswered, 2, time.Second, talked + "3 c FIN+ACK\n210 c FIN+ACK seq=101\n", []string{"nobody acknowledged", "tcp_orphan_retries"}},
		{FindAborts, 3, time.Second, talked + "4 s RST+ACK\n", []string{"SO_LINGER 0, or close() with data unread"}},
		{FindRefused, 3, time.Second, "0 c SYN\n1 s RST+ACK\n", []string{"3 of 3 connections", "nothing listens there"}},
	} {
		sum := many(t, tt.n, tt.every, tt.script)
		var all []string
		for _, f := range sum.Findings {
			all = append(all, string(f.Kind))
			for _, want := range tt.want {
				if f.Kind == tt.kind && !strings.Contains(f.Text, want) {
					t.Errorf("%s does not say %q: %s", f.Kind, want, f.Text)
				}
			}
			if f.Connections == 0 || f.Example == 0 || f.Host == "" {
				t.Errorf("%s: %+v", tt.kind, f)
			}
		}
		if len(all) != 1 || all[0] != string(tt.kind) {
			t.Errorf("%s: found %v", tt.kind, all)
		}
	}
}

// TestNoFindings: a capture without trouble has none.
func TestNoFindings(t *testing.T) {
	for name, script := range map[string]string{
		"closed":            talked + "3 s FIN+ACK\n4 c FIN+ACK\n5 s ACK\n",
		"half closed, busy": talked + "3 c FIN+ACK\n4 s ACK\n900 s PSH+ACK len=9\n901 c ACK\n",
		"open":              talked,
		"FIN not captured":  talked + "3 c FIN+ACK\n4 s ACK\n5 c ACK ack=1002\n90000 c ACK ack=1002\n",
	} {
		if sum := many(t, 3, time.Millisecond, script); len(sum.Findings) > 0 {
			t.Errorf("%s: %+v", name, sum.Findings)
		}
	}
}

// TestMerge: one sentence a sort, however many hosts.
func TestMergeFindings(t *testing.T) {
	f := newFindings()
	for i := range 9 {
		k := fact{
			Server:   netip.MustParseAddrPort(fmt.Sprintf("10.0.0.%d:80", i+1)),
			OneSided: teardown.None, CloseWait: teardown.Server, SilentUS: 2e6, LeftOpenUS: 3e6,
		}
		for range 10 - i {
			f.add(&k)
		}
	}
	all := f.list(PortRange{}, false, nil)
	if len(all) != 1 || len(all[0].Also) != 8 {
		t.Fatalf("%+v", all)
	}
	for _, want := range []string{"The server 10.0.0.1:80 leaves 10 connections", "Likewise 10.0.0.2:80 (9), 10.0.0.3:80 (8), 10.0.0.4:80 (7), 5 more."} {
		if !strings.Contains(all[0].Text, want) {
			t.Errorf("%q does not say %q", all[0].Text, want)
		}
	}
}

// TestTally: the busiest keys survive any number of others.
func TestTally(t *testing.T) {
	tl := newTally[int, struct{}](100)
	for i := range 100_000 {
		tl.count(1000 + i)
		tl.count(i % 10)
	}
	if len(tl.counts) > 100 || !tl.lost {
		t.Errorf("%d keys, lost %v", len(tl.counts), tl.lost)
	}
	for k := range 10 {
		if c := tl.counts[k]; c == nil || c.n < 9_900 {
			t.Errorf("key %d: %+v", k, c)
		}
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	if _, ok := h.percentile(50); ok {
		t.Error("nothing has a median")
	}
	h.add(-time.Microsecond)
	for us := range 100_000 {
		h.add(time.Duration(us) * time.Microsecond)
	}
	for p, want := range map[int]float64{1: 1000, 50: 50_000, 95: 95_000, 99: 99_000} {
		got, _ := h.percentile(p)
		if off := float64(got.Microseconds())/want - 1; off > 0.04 || off < -0.04 {
			t.Errorf("p%d: %v, want %v us", p, got, want)
		}
	}
	if got, _ := h.percentile(100); got > h.max || h.n != 100_000 {
		t.Errorf("p100 %v, max %v of %d", got, h.max, h.n)
	}
	h.add(400 * 24 * time.Hour)
	if got, _ := h.percentile(100); got < 390*24*time.Hour {
		t.Errorf("a year: %v", got)
	}
}

// TestFindingsInOrder: of two that are as large, about one host, the same one is in words
// each time.
func TestFindingsInOrder(t *testing.T) {
	said := map[string]bool{}
	for range 20 {
		var scripts []string
		for i := range 600 {
			scripts = append(scripts, fmt.Sprintf("client 10.0.0.9:%d\nserver 10.0.1.%d:80\n%s3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n", 33000+i, i%10, talked))
		}
		_, sum := explained(t, Options{Ports: PortRange{33000, 33999}}, scripts...)
		findings, err := json.Marshal(sum.Findings)
		if err != nil {
			t.Fatal(err)
		}
		said[string(findings)] = true
	}
	if len(said) != 1 {
		t.Errorf("%d different answers", len(said))
	}
}
