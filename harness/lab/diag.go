package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"lastack/harness/lab/sockstat"
	"lastack/stack/flow"

	"golang.org/x/sys/unix"
)

// Sizes of the kernel's struct inet_diag_req_v2 and struct inet_diag_msg.
const (
	diagRequestSize = 56
	diagMessageSize = 72
)

// dumpRetries is how often an interrupted dump is begun anew.
const dumpRetries = 5

// The kernel's states as a set: that of listeners, and all of them.
const (
	listening  = 1 << 10
	everyState = 1<<(newSynReceived+1) - 1
)

// diagRequest asks for the TCP sockets of one family in these states (0: every state), ports that
// are not 0 restricting the answer. The netlink library has such a dump, but without
// the ports: a namespace may hold tens of thousands of TIME_WAIT sockets.
type diagRequest struct {
	family     uint8
	localPort  uint16
	remotePort uint16
	states     uint32
}

// Serialize writes struct inet_diag_req_v2. Addresses stay zero: for a dump the
// kernel looks at the ports alone.
func (r diagRequest) Serialize() []byte {
	b := make([]byte, diagRequestSize)
	b[0] = r.family
	b[1] = unix.IPPROTO_TCP
	states := r.states
	if states == 0 {
		states = everyState
	}
	binary.NativeEndian.PutUint32(b[4:], states)
	binary.BigEndian.PutUint16(b[8:], r.localPort)
	binary.BigEndian.PutUint16(b[10:], r.remotePort)
	return b
}

// dump returns the sockets the request matches in the current namespace.
func (r diagRequest) dump() ([]Socket, error) {
	var err error
	for range dumpRetries {
		var socks []Socket
		err = r.each(context.Background(), func(s *Socket) error {
			socks = append(socks, *s)
			return nil
		})
		if err == nil {
			return socks, nil
		}
		if !errors.Is(err, errInterrupted) {
			break
		}
	}
	return nil, fmt.Errorf("lab: asking inet_diag for TCP sockets: %w", err)
}

// parseSocket reads struct inet_diag_msg:
//
//	 0 family  1 state  2 timer  3 retransmissions
//	 4 local port, 6 remote port (network order)
//	 8 local address, 24 remote address (16 bytes each; IPv4 uses 4)
//	40 interface  44 cookie (8 bytes)  52 timer left in ms
//	56 receive queue  60 send queue  64 uid  68 inode
func parseSocket(b []byte) (Socket, error) {
	if len(b) < diagMessageSize {
		return Socket{}, fmt.Errorf("an answer of %d bytes, want at least %d", len(b), diagMessageSize)
	}
	addr := func(offset int) netip.Addr {
		if b[0] == unix.AF_INET {
			return netip.AddrFrom4([4]byte(b[offset:]))
		}
		return netip.AddrFrom16([16]byte(b[offset:])).Unmap()
	}
	word := func(offset int) uint32 { return binary.NativeEndian.Uint32(b[offset:]) }
	s := Socket{
		State:           stateName(b[1]),
		Local:           netip.AddrPortFrom(addr(8), binary.BigEndian.Uint16(b[4:])),
		RecvQ:           int(word(56)),
		SendQ:           int(word(60)),
		Inode:           word(68),
		Cookie:          binary.NativeEndian.Uint64(b[44:]),
		Timer:           timerName(b[2]),
		TimerLeftMS:     int64(word(52)),
		Retransmissions: int(b[3]),
	}
	if s.State != "LISTEN" {
		s.Remote = netip.AddrPortFrom(addr(24), binary.BigEndian.Uint16(b[6:]))
	}
	return s, nil
}

// newSynReceived is the kernel's number for a handshake that has no full socket yet
// (include/net/tcp_states.h). It follows the states that sockstat names.
const newSynReceived = 12

// names are sockstat's; States copies them at each call.
var names = sockstat.States()

func stateName(n uint8) string {
	switch {
	case n == newSynReceived:
		return flow.SynReceived.String()
	case n == 0 || int(n) > len(names):
		return fmt.Sprintf("STATE_%d", n)
	default:
		return names[n-1]
	}
}

// timerNames are inet_diag's timers in ss's words.
var timerNames = [...]string{
	0: "", 1: "on", 2: "keepalive", 3: "timewait", 4: "persist",
}

func timerName(n uint8) string {
	if int(n) >= len(timerNames) {
		return fmt.Sprintf("timer-%d", n)
	}
	return timerNames[n]
}
