package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// FuzzReader gives the reader arbitrary bytes: it returns packets that keep
// their promises, then one error for good, and never panics.
func FuzzReader(f *testing.F) {
	le, be := binary.LittleEndian, binary.BigEndian
	for _, c := range linkCases {
		frame := join(unhex(f, c.before), unhex(f, c.packet), unhex(f, c.after))
		f.Add(pcapFile(le, 0xa1b2c3d4, c.link, frame))
		f.Add(pcapFile(be, 0xa1b23c4d, c.link, frame))
		f.Add(join(sectionBlock(be), interfaceBlock(be, uint16(c.link), c.name), packetBlock(be, 0, at(0), frame, option(be, 2, []byte{0, 0, 0, 1}))))
		f.Add(join(sectionBlock(le), interfaceBlock(le, uint16(c.link), c.name), block(le, blockSimple, join(le.AppendUint32(nil, uint32(len(frame))), frame)), sectionBlock(be)))
	}
	f.Add(gzipped(f, pcapFile(le, 0xa1b2c3d4, 101, unhex(f, synHex))))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			return
		}
		for n := 0; ; n++ {
			p, err := r.Next()
			if err != nil {
				if _, again := r.Next(); again != err {
					t.Fatalf("%v, then %v", err, again)
				}
				if err != io.EOF && errors.Is(err, io.EOF) {
					t.Fatalf("an error that looks like the end: %v", err)
				}
				if n+r.Skipped().Total() != r.Records() {
					t.Fatalf("%d packets and %+v of %d records", n, r.Skipped(), r.Records())
				}
				return
			}
			if len(p.Data) == 0 || len(p.Data) > p.OrigLen {
				t.Fatalf("packet %d: %d of %d bytes", n, len(p.Data), p.OrigLen)
			}
			if v := p.Data[0] >> 4; v != 4 && v != 6 {
				t.Fatalf("packet %d: IP version %d", n, v)
			}
			if p.Interface < 0 || p.Interface >= len(r.Interfaces()) {
				t.Fatalf("packet %d: interface %d of %d", n, p.Interface, len(r.Interfaces()))
			}
		}
	})
}
