package lab

import (
	"errors"
	"fmt"
	"os/signal"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrOutside is returned by what would alter the machine's own network if it
// were called outside a lab.
var ErrOutside = errors.New("lab: not inside a lab; start one with lab.Reexec")

// setup runs once a process, since what it does concerns the whole process.
var setup = sync.OnceValue(func() error {
	if !Inside() {
		return ErrOutside
	}
	// The lab is not the terminal's foreground group. Ignoring these makes it
	// write to the terminal all the same, and get EIO when it reads there,
	// instead of waiting for ever to be stopped: PID 1 cannot be.
	signal.Ignore(unix.SIGTTIN, unix.SIGTTOU)
	if err := reapOrphans(); err != nil {
		return err
	}
	return loopbackUp()
})

// Setup makes the lab's child ready: loopback is brought up with its usual
// addresses, orphaned processes are reaped from now until the lab ends, and the
// terminal may be written to from the background. Calls after the first return
// the first one's result. Outside a lab it does nothing and returns ErrOutside.
func Setup() error { return setup() }

// loopbackUp brings up loopback in the calling thread's network namespace.
func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("lab: looking up the loopback interface: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("lab: bringing up the loopback interface: %w", err)
	}
	return nil
}
