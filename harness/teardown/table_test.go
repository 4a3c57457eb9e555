package teardown_test

import (
	"net/netip"
	"testing"
	"time"

	"lastack/harness/teardown"
	"lastack/harness/teardown/teardowntest"
	"lastack/stack/segment"
)

// script parses inline text.
func script(t testing.TB, text string) []teardown.Record {
	t.Helper()
	recs, err := teardowntest.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return recs
}

// feed adds the records without their steps, which the Table makes itself.
func feed(tb *teardown.Table, recs []teardown.Record) (last *teardown.Conn) {
	for _, r := range recs {
		r.Step.From, r.Step.Marks = 0, 0
		last = tb.Add(&r)
	}
	return last
}

const threeWay = `
0 c SYN
1 s SYN+ACK
2 c ACK
3 c FIN+ACK
4 s FIN+ACK
5 c ACK
`

// TestTableMakesSteps: a Table comes to the same report as a Conn that is given
// the steps, whatever the script.
func TestTableMakesSteps(t *testing.T) {
	for _, name := range []string{
		"three-way", "four-way-data-carries", "simultaneous", "refused", "reset-unread",
		"three-way-late-rst", "three-way-fin-again", "three-way-swapped", "mid-three-way", "long-data",
	} {
		recs := records(t, name)
		tb := teardown.NewTable(teardown.Config{})
		feed(tb, recs)
		all := tb.All()
		if len(all) != 1 {
			t.Fatalf("%s: %d connections, want 1", name, len(all))
		}
		got, want := all[0].Report(), report(recs)
		if got.Reason != want.Reason || got.Close != want.Close || len(got.Segments) != len(want.Segments) {
			t.Errorf("%s: by Table %s: %s\nby Conn %s: %s", name, got.Close, got.Reason, want.Close, want.Reason)
		}
	}
}

// TestTableCallbacks follows one connection to its end, a straggler, and out.
func TestTableCallbacks(t *testing.T) {
	var closed, forgotten []*teardown.Conn
	tb := teardown.NewTable(teardown.Config{
		RememberFor: time.Second,
		OnClose:     func(c *teardown.Conn) { closed = append(closed, c) },
		OnForget:    func(c *teardown.Conn) { forgotten = append(forgotten, c) },
	})
	recs := script(t, threeWay+"900 s RST\n1800 s FIN+ACK seq=1\n1801 c ACK\n")
	first := feed(tb, recs[:5])
	if len(closed) != 0 {
		t.Fatal("closed before the last ACK")
	}
	feed(tb, recs[5:])
	if len(closed) != 1 || closed[0] != first || len(forgotten) != 0 {
		t.Fatalf("closed %d, forgotten %d; want 1, 0", len(closed), len(forgotten))
	}
	if r := first.Report(); r.Close != teardown.ThreeWay || !r.LateReset || r.FINRetransmissions != 1 || r.LateSegments != 3 {
		t.Errorf("stragglers not attributed: %+v", r)
	}
	// Another connection, and time enough for the first to be forgotten.
	feed(tb, script(t, "client 10.200.0.9:999\n2802 c SYN\n"))
	if len(forgotten) != 1 || forgotten[0] != first {
		t.Fatalf("forgotten %d, want 1", len(forgotten))
	}
	if open, done := tb.Len(); open != 1 || done != 0 {
		t.Errorf("Len %d, %d; want 1, 0", open, done)
	}
	// Now a straggler finds nobody, and is taken for a connection of its own.
	c := feed(tb, script(t, threeWay+"2803 s RST\n")[6:])
	if r := c.Report(); c == first || r.Close != teardown.Reset || r.Handshake {
		t.Errorf("straggler after forgetting: %s", r.Close)
	}
	tb.Flush()
	if len(forgotten) != 3 || len(tb.All()) != 0 {
		t.Errorf("after Flush %d forgotten, %d left; want 3, 0", len(forgotten), len(tb.All()))
	}
}

