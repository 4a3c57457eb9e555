package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"
)

// interfaceWith describes a raw IP interface with a snap length and options.
func interfaceWith(o binary.AppendByteOrder, snap uint32, options ...[]byte) []byte {
	b := o.AppendUint16(nil, 101)
	b = o.AppendUint16(b, 0)
	b = o.AppendUint32(b, snap)
	return block(o, blockInterface, join(append([][]byte{b}, append(options, make([]byte, 4))...)...))
}

// stamped is a packet block with a raw timestamp.
func stamped(o binary.AppendByteOrder, ts uint64, data []byte) []byte {
	b := o.AppendUint32(nil, 0)
	b = o.AppendUint32(b, uint32(ts>>32))
	b = o.AppendUint32(b, uint32(ts))
	b = o.AppendUint32(b, uint32(len(data)))
	b = o.AppendUint32(b, uint32(len(data)))
	return block(o, blockPacket, append(b, data...))
}

func TestTimestampResolutions(t *testing.T) {
	for name, o := range orders {
		offset := option(o, 14, o.AppendUint64(nil, 1_700_000_000))
		past := option(o, 14, o.AppendUint64(nil, 1<<64-10)) // ten seconds back
		for _, tt := range []struct {
			resolution []byte
			offset     []byte
			ts         uint64
			want       time.Time
		}{
			{nil, nil, 1_700_000_000_123_456, time.Unix(1_700_000_000, 123_456_000)},
			{[]byte{6}, offset, 123_456, time.Unix(1_700_000_000, 123_456_000)},
			{[]byte{9}, nil, 1_700_000_000_123_456_789, time.Unix(1_700_000_000, 123_456_789)},
			{[]byte{9}, past, 15e9 + 1, time.Unix(5, 1)},
			{[]byte{3}, nil, 1_700_000_000_123, time.Unix(1_700_000_000, 123e6)},
			{[]byte{0}, nil, 1_700_000_000, time.Unix(1_700_000_000, 0)},
			{[]byte{12}, nil, 1_000_000_000_123, time.Unix(1, 0)},
			{[]byte{19}, nil, 15_000_000_000_000_000_000, time.Unix(1, 5e8)},
			{[]byte{0x80 | 10}, nil, 5<<10 | 512, time.Unix(5, 5e8)},
			{[]byte{0x80 | 63}, nil, 1<<63 | 1<<62, time.Unix(1, 5e8)},
		} {
			options := [][]byte{tt.offset}
			if tt.resolution != nil {
				options = append(options, option(o, 9, tt.resolution))
			}
			_, all := mustRead(t, join(sectionBlock(o), interfaceWith(o, 0, options...), stamped(o, tt.ts, unhex(t, synHex))))
			if len(all) != 1 || !all[0].Time.Equal(tt.want) {
				t.Errorf("%s endian, resolution %v, timestamp %d: %v, want %v", name, tt.resolution, tt.ts, all, tt.want.UTC())
			}
		}
	}
}

func TestTimestampResolutionTooFine(t *testing.T) {
	for _, resolution := range []byte{20, 0x7f, 0x80 | 64, 0xff} {
		o := binary.LittleEndian
		r, err := NewReader(bytes.NewReader(join(sectionBlock(o), interfaceWith(o, 0, option(o, 9, []byte{resolution})))))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); !errors.Is(err, ErrMalformed) {
			t.Errorf("resolution %#x: %v", resolution, err)
		}
	}
}

// The obsolete packet block names its interface in 16 bits, with a count of
// drops behind, and has the same flags.
func TestObsoletePacketBlock(t *testing.T) {
	for name, o := range orders {
		syn := unhex(t, synHex)
		b := o.AppendUint16(nil, 1)
		b = o.AppendUint16(b, 0xbeef) // drops
		b = append(b, packetBlock(o, 0, at(0), syn, option(o, 2, o.AppendUint32(nil, 2)))[12:]...)
		old := block(o, blockOldPacket, b[:len(b)-4])
		_, all := mustRead(t, join(sectionBlock(o), interfaceBlock(o, 1, "a"), interfaceBlock(o, 101, "b"), old))
		if len(all) != 1 || !bytes.Equal(all[0].Data, syn) || all[0].Interface != 1 || all[0].Direction != Outgoing || !all[0].Time.Equal(at(0)) {
			t.Errorf("%s endian: %+v", name, all)
		}
	}
}

