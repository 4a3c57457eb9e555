package tracepoint

import (
	"bytes"
	"encoding/binary"
)

// RecordKind is what a Record tells.
type RecordKind uint8

// The kinds of a Record.
const (
	// Sample is a tracepoint that was passed: Record.Raw is for a Decoder.
	Sample RecordKind = iota + 1
	// Named is a process that took another name, by exec or by itself.
	Named
	// Forked is a process or thread that began.
	Forked
	// Lost is a number of records that the kernel had no room for.
	Lost
)

// Record is one of perf_event_open(2), of an event whose sample_type is TID, TIME and RAW,
// with sample_id_all.
type Record struct {
	Kind RecordKind
	// PID is the process, and TID the thread, in the PID namespace of the reader; 0 where
	// that has no number for them, and for no process at all.
	PID, TID int
	// Time is on the event's clock, in nanoseconds.
	Time uint64
	// Parent is the process that forked.
	Parent int
	// Comm is the name that the process has now, which it chose.
	Comm string
	// N is how many were lost.
	N uint64
	// Raw is the tracepoint's record; it is valid until the next call.
	Raw []byte
}

// Types of records by linux/perf_event.h.
const (
	typeLost   = 2
	typeComm   = 3
	typeFork   = 7
	typeSample = 9

	headerSize = 8
	idSize     = 16 // of the TID and TIME behind records that are not samples
	maxComm    = 64
)

// Records calls do with the records of data that it knows, and returns how many bytes are
// left over because the record there is not whole, or none at all. A record that is too short
// for what it ought to hold is passed over.
func Records(data []byte, do func(*Record)) (left int) {
	for len(data) >= headerSize {
		size := int(binary.NativeEndian.Uint16(data[6:]))
		if size < headerSize || size > len(data) {
			break
		}
		var r Record
		if r.read(binary.NativeEndian.Uint32(data), data[headerSize:size]) {
			do(&r)
		}
		data = data[size:]
	}
	return len(data)
}

func (r *Record) read(kind uint32, body []byte) bool {
	u32 := func(at int) int { return int(int32(binary.NativeEndian.Uint32(body[at:]))) }
	u64 := func(at int) uint64 { return binary.NativeEndian.Uint64(body[at:]) }
	if kind == typeSample {
		if len(body) < 20 {
			return false
		}
		r.Kind, r.PID, r.TID, r.Time = Sample, max(0, u32(0)), max(0, u32(4)), u64(8)
		n := u32(16)
		if n < 0 || n > len(body)-20 {
			return false
		}
		r.Raw = body[20 : 20+n]
		return true
	}
	if len(body) < idSize+headerSize {
		return false
	}
	r.Time = u64(len(body) - 8)
	body = body[:len(body)-idSize]
	switch {
	case kind == typeLost && len(body) >= 16:
		r.Kind, r.N = Lost, u64(8)
	case kind == typeComm:
		name, _, _ := bytes.Cut(body[8:], []byte{0})
		r.Kind, r.PID, r.TID, r.Comm = Named, max(0, u32(0)), max(0, u32(4)), string(name[:min(len(name), maxComm)])
	case kind == typeFork && len(body) >= 16:
		r.Kind, r.PID, r.Parent, r.TID = Forked, max(0, u32(0)), max(0, u32(4)), max(0, u32(8))
	default:
		return false
	}
	return true
}