// TestTableRemember: no more finished connections than asked for stay, the
// longest unheard of goes first.
func TestTableRemember(t *testing.T) {
	for remember, want := range map[int]int{3: 3, -1: 0} {
		var gone []netip.AddrPort
		tb := teardown.NewTable(teardown.Config{
			Remember: remember,
			OnForget: func(c *teardown.Conn) { gone = append(gone, c.Client()) },
		})
		for port := range uint16(10) {
			recs := script(t, threeWay)
			for _, r := range recs {
				e := &r.Seg.Src
				if r.Seg.Src.Port == 80 {
					e = &r.Seg.Dst
				}
				e.Port = 50000 + port
				tb.Add(&r)
			}
		}
		if _, done := tb.Len(); done != want || len(gone) != 10-want {
			t.Fatalf("Remember %d: %d remembered, %d gone", remember, done, len(gone))
		}
		for i, ap := range gone {
			if int(ap.Port()) != 50000+i {
				t.Errorf("Remember %d: number %d to go was %s", remember, i, ap)
			}
		}
	}
}

func TestTableIdle(t *testing.T) {
	var gone int
	tb := teardown.NewTable(teardown.Config{IdleFor: time.Minute, OnForget: func(*teardown.Conn) { gone++ }})
	feed(tb, script(t, "0 c SYN\n1 s SYN+ACK\n"))
	feed(tb, script(t, "client 10.200.0.9:999\n60001 c SYN\n"))
	if gone != 0 {
		t.Fatal("given up after exactly IdleFor")
	}
	feed(tb, script(t, "client 10.200.0.9:998\n60002 c SYN\n"))
	if gone != 1 {
		t.Errorf("%d given up, want 1", gone)
	}
}

// TestTableReuse: which SYNs begin a new connection on an old 4-tuple.
func TestTableReuse(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		kinds        []teardown.Kind
	}{
		{"after TIME_WAIT", threeWay + "isn=77,99\n2000 c SYN\n2001 s SYN+ACK\n2002 c ACK\n2003 s RST+ACK\n",
			[]teardown.Kind{teardown.ThreeWay, teardown.Reset}},
		{"from the old server", threeWay + "isn=77,99\n2000 s SYN\n2001 c SYN+ACK\n2002 s ACK\n2003 s FIN+ACK\n",
			[]teardown.Kind{teardown.ThreeWay, teardown.Unanswered}},
		{"without a close seen", "0 c SYN\n1 s SYN+ACK\n2 c ACK\nisn=77,99\n90000 c SYN\n90001 s SYN+ACK\n",
			[]teardown.Kind{teardown.Open, teardown.Open}},
		{"SYN again", "0 c SYN\n1000 c SYN seq=0\n1001 s SYN+ACK\n1002 c ACK\n",
			[]teardown.Kind{teardown.Open}},
		{"SYN behind its SYN-ACK", "1 s SYN+ACK ack=1\n0 c SYN\n2 c ACK\n3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n",
			[]teardown.Kind{teardown.ThreeWay}},
		{"SYN again after a refusal", "0 c SYN\n0.1 s RST+ACK\n500 c SYN seq=0\n500.1 s RST+ACK seq=0\n",
			[]teardown.Kind{teardown.Refused}},
		{"SYN met an older connection", "0 c SYN\n0.1 s ACK seq=900 ack=700\n0.2 c RST seq=700\nisn=4294967293,5\n1000 c SYN\n1000.1 s SYN+ACK\n1000.2 c ACK\n1001 c FIN+ACK\n1002 s ACK\n",
			[]teardown.Kind{teardown.Reset, teardown.HalfClosed}},
		{"SYN-ACK in TIME_WAIT", threeWay + "1000 s SYN+ACK seq=12345\n1000.1 c ACK\n",
			[]teardown.Kind{teardown.ThreeWay}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []teardown.Report
			tb := teardown.NewTable(teardown.Config{OnForget: func(c *teardown.Conn) { got = append(got, c.Report()) }})
			feed(tb, script(t, tt.script))
			tb.Flush()
			if len(got) != len(tt.kinds) {
				t.Fatalf("%d connections, want %d: %+v", len(got), len(tt.kinds), got)
			}
			for i, r := range got {
				if r.Close != tt.kinds[i] {
					t.Errorf("connection %d: %s, want %s (%s)", i, r.Close, tt.kinds[i], r.Reason)
				}
			}
		})
	}
}

