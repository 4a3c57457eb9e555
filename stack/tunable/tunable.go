// Package tunable is the table of lastack's tunables: name, range, default,
// meaning, and a set of current values that may be read and written at any time
// from any goroutine.
//
// A tunable that Linux has carries Linux's sysctl name, unit and default (net.ipv4...);
// one of our own begins with "lastack.". All values are integers, as sysctl's are, pairs
// of ports, or keys; switches are 0 and 1. Linux takes every value that lastack takes,
// where it has the tunable; Linux sometimes takes more.
//
//	set := tunable.NewSet()
//	err := set.Set("lastack.delayed_ack", "0")
//	on := set.Bool(tunable.DelayedACK)
//	lo, hi := set.Ports(tunable.PortRange)
//
// The package does not know what a tunable does: the code that obeys one reads it
// where it matters, or watches it with OnChange.
package tunable

// ID names a tunable in code.
type ID int

// The tunables, in the order of the table.
const (
	DelayedACK ID = iota
	DelayedACKms
	QuickACK
	MSLms
	TWReuse
	TWReuseDelay
	MaxTWBuckets
	RFC1337
	FinTimeout
	OrphanRetries
	Timestamps
	SynCookies
	PortRange
	InvalidRatelimit
	TWRecycle
	FastOpen
	FastOpenKey
	FastOpenBlackhole
	FastOpenPending
	Light
	FINWithData
	count
)

// Kind is the form of a tunable's values.
type Kind int

const (
	// Number is one whole number.
	Number Kind = iota
	// PortPair is a first and a last port, "32768 60999".
	PortPair
	// Keys is a key of 128 bits, or two, as Linux writes those of Fast Open.
	Keys
)

// Def describes one tunable.
type Def struct {
	ID   ID
	Name string
	Kind Kind
	// Min and Max are the smallest and largest value taken; for a PortPair, the
	// smallest first and the largest last port.
	Min, Max int64
	// Default is the value at the start, as Set.Int has it; Format prints it. Of
	// Keys it is no key.
	Default int64
	// Unit is "ms" or "s", or empty for a switch, a plain number or ports.
	Unit string
	// Unnoticed: no value of it changes what a peer or an application sees, but for its cost.
	Unnoticed bool
	// Doc says what the tunable does and what people wrongly think it does.
	Doc string
}

// All lists the tunables in the order of the table.
func All() []Def { return append([]Def(nil), defs[:]...) }
