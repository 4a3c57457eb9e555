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

// TestCutOpens: of a SYN with data the first part alone opens.
func TestCutOpens(t *testing.T) {
	a := packetdrill.DefaultAddresses()
	whole := &packet.TCP{IP: packet.IP{Src: a.Remote4, Dst: a.Local4, TTL: 64}, Seq: 7, Flags: 2, Payload: make([]byte, 2000)}
	b, err := whole.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []packet.TCP{{Seq: 7, Flags: 2}, {Seq: 7 + 1 + 1460}} {
		if s, _, err := packet.Parse(packet.Cut(b, 1500)[i]); err != nil || s.Seq != want.Seq || s.Flags != want.Flags {
			t.Errorf("part %d: %+v, %v", i, s, err)
		}
	}
}

func TestWanted(t *testing.T) {
	tcp, icmp := make([]byte, 60), make([]byte, 60)
	tcp[0], tcp[6], icmp[0], icmp[6], icmp[40] = 0x60, 6, 0x60, 58, 1
	report := bytes.Clone(icmp)
	report[40] = 143
	for i, c := range []struct {
		p    []byte
		want bool
	}{{tcp, true}, {icmp, true}, {report, false}, {nil, false}, {[]byte{0x45}, false}, {tcp[:40], false}} {
		if got := packet.Wanted(c.p); got != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
}
