package experiment

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/stack/segment"
)

// packet is a segment on the link, as the capture has it.
func packet(from, to string, flags segment.Flags, seq segment.Seq) capture.Packet {
	s := segment.Segment{
		Tuple: segment.Tuple{
			Src: segment.EndpointFrom(netip.MustParseAddrPort(from)), Dst: segment.EndpointFrom(netip.MustParseAddrPort(to)),
		},
		Version: 4, Flags: flags, Seq: seq, Window: 1000,
	}
	return capture.Packet{Time: time.Unix(1, 0), Data: segment.Append(nil, &s, nil)}
}

// TestWatchBound: a flood is kept up to a bound and then said to be one, which is the
// verdict.
func TestWatchBound(t *testing.T) {
	w := &watch{room: 3}
	w.begin()
	for i := range segment.Seq(5) {
		w.add(packet("10.77.0.1:4000", "10.77.0.2:8000", segment.SYN, 100+i))
	}
	if len(w.packets) != 3 || !w.full {
		t.Errorf("%d packets are kept, full %v", len(w.packets), w.full)
	}
	why, _ := find1(t, "three-way").judge(&observed{flooded: true})
	if !strings.Contains(why, "packets crossed the wire; the rest was not looked at") {
		t.Errorf("the verdict is %q", why)
	}
}

// TestWatchLeavesOut: neither what asked whether the subject is ready is part of an
// experiment, nor what comes once all is looked at.
func TestWatchLeavesOut(t *testing.T) {
	w := &watch{room: 10}
	w.begin()
	w.add(packet("10.77.0.8:39999", "10.77.0.2:8000", segment.SYN, 1))
	w.add(packet("10.77.0.2:8000", "10.77.0.8:39999", segment.SYN|segment.ACK, 1))
	w.add(packet("10.77.0.1:4000", "10.77.0.2:8000", segment.SYN, 1))
	w.add(packet("10.77.0.1:4000", "10.77.0.2:8000", segment.FIN|segment.ACK, 2))
	w.ignoreAll()
	w.add(packet("10.77.0.1:4001", "10.77.0.2:8000", segment.SYN, 1))
	pairs := w.pairs()
	if len(pairs) != 1 || pairs[0].client.Port() != 4000 {
		t.Fatalf("%v", pairs)
	}
	if fin, ok := w.clientFIN(pairs[0]); !ok || fin.Seq != 2 {
		t.Errorf("the FIN is %v, %v", fin, ok)
	}
	if _, ok := w.clientFIN(pair{client: pairs[0].server, server: pairs[0].client}); ok {
		t.Error("the server has sent no FIN")
	}
}
