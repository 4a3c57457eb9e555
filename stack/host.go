package stack

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"lastack/stack/closepath"
	"lastack/stack/impair"
	"lastack/stack/link"
	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// Config says what a Host is made of. Device and Addrs are required; the zero
// value of everything else works.
type Config struct {
	// Device carries the packets. The Host owns it from New on.
	Device link.Device
	// Addrs are the host's own addresses, IPv4 and IPv6.
	Addrs []netip.Addr
	// Tunables may be changed at any time, and shared. Nil is a set of
	// defaults, which Tunables returns.
	Tunables *tunable.Set
	// Clock is netstack's, the close path's and the deadlines'. Nil is the
	// real one.
	Clock tcpip.Clock
	// Tap sees every segment on the wire and what the close path does to it.
	Tap closepath.Tap
	// Impairments are the rules by which the wire is bad; SetImpairments changes
	// them. Seed is for the random ones: the same losses for the same traffic.
	Impairments []impair.Rule
	Seed        uint64
	// Backlog is how many connections a listener may have waiting. 0 is 4096.
	Backlog int
}

// Validate reports what is wrong with the Config, naming the field.
func (c *Config) Validate() error {
	if c.Device == nil {
		return errors.New("stack: Config.Device is nil; open one with tun.Open")
	}
	if len(c.Addrs) == 0 {
		return errors.New("stack: Config.Addrs is empty; the host needs an address")
	}
	for _, a := range c.Addrs {
		if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() {
			return fmt.Errorf("stack: Config.Addrs: %v cannot be a host's address on a TUN", a)
		}
	}
	if c.Backlog < 0 {
		return fmt.Errorf("stack: Config.Backlog: %d is negative", c.Backlog)
	}
	return validate(c.Impairments)
}

func validate(rules []impair.Rule) error {
	for i := range rules {
		if err := rules[i].Validate(); err != nil {
			return fmt.Errorf("stack: impairment %d: %w", i+1, err)
		}
	}
	return nil
}

// Host is a TCP/IP host in userspace. Make it with New, end it with Close.
type Host struct {
	net      *netstack.Stack
	link     *link.Endpoint
	path     *closepath.Endpoint
	clock    tcpip.Clock
	tunables *tunable.Set
	backlog  int
	addrs    []netip.Addr
	ports    ports
	close    sync.Once

	// portRange is held while netstack's range of ephemeral ports is what its
	// holder set it to.
	portRange sync.Mutex
}

// nic is the host's only interface.
const nic tcpip.NICID = 1

// defaultBacklog is net.core.somaxconn's default. A short one would bring SYN
// cookies into play, which lose the TCP options of the SYN.
const defaultBacklog = 4096

