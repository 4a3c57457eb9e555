package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inNamespace runs the calling test in a network namespace of its own: it
// starts the test binary again there, for that test alone, and takes over the
// result. It reports whether this is the process inside, with loopback up.
//
//	func TestX(t *testing.T) {
//		if !inNamespace(t, false) {
//			return
//		}
//		... // inside
//	}
//
// user asks for a user namespace even for root; others always get one.
func inNamespace(t *testing.T, user bool) bool {
	t.Helper()
	const marker = "CAPTURE_TEST_INSIDE"
	if os.Getenv(marker) == t.Name() {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			t.Fatal(err)
		}
		if err := netlink.LinkSetUp(lo); err != nil {
			t.Fatal(err)
		}
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), marker+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	if user || os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Skipf("this machine allows no network namespace here: %v", err)
	}
	err := cmd.Wait()
	switch said := out.String(); {
	case err != nil:
		t.Fatalf("in its namespace: %v\n%s", err, said)
	case strings.Contains(said, "--- SKIP"):
		t.Skipf("in its namespace:\n%s", said)
	case !strings.Contains(said, "--- PASS: "+t.Name()):
		t.Fatalf("did not run in its namespace:\n%s", said)
	default:
		t.Logf("in its namespace:\n%s", said)
	}
	return false
}

// pair is a veth pair whose ends are both in this namespace. Frames are sent
// with a packet socket, so that no routing is involved:
//
//	Send --> left ==== right
type pair struct {
	left, right string
	fd          int
	header      []byte // Ethernet, from left to right
	ifindex     int
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{left: "left", right: "right"}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = p.left
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: p.right}); err != nil {
		t.Skipf("this kernel makes no veth pair: %v", err)
	}
	var hw [2]net.HardwareAddr
	for i, name := range []string{p.right, p.left} {
		l, err := netlink.LinkByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := netlink.LinkSetUp(l); err != nil {
			t.Fatal(err)
		}
		hw[i] = l.Attrs().HardwareAddr
		p.ifindex = l.Attrs().Index // left is last
	}
	p.header = join(hw[0], hw[1], []byte{8, 0})
	var err error
	if p.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p.fd) })
	return p
}

// send puts one frame on the wire; it returns when the kernel has sent it.
func (p *pair) send(t *testing.T, header, packet []byte) {
	t.Helper()
	to := &unix.SockaddrLinklayer{Ifindex: p.ifindex}
	if err := unix.Sendto(p.fd, join(header, packet), 0, to); err != nil {
		t.Fatalf("send a frame: %v", err)
	}
}

// sendN sends numbered UDP packets from one processor, so that their order is
// defined all the way.
func (p *pair) sendN(t *testing.T, from, n int) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	for cpu := 0; one.Count() == 0; cpu++ {
		if all.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	defer unix.SchedSetaffinity(0, &all)
	for i := range n {
		p.send(t, p.header, numbered(from+i))
	}
}

// probePort marks the packets of these tests: kernels send IPv6 neighbour
// discovery on new links.
const probePort = 4242

func numbered(n int) []byte {
	return udp4(probePort, binary.BigEndian.AppendUint32(nil, uint32(n)))
}

// number is the number of a packet made by numbered, or -1.
func number(p Packet) int {
	if len(p.Data) != 32 || p.Data[0] != 0x45 || binary.BigEndian.Uint16(p.Data[22:]) != probePort {
		return -1
	}
	return int(binary.BigEndian.Uint32(p.Data[28:]))
}

// checkNumbers wants the numbers 0 to n-1 in order, each packet whole.
func checkNumbers(packets []Packet, n int, dir Direction) error {
	next := 0
	for _, p := range packets {
		i := number(p)
		switch {
		case i < 0:
			continue
		case i != next:
			return fmt.Errorf("packet %d follows packet %d", i, next-1)
		case !bytes.Equal(p.Data, numbered(i)) || p.OrigLen != len(p.Data):
			return fmt.Errorf("packet %d: % x of %d", i, p.Data, p.OrigLen)
		case p.Direction != dir:
			return fmt.Errorf("packet %d: direction %v, want %v", i, p.Direction, dir)
		}
		next++
	}
	if next != n {
		return fmt.Errorf("%d packets, want %d", next, n)
	}
	return nil
}
