package closepath

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/faketime"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// duel holds what the chain believes against a real netstack behind it: one connection,
// whose peer is the test and may send anything.
//
//	test --inject--> channel.Endpoint --> Endpoint --> netstack: a listener, a connection
type duel struct {
	t     *testing.T
	clock *faketime.ManualClock
	set   *tunable.Set
	link  *channel.Endpoint
	ep    *Endpoint
	net   *netstack.Stack
	tuple segment.Tuple // Src is the host
	conn  tcpip.Endpoint

	mu     sync.Mutex
	rcvNxt segment.Seq // netstack's, by its probe
	window segment.Seq
	sndNxt segment.Seq
	sndUna segment.Seq
	// received counts segments that went to netstack, probes those that its connection has
	// worked on.
	received, probes int
	events           []string
	// queued: netstack had a FIN waiting for room when the peer's came. RFC 9293 3.10.4 calls
	// that CLOSING; on the wire the host's FIN acknowledges the peer's, as in LAST_ACK, and
	// the peer has TIME_WAIT to itself.
	queued bool

	stamps bool
	ts     uint32
	isn    segment.Seq
}

const duelNIC = 1

func newDuel(t *testing.T, stamps bool) *duel {
	d := &duel{t: t, clock: faketime.NewManualClock(), set: tunable.NewSet(), link: channel.New(4096, 1500, ""), stamps: stamps, ts: 1000, isn: 0xffff_ff00}
	d.tuple = segment.Tuple{Src: segment.Endpoint{Port: 80}, Dst: segment.Endpoint{Port: 40000}}
	d.tuple.Src.Addr = [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: 2}
	d.tuple.Dst.Addr = [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: 1}
	d.ep = New(d.link, Config{Clock: d.clock, Tunables: d.set, Tap: d.tap, TapHost: true, Alive: func(segment.Tuple) bool {
		s := d.state()
		return s != tcp.StateClose && s != tcp.StateTimeWait
	}})
	d.net = netstack.New(netstack.Options{
		Clock: d.clock, NetworkProtocols: []netstack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []netstack.TransportProtocolFactory{tcp.NewProtocolProbe(d.probe)},
	})
	t.Cleanup(func() { d.net.Close(); d.net.Wait() })
	sack, moment := tcpip.TCPSACKEnabled(true), tcpip.TCPTimeWaitTimeoutOption(3*time.Millisecond)
	_ = d.net.SetTransportProtocolOption(tcp.ProtocolNumber, &sack)
	_ = d.net.SetTransportProtocolOption(tcp.ProtocolNumber, &moment)
	if err := d.net.CreateNIC(duelNIC, d.ep); err != nil {
		t.Fatal(err)
	}
	_ = d.net.AddProtocolAddress(duelNIC, tcpip.ProtocolAddress{
		Protocol: ipv4.ProtocolNumber, AddressWithPrefix: tcpip.AddrFrom4([4]byte{10, 0, 0, 2}).WithPrefix(),
	}, netstack.AddressProperties{})
	d.net.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: duelNIC}})
	d.open()
	return d
}

// tap keeps the latest events, for when something is wrong.
func (d *duel) tap(e *Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.Kind == Seen && e.Point == Host && e.Dir == In {
		d.received++
	}
	line := fmt.Sprintf("%s %s %s %s", e.Kind, e.Point, e.Dir, e.Seg)
	if e.Step != nil {
		line += fmt.Sprintf(" marks %b", e.Step.Marks)
	}
	d.events = append(d.events, line)
	if len(d.events) > 30 {
		d.events = d.events[1:]
	}
}

func (d *duel) probe(s *tcp.TCPEndpointState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rcvNxt, d.window = segment.Seq(s.Receiver.RcvNxt), segment.Seq(s.Receiver.RcvAcc-s.Receiver.RcvNxt)
	d.sndNxt, d.sndUna = segment.Seq(s.Sender.SndNxt), segment.Seq(s.Sender.SndUna)
	d.probes++
}

// open runs the handshake and accepts the connection.
func (d *duel) open() {
	d.t.Helper()
	wq := &waiter.Queue{}
	l, err := d.net.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, wq)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := l.Bind(tcpip.FullAddress{Port: 80}); err != nil {
		d.t.Fatal(err)
	}
	if err := l.Listen(8); err != nil {
		d.t.Fatal(err)
	}
	d.inject(segment.SYN, d.isn, 0, 0)
	var iss segment.Seq
	d.await("a SYN-ACK", func() bool {
		s := d.sent()
		if s == nil {
			return false
		}
		iss = s.Seq
		return s.Flags == synAck
	})
	d.rcvNxt, d.sndNxt, d.sndUna, d.window = d.isn+1, iss+1, iss+1, 1<<16
	d.inject(ack, d.isn+1, iss+1, 0)
	d.await("a connection", func() bool {
		c, _, err := l.Accept(nil)
		d.conn = c
		return err == nil
	})
	d.received, d.probes = 0, 0
}

