package soak

import (
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"lastack/harness/lab"
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
			o.Size, o.Sent, o.Back, stateOf(m.ClientSockets, o.Local), stateOf(m.HostSockets, o.Local))
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

func total(count map[string]int64) (n int64) {
	for _, k := range count {
		n += k
	}
	return n
}

// stateOf is the state of the socket that has the client's address at either end.
func stateOf(sockets []lab.Socket, client netip.AddrPort) string {
	for _, s := range sockets {
		if s.Local == client || s.Remote == client {
			return s.State
		}
	}
	return "CLOSED"
}

// WriteResult writes what a soak came to: the counts, then each fault.
func WriteResult(w io.Writer, r *Result) error {
	var b strings.Builder
	c := r.Clients
	fmt.Fprintf(&b, "%d connections begun, %d as wanted (%s), %d unanswered, %d failed; %.0f MB compared\n",
		c.Begun, c.Made, counted(c.Habits), c.Unanswered, c.failures(), float64(c.Bytes)/1e6)
	fmt.Fprintf(&b, "%d segments forged; %d SYNs of nobody; %d connections closed whose RST was lost\n", total(c.Forged), c.Flooded, r.Abandoned)
	fmt.Fprintf(&b, "heap %.1f MB after the warm-up, %.1f MB at the end\n", mb(r.WarmHeap), mb(r.EndHeap))
	if r.Light > 0 {
		fmt.Fprintf(&b, "%d connections served light, %d of them promoted\n", r.Light, r.Promoted)
	}
	for _, f := range r.Faults {
		fmt.Fprintf(&b, "FAULT %s\n", f)
	}
	if len(r.Faults) == 0 {
		b.WriteString("nothing is wrong, and nothing is left\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteCompared writes a comparison of one subject as a line, and its faults.
func WriteCompared(w io.Writer, r *Compared) error {
	var b strings.Builder
	c := r.Clients
	fmt.Fprintf(&b, "%-8s begun %d made %d (%s), %.1f MB compared; TIME_WAIT at the client: %s; nothing left %.1f s after\n",
		r.Subject, c.Begun, c.Made, counted(c.Habits), float64(c.Bytes)/1e6, counted(r.TimeWait), r.SettleSeconds)
	for _, f := range r.Faults {
		fmt.Fprintf(&b, "FAULT %s\n", f)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
