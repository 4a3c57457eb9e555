package experiment

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

// Ports are those that a client may use, both ends included.
type Ports struct{ Low, High int }

// PortCount is a range of n ports.
func PortCount(n int) Ports {
	low := max(min(firstPort, highestPort-n+1), 0)
	return Ports{low, low + n - 1}
}

// ParsePorts reads "LOW:HIGH".
func ParsePorts(text string) (Ports, error) {
	low, high, _ := strings.Cut(text, ":")
	var r Ports
	var err error
	if r.Low, err = strconv.Atoi(low); err == nil {
		r.High, err = strconv.Atoi(high)
	}
	if err != nil {
		return Ports{}, fmt.Errorf("%s is no range of ports; want LOW:HIGH, such as 20000:20099", quote(text))
	}
	return r, r.validate()
}

func (r *Ports) parse(text string) (err error) {
	if n, bad := strconv.ParseUint(text, 10, 16); bad == nil {
		*r = PortCount(int(n))
		return r.validate()
	}
	*r, err = ParsePorts(text)
	return err
}

func (Ports) describe() (what, pattern string) {
	return "how many ports, or LOW:HIGH", `^[0-9]+(:[0-9]+)?$`
}

// Len counts the ports.
func (r Ports) Len() int { return r.High - r.Low + 1 }

// String is the range as net.ipv4.ip_local_port_range takes it.
func (r Ports) String() string { return fmt.Sprintf("%d %d", r.Low, r.High) }

func (r Ports) validate() error {
	switch {
	case r.Low < lowestPort || r.High > highestPort:
		return fmt.Errorf("a range of %d ports, %d to %d, is not within %d to %d",
			r.Len(), r.Low, r.High, lowestPort, highestPort)
	case r.Len() < fewestPorts:
		return fmt.Errorf("%d ports are too few; give at least %d", max(r.Len(), 0), fewestPorts)
	}
	return nil
}

// Twice is a range with twice the ports, which goes on above this one if it can.
func (r Ports) Twice() (Ports, error) {
	n := 2 * r.Len()
	low := min(r.Low, highestPort-n+1)
	if low < lowestPort {
		return Ports{}, fmt.Errorf("there are no twice %d ports from %d to %d; leave out the mode wider", r.Len(), lowestPort, highestPort)
	}
	return Ports{low, low + n - 1}, nil
}
