package capture

import (
	"time"

	"golang.org/x/sys/unix"
)

// probeType is an EtherType for local experiments (IEEE 802 clause 9.2.4):
// no protocol handles it, and captures of IP do not show it.
const probeType = 0x88b5

// awaitStamps waits until the kernel stamps packets. It begins to do so when the first
// socket asks for it, but in the background, a fraction of a millisecond after setsockopt
// has returned: packets of that moment would have no time of their own. The wait is for a
// stamp on a frame that is sent to the loopback interface of this network namespace.
//
// It is best effort: where loopback is down it does nothing, and it gives up after limit.
// Stats.Unstamped counts the packets that then have no stamp.
func awaitStamps(limit time.Duration) {
	const loopback = 1 // its index in every network namespace
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, stampFlags) != nil {
		return
	}
	to := &unix.SockaddrLinklayer{Protocol: networkOrder(probeType), Ifindex: loopback, Halen: 6}
	if unix.Bind(fd, to) != nil {
		return
	}
	var rx receiver
	rx.init(64)
	ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for begin := time.Now(); time.Since(begin) < limit; {
		if unix.Sendto(fd, []byte("lastack: are packets stamped?"), 0, to) != nil {
			return
		}
		if _, err := unix.Poll(ready, int(limit/time.Millisecond)); err != nil && err != unix.EINTR {
			return
		}
		if _, err := rx.recv(uintptr(fd)); err != nil {
			continue
		}
		if _, ok := rx.stamp(); ok {
			return
		}
	}
}
