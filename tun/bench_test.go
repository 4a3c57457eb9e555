package tun

import (
	"io"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// The benchmarks compare Device with the os.File within it, on one interface.
// They are inside the package for that file's sake.

func BenchmarkWrite(b *testing.B) {
	dev, _ := benchDevice(b)
	packet := benchPacket()
	for _, c := range []struct {
		name string
		to   io.Writer
	}{{"Device", dev}, {"File", dev.file.file}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.to.Write(packet); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRead has the cost of the kernel's sending in it.
func BenchmarkRead(b *testing.B) {
	dev, far := benchDevice(b)
	packet, buf := benchPacket(), make([]byte, dev.MTU())
	for _, c := range []struct {
		name string
		from io.Reader
	}{{"Device", dev}, {"File", dev.file.file}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := far.Write(packet); err != nil {
					b.Fatal(err)
				}
				if _, err := c.from.Read(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchPacket() []byte {
	p := make([]byte, 1000) // no kernel answers it: its checksum is wrong
	p[0] = 0x45
	return p
}

func benchDevice(b *testing.B) (*KernelDevice, *os.File) {
	b.Helper()
	if why := os.Getenv("LASTACK_TUN_TEST_NAMESPACE"); why != "own" {
		b.Skipf("needs a network namespace of its own: %s", why)
	}
	dev, err := Open(Config{Name: "tbench"})
	if err != nil {
		b.Skip(err)
	}
	b.Cleanup(func() { dev.Close() })
	d := dev.(*KernelDevice)
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		b.Fatal(err)
	}
	far := os.NewFile(uintptr(fd), "packet socket")
	b.Cleanup(func() { far.Close() })
	iface, err := net.InterfaceByName(d.name)
	if err != nil {
		b.Fatal(err)
	}
	// Protocol 0: the socket sends, and receives nothing.
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: iface.Index}); err != nil {
		b.Fatal(err)
	}
	return d, far
}
