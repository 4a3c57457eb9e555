package privilege

import "kernel.org/pub/linux/libs/security/libcap/cap"

// Capability is one of Linux's capabilities by its number. It prints as in capabilities(7).
type Capability = cap.Value

// The capabilities that lastack has a use for.
const (
	// NetAdmin makes and configures interfaces.
	NetAdmin = cap.NET_ADMIN
	// NetRaw opens packet sockets.
	NetRaw = cap.NET_RAW
	// DACOverride writes to folders of other users.
	DACOverride = cap.DAC_OVERRIDE
	// SetPCap removes capabilities from the bounding set.
	SetPCap = cap.SETPCAP
	// SysPtrace and DACReadSearch see whose files are open in processes of others.
	SysPtrace     = cap.SYS_PTRACE
	DACReadSearch = cap.DAC_READ_SEARCH
	// SysAdmin enters other namespaces.
	SysAdmin = cap.SYS_ADMIN
)

// Has reports whether the calling thread has the capability in force, in its own
// user namespace. That it has it does not say that it has it over every object:
// see capabilities(7) and user_namespaces(7).
func Has(c Capability) bool { return in(cap.GetProc(), cap.Effective, c) }

// in reports whether a capability is in one of the sets. A number that is none is in
// no set.
func in(s *cap.Set, flag cap.Flag, c Capability) bool {
	if c >= cap.MaxBits() {
		return false // GetFlag panics on some of them
	}
	is, err := s.GetFlag(flag, c)
	return err == nil && is
}

// list is what the kernel knows of the sets' members, in order.
func list(s *cap.Set, flag cap.Flag) []Capability {
	var all []Capability
	for c := Capability(0); c < cap.MaxBits(); c++ {
		if in(s, flag, c) {
			all = append(all, c)
		}
	}
	return all
}
