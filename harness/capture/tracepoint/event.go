package tracepoint

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Kind is which tracepoint an Event is of.
type Kind uint8

// The kinds of an Event, by tracepoint.
const (
	StateChange   Kind = iota + 1 // sock:inet_sock_set_state
	ResetSent                     // tcp:tcp_send_reset
	ResetReceived                 // tcp:tcp_receive_reset
	Drop                          // skb:kfree_skb
)

// Tracepoint is one of the kernel's.
type Tracepoint struct {
	Kind        Kind
	Group, Name string
	filter      string
	needs       []string
}

// Filter is for the kernel, in the syntax of its event filters, to keep away what is about no
// TCP socket; it is empty for none.
func (t *Tracepoint) Filter(f *Format) string {
	if t.Kind == Drop && f.Has("rx_sk") {
		return "rx_sk != 0 && (" + t.filter + ")" // a flood that meets no socket costs nothing
	}
	return t.filter
}

// Tracepoints are those that a Decoder understands. The first is needed, and the kernel may
// be too old for the others.
func Tracepoints() []Tracepoint {
	return []Tracepoint{
		{StateChange, "sock", "inet_sock_set_state", "protocol == 6", []string{"skaddr", "oldstate", "newstate", "sport", "dport", "protocol", "saddr", "daddr"}},
		{ResetSent, "tcp", "tcp_send_reset", "", []string{"skaddr", "saddr", "daddr"}},
		{ResetReceived, "tcp", "tcp_receive_reset", "", []string{"skaddr", "sport", "dport", "saddr", "daddr"}},
		// Before Linux 5.17 there was no reason.
		{Drop, "skb", "kfree_skb", "protocol == 0x800 || protocol == 0x86dd", []string{"skbaddr", "protocol", "reason"}},
	}
}

// State is a TCP socket's, as the kernel numbers them.
type State uint8

// The states of linux/tcp_states.h that matter here.
const (
	Established State = 1
	SynSent     State = 2
	SynRecv     State = 3
	Closed      State = 7
	Listen      State = 10
)

// Event is what the kernel said.
type Event struct {
	Kind Kind
	Time uint64 // of the Record
	// PID is the process that the kernel worked for, and 0 where it worked for none: it
	// handles what arrives, and timers, on the back of whatever process happens to run.
	PID int
	// Socket and Packet tell those of one moment apart, and are their addresses in the
	// kernel; 0 is none. Do not show them to anybody.
	Socket, Packet uint64
	// Local and Remote are the socket's, or those of the sender and the receiver of a RST.
	// A Drop has none.
	Local, Remote netip.AddrPort
	Old, New      State
	// Reason is the kernel's word for it; empty where it has none.
	Reason string
}

// Decoder makes Events of Samples. Make it with NewDecoder; it is for any number of
// goroutines.
type Decoder struct {
	formats map[uint16]*Format
	kinds   map[uint16]Kind
}

// NewDecoder knows no tracepoint before Add.
func NewDecoder() *Decoder {
	return &Decoder{formats: map[uint16]*Format{}, kinds: map[uint16]Kind{}}
}

// Add makes it understand a tracepoint's records. The error says what is missing there.
func (d *Decoder) Add(t *Tracepoint, f *Format) error {
	if f.Name != t.Name {
		return fmt.Errorf("tracepoint %s:%s: the format file is that of %q", t.Group, t.Name, f.Name)
	}
	for _, name := range append([]string{"common_type", "common_flags"}, t.needs...) {
		if !f.Has(name) {
			return fmt.Errorf("tracepoint %s:%s: this kernel's has no field %s", t.Group, t.Name, name)
		}
	}
	d.formats[f.ID], d.kinds[f.ID] = f, t.Kind
	return nil
}

// Reasons are the words that this kernel has for why it sends a RST, in no order.
func (d *Decoder) Reasons() (list []string) {
	for id, f := range d.formats {
		if d.kinds[id] == ResetSent {
			for _, name := range f.Symbols("reason") {
				if name != "MAX" { // where the kernel's list ends
					list = append(list, name)
				}
			}
		}
	}
	return list
}

