package tun

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrIPv6Disabled says that the kernel refused an IPv6 address because IPv6 is
// switched off there. The caller may leave IPv6 addresses out and open again.
// It does not match fs.ErrPermission: more privilege does not help.
var ErrIPv6Disabled = errors.New("IPv6 is disabled")

// Error is the error of everything in this package. It is one line long.
//
// errors.Is finds the cause: os.ErrClosed after Close, fs.ErrInvalid for a bad
// Config, fs.ErrNotExist without /dev/net/tun, fs.ErrPermission without access
// to it or without CAP_NET_ADMIN (the hints differ), syscall.EBUSY where
// somebody else holds the device, fs.ErrExist where the name or an address is
// taken, [ErrIPv6Disabled].
type Error struct {
	// Op is what was tried, such as "open /dev/net/tun" or "write".
	Op string
	// Name is the interface's name, or "" where the kernel had not chosen yet.
	Name string
	// Hint says what to do next, often a command line, or is "".
	Hint string
	// Err is the cause, never nil.
	Err error
}

// Error returns "tun NAME: OP: CAUSE (HINT)" without the parts that are empty.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("tun")
	if e.Name != "" {
		b.WriteString(" " + e.Name)
	}
	fmt.Fprintf(&b, ": %s: %v", e.Op, e.Err)
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

const hintAdmin = "this needs CAP_NET_ADMIN in the network namespace: run as root, " +
	"give the program the capability with setcap cap_net_admin+ep FILE, " +
	"or start the container with --cap-add NET_ADMIN"

// fileError explains why the clone device could not be opened.
func fileError(name string, err error) error {
	e := &Error{Op: "open " + clonePath, Name: name, Err: bare(err)}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Hint = "load the driver with modprobe tun; where the file is still missing, " +
			"mkdir -p /dev/net && mknod /dev/net/tun c 10 200"
	case errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV):
		e.Hint = "the kernel has no TUN driver loaded: modprobe tun"
	case errors.Is(err, unix.EACCES):
		e.Hint = "the file's mode does not let this user in: run as root, or chmod 0666 /dev/net/tun"
	case errors.Is(err, fs.ErrPermission):
		e.Hint = "a container or sandbox denies the device: start it with --device /dev/net/tun"
	}
	return e
}

// attachError explains why the kernel did not attach a descriptor of the clone
// device to the interface.
func attachError(name string, err error) error {
	e := &Error{Op: "attach", Name: name, Err: bare(err)}
	switch {
	case errors.Is(err, unix.EBUSY):
		e.Err = fmt.Errorf("the device is in use, by another process or another descriptor of this one: %w", e.Err)
		e.Hint = "end its holder, which grep -ls 'iff:.*" + name + "$' /proc/[0-9]*/fdinfo/* finds, or use another name"
	case errors.Is(err, fs.ErrPermission):
		e.Hint = hintAdmin + "; or have root make the device for this user with ip tuntap add NAME mode tun user USER"
	case errors.Is(err, unix.ENOTTY):
		e.Hint = "/dev/net/tun is not the TUN device: rm /dev/net/tun && mknod /dev/net/tun c 10 200"
	}
	return e
}

// setError explains why a setting of the interface was refused.
func setError(op, name string, err error) error {
	e := &Error{Op: op, Name: name, Err: bare(err)}
	if errors.Is(err, fs.ErrPermission) {
		e.Hint = hintAdmin
	}
	return e
}

// addrError is setError for adding the address p to an interface that did or
// did not exist before.
func addrError(name string, p netip.Prefix, existed bool, err error) error {
	op := fmt.Sprintf("add address %v", p)
	// The kernel says EACCES if the sysctl is set, EOPNOTSUPP if it was booted
	// without IPv6. A missing capability is EPERM.
	v6off := errors.Is(err, unix.EACCES) || errors.Is(err, unix.EOPNOTSUPP)
	if !p.Addr().Is6() || !v6off {
		return setError(op, name, err)
	}
	hint := "sysctl -w net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0"
	if existed {
		// sysctl writes a dot within a name as a slash.
		hint = "sysctl -w net.ipv6.conf." + strings.ReplaceAll(name, ".", "/") + ".disable_ipv6=0"
	}
	if errors.Is(err, unix.EOPNOTSUPP) {
		hint = "boot the kernel without ipv6.disable=1"
	}
	return &Error{Op: op, Name: name, Err: ErrIPv6Disabled, Hint: hint + ", or use no IPv6 address"}
}

// heldError says that an interface already has an address.
type heldError struct {
	addr  netip.Addr
	iface string
}

func (e *heldError) Error() string {
	return fmt.Sprintf("address %v is already assigned to interface %s", e.addr, e.iface)
}

// Is matches every name under which callers may know the condition.
func (e *heldError) Is(target error) bool {
	return target == unix.EADDRINUSE || target == unix.EEXIST || target == fs.ErrExist
}

// ioError makes the error of a Read or Write. It runs only on failure, so the
// success path allocates nothing.
func ioError(op, name string, err error) error {
	e := &Error{Op: op, Name: name, Err: bare(err)}
	var errno syscall.Errno
	if !errors.Is(err, os.ErrClosed) && !errors.As(err, &errno) {
		// Not from a system call, so from the runtime's poller: the driver
		// signalled an error to it, which it does when the interface is
		// deleted. A system call would have said EBADFD.
		e.Err = fmt.Errorf("%w (%v)", unix.EBADFD, e.Err)
	}
	switch err := e.Err; {
	case errors.Is(err, os.ErrClosed):
		// Checked first: closing is expected and has no hint.
	case errors.Is(err, unix.EBADFD):
		e.Hint = "the interface was deleted; close the device and open it again"
	case errors.Is(err, unix.EIO):
		e.Hint = "the interface is down or was deleted: ip link show " + name
	}
	return e
}

// bare strips the wrappers of package os, whose words ours replace.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		err = sys.Err
	}
	return err
}

// sizeError is the error of a Write whose length cannot be sent.
func sizeError(name string, length, mtu int) error {
	if length == 0 {
		return &Error{Op: "write", Name: name, Err: fmt.Errorf("empty packet: %w", syscall.EINVAL)}
	}
	return &Error{Op: "write", Name: name,
		Err: fmt.Errorf("packet of %d bytes is longer than the MTU %d: %w", length, mtu, syscall.EMSGSIZE)}
}
