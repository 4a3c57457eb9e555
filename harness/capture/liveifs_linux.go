package capture

import (
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// maxNamed bounds the interfaces that a Live on AnyInterface tells apart: containers
// come and go, each with an interface.
const maxNamed = 4096

// otherInterfaces is the name of those past the bound.
const otherInterfaces = "others"

// Interfaces names the interfaces that packets came from so far; Packet.Interface less
// LiveConfig.Index is the place in it. On one interface it is that one. The caller owns the
// slice.
func (l *Live) Interfaces() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.names)
}

// number is the interface of the packet received last.
func (l *Live) number() int {
	if !l.any {
		return l.conf.Index
	}
	n, known := l.numbers[l.rx.from.Ifindex]
	if !known {
		n = l.newInterface(l.rx.from.Ifindex)
	}
	return l.conf.Index + n
}

// newInterface gives an interface that no packet came from before its place.
func (l *Live) newInterface(ifindex int32) int {
	if l.numbers == nil {
		l.numbers = map[int32]int{}
	}
	if len(l.numbers) == maxNamed {
		return maxNamed - 1
	}
	name, err := l.nameOf(ifindex)
	if err != nil { // it has gone meanwhile
		name = "interface " + strconv.Itoa(int(ifindex))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.names)
	if n == maxNamed-1 {
		name = otherInterfaces
	}
	l.names = append(l.names, name)
	l.numbers[ifindex] = n
	return n
}

// nameOf asks the kernel, in the namespace of the socket.
func (l *Live) nameOf(ifindex int32) (name string, err error) {
	request, err := unix.NewIfreq("?")
	if err != nil {
		return "", err
	}
	request.SetUint32(uint32(ifindex))
	down := l.conn.Control(func(fd uintptr) { err = unix.IoctlIfreq(int(fd), unix.SIOCGIFNAME, request) })
	if down != nil {
		return "", down
	}
	return request.Name(), err
}

// whyEmpty is what Next returns when nothing is queued and it should not wait. An interface
// that is removed goes down first, and says nothing more afterwards.
func (l *Live) whyEmpty() error {
	if !l.down && !(l.wasDown && l.gone()) {
		return ErrIdle
	}
	l.down, l.wasDown = false, true
	if l.gone() {
		return fmt.Errorf("capture: record %s: %w: %w", l.name, ErrInterfaceGone, unix.ENETDOWN)
	}
	return fmt.Errorf("capture: record %s: the interface went down: %w", l.name, unix.ENETDOWN)
}

func (l *Live) gone() bool {
	_, err := l.nameOf(int32(l.ifindex))
	return err == unix.ENODEV || err == unix.ENXIO
}
