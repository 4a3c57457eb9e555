package soak

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// content is the bytes of one connection: a stream that the seed and the
// connection's number determine, so that a byte of another connection, or of
// another place in this one, is noticed.
type content struct {
	source *rand.ChaCha8
	offset int64
	want   []byte
}

func newContent(seed uint64, number int64) *content {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], uint64(number))
	return &content{source: rand.NewChaCha8(key)}
}

// next fills p with the bytes that follow.
func (c *content) next(p []byte) {
	_, _ = c.source.Read(p) // which never fails
	c.offset += int64(len(p))
}

// check compares p with the bytes that follow.
func (c *content) check(p []byte) error {
	if cap(c.want) < len(p) {
		c.want = make([]byte, len(p))
	}
	want, from := c.want[:len(p)], c.offset
	c.next(want)
	if bytes.Equal(p, want) {
		return nil
	}
	i := 0
	for p[i] == want[i] {
		i++
	}
	return &wrongByteError{offset: from + int64(i), got: p[i], want: want[i]}
}

// wrongByteError is what a soak must never see.
type wrongByteError struct {
	offset    int64
	got, want byte
}

func (e *wrongByteError) Error() string {
	return fmt.Sprintf("byte %d is %#02x and was sent as %#02x", e.offset, e.got, e.want)
}
