package closepath

import (
	"sync"
	"sync/atomic"
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
	"lastack/stack/timewait"

	"gvisor.dev/gvisor/pkg/tcpip"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// tracked is one flow: a connection in the chain, from its SYN to the host's end of it.
type tracked struct {
	id    uint64
	key   segment.Tuple // as the host's segments have it
	host  flow.Side
	shard *shard

	mu   sync.Mutex
	conn flow.Conn
	// embryo: the handshake is not over.
	embryo bool
	// gone: no longer in the table; a caller that finds it so looks again. It is written
	// with the lock held.
	gone atomic.Bool
	// epoch is the table's sweep count when the last segment passed.
	epoch uint32

	// ack belongs to the delayed-ACK stage, opening to the one for Fast Open, admitted
	// to admit, finishing to finish, challenge to the tracker, numbers to the renumbering
	// one, impaired to the one for impairment, light to lights, joining to finWithData, and stamps
	// to the ones for timestamps and TIME_WAIT.
	ack       heldACK
	opening   opening
	admitted  admitted
	finishing finishing
	challenge challenge
	numbers   numbers
	impaired  impaired
	light     *Light   // nil: netstack's from the start
	joining   *joining // nil: nobody has said where the data end
	stamps

	// now is scratch for the segment that the chain is working on.
	now packet

	// queue holds packets that passed the chain and are not yet written; the goroutine
	// that sets writing drains it. spare is the list being written.
	writing      bool
	queue, spare netstack.PacketBufferList
}

// stamps is what is known of the host's own timestamps (RFC 7323), guarded by the
// flow's lock.
type stamps struct {
	// stamped: the host's SYN, or later its FIN, had timestamps; tsVal was its TSval at
	// tsValAt. It counts milliseconds.
	stamped bool
	tsVal   uint32
	tsValAt time.Duration
}

// said takes the host's own timestamp from an outgoing segment.
func (f *tracked) said(s *segment.Segment, now time.Duration) {
	f.stamped, f.tsVal, f.tsValAt = s.HasTimestamps, s.TSVal, now
}

// stamp is the TSval of a segment that the host sends now.
func (s *stamps) stamp(now time.Duration) uint32 {
	return s.tsVal + uint32((now - s.tsValAt).Milliseconds())
}

// follow makes f the connection after an old one on its 4-tuple.
func (f *tracked) follow(old *timewait.Record) {
	f.numbers = numbers{follows: true, first: old.SndNxt + beyond}
	if f.numbers.first == 0 {
		f.numbers.first++ // as Linux, for which 0 means none
	}
}

// enqueue adds a packet to what will be written, with a reference of its own.
// f.mu is held.
func (f *tracked) enqueue(buf *netstack.PacketBuffer) {
	f.queue.PushBack(buf.IncRef())
}

// drain writes the flow's queue to the wrapped endpoint unless somebody else is
// already at it. It is called with f.mu held and returns with it released. The
// error is of this goroutine's own writes.
func (e *Endpoint) drain(f *tracked) tcpip.Error {
	if f.writing {
		f.mu.Unlock()
		return nil
	}
	f.writing = true
	var first tcpip.Error
	for f.queue.Len() > 0 {
		f.queue, f.spare = f.spare, f.queue
		f.mu.Unlock()
		e.address(&f.spare)
		if _, err := e.Endpoint.WritePackets(f.spare); err != nil && first == nil {
			first = err
		}
		f.spare.Reset() // only the writer touches spare while writing is set
		f.mu.Lock()
	}
	f.writing = false
	f.mu.Unlock()
	return first
}
