package explain

import (
	"cmp"
	"slices"
	"time"

	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// aloneKey groups the connections of one capture alone.
type aloneKey struct {
	side   int
	server segment.Endpoint
	kind   teardown.Kind
}

// loners are the connections of one capture alone, in groups.
type loners map[aloneKey]*PathAlone

func (l loners) of(k aloneKey, n int) *PathAlone {
	if l[k] == nil && len(l) >= maxPathListed {
		k.server = segment.Endpoint{}
	}
	if l[k] == nil {
		l[k] = &PathAlone{At: name(k.side), Server: serverName(k.server), Close: string(k.kind), Example: n}
	}
	return l[k]
}

// alone sorts the connections that one capture alone has.
func (w *walk) alone(d *PathDiff) {
	w.proxied(d)
	groups := loners{}
	for side := range 2 {
		end, known, clients := d.end(side), w.known(side), w.atClients(side)
		for i := range w.s[side].digests {
			v := &w.s[side].digests[i]
			if v.twin != noTwin {
				continue
			}
			end.Alone++
			switch {
			case !w.inTime(side, v):
				end.Outside++
			case !known[v.ends[1].Addr], !clients && !known[v.ends[0].Addr]:
				end.Elsewhere++ // a server has other clients, too
			case !v.known[0] && !v.known[1]:
				end.Partial++
			default:
				g := groups.of(aloneKey{side, v.ends[1], v.kind}, i+1)
				g.Connections++
				if v.resetBy == teardown.Server && clients {
					g.Injected++
					g.TTL = int(v.rstTTL)
				}
			}
		}
	}
	d.Alone = []PathAlone{}
	for _, g := range groups {
		d.Alone = append(d.Alone, *g)
	}
	slices.SortFunc(d.Alone, func(x, y PathAlone) int {
		return cmp.Or(cmp.Compare(y.Connections, x.Connections), cmp.Compare(x.At, y.At), cmp.Compare(x.Server, y.Server), cmp.Compare(x.Close, y.Close))
	})
}

func serverName(e segment.Endpoint) string {
	if e == (segment.Endpoint{}) {
		return "others"
	}
	return e.String()
}

// atClients reports whether the clients of most connections are at that end.
func (w *walk) atClients(side int) bool {
	n := 0
	for _, p := range w.twins {
		n += int(p.near)
	}
	return w.oriented && (n > 0) == (side == 0)
}

// known are the addresses, as capture side has them, of machines that the other
// capture has something of: by the connections that both have, or untranslated.
func (w *walk) known(side int) map[[16]byte]bool {
	known := map[[16]byte]bool{}
	add := func(v *digest) {
		known[v.ends[0].Addr], known[v.ends[1].Addr] = true, true
	}
	for _, p := range w.twins {
		add(p.a)
		add(p.b)
	}
	other := w.s[1-side]
	for i := range other.digests {
		add(&other.digests[i])
	}
	return known
}

// inTime reports whether a connection began in the time of the other capture.
func (w *walk) inTime(side int, v *digest) bool {
	begin := v.begin
	if side == 1 {
		begin = w.off.toA(begin)
	}
	margin := w.margin()
	return begin-margin >= w.span[1-side][0] && begin+margin <= w.span[1-side][1]
}

// Connections that a proxy may have between them: as many bytes each way, and begun
// within that time of each other. Fewer bytes agree by chance.
const (
	proxyWithin   = time.Second
	proxyBytes    = 64
	maxProxyTries = 16
)

// proxied looks among the connections of one capture alone for halves of one. A pair
// found is a candidate, and counts as matched by neither.
func (w *walk) proxied(d *PathDiff) {
	d.Proxied = []PathProxy{}
	of := map[[2]uint64][]int32{}
	for i := range w.s[1].digests {
		if v := &w.s[1].digests[i]; v.twin < 0 && v.talked() {
			of[v.bytes] = append(of[v.bytes], int32(i))
		}
	}
	for i := range w.s[0].digests {
		a := &w.s[0].digests[i]
		if a.twin >= 0 || !a.talked() || len(d.Proxied) >= maxPathListed {
			continue
		}
		fits, which := 0, int32(-1)
		for _, j := range of[a.bytes][:min(len(of[a.bytes]), maxProxyTries)] {
			b := &w.s[1].digests[j]
			if apart := w.off.toA(b.begin) - a.begin; b.twin < 0 && apart < int64(proxyWithin) && apart > -int64(proxyWithin) {
				fits, which = fits+1, j
			}
		}
		if fits != 1 { // several: nothing tells which
			continue
		}
		b := &w.s[1].digests[which]
		a.twin, b.twin = noTwin-1, noTwin-1
		d.Proxied = append(d.Proxied, PathProxy{
			A: i + 1, B: int(which) + 1, AClient: a.ends[0].String(), AServer: a.ends[1].String(),
			BClient: b.ends[0].String(), BServer: b.ends[1].String(),
		})
	}
}

func (v *digest) talked() bool {
	return v.bytes[0] > 0 && v.bytes[1] > 0 && v.bytes[0]+v.bytes[1] >= proxyBytes
}
