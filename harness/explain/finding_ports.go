package explain

import (
	"fmt"
	"time"
)

// What a forecast assumes of a client, as no capture shows it: the range of
// net.ipv4.ip_local_port_range as it is shipped, and Linux's 2MSL.
const (
	lowPort  = 32768
	highPort = 60999
	ports    = highPort - lowPort + 1
	twoMSL   = 60 * time.Second
)

// rate is how many of n events happened in a second between the first and the
// last. Less than a second counts as one: a burst is no rate.
func rate(n int, first, last time.Time) float64 {
	return float64(n) / max(1, last.Sub(first).Seconds())
}

// exhaustion forecasts which clients run out of ports.
func (f *findings) exhaustion() (out []Finding) {
	for p, c := range f.pairs.counts {
		perSecond := rate(c.v.held, c.v.first, c.v.last)
		settles := perSecond * twoMSL.Seconds()
		if c.v.held < EnoughToForecast || settles*100 < ports*WorthwhilePorts {
			continue
		}
		found := Finding{Kind: FindWhoCloses, Host: p.client.String(), Connections: c.v.held, Example: c.v.example}
		seen := fmt.Sprintf("%s closes first and leaves %s to %s in TIME_WAIT, %.0f per second; at 60 s each that settles at %s of the %s ports there are (assumed: %d-%d)",
			p.client, count(c.v.held, "connection"), p.server, perSecond, number(int(settles)), number(ports), lowPort, highPort)
		if settles < ports {
			found.Text = seen + ". Let the server close first, or keep connections, before the load grows " + fmt.Sprintf("%.1f", ports/settles) + "-fold."
		} else {
			found.Kind = FindExhaustion
			found.Text = seen + fmt.Sprintf(", so connect() fails with EADDRNOTAVAIL after %s at this rate. Keep connections (keep-alive, a pool), or let the server close first; net.ipv4.tcp_tw_reuse=1 helps where both sides use timestamps.",
				long(time.Duration(ports/perSecond*float64(time.Second))))
		}
		out = append(out, found)
	}
	return out
}

// records is about a server that closes first for so many that TIME_WAIT piles up.
func (h *host) records(server string) (out []Finding) {
	perSecond := rate(h.timed.n, h.first, h.last)
	settles := perSecond * twoMSL.Seconds()
	if settles < ManyRecords {
		return nil
	}
	return []Finding{{
		Kind: FindWhoCloses, Host: server, Connections: h.timed.n, Example: h.timed.example,
		Text: fmt.Sprintf("%s closes first %.0f times per second, which settles at %s sockets in TIME_WAIT there, about %d MB; past net.ipv4.tcp_max_tw_buckets they vanish early. Let the clients close first where they are many, or keep connections.",
			server, perSecond, number(int(settles)), int(settles)*512/1_000_000),
	}}
}
