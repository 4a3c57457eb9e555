package closepath

import (
	"sync"
	"sync/atomic"

	"lastack/stack/impair"
	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/link/nested"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// Config says how an Endpoint behaves. The zero value works: the real clock, every
// tunable at its default, no tap.
type Config struct {
	// Clock drives all timers; it should be the one of the netstack that the
	// endpoint is attached to. Nil is the real one.
	Clock tcpip.Clock
	// Tunables may change at any time, and each change takes effect at once. Nil is a set
	// of the endpoint's own, at its defaults.
	Tunables *tunable.Set
	// Tap receives every event. Nil is none.
	Tap Tap
	// TapHost shows Tap each segment on the host's side too, beside the wire's.
	TapHost bool
	// Alive reports whether netstack has a connected endpoint for a tuple (Src is the
	// host), one in TIME_WAIT not counted. The flow table learns from it which
	// connections netstack gave up in silence; without it such a flow stays until the
	// host sends a RST or a SYN. With it, the endpoint also follows connections whose SYN
	// it did not follow, in a flood, from the first segment that netstack answers.
	Alive func(segment.Tuple) bool
	// Registered reports whether netstack has any endpoint for exactly the
	// tuple. It keeps a new connection's SYN from reaching the old one's
	// endpoint. Nil: netstack never has one.
	Registered func(segment.Tuple) bool
	// Listening reports whether netstack would take a connection to the host's
	// endpoint. Nil: it takes none that would end a TIME_WAIT.
	Listening func(segment.Endpoint) bool
	// Forwarder: netstack hands each SYN that nobody listens for to a tcp.Forwarder
	// (SetTransportProtocolHandler), which may take a connection to any address and port.
	// So any SYN that is new enough ends a TIME_WAIT, whether anything listens or not.
	// Listening keeps its meaning: a forwarder makes no SYN cookies, so that netstack
	// itself answers an acknowledgment of no connection.
	Forwarder bool
	// PicksPorts: the host picks its local ports itself and knows by Phase and TimeWait
	// which are taken. Otherwise ForStack reserves those in TIME_WAIT; New ignores it.
	PicksPorts bool
	// Observe makes the endpoint follow connections without answering for any: it
	// remembers a connection in TIME_WAIT, for the impairments that count its segments,
	// and leaves the answers to the host. It is for a host that is no netstack.
	Observe bool
	// Held: an application holds each connection, and calls Orphan when it has closed it.
	// Without Held, a connection whose FIN has been sent counts as closed:
	// net.ipv4.tcp_orphan_retries bounds how long the FIN is sent again.
	Held bool
	// Phase is called when a connection becomes Waiting and when it is Gone, but not when
	// a new connection on the same 4-tuple ends its TIME_WAIT. It must not block or call
	// into the endpoint: it is called with locks of this package held. The other
	// functions are called without locks.
	Phase func(segment.Tuple, Phase)
	// Impairments are the rules by which the wire is bad; SetImpairments changes
	// them. They have to be valid. Seed is for the random ones.
	Impairments []impair.Rule
	Seed        uint64
}

// Endpoint is a netstack link endpoint that wraps another one and passes its
// traffic through the close path. Make it with New.
type Endpoint struct {
	nested.Endpoint

	clock    tcpip.Clock
	tunables *tunable.Set
	tap      Tap

	alive, registered func(segment.Tuple) bool
	listening         func(segment.Endpoint) bool
	phase             func(segment.Tuple, Phase)
	observe           bool
	forwarder         bool // Config.Forwarder

	flows       table
	delayed     *delayedACK
	timeWait    *timeWait
	finish      *finish
	fastOpen    *fastOpen
	admit       *admit
	lights      *lights
	finWithData *finWithData
	impair      *impairment
	tracker     *tracker
	chain       []stage
	held        bool // Config.Held
	closed      atomic.Bool
	kept        keptBacks
	reserved    *reservations // nil where the host picks its ports
	// framed: the wrapped endpoint needs link addresses.
	framed     bool
	neighbours neighbours
	unwatch    []func()  // of the tunables, which may outlive the endpoint
	strays     sync.Pool // *packet, for segments of no flow and for held ones
}

var _ netstack.LinkEndpoint = (*Endpoint)(nil)

// New wraps link. The Endpoint owns it from now on: closing one closes the other.
func New(link netstack.LinkEndpoint, cfg Config) *Endpoint {
	e := &Endpoint{
		clock: cfg.Clock, tunables: cfg.Tunables, tap: cfg.Tap,
		alive: cfg.Alive, registered: cfg.Registered, listening: cfg.Listening, phase: cfg.Phase,
		observe: cfg.Observe, held: cfg.Held, forwarder: cfg.Forwarder,
		framed: link.Capabilities()&netstack.CapabilityResolutionRequired != 0,
	}
	if e.clock == nil {
		e.clock = tcpip.NewStdClock()
	}
	if e.tunables == nil {
		e.tunables = tunable.NewSet()
	}
	e.strays.New = func() any { return new(packet) }
	e.delayed = &delayedACK{e: e}
	e.timeWait = newTimeWait(e)
	e.fastOpen = newFastOpen(e)
	e.tracker = &tracker{e: e}
	e.finish = &finish{e: e}
	e.admit = newAdmit(e)
	e.lights = newLights(e)
	e.finWithData = newFINWithData(e)
	e.impair = newImpairment(e, cfg.Impairments, cfg.Seed)
	e.chain = e.stages(cfg.TapHost)
	e.delayed.place, e.timeWait.place = e.position(e.delayed), e.position(e.timeWait)
	e.admit.place, e.impair.place = e.position(e.admit), e.position(e.impair)
	e.fastOpen.place, e.finish.place = e.position(e.fastOpen), e.position(e.finish)
	e.tracker.place, e.lights.place = e.position(e.tracker), e.position(e.lights)
	e.finWithData.place = e.position(e.finWithData)
	e.flows.init(e)
	e.unwatch = append(e.unwatch, e.tunables.OnChange(tunable.DelayedACK, func(on int64) {
		if on == 0 {
			e.delayed.flushAll()
		}
	}))
	e.Endpoint.Init(link, e)
	return e
}

// Flows counts the connections being followed: those that the host is not through
// with. TIME_WAIT is not among them.
func (e *Endpoint) Flows() int { return len(e.flows.all()) }

// Close sends what the stages hold, stops every timer and closes the wrapped
// endpoint. It implements stack.LinkEndpoint.
func (e *Endpoint) Close() {
	if e.closed.Swap(true) {
		return
	}
	for _, stop := range e.unwatch {
		stop()
	}
	e.delayed.flushAll()
	e.lights.close()
	e.impair.close()
	e.finish.close()
	e.admit.close()
	e.finWithData.close()
	e.fastOpen.close()
	e.flows.close()
	e.timeWait.close()
	e.reserved.close()
	e.Endpoint.Close()
}

// Wait implements stack.LinkEndpoint: it returns when every goroutine of the endpoint and of
// the wrapped one has ended.
func (e *Endpoint) Wait() {
	e.Endpoint.Wait()
	e.lights.carriers.Wait()
}

// WritePackets implements stack.LinkWriter: netstack's packets on their way out.
func (e *Endpoint) WritePackets(pkts netstack.PacketBufferList) (int, tcpip.Error) {
	for i, buf := range pkts.AsSlice() {
		if err := e.write(buf); err != nil {
			return i, err
		}
	}
	return pkts.Len(), nil
}

func (e *Endpoint) write(buf *netstack.PacketBuffer) tcpip.Error {
	seg, err := parse(buf)
	if err != nil {
		return e.writeOne(buf)
	}
	if e.framed {
		e.neighbours.learn(&seg, buf)
	}
	f := e.flows.find(&seg, Out, ifRoom)
	if f == nil {
		p := e.strays.Get().(*packet)
		*p = packet{seg: seg, buf: buf}
		v := e.runOutbound(nil, p, len(e.chain))
		*p = packet{}
		e.strays.Put(p)
		if v == taken {
			return nil
		}
		return e.writeOne(buf)
	}
	f.now = packet{seg: seg, buf: buf}
	if e.runOutbound(f, &f.now, len(e.chain)) == pass {
		f.enqueue(buf)
	}
	f.now.buf = nil
	return e.drain(f)
}

// writeOne writes a packet that no flow has to order.
func (e *Endpoint) writeOne(buf *netstack.PacketBuffer) tcpip.Error {
	var l netstack.PacketBufferList
	l.PushBack(buf)
	e.address(&l)
	_, err := e.Endpoint.WritePackets(l)
	return err
}

// DeliverNetworkPacket implements stack.NetworkDispatcher: the wire's packets
// on their way in.
func (e *Endpoint) DeliverNetworkPacket(protocol tcpip.NetworkProtocolNumber, buf *netstack.PacketBuffer) {
	seg, err := parse(buf)
	if err != nil {
		e.Endpoint.DeliverNetworkPacket(protocol, buf)
		return
	}
	e.receive(&seg, buf, 0)
}

// receive takes an incoming segment through the chain from the given stage on, and
// delivers it if no stage took it.
func (e *Endpoint) receive(seg *segment.Segment, buf *netstack.PacketBuffer, from int) {
	v, following := e.arrive(seg, buf, from)
	if v == pass && from > 0 && e.sound(seg, buf) && e.admit.overtaken(seg) {
		e.admit.reset(nil, seg)
		v = taken
	}
	if v != taken {
		e.Endpoint.DeliverNetworkPacket(protocolOf(seg), buf)
	}
	if following != nil {
		e.deliverFollowing(following)
	}
}

// arrive takes an incoming segment through the chain from the given stage on. The caller
// delivers the segments that follow it, whatever becomes of it.
func (e *Endpoint) arrive(seg *segment.Segment, buf *netstack.PacketBuffer, from int) (verdict, []*late) {
	begin, damaged := ifRoom, !e.sound(seg, buf)
	if damaged {
		begin = never
	}
	if f := e.flows.find(seg, In, begin); f != nil {
		f.now = packet{seg: *seg, buf: buf, refused: damaged}
		return e.arriveIn(f, from)
	}
	p := e.strays.Get().(*packet)
	*p = packet{seg: *seg, buf: buf, refused: damaged}
	v := e.runInbound(nil, p, from)
	old, following := p.old, p.following
	*p = packet{}
	e.strays.Put(p)
	if v != renewed {
		return v, following
	}
	f := e.flows.find(seg, In, always)
	if f == nil {
		return pass, following // the endpoint is closing
	}
	f.follow(old)
	f.now = packet{seg: *seg, buf: buf, following: following}
	f.now.step = f.conn.Update(f.host.Other(), seg) // the tracker had no flow to do it on
	return e.arriveIn(f, e.timeWait.place+1)
}

// arriveIn takes f.now through the chain. f.mu is held and will be released.
func (e *Endpoint) arriveIn(f *tracked, from int) (verdict, []*late) {
	v := e.runInbound(f, &f.now, from)
	following := f.now.following
	f.now.buf, f.now.following = nil, nil
	// A stage may have answered. An error cannot reach the sender, and TCP will
	// retransmit.
	_ = e.drain(f)
	return v, following
}
