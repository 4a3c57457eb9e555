package soak

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// WriteMeasured writes a measurement for a person: a line that can be compared,
// and a line for each connection that is stuck.
func WriteMeasured(w io.Writer, m *Measured) error {
	var b strings.Builder
	c := m.Clients
	fmt.Fprintf(&b, "%-8s begun %d made %d open %d stalled %d unanswered %d failed %d wrong %d; live: client %s, host %s; %.0f s, %.1f MB back\n",
		m.Subject, c.Begun, c.Made, len(c.Open), c.Stalled, c.Unanswered, c.failures()-c.Wrong-c.Stalled, c.Wrong,
		counted(m.ClientStates), counted(m.HostStates), m.Seconds, float64(c.Bytes)/1e6)
	for _, o := range c.Open {
		fmt.Fprintf(&b, "  open: %s %s -> %s, %d bytes, %d sent, %d back; client %s, host %s\n", o.Habit, o.Local, o.Remote,
			o.Size, o.Sent, o.Back, stateOf(m.ClientSockets, o.Local.Port()), stateOf(m.HostSockets, o.Local.Port()))
	}
	for _, s := range c.Samples {
		fmt.Fprintf(&b, "  failed: %s\n", s)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// counted is "2 FIN_WAIT_2 1 LAST_ACK", or "none".
func counted[N int | int64](count map[string]N) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d %s", count[name], name))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// stateOf is the state of the socket that has the client's port at either end.
func stateOf(sockets []Socket, port uint16) string {
	for _, s := range sockets {
		if s.Local.Port() == port || s.Remote.Port() == port {
			return s.State
		}
	}
	return "CLOSED"
}
