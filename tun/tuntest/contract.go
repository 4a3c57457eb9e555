package tuntest

import (
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"lastack/tun"
)

// Contract tests that a device keeps to the documentation of tun.Device.
//
// open returns a device ready for use, and far, the other side of its link: a
// packet given to far.Write must come out of dev.Read, and a packet given to
// dev.Write out of far.Read, one a call and byte for byte, IPv4 and IPv6, for
// addresses of the documentation ranges. Other packets may come between them;
// Contract looks at its own only. Both sides must hold 128 small packets.
// Contract calls open once or more for each part and closes both; closing far
// must end a waiting far.Read. open skips the test where it cannot open.
//
// A part that makes no progress for 10 seconds is closed, and fails.
func Contract(t *testing.T, open func(t *testing.T) (dev tun.Device, far io.ReadWriteCloser)) {
	parts := []struct {
		name string
		run  func(*testing.T, *rig)
	}{
		{"NameAndMTU", testNameAndMTU},
		{"FarToDevice", testFarToDevice},
		{"DeviceToFar", testDeviceToFar},
		{"OnePacketPerRead", testOnePacketPerRead},
		{"ShortBufferCuts", testShortBufferCuts},
		{"EmptyRead", testEmptyRead},
		{"RefusedWrites", testRefusedWrites},
		{"WriteKeepsNothing", testWriteKeepsNothing},
		{"ManyWriters", testManyWriters},
		{"NoAllocation", testNoAllocation},
		{"CloseEndsRead", testCloseEndsRead},
		{"CloseDiscards", testCloseDiscards},
		{"AfterClose", testAfterClose},
		{"CloseTogether", testCloseTogether},
	}
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) {
			r := newRig(t, open)
			part.run(t, r)
		})
	}
}

func testNameAndMTU(t *testing.T, r *rig) {
	name, mtu := r.dev.Name(), r.dev.MTU()
	if name == "" {
		t.Error("Name is empty")
	}
	if mtu < tun.MinMTU || mtu > tun.MaxMTU {
		t.Errorf("MTU is %d, want %d to %d", mtu, tun.MinMTU, tun.MaxMTU)
	}
	r.dev.Close()
	if r.dev.Name() != name || r.dev.MTU() != mtu {
		t.Errorf("after Close: Name %q, MTU %d; before: %q, %d", r.dev.Name(), r.dev.MTU(), name, mtu)
	}
}

func testFarToDevice(t *testing.T, r *rig) {
	for _, p := range r.sizes(t) {
		r.send(t, r.far, p)
		r.expect(t, r.dev, p)
	}
}

func testDeviceToFar(t *testing.T, r *rig) {
	for _, p := range r.sizes(t) {
		r.send(t, r.dev, p)
		r.expect(t, r.far, p)
	}
}

func testOnePacketPerRead(t *testing.T, r *rig) {
	packets := r.sizes(t)
	for _, p := range packets {
		r.send(t, r.far, p)
	}
	for _, p := range packets { // in order, each alone
		r.expect(t, r.dev, p)
	}
}

func testShortBufferCuts(t *testing.T, r *rig) {
	for _, v := range families {
		long, next := v.packet(t, 1, 400), v.packet(t, 2, 100)
		r.send(t, r.far, long)
		r.send(t, r.far, next)
		r.expectIn(t, r.dev, make([]byte, 200), long[:200])
		r.expect(t, r.dev, next) // the rest of long is lost
	}
}

func testEmptyRead(t *testing.T, r *rig) {
	p := families[0].packet(t, 1, 100)
	r.send(t, r.far, p)
	for _, empty := range [][]byte{nil, {}} {
		if n, err := r.dev.Read(empty); n != 0 || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("Read of an empty buffer: %d, %v; want 0, EINVAL", n, err)
		}
	}
	r.expect(t, r.dev, p)
}

func testRefusedWrites(t *testing.T, r *rig) {
	long := make([]byte, r.dev.MTU()+1)
	long[0] = 0x45
	refused := []struct {
		name   string
		packet []byte
		want   error
	}{
		{"nil", nil, syscall.EINVAL},
		{"empty", []byte{}, syscall.EINVAL},
		{"IP version 0", make([]byte, 40), syscall.EINVAL},
		{"IP version 15", append([]byte{0xf5}, make([]byte, 39)...), syscall.EINVAL},
		{"longer than the MTU", long, syscall.EMSGSIZE},
	}
	for _, c := range refused {
		n, err := r.dev.Write(c.packet)
		if n != 0 || !errors.Is(err, c.want) {
			t.Errorf("Write of %s packet: %d, %v; want 0, %v", c.name, n, err, c.want)
		}
		var e *tun.Error
		if !errors.As(err, &e) {
			t.Errorf("Write of %s packet: the error is a %T, want *tun.Error", c.name, err)
		}
	}
	p := families[0].packet(t, 1, 100) // and the device is as good as before
	r.send(t, r.dev, p)
	r.expect(t, r.far, p)
}

