package screen

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestColumnsOfATerminal(t *testing.T) {
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("needs a pseudo-terminal: %v", err)
	}
	defer f.Close()
	if err := unix.IoctlSetWinsize(int(f.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 57}); err != nil {
		t.Fatal(err)
	}
	if n, ok := Columns(f); !ok || n != 57 {
		t.Errorf("%d columns, %v; want 57", n, ok)
	}
}
