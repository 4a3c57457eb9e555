package tuntest

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"lastack/tun"
)

// partTimeout is how long a part of Contract may take before its devices are
// closed, which turns a hang into a failure that names the part.
const partTimeout = 10 * time.Second

// magic begins the payload of Contract's packets, a sequence number follows.
const magic = "tuntest contract"

// family makes Contract's packets of one IP version, between addresses of the
// documentation ranges (RFC 5737, RFC 3849), which no kernel answers for.
type family struct{ src, dst netip.AddrPort }

var families = [2]family{
	{netip.MustParseAddrPort("198.51.100.1:7001"), netip.MustParseAddrPort("198.51.100.2:7002")},
	{netip.MustParseAddrPort("[2001:db8::1]:7001"), netip.MustParseAddrPort("[2001:db8::2]:7002")},
}

// packet returns packet number seq, length bytes long in all.
func (f family) packet(t *testing.T, seq, length int) []byte {
	t.Helper()
	payload := []byte(magic)
	payload = binary.BigEndian.AppendUint32(payload, uint32(seq))
	for i := len(payload); i < length-HeaderLen(f.src.Addr()); i++ {
		payload = append(payload, byte(i+seq))
	}
	p, err := UDP(f.src, f.dst, payload)
	if err != nil || len(p) != length {
		t.Fatalf("building a packet of %d bytes: got %d, %v", length, len(p), err)
	}
	return p
}

// payload returns the payload if p begins like one of Contract's packets. The
// kernel may send packets of its own, and quote Contract's in ICMP errors.
func payload(p []byte) ([]byte, bool) {
	h, proto := HeaderLen(families[1].src.Addr()), 6
	if len(p) > 0 && p[0]>>4 == 4 {
		h, proto = HeaderLen(families[0].src.Addr()), 9
	}
	if len(p) < h+len(magic)+4 || p[proto] != udpProtocol || !bytes.HasPrefix(p[h:], []byte(magic)) {
		return nil, false
	}
	return p[h:], true
}

func sequence(p []byte) int {
	data, _ := payload(p)
	return int(binary.BigEndian.Uint32(data[len(magic):]))
}

// rig holds the device under test and its far side.
type rig struct {
	open func(*testing.T) (tun.Device, io.ReadWriteCloser)
	dev  tun.Device
	far  io.ReadWriteCloser
}

func newRig(t *testing.T, open func(*testing.T) (tun.Device, io.ReadWriteCloser)) *rig {
	t.Helper()
	dev, far := open(t)
	r := &rig{open: open, dev: dev, far: far}
	var late atomic.Bool
	watchdog := time.AfterFunc(partTimeout, func() {
		late.Store(true)
		dev.Close()
		far.Close()
	})
	t.Cleanup(func() {
		watchdog.Stop()
		if late.Load() {
			t.Errorf("no end after %v: the devices were closed", partTimeout)
		}
		dev.Close()
		far.Close()
	})
	return r
}

// sizes returns packets of both families from the smallest to the largest.
func (r *rig) sizes(t *testing.T) [][]byte {
	var all [][]byte
	for _, length := range []int{68, 69, 100, 575, 576, r.dev.MTU() - 1, r.dev.MTU()} {
		for _, f := range families {
			all = append(all, f.packet(t, len(all), length))
		}
	}
	return all
}

func (r *rig) send(t *testing.T, w io.Writer, p []byte) {
	t.Helper()
	if n, err := w.Write(p); n != len(p) || err != nil {
		t.Fatalf("Write of %d bytes: %d, %v", len(p), n, err)
	}
}

// receive returns the next of Contract's packets, in buf.
func (r *rig) receive(t *testing.T, from io.Reader, buf []byte) []byte {
	t.Helper()
	for {
		n, err := from.Read(buf)
		if err != nil {
			t.Fatalf("Read: %v", err)
		}
		if n < 1 || n > len(buf) {
			t.Fatalf("Read into %d bytes returned %d", len(buf), n)
		}
		if _, ok := payload(buf[:n]); ok {
			return buf[:n]
		}
	}
}

func (r *rig) expect(t *testing.T, from io.Reader, want []byte) {
	t.Helper()
	r.expectIn(t, from, make([]byte, r.dev.MTU()), want)
}

func (r *rig) expectIn(t *testing.T, from io.Reader, buf, want []byte) {
	t.Helper()
	if got := r.receive(t, from, buf); !bytes.Equal(got, want) {
		t.Fatalf("read %d bytes % x,\nwant %d bytes % x", len(got), got, len(want), want)
	}
}
