package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/gopacket/gopacket/layers"
)

// FuzzLinks gives every link type arbitrary frames: the walk ends within the frame,
// at an IP packet or at a reason.
func FuzzLinks(f *testing.F) {
	for _, c := range linkCases {
		f.Add(uint16(c.link), join(unhex(f, c.before), unhex(f, c.packet)))
	}
	f.Fuzz(func(t *testing.T, link uint16, frame []byte) {
		c := startCursor(frame)
		v := c.link(layers.LinkType(link))
		switch {
		case c.at < 0 || c.at > len(frame):
			t.Fatalf("at %d of %d bytes", c.at, len(frame))
		case v == isIP && c.at == len(frame):
			t.Fatal("a packet without a byte")
		case v == isIP && frame[c.at]>>4 != 4 && frame[c.at]>>4 != 6:
			t.Fatalf("IP version %d", frame[c.at]>>4)
		case v == isTCP || v == isICMP:
			t.Fatalf("a link ends with verdict %d", v)
		case v == notIP && c.kind.String() == "":
			t.Fatalf("kind %#x has no name", c.kind)
		}
	})
}

// FuzzTunnels opens arbitrary IP packets: each becomes a segment, a fragment that
// waits, or a count, and nothing outside of the packet is looked at.
func FuzzTunnels(f *testing.F) {
	for _, c := range tunnelCases {
		f.Add(encoded(f, c.frame(f, 0)...), uint16(0))
		f.Add(encoded(f, c.frame(f, 1)...), uint16(7))
	}
	f.Add(encoded(f, stack{outer4(0, 1, hostC, "10.0.0.1"), raw(f, "0303 0000 00000000"), outer4(0, 6, hostA, hostB), raw(f, "0050 0051 00000001")}...), uint16(0))
	f.Fuzz(func(t *testing.T, packet []byte, more uint16) {
		if len(packet) > 1<<16 {
			return
		}
		file := appendRecord(binary.LittleEndian, pcapFile(binary.LittleEndian, magicMicros, 101), 0, len(packet), len(packet)+int(more), packet)
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		errs := 0
		s := NewSegments(r, SegmentsConfig{ICMP: func(e *ICMPError) {
			if errs++; e.What() == "" || !e.From.IsValid() {
				t.Fatalf("%+v", e)
			}
		}})
		n := 0
		for ; ; n++ {
			p, seg, err := s.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if seg.PayloadLen < 0 || len(p.Data) == 0 || p.OrigLen < len(p.Data) || p.Tunnel != nil && p.Tunnel.String() == "" {
				t.Fatalf("%s in %+v", seg, p)
			}
		}
		st, skipped := s.Stats(), r.Skipped().Total()
		if sum := st.Segments + st.NotTCP + st.Truncated + st.Malformed + skipped; sum > 1 || sum+st.Fragments < 1 || st.ICMPErrors != errs {
			t.Fatalf("%+v, %d skipped", st, skipped)
		}
		listed := 0
		for _, k := range s.NotTCPKinds() {
			listed += k.Packets
		}
		if listed > st.NotTCP {
			t.Fatalf("%v of %+v", s.NotTCPKinds(), st)
		}
	})
}
