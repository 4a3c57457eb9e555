package tun_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// namespaceEnv is "own" in the test process that has a network namespace to
// itself, and otherwise says why there is none.
const namespaceEnv = "LASTACK_TUN_TEST_NAMESPACE"

// TestMain runs all tests in a second process, in a network namespace of its
// own. Where the machine does not allow one the tests run here, and those that
// need a TUN interface skip.
func TestMain(m *testing.M) {
	if name := os.Getenv(holderEnv); name != "" {
		os.Exit(hold(name))
	}
	if os.Getenv(namespaceEnv) == "" {
		runtime.LockOSThread() // Pdeathsig is tied to the thread
		err := runInNamespace()
		var exit *exec.ExitError
		if err == nil || errors.As(err, &exit) {
			os.Exit(max(0, exitCode(exit)))
		}
		os.Setenv(namespaceEnv, err.Error())
		runtime.UnlockOSThread()
	}
	os.Exit(m.Run())
}

func exitCode(exit *exec.ExitError) int {
	switch {
	case exit == nil:
		return 0
	case exit.ExitCode() < 0: // killed by a signal
		return 2
	}
	return exit.ExitCode()
}

// runInNamespace tries as root, and then in a user namespace.
func runInNamespace() error {
	var exit *exec.ExitError
	err := selfCommand(syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}).Run()
	if err == nil || errors.As(err, &exit) {
		return err
	}
	userErr := selfCommand(syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}).Run()
	if userErr == nil || errors.As(userErr, &exit) {
		return userErr
	}
	return fmt.Errorf("no network namespace (%w) and none within a user namespace (%w)", err, userErr)
}

func selfCommand(attr syscall.SysProcAttr) *exec.Cmd {
	attr.Pdeathsig = syscall.SIGKILL
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), namespaceEnv+"=own")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &attr
	return cmd
}

// needNamespace skips where the test would change the machine's own interfaces.
func needNamespace(tb testing.TB) {
	tb.Helper()
	if why := os.Getenv(namespaceEnv); why != "own" {
		tb.Skipf("needs a network namespace of its own: %s", why)
	}
}

// needTUN skips where no TUN interface can be had, and checks at the end of the
// test that every interface, address and descriptor is as it was.
func needTUN(tb testing.TB) {
	tb.Helper()
	needNamespace(tb)
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		tb.Skipf("needs to open the TUN device: %v", err)
	}
	f.Close()
	before := census(tb)
	tb.Cleanup(func() {
		if after := census(tb); !slices.Equal(before, after) {
			tb.Errorf("left behind:\n%s\nbefore:\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
		}
	})
}

// census lists interfaces with their state, addresses, and TUN descriptors.
func census(tb testing.TB) []string {
	tb.Helper()
	links, err := netlink.LinkList()
	if err != nil {
		tb.Fatal(err)
	}
	var all []string
	for _, l := range links {
		a := l.Attrs()
		all = append(all, fmt.Sprintf("%d %s %s mtu %d up %v", a.Index, a.Name, l.Type(), a.MTU, a.Flags&net.FlagUp != 0))
		for _, ip := range addrsOf(tb, a.Name) {
			all = append(all, "  "+ip)
		}
	}
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		tb.Fatal(err)
	}
	for _, fd := range fds {
		// The listing has a descriptor of its own that is gone by now.
		if to, err := os.Readlink(fd); err == nil && to == "/dev/net/tun" {
			all = append(all, "descriptor "+to)
		}
	}
	return all
}

// addrsOf lists an interface's addresses less those the kernel made itself.
func addrsOf(tb testing.TB, name string) []string {
	tb.Helper()
	list, err := netlink.AddrList(linkOf(tb, name), netlink.FAMILY_ALL)
	if err != nil {
		tb.Fatal(err)
	}
	all := []string{}
	for _, a := range list {
		if !a.IP.IsLinkLocalUnicast() {
			all = append(all, a.IPNet.String())
		}
	}
	slices.Sort(all)
	return all
}

func linkOf(tb testing.TB, name string) netlink.Link {
	tb.Helper()
	l, err := netlink.LinkByName(name)
	if err != nil {
		tb.Fatalf("interface %s: %v", name, err)
	}
	return l
}

// must fails the test if a step of its preparation failed.
func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// onThread runs f on a thread that ends with it, so that f may give up
// privileges or move to other namespaces. f must not end the test.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends here
		defer close(done)
		f()
	}()
	<-done
}

// dropCapability takes one capability from this thread for good.
func dropCapability(number int) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	data[number/32].Effective &^= 1 << (number % 32)
	data[number/32].Permitted &^= 1 << (number % 32)
	return unix.Capset(&header, &data[0])
}

// soon bounds what a test waits for; nothing waits this long if all is well.
func soon() time.Time { return time.Now().Add(20 * time.Second) }
