package explain

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// closeWait is about applications that do not close.
func (f *findings) closeWait() (out []Finding) {
	for who, c := range f.leaks.counts {
		if c.v.Old == 0 {
			continue
		}
		name, where := who.String(), "server "+who.String()
		if !c.v.Server {
			name = who.Addr().String()
			where = "client " + name
		}
		found := Finding{
			Kind: FindCloseWait, Host: name, Connections: c.n,
			Text: fmt.Sprintf("The %s leaves %s in CLOSE_WAIT%s, the oldest for %s by the end: its application got the end of the stream and does not close, which leaves the other side in FIN_WAIT_2. No timer ends CLOSE_WAIT; find the process there with ss -tnp state close-wait, and make it close its socket when a read returns 0.",
				where, count(c.n, "connection"), silentOf(c.v.Old, c.n), long(c.v.Oldest)),
		}
		found.by(c.v.Example)
		out = append(out, found)
	}
	return out
}

// silentOf is ", of which 13 have been silent for over 1.0 s", where that is not all.
func silentOf(old, n int) string {
	if old == n {
		return ""
	}
	return fmt.Sprintf(", of which %s been silent for over %s", have(old), long(LeakAfter))
}

// byServer is what there is to say of each server.
func (f *findings) byServer(between gaps) (out []Finding) {
	alive := f.alive()
	for server, c := range f.servers.counts {
		h := &c.v
		name := server.String()
		out = append(out, h.unreachable(name, c.n)...)
		out = append(out, h.opening(name, c.n, alive[server.Addr()])...)
		out = append(out, h.resets(name, c.n)...)
		out = append(out, h.timeouts(name, c.n)...)
		out = append(out, h.losses(server, c.n)...)
		out = append(out, h.records(name, between)...)
	}
	return out
}

// about is a Finding about cases, if there are any.
func (c cases) about(kind FindingKind, server, format string, args ...any) []Finding {
	if c.N == 0 {
		return nil
	}
	found := Finding{Kind: kind, Host: server, Connections: c.N, Text: fmt.Sprintf(format, args...), when: c.When}
	found.by(c.Example)
	return []Finding{found}
}

// of writes "3 of 200 connections".
func (c cases) of(n int) string { return number(c.N) + " of " + count(n, "connection") }

// be is the verb of a sentence about the cases.
func (c cases) be() string {
	if c.N == 1 {
		return "was"
	}
	return "were"
}

// resets is about RSTs on n connections to a server.
func (h *host) resets(server string, n int) (out []Finding) {
	idle, _ := h.Idle.percentile(50)
	closed, _ := h.Closed.percentile(50)
	at := func(i int) cases { return h.Causes[i] }
	out = append(out, at(byRace).about(FindRace, server,
		"%s to %s %s reset because a request met the end of an idle connection (idle for %s, median): make the clients give up idle connections sooner than the server does, and let them repeat requests that may be repeated.",
		at(byRace).of(n), server, at(byRace).be(), long(idle))...)
	out = append(out, at(byHalfOpen).about(FindHalfOpen, server,
		"%s to %s %s reset by a side that no longer knew the connection%s",
		at(byHalfOpen).of(n), server, at(byHalfOpen).be(), h.forgotten())...)
	out = append(out, at(byHit).about(FindHit, server,
		"%s to %s met TIME_WAIT or another rest of an older one on the same ports, and cost a RST and a second SYN: clients reuse ports within 60 s; keep timestamps on (net.ipv4.tcp_timestamps), and do not bind client ports.",
		at(byHit).of(n), server)...)
	out = append(out, at(byLateData).about(FindLate, server,
		"%s to %s %s reset%s, as data came for a side that had closed, %s after the data before (median): it stopped reading too early, or the other goes on after the end of the stream; read to the end before close(), or shutdown(SHUT_WR) and read on.",
		at(byLateData).of(n), server, at(byLateData).be(), bySides(h.Early), long(closed))...)
	out = append(out, at(byForgotten).about(FindForgotten, server,
		"%s to %s %s reset as the FIN_WAIT_2 or TIME_WAIT of the side that had closed was over (net.ipv4.tcp_fin_timeout) before the other side closed: the side that closes second waits too long; close when a read returns 0.",
		at(byForgotten).of(n), server, at(byForgotten).be())...)
	if a := at(byAbort); a.N*100 >= n*AbortsFrom {
		text, variant := h.abortedBy()
		out = append(out, varied(a.about(FindAborts, server, "%s to %s %s aborted with a RST%s: %s",
			a.of(n), server, a.be(), bySides(h.Aborts), text), variant)...)
	}
	return out
}

