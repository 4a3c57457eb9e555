package tun

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Open opens the interface that cfg describes, sets its MTU and addresses and
// brings it up, in the network namespace of the calling thread. When it returns,
// packets pass in both directions, for IPv6 addresses too: duplicate address
// detection is left out, and Open waits, a millisecond or so, until the kernel
// has finished with them. The Device is a *[KernelDevice].
//
// An address that an interface has already is refused, by the name of that
// interface; a borrowed interface may have it with the same prefix length, and
// keeps it.
//
// If Open fails it has undone what it did, and the error is an *[Error].
func Open(cfg Config) (Device, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, setError("open a netlink socket", cfg.Name, err)
	}
	l := &link{handle: handle}
	dev, err := open(l, cfg)
	if err != nil {
		l.close()
		return nil, err
	}
	if dev.link == nil {
		l.close()
	}
	return dev, nil
}

// open does everything that can be refused without a trace first: looking at
// what is there, then probing, then attaching, then changing.
func open(l *link, cfg Config) (*KernelDevice, error) {
	if err := l.find(cfg); err != nil {
		return nil, err
	}
	if err := l.checkHolders(cfg); err != nil {
		return nil, err
	}
	if err := l.probe(cfg); err != nil {
		return nil, err
	}
	file, name, err := attachAs(cfg, l.prior != nil)
	if err != nil {
		return nil, err
	}
	raw, err := newRawFile(file)
	if err != nil {
		file.Close()
		return nil, &Error{Op: "prepare the descriptor", Name: name, Err: bare(err)}
	}
	dev := &KernelDevice{file: raw, name: name, mtu: cfg.mtu(), offload: cfg.Offload}
	if err := l.identify(file, name); err != nil {
		file.Close()
		return nil, err
	}
	if l.prior != nil {
		dev.link = l
	}
	if err := l.configure(cfg); err != nil {
		var e *Error
		if undo := dev.Close(); undo != nil && errors.As(err, &e) {
			e.Err = fmt.Errorf("%w; and undoing the rest failed: %w", e.Err, undo)
		}
		return nil, err
	}
	return dev, nil
}

// probe asks whether attach would succeed.
func (l *link) probe(cfg Config) error {
	if l.prior == nil {
		return probeNew(cfg.Name, cfg.flags())
	}
	if err := probe(l.name, l.prior.flags); err != nil {
		return err
	}
	return l.prepareReset(cfg.flags())
}

// attachAs opens what cfg asks for; borrowed says that the interface exists.
func attachAs(cfg Config, borrowed bool) (*os.File, string, error) {
	if cfg.Offload {
		return attachOffload(cfg.Name, cfg.flags())
	}
	return attach(cfg.Name, borrowed)
}

// prepareReset opens the descriptor that puts back the packet format of a
// borrowed interface, if that is not ours (flags). It is opened now because it is bound
// to the namespace of the thread that opens it, and Close may run in another,
// or may no longer have access to the file.
func (l *link) prepareReset(flags uint16) error {
	if l.prior.flags == flags {
		return nil
	}
	fd, err := openClone(l.name)
	if err != nil {
		return err
	}
	l.spare = os.NewFile(uintptr(fd), clonePath)
	return nil
}

// identify looks up the interface that file is attached to, and checks that it
// is the one found before.
func (l *link) identify(file *os.File, name string) error {
	found, err := l.handle.LinkByName(name)
	if err == nil && l.prior != nil && found.Attrs().Index != l.index {
		// The interface was deleted after find, and attach made another,
		// with the persist flag. It must not stay.
		err = control(file, func(fd int) error { return unix.IoctlSetInt(fd, unix.TUNSETPERSIST, 0) })
		if err == nil {
			err = fmt.Errorf("somebody deleted it meanwhile: %w", syscall.ENODEV)
		}
	}
	if err != nil {
		return setError("look up the interface", name, err)
	}
	l.name, l.index = name, found.Attrs().Index
	return nil
}
