package inprocess_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/inprocess"
	"lastack/stack/light"
	"lastack/stack/segment"
	"lastack/stack/tunable"
)

// pane is one of two hosts that a peer and an application do the same to.
type pane struct {
	t      *testing.T
	s      *inprocess.Subject
	conn   int // the accepted socket's descriptor
	iss    segment.Seq
	ts     uint32 // the host's first TSval
	next   segment.Seq
	ack    segment.Seq // the highest that the host has acknowledged
	echoed uint32
	// edge is the right edge of the window that the host has offered.
	edge    segment.Seq
	scaling bool
	scale   uint8
	over    bool
	// repeats counts what it has sent again.
	repeats int
	reset   bool
	// ends are where the segments end that the peer has not acknowledged.
	ends []segment.Seq
}

// peerSide is what the peer has done, relative to the initial sequence numbers; it is the
// same for both panes, as long as they send the same.
type peerSide struct {
	next, acked segment.Seq // SND.NXT, and the host's bytes that it has acknowledged
	fin         bool
	window      uint16
	options     segment.Options
}

const fuzzISN = segment.Seq(0xffff_fe00)

func newPane(t *testing.T, light int64) *pane {
	t.Helper()
	set := tunable.NewSet()
	if err := set.SetInt(tunable.Light, light); err != nil {
		t.Fatal(err)
	}
	// Delayed ACK goes by windows too, which are not the same to the byte.
	if err := set.SetInt(tunable.DelayedACK, 0); err != nil {
		t.Fatal(err)
	}
	s, err := inprocess.New(inprocess.Config{Addresses: packetdrill.DefaultAddresses(), Virtual: true, Tunables: set})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &pane{t: t, s: s, next: 1}
}

// inject has the peer send a segment, numbered relative to the initial numbers.
func (p *pane) inject(side *peerSide, flags segment.Flags, seq, ack segment.Seq, n int) {
	a := packetdrill.DefaultAddresses()
	s := segment.Segment{Version: 4, Flags: flags, Seq: fuzzISN + seq, Ack: p.iss + ack, Window: side.window}
	s.Src, s.Dst = endpoint(a.Remote4.As16(), 5000), endpoint(a.Local4.As16(), 80)
	s.Options = side.options
	if !flags.Has(segment.SYN) {
		s.MSS, s.HasWindowScale, s.SACKPermitted = 0, false, false
	}
	if s.HasTimestamps {
		s.TSVal = 1000 + uint32(p.s.Now().Milliseconds())
		if flags.Has(segment.ACK) {
			s.TSEcr = p.ts
		}
	}
	if !flags.Has(segment.ACK) {
		s.Ack = 0
	}
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(seq) + byte(i)
	}
	if err := p.s.Inject(segment.Append(nil, &s, data)); err != nil {
		p.t.Fatal(err)
	}
}

func endpoint(addr [16]byte, port uint16) segment.Endpoint {
	return segment.Endpoint{Addr: addr, Port: port}
}

// sent takes what the host has sent since the last call: a line for each segment that says
// something new, with the host's time.
func (p *pane) sent() (lines []string) {
	for {
		pkt, err := p.s.Packet(p.t.Context(), p.s.Now())
		if errors.Is(err, packetdrill.ErrQuiet) {
			return lines
		}
		if err != nil {
			p.t.Fatal(err)
		}
		s, err := segment.Parse(pkt.Data)
		if err != nil {
			p.t.Fatal(err)
		}
		if !s.ChecksumOK(pkt.Data) {
			p.t.Errorf("bad checksum: %s", s.String())
		}
		if line := p.line(&s, pkt); line != "" {
			lines = append(lines, line)
		}
	}
}

// line tells of a segment, unless it repeats what was sent before, which is a matter of
// timers.
func (p *pane) line(s *segment.Segment, pkt packetdrill.Packet) string {
	if s.Flags.Has(segment.SYN) {
		p.iss = s.Seq
		if p.ts == 0 {
			p.ts = s.TSVal
		}
	}
	seq, ack := s.Seq-p.iss, s.Ack-fuzzISN
	p.offer(s, ack)
	if s.HasTimestamps {
		if now := p.ts + uint32(pkt.At.Milliseconds()); s.TSVal-now > 1 && now-s.TSVal > 50 { // an ACK may be held
			p.t.Errorf("TSval is off: %d at %v, first %d", s.TSVal, pkt.At, p.ts)
		}
	}
	p.reset = p.reset || s.Flags.Has(segment.RST)
	if s.HasTimestamps && s.Flags.Has(segment.ACK) && (s.TSEcr < p.echoed || s.TSEcr > 1000+uint32(pkt.At.Milliseconds())) {
		p.t.Errorf("TSecr %d at %v, after %d", s.TSEcr, pkt.At, p.echoed)
	}
	p.echoed = s.TSEcr
	if !s.Flags.Any(segment.SYN|segment.RST) && s.Len() > 0 && (seq + segment.Seq(s.Len())).LessEq(p.next) {
		p.repeats++
		if !p.ack.Less(ack) {
			return ""
		}
		p.ack = ack
		return fmt.Sprintf("%v ACK %d:0 ack %d data 0 sack %d", pkt.At, p.next, ack, s.SACKCount)
	}
	if !s.Flags.Has(segment.SYN) && s.Len() > 0 {
		p.ends = append(p.ends, seq+segment.Seq(s.Len()))
		p.next = p.next.Max(seq + segment.Seq(s.Len()))
	}
	if s.Flags.Has(segment.ACK) {
		p.ack = p.ack.Max(ack)
	}
	sum := 0
	for _, b := range pkt.Data[s.PayloadStart:] {
		sum = sum*31 + int(b)
	}
	return fmt.Sprintf("%v %s %d:%d ack %d data %x sack %d", pkt.At, s.Flags, seq, s.Len(), ack, sum, s.SACKCount)
}

