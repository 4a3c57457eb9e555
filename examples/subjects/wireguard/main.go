// Command wireguard-subject serves an app on wireguard-go's netstack, without a tunnel: what
// WireGuard would encrypt goes to a TUN as it is.
package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"lastack/examples/subjects/serve"
	"lastack/tun"

	wgtun "golang.zx2c4.com/wireguard/tun"
	"golang.zx2c4.com/wireguard/tun/netstack"
)

func main() { serve.Main(listen) }

func listen(c serve.Command) (net.Listener, error) {
	kernel, err := tun.Open(tun.Config{Name: c.Device})
	if err != nil {
		return nil, err
	}
	dev, stack, err := netstack.CreateNetTUN([]netip.Addr{c.Addr}, nil, kernel.MTU())
	if err != nil {
		return nil, err
	}
	go give(kernel, dev)
	go take(kernel, dev)
	return stack.ListenTCPAddrPort(netip.AddrPortFrom(c.Addr, c.App.Port))
}

// give hands what the kernel sends to the stack.
func give(kernel tun.Device, dev wgtun.Device) {
	buf := make([]byte, kernel.MTU())
	for {
		n, err := kernel.Read(buf)
		if err == nil {
			_, err = dev.Write([][]byte{buf[:n]}, 0)
		}
		if err != nil {
			die(err)
		}
	}
}

// take hands what the stack sends to the kernel.
func take(kernel tun.Device, dev wgtun.Device) {
	bufs, sizes := [][]byte{make([]byte, kernel.MTU())}, make([]int, 1)
	for {
		_, err := dev.Read(bufs, sizes, 0)
		if err == nil {
			_, err = kernel.Write(bufs[0][:sizes[0]])
		}
		if err != nil {
			die(err)
		}
	}
}

func die(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
