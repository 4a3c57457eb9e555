package explain

import (
	"bytes"
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"lastack/stack/segment"
)

// sortedBy are the keys of a map in an order of their own, so that nothing hangs on the
// map's.
func sortedBy[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	return slices.SortedFunc(maps.Keys(m), compare)
}

func compareAddrPort(a, b netip.AddrPort) int { return a.Compare(b) }

func compareEndpoint(a, b segment.Endpoint) int {
	return cmp.Or(bytes.Compare(a.Addr[:], b.Addr[:]), cmp.Compare(a.Port, b.Port))
}

func (p pair) compare(o pair) int {
	return cmp.Or(p.client.Compare(o.client), p.server.Compare(o.server))
}

func (k groupKey) compare(o groupKey) int {
	return cmp.Or(k.server.Compare(o.server), cmp.Compare(k.close, o.close))
}
