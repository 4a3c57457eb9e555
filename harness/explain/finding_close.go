package explain

import (
	"fmt"
	"net/netip"
)

// closeWait is about applications that do not close.
func (f *findings) closeWait() (out []Finding) {
	for who, c := range f.leaks.counts {
		name, where := who.String(), "server "+who.String()
		if !c.v.server {
			name = who.Addr().String()
			where = "client " + name
		}
		out = append(out, Finding{
			Kind: FindCloseWait, Host: name, Connections: c.n, Example: c.v.example,
			Text: fmt.Sprintf("The %s leaves %s in CLOSE_WAIT, the oldest for %s by the end: its application got the end of the stream and does not close, which leaves the other side in FIN_WAIT_2. No timer ends CLOSE_WAIT; find the process there with ss -tnp state close-wait, and make it close its socket when a read returns 0.",
				where, count(c.n, "connection"), long(c.v.oldest)),
		})
	}
	return out
}

// byServer is what there is to say of each server.
func (f *findings) byServer() (out []Finding) {
	for server, c := range f.servers.counts {
		h := &c.v
		name := server.String()
		out = append(out, h.resets(name, c.n)...)
		out = append(out, h.losses(server, c.n)...)
		out = append(out, h.records(name)...)
	}
	return out
}

// about is a Finding about cases, if there are any.
func (c cases) about(kind FindingKind, server, format string, args ...any) []Finding {
	if c.n == 0 {
		return nil
	}
	return []Finding{{Kind: kind, Host: server, Connections: c.n, Example: c.example, Text: fmt.Sprintf(format, args...)}}
}

// of writes "3 of 200 connections".
func (c cases) of(n int) string { return number(c.n) + " of " + count(n, "connection") }

// resets is about RSTs on n connections to a server.
func (h *host) resets(server string, n int) (out []Finding) {
	idle, _ := h.idle.percentile(50)
	asleep, _ := h.asleep.percentile(50)
	at := func(i int) cases { return h.causes[i] }
	out = append(out, at(byRace).about(FindRace, server,
		"%s to %s were reset because a request met the end of an idle connection (idle for %s, median): make the clients give up idle connections sooner than the server does, and let them repeat requests that may be repeated.",
		at(byRace).of(n), server, long(idle))...)
	out = append(out, at(byHalfOpen).about(FindHalfOpen, server,
		"%s to %s were reset by a side that no longer knew them (quiet for %s before, median): a restart, or a firewall or NAT that forgets idle connections; set TCP keep-alive below that time, or close idle connections.",
		at(byHalfOpen).of(n), server, long(asleep))...)
	out = append(out, at(byHit).about(FindHit, server,
		"%s to %s met TIME_WAIT or another rest of an older one on the same ports, and cost a RST and a second SYN: clients reuse ports within 60 s; keep timestamps on (net.ipv4.tcp_timestamps), and do not bind client ports.",
		at(byHit).of(n), server)...)
	out = append(out, at(byLateData).about(FindLate, server,
		"%s to %s were reset as data came for a side that had closed: it stopped reading too early, or the other goes on after the end of the stream; read to the end before close(), or shutdown(SHUT_WR) and read on.",
		at(byLateData).of(n), server)...)
	out = append(out, at(byForgotten).about(FindForgotten, server,
		"%s to %s had a FIN that came after the other side's FIN_WAIT_2 or TIME_WAIT was gone (net.ipv4.tcp_fin_timeout), and met a RST: the side that closes second waits too long; close when a read returns 0.",
		at(byForgotten).of(n), server)...)
	if a := at(byAbort); a.n*20 >= n {
		out = append(out, a.about(FindAborts, server,
			"%s to %s were aborted with a RST: SO_LINGER 0, or close() with data unread (the wire does not tell which); what was still on its way is lost. Read to the end before close().",
			a.of(n), server)...)
	}
	return append(out, at(byRefusal).about(FindRefused, server,
		"%s to %s were refused: nothing listens there, or a firewall answers for it. Start the server, or mend the address.",
		at(byRefusal).of(n), server)...)
}

// losses is about FINs and ACKs that were lost.
func (h *host) losses(server netip.AddrPort, n int) (out []Finding) {
	name := server.String()
	if a := h.again; a.n*100 >= n {
		out = append(out, a.about(FindLost, name,
			"%s to %s (%.1f%%) sent a FIN again: the FIN was lost on %s, its ACK was lost or late on %s, the capture does not tell on %s; look for loss on the path, and in nstat TcpRetransSegs.",
			a.of(n), name, 100*float64(a.n)/float64(n), number(h.lost[0]), number(h.lost[1]), number(h.lost[2]))...)
	}
	return append(out, h.waiting.about(FindUnanswered, name,
		"%s to %s sent FINs that nobody acknowledged: the other side is gone, or a firewall drops what follows; the sender stays in FIN_WAIT_1 or LAST_ACK until net.ipv4.tcp_orphan_retries is used up.",
		h.waiting.of(n), name)...)
}