// TestTableClient: who is taken for the client.
func TestTableClient(t *testing.T) {
	for name, tt := range map[string]struct {
		script string
		client string
	}{
		"SYN":             {"client 10.0.0.1:80\nserver 10.0.0.2:5000\n0 c SYN\n", "10.0.0.1:80"},
		"SYN-ACK":         {"client 10.0.0.1:80\nserver 10.0.0.2:5000\n0 s SYN+ACK ack=1\n", "10.0.0.1:80"},
		"port of sender":  {"client 10.0.0.1:5000\nserver 10.0.0.2:80\n0 s PSH+ACK len=5\n", "10.0.0.1:5000"},
		"port of the far": {"client 10.0.0.1:5000\nserver 10.0.0.2:80\n0 c PSH+ACK len=5\n", "10.0.0.1:5000"},
	} {
		tb := teardown.NewTable(teardown.Config{})
		if got := feed(tb, script(t, tt.script)).Client().String(); got != tt.client {
			t.Errorf("%s: client %s, want %s", name, got, tt.client)
		}
	}
}

// BenchmarkTableAdd is one whole connection of ten segments, with a new port
// each time and finished ones forgotten; ns and allocations are per segment.
func BenchmarkTableAdd(b *testing.B) {
	recs := script(b, "0 c SYN\n1 s SYN+ACK\n2 c ACK\n3 c PSH+ACK len=79\n4 s ACK\n5 s PSH+ACK len=4000\n6 c ACK\n"+
		"7 c FIN+ACK\n8 s FIN+ACK\n9 c ACK\n")
	tb := teardown.NewTable(teardown.Config{Remember: 1024})
	server := recs[0].Seg.Dst
	b.ReportAllocs()
	i, port := 0, uint32(0)
	for b.Loop() {
		r := recs[i]
		client := &r.Seg.Src
		if r.Seg.Src == server {
			client = &r.Seg.Dst
		}
		client.Port, client.Addr[12] = uint16(port), byte(port>>16)
		tb.Add(&r)
		if i++; i == len(recs) {
			i = 0
			port++
		}
	}
}

// BenchmarkTableAddBulk is data in one long connection.
func BenchmarkTableAddBulk(b *testing.B) {
	recs := script(b, "0 c SYN\n1 s SYN+ACK\n2 c ACK\n3 s PSH+ACK len=1400\n4 c ACK\n")
	tb := teardown.NewTable(teardown.Config{})
	feed(tb, recs)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r := &recs[3+i&1]
		r.Seg.Seq += segment.Seq(r.Seg.PayloadLen)
		if i&1 == 1 {
			r.Seg.Ack += 1400
		}
		tb.Add(r)
		i++
	}
}

// TestExpiresByTime: a finished connection is forgotten after RememberFor whether or not
// there was a segment of another connection meanwhile.
func TestExpiresByTime(t *testing.T) {
	for late, want := range map[time.Duration]int{2 * time.Minute: 1, 3 * time.Minute: 2} {
		n := 0
		tb := teardown.NewTable(teardown.Config{OnForget: func(*teardown.Conn) { n++ }})
		recs := script(t, threeWay)
		for i := range recs {
			tb.Add(&recs[i])
		}
		again := recs[len(recs)-1]
		again.Time = again.Time.Add(late)
		tb.Add(&again)
		if tb.Flush(); n != want {
			t.Errorf("%v later: %d connections, want %d", late, n, want)
		}
	}
}

// TestSecondDoubt: a SYN in the middle of a connection may be forged. Another one with yet
// another number begins a connection of its own, and only one is left on the 4-tuple: that
// of the latest SYN, which the segments after it go to.
func TestSecondDoubt(t *testing.T) {
	var left []int
	tb := teardown.NewTable(teardown.Config{OnForget: func(c *teardown.Conn) { left = append(left, c.Number()) }})
	recs := script(t, threeWay)
	feed(tb, recs[:3])
	for i, seq := range []segment.Seq{5_000_000, 9_000_000} {
		syn := recs[0]
		syn.Time = recs[2].Time.Add(time.Duration(i+1) * time.Millisecond)
		syn.Seg.Seq += seq
		feed(tb, []teardown.Record{syn})
	}
	if all := tb.All(); len(all) != 1 || all[0].Number() != 3 || len(left) != 2 {
		t.Fatalf("%d connections are left, %v are gone; want the third alone", len(all), left)
	}
	answer := recs[1]
	answer.Time = recs[2].Time.Add(3 * time.Millisecond)
	answer.Seg.Ack += 9_000_000
	if c := feed(tb, []teardown.Record{answer}); c.Number() != 3 {
		t.Errorf("the answer goes to connection %d", c.Number())
	}
}
