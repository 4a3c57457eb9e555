package segment

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

func tupleOf(src, dst string) Tuple {
	return Tuple{
		Src: EndpointFrom(netip.MustParseAddrPort(src)),
		Dst: EndpointFrom(netip.MustParseAddrPort(dst)),
	}
}

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var parsed = cmpopts.IgnoreUnexported(Options{})

// TestParseKernelSYN reads a SYN as a Linux 6.18 kernel sent it.
func TestParseKernelSYN(t *testing.T) {
	b := unhex(t, `4500003c c1ee4000 400664bd 0a000001 0a000002
		9c400050 a1b2c3d4 00000000 a002faf0 00000000
		020405b4 0402080a 11223344 00000000 01030307`)
	got, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	want := Segment{
		Tuple: tupleOf("10.0.0.1:40000", "10.0.0.2:80"), Version: 4, Flags: SYN,
		Seq: 0xa1b2c3d4, Window: 64240, TCPStart: 20, PayloadStart: 60,
		Options: Options{
			MSS: 1460, WindowScale: 7, HasWindowScale: true, SACKPermitted: true,
			HasTimestamps: true, TSVal: 0x11223344,
		},
	}
	if d := cmp.Diff(want, got, parsed); d != "" {
		t.Error(d)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, s := range []Segment{
		{Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:65535"), Version: 4, Flags: FIN | ACK, Seq: 0xffffffff, Ack: 1, Window: 9},
		{Tuple: tupleOf("[2001:db8::1]:80", "[2001:db8::2]:81"), Version: 6, Flags: RST, Seq: 7},
		{
			Tuple: tupleOf("[fd77::1]:80", "[fd77::2]:81"), Version: 6, Flags: ACK, Ack: 5,
			Options: Options{HasTimestamps: true, TSVal: 1, TSEcr: 2, SACKCount: 2, SACKBlocks: [4]SACKBlock{{1, 2}, {3, 4}}},
		},
		{
			Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: SYN,
			Options: Options{MSS: 1220, SACKPermitted: true, HasTimestamps: true, HasWindowScale: true, WindowScale: 14},
		},
	} {
		for _, n := range []int{0, 1, 1000} {
			b := Append([]byte("before"), &s, make([]byte, n))[6:]
			got, err := Parse(b)
			if err != nil {
				t.Fatalf("%s: %v", s.String(), err)
			}
			want := s
			want.PayloadLen, want.TCPStart, want.PayloadStart = n, got.TCPStart, got.PayloadStart
			if d := cmp.Diff(want, got, parsed); d != "" {
				t.Error(d)
			}
			if len(b) != got.PayloadStart+n || !got.ChecksumOK(b) {
				t.Errorf("%s: length or checksum", s.String())
			}
			againstGopacket(t, &got, b)
		}
	}
}

// againstGopacket has an independent decoder judge what Append wrote.
func againstGopacket(t *testing.T, s *Segment, b []byte) {
	t.Helper()
	first := gopacket.LayerType(layers.LayerTypeIPv4)
	if s.Version == 6 {
		first = layers.LayerTypeIPv6
	}
	p := gopacket.NewPacket(b, first, gopacket.Default)
	tcp, ok := p.TransportLayer().(*layers.TCP)
	if !ok || p.ErrorLayer() != nil {
		t.Fatalf("gopacket: %v", p)
	}
	if tcp.Seq != uint32(s.Seq) || tcp.Ack != uint32(s.Ack) || tcp.FIN != s.Flags.Has(FIN) || len(tcp.Payload) != s.PayloadLen {
		t.Errorf("gopacket reads %+v", tcp)
	}
	if err := tcp.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
		t.Fatal(err)
	}
	if err, r := tcp.VerifyChecksum(); err != nil || !r.Valid {
		t.Errorf("gopacket finds a bad checksum: %v %+v", err, r)
	}
}

func TestTruncation(t *testing.T) {
	s := Segment{Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: PSH | ACK}
	whole := Append(nil, &s, make([]byte, 100))
	for n := range whole {
		got, err := Parse(whole[:n])
		if n < 40 {
			if err != ErrTruncated {
				t.Errorf("%d bytes: %v, want ErrTruncated", n, err)
			}
			continue
		}
		if err != nil || got.PayloadLen != 100 {
			t.Errorf("%d bytes: len %d, %v; lengths come from the headers", n, got.PayloadLen, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	s := Segment{Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: ACK}
	s6 := Segment{Tuple: tupleOf("[fd77::1]:1", "[fd77::2]:2"), Version: 6, Flags: ACK}
	edit := func(s *Segment, at int, v byte) []byte {
		b := Append(nil, s, nil)
		b[at] = v
		return b
	}
	for name, tt := range map[string]struct {
		b    []byte
		want error
	}{
		"empty":                  {nil, ErrTruncated},
		"version 5":              {edit(&s, 0, 0x55), ErrMalformed},
		"IHL below 20":           {edit(&s, 0, 0x44), ErrMalformed},
		"total below the header": {edit(&s, 3, 19), ErrMalformed},
		"total within TCP":       {edit(&s, 3, 39), ErrMalformed},
		"UDP":                    {edit(&s, 9, 17), ErrNotTCP},
		"more fragments":         {edit(&s, 6, 0x20), ErrFragment},
		"a later fragment":       {edit(&s, 7, 1), ErrFragment},
		"data offset 4":          {edit(&s, 32, 0x40), ErrMalformed},
		"data offset too large":  {edit(&s, 32, 0xf0), ErrMalformed},
		"UDP in IPv6":            {edit(&s6, 6, 17), ErrNotTCP},
		"no next header":         {edit(&s6, 6, 59), ErrNotTCP},
	} {
		if _, err := Parse(tt.b); err != tt.want {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func TestIPv6Extensions(t *testing.T) {
	s := Segment{Tuple: tupleOf("[fd77::1]:1", "[fd77::2]:2"), Version: 6, Flags: ACK, Seq: 3}
	with := func(first byte, ext ...byte) []byte {
		b := Append(nil, &s, []byte("xyz"))
		out := append(append(append([]byte(nil), b[:40]...), ext...), b[40:]...)
		out[6] = first
		out[5] += byte(len(ext))
		return out
	}
	for name, tt := range map[string]struct {
		b    []byte
		want error
	}{
		"hop-by-hop":          {with(ExtHopByHop, 6, 0, 1, 4, 0, 0, 0, 0), nil},
		"hop-by-hop and dest": {with(ExtHopByHop, ExtDest, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0), nil},
		"routing of 16":       {with(ExtRouting, 6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), nil},
		"authentication":      {with(ExtAuth, 6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), nil},
		"auth and dest":       {with(ExtAuth, ExtDest, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 6, 0, 1, 4, 0, 0, 0, 0), nil},
		"atomic fragment":     {with(ExtFragment, 6, 0, 0, 0, 0, 0, 0, 1), nil},
		"first fragment":      {with(ExtFragment, 6, 0, 0, 1, 0, 0, 0, 1), ErrFragment},
		"later fragment":      {with(ExtFragment, 6, 0, 5, 0x80, 0, 0, 0, 1), ErrFragment},
		"cut extension":       {with(ExtHopByHop, 6, 0, 1, 4, 0, 0, 0, 0)[:44], ErrTruncated},
		"extension past end":  {with(ExtHopByHop, 6, 200, 1, 4, 0, 0, 0, 0), ErrMalformed},
	} {
		got, err := Parse(tt.b)
		if err != tt.want {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if err == nil && (got.Seq != 3 || got.PayloadLen != 3) {
			t.Errorf("%s: %s", name, got.String())
		}
	}
}

func TestBadOptionsCostNothing(t *testing.T) {
	s := Segment{Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: SYN, Options: Options{HasTimestamps: true}}
	for _, o := range [][]byte{{8, 0}, {8, 1}, {8, 200}, {0, 8, 10}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 8}} {
		b := Append(nil, &s, nil)
		clear(b[40:])
		copy(b[40:], o)
		got, err := Parse(b)
		if err != nil || got.HasTimestamps {
			t.Errorf("options % x: %v, %+v", o, err, got.Options)
		}
	}
}

// refresh computes the TCP checksum anew after an edit.
func refresh(b []byte) {
	s, _ := Parse(b)
	tcp := b[s.TCPStart:]
	tcp[16], tcp[17] = 0, 0
	x := ^fold(s.pseudoHeader(len(tcp)) + sum(tcp))
	tcp[16], tcp[17] = byte(x>>8), byte(x)
}

func TestSeq(t *testing.T) {
	for _, tt := range []struct {
		a, b Seq
		less bool
		diff int
	}{{1, 2, true, -1}, {0xffffffff, 0, true, -1}, {0, 0xffffffff, false, 1}, {5, 5, false, 0}, {0x7fffffff, 0, false, 0x7fffffff}} {
		if tt.a.Less(tt.b) != tt.less || tt.a.Diff(tt.b) != tt.diff || tt.a.LessEq(tt.b) != (tt.less || tt.a == tt.b) {
			t.Errorf("%#x and %#x: less %v diff %d", tt.a, tt.b, tt.a.Less(tt.b), tt.a.Diff(tt.b))
		}
	}
	if m := Seq(0xffffffff).Max(0); m != 0 {
		t.Errorf("Max across the wrap: %d", m)
	}
}

func TestStrings(t *testing.T) {
	s := Segment{Tuple: tupleOf("192.0.2.1:1", "[fd77::2]:2"), Flags: FIN | ACK, Seq: 5, Ack: 9, Window: 512}
	if got, want := s.String(), "192.0.2.1:1 > [fd77::2]:2 FIN+ACK seq=5 ack=9 len=0 win=512"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for f, want := range map[Flags]string{0: "none", SYN | ACK: "SYN+ACK", RST: "RST", PSH | ACK: "PSH+ACK"} {
		if f.String() != want {
			t.Errorf("%d: %q, want %q", f, f, want)
		}
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	s := Segment{Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: ACK, Options: Options{HasTimestamps: true}}
	b := Append(nil, &s, make([]byte, 100))
	if n := testing.AllocsPerRun(100, func() { _, _ = Parse(b) }); n != 0 {
		t.Errorf("Parse allocates %v times", n)
	}
}

func BenchmarkParse(b *testing.B) {
	s := Segment{Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: ACK, Options: Options{HasTimestamps: true}}
	p := Append(nil, &s, make([]byte, 100))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(p); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	s := Segment{Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: ACK, Options: Options{HasTimestamps: true, SACKCount: 1}}
	f.Add(Append(nil, &s, []byte("data")))
	s6 := Segment{Tuple: tupleOf("[fd77::1]:1", "[fd77::2]:2"), Version: 6, Flags: SYN, Options: Options{MSS: 1, HasWindowScale: true}}
	f.Add(Append(nil, &s6, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		var peeked Tuple
		if ok := Peek(b, &peeked); ok && (err == ErrNotTCP || err == ErrFragment || err == nil && peeked != p.Tuple) {
			t.Fatalf("a look shows %v; Parse: %v, %v", peeked, p.Tuple, err)
		}
		if err != nil {
			return
		}
		var again Segment
		if err := again.Decode(b, len(b)); err != nil || again != p {
			t.Fatalf("Decode: %v, %+v; Parse: %+v", err, again, p)
		}
		if p.PayloadLen < 0 || p.TCPStart < minIPv4 || p.PayloadStart < p.TCPStart+minTCP {
			t.Fatalf("impossible offsets: %+v", p)
		}
		whole := p.ChecksumOK(b)
		if len(b) >= p.PayloadStart && p.SetTSEcr(b, 0xdeadbeef) {
			again, err := Parse(b)
			if err != nil || again.TSEcr != 0xdeadbeef {
				t.Fatalf("after SetTSEcr: %v, %#x", err, again.TSEcr)
			}
			if whole && !again.ChecksumOK(b) {
				t.Fatal("SetTSEcr broke the checksum")
			}
		}
	})
}

// TestFastClose: MP_FASTCLOSE is told from the other options of Multipath TCP.
func TestFastClose(t *testing.T) {
	packet := func(option ...byte) []byte {
		b := make([]byte, 40+len(option))
		b[0], b[3], b[9] = 0x45, byte(len(b)), 6
		b[32] = byte(5+len(option)/4) << 4
		copy(b[40:], option)
		return b
	}
	for _, tt := range []struct {
		option []byte
		want   bool
	}{
		{[]byte{30, 12, 0x70, 0, 1, 2, 3, 4, 5, 6, 7, 8}, true},
		{[]byte{30, 4, 0x80, 0}, false}, // MP_TCPRST
		{[]byte{30, 2, 1, 1}, false},
		{nil, false},
	} {
		if s, err := Parse(packet(tt.option...)); err != nil || s.FastClose != tt.want {
			t.Errorf("%x: %v, want %v: %v", tt.option, s.FastClose, tt.want, err)
		}
	}
}

// TestSum holds the sum of eight bytes at a time against one of words, whose carries come out
// the same, at every length and alignment.
func TestSum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	all := make([]byte, 3000)
	for _, fill := range []func() byte{func() byte { return byte(r.Uint32()) }, func() byte { return 0xff }, func() byte { return 0 }} {
		for i := range all {
			all[i] = fill()
		}
		for n := range 200 {
			for at := range 8 {
				b := all[at : at+n]
				if got, want := fold(sum(b)), fold(words(b)); got != want {
					t.Fatalf("%d bytes from %d: %#04x, want %#04x", n, at, got, want)
				}
			}
		}
		if got, want := fold(sum(all)), fold(words(all)); got != want {
			t.Fatalf("all: %#04x, want %#04x", got, want)
		}
	}
}

// words is the sum as RFC 1071 1 has it.
func words(b []byte) (n uint64) {
	for i, c := range b {
		n += uint64(c) << (8 * (1 - i%2))
	}
	return n
}

func BenchmarkChecksum(b *testing.B) {
	data := make([]byte, 1448)
	s := Segment{Version: 4, Flags: ACK}
	whole := Append(nil, &s, data)
	s, _ = Parse(whole)
	b.SetBytes(int64(len(whole)))
	for b.Loop() {
		if !s.ChecksumOK(whole) {
			b.Fatal("wrong")
		}
	}
}

// TestAppendOptions: SACK permitted and timestamps fill each other's gap, as on Linux.
func TestAppendOptions(t *testing.T) {
	for want, o := range map[string]Options{
		"020405b40402080a000000010000000201030307": {MSS: 1460, SACKPermitted: true, HasTimestamps: true, TSVal: 1, TSEcr: 2, HasWindowScale: true, WindowScale: 7},
		"020405b401010402":                         {MSS: 1460, SACKPermitted: true},
		"0101080a0000000100000002":                 {HasTimestamps: true, TSVal: 1, TSEcr: 2},
	} {
		s := Segment{Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: SYN, Options: o}
		if got := fmt.Sprintf("%x", Append(nil, &s, nil)[40:]); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
