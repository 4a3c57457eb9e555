package vnet

import (
	"encoding/binary"
	"encoding/hex"
	"testing"
)

func TestEncodeIsTheKernels(t *testing.T) {
	for _, c := range []struct {
		h    Header
		want string // little-endian, as on most machines
	}{
		{Header{}, "00000000000000000000"},
		{Header{NeedsChecksum: true, ChecksumStart: 20, ChecksumOffset: 16}, "01000000000014001000"},
		{
			Header{NeedsChecksum: true, ChecksumStart: 40, ChecksumOffset: 16, GSO: TCP6, SegmentSize: 1428, HeaderLen: 72},
			"01044800940528001000",
		},
		{Header{ChecksumValid: true, GSO: TCP4, SegmentSize: 1448, HeaderLen: 52}, "02013400a80500000000"},
	} {
		var b [Len]byte
		c.h.Encode(&b)
		if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 && hex.EncodeToString(b[:]) != c.want {
			t.Errorf("%+v is %x, want %s", c.h, b, c.want)
		}
		var back Header
		back.Decode(&b)
		if back != c.h {
			t.Errorf("%+v came back as %+v", c.h, back)
		}
	}
}

func TestEncodeLeavesNothingOfTheOld(t *testing.T) {
	b := [Len]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	new(Header).Encode(&b)
	if b != [Len]byte{} {
		t.Errorf("the zero Header is % x", b)
	}
}

func TestComplete(t *testing.T) {
	for name, c := range map[string]struct {
		h      Header
		packet string
		want   string
	}{
		"even":                  {Header{NeedsChecksum: true, ChecksumStart: 2, ChecksumOffset: 2}, "ffff0001000200030004", "ffff0001fff500030004"},
		"odd":                   {Header{NeedsChecksum: true, ChecksumStart: 0, ChecksumOffset: 2}, "0001000003", "0001fcfe03"},
		"carries":               {Header{NeedsChecksum: true, ChecksumStart: 0, ChecksumOffset: 0}, "8000ffffffff", "7fffffffffff"},
		"0 is a sum for TCP":    {Header{NeedsChecksum: true, ChecksumOffset: 0}, "0001fffe", "0000fffe"},
		"0 is no sum for UDP":   {Header{NeedsChecksum: true, ChecksumOffset: 6}, "000100000000fffe", "000100000000ffff"},
		"not needed":            {Header{ChecksumOffset: 2}, "00010002", "00010002"},
		"place is beyond":       {Header{NeedsChecksum: true, ChecksumStart: 2, ChecksumOffset: 2}, "0001000200", "0001000200"},
		"start is beyond":       {Header{NeedsChecksum: true, ChecksumStart: 65535, ChecksumOffset: 65535}, "0001", "0001"},
		"nothing at all to sum": {Header{NeedsChecksum: true}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			packet, err := hex.DecodeString(c.packet)
			if err != nil {
				t.Fatal(err)
			}
			c.h.Complete(packet)
			if got := hex.EncodeToString(packet); got != c.want {
				t.Errorf("%s became %s, want %s", c.packet, got, c.want)
			}
			if done := got(packet) != c.packet; done && (c.h.NeedsChecksum || !c.h.ChecksumValid) {
				t.Errorf("the header says %+v", c.h)
			}
		})
	}
}

func got(b []byte) string { return hex.EncodeToString(b) }
