package explain

import (
	"fmt"
	"math/bits"
	"time"
)

// PortRange is the range that a client takes its ports from.
type PortRange struct {
	Low  uint16 `json:"low"`
	High uint16 `json:"high"`
}

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
	Seen  PortRange `json:"seen"`
	Few   []uint16  `json:"few,omitempty"` // the first ones, until there is a set
	Set   []uint64  `json:"set,omitempty"`
	N     int       `json:"n"` // distinct, in the set
	Again bool      `json:"again"`
	Trend trend     `json:"trend"`
}

// maxPortSets bounds the sets, of 8 KiB each.
const maxPortSets = 256

const portWords = 1 << 16 / 64

// add notes a port; keep allows a set. It reports false where one is missing.
func (u *portUse) add(port uint16, at time.Time, keep bool) bool {
	u.see(PortRange{port, port})
	u.Trend.add(port, at)
	return u.note(port, keep)
}

func (u *portUse) see(r PortRange) {
	if u.Seen.High == 0 {
		u.Seen = r
	}
	u.Seen.Low, u.Seen.High = min(u.Seen.Low, r.Low), max(u.Seen.High, r.High)
}

func (u *portUse) note(port uint16, keep bool) bool {
	if u.Set != nil {
		u.mark(port)
		return true
	}
	if len(u.Few) < EnoughToForecast {
		u.Few = append(u.Few, port)
	}
	if len(u.Few) < EnoughToForecast {
		return true
	}
	if !keep {
		return false
	}
	u.grow()
	return true
}

// grow puts what is noted into a set.
func (u *portUse) grow() {
	u.Set = make([]uint64, portWords)
	for _, p := range u.Few {
		u.mark(p)
	}
	u.Few = nil
}

// merge adds what another has noted.
func (u *portUse) merge(o *portUse, keep bool) (complete bool) {
	u.see(o.Seen)
	u.Trend.merge(&o.Trend)
	complete = true
	for _, p := range o.Few {
		complete = u.note(p, keep) && complete
	}
	if o.Set == nil {
		return complete
	}
	if u.Set == nil {
		if !keep {
			return false
		}
		u.grow()
	}
	u.Again = u.Again || o.Again
	for i, w := range o.Set {
		u.Again = u.Again || u.Set[i]&w != 0
		u.N += bits.OnesCount64(w &^ u.Set[i])
		u.Set[i] |= w
	}
	return complete
}

func (u *portUse) mark(port uint16) {
	word, bit := port/64, uint64(1)<<(port%64)
	if u.Set[word]&bit != 0 {
		u.Again = true
		return
	}
	u.Set[word] |= bit
	u.N++
}

// full reports whether all ports of a contiguous range were used, as when there are no
// others: a client that goes through its ports in turn has used all of what it has come
// past as well, and is told apart by that.
func (u *portUse) full() bool {
	if u.Set == nil || u.N < EnoughToForecast || u.N != u.Seen.size() {
		return false
	}
	return u.Again || !u.Trend.inTurn()
}

// assumed is the range that a forecast goes by, and why: the given one, or the first
// that is shipped and that the ports seen do not refute.
func (u *portUse) assumed(given PortRange) (r PortRange, why string) {
	if given.High != 0 && given.holds(u.Seen) {
		return given, "as given: " + given.String()
	}
	for _, r = range shipped {
		if r.holds(u.Seen) {
			break
		}
	}
	if !r.holds(u.Seen) {
		r = PortRange{1, 65535}
	}
	why = fmt.Sprintf("assumed: %s, as the ports seen are %s", r, u.Seen)
	if given.High != 0 {
		why += fmt.Sprintf(", not all in %s", given)
	}
	return r, why
}
