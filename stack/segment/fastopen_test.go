package segment

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func cookieOf(t *testing.T, b ...byte) Cookie {
	t.Helper()
	c, ok := MakeCookie(b)
	if !ok {
		t.Fatalf("%d bytes are no cookie", len(b))
	}
	return c
}

// TestFastOpenRoundTrip writes each form of the option behind those of a SYN-ACK,
// and reads it back; the bytes are those of Linux.
func TestFastOpenRoundTrip(t *testing.T) {
	eight := cookieOf(t, 1, 2, 3, 4, 5, 6, 7, 8)
	for _, tt := range []struct {
		form   FastOpen
		cookie Cookie
		want   []byte
	}{
		{FastOpenOption, Cookie{}, []byte{34, 2, 1, 1}},
		{FastOpenOption, eight, []byte{34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1}},
		{FastOpenExperiment, Cookie{}, []byte{254, 4, 0xf9, 0x89}},
		{FastOpenExperiment, eight, []byte{254, 12, 0xf9, 0x89, 1, 2, 3, 4, 5, 6, 7, 8}},
	} {
		s := Segment{
			Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: SYN | ACK,
			Options: Options{
				MSS: 1460, SACKPermitted: true, HasTimestamps: true, HasWindowScale: true, WindowScale: 7,
				FastOpen: tt.form, Cookie: tt.cookie,
			},
		}
		b := Append(nil, &s, []byte("data"))
		got, err := Parse(b)
		if err != nil || !got.ChecksumOK(b) {
			t.Fatalf("%v: %v", tt.want, err)
		}
		if d := cmp.Diff(s.Options, got.Options, parsed); d != "" || got.PayloadLen != 4 {
			t.Error(d)
		}
		if o := b[got.PayloadStart-len(tt.want) : got.PayloadStart]; !bytes.Equal(o, tt.want) {
			t.Errorf("the option is % d, want % d", o, tt.want)
		}
	}
}

// TestFastOpenRefused: an option of an odd or impossible length, and another
// experiment, are no Fast Open and cost nothing else.
func TestFastOpenRefused(t *testing.T) {
	for _, option := range [][]byte{
		{34, 3, 1, 1}, {34, 4, 1, 1}, {34, 7, 1, 2, 3, 4, 5, 1},
		append([]byte{34, 20}, make([]byte, 18)...), {254, 4, 0xf9, 0x88}, {254, 3, 0xf9, 1},
	} {
		s := Segment{Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: SYN, Options: Options{MSS: 1460}}
		b := Append(nil, &s, nil)
		b = append(b, option...)
		for len(b)%4 != 0 {
			b = append(b, optNop)
		}
		b[3], b[32] = byte(len(b)), byte(len(b)-20)/4<<4
		got, err := Parse(b)
		if err != nil || got.FastOpen != NoFastOpen || got.Cookie.Len != 0 || got.MSS != 1460 {
			t.Errorf("% d: %v, %+v", option, err, got.Options)
		}
	}
}

func TestSetAck(t *testing.T) {
	b, s := everything(true)
	s.SetAck(b, 0xfedc_ba98)
	got, err := Parse(b)
	if err != nil || got.Ack != 0xfedc_ba98 || got.SACKBlocks != s.SACKBlocks || !got.ChecksumOK(b) {
		t.Errorf("%v: %s", err, got.String())
	}
}
