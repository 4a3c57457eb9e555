package app

import (
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Tests in this file use kernel sockets on loopback, and ask the kernel for the
// state of each end. They wait for events, never for time.

func TestLoopbackEchoStreams(t *testing.T) {
	for _, kind := range []string{"echo", "slow-closer,delay=0"} {
		l := newLab(t, "7="+kind)
		c, _ := l.dial()
		const size = 1 << 20
		wrote := make(chan error, 1)
		go func() {
			_, err := io.Copy(c, Content(size))
			wrote <- errors.Join(err, c.CloseWrite())
		}()
		got, err := io.ReadAll(c)
		if err := errors.Join(err, <-wrote); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if string(got) != contentText(size) {
			t.Errorf("%s sent back %d bytes, not the %d it got", kind, len(got), size)
		}
	}
}

// Streaming must not collect: 64 MiB pass through an echo, and the whole process
// allocates a small part of that.
func TestLoopbackEchoUsesBoundedMemory(t *testing.T) {
	const size = 64 << 20
	l := newLab(t, "7=echo")
	c, _ := l.dial()
	wrote := make(chan error, 1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	go func() {
		_, err := io.Copy(c, Content(size))
		wrote <- errors.Join(err, c.CloseWrite())
	}()
	n, err := io.Copy(io.Discard, c)
	if err := errors.Join(err, <-wrote); err != nil || n != size {
		t.Fatalf("echoed %d bytes: %v", n, err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
		t.Errorf("echoing %d bytes allocated %d", size, grown)
	}
}

func TestLoopbackDiscard(t *testing.T) {
	l := newLab(t, "9=discard")
	c, _ := l.dial()
	if _, err := io.Copy(c, Content(1<<20)); err != nil {
		t.Fatal(err)
	}
	l.closeWrite(c)
	wantEOF(t, c)
}

func TestLoopbackServerClosesFirst(t *testing.T) {
	l := newLab(t, "8001=server-closes")
	c, _ := l.dial()
	exchange(t, c, "hello")
	wantEOF(t, c)
	l.wantState(c, closeWait)
}

func TestLoopbackSlowCloserHoldsTheFIN(t *testing.T) {
	l := newLab(t, "8002=slow-closer,delay=300")
	c, server := l.dial()
	exchange(t, c, "hello")
	l.closeWrite(c)
	if d := <-l.asked; d != 300*time.Millisecond {
		t.Errorf("waits %v after EOF, want 300ms", d)
	}
	l.wantState(server, closeWait)
	l.wantState(c, finWait1, finWait2)
	l.fire <- time.Time{}
	wantEOF(t, c)
}

func TestLoopbackHalfCloserAnswersAfterCloseWrite(t *testing.T) {
	l := newLab(t, "8003=half-closer,bytes=100000,delay=50")
	c, server := l.dial()
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	l.closeWrite(c)
	if d := <-l.asked; d != 50*time.Millisecond {
		t.Errorf("waits %v after EOF, want 50ms", d)
	}
	l.wantState(server, closeWait)
	l.fire <- time.Time{}
	got, err := io.ReadAll(c)
	if err != nil || string(got) != contentText(100000) {
		t.Errorf("got %d bytes after closing, error %v, want Content(100000)", len(got), err)
	}
}

func TestLoopbackLeakerHoldsCloseWait(t *testing.T) {
	l := newLab(t, "8004=leaker")
	c, server := l.dial()
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	l.closeWrite(c)
	// EOF is in sight once what there is to read has been read; the leaker and
	// this test take turns at the socket.
	for awaitInput(t, server) > 0 {
		runtime.Gosched()
	}
	l.wantState(server, closeWait)
	l.wantState(c, finWait1, finWait2)
	l.stop()
	wantEOF(t, c)
}

func TestLoopbackLeakerClosesWhatTheClientReset(t *testing.T) {
	l := newLab(t, "8004=leaker")
	c, server := l.dial()
	if err := c.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	c.Close()
	raw, err := server.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	// Never content with being writable, this waits until the leaker closes.
	if err := raw.Write(func(uintptr) bool { return false }); !errors.Is(err, net.ErrClosed) {
		t.Errorf("waiting for the leaker to close: %v, want net.ErrClosed", err)
	}
}

func TestLoopbackAborterResets(t *testing.T) {
	l := newLab(t, "8005=aborter")
	c, _ := l.dial()
	exchange(t, c, "hello")
	wantReset(t, c)
	// From CLOSE_WAIT too.
	c, _ = l.dial()
	l.closeWrite(c)
	wantReset(t, c)
}

func TestLoopbackUnreadResetsOnUnreadData(t *testing.T) {
	l := newLab(t, "8006=unread")
	c, server := l.dial()
	if d := <-l.asked; d != 300*time.Millisecond {
		t.Errorf("waits %v after accept, want 300ms", d)
	}
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	if n := awaitInput(t, server); n != 5 {
		t.Errorf("%d bytes are unread, want 5", n)
	}
	l.fire <- time.Time{}
	wantReset(t, c)
}

func TestLoopbackUnreadClosesWithAFINWhenAllIsRead(t *testing.T) {
	l := newLab(t, "8006=unread")
	c, _ := l.dial()
	<-l.asked
	l.fire <- time.Time{}
	wantEOF(t, c)
	l.wantState(c, closeWait)
}

// The FIN of server-closes in the answer's last segment, which is MSG_MORE here: the answer
// arrives at once, and whole.
func TestLoopbackFINWithData(t *testing.T) {
	l := newLab(t, "8001=server-closes,fin=with-data")
	for _, n := range []int64{1, 100, 4000} {
		c, _ := l.dial()
		if _, err := io.WriteString(c, contentText(n)); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(c)
		if err != nil || len(got) == 0 || string(got) != contentText(n)[:len(got)] {
			t.Errorf("%d of %d bytes: %v", len(got), n, err)
		}
	}
	if _, err := ParseSpec("8001=server-closes,fin=both"); err == nil || !strings.Contains(err.Error(), "values: alone, with-data") {
		t.Errorf("fin=both: %v", err)
	}
}
