package soak

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"

	"lastack/stack/segment"

	"golang.org/x/sys/unix"
)

// numbers are what a forger has to know of a connection, so that it does not
// forge by chance what the connection really says.
type numbers struct {
	client, server segment.Seq // both initial
	stamps         bool
	tsval          uint32 // of the client's SYN
}

// sniffer overhears the handshakes of the clients.
type sniffer struct {
	fd   int
	mu   sync.Mutex
	seen map[uint16]numbers // by the client's port, which bounds it
}

// synFilter passes IPv4 TCP segments with SYN: a packet socket of a TUN sees bare
// IP packets.
var synFilter = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 9},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.IPPROTO_TCP, Jf: 4},
	{Code: unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH, K: 0},
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_IND, K: 13},
	{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: uint32(segment.SYN), Jf: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: 256},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},
}

// newSniffer opens a packet socket in the current namespace.
func newSniffer() (*sniffer, error) {
	const all = uint16(unix.ETH_P_ALL>>8 | unix.ETH_P_ALL<<8&0xff00)
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(all))
	if err != nil {
		return nil, fmt.Errorf("soak: opening a packet socket: %w", os.NewSyscallError("socket", err))
	}
	prog := unix.SockFprog{Len: uint16(len(synFilter)), Filter: &synFilter[0]}
	wait := unix.Timeval{Usec: 100_000} // so that run notices its end
	err = errors.Join(
		unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait),
	)
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("soak: setting a packet socket up: %w", os.NewSyscallError("setsockopt", err))
	}
	return &sniffer{fd: fd, seen: make(map[uint16]numbers)}, nil
}

// run listens until done is closed.
func (s *sniffer) run(done <-chan struct{}) {
	defer unix.Close(s.fd)
	buf := make([]byte, 256)
	for {
		select {
		case <-done:
			return
		default:
		}
		n, _, err := unix.Recvfrom(s.fd, buf, 0)
		if err == nil {
			s.hear(buf[:n])
		} else if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			pause(done, 100*time.Millisecond) // the link may be down for a moment
		}
	}
}

// hear notes a handshake of a client's own: SYNs of nobody have other addresses.
func (s *sniffer) hear(packet []byte) {
	seg, err := segment.Parse(packet)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch own := segment.EndpointFrom(netip.AddrPortFrom(addrOfClients(0), 0)).Addr; {
	case seg.Src.Addr == own && !seg.Flags.Has(segment.ACK) && seg.MSS != 0: // forged ones have no options
		s.seen[seg.Src.Port] = numbers{client: seg.Seq, stamps: seg.HasTimestamps, tsval: seg.TSVal}
	case seg.Dst.Addr == own && seg.Flags.Has(segment.ACK):
		if n, ok := s.seen[seg.Dst.Port]; ok && seg.Ack.Diff(n.client) == 1 {
			n.server = seg.Seq
			s.seen[seg.Dst.Port] = n
		}
	}
}

// of is what is known of the connection from a port. It reports false before the
// server has answered.
func (s *sniffer) of(port uint16) (numbers, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.seen[port]
	return n, ok && n.server != 0
}
