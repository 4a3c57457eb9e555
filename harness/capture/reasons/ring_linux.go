package reasons

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"lastack/harness/capture/tracepoint"

	"golang.org/x/sys/unix"
)

// Bounds of the rings that the kernel writes to.
const (
	ringsTotal = 32 << 20 // bytes, of all CPUs together
	ringMost   = 4 << 20  // of one: some 30,000 records
	ringLeast  = 64 << 10
)

// ringSize is how many bytes a ring has: a power of two.
func ringSize(cpus int) int {
	size := ringMost
	for size > ringLeast && size*cpus > ringsTotal {
		size /= 2
	}
	return max(size, os.Getpagesize())
}

// ring is what one CPU says: a descriptor a tracepoint, and the records of all of them.
type ring struct {
	fds  []int // the first has the memory
	mem  []byte
	buf  []byte
	page *unix.PerfEventMmapPage
}

// newRing opens a CPU's ring, which has the names of processes only, as yet.
func newRing(cpu, size int) (*ring, error) {
	attr := attributes()
	attr.Type, attr.Config = unix.PERF_TYPE_SOFTWARE, unix.PERF_COUNT_SW_DUMMY
	attr.Bits |= unix.PerfBitComm | unix.PerfBitTask
	fd, err := unix.PerfEventOpen(attr, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("perf_event_open on CPU %d: %w", cpu, err)
	}
	r := &ring{fds: []int{fd}}
	r.mem, err = unix.Mmap(fd, 0, os.Getpagesize()+size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		r.close()
		return nil, fmt.Errorf("perf_event_open on CPU %d: map %d bytes: %w", cpu, size, err)
	}
	r.page = (*unix.PerfEventMmapPage)(unsafe.Pointer(&r.mem[0]))
	return r, nil
}

// attributes are those of every event: what tracepoint.Records expects.
func attributes() *unix.PerfEventAttr {
	return &unix.PerfEventAttr{
		Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})), Sample: 1,
		Sample_type: unix.PERF_SAMPLE_TID | unix.PERF_SAMPLE_TIME | unix.PERF_SAMPLE_RAW,
		Bits:        unix.PerfBitSampleIDAll | unix.PerfBitUseClockID,
		// One that may be read in any context; CLOCK_REALTIME may not.
		Clockid: unix.CLOCK_MONOTONIC,
	}
}

// trace adds a tracepoint.
func (r *ring) trace(cpu int, id uint16, filter string) error {
	attr := attributes()
	attr.Type, attr.Config = unix.PERF_TYPE_TRACEPOINT, uint64(id)
	fd, err := unix.PerfEventOpen(attr, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("perf_event_open of tracepoint %d on CPU %d: %w", id, cpu, err)
	}
	r.fds = append(r.fds, fd)
	if filter != "" {
		if err := unix.IoctlSetString(fd, unix.PERF_EVENT_IOC_SET_FILTER, filter); err != nil {
			return fmt.Errorf("perf_event_open of tracepoint %d on CPU %d: filter %q: %w", id, cpu, filter, err)
		}
	}
	if err := unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_SET_OUTPUT, r.fds[0]); err != nil {
		return fmt.Errorf("perf_event_open of tracepoint %d on CPU %d: one ring for all: %w", id, cpu, err)
	}
	return nil
}

// drain calls do with all records that there are now.
func (r *ring) drain(do func(*tracepoint.Record)) {
	data := r.mem[os.Getpagesize():]
	head, tail := atomic.LoadUint64(&r.page.Data_head), r.page.Data_tail
	if head-tail > uint64(len(data)) {
		tail = head // no kernel does that
	}
	r.buf = r.buf[:0]
	for at := tail; at < head; {
		from := at % uint64(len(data))
		n := min(head-at, uint64(len(data))-from)
		r.buf = append(r.buf, data[from:from+n]...)
		at += n
	}
	atomic.StoreUint64(&r.page.Data_tail, head)
	tracepoint.Records(r.buf, do)
}

func (r *ring) close() {
	if r.mem != nil {
		_ = unix.Munmap(r.mem)
	}
	for _, fd := range r.fds {
		_ = unix.Close(fd)
	}
}
