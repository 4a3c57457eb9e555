package explain

import (
	"fmt"
	"time"
)

// twoMSL is Linux's, as no capture shows it.
const twoMSL = 60 * time.Second

// rate is how many of n events happened in a second between the first and the
// last, gaps apart. Less than a second counts as one: a burst is no rate.
func (g gaps) rate(n int, first, last time.Time) float64 {
	return float64(n) / max(1, (last.Sub(first)-g.within(first, last)).Seconds())
}

// exhaustion forecasts which clients run out of ports.
func (f *findings) exhaustion(ports PortRange, between gaps) (out []Finding) {
	for p, c := range f.pairs.counts {
		if found, ok := c.v.forecast(&p, c.n, ports, between); ok {
			out = append(out, found)
		}
	}
	return out
}

// forecast is about a client that holds so many.
func (v *holder) forecast(p *pair, held int, given PortRange, between gaps) (Finding, bool) {
	if held < EnoughToForecast {
		return Finding{}, false
	}
	found := Finding{Kind: FindWhoCloses, Host: p.client.String(), Connections: held}
	found.by(v.Example)
	seen := fmt.Sprintf("%s closes first and leaves %s to %s in TIME_WAIT", p.client, count(held, "connection"), p.server)
	if v.Use.full() {
		found.Kind = FindExhaustion
		found.Text = fmt.Sprintf("%s; it has used all %s ports of %s and no other, so this is its range, and connect() fails with EADDRNOTAVAIL while all of them are in TIME_WAIT. Give it more ports (net.ipv4.ip_local_port_range), keep connections, or let the server close first.",
			seen, number(v.Use.N), v.Use.Seen)
		return found, true
	}
	ports, why := v.Use.assumed(given)
	perSecond := between.rate(held, v.First, v.Last)
	settles := perSecond * twoMSL.Seconds()
	size := float64(ports.size())
	if settles*100 < size*WorthwhilePorts {
		return Finding{}, false
	}
	seen += fmt.Sprintf(", %.0f per second; at 60 s each that settles at %s of the %s ports there are (%s)",
		perSecond, number(int(settles)), number(ports.size()), why)
	if settles < size {
		found.Text = seen + ". Let the server close first, or keep connections, before the load grows " + fmt.Sprintf("%.1f", size/settles) + "-fold."
		return found, true
	}
	found.Kind = FindExhaustion
	found.Text = seen + fmt.Sprintf(", so connect() fails with EADDRNOTAVAIL after %s at this rate. Keep connections (keep-alive, a pool), or let the server close first; net.ipv4.tcp_tw_reuse=1 helps where both sides use timestamps.",
		long(time.Duration(size/perSecond*float64(time.Second))))
	return found, true
}

// records is about a server that closes first for so many that TIME_WAIT piles up.
func (h *host) records(server string, between gaps) (out []Finding) {
	if h.Timed.N == 0 {
		return nil
	}
	perSecond := between.rate(h.Timed.N, h.Timed.When.First, h.Timed.When.Last)
	settles := perSecond * twoMSL.Seconds()
	if settles < ManyRecords {
		return nil
	}
	found := Finding{
		Kind: FindWhoCloses, Host: server, Connections: h.Timed.N,
		Text: fmt.Sprintf("%s closes first %.0f times per second, which settles at %s sockets in TIME_WAIT there, about %d MB; past net.ipv4.tcp_max_tw_buckets they vanish early. Let the clients close first where they are many, or keep connections.",
			server, perSecond, number(int(settles)), int(settles)*512/1_000_000),
	}
	found.by(h.Timed.Example)
	return []Finding{found}
}
