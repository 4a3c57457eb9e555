package reasons

import (
	"net/netip"
	"time"
)

// Side is one end of a connection.
type Side string

// The sides.
const (
	Client Side = "client"
	Server Side = "server"
)

// Query is a connection, as a capture shows it.
type Query struct {
	Client, Server netip.AddrPort
	// Start and End are the times of its first and its latest segment.
	Start, End time.Time
	// First is the side that sent the RST, or else the first FIN; empty if neither did.
	First Side
	// Reset tells that a RST ended it.
	Reset bool
}

// Close is what the kernel says about a connection: about the end that closed it, where that
// is on this machine, and else about the other.
type Close struct {
	End
	// Other is the other end, where that is on this machine too.
	Other *End `json:"other,omitempty"`
	// Ambiguous tells that sockets of two network namespaces have these addresses and
	// ports, so that nothing is said about an end.
	Ambiguous bool `json:"ambiguous,omitempty"`
}

// End is what the kernel says about one end of a connection.
type End struct {
	Side Side `json:"side,omitempty"`
	// Reason is the kernel's word for why it sent a RST; empty where it sent none. A kernel
	// before Linux 6.10 has none for those that a process caused.
	Reason string `json:"reason,omitempty"`
	// PID is the process that connected or closed the socket, in this PID namespace, and
	// Command the name that it chose; 0 and empty where that is not known.
	PID     int    `json:"pid,omitempty"`
	Command string `json:"command,omitempty"`
	// ResetReceived tells that the kernel took a RST for this end.
	ResetReceived bool `json:"reset_received,omitempty"`
	// Dropped are segments to this end that the kernel dropped, by reason, those first that
	// came first. The RST that it took is one of them.
	Dropped []Dropped `json:"dropped,omitempty"`
}

// Dropped counts segments that the kernel dropped.
type Dropped struct {
	Reason   string `json:"reason"`
	Segments int    `json:"segments"`
}

// maxDropped reasons of an end are told apart; further ones are not counted.
const maxDropped = 4

func (e *End) drop(reason string) {
	for i := range e.Dropped {
		if e.Dropped[i].Reason == reason {
			e.Dropped[i].Segments++
			return
		}
	}
	if len(e.Dropped) < maxDropped {
		e.Dropped = append(e.Dropped, Dropped{Reason: reason, Segments: 1})
	}
}