func testWriteKeepsNothing(t *testing.T, r *rig) {
	p := families[0].packet(t, 1, 300)
	given := append([]byte(nil), p...)
	r.send(t, r.dev, given)
	if string(given) != string(p) {
		t.Error("Write changed the packet")
	}
	given[len(given)-1] ^= 0xff // in the filler, so that it is still known as ours
	r.expect(t, r.far, p)
}

func testManyWriters(t *testing.T, r *rig) {
	const writers, each = 4, 25
	var wg sync.WaitGroup
	for w := range writers {
		packets := make([][]byte, each)
		for i := range packets {
			packets[i] = families[w%2].packet(t, w*each+i, 100)
		}
		wg.Go(func() {
			for _, p := range packets {
				if n, err := r.dev.Write(p); n != len(p) || err != nil {
					t.Errorf("Write: %d, %v", n, err)
				}
			}
		})
	}
	wg.Wait()
	next := [writers]int{} // each writer's packets are in order
	for range writers * each {
		got := r.receive(t, r.far, make([]byte, r.dev.MTU()))
		seq := sequence(got)
		if w := seq / each; w >= writers || seq%each != next[w] {
			t.Fatalf("packet %d of writer %d arrived in place of %d", seq%each, w, next[w])
		}
		want := families[seq/each%2].packet(t, seq, 100)
		if string(got) != string(want) {
			t.Fatalf("packet %d arrived changed", seq)
		}
		next[seq/each]++
	}
}

func testNoAllocation(t *testing.T, r *rig) {
	const rounds = 50 // less than what both sides hold
	p, buf := families[0].packet(t, 1, 100), make([]byte, r.dev.MTU())
	write := func() {
		if _, err := r.dev.Write(p); err != nil {
			t.Errorf("Write: %v", err)
		}
	}
	read := func() {
		if _, err := r.dev.Read(buf); err != nil {
			t.Errorf("Read: %v", err)
		}
	}
	for range rounds + 2 {
		r.send(t, r.far, p)
	}
	if n := testing.AllocsPerRun(rounds, read); n != 0 {
		t.Errorf("Read allocates %v times a packet", n)
	}
	for range QueueLen { // a queue may grow until each of its places was used
		write()
		r.expect(t, r.far, p)
	}
	if n := testing.AllocsPerRun(rounds, write); n != 0 {
		t.Errorf("Write allocates %v times a packet", n)
	}
}

func testCloseEndsRead(t *testing.T, r *rig) {
	for i := range 10 { // Close may come before, while or after Read goes to wait
		if i > 0 {
			r = newRig(t, r.open)
		}
		errs, reading := make(chan error, 1), make(chan struct{})
		dev := r.dev
		go func() {
			buf := make([]byte, dev.MTU())
			close(reading)
			for {
				if _, err := dev.Read(buf); err != nil {
					errs <- err
					return
				}
			}
		}()
		<-reading
		for range i {
			runtime.Gosched()
		}
		if err := dev.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		select {
		case err := <-errs:
			if !errors.Is(err, os.ErrClosed) {
				t.Errorf("Read ended with %v, want os.ErrClosed", err)
			}
		case <-time.After(partTimeout / 2):
			t.Fatalf("Read still waits %v after Close", partTimeout/2)
		}
	}
}

func testCloseDiscards(t *testing.T, r *rig) {
	r.send(t, r.far, families[0].packet(t, 1, 100))
	r.dev.Close()
	if n, err := r.dev.Read(make([]byte, r.dev.MTU())); n != 0 || !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read after Close: %d, %v; want 0, os.ErrClosed", n, err)
	}
}

func testAfterClose(t *testing.T, r *rig) {
	first := r.dev.Close()
	if first != nil {
		t.Errorf("Close: %v", first)
	}
	if again := r.dev.Close(); again != first {
		t.Errorf("second Close: %v; want what the first returned, %v", again, first)
	}
	if n, err := r.dev.Write(families[0].packet(t, 1, 100)); n != 0 || !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write after Close: %d, %v; want 0, os.ErrClosed", n, err)
	}
	if n, err := r.dev.Read(make([]byte, r.dev.MTU())); n != 0 || !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read after Close: %d, %v; want 0, os.ErrClosed", n, err)
	}
}

func testCloseTogether(t *testing.T, r *rig) {
	p := families[0].packet(t, 1, 100)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := r.dev.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
		wg.Go(func() {
			if _, err := r.dev.Write(p); err != nil && !errors.Is(err, os.ErrClosed) {
				t.Errorf("Write beside Close: %v", err)
			}
		})
	}
	wg.Wait()
}
