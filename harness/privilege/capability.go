package privilege

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Capability is one of Linux's capabilities by its number; any unix.CAP_
// constant of golang.org/x/sys can be converted.
type Capability int

// The capabilities that lastack has a use for.
const (
	// NetAdmin makes and configures interfaces.
	NetAdmin Capability = unix.CAP_NET_ADMIN
	// NetRaw opens packet sockets.
	NetRaw Capability = unix.CAP_NET_RAW
	// NetBindService listens on the kernel's ports below 1024.
	NetBindService Capability = unix.CAP_NET_BIND_SERVICE
	// SysAdmin makes namespaces without a user namespace around them.
	SysAdmin Capability = unix.CAP_SYS_ADMIN
	// DACOverride writes to folders of other users.
	DACOverride Capability = unix.CAP_DAC_OVERRIDE
	// SetPCap removes capabilities from the bounding set.
	SetPCap Capability = unix.CAP_SETPCAP
)

// String is the name in capabilities(7) of the constants above, and
// "capability N" of others.
func (c Capability) String() string {
	switch c {
	case NetAdmin:
		return "CAP_NET_ADMIN"
	case NetRaw:
		return "CAP_NET_RAW"
	case NetBindService:
		return "CAP_NET_BIND_SERVICE"
	case SysAdmin:
		return "CAP_SYS_ADMIN"
	case DACOverride:
		return "CAP_DAC_OVERRIDE"
	case SetPCap:
		return "CAP_SETPCAP"
	}
	return fmt.Sprintf("capability %d", int(c))
}

// Has reports whether the calling thread has the capability in force, in its own
// user namespace. That it has it does not say that it has it over every object:
// see capabilities(7) and user_namespaces(7).
func Has(c Capability) bool {
	now, err := read()
	return err == nil && now.effective&only(c) != 0
}

// sets are a thread's capability sets, bit n for capability n.
type sets struct{ effective, permitted, inheritable uint64 }

// read returns the calling thread's sets.
func read() (sets, error) {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return sets{}, fmt.Errorf("capget: %w", err)
	}
	join := func(low, high uint32) uint64 { return uint64(high)<<32 | uint64(low) }
	return sets{
		effective:   join(data[0].Effective, data[1].Effective),
		permitted:   join(data[0].Permitted, data[1].Permitted),
		inheritable: join(data[0].Inheritable, data[1].Inheritable),
	}, nil
}

// data is the kernel's form of the sets: low halves first.
func (s sets) data() *[2]unix.CapUserData {
	return &[2]unix.CapUserData{
		{Effective: uint32(s.effective), Permitted: uint32(s.permitted), Inheritable: uint32(s.inheritable)},
		{Effective: uint32(s.effective >> 32), Permitted: uint32(s.permitted >> 32), Inheritable: uint32(s.inheritable >> 32)},
	}
}

// only is the set of these capabilities. A number that is none is left out.
func only(caps ...Capability) uint64 {
	var set uint64
	for _, c := range caps {
		if c >= 0 && c < 64 {
			set |= 1 << c
		}
	}
	return set
}

// list is a set's members in order.
func list(set uint64) []Capability {
	var all []Capability
	for c := Capability(0); c < 64; c++ {
		if set&only(c) != 0 {
			all = append(all, c)
		}
	}
	return slices.Clip(all)
}
