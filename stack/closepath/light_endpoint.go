package closepath

import (
	"lastack/stack/flow"
	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// This file has what makes a Light a whole tcpip.Endpoint. What it does not know itself,
// netstack does, to which it goes for that.

var _ tcpip.Endpoint = (*Light)(nil)

// State implements tcpip.Endpoint.
func (c *Light) State() uint32 {
	if ep := c.lock(); ep != nil {
		return ep.State()
	}
	defer c.unlock()
	if c.phase == over {
		return uint32(tcp.StateClose)
	}
	return uint32(stateFor(c.f.conn.State(c.f.host)))
}

// stateFor is the reverse of StateOf.
func stateFor(s flow.State) tcp.EndpointState {
	for n := tcp.StateEstablished; n <= tcp.StateClosing; n++ {
		if StateOf(n) == s {
			return n
		}
	}
	return tcp.StateClose
}

// Readiness implements waiter.Waitable.
func (c *Light) Readiness(mask waiter.EventMask) waiter.EventMask {
	if ep := c.lock(); ep != nil {
		return ep.Readiness(mask)
	}
	defer c.unlock()
	var ready waiter.EventMask
	if c.phase == over {
		ready = waiter.EventHUp | waiter.ReadableEvents | waiter.WritableEvents
		if c.err != nil {
			ready |= waiter.EventErr
		}
		return ready & mask
	}
	if len(c.conn.Unread()) > 0 || c.conn.FINTaken() {
		ready |= waiter.ReadableEvents
	}
	if c.conn.FINTaken() {
		ready |= waiter.EventRdHUp
		if c.conn.FINSent() {
			ready |= waiter.EventHUp
		}
	}
	return (ready | waiter.WritableEvents) & mask
}

// GetLocalAddress implements tcpip.Endpoint.
func (c *Light) GetLocalAddress() (tcpip.FullAddress, tcpip.Error) {
	return c.address(c.f.key.Src), nil
}

// GetRemoteAddress implements tcpip.Endpoint.
func (c *Light) GetRemoteAddress() (tcpip.FullAddress, tcpip.Error) {
	if tcp.EndpointState(c.State()) == tcp.StateClose {
		return tcpip.FullAddress{}, &tcpip.ErrNotConnected{}
	}
	return c.address(c.f.key.Dst), nil
}

func (c *Light) address(e segment.Endpoint) tcpip.FullAddress {
	return tcpip.FullAddress{NIC: c.e.lights.nic, Addr: address(e), Port: e.Port}
}

// GetSockOptInt implements tcpip.Endpoint.
func (c *Light) GetSockOptInt(o tcpip.SockOptInt) (int, tcpip.Error) {
	if o == tcpip.ReceiveQueueSizeOption {
		if ep := c.lock(); ep != nil {
			return ep.GetSockOptInt(o)
		}
		defer c.unlock()
		return len(c.conn.Unread()), nil
	}
	if ep := c.whole(); ep != nil {
		return ep.GetSockOptInt(o)
	}
	return 0, &tcpip.ErrNotConnected{}
}

// SetSockOptInt implements tcpip.Endpoint.
func (c *Light) SetSockOptInt(o tcpip.SockOptInt, v int) tcpip.Error {
	if ep := c.whole(); ep != nil {
		return ep.SetSockOptInt(o, v)
	}
	return nil
}

// GetSockOpt implements tcpip.Endpoint.
func (c *Light) GetSockOpt(o tcpip.GettableSocketOption) tcpip.Error {
	if ep := c.whole(); ep != nil {
		return ep.GetSockOpt(o)
	}
	return &tcpip.ErrNotConnected{}
}

// SetSockOpt implements tcpip.Endpoint.
func (c *Light) SetSockOpt(o tcpip.SettableSocketOption) tcpip.Error {
	if ep := c.whole(); ep != nil {
		return ep.SetSockOpt(o)
	}
	return nil
}

// SocketOptions implements tcpip.Endpoint. SO_LINGER is known here; what makes netstack
// send otherwise than a light connection does promotes it.
func (c *Light) SocketOptions() *tcpip.SocketOptions {
	if ep := c.lock(); ep != nil {
		return ep.SocketOptions()
	}
	defer c.unlock()
	if c.options == nil {
		c.options = new(tcpip.SocketOptions)
		c.options.InitHandler(&lightOptions{c: c}, c.e.lights.stack, tcp.GetTCPSendBufferLimits, tcp.GetTCPReceiveBufferLimits)
	}
	return c.options
}

// lightOptions is told of the options that are set.
type lightOptions struct {
	tcpip.DefaultSocketOptionsHandler
	c *Light
}

// OnKeepAliveSet implements tcpip.SocketOptionsHandler.
func (o *lightOptions) OnKeepAliveSet(on bool) { o.set(on) }

// OnDelayOptionSet implements tcpip.SocketOptionsHandler.
func (o *lightOptions) OnDelayOptionSet(on bool) { o.set(on) }

// OnCorkOptionSet implements tcpip.SocketOptionsHandler.
func (o *lightOptions) OnCorkOptionSet(on bool) { o.set(on) }

// LastError implements tcpip.SocketOptionsHandler.
func (o *lightOptions) LastError() tcpip.Error { return o.c.LastError() }

// UpdateLastError implements tcpip.SocketOptionsHandler.
func (o *lightOptions) UpdateLastError(err tcpip.Error) { o.c.UpdateLastError(err) }

// OnSetSendBufferSize implements tcpip.SocketOptionsHandler.
func (o *lightOptions) OnSetSendBufferSize(n int64) int64 {
	if ep := o.c.whole(); ep != nil {
		ep.SocketOptions().SetSendBufferSize(n, true)
	}
	return n
}

// OnSetReceiveBufferSize implements tcpip.SocketOptionsHandler.
func (o *lightOptions) OnSetReceiveBufferSize(n, _ int64) (int64, func()) {
	if ep := o.c.whole(); ep != nil {
		ep.SocketOptions().SetReceiveBufferSize(n, true)
	}
	return n, nil
}

// set has netstack take over what is on.
func (o *lightOptions) set(on bool) {
	if !on {
		return
	}
	if ep := o.c.whole(); ep != nil {
		copyOptions(ep.SocketOptions(), o.c.options)
	}
}

// copyOptions sets what is on in from; nil has nothing.
func copyOptions(to, from *tcpip.SocketOptions) {
	if from == nil {
		return
	}
	to.SetLinger(from.GetLinger())
	if from.GetKeepAlive() {
		to.SetKeepAlive(true)
	}
	if from.GetDelayOption() {
		to.SetDelayOption(true)
	}
	if from.GetCorkOption() {
		to.SetCorkOption(true)
	}
}

// aborts reports whether closing aborts the connection.
func (c *Light) aborts() bool {
	if c.options == nil {
		return false
	}
	linger := c.options.GetLinger()
	return linger.Enabled && linger.Timeout == 0
}

// LastError implements tcpip.Endpoint: it takes the error away, as SO_ERROR does.
func (c *Light) LastError() tcpip.Error {
	if ep := c.lock(); ep != nil {
		return ep.LastError()
	}
	defer c.unlock()
	err := c.err
	c.err = nil
	return err
}

// UpdateLastError implements tcpip.SocketOptionsHandler.
func (c *Light) UpdateLastError(err tcpip.Error) {
	if ep := c.whole(); ep != nil {
		ep.UpdateLastError(err)
	}
}

// Info implements tcpip.Endpoint.
func (c *Light) Info() tcpip.EndpointInfo {
	if ep := c.full.Load(); ep != nil {
		return ep.Info()
	}
	return &netstack.TransportEndpointInfo{
		NetProto: protocolAt(c.f.key.Src), TransProto: tcp.ProtocolNumber, ID: endpointID(c.f.key),
	}
}

// Stats implements tcpip.Endpoint.
func (c *Light) Stats() tcpip.EndpointStats {
	if ep := c.whole(); ep != nil {
		return ep.Stats()
	}
	return &tcp.Stats{}
}

// SetOwner implements tcpip.Endpoint.
func (c *Light) SetOwner(o tcpip.PacketOwner) {
	if ep := c.whole(); ep != nil {
		ep.SetOwner(o)
	}
}

// Connect, Disconnect, Listen, Accept and Bind implement tcpip.Endpoint: a connection does
// none of them.
func (c *Light) Connect(tcpip.FullAddress) tcpip.Error { return &tcpip.ErrAlreadyConnected{} }

// Disconnect implements tcpip.Endpoint.
func (c *Light) Disconnect() tcpip.Error { return &tcpip.ErrNotSupported{} }

// Listen implements tcpip.Endpoint.
func (c *Light) Listen(int) tcpip.Error { return &tcpip.ErrInvalidEndpointState{} }

// Accept implements tcpip.Endpoint.
func (c *Light) Accept(*tcpip.FullAddress) (tcpip.Endpoint, *waiter.Queue, tcpip.Error) {
	return nil, nil, &tcpip.ErrInvalidEndpointState{}
}

// Bind implements tcpip.Endpoint.
func (c *Light) Bind(tcpip.FullAddress) tcpip.Error { return &tcpip.ErrAlreadyBound{} }

// Moving reports whether a connection is on its way to netstack.
func (e *Endpoint) Moving() bool { return e.lights.movings.Load() > 0 }

// Promote hands each light connection whose handshake is over to netstack, as if it wanted
// more than it has, and returns how many. It does not wait for netstack.
func (e *Endpoint) Promote() (n int) {
	for _, f := range e.flows.all() {
		f.mu.Lock()
		if c := f.light; c != nil && c.phase == alone && !c.handshaking() {
			e.lights.promote(c, false)
			n++
		}
		f.mu.Unlock()
	}
	return n
}
