package bench

import (
	"errors"
	"net"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"lastack/harness/lab/labtest"
	"lastack/stack"
	"lastack/tun"

	"golang.org/x/sys/unix"
)

// Bounds of an idle light connection, in bytes of the host's heap: while it is there, and once
// it is gone, for tables that have grown and the runtime's records of goroutines, of which it
// keeps one for each that there ever was at a time. leftOnce is for what does not go by their
// number, as what netstack keeps to use again: few connections share it.
const (
	idleBound = 4096
	leftBound = 1024
	leftOnce  = 4 << 20
)

// mostClients is how many processes hold connections where a process may open few files.
const mostClients = 16

// TestIdleLight: a hundred thousand idle connections take the host 4 kB each at most, answer
// when they are asked, are promoted when they are used for longer than a second, and leave
// nothing behind.
func TestIdleLight(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	processes, each := idleSize(t)
	n := processes * each
	w, err := raise(lastackLight, echoes)
	var device *tun.Error
	if errors.As(err, &device) && os.Getenv(labtest.RequireEnv) != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	l, err := w.Far.Listen(firstPort)
	if err != nil {
		t.Fatal(err)
	}
	if err := moreAddrs(processes); err != nil {
		t.Fatal(err)
	}
	clients := startIdle(t, processes)
	held := make([]net.Conn, 0, n)
	empty := read(nil)
	begun := time.Now()
	step := func(name string) { t.Logf("%s after %v", name, time.Since(begun).Round(10*time.Millisecond)) }

	accepted := make(chan error, 1)
	go func() {
		for len(held) < n {
			c, err := l.Accept()
			if err != nil {
				accepted <- err
				return
			}
			held = append(held, c)
		}
		accepted <- nil
	}()
	clients.do("open", each)
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	step("all are open")
	full := read(nil)
	took := (full.heap - empty.heap) / float64(n)
	t.Logf("%d idle connections of %d clients: %.0f bytes of heap each; RSS of the host %s", n, processes, took, resident(t))
	if took > idleBound {
		t.Errorf("%.0f bytes of heap a connection, want %d at most", took, idleBound)
	}

	for _, c := range held { // at which nobody has waited
		go repeat(c)
	}
	clients.do("ask", each)
	step("each has answered")
	// A host that is slow to answer may have promoted some: their data took longer than a second.
	taken, promoted := w.Host.LightCounts()
	if t.Logf("%d have been promoted", promoted); taken != uint64(n) {
		t.Errorf("%d of %d connections were light", taken, n)
	}
	again := min(each, 200)
	time.Sleep(1100 * time.Millisecond)
	clients.do("ask", again)
	if _, p := w.Host.LightCounts(); p < uint64(again*processes)/2 {
		t.Errorf("%d connections were used for longer than a second, and %d promoted in all", again*processes, p)
	}
	step("some have answered again")
	clients.do("close", 0)
	nothingHeld(t, w.Host)
	step("nothing is left")
	clear(held)
	left, bound := read(nil).heap-empty.heap, float64(leftOnce+leftBound*n)
	if t.Logf("%.0f bytes of heap afterwards, for each %.0f", left, left/float64(n)); left > bound {
		t.Errorf("%.0f bytes of heap are left of %d connections, want %.0f at most", left, n, bound)
	}
}

// idleSize is how many processes hold how many connections each: manyIdle together, or as many
// as files and memory allow.
func idleSize(t *testing.T) (processes, each int) {
	t.Helper()
	want := manyIdle
	if testing.Short() {
		want = min(want, 10_000)
	}
	// A socket takes the kernel some 4 kB, and the host's heap grows fivefold between collections.
	if most := available(t) / (32 << 10); most < want {
		t.Logf("memory for %d connections, not for %d", most, want)
		want = most
	}
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	per := int(min(l.Max-min(l.Max, 100), portsEach))
	if most := per * mostClients; most < want {
		t.Logf("%d clients with %d files each (ulimit -Hn) hold %d connections, not %d", mostClients, l.Max, most, want)
		want = most
	}
	if want < 1000 {
		t.Skipf("files and memory for %d connections; want 1000 at least", want)
	}
	processes = max((want+per-1)/per, 4)
	return processes, min((want+processes-1)/processes, per)
}

// available is the memory that there is for more, in bytes.
func available(t *testing.T) int {
	t.Helper()
	return kilobytes(t, "/proc/meminfo", "MemAvailable") << 10
}

func resident(t *testing.T) string {
	t.Helper()
	return strconv.Itoa(kilobytes(t, "/proc/self/status", "VmRSS")>>10) + " MB"
}

func kilobytes(t *testing.T, file, field string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^` + field + `:\s+(\d+) kB$`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("%s does not say %s", file, field)
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}

// nothingHeld waits for the host to be through with every connection.
func nothingHeld(t *testing.T, h *stack.Host) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); h.Flows() > 0; <-tick.C {
		if time.Now().After(end) {
			t.Errorf("%d flows are left: %+v", h.Flows(), h.SocketCounts())
			return
		}
	}
}
