package explain

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"lastack/harness/teardown"
)

// Filter says which connections are of interest. The zero value is all.
type Filter struct {
	// Close are the kinds of close; nil means all.
	Close []teardown.Kind
	// Hosts are addresses of either side; nil means all.
	Hosts []netip.Prefix
	// Port is that of either side; 0 means all.
	Port uint16
	// Longer leaves out connections that took no longer than this.
	Longer time.Duration
}

// Kinds are the kinds of close, the worst first: the order of the groups.
func Kinds() []teardown.Kind {
	return []teardown.Kind{
		teardown.Reset, teardown.HalfClosed, teardown.Unanswered, teardown.Refused,
		teardown.Open, teardown.Simultaneous, teardown.FourWay, teardown.ThreeWay,
	}
}

// ParseKind reads a kind of close.
func ParseKind(s string) (teardown.Kind, error) {
	all := Kinds()
	if k := teardown.Kind(s); slices.Contains(all, k) {
		return k, nil
	}
	names := make([]string, len(all))
	for i, k := range all {
		names[i] = string(k)
	}
	return "", fmt.Errorf("there is no close %q; there are %s", s, strings.Join(names, ", "))
}

// ParseHost reads an address, or a network such as 10.0.0.0/8.
func ParseHost(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", s)
	}
	return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
}

// all reports whether the filter lets everything pass.
func (f *Filter) all() bool {
	return f.Close == nil && f.Hosts == nil && f.Port == 0 && f.Longer == 0
}

// passes reports whether a connection is of interest.
func (f *Filter) passes(e *ended) bool {
	switch {
	case f.Close != nil && !slices.Contains(f.Close, e.report.Close):
	case f.Port != 0 && f.Port != e.client.Port() && f.Port != e.server.Port():
	case e.duration() <= f.Longer && f.Longer > 0:
	default:
		return f.Hosts == nil || slices.ContainsFunc(f.Hosts, func(p netip.Prefix) bool {
			return p.Contains(e.client.Addr()) || p.Contains(e.server.Addr())
		})
	}
	return false
}

// String tells filters apart; it is empty for one that lets everything pass.
func (f Filter) String() string {
	if f.all() {
		return ""
	}
	var hosts []string
	for _, p := range f.Hosts {
		hosts = append(hosts, p.String())
	}
	slices.Sort(hosts)
	kinds := slices.Sorted(slices.Values(f.Close))
	return fmt.Sprintf("close %v, hosts %v, port %d, longer than %v", kinds, hosts, f.Port, f.Longer)
}
