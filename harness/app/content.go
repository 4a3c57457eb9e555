package app

import "io"

// line is one line of content; its first digits are overwritten by its offset,
// which maxBytes keeps within ten. Its length of 65 bytes is odd so that content
// that slipped by a buffer's length is not the same again.
const (
	line   = "0000000000 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\n"
	digits = 10
)

// Content returns n bytes (none if n is negative) that are the same in every
// run: 65-byte lines of text, each beginning with its own offset in ten decimal
// digits. So a byte that was lost, doubled or moved shows where, in a capture
// too. It is what the http kind serves under /bytes/N and what half-closer sends;
// a client can compare against it. The reader never fails before io.EOF; it is
// for one goroutine at a time.
func Content(n int64) io.Reader {
	return &content{end: max(n, 0)}
}

type content struct {
	off, end int64
}

// Read fills p as far as the content goes.
func (c *content) Read(p []byte) (int, error) {
	if c.off >= c.end {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), c.end-c.off)]
	total := len(p)
	for len(p) > 0 {
		var text [len(line)]byte
		within := int(c.off % int64(len(line)))
		fillLine(&text, c.off-int64(within))
		n := copy(p, text[within:])
		p = p[n:]
		c.off += int64(n)
	}
	return total, nil
}

// fillLine writes the line that begins at offset off.
func fillLine(text *[len(line)]byte, off int64) {
	copy(text[:], line)
	for i := digits - 1; off > 0; i-- {
		text[i] = byte('0' + off%10)
		off /= 10
	}
}
