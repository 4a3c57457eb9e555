package control

import (
	"net/netip"

	"lastack/stack/tunable"
)

// Tunable is one tunable and its current value, as the API shows it.
type Tunable struct {
	Name string `json:"name"`
	// Value now, as text: a number in Unit, or two ports with a blank between
	// them. It is what Client.Set takes.
	Value   string `json:"value"`
	Default string `json:"default"`
	// Min and Max bound the number, or each of the ports; both are included.
	Min int64 `json:"min"`
	Max int64 `json:"max"`
	// Unit is "ms" or "s", or empty for a switch (0 and 1), a plain number, or ports.
	Unit string `json:"unit"`
	// Doc says what it does, in lines.
	Doc string `json:"doc"`
}

// HostInfo is what a host tells about itself.
type HostInfo struct {
	// Version of the program that runs the host.
	Version string `json:"version"`
	// Addresses of the host, not of the kernel's side of the link.
	Addresses []netip.Addr `json:"addresses"`
	// Flows is how many connections the close path follows: those that the
	// host is not through with. TIME_WAIT is not among them.
	Flows int `json:"flows"`
	// UptimeMS is how long the host has been up, in milliseconds.
	UptimeMS int64 `json:"uptime_ms"`
}

// failure is the body of every answer that is an error.
type failure struct {
	Error string `json:"error"`
}

func state(set *tunable.Set, d tunable.Def) Tunable {
	return Tunable{
		Name: d.Name, Value: set.Text(d.ID), Default: d.Format(d.Default),
		Min: d.Min, Max: d.Max, Unit: d.Unit, Doc: d.Doc,
	}
}