// Flags of common_flags, by linux/trace_events.h.
const (
	flagHardIRQ = 0x08
	flagSoftIRQ = 0x10
	flagNMI     = 0x40
	flagBHOff   = 0x80 // Linux 5.18; threads that poll network cards have it
)

// Decode reads a Sample; ok is false for one that is too short or that nothing is known of.
func (d *Decoder) Decode(r *Record) (e Event, ok bool) {
	if len(r.Raw) < 2 {
		return e, false
	}
	id := binary.NativeEndian.Uint16(r.Raw)
	f := d.formats[id]
	if f == nil {
		return e, false
	}
	e.Kind, e.Time = d.kinds[id], r.Time
	flags, ok := f.number(r.Raw, "common_flags")
	if !ok {
		return e, false
	}
	if flags&(flagHardIRQ|flagSoftIRQ|flagNMI|flagBHOff) == 0 {
		e.PID = r.PID
	}
	e.Socket, _ = f.number(r.Raw, "skaddr")
	e.Packet, _ = f.number(r.Raw, "skbaddr")
	e.Reason = f.reason(r.Raw)
	switch e.Kind {
	case Drop:
		e.Socket, _ = f.number(r.Raw, "rx_sk") // Linux 6.11
		return e, true
	case StateChange:
		before, _ := f.number(r.Raw, "oldstate")
		after, known := f.number(r.Raw, "newstate")
		protocol, _ := f.number(r.Raw, "protocol")
		if !known || protocol != tcp || before > 0xff || after > 0xff {
			return e, false
		}
		e.Old, e.New = State(before), State(after)
	}
	e.Local, e.Remote, ok = f.ends(r.Raw)
	return e, ok
}

const (
	tcp = 6
	// Address families of Linux.
	inet  = 2
	inet6 = 10
)

// reason is the word for a record's reason.
func (f *Format) reason(rec []byte) string {
	n, ok := f.number(rec, "reason")
	if !ok {
		return ""
	}
	if name := f.Symbols("reason")[n]; name != "" {
		return name
	}
	return fmt.Sprintf("reason %d", n)
}

// ends are the addresses of a record: sockaddrs since Linux 6.10 where a RST is sent, and
// else addresses beside ports.
func (f *Format) ends(rec []byte) (local, remote netip.AddrPort, ok bool) {
	if !f.Has("sport", "dport") {
		if local, ok = sockaddr(f.bytes(rec, "saddr")); !ok {
			return local, remote, false
		}
		remote, ok = sockaddr(f.bytes(rec, "daddr"))
		return local, remote, ok
	}
	suffix := ""
	if family, known := f.number(rec, "family"); known && family == inet6 || !known && wide(f.bytes(rec, "saddr")) {
		suffix = "_v6"
	}
	from, one := netip.AddrFromSlice(f.bytes(rec, "saddr"+suffix))
	to, two := netip.AddrFromSlice(f.bytes(rec, "daddr"+suffix))
	sport, three := f.number(rec, "sport")
	dport, four := f.number(rec, "dport")
	if !one || !two || !three || !four {
		return local, remote, false
	}
	return netip.AddrPortFrom(from.Unmap(), uint16(sport)), netip.AddrPortFrom(to.Unmap(), uint16(dport)), true
}

// wide tells, of a record without an address family, that its IPv4 address is none.
func wide(v4 []byte) bool { return string(v4) == "\x00\x00\x00\x00" }

// sockaddr reads a sockaddr_in or a sockaddr_in6.
func sockaddr(b []byte) (a netip.AddrPort, ok bool) {
	if len(b) < 28 {
		return a, false
	}
	port := binary.BigEndian.Uint16(b[2:])
	switch binary.NativeEndian.Uint16(b) {
	case inet:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), port), true
	case inet6:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])).Unmap(), port), true
	}
	return a, false
}