// offer checks that the right edge of the host's window never moves back (RFC 9293 3.8.6).
func (p *pane) offer(s *segment.Segment, ack segment.Seq) {
	if s.Flags.Has(segment.RST) {
		return
	}
	window, grain := segment.Seq(s.Window), segment.Seq(1)
	if s.Flags.Has(segment.SYN) {
		p.scaling = s.HasWindowScale
		p.scale = s.WindowScale
	} else if p.scaling {
		window, grain = window<<p.scale, 1<<p.scale
	}
	if edge := ack + window; p.edge.Less(edge) {
		p.edge = edge
	} else if (edge + grain).Less(p.edge) && p.ack.LessEq(ack) {
		p.t.Errorf("the window shrinks by %d to %d", p.edge-edge, s.Window)
	}
}

// call makes a call that does not block.
func (p *pane) call(c *packetdrill.Call) *packetdrill.Result {
	if err := p.s.Start(c); err != nil {
		p.t.Fatal(err)
	}
	r, err := p.s.Result(p.t.Context(), p.s.Now())
	if err != nil {
		p.t.Fatalf("%s: %v", c.Name, err)
	}
	return r
}

// open makes a connection.
func (p *pane) open(side *peerSide) { p.openAt(side, 10*time.Millisecond) }

// openAt makes a connection with a round trip of rtt.
func (p *pane) openAt(side *peerSide, rtt time.Duration) {
	a := packetdrill.DefaultAddresses()
	fd := must(p.t, p.s, &packetdrill.Call{Name: "socket", Domain: 2, Type: 1})
	must(p.t, p.s, &packetdrill.Call{Name: "bind", FD: fd, Addr: &packetdrill.Addr{Family: 2, IP: a.Local4, Port: 80}})
	must(p.t, p.s, &packetdrill.Call{Name: "listen", FD: fd, Backlog: 10})
	p.inject(side, segment.SYN, 0, 0, 0)
	p.sent()
	if err := p.s.Sleep(p.t.Context(), rtt); err != nil {
		p.t.Fatal(err)
	}
	p.inject(side, segment.ACK, 1, 1, 0)
	p.conn = must(p.t, p.s, &packetdrill.Call{Name: "accept", FD: fd})
	// O_NONBLOCK
	must(p.t, p.s, &packetdrill.Call{Name: "fcntl", FD: p.conn, Command: 4, Argument: 0o4000})
}

// step does what two bytes say, and returns what the application sees.
func (p *pane) step(side peerSide, a, b byte) string {
	now := p.s.Now()
	switch a % 16 {
	case 0, 1, 2: // the peer sends data
		p.inject(&side, segment.PSH|segment.ACK, side.next, side.acked, 1+int(b)*5)
	case 3: // data behind a gap
		p.inject(&side, segment.PSH|segment.ACK, side.next+1+segment.Seq(b), side.acked, 100)
	case 4: // old data
		p.inject(&side, segment.PSH|segment.ACK, side.next-1-segment.Seq(b), side.acked, 1+int(b))
	case 5, 6, 7: // an acknowledgment, or half of one, or that something came twice
		if a%16 == 7 && b%8 == 7 && side.options.SACKPermitted && side.acked > 1 {
			side.options.SACKCount = 1
			side.options.SACKBlocks[0] = segment.SACKBlock{Start: p.iss + side.acked - 1, End: p.iss + side.acked}
		}
		p.inject(&side, segment.ACK, side.next, side.acked, 0)
	case 8:
		p.inject(&side, segment.FIN|segment.ACK, side.next, side.acked, int(b%4)*100)
	case 9:
		if b < 64 {
			p.inject(&side, segment.RST, side.next+segment.Seq(b%3), side.acked, 0)
		} else {
			return p.result(&packetdrill.Call{Name: "read", FD: p.conn, Count: 1 + int(b)*20})
		}
	case 10, 11:
		return p.result(&packetdrill.Call{Name: "write", FD: p.conn, Data: []byte(strings.Repeat(string(rune('a'+b%26)), 1+int(b)*9))})
	case 12:
		return p.result(&packetdrill.Call{Name: "read", FD: p.conn, Count: 1 + int(b)*20})
	case 13:
		return p.result(&packetdrill.Call{Name: "shutdown", FD: p.conn, How: 1})
	case 14:
		if b < 128 || p.over {
			break
		}
		p.over = true
		return p.result(&packetdrill.Call{Name: "close", FD: p.conn})
	case 15:
		if err := p.s.Sleep(p.t.Context(), now+time.Duration(b)*time.Millisecond/4); err != nil {
			p.t.Fatal(err)
		}
	}
	return ""
}

