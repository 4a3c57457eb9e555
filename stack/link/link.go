// Package link is the netstack link endpoint of a TUN device: one goroutine
// reads packets and delivers them inline; each outgoing packet is one write.
//
//	Device --Read--> reader goroutine --deliver--> netstack (queues the segment
//	                                               on its endpoint; answers a
//	                                               stray with RST inline)
//	Device <--Write-- whichever goroutine netstack sends from
//
// That is all of it, on purpose. The device's descriptor is served by the Go
// runtime's poller, so a read that finds nothing parks a goroutine instead of a
// thread, and netstack hands each segment to its own processor goroutines, so
// the reader is free again in microseconds. More queues, batching and busy
// polling gained nothing where connections are short.
//
// The package does not look into packets beyond the IP version: what does not
// parse is netstack's to count and drop.
//
// # Offload
//
// A device with offload (OffloadDevice) carries TCP segments of up to 64 KiB, and leaves
// checksums undone between netstack and the kernel, neither of which puts them on a wire.
// netstack is told with GSOEndpoint and CapabilityRXChecksumOffload, and each packet has
// in GSOOptions what is left to be done, in both directions. netstack then trusts
// checksums, so the endpoint verifies those that the kernel does not vouch for, such as
// those of a forwarded packet.
package link

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"lastack/tun/vnet"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// Device carries whole IP packets; lastack/tun.Device is one.
type Device interface {
	// Read fills p, which has room for MTU bytes, with the next packet. It
	// blocks until there is one, and fails with os.ErrClosed after Close.
	// There is one reader.
	Read(p []byte) (int, error)
	// Write sends one packet. It does not keep p. Many goroutines write.
	Write(p []byte) (int, error)
	// MTU is the largest packet, in bytes.
	MTU() int
	// Close ends a pending Read.
	Close() error
}

// Endpoint is a Device as netstack sees it. Make it with New.
type Endpoint struct {
	dev     Device
	offload OffloadDevice // dev, if it has offload; else nil
	mtu     atomic.Uint32

	mu         sync.Mutex
	dispatcher netstack.NetworkDispatcher
	onClose    func()
	started    bool
	closed     bool
	err        error
	done       chan struct{} // closed when the reader has ended

	gather sync.Pool // *[]byte of the largest packet, for those in several pieces
	frames sync.Pool // *frame
}

var (
	_ netstack.LinkEndpoint = (*Endpoint)(nil)
	_ netstack.GSOEndpoint  = (*Endpoint)(nil)
)

// New wraps a device, which the Endpoint owns from now on. Reading begins when
// netstack attaches.
func New(dev Device) *Endpoint {
	e := &Endpoint{dev: dev, done: make(chan struct{})}
	e.mtu.Store(uint32(dev.MTU()))
	if o, ok := dev.(OffloadDevice); ok && o.Offload() {
		e.offload = o
	}
	e.gather.New = func() any {
		b := make([]byte, 0, e.largest())
		return &b
	}
	e.frames.New = func() any { return new(frame) }
	return e
}

// largest is the longest packet that the device carries, in bytes.
func (e *Endpoint) largest() int {
	if e.offload != nil {
		return maxOffload
	}
	return e.dev.MTU()
}

// Done is closed when the endpoint has stopped reading: after Close, or because
// the device failed, which Err tells apart.
func (e *Endpoint) Done() <-chan struct{} { return e.done }

// Err is why reading ended: nil while it goes on and after Close.
func (e *Endpoint) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// Attach implements stack.LinkEndpoint; the first dispatcher starts the reader.
func (e *Endpoint) Attach(d netstack.NetworkDispatcher) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dispatcher = d
	if d != nil && !e.started && !e.closed {
		e.started = true
		go e.read()
	}
}

// IsAttached implements stack.LinkEndpoint.
func (e *Endpoint) IsAttached() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.dispatcher != nil
}

// smallPacket is up to where copying a packet beats giving it a buffer of the
// largest size: SYN, FIN and ACK are 40 to 80 bytes, and netstack counts a
// buffer's whole capacity against the socket. Where the largest is large, so is
// what is small beside it: up to a quarter.
const smallPacket = 256

