package capture

import (
	"encoding/binary"
	"math/bits"
)

// byteOrder reads numbers of a file: little-endian ones, or with true
// big-endian ones. It does what binary.ByteOrder does, without a call through
// an interface for each of them.
type byteOrder bool

func (big byteOrder) u16(b []byte) uint16 {
	v := binary.LittleEndian.Uint16(b)
	if big {
		v = bits.ReverseBytes16(v)
	}
	return v
}

func (big byteOrder) u32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if big {
		v = bits.ReverseBytes32(v)
	}
	return v
}

func (big byteOrder) u64(b []byte) uint64 {
	v := binary.LittleEndian.Uint64(b)
	if big {
		v = bits.ReverseBytes64(v)
	}
	return v
}
