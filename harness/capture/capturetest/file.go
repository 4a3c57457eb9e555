package capturetest

import (
	"encoding/binary"
	"io"
	"time"
)

// file writes records in one of the formats. The first error stays.
type file struct {
	Config
	w       io.Writer
	buf     []byte
	frame   []byte
	records int
	bytes   int64
	err     error
}

func (f *file) order() binary.AppendByteOrder {
	if f.BigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func (f *file) write(b []byte) {
	if f.err != nil {
		return
	}
	_, f.err = f.w.Write(b)
	f.bytes += int64(len(b))
}

// header begins the file. Every pcapng file has two interfaces.
func (f *file) header() {
	o := f.order()
	switch f.Format {
	case Pcapng:
		b := o.AppendUint32(nil, 0x1a2b3c4d)
		b = o.AppendUint16(b, 1)
		b = o.AppendUint16(b, 0)
		f.block(0x0a0d0d0a, o.AppendUint64(b, 1<<64-1))
		for range 2 {
			b := o.AppendUint16(nil, uint16(linkTypes[f.Link]))
			b = o.AppendUint16(b, 0)
			b = o.AppendUint32(b, uint32(f.SnapLen))
			b = o.AppendUint16(b, 9) // if_tsresol
			b = o.AppendUint16(b, 1)
			b = append(b, 9, 0, 0, 0)
			f.block(1, o.AppendUint32(b, 0))
		}
	default:
		magic := uint32(0xa1b2c3d4)
		if f.Format == PcapNano {
			magic = 0xa1b23c4d
		}
		b := o.AppendUint32(nil, magic)
		b = o.AppendUint16(b, 2)
		b = o.AppendUint16(b, 4)
		b = o.AppendUint64(b, 0)
		snap := f.SnapLen
		if snap == 0 {
			snap = 262144
		}
		b = o.AppendUint32(b, uint32(snap))
		f.write(o.AppendUint32(b, linkTypes[f.Link]))
	}
}

// block writes one pcapng block.
func (f *file) block(kind uint32, body []byte) {
	o := f.order()
	pad := -len(body) & 3
	total := uint32(12 + len(body) + pad)
	b := o.AppendUint32(f.buf[:0], kind)
	b = o.AppendUint32(b, total)
	b = append(b, body...)
	b = append(b, zeroes[:pad]...)
	f.buf = o.AppendUint32(b, total)
	f.write(f.buf)
}

// packet writes one IP packet, in fragments where the MTU wants it.
func (f *file) packet(at time.Time, packet []byte, id uint16, iface int, fromClient bool) {
	if f.MTU == 0 {
		f.record(at, packet, iface, fromClient)
		return
	}
	fragments(packet, id, f.MTU, func(b []byte) { f.record(at, b, iface, fromClient) })
}

func (f *file) record(at time.Time, packet []byte, iface int, fromClient bool) {
	f.records++
	f.frame = appendLink(f.frame[:0], f.Link, packet[0]>>4 == 6, iface, fromClient)
	f.frame = append(f.frame, packet...)
	orig := len(f.frame)
	frame := f.frame
	if f.SnapLen > 0 && orig > f.SnapLen {
		frame = frame[:f.SnapLen]
	}
	o := f.order()
	if f.Format == Pcapng {
		b := o.AppendUint32(make([]byte, 0, 20+len(frame)), uint32(iface))
		ns := uint64(at.UnixNano())
		b = o.AppendUint32(b, uint32(ns>>32))
		b = o.AppendUint32(b, uint32(ns))
		b = o.AppendUint32(b, uint32(len(frame)))
		b = o.AppendUint32(b, uint32(orig))
		f.block(6, append(b, frame...))
		return
	}
	fraction := uint32(at.Nanosecond())
	if f.Format == Pcap {
		fraction /= 1000
	}
	b := o.AppendUint32(f.buf[:0], uint32(at.Unix()))
	b = o.AppendUint32(b, fraction)
	b = o.AppendUint32(b, uint32(len(frame)))
	b = o.AppendUint32(b, uint32(orig))
	f.buf = append(b, frame...)
	f.write(f.buf)
}
