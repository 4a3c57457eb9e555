package fastopen

import (
	"fmt"
	"testing"
	"time"

	"lastack/stack/segment"
)

func entry(n byte) Entry {
	c, _ := segment.MakeCookie([]byte{n, 0, 0, 0})
	return Entry{Cookie: c, Form: segment.FastOpenOption, MSS: 1000 + uint16(n)}
}

func TestCache(t *testing.T) {
	c, at := NewCache(8), tuple("10.0.0.1", "10.0.0.2")
	if _, ok := c.Get(at); ok {
		t.Error("a cookie out of nothing")
	}
	c.Learn(at, entry(1))
	c.Learn(at, entry(2))
	if e, ok := c.Get(at); !ok || e != entry(2) || c.Len() != 1 {
		t.Errorf("%+v, %v, of %d", e, ok, c.Len())
	}
	at.Dst.Port++
	if _, ok := c.Get(at); !ok {
		t.Error("another port of the server has another cookie")
	}
	if _, ok := c.Get(tuple("10.0.0.3", "10.0.0.2")); ok {
		t.Error("another address of the client has its cookie")
	}
	c.Learn(at, Entry{MSS: 1})
	if _, ok := c.Get(at); ok {
		t.Error("no cookie is taken for one")
	}
}

// TestCacheIsBounded: what was used longest ago goes.
func TestCacheIsBounded(t *testing.T) {
	c := NewCache(8)
	server := func(i int) segment.Tuple { return tuple("10.0.0.1", fmt.Sprintf("10.1.%d.%d", i/256, i%256)) }
	for i := range 1000 {
		c.Learn(server(i), entry(1))
		c.Get(server(0))
	}
	_, first := c.Get(server(0))
	_, second := c.Get(server(1))
	_, last := c.Get(server(999))
	if c.Len() != 8 || !first || second || !last {
		t.Errorf("%d entries; the one in use %v, an old one %v, the last %v", c.Len(), first, second, last)
	}
}

func TestBlackhole(t *testing.T) {
	var b Blackhole
	active := func(now, pause time.Duration, want bool) {
		t.Helper()
		if b.Active(now, pause) != want {
			t.Errorf("at %s of %s: %v", now, pause, !want)
		}
	}
	active(0, time.Hour, false)
	b.Seen(10)
	active(10, 0, false)
	active(19, 10, true)
	active(20, 10, false)
	b.Seen(20)
	active(39, 10, true)
	active(40, 10, false)
	for range 100 {
		b.Seen(40)
	}
	active(40+64*10-1, 10, true)
	active(40+64*10, 10, false)
	const most = (1<<31 - 1) * time.Second // of the tunable
	active(time.Hour, most, true)
	active(100*365*24*time.Hour, most, true)
	b.Clear()
	active(40, time.Hour, false)
}
