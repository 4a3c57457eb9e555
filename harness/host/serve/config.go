package serve

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"lastack/harness/app"
	"lastack/harness/host/setting"
	"lastack/harness/teardown"
	"lastack/stack/impair"
	"lastack/stack/tunable"
	"lastack/tun"
)

// Config says what to serve. The zero value serves the default apps on the
// default addresses, and prints to nobody.
type Config struct {
	// TUN is the interface's name. "" lets the kernel choose.
	TUN string
	// MTU of the TUN in bytes. 0 is tun.DefaultMTU.
	MTU int
	// Offload makes the TUN carry large segments and unfinished checksums: faster where
	// much is sent, and nothing looks as on a wire.
	Offload bool
	// KernelAddrs are the kernel's addresses on the TUN with their prefixes,
	// at most one of each family. None is DefaultKernelAddrs.
	KernelAddrs []netip.Prefix
	// HostAddrs are the host's own addresses, one within each kernel prefix.
	// A prefix without one gets the next address after the kernel's.
	HostAddrs []netip.Addr
	// Settings are tunables as "NAME=VALUE".
	Settings []string
	// Impairments are rules by which the wire is bad, as lastack/stack/impair
	// has them; Seed is for the random ones.
	Impairments []string
	Seed        uint64
	// Apps are the servers. None is app.Defaults.
	Apps []app.Spec
	// Pcapng is a file to record the wire in; "" is none. An existing file keeps its
	// content until the host is up. When it cannot be written to any more the recording
	// ends with a warning, and Run's error says so at the end.
	Pcapng string
	// Control is the path of the control API's socket; "" is none.
	Control string
	// Web is a page for a browser; nil is none.
	Web *Web
	// Metrics is the address, of the kernel, where Prometheus finds what it asks for; "" is none.
	Metrics string

	// Confine is called once everything is open that may take privileges, with the
	// device, and before anything is read from the network or the control socket; its
	// error ends Run. It is the place to give up privileges. Nil is nothing.
	Confine func(tun.Device) error
	// Ready is called once everything is set up, with the device; its error
	// ends Run. Nil is nothing.
	Ready func(tun.Device) error

	// Out gets the closes, Log what else there is to say. JSON makes Out JSON
	// lines, Verbose adds the ladder to each close, Color uses ANSI colours.
	Out, Log      io.Writer
	JSON, Verbose bool
	Color         bool
	// Columns is the width of the terminal that Out is; 0 is 80.
	Columns int
	// Quiet leaves out what is said at the start.
	Quiet bool

	// count is called with each close, if it is not nil.
	count func(teardown.Kind, teardown.Cause)
}

// DefaultKernelAddrs are the kernel's addresses on the TUN where none are given.
func DefaultKernelAddrs() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("10.77.0.1/24"), netip.MustParsePrefix("fd77::1/64")}
}

// ErrConfig is matched by every error that is the Config's fault.
var ErrConfig = errors.New("invalid configuration")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrConfig, fmt.Errorf(format, args...))
}

// Validate reports what Run would refuse before it opens anything. The error is an ErrConfig.
func (c Config) Validate() error {
	_, err := c.complete()
	if err == nil {
		_, err = impairments(c.Impairments)
	}
	return err
}

// complete fills in what was left out, and refuses what cannot work.
func (c *Config) complete() (*tunable.Set, error) {
	if len(c.KernelAddrs) == 0 {
		c.KernelAddrs = DefaultKernelAddrs()
		if len(c.HostAddrs) > 0 {
			c.KernelAddrs = reached(c.KernelAddrs, c.HostAddrs)
		}
	}
	if len(c.Apps) == 0 {
		c.Apps = app.Defaults()
	}
	if c.Out == nil {
		c.Out = io.Discard
	}
	if c.Log == nil {
		c.Log = io.Discard
	}
	if err := c.completeAddrs(); err != nil {
		return nil, err
	}
	ports := map[uint16]string{}
	for _, a := range c.Apps {
		if other, taken := ports[a.Port]; taken {
			return nil, invalid("port %d is given to both %s and %s", a.Port, other, a.Kind)
		}
		ports[a.Port] = a.Kind
	}
	return settings(c.Settings)
}

// device is the TUN as tun.Open takes it.
func (c *Config) device() tun.Config {
	return tun.Config{Name: c.TUN, MTU: c.MTU, Addrs: c.KernelAddrs, Offload: c.Offload}
}

// reached keeps the prefixes in which one of the addresses lies.
func reached(prefixes []netip.Prefix, addrs []netip.Addr) []netip.Prefix {
	var kept []netip.Prefix
	for _, p := range prefixes {
		for _, a := range addrs {
			if p.Contains(a) {
				kept = append(kept, p)
			}
		}
	}
	return kept
}

// completeAddrs pairs each kernel prefix with an address of the host.
func (c *Config) completeAddrs() error {
	if err := c.device().Validate(); err != nil {
		return invalid("%w", err)
	}
	families := map[bool]netip.Prefix{}
	for _, p := range c.KernelAddrs {
		v4 := p.Addr().Is4()
		if other, taken := families[v4]; taken {
			return invalid("%s and %s are of one family; give one kernel address of each", other, p)
		}
		families[v4] = p
	}
	given := map[bool]netip.Addr{}
	for _, a := range c.HostAddrs {
		p, ok := families[a.Is4()]
		switch {
		case !ok || !p.Contains(a):
			return invalid("the host's address %s is in no kernel prefix (%s), so no packet would find it", a, join(c.KernelAddrs))
		case p.Addr() == a:
			return invalid("%s is the kernel's own address; the host needs another in %s", a, p.Masked())
		case given[a.Is4()].IsValid():
			return invalid("%s and %s are of one family; give one host address of each", given[a.Is4()], a)
		}
		given[a.Is4()] = a
	}
	for _, p := range c.KernelAddrs {
		if given[p.Addr().Is4()].IsValid() {
			continue
		}
		next := p.Addr().Next()
		if !p.Contains(next) {
			return invalid("%s has no room for the host behind the kernel's address; give --host-addr", p)
		}
		c.HostAddrs = append(c.HostAddrs, next)
	}
	return nil
}

// settings makes a set of tunables out of "NAME=VALUE"s.
func settings(list []string) (*tunable.Set, error) {
	set := tunable.NewSet()
	for _, s := range list {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, invalid("tunable %q: want NAME=VALUE", s)
		}
		if err := set.Set(strings.TrimSpace(name), strings.TrimSpace(value)); err != nil {
			return nil, invalid("%w", setting.Suggest(err))
		}
	}
	return set, nil
}

// impairments parses the rules.
func impairments(lines []string) ([]impair.Rule, error) {
	var rules []impair.Rule
	for _, l := range lines {
		r, err := impair.Parse(l)
		if err != nil {
			return nil, invalid("impairment: %w", err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func join[T fmt.Stringer](list []T) string {
	var s []string
	for _, x := range list {
		s = append(s, x.String())
	}
	return strings.Join(s, ", ")
}
