package explain

import (
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
	"lastack/harness/teardown"
	"lastack/harness/teardown/teardowntest"
	"lastack/stack/flow"
	"lastack/stack/segment"
)

// traceOf is the one connection of a script.
func traceOf(t *testing.T, script string) *Trace {
	t.Helper()
	recs, err := teardowntest.Parse(script)
	if err != nil {
		t.Fatal(err)
	}
	var c teardown.Conn
	for _, r := range recs {
		c.Add(r)
	}
	return &Trace{Connection: Connection{N: 1, Report: c.Report()}, Records: recs}
}

const closing = "3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n"

// TestCompare: what makes two closes differ, and what does not.
func TestCompare(t *testing.T) {
	for name, tt := range map[string]struct {
		a, b                     string
		same, opening, minorSame bool
		marks                    string
	}{
		"alike":      {talked + closing, talked + closing, true, true, true, "         "},
		"other time": {talked + closing, talked + "3 c FIN+ACK\n43 s FIN+ACK\n44 c ACK\n", true, true, true, "         "},
		"said more": {talked + closing, strings.ReplaceAll(talked, "len=1000", "len=1100") + closing,
			true, false, true, "    !!   "},
		"window":    {talked + closing, talked + strings.Replace(closing, "c FIN+ACK", "c FIN+ACK win=9", 1), true, true, false, "      ~  "},
		"PSH":       {talked + closing, talked + strings.Replace(closing, "c FIN+ACK", "c FIN+PSH+ACK", 1), true, true, false, "      ~  "},
		"four-way":  {talked + closing, talked + "3 c FIN+ACK\n4 s ACK\n50 s FIN+ACK\n51 c ACK\n", false, true, true, "       >  "},
		"FIN again": {talked + "3 c FIN+ACK\n203 c FIN+ACK seq=101\n204 s FIN+ACK\n205 c ACK\n", talked + closing, false, true, true, "       <  "},
		"FIN with data": {talked + closing, talked + "3 c FIN+ACK len=5\n4 s FIN+ACK\n5 c ACK\n",
			false, true, true, "      !!!"},
		"middle": {"3 c FIN+ACK seq=77 ack=78\n4 s FIN+ACK seq=78 ack=78\n5 c ACK seq=78 ack=79\n", talked + closing, true, false, true, ">>>>>>   "},
		"open":   {talked, talked, true, true, true, "      "},
	} {
		d := Compare(traceOf(t, tt.a), traceOf(t, tt.b), "a", "b")
		marks := ""
		for i := range d.Rows {
			marks += string(d.Rows[i].Mark())
		}
		if d.Same != tt.same || d.OpeningSame != tt.opening || d.MinorSame != tt.minorSame || marks != tt.marks {
			t.Errorf("%s: same %v, before %v, minor %v, marks %q; want %v, %v, %v, %q", name,
				d.Same, d.OpeningSame, d.MinorSame, marks, tt.same, tt.opening, tt.minorSame, tt.marks)
		}
		if d.Same != (d.Differences == 0) {
			t.Errorf("%s: same %v with %d differences", name, d.Same, d.Differences)
		}
	}
}

