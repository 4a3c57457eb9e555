package tuntest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"

	"lastack/tun"
	"lastack/tun/vnet"
)

// OffloadContract tests that a device keeps to the documentation of
// tun.OffloadDevice beyond that of tun.Device, for which Contract is.
//
// open is as Contract has it, for a device that was opened with offload; the far
// side reads a packet as on a wire, except that it may be large.
func OffloadContract(t *testing.T, open func(t *testing.T) (dev tun.OffloadDevice, far io.ReadWriteCloser)) {
	for name, run := range map[string]func(*testing.T, *rig, tun.OffloadDevice){
		"Finished":      testFinished,
		"Pieces":        testPieces,
		"RefusedPieces": testRefusedPieces,
		"NoAllocation":  testNoOffloadAllocation,
		"Close":         testOffloadClose,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(t *testing.T) (tun.Device, io.ReadWriteCloser) { return open(t) })
			dev := r.dev.(tun.OffloadDevice)
			if !dev.Offload() {
				t.Fatal("Offload is false")
			}
			run(t, r, dev)
		})
	}
}

// testFinished: a packet that needs nothing comes with a header that says so.
func testFinished(t *testing.T, r *rig, dev tun.OffloadDevice) {
	for _, p := range r.sizes(t) {
		r.send(t, r.far, p)
		got, h := r.receiveOffload(t, dev, make([]byte, tun.MaxMTU))
		if !bytes.Equal(got, p) {
			t.Fatalf("read %d bytes % x,\nwant %d bytes % x", len(got), got, len(p), p)
		}
		if h.GSO != vnet.Whole || h.NeedsChecksum {
			t.Errorf("a packet of %d bytes came with the header %+v", len(p), h)
		}
	}
}

// receiveOffload returns the next of Contract's packets, in buf.
func (r *rig) receiveOffload(t *testing.T, dev tun.OffloadDevice, buf []byte) ([]byte, vnet.Header) {
	t.Helper()
	for {
		var h vnet.Header
		n, err := dev.ReadOffload(&h, buf)
		if err != nil {
			t.Fatalf("ReadOffload: %v", err)
		}
		if _, ok := payload(buf[:n]); ok {
			return buf[:n], h
		}
	}
}

// testPieces: the packet is what the pieces are together, however many.
func testPieces(t *testing.T, r *rig, dev tun.OffloadDevice) {
	for i, count := range []int{1, 2, 3, 16, 17, 60} {
		for _, f := range families {
			p := f.packet(t, i, 1000)
			pieces := [][]byte{nil, p[:20]} // empty ones do no harm
			for rest, left := p[20:], count-1; ; left-- {
				if left <= 1 {
					pieces = append(pieces, rest, []byte{})
					break
				}
				pieces = append(pieces, rest[:10])
				rest = rest[10:]
			}
			if n, err := dev.WriteOffload(&vnet.Header{}, pieces); n != len(p) || err != nil {
				t.Fatalf("WriteOffload of %d pieces: %d, %v; want %d", count, n, err, len(p))
			}
			r.expect(t, r.far, p)
		}
	}
}

func testRefusedPieces(t *testing.T, r *rig, dev tun.OffloadDevice) {
	long := make([]byte, tun.MaxMTU)
	long[0] = 0x45
	for _, c := range []struct {
		name   string
		pieces [][]byte
		want   error
	}{
		{"no piece", nil, syscall.EINVAL},
		{"empty pieces", [][]byte{nil, {}}, syscall.EINVAL},
		{"IP version 0", [][]byte{make([]byte, 40)}, syscall.EINVAL},
		{"too long together", [][]byte{long, {1}}, syscall.EMSGSIZE},
	} {
		n, err := dev.WriteOffload(&vnet.Header{}, c.pieces)
		var e *tun.Error
		if n != 0 || !errors.Is(err, c.want) || !errors.As(err, &e) {
			t.Errorf("WriteOffload of %s: %d, %v (%T); want 0, a *tun.Error that is %v", c.name, n, err, err, c.want)
		}
	}
	var h vnet.Header
	if n, err := dev.ReadOffload(&h, nil); n != 0 || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("ReadOffload of an empty buffer: %d, %v; want 0, EINVAL", n, err)
	}
	p := families[0].packet(t, 1, 100) // and the device is as good as before
	r.send(t, r.dev, p)
	r.expect(t, r.far, p)
}

func testNoOffloadAllocation(t *testing.T, r *rig, dev tun.OffloadDevice) {
	const rounds = 50 // less than what both sides hold
	p, buf := families[0].packet(t, 1, 100), make([]byte, tun.MaxMTU)
	pieces, h, nothing := [][]byte{p[:40], p[40:]}, new(vnet.Header), new(vnet.Header)
	write := func() {
		if _, err := dev.WriteOffload(nothing, pieces); err != nil {
			t.Errorf("WriteOffload: %v", err)
		}
	}
	for range rounds + 2 {
		r.send(t, r.far, p)
	}
	read := func() {
		if _, err := dev.ReadOffload(h, buf); err != nil {
			t.Errorf("ReadOffload: %v", err)
		}
	}
	if n := testing.AllocsPerRun(rounds, read); n != 0 {
		t.Errorf("ReadOffload allocates %v times a packet", n)
	}
	for range QueueLen { // a queue may grow until each of its places was used
		write()
		r.expect(t, r.far, p)
	}
	if n := testing.AllocsPerRun(rounds, write); n != 0 {
		t.Errorf("WriteOffload allocates %v times a packet", n)
	}
}

func testOffloadClose(t *testing.T, r *rig, dev tun.OffloadDevice) {
	errs := make(chan error)
	go func() {
		var h vnet.Header
		buf := make([]byte, tun.MaxMTU)
		for {
			if _, err := dev.ReadOffload(&h, buf); err != nil {
				errs <- err
				return
			}
		}
	}()
	r.dev.Close()
	if err := <-errs; !errors.Is(err, os.ErrClosed) {
		t.Errorf("ReadOffload ended with %v, want os.ErrClosed", err)
	}
	p := families[0].packet(t, 1, 100)
	if n, err := dev.WriteOffload(&vnet.Header{}, [][]byte{p}); n != 0 || !errors.Is(err, os.ErrClosed) {
		t.Errorf("WriteOffload after Close: %d, %v; want 0, os.ErrClosed", n, err)
	}
}
