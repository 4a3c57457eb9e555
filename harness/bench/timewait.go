package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"runtime"
	"runtime/debug"
	"slices"
	"text/tabwriter"
	"time"

	"lastack/stack/segment"
	"lastack/stack/timewait"

	"golang.org/x/sys/unix"
)

// kernelTimeWait is what a TIME_WAIT socket costs Linux: 256 bytes, and two
// objects of 128 bytes that keep its port, by /proc/slabinfo of 6.18.
const kernelTimeWait = 512

// life is Linux's 2MSL. The records of a measurement come evenly over it.
const life = time.Minute

// TimeWait is what the table of connections in TIME_WAIT costs at its size. The
// table is IPv4's.
type TimeWait struct {
	Records int `json:"records"`
	// BytesPerRecord is the table's memory, index and timers included.
	BytesPerRecord float64 `json:"bytes_per_record"`
	// KernelBytesPerRecord was measured once; this program does not measure it.
	KernelBytesPerRecord int `json:"kernel_bytes_per_record"`
	// InsertNs is the mean while the table grows from nothing. InsertMaxUs is
	// the slowest of all insertions, in processor time, since a busy machine
	// interrupts any program for milliseconds, and in the best of a few
	// fillings, since a hypervisor's interruptions are in that too.
	InsertNs    float64 `json:"insert_ns"`
	InsertMaxUs float64 `json:"insert_max_us"`
	// ArriveNs is the mean for a segment that is answered.
	ArriveNs float64 `json:"arrive_ns"`
	ExpireNs float64 `json:"expire_ns"`
	// GCPauseUs is how long a garbage collection stops the program while the
	// table is full (the median of some), GCUs how long it takes in all.
	GCPauseUs float64 `json:"gc_pause_us"`
	GCUs      float64 `json:"gc_us"`
}

// MeasureTimeWait fills a table, uses it and empties it again.
func MeasureTimeWait(records int) (TimeWait, error) {
	tuples := make([]segment.Tuple, records)
	for i := range tuples {
		tuples[i] = timeWaitTuple(i)
	}
	m := TimeWait{Records: records, KernelBytesPerRecord: kernelTimeWait}
	var err error
	if m.InsertMaxUs, err = slowestInsert(tuples); err != nil {
		return m, err
	}
	runtime.GC()

	tab := timewait.New(nil)
	mean := func(f func()) float64 {
		start := time.Now()
		f()
		return float64(time.Since(start).Nanoseconds()) / float64(records)
	}
	m.InsertNs = mean(func() {
		for i := range tuples {
			insert(tab, tuples, i)
		}
	})
	if n := tab.Len(); n != records {
		return m, fmt.Errorf("of %d records in TIME_WAIT the table keeps %d", records, n)
	}
	m.BytesPerRecord = float64(tab.Bytes()) / float64(records)
	m.ArriveNs = mean(func() { arrive(tab, tuples) })
	m.GCPauseUs, m.GCUs = collect()
	m.ExpireNs = mean(func() {
		for now := time.Duration(0); tab.Len() > 0 && now <= 3*life; now += time.Millisecond {
			tab.Expire(now)
		}
	})
	if n := tab.Len(); n != 0 {
		return m, fmt.Errorf("%d of %d records outlived 2MSL", n, records)
	}
	return m, nil
}

// timeWaitTuple is a connection of its own for each number: a server with many
// clients.
func timeWaitTuple(i int) segment.Tuple {
	const firstPort, ports = 32768, 28232 // Linux's default range
	var client [4]byte
	binary.BigEndian.PutUint32(client[:], 10<<24+uint32(i/ports))
	return segment.Tuple{
		Src: segment.EndpointFrom(netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), 80)),
		Dst: segment.EndpointFrom(netip.AddrPortFrom(netip.AddrFrom4(client), uint16(firstPort+i%ports))),
	}
}

// insert adds the ith record at its time.
func insert(tab *timewait.Table, tuples []segment.Tuple, i int) {
	now := life * time.Duration(i) / time.Duration(len(tuples))
	tab.Add(&timewait.Record{
		Tuple: tuples[i], SndNxt: 1, RcvNxt: 1, Window: 512, HasTimestamps: true, TSRecent: 1, TSVal: 1, Heard: now,
	}, life, now)
}

// slowestInsert fills tables, times each insertion, and returns the slowest of
// the best filling, in microseconds.
func slowestInsert(tuples []segment.Tuple) (float64, error) {
	const fillings = 5
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	best := time.Duration(math.MaxInt64)
	for range fillings {
		tab, slowest := timewait.New(nil), time.Duration(0)
		runtime.GC()
		for i := range tuples {
			start, err := threadTime()
			insert(tab, tuples, i)
			end, err2 := threadTime()
			if err := errors.Join(err, err2); err != nil {
				return 0, fmt.Errorf("timing an insertion by the thread's clock: %w", err)
			}
			slowest = max(slowest, end-start)
		}
		best = min(best, slowest)
	}
	return micros(best), nil
}

// threadTime is the processor time that this thread has used.
func threadTime() (time.Duration, error) {
	var ts unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano()), err
}

// arrive makes each peer send its FIN again, which restarts 2MSL.
func arrive(tab *timewait.Table, tuples []segment.Tuple) {
	rules := &timewait.Rules{Life: life}
	for i := range tuples {
		s := segment.Segment{Tuple: tuples[i].Reverse(), Flags: segment.FIN | segment.ACK}
		tab.Arrive(&s, life, rules)
	}
}

// collect is the median pause and the mean time of a few collections, in
// microseconds.
func collect() (pause, all float64) {
	const rounds = 9
	start := time.Now()
	for range rounds {
		runtime.GC()
	}
	all = micros(time.Since(start)) / rounds
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	latest := slices.Sorted(slices.Values(stats.Pause[:rounds]))
	return micros(latest[rounds/2]), all
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// Render writes the measurement as a table.
func (m *TimeWait) Render(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range []struct{ name, value, note string }{
		{"records", fmt.Sprint(m.Records), ""},
		{"memory", fmt.Sprintf("%.1f B/record", m.BytesPerRecord), fmt.Sprintf("Linux: about %d", m.KernelBytesPerRecord)},
		{"insertion", fmt.Sprintf("%.0f ns", m.InsertNs), fmt.Sprintf("the slowest: %.0f us", m.InsertMaxUs)},
		{"answer to a FIN", fmt.Sprintf("%.0f ns", m.ArriveNs), "2MSL restarted"},
		{"expiry", fmt.Sprintf("%.0f ns", m.ExpireNs), ""},
		{"garbage collection", fmt.Sprintf("%.0f us", m.GCUs), fmt.Sprintf("of it paused: %.0f us", m.GCPauseUs)},
	} {
		if _, err := fmt.Fprintf(tw, "%s\t%s\t%s\n", row.name, row.value, row.note); err != nil {
			return err
		}
	}
	return tw.Flush()
}