// A simple packet block is cut where its interface says.
func TestSimplePacketBlockSnapLength(t *testing.T) {
	o := binary.LittleEndian
	syn := unhex(t, synHex)
	file := join(sectionBlock(o), interfaceWith(o, 30), block(o, blockSimple, join(o.AppendUint32(nil, 40), syn[:30], make([]byte, 2))))
	_, all := mustRead(t, file)
	if len(all) != 1 || !bytes.Equal(all[0].Data, syn[:30]) || all[0].OrigLen != 40 {
		t.Errorf("%+v", all)
	}
}

// Options that do not fit end the list and leave the packet alone.
func TestBadOptions(t *testing.T) {
	o := binary.LittleEndian
	note := option(o, 1, []byte("note"))
	for name, tt := range map[string]struct {
		options []byte
		want    string
	}{
		"too long":        {join(note, []byte{1, 0, 200, 0, 'x', 0, 0, 0}), "note"},
		"no end":          {note, "note"},
		"end in between":  {join(note, make([]byte, 4), note), "note"},
		"flags too short": {join([]byte{2, 0, 2, 0, 1, 0, 0, 0}, note), "note"},
	} {
		packet := packetBlock(o, 0, at(0), unhex(t, synHex))
		body := join(packet[8:len(packet)-4], tt.options)
		_, all := mustRead(t, join(sectionBlock(o), interfaceBlock(o, 101, "i"), block(o, blockPacket, body)))
		if len(all) != 1 || all[0].Comment != tt.want || all[0].Direction != DirectionUnknown {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

// Where a block cannot be read, the error says where it begins.
func TestReadErrorOffset(t *testing.T) {
	o := binary.LittleEndian
	good := join(sectionBlock(o), interfaceBlock(o, 101, "i"), packetBlock(o, 0, at(0), unhex(t, synHex)))
	short := func(kind uint32) []byte { return block(o, kind, nil) }
	wrongEnd := packetBlock(o, 0, at(0), unhex(t, synHex))
	wrongEnd[len(wrongEnd)-4]++
	longer := packetBlock(o, 0, at(0), unhex(t, synHex))
	longer[24]-- // than the packet was
	version := sectionBlock(o)
	version[12] = 2
	for name, tt := range map[string]struct {
		block []byte
		is    error
	}{
		"section too short":     {block(o, blockSection, o.AppendUint32(nil, orderMagic)), ErrMalformed},
		"another version":       {version, ErrFormat},
		"interface too short":   {short(blockInterface), ErrMalformed},
		"packet too short":      {short(blockPacket), ErrMalformed},
		"simple too short":      {short(blockSimple), ErrMalformed},
		"another length at end": {wrongEnd, ErrMalformed},
		"custom, another end":   {join(block(o, 0x0bad, make([]byte, 8))[:16], o.AppendUint32(nil, 24)), ErrMalformed},
		"4 GB":                  {[]byte{6, 0, 0, 0, 0xfc, 0xff, 0xff, 0xff, 0, 0, 0, 0}, ErrMalformed},
	} {
		r, err := NewReader(bytes.NewReader(join(good, tt.block)))
		if err != nil {
			t.Fatal(err)
		}
		all, err := ReadAll(r)
		var where *ReadError
		if len(all) != 1 || !errors.Is(err, tt.is) || !errors.As(err, &where) || where.Packet != 2 {
			t.Errorf("%s: %d packets, %v", name, len(all), err)
			continue
		}
		// The end of a block that was passed over is 12 bytes further on.
		if at := int64(len(good)); where.Offset != at && (name != "custom, another end" || where.Offset != at+16) {
			t.Errorf("%s: offset %d, want %d", name, where.Offset, at)
		}
	}
}

// Of a name no more is kept than any interface has.
func TestInterfaceNameIsCut(t *testing.T) {
	o := binary.LittleEndian
	r, _ := mustRead(t, join(sectionBlock(o), interfaceBlock(o, 101, strings.Repeat("eth", 20_000))))
	if ifs := r.Interfaces(); len(ifs) != 1 || len(ifs[0].Name) != maxName {
		t.Errorf("%d interfaces, a name of %d bytes", len(ifs), len(ifs[0].Name))
	}
}
