package explain

import (
	"fmt"
	"net/netip"
)

// alive are the addresses that answered anything, on whatever port.
func (f *findings) alive() map[netip.Addr]bool {
	out := map[netip.Addr]bool{}
	for server, c := range f.servers.counts {
		if c.v.Answered > 0 {
			out[server.Addr()] = true
		}
	}
	return out
}

// opening is about SYNs that nobody answered, and those that were refused. alive: the server's
// address answers, if not on this port.
func (h *host) opening(server string, n int, alive bool) (out []Finding) {
	s := h.SYNs
	why, variant := h.unansweredBy(alive)
	out = append(out, varied(s.about(FindSYN, server,
		"%s to %s had no answer to the SYN, which was sent %s and waited for up to %s: %s.",
		s.of(n), server, timesInAll(h.SYN, s.N), long(h.Tried), why), variant)...)
	r := h.Causes[byRefusal]
	why, variant = h.refusedBy()
	return append(out, varied(r.about(FindRefused, server, "%s to %s %s refused: %s",
		r.of(n), server, r.be(), why), variant)...)
}

// unansweredBy names what leaves SYNs without an answer, and what to do.
func (h *host) unansweredBy(alive bool) (why, variant string) {
	refused := h.Causes[byRefusal].N
	switch other := h.Answered - refused; {
	case h.Met == h.SYNs.N:
		return "an older connection on the same ports was in TIME_WAIT, and neither timestamp nor sequence number of the SYN is newer; let clients use more ports", "met TIME_WAIT"
	case other > 0:
		return fmt.Sprintf("%s answered, so the server drops some, or was away for a time: its backlog is full (nstat TcpExtListenOverflows, TcpExtListenDrops; ss -ltn), a limit on SYNs, or a SYN that PAWS takes for old behind a NAT", were(other, "other")), "others answered"
	case refused > 0:
		return fmt.Sprintf("%s refused, so nothing listens there, and the host or a firewall does not answer every SYN with a RST", were(refused, "other")), "others refused"
	case alive:
		return "the host answers on other ports, so a firewall, there or on the path, drops the SYNs to this one; look at its rules, or correct the port", "answers on other ports"
	}
	return "nothing comes from there, so a firewall drops them, the host is down, or the address is wrong; try it from another network, and look for ICMP errors", "nothing comes from there"
}

// refusedBy names what refuses connections, and what to do.
func (h *host) refusedBy() (why, variant string) {
	if h.Served > 0 {
		return fmt.Sprintf("nothing listened there at that time, as %s served: it had not started yet, or was started again. Or a firewall, or a limit on connections, refuses some. See what happened on the server then.",
			were(h.Served, "other")), "others served"
	}
	return "nothing listens there, or a firewall answers for it. Start the server, or correct the address.", "none served"
}

func timesInAll(syns, n int) string {
	if syns == 1 {
		return "once"
	}
	if n == 1 {
		return number(syns) + " times"
	}
	return number(syns) + " times in all"
}
