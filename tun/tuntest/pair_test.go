package tuntest_test

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"

	"lastack/tun"
	"lastack/tun/tuntest"
	"lastack/tun/vnet"
)

func TestPairContract(t *testing.T) {
	for _, mtu := range []int{0, tun.MinMTU6, tun.MaxMTU} {
		t.Run("host", func(t *testing.T) {
			tuntest.Contract(t, func(*testing.T) (tun.Device, io.ReadWriteCloser) {
				host, kernel := tuntest.Pair(mtu)
				return host, kernel
			})
		})
		t.Run("kernel", func(t *testing.T) {
			tuntest.Contract(t, func(*testing.T) (tun.Device, io.ReadWriteCloser) {
				host, kernel := tuntest.Pair(mtu)
				return kernel, host
			})
		})
	}
}

func TestOffloadPairContract(t *testing.T) {
	for _, mtu := range []int{0, tun.MaxMTU} {
		tuntest.Contract(t, func(*testing.T) (tun.Device, io.ReadWriteCloser) {
			host, kernel := tuntest.OffloadPair(mtu)
			return host, kernel
		})
		tuntest.OffloadContract(t, func(*testing.T) (tun.OffloadDevice, io.ReadWriteCloser) {
			host, kernel := tuntest.OffloadPair(mtu)
			return kernel, host
		})
	}
}

func TestOffloadPairCarriesTheHeader(t *testing.T) {
	host, kernel := tuntest.OffloadPair(0)
	sent := vnet.Header{NeedsChecksum: true, ChecksumStart: 20, ChecksumOffset: 16, GSO: vnet.TCP4, SegmentSize: 1448, HeaderLen: 52}
	p := make([]byte, 40000)
	p[0] = 0x45
	if n, err := host.WriteOffload(&sent, [][]byte{p[:1], p[1:]}); n != len(p) || err != nil {
		t.Fatalf("WriteOffload: %d, %v", n, err)
	}
	var got vnet.Header
	if n, err := kernel.ReadOffload(&got, make([]byte, tun.MaxMTU)); n != len(p) || err != nil || got != sent {
		t.Errorf("ReadOffload: %d bytes with %+v, %v; want %d with %+v", n, got, err, len(p), sent)
	}
}

// Who has no offload refuses what it cannot finish.
func TestPairWithoutOffload(t *testing.T) {
	dev, _ := tuntest.Pair(0)
	host := dev.(tun.OffloadDevice)
	h := vnet.Header{NeedsChecksum: true}
	if n, err := host.WriteOffload(&h, [][]byte{{0x45}}); n != 0 || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("WriteOffload of an unfinished packet: %d, %v; want 0, EINVAL", n, err)
	}
	if _, err := host.WriteOffload(&vnet.Header{}, [][]byte{make([]byte, 1501)}); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("WriteOffload beyond the MTU: %v; want EMSGSIZE", err)
	}
	if host.Offload() {
		t.Error("Offload is true")
	}
}

func TestPairDescribesItself(t *testing.T) {
	for _, c := range []struct{ mtu, want int }{{-1, 1500}, {0, 1500}, {68, 68}, {9000, 9000}} {
		host, kernel := tuntest.Pair(c.mtu)
		if host.MTU() != c.want || kernel.MTU() != c.want {
			t.Errorf("Pair(%d): MTUs %d and %d, want %d", c.mtu, host.MTU(), kernel.MTU(), c.want)
		}
		if host.Name() != "host" || kernel.Name() != "kernel" {
			t.Errorf("names %q and %q", host.Name(), kernel.Name())
		}
	}
}

func TestFullQueueDropsTheNewest(t *testing.T) {
	host, kernel := tuntest.Pair(0)
	const extra = 7
	for i := range tuntest.QueueLen + extra {
		if n, err := host.Write([]byte{0x45, byte(i >> 8), byte(i)}); n != 3 || err != nil {
			t.Fatalf("Write %d: %d, %v", i, n, err)
		}
	}
	if got := host.(*tuntest.End).Dropped(); got != extra {
		t.Errorf("Dropped is %d, want %d", got, extra)
	}
	if got := kernel.(*tuntest.End).Dropped(); got != 0 {
		t.Errorf("Dropped of the other direction is %d, want 0", got)
	}
	buf := make([]byte, kernel.MTU())
	for i := range tuntest.QueueLen {
		if n, err := kernel.Read(buf); n != 3 || err != nil || int(buf[1])<<8|int(buf[2]) != i {
			t.Fatalf("Read %d: % x, %v", i, buf[:n], err)
		}
	}
	if _, err := host.Write([]byte{0x60}); err != nil { // there is room again
		t.Fatal(err)
	}
	if n, err := kernel.Read(buf); n != 1 || err != nil {
		t.Errorf("Read after the queue was empty: %d, %v", n, err)
	}
}

func TestFarEndClosed(t *testing.T) {
	host, kernel := tuntest.Pair(0)
	buf := make([]byte, host.MTU())
	for _, w := range []tun.Device{host, kernel, kernel} {
		if _, err := w.Write([]byte{0x45}); err != nil {
			t.Fatal(err)
		}
	}
	kernel.Close() // drops the one that waits for it
	if n, err := host.Write([]byte{0x45}); n != 1 || err != nil {
		t.Errorf("Write to a closed far end: %d, %v; want 1, nil", n, err)
	}
	if got := host.(*tuntest.End).Dropped(); got != 2 {
		t.Errorf("Dropped is %d, want 2", got)
	}
	for range 2 {
		if n, err := host.Read(buf); n != 1 || err != nil {
			t.Errorf("Read of what was sent before: %d, %v; want 1, nil", n, err)
		}
	}
	host.Close()
	if _, err := host.Read(buf); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
}

func TestErrorNamesTheEnd(t *testing.T) {
	host, _ := tuntest.Pair(0)
	_, err := host.Write(nil)
	var e *tun.Error
	if !errors.As(err, &e) || e.Op != "write" || e.Name != "host" || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("error is %#v", err)
	}
}

func BenchmarkPair(b *testing.B) {
	host, kernel := tuntest.Pair(0)
	p, buf := make([]byte, 1500), make([]byte, 1500)
	p[0] = 0x45
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := host.Write(p); err != nil {
			b.Fatal(err)
		}
		if _, err := kernel.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}
