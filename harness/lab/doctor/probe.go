package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"lastack/harness/lab"
)

// Probe tries what takes a network namespace and writes the checks to w as a
// JSON array. Run's child calls it. It must be inside a lab; outside, it does
// nothing and its error wraps lab.ErrOutside. A thing that is missing is no error.
func Probe(ctx context.Context, w io.Writer) error {
	if err := lab.Setup(); err != nil {
		return fmt.Errorf("doctor: probe: %w", err)
	}
	var checks []Check
	for _, t := range trials() {
		checks = append(checks, t.run(ctx))
	}
	if err := json.NewEncoder(w).Encode(checks); err != nil {
		return fmt.Errorf("doctor: report to the parent: %w", err)
	}
	return nil
}

// trials are what Probe tries, in this order.
func trials() []trial {
	return []trial{
		{"TUN device", true, "lastack's host: every command but explain and diff", tunDevice},
		{"packet socket", true, "recording what a link carries", packetSocket},
		{"socket states", true, "the kernel's TCP states, TIME_WAIT included (inet_diag)", socketStates},
		{"veth", true, "experiments with both ends in the kernel", veth},
		{"IPv6", false, "experiments over IPv6; IPv4 does without", ipv6},
		{"tcpdump", false, "a second witness of what a link carries", tcpdump},
	}
}
