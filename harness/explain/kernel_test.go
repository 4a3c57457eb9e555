package explain

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/capture/reasons"
)

// wireBytes is a source of TCP segments between a client and a server, a millisecond apart.
type wireBytes struct {
	all [][]byte
	at  time.Time
}

func (p *wireBytes) Next() (capture.Packet, error) {
	if len(p.all) == 0 {
		return capture.Packet{}, io.EOF
	}
	data := p.all[0]
	p.all, p.at = p.all[1:], p.at.Add(time.Millisecond)
	return capture.Packet{Time: p.at, Data: data}, nil
}

// tcpSegment is 10.0.0.1:40000 to 10.0.0.2:80, or back.
func tcpSegment(back bool, flags byte, seq, ack uint32) []byte {
	b := []byte{0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
		0x9c, 0x40, 0, 80, byte(seq >> 24), byte(seq >> 16), byte(seq >> 8), byte(seq),
		byte(ack >> 24), byte(ack >> 16), byte(ack >> 8), byte(ack), 0x50, flags, 0xff, 0xff, 0, 0, 0, 0}
	if back {
		b[15], b[19] = b[19], b[15]
		b[20], b[21], b[22], b[23] = b[22], b[23], b[20], b[21]
	}
	return b
}

// TestKernelIsAsked: once about each connection that closed, with its ends, its times and who
// sent the RST; what it says is in the line, and counted once in the summary.
func TestKernelIsAsked(t *testing.T) {
	const syn, rst, ack, fin = 2, 4, 16, 1
	var asked []reasons.Query
	var lines []string
	a := New(Options{
		Kernel: func(q reasons.Query) *reasons.Close {
			asked = append(asked, q)
			return &reasons.Close{End: reasons.End{Side: reasons.Server, Reason: "TCP_ABORT_ON_CLOSE", PID: 812, Command: "nginx"}}
		},
		Closed: func(c *Connection) error { lines = append(lines, c.Line()); return nil },
	})
	_ = a.ReadAll(&wireBytes{at: begin, all: [][]byte{
		tcpSegment(false, syn, 1, 0), tcpSegment(true, syn|ack, 100, 2), tcpSegment(false, ack, 2, 101),
		tcpSegment(false, ack|fin, 2, 101), tcpSegment(true, rst|ack, 101, 3),
	}})
	sum, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	client, server := netip.MustParseAddrPort("10.0.0.1:40000"), netip.MustParseAddrPort("10.0.0.2:80")
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	want := []reasons.Query{{Client: client, Server: server, Start: at(1), End: at(5), First: reasons.Server, Reset: true}}
	if !slices.EqualFunc(asked, want, func(a, b reasons.Query) bool {
		return a.Client == b.Client && a.Server == b.Server && a.Start.Equal(b.Start) && a.End.Equal(b.End) && a.First == b.First && a.Reset == b.Reset
	}) {
		t.Errorf("asked %+v\nwant %+v", asked, want)
	}
	if len(lines) != 1 || !strings.HasSuffix(lines[0], "; server nginx (812): TCP_ABORT_ON_CLOSE") {
		t.Errorf("%q", lines)
	}
	if got := fmt.Sprint(sum.KernelResets); got != "[{TCP_ABORT_ON_CLOSE nginx 1}]" {
		t.Error(got)
	}
	var b strings.Builder
	if err := WriteText(&b, sum, Look{}); err != nil || !strings.Contains(b.String(), "kernel sent RSTs: TCP_ABORT_ON_CLOSE 1 (nginx).") {
		t.Errorf("%v\n%s", err, &b)
	}
}

func TestKernelWords(t *testing.T) {
	for want, k := range map[string]*reasons.Close{
		"":                                  nil,
		"client curl (9)|server: NO_SOCKET": {End: reasons.End{Side: reasons.Client, PID: 9, Command: "curl"}, Other: &reasons.End{Side: reasons.Server, Reason: "NO_SOCKET"}},
		"server process 9":                  {End: reasons.End{Side: reasons.Server, PID: 9, ResetReceived: true}, Other: &reasons.End{Side: reasons.Client, ResetReceived: true}},
		`client "a\x1b[2J\n" (9)`:           {End: reasons.End{Side: reasons.Client, PID: 9, Command: "a\x1b[2J\n"}},
		"sockets of two network namespaces have these addresses and ports": {Ambiguous: true},
	} {
		if got := strings.Join(kernelWords(k), "|"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestKernelResetsAreBounded: names that processes choose fill no memory and no line.
func TestKernelResetsAreBounded(t *testing.T) {
	var r kernelResets
	for i := range 1000 {
		for range 1 + i%3 {
			r.see(&reasons.Close{Other: &reasons.End{Reason: "TCP_STATE", Command: fmt.Sprint(i)}})
		}
	}
	r.see(&reasons.Close{End: reasons.End{Side: reasons.Client, PID: 3}})
	list, total := r.list(), 0
	for _, k := range list {
		total += k.Connections
	}
	if len(list) != maxKernelResets || total != 1999 || list[0].Reason != OtherReasons {
		t.Errorf("%d, of %d connections: %v", len(list), total, list[0])
	}
	s := Summary{KernelResets: list}
	if text := s.kernelResets(); !strings.HasSuffix(text, ", and 58 more (--json has all).") {
		t.Error(text)
	}
}