// abortedBy names what aborts a connection, and what to do, by whether there may have been data
// that nobody had read.
func (h *host) abortedBy() (text, variant string) {
	const unread = "perhaps with data unread"
	n := h.Causes[byAbort].N
	switch {
	case h.Unread == 0:
		return "SO_LINGER 0, or a time-out of its own, as no data had come that it could have left unread; what was still on its way is lost. Scans and health checks do so on purpose; others should close without SO_LINGER 0.", "no data to read"
	case h.Unread < n:
		return fmt.Sprintf("SO_LINGER 0, or close() with data unread (the wire does not tell which; on %s no data had come that could be unread); what was still on its way is lost. Read to the end before close().", number(n-h.Unread)), unread
	}
	return "SO_LINGER 0, or close() with data unread (the wire does not tell which); what was still on its way is lost. Read to the end before close().", unread
}

// forgotten ends the sentence about half-open connections. One side may not have been quiet
// until the RST, but have had no answer.
func (h *host) forgotten() string {
	if asleep, ok := h.Asleep.percentile(50); ok {
		return fmt.Sprintf(" (quiet for %s before, median): a restart, or a firewall or NAT that forgets idle connections; set TCP keep-alive below that time, or close idle connections.", long(asleep))
	}
	return ", after the other had sent the same again without an answer: a restart, or a host that took over the address; look there for what ended at that time."
}

// bySides is " by the client", or how many by each.
func bySides(n [2]int) string {
	switch {
	case n[1] == 0:
		return " by the client"
	case n[0] == 0:
		return " by the server"
	}
	return fmt.Sprintf(" (%s by the client, %s by the server)", number(n[0]), number(n[1]))
}

// timeouts is about limits that ran out, and RSTs that are none of the endpoints'.
func (h *host) timeouts(server string, n int) (out []Finding) {
	limit, _ := h.Limit.percentile(50)
	due, _ := h.Due.percentile(50)
	at := func(i int) cases { return h.Causes[i] }
	out = append(out, at(byIdle).about(FindIdle, server,
		"%s to %s %s reset%s after %s of silence (median), with all acknowledged: a limit on idle connections, of the application there, a load balancer or a firewall. Let clients give up idle connections before that, send TCP keep-alives more often (net.ipv4.tcp_keepalive_time; a limit of the application does not heed them), or raise the limit.",
		at(byIdle).of(n), server, at(byIdle).be(), bySides(h.Limits), long(limit))...)
	out = append(out, at(byMiddlebox).about(FindMiddlebox, server,
		"%s to %s %s reset by neither end: TTL, IP identification or timing of the RST are those of a device on the path, such as a firewall, a load balancer or a filter. Look at its log and at its limits on idle connections.",
		at(byMiddlebox).of(n), server, at(byMiddlebox).be())...)
	out = append(out, at(byKeepAlive).about(FindKeepAlive, server,
		"%s to %s %s given up with a RST as keep-alive probes had no answer: the other host or the path was gone, or a firewall had forgotten the connection; send probes more often than it forgets (net.ipv4.tcp_keepalive_time).",
		at(byKeepAlive).of(n), server, at(byKeepAlive).be())...)
	out = append(out, at(byUser).about(FindUser, server,
		"%s to %s %s given up with a RST as retransmissions or probes of a shut window led nowhere: the other side does not read, or is gone (TCP_USER_TIMEOUT, net.ipv4.tcp_retries2).",
		at(byUser).of(n), server, at(byUser).be())...)
	return append(out, at(byGaveUp).about(FindGaveUp, server,
		"%s to %s %s ended by the client while an answer was due, after %s (median): the server is slower than its clients wait. Look for what takes so long there, or raise the clients' time-out.",
		at(byGaveUp).of(n), server, at(byGaveUp).be(), long(due))...)
}

// losses is about FINs and ACKs that were lost.
func (h *host) losses(server netip.AddrPort, n int) (out []Finding) {
	name := server.String()
	if a := h.Again; a.N*100 >= n*LostFrom {
		out = append(out, a.about(FindLost, name,
			"%s to %s (%.1f%%) sent a FIN again: %s; look for loss on the path, and in nstat TcpRetransSegs.",
			a.of(n), name, 100*float64(a.N)/float64(n), h.lostOn())...)
	}
	return append(out, h.Waiting.about(FindUnanswered, name,
		"%s to %s sent FINs that nobody acknowledged: the other side is gone, or a firewall drops what follows; the sender stays in FIN_WAIT_1 or LAST_ACK until net.ipv4.tcp_orphan_retries is used up.",
		h.Waiting.of(n), name)...)
}

// lostOn says what was lost how often, without what never was.
func (h *host) lostOn() string {
	var parts []string
	for i, what := range [3]string{"the FIN was lost", "its ACK was lost or late", "the capture does not tell which of them was lost"} {
		if n := h.Lost[i]; n > 0 {
			parts = append(parts, what+" on "+number(n))
		}
	}
	return strings.Join(parts, ", ")
}

// have writes "1 has", "13 have".
func have(n int) string {
	if n == 1 {
		return "1 has"
	}
	return number(n) + " have"
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
