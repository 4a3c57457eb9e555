package packet_test

import (
	"bytes"
	"testing"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/packet"
)

func TestCutMakesSegmentsOfOne(t *testing.T) {
	a := packetdrill.DefaultAddresses()
	for _, h := range []packet.IP{{Src: a.Remote4, Dst: a.Local4, TTL: 64}, {Src: a.Remote6, Dst: a.Local6, TTL: 64}} {
		whole := &packet.TCP{IP: h, SrcPort: 1, DstPort: 2, Seq: 0xffffff00, Flags: 0x19, Window: 9, Payload: bytes.Repeat([]byte("ab"), 2000)}
		b, err := whole.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		parts := packet.Cut(b, 1500)
		if len(parts) != 3 {
			t.Fatalf("%d parts", len(parts))
		}
		var data []byte
		for i, p := range parts {
			s, _, err := packet.Parse(p)
			switch {
			case err != nil || !s.Checksum || len(p) > 1500:
				t.Fatalf("part %d of %d bytes: %+v, %v", i, len(p), s, err)
			case s.Seq != whole.Seq+uint32(len(data)):
				t.Errorf("part %d begins at %d", i, s.Seq)
			case (s.Flags == 0x19) != (i == 2):
				t.Errorf("part %d has flags %#x", i, s.Flags)
			}
			data = append(data, s.Payload...)
		}
		if !bytes.Equal(data, whole.Payload) {
			t.Error("data were lost")
		}
	}
	for _, p := range [][]byte{nil, {0x45}, bytes.Repeat([]byte{0x60}, 2000)} {
		if got := packet.Cut(p, 1500); len(got) != 1 || !bytes.Equal(got[0], p) {
			t.Errorf("what is no TCP segment was cut: %x", p)
		}
	}
}
