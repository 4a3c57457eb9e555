package capture

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Live records the IP packets of one network interface, or of all of a namespace, with a
// packet socket (packet(7)): what the kernel sends and receives there, in the order in which
// it does so, with the kernel's times in nanoseconds. The socket is of type SOCK_DGRAM: the
// kernel takes off link headers and VLAN tags, and a packet looks alike on every link.
//
// On a loopback interface every packet is recorded twice, outgoing and
// incoming, and two captures may see packets of two processors in either order.
// On a TUN outgoing means from the kernel to the program that holds the TUN.
// With segmentation offload (veth, loopback) a packet may be larger than the
// MTU, and stand for several on a real wire.
//
// Within one direction times follow the order of the packets one processor
// handled. Between directions and processors they may be microseconds out of
// order: the kernel stamps a received packet before it hands it over.
//
// Next is for one goroutine at a time; Stop, Close and Stats may be called from
// any.
type Live struct {
	name string
	snap int
	conf LiveConfig
	file *os.File
	conn syscall.RawConn
	rx   receiver

	any     bool
	ifindex int           // 0 for any
	numbers map[int32]int // by the kernel's index, for any; for Next alone

	// For Next alone.
	tryNow   func(fd uintptr)
	tryWait  func(fd uintptr) bool
	length   int   // what tryNow received
	rxErr    error // or why it did not
	down     bool  // the interface went down; the queue may hold packets
	wasDown  bool  // and has not been heard of since
	draining bool  // Stop had been called before the queue was looked at
	last     time.Time
	kinds    kinds // of what is not IP
	ended    error

	stopping, closed            atomic.Bool
	delivered, nonIP, unstamped atomic.Uint64

	mu      sync.Mutex // guards dropped, as reading the kernel's counter clears it, and names
	dropped uint64
	names   []string // of interfaces, from LiveConfig.Index on
	granted int
}

// Next waits for a packet and returns it. Packet.Data is valid until the next
// call. After Stop it returns the packets still queued, then a *DropError if
// any were lost, then io.EOF for good.
//
// When the interface goes down or is removed, Next returns an error that wraps
// unix.ENETDOWN, after all packets until then. It may be called again: packets
// flow again when the same interface comes up; the error wraps ErrInterfaceGone where none
// will. After Close it returns an error that wraps os.ErrClosed.
//
// With LiveConfig.Wake it returns ErrIdle where it would wait longer than that.
func (l *Live) Next() (Packet, error) {
	for l.ended == nil {
		if err := l.receive(); err != nil {
			return Packet{}, err
		}
		switch l.rxErr {
		case nil:
			if p, ok := l.packet(); ok {
				return p, nil
			}
		case unix.ENETDOWN:
			l.down = true
		case unix.EAGAIN: // the queue is empty
			if l.draining {
				l.ended = io.EOF
				return Packet{}, l.finish()
			}
			return Packet{}, l.whyEmpty()
		case errRetry:
		default:
			return Packet{}, fmt.Errorf("capture: record %s: %w", l.name, os.NewSyscallError("recvmsg", l.rxErr))
		}
	}
	return Packet{}, l.ended
}

// errRetry is receive's result when Stop interrupted its waiting.
var errRetry = errors.New("interrupted")

// receive fills length and rxErr, waiting if it has to, or says why the socket
// is no longer there.
func (l *Live) receive() error {
	var err error
	l.draining = l.stopping.Load()
	switch {
	case l.draining:
		err = l.conn.Control(l.tryNow) // Read would only report the deadline
	case l.conf.Wake > 0:
		err = l.receiveOrWake()
	default:
		if err = l.conn.Read(l.tryWait); errors.Is(err, os.ErrDeadlineExceeded) {
			l.rxErr, err = errRetry, nil
		}
	}
	if err != nil {
		return fmt.Errorf("capture: record %s: %w", l.name, l.whyNot(err))
	}
	return nil
}

