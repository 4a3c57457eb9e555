package churn

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	// firstPort is where a range begins that is given by its size alone.
	firstPort = 20000
	// lowestPort is the first one that the kernel takes for
	// net.ipv4.ip_local_port_range: those below are privileged.
	lowestPort  = 1024
	highestPort = 65535
	// fewestPorts leaves room for connections that the client is through with
	// and the server not yet.
	fewestPorts = 10
)

// Range is the ports that a client may use, both ends included.
type Range struct{ Low, High int }

// Ports is a range of n ports.
func Ports(n int) Range {
	low := max(min(firstPort, highestPort-n+1), 0)
	return Range{low, low + n - 1}
}

// ParseRange reads "LOW:HIGH".
func ParseRange(text string) (Range, error) {
	low, high, _ := strings.Cut(text, ":")
	var r Range
	var err error
	if r.Low, err = strconv.Atoi(low); err == nil {
		r.High, err = strconv.Atoi(high)
	}
	if err != nil {
		return Range{}, invalid("%q is no range of ports; want LOW:HIGH, such as 20000:20099", text)
	}
	return r, r.validate()
}

// Len counts the ports.
func (r Range) Len() int { return r.High - r.Low + 1 }

// String is the range as net.ipv4.ip_local_port_range takes it.
func (r Range) String() string { return fmt.Sprintf("%d %d", r.Low, r.High) }

func (r Range) validate() error {
	switch {
	case r.Low < lowestPort || r.High > highestPort:
		return invalid("a range of %d ports, %d to %d, is not within %d to %d",
			r.Len(), r.Low, r.High, lowestPort, highestPort)
	case r.Len() < fewestPorts:
		return invalid("%d ports are too few; give at least %d", max(r.Len(), 0), fewestPorts)
	}
	return nil
}

// twice is a range with twice the ports, which goes on above this one if it can.
func (r Range) twice() (Range, error) {
	n := 2 * r.Len()
	low := min(r.Low, highestPort-n+1)
	if low < lowestPort {
		return Range{}, invalid("there are no twice %d ports from %d to %d; leave out the mode wider", r.Len(), lowestPort, highestPort)
	}
	return Range{low, low + n - 1}, nil
}
