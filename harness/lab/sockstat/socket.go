package sockstat

import (
	"net/netip"
	"time"
)

// Socket is one TCP socket, of a lastack host or of the kernel. Its JSON is that
// of the control API. IPv4 addresses are plain IPv4 even where an IPv6 socket of the
// kernel carries IPv4.
type Socket struct {
	// State is RFC 9293's name with underscores: "TIME_WAIT".
	State string `json:"state"`
	// Local is unspecified where a listener takes connections to any address.
	Local netip.AddrPort `json:"local"`
	// Remote is the zero AddrPort for a listener, in JSON "".
	Remote netip.AddrPort `json:"remote"`
	// RecvQ and SendQ are bytes not read and not acknowledged; the kernel counts a FIN
	// that was not read as one more. For a listener, they are connections that wait and
	// that may wait.
	RecvQ int `json:"recv_q"`
	SendQ int `json:"send_q"`
	// Timer that runs, in ss's word: "on" (retransmission), "keepalive" (FIN_WAIT_2 of a
	// socket that no process holds runs on it too), "timewait", "persist" (zero-window
	// probes), or "" for none.
	Timer string `json:"timer,omitempty"`
	// TimerLeftMS until it fires, in milliseconds.
	TimerLeftMS int64 `json:"timer_left_ms,omitempty"`
	// Retransmissions of what the timer sends.
	Retransmissions int `json:"retransmissions,omitempty"`
	// Timestamps: both sides use the option. The kernel's are not asked for it.
	Timestamps bool `json:"timestamps,omitempty"`
	// FastOpen counts the bytes that the connection's SYN brought and the SYN+ACK
	// acknowledged. The kernel's are not asked for it.
	FastOpen int `json:"fast_open,omitempty"`
	// Light: the close path of a lastack host has the connection in netstack's place
	// (lastack.light).
	Light bool `json:"light,omitempty"`
	// V6Only: an IPv6 listener that takes no IPv4 connections.
	V6Only bool `json:"v6only,omitempty"`
	// Inode names a kernel's socket in /proc/*/fd. It is 0 if no process holds the socket,
	// as in TIME_WAIT.
	Inode uint32 `json:"inode,omitempty"`
	// Cookie is the kernel's number for the socket, which no other gets until the machine
	// boots again. It is not asked for of a lastack host.
	Cookie uint64 `json:"-"`
}

// TimerLeft is until the timer fires.
func (s *Socket) TimerLeft() time.Duration { return time.Duration(s.TimerLeftMS) * time.Millisecond }

// Live reports whether the socket is of a connection that is not over, even for
// TIME_WAIT to keep.
func (s *Socket) Live() bool {
	return s.State != "LISTEN" && s.State != "TIME_WAIT" && s.State != "CLOSED"
}

// is4 reports whether ss would list it under -4. A listener for both families
// is an IPv6 socket.
func (s *Socket) is4() bool { return s.Local.Addr().Is4() }
