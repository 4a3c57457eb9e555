package sockstat

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Policy says which local ports a host gives to its outgoing connections, and
// for how long one in TIME_WAIT cannot be given to another connection to the
// same destination.
type Policy struct {
	// Lo and Hi are net.ipv4.ip_local_port_range, both included.
	Lo, Hi uint16
	// Reserved is how many ports of the range are not given out
	// (net.ipv4.ip_local_reserved_ports).
	Reserved int
	// Life of TIME_WAIT: 2MSL.
	Life time.Duration
	// Reuse is net.ipv4.tcp_tw_reuse: 1 allows an outgoing connection to take
	// over one in TIME_WAIT, 2 only over loopback. ReuseAfter is how old that
	// has to be (net.ipv4.tcp_tw_reuse_delay).
	Reuse      int
	ReuseAfter time.Duration
}

// Ports is how many local ports there are toward one destination.
func (p *Policy) Ports() int { return int(p.Hi) - int(p.Lo) + 1 - p.Reserved }

// Hold is for how long TIME_WAIT keeps a port from being used again toward an
// address.
func (p *Policy) Hold(remote netip.Addr) time.Duration {
	if p.Reuse == 1 || p.Reuse == 2 && remote.IsLoopback() {
		return min(p.ReuseAfter, p.Life)
	}
	return p.Life
}

// Steps is into how many parts a Destination divides the time that TIME_WAIT
// holds a port.
const Steps = 60

// Destination is what a host's connections to one address and port take of its
// local ports. Its JSON is that of the control API.
type Destination struct {
	Local  netip.Addr     `json:"local"`
	Remote netip.AddrPort `json:"remote"`
	// Ports there are in all.
	Ports int `json:"ports"`
	// Live counts connections that do not end by the mere passing of time.
	Live int `json:"live"`
	// TimeWait counts those that are, those included whose port may be used
	// again.
	TimeWait int `json:"time_wait"`
	// HoldMS is for how long TIME_WAIT holds a port, in milliseconds.
	HoldMS int64 `json:"hold_ms"`
	// Ages counts the connections in TIME_WAIT that hold their port by their
	// age, in steps of a 60th of HoldMS, the youngest first. Linux's orphans in
	// FIN_WAIT_2 are among them, which wait on the same timer.
	Ages [Steps]int `json:"ages"`
}

// Ports counts connections by destination. Listeners have to be added before the
// connections they accepted, which take no port of the range.
//
// A count holds at most MaxDestinations, some 600 bytes each. Connections to others are
// counted together, in Rest: a destination that holds many ports is met early among the
// sockets, whose order is that of a hash.
type Ports struct {
	policy    Policy
	listening map[uint16]bool
	dests     map[route]*Destination
	beyond    int // connections to destinations beyond the bound
}

// MaxDestinations is how many destinations a Ports counts apart.
const MaxDestinations = 16_384

type route struct {
	local  netip.Addr
	remote netip.AddrPort
}

// NewPorts begins a count.
func NewPorts(p Policy) *Ports {
	return &Ports{policy: p, listening: make(map[uint16]bool), dests: make(map[route]*Destination)}
}

// Add counts a socket.
func (p *Ports) Add(s *Socket) {
	port := s.Local.Port()
	switch {
	case s.State == "LISTEN":
		p.listening[port] = true
		return
	case p.listening[port], port < p.policy.Lo, port > p.policy.Hi, !s.Remote.IsValid():
		return
	}
	key := route{s.Local.Addr(), s.Remote}
	d := p.dests[key]
	if d == nil {
		if len(p.dests) == MaxDestinations {
			p.beyond++
			return
		}
		hold := p.policy.Hold(s.Remote.Addr())
		d = &Destination{Local: key.local, Remote: key.remote, Ports: p.policy.Ports(), HoldMS: hold.Milliseconds()}
		p.dests[key] = d
	}
	d.add(s, p.policy.Life)
}

// Busiest are the destinations with the most ports taken, at most n.
func (p *Ports) Busiest(n int) []Destination {
	all := make([]*Destination, 0, len(p.dests))
	for _, d := range p.dests {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b *Destination) int {
		return cmp.Or(cmp.Compare(b.Taken(), a.Taken()), a.Remote.Compare(b.Remote), a.Local.Compare(b.Local))
	})
	top := make([]Destination, 0, min(n, len(all)))
	for _, d := range all[:min(n, len(all))] {
		top = append(top, *d)
	}
	return top
}

// Rest is what Busiest(n) leaves out: how many ports are taken toward other destinations,
// those beyond MaxDestinations included, whose TIME_WAIT counts whatever its age.
func (p *Ports) Rest(n int) (taken int) {
	for _, d := range p.dests {
		taken += d.Taken()
	}
	for _, d := range p.Busiest(n) {
		taken -= d.Taken()
	}
	return taken + p.beyond
}

func (d *Destination) add(s *Socket, life time.Duration) {
	switch {
	case s.State == "TIME_WAIT":
		d.TimeWait++
	case s.State == "FIN_WAIT_2" && s.Timer == "timewait" && d.Hold() == life:
		// Nobody holds it, so that it goes by itself as TIME_WAIT does; but it
		// is not reused.
	default:
		d.Live++
		return
	}
	// A timer that was set when 2MSL was longer, or that is late, may be out of
	// bounds.
	age := min(max(life-s.TimerLeft(), 0), life-1)
	if hold := d.Hold(); age < hold {
		d.Ages[int64(age)*Steps/int64(hold)]++
	}
}

// Hold is for how long TIME_WAIT holds a port.
func (d *Destination) Hold() time.Duration { return time.Duration(d.HoldMS) * time.Millisecond }

// Taken is how many ports cannot be used for another connection.
func (d *Destination) Taken() int {
	n := d.Live
	for _, c := range d.Ages {
		n += c
	}
	return n
}

// Left is how many ports can.
func (d *Destination) Left() int { return max(d.Ports-d.Taken(), 0) }

// Rate is how many connections a second came into TIME_WAIT lately, over the given time,
// as far as the ages show it.
func (d *Destination) Rate(over time.Duration) float64 {
	if d.HoldMS <= 0 || over <= 0 {
		return 0
	}
	step := d.Hold() / Steps
	steps := Steps
	if over < d.Hold() {
		steps = int((over + step - 1) / step)
	}
	n := 0
	for _, c := range d.Ages[:min(steps, Steps)] {
		n += c
	}
	return float64(n*Steps) / (float64(min(steps, Steps)) * d.Hold().Seconds())
}
