package fastopen

import (
	"encoding/binary"
	"sync/atomic"

	"lastack/stack/segment"
)

// Key is a key of SipHash.
type Key [16]byte

// Keyring makes cookies and recognises good ones. Make it with NewKeyring.
type Keyring struct {
	keys atomic.Pointer[[]Key]
}

// NewKeyring makes cookies with the first of the keys, and takes those of all.
func NewKeyring(keys ...Key) *Keyring {
	r := &Keyring{}
	r.keys.Store(&keys)
	return r
}

// Change replaces the keys by one or two. If it is one, the key before it stays as the
// second: cookies that clients have by now are still good.
func (r *Keyring) Change(keys ...Key) {
	for {
		old := r.keys.Load()
		next := keys
		if len(keys) == 1 && len(*old) > 0 && (*old)[0] != keys[0] {
			next = []Key{keys[0], (*old)[0]}
		}
		if r.keys.CompareAndSwap(old, &next) {
			return
		}
	}
}

// Cookie is the client's cookie. The tuple is that of the client's SYN, and its
// addresses alone count.
func (r *Keyring) Cookie(t segment.Tuple) segment.Cookie {
	return cookie((*r.keys.Load())[0], t)
}

// Verdict is what a cookie is worth.
type Verdict uint8

const (
	// Bad: not one of ours, or of a key too long ago, or of another address.
	Bad Verdict = iota
	// Good: as Cookie would make it now.
	Good
	// Aging: good, but of a key that has been replaced; the client should have
	// the new one.
	Aging
)

// Check judges a cookie that came in a SYN.
func (r *Keyring) Check(t segment.Tuple, c segment.Cookie) Verdict {
	for i, k := range *r.keys.Load() {
		if cookie(k, t) == c {
			return min(Good+Verdict(i), Aging)
		}
	}
	return Bad
}

// cookie is the hash of both addresses, as Linux makes it: hosts that share a key
// take each other's.
func cookie(k Key, t segment.Tuple) segment.Cookie {
	var addrs [32]byte
	b := append(append(addrs[:0], t.Src.Addr[:]...), t.Dst.Addr[:]...)
	if t.Src.Is4() {
		b = append(append(addrs[:0], t.Src.Addr[12:]...), t.Dst.Addr[12:]...)
	}
	c := segment.Cookie{Len: 8}
	binary.LittleEndian.PutUint64(c.Bytes[:], sipHash(k, b))
	return c
}
