package packetdrill

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// Subject is a TCP under test, with the sockets of one process. One goroutine uses it.
//
// Times are counted from when the subject was made. A method that takes a context
// returns its error when it ends first.
type Subject interface {
	// Name says what it is, in a word or two, for reports.
	Name() string
	// Virtual reports whether time passes only while a method waits.
	Virtual() bool
	// Now is the subject's time.
	Now() time.Duration
	// Sleep returns at a time. What the subject sends meanwhile waits for Packet.
	Sleep(ctx context.Context, until time.Duration) error

	// Inject hands one IP packet to the subject, whose own it is from then on. A packet may
	// be larger than the MTU, up to 64 KiB, as a TUN with offload brings it.
	Inject(packet []byte) error
	// Packet returns the next packet that the subject has sent, TCP or ICMP, in the order
	// of sending. It waits for one, and fails with ErrQuiet if there is none by the time.
	Packet(ctx context.Context, until time.Duration) (Packet, error)

	// Start makes a system call. It does not wait: the call returns by Result, and there
	// is no other Start before it has.
	Start(call *Call) error
	// Result waits for the call to return, and fails with ErrQuiet if it has not by the
	// time; it may be asked again.
	Result(ctx context.Context, until time.Duration) (*Result, error)

	// Sysctl sets a tunable, by Linux's name ("net.ipv4.tcp_fin_timeout") or one of the
	// subject's. It fails with ErrNoSysctl if the subject has none of the name.
	Sysctl(name, value string) error
	// Close ends every connection and frees what the subject holds. A call that blocks is
	// abandoned.
	Close() error
}

// Errors of Subjects.
var (
	// ErrQuiet is what a wait ends with whose time has come.
	ErrQuiet = errors.New("nothing by that time")
	// ErrNoSysctl is wrapped by the error of a Sysctl that does not exist.
	ErrNoSysctl = errors.New("no such tunable")
	// ErrUnsupported is wrapped by the error of a Start whose call the subject does not
	// know.
	ErrUnsupported = errors.New("not supported by the subject")
)

// Packet is an IP packet that a subject sent.
type Packet struct {
	At   time.Duration
	Data []byte
}

// Addresses are those that a script runs with. The subject has Local; Remote is the
// peer's, behind a link of MTU bytes.
type Addresses struct {
	Local4, Remote4 netip.Addr
	Local6, Remote6 netip.Addr
	MTU             int
}

// DefaultAddresses are packetdrill's own: scripts name them.
func DefaultAddresses() Addresses {
	return Addresses{
		Local4: netip.MustParseAddr("192.168.0.1"), Remote4: netip.MustParseAddr("192.0.2.1"),
		Local6: netip.MustParseAddr("fd3d:fa7b:d17d::1"), Remote6: netip.MustParseAddr("2001:db8::1"),
		MTU: 1500,
	}
}
