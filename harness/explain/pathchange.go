package explain

import (
	"cmp"
	"slices"
	"strconv"

	"lastack/stack/segment"
)

// changeKind is what may be changed on the way.
type changeKind uint8

const (
	changeHops changeKind = iota
	changeDSCP
	changeECN
	changeMSS
	changeScale
	changeSACKPermitted
	changeTimestamps
	changeFastOpen
	changeSACK
	changeTSVal
	changeWindow
	changeFlags
	changeISN
	changeClient
	changeServer
	changeClientPort
	changeServerPort
)

var changeNames = [...]string{
	changeHops: "TTL", changeDSCP: "DSCP", changeECN: "ECN", changeMSS: "MSS", changeScale: "window scale",
	changeSACKPermitted: "SACK-permitted option", changeTimestamps: "timestamp option", changeFastOpen: "Fast Open option",
	changeSACK: "SACK blocks", changeTSVal: "timestamp values", changeWindow: "window", changeFlags: "flags",
	changeISN: "initial sequence numbers", changeClient: "client's address", changeServer: "server's address",
	changeClientPort: "client's port", changeServerPort: "server's port",
}

// expected reports whether a path that does its duty may change it.
func (k changeKind) expected() bool { return k == changeHops || k >= changeClient }

// changeKey is one change; from and to are values of the kind, or addresses.
type changeKey struct {
	kind     changeKind
	way      uint8 // 2 for both
	from, to uint32
	x, y     [16]byte
}

// change is how often there was one.
type change struct {
	connections, segments int
	example               int
	ttl                   [2]uint8 // of the example, at both ends
}

// changes counts them; past maxChanges new ones are only counted together.
type changes struct {
	of   map[changeKey]*change
	more int
}

func (c *changes) add(k changeKey, p *twin, segments int) *change {
	g := c.of[k]
	if g == nil {
		if len(c.of) >= maxChanges {
			c.more++
			return nil
		}
		g = &change{example: p.na}
		c.of[k] = g
	}
	g.segments += segments
	if bit := uint32(1) << k.kind; k.way > 1 || p.changed[k.way]&bit == 0 {
		if k.way < 2 {
			p.changed[k.way] |= bit
		}
		g.connections++
	}
	return g
}

// compare looks for what was changed of an item. Of data only whole segments are
// compared, but for the IP header, as offloading merges the TCP headers of several.
func (w *walk) compare(p *twin, s int, f found) {
	from, to, way := f.a, f.b, uint8(0)
	if !p.there(s) {
		from, to, way = f.b, f.a, 1
	}
	see := func(k changeKind, x, y uint32) {
		if x != y {
			w.changes.add(changeKey{kind: k, way: way, from: x, to: y}, p, 1)
		}
	}
	if from.ttl != 0 && to.ttl != 0 && from.ttl != to.ttl {
		k := changeKey{kind: changeHops, way: way, from: uint32(from.ttl) - uint32(to.ttl)}
		if g := w.changes.add(k, p, 1); g != nil && g.segments == 1 {
			g.ttl = [2]uint8{from.ttl, to.ttl}
		}
	}
	see(changeDSCP, uint32(from.tos>>2), uint32(to.tos>>2))
	see(changeECN, uint32(from.tos&3), uint32(to.tos&3))
	if from.kind == itemData && (from.part || to.part || from.seq != to.seq || from.end != to.end) {
		return
	}
	w.compareTCP(from, to, see)
}