func TestWriteDiff(t *testing.T) {
	d := Compare(traceOf(t, talked+closing), traceOf(t, talked+"3 c FIN+ACK win=7\n44 s ACK\n50 s FIN+ACK\n51 c ACK\n"), "one.pcap", "two.pcap")
	var out strings.Builder
	if err := WriteDiff(&out, d, Look{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"A  one.pcap\n", "   10.200.0.2:41000 > 10.200.0.1:80\n", "   four-way, active closer client, TIME_WAIT client\n",
		"the close; numbers count from where each side stood\n",
		"~       0.000       0.000      0.000  client FIN+ACK seq=0 ack=0 len=0\n  window 1000 in A, 7 in B\n",
		">           -      41.000          -  server ACK seq=0 ack=1 len=0\n  only B has it\n",
		"        1.000      47.000     46.000  server FIN+ACK seq=0 ack=1 len=0\n",
		"The closes differ: three-way in A, four-way in B; 1 segment was not alike.\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	for _, line := range strings.Split(out.String(), "\n") {
		if len(line) > defaultColumns {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

// TestWriteDiffNarrow: on a narrow terminal nothing is cut, and no line wraps.
func TestWriteDiffNarrow(t *testing.T) {
	d := Compare(traceOf(t, talked+closing), traceOf(t, talked+"3 c FIN+ACK win=7\n44 s ACK\n50 s FIN+ACK\n51 c ACK\n"), "one.pcap", "two.pcap")
	var out strings.Builder
	if err := WriteDiff(&out, d, Look{Columns: 40}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"the close; numbers count from where\n  each side stood\n",
		"~ client FIN+ACK seq=0 ack=0 len=0\n  ms: A 0.000, B 0.000, B-A 0.000\n  window 1000 in A, 7 in B\n",
		"> server ACK seq=0 ack=1 len=0\n  ms: A -, B 41.000, B-A -\n  only B has it\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	for _, line := range strings.Split(out.String(), "\n") {
		if len(line) > 40 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

// TestPick: one connection of many, or what there is to choose from.
func TestPick(t *testing.T) {
	source := func(connections int) capture.Source {
		r, w := io.Pipe()
		go func() {
			_, err := capturetest.Write(w, capturetest.Config{Seed: 5, Connections: connections, Kinds: []capturetest.Kind{capturetest.ThreeWay}})
			_ = w.CloseWithError(err) // never fails
		}()
		c, err := capture.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	choose := func(s string) Choice {
		c, err := ParseChoice(s)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	seventh, err := Pick(source(50), choose("7"), "x")
	if err != nil || seventh.Connection.N != 7 || len(seventh.Records) < 6 {
		t.Fatalf("%+v, %v", seventh, err)
	}
	ends := seventh.Connection.Client + "," + seventh.Connection.Server
	if again, err := Pick(source(50), choose(ends), "x"); err != nil || again.Connection.N != 7 || len(again.Records) != len(seventh.Records) {
		t.Errorf("%s: %+v, %v", ends, again, err)
	}
	if only, err := Pick(source(1), Choice{}, "x"); err != nil || only.Connection.N != 1 {
		t.Errorf("%+v, %v", only, err)
	}
	for want, pick := range map[string]func() (*Trace, error){
		"x has 50 connections; choose one":  func() (*Trace, error) { return Pick(source(50), Choice{}, "x") },
		"connection 51 is not among the 50": func() (*Trace, error) { return Pick(source(50), choose("51"), "x") },
		"choose by number":                  func() (*Trace, error) { return Pick(source(50), choose(seventh.Connection.Server), "x") },
		"there is no TCP connection":        func() (*Trace, error) { return Pick(nothing{}, Choice{}, "x") },
		"reading x: unexpected EOF":         func() (*Trace, error) { return Pick(nothing{io.ErrUnexpectedEOF}, Choice{}, "x") },
	} {
		if _, err := pick(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, bad := range []string{"", "0", "-1", "10.0.0.1", "1.2.3.4:5,1.2.3.4:6,1.2.3.4:7"} {
		if _, err := ParseChoice(bad); err == nil {
			t.Errorf("%q chooses", bad)
		}
	}
}

// nothing is a source without packets.
type nothing struct{ err error }

func (n nothing) Next() (capture.Packet, error) {
	if n.err != nil {
		return capture.Packet{}, n.err
	}
	return capture.Packet{}, io.EOF
}

// TestPickOrients: without a handshake in the capture, the end that many connections
// share is the server, as explain has it, and not the one with the lower port; also where
// a connection was forgotten before the others came.
func TestPickOrients(t *testing.T) {
	for _, seconds := range []int{10, 600} {
		picksOriented(t, seconds)
	}
}

func picksOriented(t *testing.T, seconds int) {
	t.Helper()
	server := segment.EndpointFrom(netip.MustParseAddrPort("10.0.0.9:50000"))
	var packets packetSlice
	for n := range uint16(4) {
		client := segment.Endpoint{Addr: netip.MustParseAddr("10.0.0.1").As16(), Port: 1000 + n}
		for i, tuple := range []segment.Tuple{{Src: client, Dst: server}, {Src: server, Dst: client}} {
			s := segment.Segment{Tuple: tuple, Version: 4, Flags: segment.FIN | segment.ACK, Seq: 7, Ack: segment.Seq(7 + i)}
			data := segment.Append(nil, &s, nil)
			packets = append(packets, capture.Packet{Time: time.Unix(int64(seconds)*int64(n)+int64(i), 0), Data: data, OrigLen: len(data)})
		}
	}
	s, err := NewSurvey(ptr(slices.Clone(packets)), "x")
	if err != nil {
		t.Fatal(err)
	}
	if v := s.digests[0]; v.ends[1] != server || v.active != teardown.Client || !v.swapped {
		t.Errorf("in a survey: %+v", v)
	}
	choice, err := ParseChoice("1")
	if err != nil {
		t.Fatal(err)
	}
	trace, err := Pick(&packets, choice, "x")
	if err != nil {
		t.Fatal(err)
	}
	c, first := &trace.Connection, &trace.Records[0].Step
	if c.Server != "10.0.0.9:50000" || c.ActiveCloser != teardown.Client || first.From != flow.Client || first.After[flow.Client] == flow.CloseWait {
		t.Errorf("server %s, active closer %s, first segment from %v: %+v", c.Server, c.ActiveCloser, first.From, first)
	}
}

func ptr[T any](v T) *T { return &v }

// packetSlice is a source of packets that are there.
type packetSlice []capture.Packet

func (s *packetSlice) Next() (capture.Packet, error) {
	if len(*s) == 0 {
		return capture.Packet{}, io.EOF
	}
	p := (*s)[0]
	*s = (*s)[1:]
	return p, nil
}