// receiveOrWake is receive with an end to the waiting, and leaves EAGAIN then.
func (l *Live) receiveOrWake() error {
	if err := l.conn.Control(l.tryNow); err != nil || l.rxErr != unix.EAGAIN || l.down {
		return err
	}
	if err := l.file.SetReadDeadline(time.Now().Add(l.conf.Wake)); err != nil {
		return err
	}
	if l.stopping.Load() { // Stop may have set its deadline before
		l.rxErr = errRetry
		return nil
	}
	err := l.conn.Read(l.tryWait)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		l.rxErr, err = unix.EAGAIN, nil
	}
	return err
}

// whyNot makes os.ErrClosed of the error that a raw connection returns after
// Close, which package os does not export.
func (l *Live) whyNot(err error) error {
	if l.closed.Load() {
		return os.ErrClosed
	}
	return err
}

// packet is what receive received; ok is false if it is not IP.
func (l *Live) packet() (p Packet, ok bool) {
	data := l.rx.buf[:min(l.length, l.snap)]
	c := startCursor(data)
	if v := c.linuxType(l.rx.etherType()); v != isIP {
		l.skip(v, c.kind)
		return p, false
	}
	if t, ok := l.rx.stamp(); ok {
		l.last = t
	} else {
		l.unstamped.Add(1)
	}
	l.wasDown = false
	p = Packet{Time: l.last, Interface: l.number(), Direction: Incoming}
	if l.rx.outgoing() {
		p.Direction = Outgoing
	}
	p.Data, p.OrigLen = trim(data[c.at:], l.length-c.at)
	l.delivered.Add(1)
	return p, true
}

func (l *Live) skip(v verdict, k kind) {
	l.nonIP.Add(1)
	if v == tooShort {
		k = kindCut
	}
	if l.kinds == nil {
		l.kinds = kinds{}
	}
	l.kinds.add(k)
}

// SkippedKinds says what the packets were that Stats.NonIP counts, the most frequent kinds
// first. It is for the goroutine of Next.
func (l *Live) SkippedKinds() []Kind { return l.kinds.list() }

// finish is what Next returns once the queue is drained after Stop.
func (l *Live) finish() error {
	if n := l.Stats().Dropped; n > 0 {
		return &DropError{Source: "packet socket on " + l.name, Packets: n,
			Why: "the kernel's queue was full; call Next sooner, raise LiveConfig.Buffer or keep less of each packet, and see that sysctl net.core.rmem_max allows it"}
	}
	return io.EOF
}

// Stop ends recording. Next then delivers what is queued and ends; a Next that
// is waiting wakes up. Delivered is every packet that had passed the interface
// before Stop was called: every packet sent, unless a queueing discipline still
// held it, and every packet received that any socket here had already seen.
// Stop may be called again, which does nothing more.
func (l *Live) Stop() error {
	if l.stopping.Load() {
		return nil
	}
	// A filter that takes nothing: the queue ends here even under traffic.
	nothing := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	var attach error
	err := l.conn.Control(func(fd uintptr) {
		attach = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(nothing)), Filter: &nothing[0]})
	})
	if err == nil {
		err = os.NewSyscallError("setsockopt SO_ATTACH_FILTER", attach)
	}
	l.stopping.Store(true)
	if dead := l.file.SetReadDeadline(time.Unix(1, 0)); err == nil {
		err = dead
	}
	if err != nil {
		return fmt.Errorf("capture: stop recording %s: %w", l.name, l.whyNot(err))
	}
	return nil
}

// Close releases the socket and discards what is queued. A Next that is waiting
// returns an error that wraps os.ErrClosed. A second Close returns such an error.
func (l *Live) Close() error {
	l.Stats() // keeps the last count of drops
	l.closed.Store(true)
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("capture: close the recording of %s: %w", l.name, err)
	}
	return nil
}

// Stats returns the counters so far. After Close they stay as they were.
func (l *Live) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	// On a closed socket there is nothing to add.
	_ = l.conn.Control(func(fd uintptr) {
		if s, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			l.dropped += uint64(s.Drops)
		}
	})
	return Stats{
		Delivered: l.delivered.Load(),
		NonIP:     l.nonIP.Load(),
		Unstamped: l.unstamped.Load(),
		Dropped:   l.dropped,
		Buffer:    l.granted,
	}
}
