package ends_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"lastack/harness/check/ends"
)

func TestOf(t *testing.T) {
	for _, tt := range []struct {
		err       error
		after     time.Duration
		text, why string
	}{
		{io.EOF, 1234 * time.Microsecond, "FIN after 1.23 ms", "a FIN came"},
		{io.ErrUnexpectedEOF, 50 * time.Millisecond, "FIN after 50.0 ms", "a FIN came"},
		{&os.SyscallError{Syscall: "read", Err: syscall.ECONNRESET}, 2500 * time.Millisecond, "RST after 2.5 s", "a RST came"},
		{syscall.EPIPE, 90 * time.Second, "RST after 1m30s", "a RST came"},
		{fmt.Errorf("read: %w", os.ErrDeadlineExceeded), time.Second, "nothing within 1.0 s", "nothing comes"},
		{errors.New("no route"), time.Second, "no route", "no route"},
	} {
		e := ends.Of(tt.err, tt.after)
		if e.String() != tt.text || e.Why() != tt.why {
			t.Errorf("%v: %q, %q; want %q, %q", tt.err, e, e.Why(), tt.text, tt.why)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1 KB", 3 << 19: "1.5 MB"} {
		if got := ends.Size(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
