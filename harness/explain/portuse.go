package explain

import "fmt"

// PortRange is the range that a client takes its ports from.
type PortRange struct{ Low, High uint16 }

// ParsePortRange reads "32768-60999".
func ParsePortRange(s string) (r PortRange, err error) {
	var rest string
	if n, _ := fmt.Sscanf(s, "%d-%d%s", &r.Low, &r.High, &rest); n != 2 || r.Low == 0 || r.High < r.Low {
		return PortRange{}, fmt.Errorf("%q is no range of ports such as 32768-60999", s)
	}
	return r, nil
}

func (r PortRange) size() int { return int(r.High) - int(r.Low) + 1 }

func (r PortRange) String() string { return fmt.Sprintf("%d-%d", r.Low, r.High) }

// holds reports whether all of o is in r.
func (r PortRange) holds(o PortRange) bool { return r.Low <= o.Low && o.High <= r.High }

// The ranges that systems are shipped with: net.ipv4.ip_local_port_range of Linux, and
// what IANA recommends, which Windows, macOS and FreeBSD follow. Without either a client
// may take all that are not privileged.
var shipped = []PortRange{{32768, 60999}, {49152, 65535}, {1024, 65535}}

// portUse is which ports a client was seen to use toward one server. The set of them is
// kept from EnoughToForecast on, for the busiest.
type portUse struct {
	seen  PortRange
	few   []uint16 // the first ones, until there is a set
	set   []uint64
	n     int // distinct
	again bool
	steps int // how often one came right after the one before it
	last  uint16
}

// maxPortSets bounds the sets, of 8 KiB each.
const maxPortSets = 256

func (u *portUse) add(port uint16, keep bool) {
	if u.seen.High == 0 {
		u.seen = PortRange{port, port}
	}
	u.seen.Low, u.seen.High = min(u.seen.Low, port), max(u.seen.High, port)
	if step := port - u.last; step == 1 || step == 2 {
		u.steps++
	}
	u.last = port
	if u.set == nil {
		if len(u.few) < EnoughToForecast {
			u.few = append(u.few, port)
		}
		if len(u.few) < EnoughToForecast || !keep {
			return
		}
		u.set = make([]uint64, 1<<16/64)
		for _, p := range u.few {
			u.mark(p)
		}
		u.few = nil
		return
	}
	u.mark(port)
}

func (u *portUse) mark(port uint16) {
	word, bit := port/64, uint64(1)<<(port%64)
	if u.set[word]&bit != 0 {
		u.again = true
		return
	}
	u.set[word] |= bit
	u.n++
}

// full reports whether all ports of a contiguous range were used, as when there are no
// others: a client that goes through its ports in turn has used all of what it has come
// past as well, and is told apart by that.
func (u *portUse) full(of int) bool {
	if u.set == nil || u.n < EnoughToForecast || u.n != u.seen.size() {
		return false
	}
	return u.again || 2*u.steps < of
}

// assumed is the range that a forecast goes by, and why: the given one, or the first
// that is shipped and that the ports seen do not refute.
func (u *portUse) assumed(given PortRange) (r PortRange, why string) {
	if given.High != 0 && given.holds(u.seen) {
		return given, "as given: " + given.String()
	}
	for _, r = range shipped {
		if r.holds(u.seen) {
			break
		}
	}
	if !r.holds(u.seen) {
		r = PortRange{1, 65535}
	}
	why = fmt.Sprintf("assumed: %s, as the ports seen are %s", r, u.seen)
	if given.High != 0 {
		why += fmt.Sprintf(", not all in %s", given)
	}
	return r, why
}
