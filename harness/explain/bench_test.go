package explain_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
	"lastack/harness/explain"
)

// million is a capture of about a million packets: 87,000 connections of every
// kind of close.
var million = capturetest.Config{Seed: 1, Connections: 87_000, LostFINs: 2, SnapLen: 128}

// BenchmarkExplain is the whole way from a file to the default view.
//
//	go test -run '^$' -bench 'Explain$' -benchtime 3x ./harness/explain
func BenchmarkExplain(b *testing.B) {
	path, records := millionFile(b)
	benchmark(b, records, func() (capture.Source, func() error, error) {
		f, err := capture.Open(path, capture.OpenConfig{})
		if err != nil {
			return nil, nil, err
		}
		return f, f.Close, nil
	})
}

// BenchmarkExplainStream is the same from a stream, which can be read only once.
func BenchmarkExplainStream(b *testing.B) {
	path, records := millionFile(b)
	benchmark(b, records, func() (capture.Source, func() error, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, nil, err
		}
		r, err := capture.NewReader(f)
		return r, f.Close, err
	})
}

// millionFile writes the capture.
func millionFile(b *testing.B) (path string, records int) {
	b.Helper()
	path = filepath.Join(b.TempDir(), "million.pcap")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	sum, err := capturetest.Write(f, million)
	if err := errors.Join(err, f.Close()); err != nil {
		b.Fatal(err)
	}
	return path, sum.Records
}

func benchmark(b *testing.B, records int, open func() (capture.Source, func() error, error)) {
	b.ReportAllocs()
	for b.Loop() {
		r, done, err := open()
		if err != nil {
			b.Fatal(err)
		}
		a := explain.New(explain.Options{})
		if err := a.ReadAll(r); err != nil {
			b.Fatal(err)
		}
		found, err := a.Summary()
		if err := errors.Join(err, done()); err != nil || found.Packets != records {
			b.Fatalf("%d packets, want %d: %v", found.Packets, records, err)
		}
		if err := explain.WriteText(io.Discard, found, explain.Look{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*records), "ns/packet")
}

// BenchmarkBesideTshark runs the command and tshark on one file, in turn, and
// reports how many times as many packets a second the command explains, and both
// programs' peak memory. Of each the quickest run counts, as what else the machine
// does only adds to the time. LASTACK_BIN names the command.
//
//	CGO_ENABLED=0 go build -o bin/lastack ./cmd/lastack
//	LASTACK_BIN=$PWD/bin/lastack go test -run '^$' -bench BesideTshark -benchtime 5x ./harness/explain
func BenchmarkBesideTshark(b *testing.B) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		b.Skip("tshark is not installed (apt-get install tshark)")
	}
	lastack := os.Getenv("LASTACK_BIN")
	if lastack == "" {
		b.Skip("LASTACK_BIN does not name the command to measure")
	}
	path, records := millionFile(b)
	var ours, theirs used
	for b.Loop() {
		ours.run(b, lastack, "explain", path)
		theirs.run(b, tshark, "-q", "-z", "conv,tcp", "-r", path)
	}
	packets := float64(records)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(packets/ours.wall.Seconds(), "packets/s")
	b.ReportMetric(packets/theirs.wall.Seconds(), "tshark-packets/s")
	b.ReportMetric(theirs.wall.Seconds()/ours.wall.Seconds(), "x-wall")
	b.ReportMetric(theirs.cpu.Seconds()/ours.cpu.Seconds(), "x-cpu")
	b.ReportMetric(float64(ours.peak)/1024, "MiB")
	b.ReportMetric(float64(theirs.peak)/1024, "tshark-MiB")
}

// used is what the quickest run of a program took, and the most memory of any.
type used struct {
	wall, cpu time.Duration
	peak      int64 // KiB
}

func (u *used) run(b *testing.B, program string, args ...string) {
	b.Helper()
	var stderr strings.Builder
	c := exec.Command(program, args...)
	c.Stderr = &stderr
	begin := time.Now()
	if err := c.Run(); err != nil {
		b.Fatalf("%s: %v: %s", filepath.Base(program), err, stderr.String())
	}
	wall, cpu := time.Since(begin), c.ProcessState.UserTime()+c.ProcessState.SystemTime()
	if u.wall == 0 {
		u.wall, u.cpu = wall, cpu
	}
	u.wall, u.cpu = min(u.wall, wall), min(u.cpu, cpu)
	u.peak = max(u.peak, c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
}
