package tun

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"testing"
)

// pipe is a rawFile on either end of a pipe, which the poller serves like a TUN.
func pipe(t *testing.T) (r, w *rawFile) {
	t.Helper()
	rf, wf, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rf.Close(); wf.Close() })
	r, err = newRawFile(rf)
	if err != nil {
		t.Fatal(err)
	}
	w, err = newRawFile(wf)
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// fill writes until there is no room, and returns how much there was.
func fill(t *testing.T, w *rawFile) int {
	t.Helper()
	n, block := 0, make([]byte, 4096)
	for range 1 << 16 {
		m, err := w.tryWrite(block)
		if err != nil {
			return n
		}
		n += m
	}
	t.Fatal("the pipe took everything")
	return 0
}

func TestWriteWaitsForRoom(t *testing.T) {
	r, w := pipe(t)
	full := fill(t, w)
	wrote := make(chan error)
	go func() {
		_, err := w.Write([]byte("late"))
		wrote <- err
	}()
	buf, n := make([]byte, 4096), 0
	for n < full+len("late") {
		m, err := r.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	if err := <-wrote; err != nil {
		t.Errorf("Write into a full pipe: %v, want none once there is room", err)
	}
}

func TestCloseEndsWaitingWrite(t *testing.T) {
	_, w := pipe(t)
	fill(t, w)
	wrote := make(chan error)
	go func() {
		_, err := w.Write([]byte("never"))
		wrote <- err
	}()
	runtime.Gosched()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := <-wrote; !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write ended with %v, want os.ErrClosed", err)
	}
}

// The number of a closed descriptor goes to the next file that is opened, so
// Close must leave it alone while a write uses it.
func TestCloseWaitsForWriteInFlight(t *testing.T) {
	_, w := pipe(t)
	w.gate.RLock() // as a writer does around its system call
	closed := make(chan error)
	go func() { closed <- w.Close() }()
	for w.gate.TryRLock() { // until Close stands at the gate
		w.gate.RUnlock()
		select {
		case <-closed:
			t.Fatal("Close did not wait for the write")
		default:
			runtime.Gosched()
		}
	}
	if _, errno := call(syscall.SYS_WRITE, w.fd, []byte("x")); errno != 0 {
		t.Errorf("the write in flight: %v, want none", errno)
	}
	w.gate.RUnlock()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, err := w.tryWrite([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a write after Close: %v, want os.ErrClosed", err)
	}
}
