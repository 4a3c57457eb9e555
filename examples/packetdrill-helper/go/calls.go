package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// helper is the stack, with the sockets of one process.
type helper struct {
	stack   *stack.Stack
	sockets map[int]*socket
	next    int
	all     []tcpip.Endpoint // closed ones too
}

type socket struct {
	tcpip.Endpoint
	queue    *waiter.Queue
	nonblock bool
}

func (h *helper) start(fd, address, mtu string) error {
	n, err := strconv.Atoi(fd)
	if err != nil {
		return fmt.Errorf("the number of a descriptor is wanted: %w", err)
	}
	size, err := strconv.ParseUint(mtu, 10, 16)
	if err != nil {
		return fmt.Errorf("an MTU is wanted: %w", err)
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return err
	}
	link, err := fdbased.New(&fdbased.Options{FDs: []int{n}, MTU: uint32(size)})
	if err != nil {
		return err
	}
	h.stack = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	if err := h.stack.CreateNIC(1, link); err != nil {
		return fmt.Errorf("making the NIC: %s", err)
	}
	own := tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: tcpip.AddrFromSlice(ip.AsSlice()).WithPrefix()}
	if err := h.stack.AddProtocolAddress(1, own, stack.AddressProperties{}); err != nil {
		return fmt.Errorf("giving it its address: %s", err)
	}
	h.stack.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	return nil
}

func (h *helper) open(r *request) *response {
	q := new(waiter.Queue)
	ep, err := h.stack.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, q)
	if err != nil {
		return done(err)
	}
	return h.add(&socket{Endpoint: ep, queue: q, nonblock: r.Type&0x800 != 0})
}

func (h *helper) add(s *socket) *response {
	h.next++
	h.sockets[h.next-1] = s
	h.all = append(h.all, s.Endpoint)
	return &response{Return: h.next - 1}
}

var names = map[tcp.EndpointState]string{
	tcp.StateListen: "LISTEN", tcp.StateSynSent: "SYN_SENT", tcp.StateSynRecv: "SYN_RECEIVED", tcp.StateEstablished: "ESTABLISHED",
	tcp.StateFinWait1: "FIN_WAIT_1", tcp.StateFinWait2: "FIN_WAIT_2", tcp.StateTimeWait: "TIME_WAIT", tcp.StateCloseWait: "CLOSE_WAIT",
	tcp.StateLastAck: "LAST_ACK", tcp.StateClosing: "CLOSING", tcp.StateClose: "CLOSED", tcp.StateError: "CLOSED",
}

// states are those of all sockets, for FreeBSD's scripts, which ask.
func (h *helper) states() *response {
	r := &response{}
	for _, ep := range h.all {
		if name, ok := names[tcp.EndpointState(ep.State())]; ok {
			r.States = append(r.States, name)
		}
	}
	return r
}

// calls are those that a script makes of a socket.
var calls = map[string]func(h *helper, s *socket, r *request) *response{
	"bind":     func(_ *helper, s *socket, r *request) *response { return done(s.Bind(full(r.Addr))) },
	"listen":   func(_ *helper, s *socket, r *request) *response { return done(s.Listen(r.Backlog)) },
	"shutdown": shutdown, "accept": accept, "connect": connect, "read": read, "write": write,
	"fcntl": fcntl, "setsockopt": setOption, "getsockopt": getOption,
	"close": func(h *helper, s *socket, r *request) *response {
		delete(h.sockets, r.FD)
		s.Close()
		return done(nil)
	},
}

func full(a addr) tcpip.FullAddress {
	return tcpip.FullAddress{Addr: tcpip.AddrFromSlice(a.IP.AsSlice()), Port: a.Port}
}

// until tries a call until it does not block, if it may.
func (s *socket) until(r *request, events waiter.EventMask, try func() tcpip.Error) tcpip.Error {
	entry, ready := waiter.NewChannelEntry(events | waiter.EventHUp | waiter.EventErr)
	s.queue.EventRegister(&entry)
	defer s.queue.EventUnregister(&entry)
	for {
		err := try()
		if _, blocks := err.(*tcpip.ErrWouldBlock); !blocks || s.nonblock || r.Flags&0x40 != 0 {
			return err
		}
		<-ready
	}
}

func accept(h *helper, s *socket, r *request) *response {
	var peer tcpip.FullAddress
	made := &socket{nonblock: r.Flags&0x800 != 0}
	err := s.until(&request{}, waiter.ReadableEvents, func() (err tcpip.Error) {
		made.Endpoint, made.queue, err = s.Accept(&peer)
		return err
	})
	if err != nil {
		return done(err)
	}
	res := h.add(made)
	ip, _ := netip.AddrFromSlice(peer.Addr.AsSlice())
	res.Addr = &addr{Family: 2, IP: ip, Port: peer.Port}
	return res
}

