package tun

import (
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Kind is what an interface carries.
type Kind int

// Layer3 is a TUN, which carries IP packets; Layer2 is a TAP, which carries Ethernet
// frames.
const (
	Layer3 Kind = iota
	Layer2
)

// Lend makes an interface for another program to serve, with cfg's MTU and
// addresses, and brings it up, in the network namespace of the calling thread. The
// name must be given and free, and Offload is refused: what the program wants of the
// interface it asks for itself.
//
// The File is attached to the interface and blocks, as programs expect of a
// descriptor that they inherit. A program that attaches by name needs the place of
// it: close it first. The interface lives on without one, until it is deleted or its
// namespace ends. The error is an *[Error], and no interface stays behind then.
func Lend(cfg Config, kind Kind) (*os.File, error) {
	err := cfg.Validate()
	switch {
	case err != nil:
		return nil, err
	case cfg.Name == "" || cfg.Offload:
		return nil, &Error{Op: "lend", Name: cfg.Name, Err: fmt.Errorf("it needs a name and no offload: %w", unix.EINVAL)}
	}
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, setError("open a netlink socket", cfg.Name, err)
	}
	l := &link{handle: handle}
	defer l.close()
	if _, err := handle.LinkByName(cfg.Name); err == nil {
		return nil, &Error{Op: "lend", Name: cfg.Name, Err: fmt.Errorf("the name is taken: %w", unix.EEXIST), Hint: "choose another name"}
	}
	fd, err := openClone(cfg.Name)
	if err != nil {
		return nil, err
	}
	if err := l.lend(cfg, kind, fd); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), clonePath), nil
}

// lend attaches fd to a new interface, and makes that outlive the descriptor once all
// else is done.
func (l *link) lend(cfg Config, kind Kind, fd int) error {
	flags := cfg.flags()
	if kind == Layer2 {
		flags = unix.IFF_TAP | unix.IFF_NO_PI
	}
	if _, err := setInterface(fd, cfg.Name, cfg.Name, flags); err != nil {
		return err
	}
	made, err := l.handle.LinkByName(cfg.Name)
	if err != nil {
		return setError("look up the interface", cfg.Name, err)
	}
	l.name, l.index = cfg.Name, made.Attrs().Index
	if err := l.configure(cfg); err != nil {
		return err
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		return setError("make the descriptor block", cfg.Name, err)
	}
	if err := unix.IoctlSetInt(fd, unix.TUNSETPERSIST, 1); err != nil {
		return setError("keep the interface", cfg.Name, err)
	}
	return nil
}