// read delivers packets until the device fails or is closed.
func (e *Endpoint) read() {
	size := e.largest()
	small := max(smallPacket, size/4)
	view := buffer.NewViewSize(size)
	var header vnet.Header // stays zero without offload
	var err error
	for {
		var n int
		if e.offload != nil {
			n, err = e.offload.ReadOffload(&header, view.AsSlice())
		} else {
			n, err = e.dev.Read(view.AsSlice())
		}
		if err != nil {
			break
		}
		if n <= small {
			e.deliver(buffer.NewViewWithData(view.AsSlice()[:n]), &header)
			continue
		}
		view.CapLength(n)
		e.deliver(view, &header)
		view = buffer.NewViewSize(size)
	}
	view.Release()
	e.mu.Lock()
	if !e.closed && !errors.Is(err, os.ErrClosed) {
		e.err = fmt.Errorf("link: reading from the device: %w", err)
	}
	e.mu.Unlock()
	close(e.done)
}

// deliver hands one packet, which it takes over, to netstack.
func (e *Endpoint) deliver(v *buffer.View, h *vnet.Header) {
	var protocol tcpip.NetworkProtocolNumber
	switch version(v.AsSlice()) {
	case 4:
		protocol = header.IPv4ProtocolNumber
	case 6:
		protocol = header.IPv6ProtocolNumber
	default:
		v.Release()
		return
	}
	if e.offload != nil && !vouched(h) && !sound(v.AsSlice()) {
		v.Release()
		return
	}
	e.mu.Lock()
	d := e.dispatcher
	e.mu.Unlock()
	pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{Payload: split(v)})
	pkt.GSOOptions = optionsOf(h)
	if d != nil {
		d.DeliverNetworkPacket(protocol, pkt)
	}
	pkt.DecRef()
}

// headerRoom holds the headers of IP and TCP, all options included.
const headerRoom = 128

// split gives a packet's headers a buffer of their own. netstack shares the buffers of
// a packet that it queues, and copies those it reads a header in then: the whole of a
// buffer, which with offload is 64 KiB.
func split(v *buffer.View) buffer.Buffer {
	if v.Size() <= smallPacket {
		return buffer.MakeWithView(v)
	}
	b := buffer.MakeWithView(buffer.NewViewWithData(v.AsSlice()[:headerRoom]))
	v.TrimFront(headerRoom)
	if err := b.Append(v); err != nil {
		panic(err) // it holds far less than a Buffer can
	}
	return b
}

// version is the IP version in a packet's first nibble, 0 for an empty packet.
func version(b []byte) byte {
	if len(b) == 0 {
		return 0
	}
	return b[0] >> 4
}

// WritePackets implements stack.LinkWriter. It keeps no packet.
func (e *Endpoint) WritePackets(pkts netstack.PacketBufferList) (int, tcpip.Error) {
	for i, pkt := range pkts.AsSlice() {
		if err := e.write(pkt); err != nil {
			return i, writeError(err)
		}
	}
	return pkts.Len(), nil
}

func (e *Endpoint) write(pkt *netstack.PacketBuffer) error {
	if e.offload != nil {
		return e.writeOffload(pkt)
	}
	views, offset := pkt.AsViewList()
	front := views.Front()
	if front == nil {
		return nil
	}
	if front.Next() == nil {
		_, err := e.dev.Write(front.AsSlice()[offset:])
		return err
	}
	// One copy costs less than a vectored write of two or three pieces.
	b := e.gather.Get().(*[]byte)
	defer e.gather.Put(b)
	*b = (*b)[:0]
	for v := front; v != nil; v = v.Next() {
		n := min(offset, v.Size())
		*b = append(*b, v.AsSlice()[n:]...)
		offset -= n
	}
	_, err := e.dev.Write(*b)
	return err
}

// writeError tells netstack about a failed write in its own terms.
func writeError(err error) tcpip.Error {
	if errors.Is(err, os.ErrClosed) {
		return &tcpip.ErrClosedForSend{}
	}
	return &tcpip.ErrNoBufferSpace{}
}

// Close implements stack.LinkEndpoint: it closes the device, which ends the
// reader. Closing twice is harmless.
func (e *Endpoint) Close() {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return
	}
	e.closed = true
	onClose, started := e.onClose, e.started
	e.mu.Unlock()
	if onClose != nil {
		onClose()
	}
	err := e.dev.Close()
	e.mu.Lock()
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("link: closing the device: %w", err)
	}
	e.mu.Unlock()
	if !started {
		close(e.done)
	}
}

// Wait implements stack.LinkEndpoint: it returns when the reader has ended, at
// once if it never began.
func (e *Endpoint) Wait() {
	e.mu.Lock()
	started := e.started
	e.mu.Unlock()
	if started {
		<-e.done
	}
}