func (p *pane) result(c *packetdrill.Call) string {
	if p.over && c.Name != "close" {
		return ""
	}
	r := p.call(c)
	return fmt.Sprintf("%s: %d %s %x", c.Name, r.Return, r.Errno, r.Data)
}

// apply takes in what a step did on the peer's side.
func (s *peerSide) apply(a, b byte) {
	switch a % 16 {
	case 0, 1, 2:
		if !s.fin {
			s.next += 1 + segment.Seq(b)*5
		}
	case 8:
		if !s.fin {
			s.next += 1 + segment.Seq(b%4)*100
			s.fin = true
		}
	}
}

// FuzzPromotion does the same to a host whose netstack has the connection from the start
// and to one that serves it light, and promotes it at one step: the wire and the application
// see the same, but for when something is sent again.
func FuzzPromotion(f *testing.F) {
	for i := range 200 {
		data := make([]byte, 3+2*24)
		x := uint32(i)*2654435761 + 1
		for j := range data {
			x = x*1664525 + 1013904223
			data[j] = byte(x >> 24)
		}
		f.Add(data)
	}
	f.Add([]byte("0%707000Z07000"))                          // data are unread, and a write has opened the window since
	f.Add([]byte("00Z070C0Z0Z\xda0\x1aZ\xccZ0Z\xccZ0Z\xa8")) // the last data wait for the congestion window
	f.Fuzz(fuzzPromotion)
}

func fuzzPromotion(t *testing.T, data []byte) {
	if len(data) < 5 || len(data) > 200 {
		return
	}
	side := peerSide{next: 1, acked: 1, window: 60000}
	side.options.MSS = 1460
	if data[0]&1 != 0 {
		side.options.HasTimestamps = true
	}
	side.options.SACKPermitted = data[0]&2 != 0
	if data[0]&4 != 0 {
		side.options.HasWindowScale, side.options.WindowScale = true, data[0]>>4&7
	}
	if data[0]&8 != 0 {
		side.window = 700 // data, and the FIN behind them, wait for the peer
		side.options.HasWindowScale = false
	}
	at := int(data[1])
	want, got := newPane(t, 0), newPane(t, 1)
	want.open(&side)
	got.open(&side)
	var history []string
	for i := 2; i+1 < len(data); i += 2 {
		a, b := data[i], data[i+1]
		if a%16 >= 5 && a%16 <= 7 {
			side.acked = want.next
			if b < 32 && want.next > side.acked+1 {
				side.acked = want.next - 1
			}
		}
		if (i-2)/2 == at%32 {
			if _, err := got.s.Promote(); err != nil {
				t.Fatal(err)
			}
		}
		w, g := want.step(side, a, b), got.step(side, a, b)
		side.apply(a, b)
		ws, gs := strings.Join(want.sent(), "\n  "), strings.Join(got.sent(), "\n  ")
		history = append(history, fmt.Sprintf("step %d: %d %d %s\n  %s", (i-2)/2, a%16, b, w, ws))
		want.ends = slices.DeleteFunc(want.ends, func(end segment.Seq) bool { return end.LessEq(side.acked) })
		if want.repeats+got.repeats > 0 || len(want.ends) > light.InitialWindow {
			break // the congestion window of one that netstack gets in mid-life begins anew
		}
		if w != g || ws != gs {
			t.Fatalf("%s\npromoted before %d: %s\n  %s", strings.Join(history, "\n"), at%32, g, gs)
		}
		if a%16 == 9 && b < 64 && b%3 == 0 {
			return // what comes behind a RST meets no connection, or netstack's own TIME_WAIT
		}
	}
	// Which of them has sent what again is a matter of timers, and so is its congestion window
	// then. In the end the peer has all the same.
	want.finish(side)
	got.finish(side)
	if want.next != got.next || want.ack != got.ack || want.reset != got.reset {
		t.Errorf("%s\nin the end: sent %d, acknowledged %d, reset %v; promoted before %d: %d, %d, %v", strings.Join(history, "\n"),
			want.next, want.ack, want.reset, at%32, got.next, got.ack, got.reset)
	}
}

// finish has the peer repeat what the host has not acknowledged, and acknowledge what it has
// sent, for a while.
func (p *pane) finish(side peerSide) {
	for range 20 {
		side.acked, side.next = p.next, side.next.Max(p.ack)
		if p.ack.Less(side.next) && side.fin {
			p.inject(&side, segment.FIN|segment.ACK, side.next-1, side.acked, 0)
		} else {
			p.inject(&side, segment.ACK, side.next, side.acked, 0)
		}
		if err := p.s.Sleep(p.t.Context(), p.s.Now()+500*time.Millisecond); err != nil {
			p.t.Fatal(err)
		}
		p.sent()
	}
}