// sent takes one segment off the wire, or returns nil.
func (d *duel) sent() *segment.Segment {
	pkt := d.link.Read()
	if pkt == nil {
		return nil
	}
	defer pkt.DecRef()
	v := pkt.ToView()
	defer v.Release()
	s, err := segment.Parse(v.AsSlice())
	if err != nil {
		d.t.Fatalf("on the wire: %v", err)
	}
	return &s
}

// drain empties the wire, whose buffer is bounded.
func (d *duel) drain() {
	for d.sent() != nil {
	}
}

func (d *duel) inject(flags segment.Flags, seq, ackNo segment.Seq, n int) {
	s := segment.Segment{Tuple: d.tuple.Reverse(), Version: 4, Flags: flags, Seq: seq, Ack: ackNo, Window: 60000}
	if flags.Has(syn) {
		s.MSS, s.SACKPermitted = mss, true
	}
	if d.stamps {
		d.ts++
		s.HasTimestamps, s.TSVal = true, d.ts
	}
	if !flags.Has(ack) {
		s.Ack = 0
	}
	pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{
		Payload: buffer.MakeWithData(segment.Append(nil, &s, make([]byte, n))),
	})
	d.link.InjectInbound(header.IPv4ProtocolNumber, pkt)
	pkt.DecRef()
}

// await looks until the condition holds: netstack works in goroutines of its own. It gives
// up after half a minute.
func (d *duel) await(what string, done func() bool) bool {
	d.t.Helper()
	for range 2000 {
		if done() {
			return true
		}
		runtime.Gosched()
	}
	give, tick := time.NewTimer(30*time.Second), time.NewTicker(100*time.Microsecond)
	defer give.Stop()
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-give.C:
			d.t.Errorf("waited in vain for %s", what)
			return false
		}
	}
	return true
}

// endpoint is netstack's endpoint of the connection, or nil.
func (d *duel) endpoint() *tcp.Endpoint {
	found := d.net.FindTransportEndpoint(ipv4.ProtocolNumber, tcp.ProtocolNumber, netstack.TransportEndpointID{
		LocalPort: 80, LocalAddress: tcpip.AddrFrom4([4]byte{10, 0, 0, 2}),
		RemotePort: 40000, RemoteAddress: tcpip.AddrFrom4([4]byte{10, 0, 0, 1}),
	}, duelNIC)
	ep, ok := found.(*tcp.Endpoint)
	if !ok || ep.EndpointState() == tcp.StateListen {
		return nil
	}
	return ep
}

func (d *duel) state() tcp.EndpointState {
	ep := d.endpoint()
	if ep == nil || ep.EndpointState() == tcp.StateError {
		return tcp.StateClose
	}
	return ep.EndpointState()
}

var duelStates = map[tcp.EndpointState]flow.State{
	tcp.StateSynRecv: flow.SynReceived, tcp.StateEstablished: flow.Established, tcp.StateFinWait1: flow.FinWait1,
	tcp.StateFinWait2: flow.FinWait2, tcp.StateCloseWait: flow.CloseWait, tcp.StateClosing: flow.Closing,
	tcp.StateLastAck: flow.LastAck,
}

