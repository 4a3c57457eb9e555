package capture

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// unhex turns "45 00 ..." with any white space into bytes.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Golden packets: a SYN over IPv4 and a FIN+ACK over IPv6, checksums right.
const (
	synHex = `45000028 00010000 40067ccd 7f000001 7f000001
	          9c40 0050 00000001 00000000 5002 ffff 154f 0000`
	fin6Hex = `60000000 00140640
	           00000000000000000000000000000001 00000000000000000000000000000001
	           0050 9c40 00000005 00000006 5011 ffff 1337 0000`
)

// udp4 is an IPv4 UDP packet from 192.0.2.1:4000 to 192.0.2.2:port with the
// given payload; its IP checksum is right, its UDP checksum absent.
func udp4(port uint16, payload []byte) []byte {
	b := make([]byte, 28, 28+len(payload))
	b[0], b[8], b[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(b[2:], uint16(28+len(payload)))
	copy(b[12:], []byte{192, 0, 2, 1, 192, 0, 2, 2})
	binary.BigEndian.PutUint16(b[10:], checksum(b[:20]))
	binary.BigEndian.PutUint16(b[20:], 4000)
	binary.BigEndian.PutUint16(b[22:], port)
	binary.BigEndian.PutUint16(b[24:], uint16(8+len(payload)))
	return append(b, payload...)
}

func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// at is a time with every nanosecond digit in use.
func at(n int) time.Time {
	return time.Unix(1700000000+int64(n), 123456789).UTC()
}

// pcapFile writes a pcap file by hand: magic, one link type, one packet a record.
func pcapFile(order binary.AppendByteOrder, magic, link uint32, records ...[]byte) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = order.AppendUint32(b, 65535)
	b = order.AppendUint32(b, link)
	for i, r := range records {
		b = appendRecord(order, b, i, len(r), len(r), r)
	}
	return b
}

func appendRecord(order binary.AppendByteOrder, b []byte, n, captured, orig int, data []byte) []byte {
	b = order.AppendUint32(b, uint32(1700000000+n))
	b = order.AppendUint32(b, 123456)
	b = order.AppendUint32(b, uint32(captured))
	b = order.AppendUint32(b, uint32(orig))
	return append(b, data...)
}

// block is one pcapng block.
func block(order binary.AppendByteOrder, kind uint32, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	b := order.AppendUint32(nil, kind)
	b = order.AppendUint32(b, uint32(len(body)+12))
	b = append(b, body...)
	return order.AppendUint32(b, uint32(len(body)+12))
}

func sectionBlock(order binary.AppendByteOrder) []byte {
	b := order.AppendUint32(nil, orderMagic)
	b = order.AppendUint16(b, 1)
	b = order.AppendUint16(b, 0)
	return block(order, blockSection, append(b, bytes.Repeat([]byte{0xff}, 8)...))
}

func option(order binary.AppendByteOrder, code uint16, value []byte) []byte {
	b := order.AppendUint16(nil, code)
	b = order.AppendUint16(b, uint16(len(value)))
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// interfaceBlock describes an interface with nanosecond times.
func interfaceBlock(order binary.AppendByteOrder, link uint16, name string) []byte {
	b := order.AppendUint16(nil, link)
	b = order.AppendUint16(b, 0)
	b = order.AppendUint32(b, 0)
	b = append(b, option(order, 2, []byte(name))...)
	b = append(b, option(order, 9, []byte{9})...)
	return block(order, blockInterface, append(b, 0, 0, 0, 0))
}

func packetBlock(order binary.AppendByteOrder, iface int, t time.Time, data []byte, options ...[]byte) []byte {
	b := order.AppendUint32(nil, uint32(iface))
	b = order.AppendUint32(b, uint32(uint64(t.UnixNano())>>32))
	b = order.AppendUint32(b, uint32(t.UnixNano()))
	b = order.AppendUint32(b, uint32(len(data)))
	b = order.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	for _, o := range options {
		b = append(b, o...)
	}
	if len(options) > 0 {
		b = append(b, 0, 0, 0, 0)
	}
	return block(order, blockPacket, b)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// mustRead reads a whole file that has to be sound.
func mustRead(t testing.TB, file []byte) (*Reader, []Packet) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	all, err := ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("Next after the end: %v, want io.EOF", err)
	}
	return r, all
}
