package teardown

import (
	"fmt"

	"lastack/stack/segment"
)

// FastOpen is what became of TCP Fast Open on a connection (RFC 7413).
type FastOpen string

// The outcomes; empty where there was none.
const (
	// FastOpenAsked: the client asked for a cookie, and the server gave none.
	FastOpenAsked FastOpen = "asked"
	// FastOpenCookie: the client asked for a cookie and got one.
	FastOpenCookie FastOpen = "cookie"
	// FastOpenData: the SYN+ACK acknowledges data that came with the SYN.
	FastOpenData FastOpen = "data"
	// FastOpenRefused: data came with the SYN, and the SYN+ACK acknowledges none.
	FastOpenRefused FastOpen = "refused"
)

// fast is what the SYNs showed of Fast Open.
type fast struct {
	syn   uint16 // bytes of data in the client's SYN
	taken uint16 // of which the SYN+ACK acknowledged so many
	asked bool   // the SYN had the option
	given bool   // and the SYN+ACK a cookie
}

// outcome is Report.FastOpen.
func (f fast) outcome() FastOpen {
	switch {
	case f.taken > 0:
		return FastOpenData
	case f.syn > 0:
		return FastOpenRefused
	case f.given:
		return FastOpenCookie
	case f.asked:
		return FastOpenAsked
	}
	return ""
}

// learnFastOpen looks at a SYN.
func (c *Conn) learnFastOpen(r *Record, e *event) {
	if !e.flags.Has(segment.SYN) {
		return
	}
	option := r.Seg.FastOpen != segment.NoFastOpen
	switch {
	case !e.flags.Has(segment.ACK):
		c.fast.syn, c.fast.asked = max(c.fast.syn, uint16(e.len)), c.fast.asked || option
		switch {
		case e.note != noteNone:
		case e.len > 0 && option:
			e.note = noteCookieAndData
		case e.len > 0:
			e.note = noteDataInSYN
		case option && r.Seg.Cookie.Len > 0:
			e.note = noteCookieAlone
		case option:
			e.note = noteCookieAsked
		}
	default:
		given := option && r.Seg.Cookie.Len > 0
		c.fast.given = c.fast.given || given
		if n := e.ack.Diff(1); n > 0 && n <= int(c.fast.syn) {
			c.fast.taken = uint16(n)
		}
		if e.note == noteNone && (given || c.fast.syn > 0) {
			e.note = c.synAckNote(given)
		}
	}
}

func (c *Conn) synAckNote(given bool) note {
	switch {
	case given && c.fast.taken > 0:
		return noteCookieAndTaken
	case given && c.fast.syn > 0:
		return noteCookieAndLeft
	case given:
		return noteCookieGiven
	case c.fast.taken > 0:
		return noteDataTaken
	}
	return noteDataLeft
}

// whyFast is for the notes that count bytes.
func (c *Conn) whyFast(e *event) string {
	switch e.note {
	case noteCookieAndData:
		return fmt.Sprintf("Fast Open: cookie and %s", count(uint64(e.len), "byte"))
	case noteDataInSYN:
		return count(uint64(e.len), "byte") + " in the SYN, no cookie"
	case noteCookieAndTaken:
		return fmt.Sprintf("takes %s of the SYN; new cookie", count(uint64(c.fast.taken), "byte"))
	case noteDataTaken:
		return fmt.Sprintf("takes %s of the SYN", count(uint64(c.fast.taken), "byte"))
	}
	return e.note.String()
}