// New brings a host up on the device. On an error the device is closed.
func New(cfg Config) (*Host, error) {
	if err := cfg.Validate(); err != nil {
		if cfg.Device != nil {
			err = errors.Join(err, cfg.Device.Close())
		}
		return nil, err
	}
	h := &Host{clock: cfg.Clock, tunables: cfg.Tunables, backlog: cfg.Backlog, addrs: cfg.Addrs}
	if h.clock == nil {
		h.clock = tcpip.NewStdClock()
	}
	if h.tunables == nil {
		h.tunables = tunable.NewSet()
	}
	if h.backlog == 0 {
		h.backlog = defaultBacklog
	}
	h.link = link.New(cfg.Device)
	h.net = newNetstack(h.clock)
	h.path = closepath.ForStack(h.net, nic, h.link, closepath.Config{
		Tunables: h.tunables, Tap: cfg.Tap,
		Held: true, PicksPorts: true, Phase: h.ports.follow,
		Impairments: cfg.Impairments, Seed: cfg.Seed,
	})
	h.ports.clock, h.ports.waiting, h.ports.exists = h.elapsed, h.waiting, h.exists
	if err := h.configure(cfg.Addrs); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// newNetstack has no timers or packets of its own accord: on a TUN there are no
// routers to solicit and nobody whose address could be a duplicate.
func newNetstack(clock tcpip.Clock) *netstack.Stack {
	v6 := ipv6.NewProtocolWithOptions(ipv6.Options{
		NDPConfigs: ipv6.NDPConfigurations{HandleRAs: ipv6.HandlingRAsDisabled},
		DADConfigs: netstack.DADConfigurations{DupAddrDetectTransmits: 0},
	})
	return netstack.New(netstack.Options{
		Clock:              clock,
		NetworkProtocols:   []netstack.NetworkProtocolFactory{ipv4.NewProtocol, v6},
		TransportProtocols: []netstack.TransportProtocolFactory{tcp.NewProtocol},
	})
}

func (h *Host) configure(addrs []netip.Addr) error {
	if err := h.net.CreateNIC(nic, h.path); err != nil {
		return fmt.Errorf("stack: attaching the device to netstack: %s", err)
	}
	for _, a := range addrs {
		pa := tcpip.ProtocolAddress{
			Protocol:          protocolOf(a),
			AddressWithPrefix: tcpip.AddrFromSlice(a.AsSlice()).WithPrefix(),
		}
		if err := h.net.AddProtocolAddress(nic, pa, netstack.AddressProperties{}); err != nil {
			return fmt.Errorf("stack: giving the host the address %s: %s", a, err)
		}
	}
	h.net.SetRouteTable([]tcpip.Route{
		{Destination: header.IPv4EmptySubnet, NIC: nic},
		{Destination: header.IPv6EmptySubnet, NIC: nic},
	})
	return h.setOptions()
}

// setOptions brings netstack's TCP to what Linux does by default.
func (h *Host) setOptions() error {
	sack := tcpip.TCPSACKEnabled(true)
	moderate := tcpip.TCPModerateReceiveBufferOption(true)
	for _, o := range []tcpip.SettableTransportProtocolOption{&sack, &moderate} {
		if err := h.net.SetTransportProtocolOption(tcp.ProtocolNumber, o); err != nil {
			return fmt.Errorf("stack: setting netstack's %T: %s", o, err)
		}
	}
	return nil
}

// Tunables is the set that the host obeys.
func (h *Host) Tunables() *tunable.Set { return h.tunables }

// Addrs are the host's addresses.
func (h *Host) Addrs() []netip.Addr { return append([]netip.Addr(nil), h.addrs...) }

// Flows counts the connections that the close path follows: those that the host
// is not through with. TIME_WAIT is not among them.
func (h *Host) Flows() int { return h.path.Flows() }

// LightCounts says how many connections the close path has taken in netstack's place
// (lastack.light) since the start, and how many of them netstack has got since.
func (h *Host) LightCounts() (taken, promoted uint64) { return h.path.LightCounts() }

// TimeWaits counts the connections in TIME_WAIT.
func (h *Host) TimeWaits() int { return h.path.TimeWaits() }

// TimeWaitOverflows counts the connections that ended without TIME_WAIT because
// net.ipv4.tcp_max_tw_buckets was reached.
func (h *Host) TimeWaitOverflows() uint64 { return h.path.TimeWaitOverflows() }

// FINTimer is the timer of the FIN of a connection, if it runs.
func (h *Host) FINTimer(local, remote netip.AddrPort) (timer closepath.FINTimer, runs bool) {
	return h.path.FINTimer(segment.Tuple{Src: segment.EndpointFrom(local), Dst: segment.EndpointFrom(remote)})
}

// FastOpenCounts says how often TCP Fast Open was tried, and how it went.
func (h *Host) FastOpenCounts() closepath.FastOpenCounts { return h.path.FastOpenCounts() }

// SetImpairments replaces the rules by which the wire is bad; none makes it good
// again. Counts begin anew, segments that the old rules hold back still come, and
// the random rules draw from the seed again.
func (h *Host) SetImpairments(rules []impair.Rule) error {
	if err := validate(rules); err != nil {
		return err
	}
	h.path.SetImpairments(rules)
	return nil
}

// Impairments are the rules in force.
func (h *Host) Impairments() []impair.Rule { return h.path.Impairments() }

// Done is closed when the device stops carrying packets: after Close, or because
// it failed, for which Err gives the reason.
func (h *Host) Done() <-chan struct{} { return h.link.Done() }

// Err is why the device failed; nil while it works and after Close.
func (h *Host) Err() error { return h.link.Err() }

// Close resets every connection, sends what the close path holds, closes the
// device and waits until every goroutine of the host has ended. The error is of
// the device.
func (h *Host) Close() error {
	h.close.Do(func() {
		h.net.Close()
		h.path.Close()
		h.path.Wait()
		// What came about since netstack was closed, of a handshake or a promotion that was
		// under way, does not know, and netstack would wait for it.
		for _, ep := range h.net.RegisteredEndpoints() {
			ep.Abort()
		}
		h.net.Wait()
	})
	return h.link.Err()
}
