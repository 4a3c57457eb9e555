package capture

import (
	"errors"
	"fmt"
	"sync"
)

// ErrWriterClosed is the error of writing after Close.
var ErrWriterClosed = errors.New("capture: the writer is closed")

// buffered is how Writer and PcapWriter end. Its lock guards the whole writer.
type buffered struct {
	mu     sync.Mutex
	flush  func() error
	closed bool
}

// Flush writes out the packets that are still buffered.
func (b *buffered) Flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrWriterClosed
	}
	return b.writeOut()
}

// Close flushes and ends writing. A second Close does nothing.
func (b *buffered) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	return b.writeOut()
}

func (b *buffered) writeOut() error {
	if err := b.flush(); err != nil {
		return fmt.Errorf("capture: write out the buffered packets: %w", err)
	}
	return nil
}