func connect(_ *helper, s *socket, r *request) *response {
	entry, ready := waiter.NewChannelEntry(waiter.WritableEvents | waiter.EventHUp | waiter.EventErr)
	s.queue.EventRegister(&entry)
	defer s.queue.EventUnregister(&entry)
	err := s.Connect(full(r.Addr))
	if _, started := err.(*tcpip.ErrConnectStarted); !started || s.nonblock {
		return done(err)
	}
	<-ready
	return done(s.LastError())
}

func read(_ *helper, s *socket, r *request) *response {
	b := bytes.Buffer{}
	err := s.until(r, waiter.ReadableEvents, func() tcpip.Error {
		_, err := s.Read(&tcpip.LimitedWriter{W: &b, N: int64(r.Count)}, tcpip.ReadOptions{Peek: r.Flags&2 != 0})
		return err
	})
	if _, eof := err.(*tcpip.ErrClosedForReceive); err != nil && !eof {
		return done(err)
	}
	return &response{Return: b.Len(), Data: b.Bytes()}
}

func write(_ *helper, s *socket, r *request) *response {
	data, written := append(r.Data, make([]byte, max(r.Count-len(r.Data), 0))...), int64(0)
	err := s.until(r, waiter.WritableEvents, func() tcpip.Error {
		n, err := s.Write(bytes.NewReader(data[written:]), tcpip.WriteOptions{})
		if written += n; err == nil && written < int64(len(data)) {
			return &tcpip.ErrWouldBlock{}
		}
		return err
	})
	if err != nil && written == 0 {
		return done(err)
	}
	return &response{Return: int(written)}
}

func shutdown(_ *helper, s *socket, r *request) *response {
	return done(s.Shutdown([]tcpip.ShutdownFlags{tcpip.ShutdownRead, tcpip.ShutdownWrite, tcpip.ShutdownRead | tcpip.ShutdownWrite}[r.How%3]))
}

func fcntl(_ *helper, s *socket, r *request) *response {
	flags := 2 // O_RDWR
	switch {
	case r.Command == 4: // F_SETFL
		s.nonblock = r.Argument&0x800 != 0
		return done(nil)
	case s.nonblock:
		flags |= 0x800
	}
	return &response{Return: flags}
}

func setOption(_ *helper, s *socket, r *request) *response {
	switch o := s.SocketOptions(); {
	case r.Level == 1 && r.Option == 2:
		o.SetReuseAddress(r.Value.Int != 0)
	case r.Level == 1 && r.Option == 13 && r.Value.Linger != nil:
		o.SetLinger(tcpip.LingerOption{Enabled: r.Value.Linger.On != 0, Timeout: time.Duration(r.Value.Linger.Seconds) * time.Second})
	case r.Level == 6 && r.Option == 1:
		o.SetDelayOption(r.Value.Int == 0)
	default:
		return &response{Return: -1, Errno: "ENOPROTOOPT"}
	}
	return done(nil)
}

// getOption knows SO_ERROR.
func getOption(_ *helper, s *socket, r *request) *response {
	if r.Level != 1 || r.Option != 4 {
		return &response{Return: -1, Errno: "ENOPROTOOPT"}
	}
	numbers := map[string]int{"ECONNREFUSED": 111, "ECONNRESET": 104, "ETIMEDOUT": 110, "EPIPE": 32, "EIO": 5}
	err := s.LastError()
	if err == nil {
		return &response{Value: &value{}}
	}
	return &response{Value: &value{numbers[errno(err)]}}
}

// errno is Linux's name of an error.
func errno(err tcpip.Error) string {
	switch err.(type) {
	case *tcpip.ErrWouldBlock:
		return "EAGAIN"
	case *tcpip.ErrConnectStarted:
		return "EINPROGRESS"
	case *tcpip.ErrConnectionRefused:
		return "ECONNREFUSED"
	case *tcpip.ErrConnectionReset:
		return "ECONNRESET"
	case *tcpip.ErrClosedForSend, *tcpip.ErrAborted:
		return "EPIPE"
	case *tcpip.ErrNotConnected:
		return "ENOTCONN"
	case *tcpip.ErrTimeout:
		return "ETIMEDOUT"
	case *tcpip.ErrPortInUse:
		return "EADDRINUSE"
	case *tcpip.ErrInvalidEndpointState:
		return "EINVAL"
	}
	return "EIO"
}
