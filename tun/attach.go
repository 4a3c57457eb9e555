package tun

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"lastack/tun/vnet"

	"github.com/songgao/water"
	"golang.org/x/sys/unix"
)

// clonePath is the file each of whose descriptors becomes one TUN device.
const clonePath = "/dev/net/tun"

// noName is a name no interface can have.
const noName = "/"

// probe attaches a descriptor of its own to the TUN interface and closes it
// again, with the flags the interface has, so nothing changes.
//
// water leaves its descriptor open for good if it fails after the file was opened. So
// whatever can be known to fail is made to fail here, where every descriptor is closed,
// and with the kernel's own answer: the interface may be in use, or may belong to another
// user. water still leaks if another process makes a change in the moment between.
func probe(name string, flags uint16) error {
	return tryAttach(name, name, flags)
}

// probeNew tells whether this process may make TUN interfaces, without making
// one: the kernel checks the capability before it looks at the name, and
// refuses this name.
func probeNew(name string, flags uint16) error {
	err := tryAttach(name, noName, flags)
	if errors.Is(err, unix.EINVAL) {
		return nil
	}
	return err
}

// tryAttach attaches to iface and detaches; name is for the error.
func tryAttach(name, iface string, flags uint16) error {
	fd, err := openClone(name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = setInterface(fd, name, iface, flags)
	return err
}

// openClone returns a descriptor that is bound to the namespace of the calling
// thread, and to no interface yet.
func openClone(name string) (int, error) {
	fd, err := unix.Open(clonePath, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fileError(name, err)
	}
	return fd, nil
}

// setInterface attaches fd to iface and returns that one's name; name is for the
// error.
func setInterface(fd int, name, iface string, flags uint16) (string, error) {
	req, err := unix.NewIfreq(iface)
	if err != nil {
		return "", attachError(name, err)
	}
	req.SetUint16(flags)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return "", attachError(name, err)
	}
	return req.Name(), nil
}

// attach opens the interface through water and returns its descriptor, served
// by the runtime's poller, and the interface's name.
//
// persist must say whether the interface exists: water sets or clears the
// persist flag on every open. To clear it on a borrowed interface and set it
// again would lose the interface if the process were killed in between.
func attach(name string, persist bool) (*os.File, string, error) {
	// water opens without O_CLOEXEC. A child process started now would keep
	// the interface alive, so none is started until the flag is set.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	dev, err := water.New(water.Config{
		DeviceType:             water.TUN,
		PlatformSpecificParams: water.PlatformSpecificParams{Name: name, Persist: persist},
	})
	if err != nil {
		return nil, "", attachError(name, err)
	}
	file, ok := dev.ReadWriteCloser.(*os.File)
	if !ok {
		err = fmt.Errorf("the library returned a %T, not a file", dev.ReadWriteCloser)
	} else {
		err = prepare(file, 0)
	}
	if err != nil {
		dev.Close()
		return nil, "", &Error{Op: "prepare the descriptor", Name: name, Err: err}
	}
	return file, dev.Name(), nil
}

// attachOffload opens the interface with a header before each packet, which water
// cannot ask for. Here too the persist flag stays as it is.
func attachOffload(name string, flags uint16) (*os.File, string, error) {
	fd, err := openClone(name)
	if err != nil {
		return nil, "", err
	}
	got, err := setInterface(fd, name, name, flags)
	if err != nil {
		unix.Close(fd)
		return nil, "", err
	}
	// Only now that it is attached may the poller have it.
	file := os.NewFile(uintptr(fd), clonePath)
	if err := prepareOffload(file); err != nil {
		file.Close()
		return nil, "", &Error{Op: "switch offload on", Name: got, Err: bare(err)}
	}
	return file, got, nil
}

// prepareOffload asks for what package vnet can express. ECN (TUN_F_TSO_ECN) is
// not in it: the kernel cuts such segments itself.
func prepareOffload(file *os.File) error {
	err := control(file, func(fd int) error {
		// A former holder of a borrowed interface may have had longer headers.
		return unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, vnet.Len)
	})
	if err != nil {
		return err
	}
	return prepare(file, unix.TUN_F_CSUM|unix.TUN_F_TSO4|unix.TUN_F_TSO6)
}

// prepare makes the descriptor what Device promises, with these offloads.
func prepare(file *os.File, offloads int) error {
	// Only a descriptor that the poller serves has deadlines, and only on
	// such a one does Close end a waiting Read.
	if err := file.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("the runtime does not poll it: %w", err)
	}
	return control(file, func(fd int) error {
		unix.CloseOnExec(fd)
		// A former holder of a borrowed interface may have asked for packets
		// beyond the MTU, to segment them itself.
		return unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, offloads)
	})
}

// control calls f with the file's descriptor, which stays non-blocking.
func control(file *os.File, f func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	if err := raw.Control(func(fd uintptr) { ferr = f(int(fd)) }); err != nil {
		return err
	}
	return ferr
}