func (w *walk) compareTCP(from, to *item, see func(changeKind, uint32, uint32)) {
	has := func(i *item, o optionSet) uint32 { return uint32(i.options & o) }
	see(changeTimestamps, has(from, optTimestamps), has(to, optTimestamps))
	if from.kind == itemSYN {
		scale := func(i *item) uint32 {
			if has(i, optScale) == 0 {
				return none
			}
			return uint32(i.scale)
		}
		mss := func(i *item) uint32 {
			if i.mss == 0 {
				return none
			}
			return uint32(i.mss)
		}
		see(changeMSS, mss(from), mss(to))
		see(changeScale, scale(from), scale(to))
		see(changeSACKPermitted, has(from, optSACKPermitted), has(to, optSACKPermitted))
		see(changeFastOpen, has(from, optFastOpen), has(to, optFastOpen))
	}
	if from.kind == itemRST {
		return
	}
	same := from.id != 0 && from.id == to.id // certainly one packet, no retransmission
	timed := from.options&to.options&optTimestamps != 0
	if same && timed && (from.ts != to.ts || from.tsEcr != to.tsEcr) {
		see(changeTSVal, 0, 1)
	}
	if !same && (from.kind == itemACK || !timed || from.ts != to.ts) {
		return // of duplicate ACKs nothing else tells which is which
	}
	see(changeSACK, has(from, optSACK), has(to, optSACK))
	if from.win != to.win {
		see(changeWindow, 0, 1)
	}
	const decoration = segment.PSH
	see(changeFlags, uint32(from.flags&^decoration), uint32(to.flags&^decoration))
}

// none is the value of an option that is not there.
const none = 1 << 31

// ends counts what was changed of addresses, ports and initial numbers.
func (w *walk) ends() {
	for _, p := range w.twins {
		for s := range 2 {
			x, y := p.a.ends[s], p.b.ends[p.side(s)]
			if x.Addr != y.Addr {
				w.changes.add(changeKey{kind: changeClient + changeKind(s), way: 2, x: x.Addr, y: y.Addr}, p, 0)
			}
			if x.Port != y.Port {
				k := changeKey{kind: changeClientPort + changeKind(s), way: 2}
				if s == 1 { // a client's says nothing
					k.from, k.to = uint32(x.Port), uint32(y.Port)
				}
				w.changes.add(k, p, 0)
			}
			if p.shift[s] != 0 {
				way := uint8(0)
				if !p.there(s) {
					way = 1
				}
				w.changes.add(changeKey{kind: changeISN, way: way}, p, 0)
			}
		}
	}
}

// list is all changes, those of most connections first.
func (c *changes) list() []PathChange {
	out := []PathChange{}
	for k, g := range c.of {
		from, to := k.values(g)
		out = append(out, PathChange{
			Way: [3]string{"A to B", "B to A", "both"}[k.way], What: changeNames[k.kind], From: from, To: to,
			Connections: g.connections, Segments: g.segments, Example: g.example,
		})
	}
	slices.SortFunc(out, func(x, y PathChange) int {
		return cmp.Or(cmp.Compare(y.Connections, x.Connections), cmp.Compare(x.What, y.What), cmp.Compare(x.Way, y.Way),
			cmp.Compare(y.Segments, x.Segments), cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To))
	})
	return out
}

// values are the texts of a change.
func (k changeKey) values(g *change) (from, to string) {
	num := func(v uint32) string {
		if v == none {
			return "none"
		}
		return strconv.Itoa(int(v))
	}
	there := func(v uint32) string {
		if v == 0 {
			return "none"
		}
		return "present"
	}
	switch k.kind {
	case changeHops:
		return num(uint32(g.ttl[0])), num(uint32(g.ttl[1]))
	case changeECN:
		return ecnNames[k.from&3], ecnNames[k.to&3]
	case changeSACKPermitted, changeTimestamps, changeFastOpen, changeSACK:
		return there(k.from), there(k.to)
	case changeFlags:
		return segment.Flags(k.from).String(), segment.Flags(k.to).String()
	case changeClient, changeServer:
		return address(k.x), address(k.y)
	case changeTSVal, changeWindow, changeISN, changeClientPort:
		return "", ""
	}
	return num(k.from), num(k.to)
}

// ecnNames are the codepoints of RFC 3168.
var ecnNames = [4]string{"Not-ECT", "ECT(1)", "ECT(0)", "CE"}

func address(a [16]byte) string {
	return segment.Endpoint{Addr: a}.AddrPort().Addr().String()
}
