package probe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"

	"lastack/harness/capture"
	"lastack/stack/segment"

	"golang.org/x/sys/unix"
)

// Probe sends and receives on one interface, as one address. Make it with Open,
// end it with Close.
type Probe struct {
	iface string
	addr  netip.Addr
	raw   int
	live  *capture.Live
	ended chan struct{} // closed when listen has ended

	mu    sync.Mutex
	conns map[segment.Tuple]*Conn // by the subject's direction
	err   error                   // why listen ended
}

// Open makes a probe on the named interface of the calling thread's network
// namespace.
func Open(iface string, addr netip.Addr) (*Probe, error) {
	live, err := capture.OpenLive(iface, capture.LiveConfig{})
	if err != nil {
		return nil, fmt.Errorf("probe: listen on %s: %w", iface, err)
	}
	raw, err := openRaw(iface, addr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("probe: open a raw socket on %s: %w", iface, err), live.Close())
	}
	p := &Probe{
		iface: iface, addr: addr, raw: raw, live: live,
		ended: make(chan struct{}), conns: make(map[segment.Tuple]*Conn),
	}
	go p.listen()
	return p, nil
}

// openRaw takes whole IP packets (raw(7): IPPROTO_RAW implies the header).
func openRaw(iface string, addr netip.Addr) (int, error) {
	family := unix.AF_INET
	if addr.Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := unix.BindToDevice(fd, iface); err != nil {
		return -1, errors.Join(os.NewSyscallError("setsockopt SO_BINDTODEVICE", err), unix.Close(fd))
	}
	return fd, nil
}

// Close ends the probe and every Receive.
func (p *Probe) Close() error {
	err := errors.Join(p.live.Close(), os.NewSyscallError("close", unix.Close(p.raw)))
	<-p.ended
	return err
}

// listen hands what the subject sends to its connections.
func (p *Probe) listen() {
	defer close(p.ended)
	for {
		packet, err := p.live.Next()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrClosed) && !errors.Is(err, io.EOF) {
				p.mu.Lock()
				p.err = err
				p.mu.Unlock()
			}
			return
		}
		s, err := segment.Parse(packet.Data)
		if err != nil || packet.Direction != capture.Incoming {
			continue
		}
		p.mu.Lock()
		c := p.conns[s.Tuple]
		p.mu.Unlock()
		if c != nil {
			data := packet.Data[min(s.PayloadStart, len(packet.Data)):]
			c.take(heard{s, bytes.Clone(data[:min(s.PayloadLen, len(data))])})
		}
	}
}

// failed is why the probe hears nothing any more.
func (p *Probe) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return fmt.Errorf("probe: listen on %s: %w", p.iface, p.err)
	}
	return fmt.Errorf("probe: listen on %s: %w", p.iface, os.ErrClosed)
}

// send sends one segment.
func (p *Probe) send(s *segment.Segment, payload []byte) error {
	packet := segment.Append(nil, s, payload)
	var to unix.Sockaddr
	if s.Version == 4 {
		to = &unix.SockaddrInet4{Addr: [4]byte(s.Dst.Addr[12:])}
	} else {
		to = &unix.SockaddrInet6{Addr: s.Dst.Addr}
	}
	if err := unix.Sendto(p.raw, packet, 0, to); err != nil {
		return fmt.Errorf("probe: send %s on %s: %w", s.String(), p.iface, os.NewSyscallError("sendto", err))
	}
	return nil
}
