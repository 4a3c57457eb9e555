package tun_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"

	"lastack/tun"
)

// holderEnv makes the test binary a process that holds the TUN interface it
// names.
const holderEnv = "LASTACK_TUN_TEST_HOLD"

// hold opens the interface, says so and keeps it until its input ends.
func hold(name string) int {
	dev, err := tun.Open(tun.Config{Name: name, Addrs: []netip.Prefix{netip.MustParsePrefix("10.79.0.1/24")}})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer dev.Close()
	fmt.Println("holding")
	io.Copy(io.Discard, os.Stdin)
	return 0
}

// startHolder starts another process that holds the interface.
func startHolder(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), holderEnv+"="+name)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // open until the process is waited for
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "holding" {
		t.Fatalf("the holder said %q, %v", line, err)
	}
	return cmd
}

func TestBusy(t *testing.T) {
	needTUN(t)
	holder := startHolder(t, "tbusy")
	_, err := tun.Open(tun.Config{Name: "tbusy"})
	wantError(t, err, syscall.EBUSY, "in use", "fdinfo")

	must(t, holder.Process.Kill())
	holder.Wait()
	if _, err := netlink.LinkByName("tbusy"); !errors.As(err, &netlink.LinkNotFoundError{}) {
		t.Errorf("after its holder was killed the interface is still there: %v", err)
	}
	dev, err := tun.Open(tun.Config{Name: "tbusy"}) // and the name is free
	if err != nil {
		t.Fatal(err)
	}
	dev.Close()
}

func TestBusyWithinOneProcess(t *testing.T) {
	needTUN(t)
	dev := mustOpen(t, tun.Config{Name: "tbusy"})
	_, err := tun.Open(tun.Config{Name: dev.Name()})
	wantError(t, err, syscall.EBUSY, "in use")
}

// A borrower killed by SIGKILL takes nothing of the interface with it, and the
// next one can borrow it again.
func TestBorrowerKilled(t *testing.T) {
	needTUN(t)
	makePersistent(t, "tkeep", nil)
	holder := startHolder(t, "tkeep")
	must(t, holder.Process.Kill())
	holder.Wait()
	if l := linkOf(t, "tkeep").(*netlink.Tuntap); l.NonPersist {
		t.Error("the interface is no longer persistent")
	}
	dev := mustOpen(t, tun.Config{Name: "tkeep", Addrs: []netip.Prefix{netip.MustParsePrefix("10.79.0.1/24")}})
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
}
