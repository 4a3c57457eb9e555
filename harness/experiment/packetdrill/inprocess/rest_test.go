package inprocess_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/inprocess"
	"lastack/harness/experiment/packetdrill/packet"
	"lastack/harness/experiment/packetdrill/script"
)

func newSubject(t *testing.T) *inprocess.Subject {
	t.Helper()
	s, err := inprocess.New(inprocess.Config{Addresses: packetdrill.DefaultAddresses(), Virtual: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// must makes a call that does not block.
func must(t *testing.T, s *inprocess.Subject, c *packetdrill.Call) int {
	t.Helper()
	if err := s.Start(c); err != nil {
		t.Fatal(err)
	}
	res, err := s.Result(t.Context(), s.Now())
	if err != nil || res.Return < 0 {
		t.Fatalf("%s: %+v, %v", c.Name, res, err)
	}
	return int(res.Return)
}

// busy keeps all processors busy until the test is over.
func busy(t *testing.T) {
	t.Helper()
	var stop atomic.Bool
	t.Cleanup(func() { stop.Store(true) })
	for range 2 * runtime.GOMAXPROCS(0) {
		go func() {
			for !stop.Load() {
			}
		}()
	}
}

// TestAnswerHasTheTimeOfTheQuestion: the clock does not move before the stack has sent what
// it sends at once, however late its goroutines run.
func TestAnswerHasTheTimeOfTheQuestion(t *testing.T) {
	busy(t)
	s, a := newSubject(t), packetdrill.DefaultAddresses()
	fd := must(t, s, &packetdrill.Call{Name: "socket", Domain: 2, Type: 1})
	must(t, s, &packetdrill.Call{Name: "bind", FD: fd, Addr: &packetdrill.Addr{Family: 2, IP: a.Local4, Port: 80}})
	must(t, s, &packetdrill.Call{Name: "listen", FD: fd, Backlog: 10})
	for i := range 50 {
		at := time.Duration(i) * time.Millisecond
		if err := s.Sleep(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		opening := packet.TCP{
			IP: packet.IP{Src: a.Remote4, Dst: a.Local4, TTL: 64}, SrcPort: uint16(5000 + i), DstPort: 80, Flags: 2, Window: 100,
		}
		b, err := opening.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Inject(b); err != nil {
			t.Fatal(err)
		}
		p, err := s.Packet(t.Context(), s.Now())
		if err != nil || p.At != at {
			t.Fatalf("SYN %d at %v: answer at %v, %v", i, at, p.At, err)
		}
		if got, _, err := packet.Parse(p.Data); err != nil || got.Flags != 0x12 || got.DstPort != opening.SrcPort {
			t.Fatalf("SYN %d: %+v, %v", i, got, err)
		}
	}
	if _, err := s.Packet(t.Context(), s.Now()); !errors.Is(err, packetdrill.ErrQuiet) {
		t.Errorf("one packet too many: %v", err)
	}
}

// perform runs a script and returns its packets, a line each.
func perform(t *testing.T, file string) []string {
	t.Helper()
	s, err := packetdrill.Load(t.Context(), file, script.Config{})
	if err != nil {
		t.Fatal(err)
	}
	subject, err := inprocess.New(inprocess.Config{Addresses: packetdrill.DefaultAddresses(), Virtual: true})
	if err != nil {
		t.Fatal(err)
	}
	o := packetdrill.Run(context.Background(), s, subject, packetdrill.Config{})
	if err := errors.Join(o.Err, subject.Close()); err != nil {
		t.Error(err)
	}
	var lines []string
	for _, x := range o.Exchange {
		lines = append(lines, stamp.ReplaceAllString(fmt.Sprintf("%v sent=%v %s", x.At, x.Sent, x.Text), "TS"))
	}
	return lines
}

// stamp is what netstack draws at random.
var stamp = regexp.MustCompile(`TS val [0-9]+`)

func scripts(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../testdata/*.pkt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	return files
}

// TestSameEveryTime: every packet of every script has the same time twenty times, with all
// processors busy, as on an idle machine.
func TestSameEveryTime(t *testing.T) {
	want := map[string][]string{}
	for _, f := range scripts(t) {
		want[f] = perform(t, f)
	}
	busy(t)
	for range rounds {
		for f, lines := range want {
			if got := perform(t, f); !slices.Equal(got, lines) {
				t.Fatalf("%s:\n%s\nbut at first\n%s", f, strings.Join(got, "\n"), strings.Join(lines, "\n"))
			}
		}
	}
}

// TestLongSleep: idle weeks take no time, and a sleep heeds its context.
func TestLongSleep(t *testing.T) {
	s := newSubject(t)
	if err := s.Sleep(t.Context(), 100*time.Hour); err != nil || s.Now() != 100*time.Hour {
		t.Errorf("%v, %v", s.Now(), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Sleep(ctx, 200*time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("a sleep whose context has ended: %v", err)
	}
}
