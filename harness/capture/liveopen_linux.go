package capture

import (
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// stampFlags ask for the kernel's time of every packet.
	stampFlags = unix.SOF_TIMESTAMPING_RX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE
)

// OpenLive starts to record the named interface of the calling thread's network
// namespace, or all that it has and will have for AnyInterface; later changes of namespace do
// not matter. Every packet that crosses the interface after OpenLive has returned is recorded,
// if LiveConfig.Filter takes it: none gets past the filter, as the socket has it before it
// has an interface. The interface may still be down.
//
// To make sure that the kernel's clock runs for packets it sends a frame of no
// protocol over the namespace's loopback interface, if that is up.
//
// It needs CAP_NET_RAW in the user namespace that owns the network namespace;
// without, the error wraps os.ErrPermission.
func OpenLive(iface string, c LiveConfig) (*Live, error) {
	if c.SnapLen < 0 || c.Buffer < 0 {
		return nil, fmt.Errorf("capture: record %s: SnapLen %d and Buffer %d must not be negative", iface, c.SnapLen, c.Buffer)
	}
	ifindex := 0
	if iface != AnyInterface {
		dev, err := net.InterfaceByName(iface)
		if err != nil {
			return nil, fmt.Errorf("capture: record %s: no such interface in this network namespace (ip link lists them): %w", iface, err)
		}
		ifindex = dev.Index
	}
	// Protocol 0: nothing is queued before bind names the interface.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("capture: record %s: open a packet socket: %w; it needs CAP_NET_RAW where the network namespace belongs: be root, or use a network namespace of your own (unshare -Urn)", iface, os.NewSyscallError("socket", err))
	}
	l := newLive(iface, c)
	l.ifindex = ifindex
	if err := l.setup(fd, ifindex); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("capture: record %s: %w", iface, err)
	}
	l.file = os.NewFile(uintptr(fd), "packet socket on "+iface)
	if l.conn, err = l.file.SyscallConn(); err != nil {
		l.file.Close()
		return nil, fmt.Errorf("capture: record %s: %w", iface, err)
	}
	return l, nil
}

func newLive(iface string, c LiveConfig) *Live {
	l := &Live{name: iface, conf: c, snap: c.SnapLen, any: iface == AnyInterface}
	if !l.any {
		l.names = []string{iface}
	}
	if l.snap == 0 {
		l.snap = defaultSnapLen
	}
	l.rx.init(l.snap)
	l.tryNow = func(fd uintptr) { l.length, l.rxErr = l.rx.recv(fd) }
	l.tryWait = func(fd uintptr) bool {
		l.tryNow(fd)
		return l.rxErr != unix.EAGAIN || l.down
	}
	return l
}

// setup makes the socket ready and then, last, binds it to the interface.
func (l *Live) setup(fd, ifindex int) error {
	if err := l.setBuffer(fd); err != nil {
		return err
	}
	// SO_TIMESTAMPING rather than SO_TIMESTAMPNS: the latter reports the time
	// of reading for a packet that has no stamp, without saying so.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, stampFlags); err != nil {
		return os.NewSyscallError("setsockopt SO_TIMESTAMPING", err)
	}
	if err := l.attach(fd); err != nil {
		return err
	}
	awaitStamps(100 * time.Millisecond)
	l.last = time.Now().UTC()
	addr := &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: ifindex}
	if err := unix.Bind(fd, addr); err != nil {
		return os.NewSyscallError("bind", err)
	}
	// Binding to an interface that is down succeeds, and leaves ENETDOWN to
	// be fetched. Packets flow once it is up.
	if code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil {
		return os.NewSyscallError("getsockopt SO_ERROR", err)
	} else if code != 0 && unix.Errno(code) != unix.ENETDOWN {
		return os.NewSyscallError("bind", unix.Errno(code))
	}
	return nil
}

// attach gives the socket its filter. The kernel checks the program.
func (l *Live) attach(fd int) error {
	if len(l.conf.Filter) == 0 {
		return nil
	}
	program := make([]unix.SockFilter, len(l.conf.Filter))
	for i, op := range l.conf.Filter {
		program[i] = unix.SockFilter{Code: op.Code, Jt: op.Jt, Jf: op.Jf, K: op.K}
	}
	err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	if err != nil {
		return fmt.Errorf("attach a filter of %d instructions: %w", len(program), os.NewSyscallError("setsockopt SO_ATTACH_FILTER", err))
	}
	return nil
}

// setBuffer asks for the queue, and notes what the kernel granted.
func (l *Live) setBuffer(fd int) error {
	size := l.conf.Buffer
	if size == 0 {
		size = defaultBuffer
	}
	// The kernel doubles what it is given, for its own overhead. Only
	// CAP_NET_ADMIN outside any user namespace may force it past rmem_max.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size/2) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size/2); err != nil {
			return os.NewSyscallError("setsockopt SO_RCVBUF", err)
		}
	}
	var err error
	l.granted, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	return os.NewSyscallError("getsockopt SO_RCVBUF", err)
}