// agree compares the chain with netstack, and says what differs.
func (d *duel) agree() (differ string, over bool) {
	state := d.state()
	f := d.ep.flows.lookup(d.tuple)
	rec, waits := d.ep.TimeWait(d.tuple)
	d.mu.Lock()
	rcvNxt, sndNxt := d.rcvNxt, d.sndNxt
	busy := d.probes < d.received
	d.mu.Unlock()
	switch state {
	case tcp.StateTimeWait:
		if d.queued && !waits && f == nil {
			return "", true
		}
		if !waits || f != nil {
			return "netstack is in TIME_WAIT, and there is no record, or still a flow", false
		}
		if rec.RcvNxt != rcvNxt || rec.SndNxt != sndNxt {
			return "the record has other numbers than netstack", false
		}
		return "", true
	case tcp.StateClose:
		if f != nil {
			return "netstack has closed, and there is still a flow", false
		}
		return "", true
	}
	if f != nil && f.id != 1 {
		return "", true // another connection, after a RST that nobody saw netstack work on
	}
	if busy {
		return "netstack has not worked on all segments", false
	}
	if f == nil {
		return "netstack is in " + state.String() + ", and there is no flow", false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	mine := f.conn.State(f.host)
	if state == tcp.StateClosing && (mine == flow.LastAck || mine == flow.CloseWait) {
		d.queued = true
		return "", false
	}
	unsentFIN := state == tcp.StateFinWait1 && !f.conn.FINSent(f.host) || state == tcp.StateLastAck && !f.conn.FINSent(f.host)
	switch {
	case mine != duelStates[state] && !unsentFIN:
		return "netstack is in " + state.String() + ", the flow in " + mine.String(), false
	case f.admitted.ack != rcvNxt:
		return "RCV.NXT differs", false
	case f.conn.RcvNxt(f.host) != rcvNxt:
		return "the flow's RCV.NXT differs", false
	case sndNxt != f.conn.Next(f.host) && f.conn.Next(f.host).Less(sndNxt):
		return "SND.NXT differs", false
	}
	return "", false
}

func (d *duel) show() string {
	d.mu.Lock()
	events := strings.Join(d.events, "\n")
	d.mu.Unlock()
	return events + "\n" + d.numbers()
}

func (d *duel) numbers() string {
	f := d.ep.flows.lookup(d.tuple)
	if f == nil {
		return "no flow"
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprintf("netstack RCV.NXT %d SND.NXT %d; flow %+v; admitted %+v", d.rcvNxt, d.sndNxt, f.conn, f.admitted)
}

// The steps of a duel: what a forger, a peer and an application may do.
var (
	duelFlags = []segment.Flags{ack, psh, fin, fin | segment.PSH, rst, rst | ack, syn, synAck, 0, segment.FIN, syn | segment.FIN, ack}
	duelSeqs  = []segment.Seq{0, 0, 0, 1, 0xffff_ffff, 100, 0xffff_ff9c, 1000, 1 << 20, 1 << 29, 1 << 30, 3 << 30}
	duelAcks  = []segment.Seq{0, 0, 0, 1, 0xffff_ffff, 1 << 20, 0xfff0_0000, 1 << 30, 3 << 30}
	duelLens  = []int{0, 0, 1, 100, mss}
)

// step does what three bytes say.
func (d *duel) step(a, b, c byte) {
	switch {
	case a < 200:
		d.mu.Lock()
		seq, ackNo := d.rcvNxt, d.sndNxt
		window := d.window
		d.mu.Unlock()
		flags := duelFlags[int(a)%len(duelFlags)]
		off := duelSeqs[int(b)%len(duelSeqs)]
		if b > 220 {
			off = window + segment.Seq(b%3) - 1
		}
		n := duelLens[int(c>>4)%len(duelLens)]
		d.inject(flags, seq+off, ackNo+duelAcks[int(c&15)%len(duelAcks)], n)
	case a < 215:
		r := bytes.NewReader(make([]byte, 1+int(b)))
		_, _ = d.conn.Write(r, tcpip.WriteOptions{})
	case a < 225:
		var w bytes.Buffer
		_, _ = d.conn.Read(&w, tcpip.ReadOptions{})
	case a < 232:
		_ = d.conn.Shutdown(tcpip.ShutdownWrite)
	case a < 240:
		d.conn.Close()
	default:
		d.clock.Advance(time.Duration(b) * 4 * time.Millisecond)
	}
}

func fuzzDuel(t *testing.T, data []byte) {
	d := newDuel(t, len(data)%2 == 0)
	for i := 0; i+2 < len(data) && i < 300; i += 3 {
		d.step(data[i], data[i+1], data[i+2])
		var differ string
		over := false
		d.await("agreement", func() bool {
			d.drain()
			differ, over = d.agree()
			return differ == "" || over
		})
		if differ != "" || t.Failed() {
			t.Fatalf("step %d (%d %d %d): %s\n%s", i/3, data[i], data[i+1], data[i+2], differ, d.show())
		}
		if over {
			return
		}
	}
}

// FuzzDuel sends random and near-valid segments at an Endpoint over a real netstack, and
// holds the flow's state against netstack's at each step.
func FuzzDuel(f *testing.F) {
	for i := range 64 {
		data := make([]byte, 3*20+i%2)
		x := uint32(i)*2654435761 + 1
		for j := range data {
			x = x*1664525 + 1013904223
			data[j] = byte(x >> 24)
		}
		f.Add(data)
	}
	f.Add([]byte("0A02AY000")) // a FIN where data that came before it go on
	f.Fuzz(fuzzDuel)
}
