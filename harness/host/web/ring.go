package web

import (
	"cmp"
	"slices"

	"lastack/harness/capture"
)

// packetRing keeps the latest packets, of maxPackets bytes together.
type packetRing struct {
	list  []capture.Packet
	first int // of those in list that are kept
	bytes int
}

// overhead is what a packet takes beside its bytes, about.
const overhead = 128

func (r *packetRing) add(p capture.Packet) {
	r.list = append(r.list, p)
	r.bytes += len(p.Data) + overhead
	for r.bytes > maxPackets {
		r.bytes -= len(r.list[r.first].Data) + overhead
		r.list[r.first] = capture.Packet{}
		r.first++
	}
	if r.first > len(r.list)/2 && r.first > 1024 {
		n := copy(r.list, r.list[r.first:])
		clear(r.list[n:])
		r.list, r.first = r.list[:n], 0
	}
}

func (r *packetRing) all() []capture.Packet { return slices.Clone(r.list[r.first:]) }

func sortByChange(list []*entry) {
	slices.SortFunc(list, func(a, b *entry) int { return cmp.Compare(a.changed, b.changed) })
}
