package serve

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"lastack/harness/app"
	"lastack/harness/lab/labtest"
	"lastack/harness/teardown"
)

// TestOffloadCloses: connections close with offload as they do without, as an
// independent capture sees them.
func TestOffloadCloses(t *testing.T) {
	for _, tt := range []struct{ delayed, want string }{{"1", three}, {"0", four}} {
		t.Run("delayed_ack="+tt.delayed, func(t *testing.T) {
			if !labtest.Inside(t) {
				return
			}
			s := start(t, Config{Offload: true})
			s.set("lastack.delayed_ack", tt.delayed)
			s.set("lastack.delayed_ack_ms", patientACK)
			const n = 10
			for range n {
				runCurl(t)
				runNetcat(t)
			}
			for i, r := range s.reports(2 * n) {
				if got := closing(&r); got != tt.want {
					t.Errorf("connection %d: %s, want %s", i+1, got, tt.want)
				}
			}
			if seen := s.captured(80); len(seen) != n || closing(&seen[0]) != tt.want {
				t.Errorf("captured %d connections to port 80, the first %s; want %d, %s", len(seen), closing(&seen[0]), n, tt.want)
			}
		})
	}
}

// TestOffloadFINBehindMuch: the FIN comes with the last of much data, or right
// behind it, from either side.
func TestOffloadFINBehindMuch(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	s := start(t, Config{Offload: true, Apps: []app.Spec{
		{Port: 8001, Kind: "server-closes"}, {Port: 8003, Kind: "half-closer", Options: map[string]string{"bytes": "200000"}},
	}})
	for i, addr := range []string{"10.77.0.2:8003", "[fd77::2]:8003"} {
		c := dial(t, addr)
		if _, err := io.Copy(c, app.Content(100_000)); err != nil {
			t.Fatal(err)
		}
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if err := same(c, 200_000); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		r := s.reports(i + 1)[i]
		if r.ActiveCloser != teardown.Client || r.HalfCloseBytes != 200_000 {
			t.Errorf("%s: %s first, %d bytes after its FIN; want client, 200000", addr, r.ActiveCloser, r.HalfCloseBytes)
		}
	}
	// Nobody sends a FIN again but a busy machine, and then the capture has it, to its end, which
	// may be later than the host's account.
	seen := s.captured(8003)
	for i, r := range s.reports(2) {
		if len(seen) != 2 || r.FINRetransmissions > seen[i].FINRetransmissions {
			t.Errorf("connection %d of %d: %d FINs again; captured %+v", i+1, len(seen), r.FINRetransmissions, seen)
		}
	}
}

// TestOffloadByteForByte sends 64 MiB to the host and back at once, in both
// families, with segments up to the MTU and far beyond it.
func TestOffloadByteForByte(t *testing.T) {
	for _, mtu := range []int{1500, 65535} {
		t.Run(fmt.Sprint("MTU ", mtu), func(t *testing.T) {
			if !labtest.Inside(t) {
				return
			}
			start(t, Config{Offload: true, MTU: mtu})
			for _, addr := range []string{"10.77.0.2:7", "[fd77::2]:7"} {
				if err := echoed(t, addr, 64<<20); err != nil {
					t.Errorf("%s: %v", addr, err)
				}
			}
		})
	}
}

// TestOffloadOnABadWire: what is lost, doubled, late or spoiled of large segments
// does not get through, and everything else does.
func TestOffloadOnABadWire(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	start(t, Config{Offload: true, Seed: 7, Impairments: []string{
		"corrupt 3% of segments with data from either",
		"duplicate 3% of segments with data from either",
		"reorder 2% of segments with data from either",
		"drop 1% of segments with data from either",
	}})
	for _, addr := range []string{"10.77.0.2:7", "[fd77::2]:7"} {
		if err := echoed(t, addr, 4<<20); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

// echoed has a server echo that much, and compares what comes back.
func echoed(t *testing.T, addr string, bytes int64) error {
	t.Helper()
	c := dial(t, addr)
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(struct{ io.Writer }{c}, app.Content(bytes))
		sent <- errors.Join(err, c.CloseWrite())
	}()
	err := same(c, bytes)
	if err != nil {
		_ = c.Close() // ends the sender, whose error says less
		<-sent
		return err
	}
	return <-sent
}

// same compares what is read with as much of app.Content, up to EOF.
func same(r io.Reader, length int64) error {
	want := app.Content(length)
	got, expected := make([]byte, 1<<16), make([]byte, 1<<16)
	for at := int64(0); ; {
		n, err := io.ReadFull(r, got)
		m, _ := io.ReadFull(want, expected)
		if n != m || !bytes.Equal(got[:n], expected[:m]) {
			return fmt.Errorf("%d bytes from offset %d on differ from the %d expected (%v)", n, at, m, err)
		}
		at += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// TestOffloadChurn: many short connections at once, which the server closes.
func TestOffloadChurn(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	s := start(t, Config{Offload: true})
	const workers, each = 16, 60
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				if err := short([]string{"10.77.0.2:8001", "[fd77::2]:8001"}[(w+i)%2]); err != nil {
					t.Errorf("connection %d of worker %d: %v", i, w, err)
				}
			}
		})
	}
	wg.Wait()
	for _, r := range s.reports(workers * each) {
		if r.ActiveCloser != teardown.Server || r.Close != teardown.ThreeWay && r.Close != teardown.FourWay {
			t.Errorf("%s: %s, %s", r.Client, r.Close, r.Reason)
		}
	}
}

func short(addr string) error {
	c, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	want := bytes.Repeat([]byte("lastack\n"), 8)
	if _, err := c.Write(want); err != nil {
		return err
	}
	got, err := io.ReadAll(c)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%q back", got)
	}
	return err
}
