package tun

import (
	"fmt"
	"io/fs"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// DefaultMTU is the MTU in bytes where Config.MTU is 0.
	DefaultMTU = 1500
	// MaxMTU is the largest MTU in bytes, the largest length an IPv4 header
	// can state.
	MaxMTU = 65535
	// MinMTU is the smallest MTU in bytes: what every IPv4 host must be able
	// to receive (RFC 1122 section 3.3.2).
	MinMTU = 576
	// MinMTU6 is the smallest MTU in bytes where the interface has an IPv6
	// address (RFC 8200 section 5).
	MinMTU6 = 1280

	maxName = 15 // IFNAMSIZ less the final zero byte
)

// Config says which interface Open opens, and how it is set. The zero Config is
// valid: an interface tunN with MTU 1500 and without addresses, up.
type Config struct {
	// Name of the interface, at most 15 bytes without '/', ':', '%' and
	// space. "" lets the kernel choose the first free tunN. If a TUN interface
	// of that name exists, Open borrows it.
	Name string

	// MTU in bytes. 0 means 1500. From 576, or 1280 if Addrs has an IPv6
	// address, to 65535.
	MTU int

	// Addrs are the kernel's own addresses on the interface, IPv4 and IPv6,
	// with the length of the prefix that is on-link: the program is reached
	// under any other address in it. None is valid.
	Addrs []netip.Prefix

	// Offload makes the kernel leave checksums and the cutting up of large TCP segments
	// to the program, and do both for it: far fewer packets where much is sent, none of
	// which looks as on a wire. See OffloadDevice.
	Offload bool
}

// Validate reports the first thing in c that Open would refuse on any machine,
// or nil. The error is an *[Error] that matches fs.ErrInvalid.
func (c Config) Validate() error {
	if err := validateName(c.Name); err != nil {
		return &Error{Op: "configure", Err: err} // quotes the name; it may not fit a line
	}
	err := validateAddrs(c.Addrs)
	if err == nil {
		err = c.validateMTU()
	}
	if err != nil {
		return &Error{Op: "configure", Name: c.Name, Err: err}
	}
	return nil
}

// mtu returns the MTU in bytes with the default filled in.
func (c Config) mtu() int {
	if c.MTU == 0 {
		return DefaultMTU
	}
	return c.MTU
}

// flags is how TUNSETIFF attaches.
func (c Config) flags() uint16 {
	if c.Offload {
		return unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR
	}
	return unix.IFF_TUN | unix.IFF_NO_PI
}

func (c Config) validateMTU() error {
	least, why := MinMTU, "IPv4"
	for _, a := range c.Addrs {
		if a.Addr().Is6() {
			least, why = MinMTU6, "IPv6"
		}
	}
	if m := c.mtu(); m < least || m > MaxMTU {
		return fmt.Errorf("MTU %d is not within %d (the least for %s) to %d: %w", m, least, why, MaxMTU, fs.ErrInvalid)
	}
	return nil
}

// validateName holds a name to what the kernel accepts (dev_valid_name), less
// '%', which would make it a pattern that the kernel fills in.
func validateName(name string) error {
	if len(name) > maxName {
		return fmt.Errorf("name %q has %d bytes, at most %d fit: %w", name, len(name), maxName, fs.ErrInvalid)
	}
	bad := func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("/:%", r) }
	if i := strings.IndexFunc(name, bad); i >= 0 {
		return fmt.Errorf("name %q has %q, which an interface name cannot have: %w", name, name[i], fs.ErrInvalid)
	}
	switch name {
	case ".", "..", "all", "default": // taken by the kernel's own sysctl tree
		return fmt.Errorf("name %q is reserved: %w", name, fs.ErrInvalid)
	}
	return nil
}

func validateAddrs(addrs []netip.Prefix) error {
	seen := make(map[netip.Addr]bool, len(addrs))
	for _, p := range addrs {
		a, what := p.Addr(), ""
		switch {
		case !p.IsValid():
			what = "is not a valid prefix"
		case a.Is4In6():
			what = "is an IPv4 address in IPv6 form; write it as IPv4"
		case a.IsUnspecified(), a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
			what = "is not an address of one host"
		case seen[a]:
			what = "is given twice"
		}
		if what != "" {
			return fmt.Errorf("address %v %s: %w", p, what, fs.ErrInvalid)
		}
		seen[a] = true
	}
	return nil
}
