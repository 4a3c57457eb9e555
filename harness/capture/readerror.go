package capture

import (
	"errors"
	"fmt"
	"io"
)

// Why a file cannot be read. Errors of NewReader, Open and Next wrap one of
// these, io.ErrUnexpectedEOF for a file that was cut off, or the error of the
// underlying reader.
var (
	// ErrFormat: neither pcap nor pcapng nor snoop.
	ErrFormat = errors.New("not a capture file")
	// ErrLinkType: a pcap file of packets from a kind of link that is not
	// read here. In a pcapng file, which may mix them, such packets are
	// counted in Skipped.UnknownLink instead.
	ErrLinkType = errors.New("unsupported link type")
	// ErrMalformed: a record contradicts itself. Nothing after it can be read.
	ErrMalformed = errors.New("malformed record")
)

// ReadError tells where reading a file ended before the file did. The packets before it
// have been delivered.
type ReadError struct {
	// Name is the file's, empty for what is no file.
	Name string
	// Packet is the number of the record that cannot be read, counted from 1
	// as tcpdump and Wireshark count.
	Packet int
	// Offset is where that record begins, in bytes from the beginning of the
	// file; of a pcapng file, where the block begins that cannot be read.
	Offset int64
	// Unpacked means that the file is compressed and Offset counts the bytes
	// that were unpacked.
	Unpacked bool
	// Err is the cause.
	Err error
}

// Error names the file, the packet, the offset and the cause.
func (e *ReadError) Error() string {
	name, where := e.Name, ""
	if name == "" {
		name = "the file"
	}
	if e.Unpacked {
		where = " of the unpacked data"
	}
	return fmt.Sprintf("capture: packet %d of %s, at byte %d%s: %v", e.Packet, name, e.Offset, where, e.Err)
}

// Unwrap is the cause.
func (e *ReadError) Unwrap() error { return e.Err }

// explain says in words what the end of a file in the middle of something
// means, and passes on every other error.
func explain(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the file ends in the middle of it (was the writer stopped?): %w", io.ErrUnexpectedEOF)
	}
	return err
}
