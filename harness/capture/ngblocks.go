package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// pcapng block types, and the magic that tells a section's byte order.
const (
	blockSection    = 0x0a0d0d0a
	blockInterface  = 1
	blockOldPacket  = 2
	blockSimple     = 3
	blockStatistics = 5
	blockPacket     = 6

	orderMagic = 0x1a2b3c4d
)

// maxBlock is the longest pcapng block the reader takes, in bytes: what
// Wireshark takes.
const maxBlock = 16 << 20

// ngBlocks passes a pcapng stream on to pcapgo, without the blocks that hold
// neither packets nor interfaces (names, decryption secrets, journals, custom
// blocks): pcapgo keeps some of those in memory as long as the file is open.
// What it passes has a plausible length, so that pcapgo does not run through
// the rest of a damaged file in search of the end of one block.
type ngBlocks struct {
	src  *bufio.Reader
	left int64 // bytes of the current block still to pass on
	err  error // sticky

	// bigEndian is the byte order of each section so far. pcapgo does not
	// tell, and reads the packet flags as little-endian whatever the section
	// says.
	bigEndian []bool
}

func (b *ngBlocks) Read(p []byte) (int, error) {
	for b.left == 0 {
		if b.err == nil {
			b.err = b.nextBlock()
		}
		if b.err != nil {
			return 0, b.err
		}
	}
	n, err := b.src.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if errors.Is(err, io.EOF) && b.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// nextBlock looks at the header of the next block, and either sets left to
// its length or skips it.
func (b *ngBlocks) nextBlock() error {
	head, err := b.src.Peek(12) // no block is shorter
	if len(head) == 0 {
		return err
	}
	if len(head) < 12 {
		return unexpected(err)
	}
	if binary.LittleEndian.Uint32(head) == blockSection {
		big := binary.BigEndian.Uint32(head[8:]) == orderMagic
		if !big && binary.LittleEndian.Uint32(head[8:]) != orderMagic {
			return fmt.Errorf("%w: a pcapng section header with an unknown byte order", ErrMalformed)
		}
		b.bigEndian = append(b.bigEndian, big)
	}
	order := b.order()
	kind, length := order.Uint32(head), order.Uint32(head[4:])
	if length < 12 || length%4 != 0 || length > maxBlock {
		return fmt.Errorf("%w: a pcapng block with the impossible length %d", ErrMalformed, length)
	}
	return b.admit(kind, length, order)
}

func (b *ngBlocks) admit(kind, length uint32, order binary.ByteOrder) error {
	switch kind {
	case blockPacket, blockOldPacket:
		head, err := b.src.Peek(28)
		if err != nil {
			return unexpected(err)
		}
		if captured := order.Uint32(head[20:]); length < 32 || captured > length-32 {
			return fmt.Errorf("%w: a captured length of %d in a pcapng block of %d bytes", ErrMalformed, captured, length)
		}
	case blockSection, blockInterface, blockSimple, blockStatistics:
	default:
		_, err := b.src.Discard(int(length))
		return unexpected(err)
	}
	b.left = int64(length)
	return nil
}

// order is the byte order of the current section.
func (b *ngBlocks) order() binary.ByteOrder {
	if n := len(b.bigEndian); n > 0 && b.bigEndian[n-1] {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// unexpected turns the end of the file into the end of the file in the middle
// of something.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// budget lets only so many bytes pass until it is refilled: nothing between
// two packets is longer than that in a sound file, and a damaged length must
// not fill the memory.
type budget struct {
	src   io.Reader
	left  int
	spent bool
	err   error // the source's own error, before pcapgo rewords it
}

var errTooLong = errors.New("more bytes than any packet has")

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		b.spent = true
		return 0, errTooLong
	}
	n, err := b.src.Read(p[:min(len(p), b.left)])
	b.left -= n
	if err != nil {
		b.err = err
	}
	return n, err
}

func (b *budget) refill() { b.left = maxBlock + streamBuffer }
