package explain

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"lastack/stack/segment"
)

// Choice names one connection of a capture: by its number, or by the address and
// port of one or both ends and when it began. The zero value is the only one there is.
type Choice struct {
	n    int
	ends []netip.AddrPort
	at   string // as exampleTime has it
	text string
}

// ParseChoice reads "17", "10.0.0.1:40000", "10.0.0.1:40000,10.0.0.2:80", and either of
// these two with a time of day in UTC, as Example.String writes it.
func ParseChoice(s string) (Choice, error) {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return Choice{n: n, text: s}, nil
	}
	c := Choice{text: s}
	ends, at, timed := strings.Cut(s, "@")
	if t, err := time.Parse(exampleTime, at); timed && err != nil {
		return Choice{}, fmt.Errorf("%q has no time such as @12:30:20.194153", s)
	} else if timed {
		c.at = t.Format(exampleTime)
	}
	for _, part := range strings.Split(ends, ",") {
		end, err := netip.ParseAddrPort(part)
		if err != nil || len(c.ends) == 2 {
			return Choice{}, fmt.Errorf("%q is neither a number from 1 nor an end such as 10.0.0.1:40000, or two with a comma between them", s)
		}
		c.ends = append(c.ends, end)
	}
	return c, nil
}

// String is what the Choice was read from.
func (c *Choice) String() string { return c.text }

// is reports whether a connection is chosen, whichever of its ends is the client.
func (c *Choice) is(n int, start time.Time, client, server netip.AddrPort) bool {
	if c.n > 0 {
		return n == c.n
	}
	for _, end := range c.ends {
		if end != client && end != server {
			return false
		}
	}
	return c.at == "" || start.UTC().Format(exampleTime) == c.at
}

// may is the same of a connection that begins, as far as its first segment tells: in a
// tunnel the Table has other addresses.
func (c *Choice) may(n int, t segment.Tuple, at time.Time) bool {
	if c.n > 0 {
		return n == c.n
	}
	for _, end := range c.ends {
		if end.Port() != t.Src.Port && end.Port() != t.Dst.Port {
			return false
		}
	}
	return c.at == "" || at.UTC().Format(exampleTime) == c.at
}
