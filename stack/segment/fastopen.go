package segment

import "encoding/binary"

// FastOpen is the form in which a segment has the option of TCP Fast Open.
type FastOpen uint8

const (
	// NoFastOpen: there is none.
	NoFastOpen FastOpen = iota
	// FastOpenOption is kind 34 (RFC 7413 4.1.1).
	FastOpenOption
	// FastOpenExperiment is kind 254 with the identifier 0xf989 (RFC 6994), which
	// Linux spoke before the option had a number, and still understands.
	FastOpenExperiment
)

// fastOpenMagic tells Fast Open from other experiments with kind 254.
const fastOpenMagic = 0xf989

// A cookie has an even number of bytes within these bounds (RFC 7413 4.1.1).
const (
	minCookie = 4
	maxCookie = 16
)

// Cookie is what a Fast Open option carries: nothing, or 4 to 16 bytes.
type Cookie struct {
	Len   uint8
	Bytes [maxCookie]byte // those beyond Len are 0
}

// MakeCookie is the cookie with the given bytes. It reports false if no option
// may carry so many.
func MakeCookie(b []byte) (Cookie, bool) {
	var c Cookie
	if len(b) != 0 && (len(b) < minCookie || len(b) > maxCookie || len(b)%2 == 1) {
		return c, false
	}
	c.Len = uint8(copy(c.Bytes[:], b))
	return c, true
}

// fastOpen takes in the option; one of a length that cannot be is as none.
func (s *Segment) fastOpen(form FastOpen, cookie []byte) {
	if c, ok := MakeCookie(cookie); ok {
		s.FastOpen, s.Cookie = form, c
	}
}

// appendFastOpen writes the option, padded to a whole number of words.
func (s *Segment) appendFastOpen(dst []byte) []byte {
	start := len(dst)
	switch s.FastOpen {
	case NoFastOpen:
		return dst
	case FastOpenExperiment:
		dst = append(dst, optExperiment, 4+s.Cookie.Len)
		dst = binary.BigEndian.AppendUint16(dst, fastOpenMagic)
	default:
		dst = append(dst, optFastOpen, 2+s.Cookie.Len)
	}
	dst = append(dst, s.Cookie.Bytes[:s.Cookie.Len]...)
	for (len(dst)-start)%4 != 0 {
		dst = append(dst, optNop)
	}
	return dst
}
