package fastopen

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"lastack/stack/segment"
)

func tuple(src, dst string) segment.Tuple {
	return segment.Tuple{
		Src: segment.EndpointFrom(netip.AddrPortFrom(netip.MustParseAddr(src), 40000)),
		Dst: segment.EndpointFrom(netip.AddrPortFrom(netip.MustParseAddr(dst), 80)),
	}
}

// TestSipHash has the reference implementation's vectors, with the key 00 01 ... 0f
// and the message 00 01 02 ...
func TestSipHash(t *testing.T) {
	var k Key
	var msg [16]byte
	for i := range msg {
		msg[i], k[i] = byte(i), byte(i)
	}
	for n, want := range map[int]uint64{0: 0x726fdb47dd0e0e31, 8: 0x93f5f5799a932462, 16: 0x3f2acc7f57c29bdb} {
		if got := sipHash(k, msg[:n]); got != want {
			t.Errorf("of %d bytes: %#x, want %#x", n, got, want)
		}
	}
}

func TestCookieIsOfTheAddresses(t *testing.T) {
	r := NewKeyring(Key{1})
	here := tuple("10.0.0.1", "10.0.0.2")
	c := r.Cookie(here)
	if c.Len != 8 || binary.LittleEndian.Uint64(c.Bytes[8:]) != 0 {
		t.Errorf("cookie %+v", c)
	}
	port := here
	port.Src.Port, port.Dst.Port = 1, 2
	if r.Check(here, c) != Good || r.Check(port, c) != Good {
		t.Error("its own cookie is not good, at another port")
	}
	for _, other := range []segment.Tuple{
		tuple("10.0.0.3", "10.0.0.2"), tuple("10.0.0.1", "10.0.0.3"), tuple("10.0.0.2", "10.0.0.1"),
		tuple("fd00::a00:1", "fd00::a00:2"),
	} {
		if r.Check(other, c) != Bad {
			t.Errorf("%s takes the cookie of %s", other, here)
		}
	}
	short := c
	short.Len = 4
	if r.Check(here, short) != Bad || r.Check(here, segment.Cookie{}) != Bad {
		t.Error("a shorter cookie is taken")
	}
}

// TestRotation: a key alone keeps the one before it, and a pair replaces both.
func TestRotation(t *testing.T) {
	at := tuple("fd00::1", "fd00::2")
	of := func(k Key) segment.Cookie { return NewKeyring(k).Cookie(at) }
	a, b, c := Key{1}, Key{2}, Key{3}
	r := NewKeyring(a)
	for _, step := range []struct {
		keys []Key
		want map[Key]Verdict
	}{
		{[]Key{a}, map[Key]Verdict{a: Good, b: Bad}},
		{[]Key{b}, map[Key]Verdict{a: Aging, b: Good}},
		{[]Key{b}, map[Key]Verdict{b: Good, c: Bad}},
		{[]Key{c}, map[Key]Verdict{a: Bad, b: Aging, c: Good}},
		{[]Key{a, c}, map[Key]Verdict{a: Good, b: Bad, c: Aging}},
	} {
		r.Change(step.keys...)
		for k, want := range step.want {
			if got := r.Check(at, of(k)); got != want {
				t.Errorf("after %v, a cookie of %v is worth %d, want %d", step.keys, k, got, want)
			}
		}
		if r.Cookie(at) != of(step.keys[0]) {
			t.Errorf("after %v, cookies are of another key", step.keys)
		}
	}
}

func BenchmarkCookie(b *testing.B) {
	r, at := NewKeyring(Key{1}), tuple("10.0.0.1", "10.0.0.2")
	for b.Loop() {
		r.Cookie(at)
	}
}
