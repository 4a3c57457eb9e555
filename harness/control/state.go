package control

import (
	"net/netip"

	"lastack/stack/tunable"
)

// Tunable is one tunable and its current value, as the API shows it.
type Tunable struct {
	Name string `json:"name"`
	// Value now, in Unit. It is within Min and Max, both included.
	Value   int64 `json:"value"`
	Default int64 `json:"default"`
	Min     int64 `json:"min"`
	Max     int64 `json:"max"`
	// Unit is "ms", or empty for a switch (0 and 1) or a plain number.
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
		Name: d.Name, Value: set.Int(d.ID), Default: d.Default,
		Min: d.Min, Max: d.Max, Unit: d.Unit, Doc: d.Doc,
	}
}
