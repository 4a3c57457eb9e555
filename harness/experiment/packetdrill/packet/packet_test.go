package packet

import (
	"bytes"
	"errors"
	"net/netip"
	"reflect"
	"testing"

	"lastack/stack/segment"
)

var (
	four = IP{Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("192.168.0.1"), TOS: 2, TTL: 64}
	six  = IP{Src: netip.MustParseAddr("2001:db8::1"), Dst: netip.MustParseAddr("fd00::1"), TOS: 1, TTL: 9, FlowLabel: 0xabcde}
)

func sample(h IP) *TCP {
	return &TCP{
		IP: h, SrcPort: 8080, DstPort: 443, Seq: 1, Ack: 0xfffffffe, Flags: 0x118, Window: 65535, Urgent: 7,
		Options: []Option{{Kind: 2, Data: []byte{5, 0xb4}}, {Kind: 1}, {Kind: 254, Data: []byte{0xf9, 0x89, 1}}, {Kind: 0}, {Kind: 0}},
		Payload: []byte("odd"), Checksum: true,
	}
}

func TestTCPReadsAsWritten(t *testing.T) {
	for _, h := range []IP{four, six} {
		want := sample(h)
		b, err := want.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := Parse(b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v\n%+v\n%+v", err, got, want)
		}
		s, err := segment.Parse(b)
		if err != nil || !s.ChecksumOK(b) || s.MSS != 1460 || s.PayloadLen != 3 {
			t.Errorf("package segment reads %+v: %v", s, err)
		}
		b[len(b)-1]++
		if got, _, err := Parse(b); err != nil || got.Checksum {
			t.Errorf("a damaged segment has checksum %v: %v", got.Checksum, err)
		}
	}
}

func TestOptionsHaveABound(t *testing.T) {
	s := sample(four)
	s.Options = append(s.Options, Option{Kind: 8, Data: bytes.Repeat([]byte{1}, 30)})
	if _, err := s.Append(nil); !errors.Is(err, ErrOptions) {
		t.Errorf("%v, want %v", err, ErrOptions)
	}
	s = sample(four)
	s.Payload = make([]byte, maxPacket)
	if _, err := s.Append(nil); err == nil {
		t.Error("a packet that IP has no room for was written")
	}
}

func TestICMPReadsAsWritten(t *testing.T) {
	for _, h := range []IP{four, six} {
		want := &ICMP{IP: h, Type: 3, Code: 4, Rest: 1400, Body: []byte{1, 2, 3}}
		b, err := want.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, got, err := Parse(b); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v\n%+v\n%+v", err, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, h := range []IP{four, six} {
		b, _ := sample(h).Append(nil)
		f.Add(b)
		b, _ = (&ICMP{IP: h, Type: 3}).Append(nil)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, m, err := Parse(b)
		if err == nil && (s == nil) == (m == nil) {
			t.Fatal("neither or both")
		}
		if s == nil || err != nil {
			return
		}
		again, err := s.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if u, _, err := Parse(again); err != nil || !bytes.Equal(u.Payload, s.Payload) || u.Seq != s.Seq || u.Flags != s.Flags {
			t.Fatalf("%v: %+v became %+v", err, s, u)
		}
	})
}
