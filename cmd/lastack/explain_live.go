package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"lastack/harness/capture"
	"lastack/harness/capture/reasons"
	"lastack/harness/explain"
	"lastack/harness/term"
	"lastack/harness/term/outfile"

	"github.com/spf13/cobra"
)

// liveFlags are those of explain -i.
type liveFlags struct {
	iface, filter, netns string
	duration             time.Duration
	snap                 int
	write                string
	size                 byteSize
	files                int
	reasons              string

	given func(name string) bool
}

const liveHelp = `-i captures on an interface of Linux, or on all of a network namespace ("any"), until
Ctrl-C, the end of --duration, or the interface is removed. It prints a line for each
connection that closes, findings that are new or that twice as many connections show
as before, every 10 s, and the summary at the end; --json, --csv, --ladder and
--pcapng do what they do with --follow, and --partial and --report write their files at
the end. It needs CAP_NET_RAW, and with --netns
CAP_SYS_ADMIN, and gives up all privileges once it captures (but CAP_DAC_OVERRIDE where
it writes files later).

--reasons asks the kernel of this machine, too, where that is possible (auto): why it
sent a RST (its own word, such as TCP_ABORT_ON_CLOSE), and which process connected or
closed a socket; in the line of a connection, and under "kernel" in --json. It needs
root (CAP_PERFMON) and tracefs, mounted or not. Processes of other PID namespaces are
not named, and a socket that ended without its process (a RST came, a timer) has none.

Without --filter every packet is looked at: a connection may be in a tunnel over UDP,
and an ICMP error or a fragment may tell of one. --filter is an expression of tcpdump,
which compiles it and has to be installed. It is about the IP packet, alike on every
interface: one about link headers (vlan, ether) is an error, lengths are those of the
IP packet, packets that have MPLS or PPPoE before IP do not pass, and "tcp" passes
neither ICMP errors nor tunnels. Packets that the kernel had to drop are counted.

--write keeps the packets, as pcapng of raw IP: FILE, and when that is full FILE.1
and so on (live.pcapng, live.1.pcapng). Unlike tcpdump -w it never overwrites a file;
with --write-files it removes the oldest of its own. On a full disk the recording ends
with a warning, the last file is whole up to then, and the analysis goes on.

`

// newsEvery is how often findings are looked for, and idleWake how soon it is noticed that
// nothing comes.
const (
	newsEvery = 10 * time.Second
	idleWake  = time.Second
	// headers is how much of a packet is kept where nobody wants to see the rest: enough
	// for the headers of a segment in two tunnels.
	headers = 256
	// liveBuffer is what the kernel queues meanwhile, in bytes: a look at the findings of
	// the most connections that are remembered takes a fraction of a second.
	liveBuffer = 64 << 20
	// minSnap holds the headers of a segment with all options, in IPv6.
	minSnap = 128
)

func (f *liveFlags) add(c *cobra.Command) {
	l := c.Flags()
	l.StringVarP(&f.iface, "interface", "i", "", "capture on an interface `IFACE`, or on any, instead of reading files")
	l.StringVar(&f.filter, "filter", "", "with -i: only packets that `EXPR` of tcpdump lets pass")
	l.StringVar(&f.netns, "netns", "", "with -i: in the network namespace of a `NAME` (ip netns), a process's number or a path")
	l.DurationVar(&f.duration, "duration", 0, "with -i: end after so long (0: at Ctrl-C)")
	l.IntVar(&f.snap, "snap", 0, "with -i: keep so many `BYTES` of a packet (default 256, or all with --write or --pcapng)")
	l.StringVar(&f.write, "write", "", "with -i: keep the packets in `FILE`, as pcapng")
	f.size = 100 << 20
	l.Var(&f.size, "write-size", "begin the next file at this `SIZE` in bytes, or in K, M or G of 1024")
	l.IntVar(&f.files, "write-files", 0, "keep `N` files, and remove the oldest (0: keep all)")
	reasonsFlag(c, &f.reasons, "-i")
	f.given = l.Changed
}

func (f *liveFlags) check() error {
	for _, name := range []string{"interface", "filter", "netns", "duration", "snap", "write", "write-size", "write-files", "reasons"} {
		switch {
		case f.given(name) && f.iface == "" && name == "interface":
			return usagef("-i: give the name of an interface, or any")
		case f.given(name) && f.iface == "":
			return usagef("--%s is for a capture with -i", name)
		case f.given(name) && strings.HasPrefix(name, "write-") && f.write == "":
			return usagef("--%s is about the files of --write", name)
		}
	}
	switch {
	case f.duration < 0:
		return usagef("--duration %v: give a time, such as 30s", f.duration)
	case f.given("netns") && f.netns == "":
		return usagef("--netns: give the name of a network namespace, or the number of a process in it")
	case f.snap != 0 && f.snap < minSnap:
		return usagef("--snap %d: headers may take %d bytes; give as many or more", f.snap, minSnap)
	case f.write == capture.StandardInput:
		return usagef("--write -: the report goes to standard output; name a file")
	case f.size < capture.MinRecordSize:
		return usagef("--write-size %v: give 64K or more", &f.size)
	case f.files < 0:
		return usagef("--write-files %d: give how many to keep, or 0 for all", f.files)
	}
	return checkReasons(f.reasons)
}

// config is how to capture.
func (f *explainFlags) config() capture.LiveConfig {
	c := capture.LiveConfig{SnapLen: f.live.snap, Buffer: liveBuffer, Wake: idleWake}
	if c.SnapLen == 0 && f.live.write == "" && f.pcapng == "" {
		c.SnapLen = headers
	}
	return c
}

// explainLive captures and explains until somebody or something ends it.
func explainLive(ctx context.Context, f *explainFlags, v *view) error {
	out, err := f.files(v, f.live.names())
	if err != nil {
		return err
	}
	defer out.abort()
	live, err := f.live.open(ctx, f.config())
	if err != nil {
		return liveError(err)
	}
	defer live.Close()
	kernel, err := v.askKernel(f.live.reasons)
	if err != nil {
		return err
	}
	if kernel != nil {
		defer kernel.Close()
	}
	said := map[string]bool{}
	w := &explain.Watch{Live: live, Name: f.live.iface, Every: newsEvery, Trouble: func(what string) {
		said[what] = true
		warn(what)
	}}
	var source capture.Source = w
	if f.pcapng != "" {
		annotated, err := outfile.Open(f.pcapng)
		if err != nil {
			return usage(fmt.Errorf("--pcapng: %w", err))
		}
		source = v.annotate(w, annotated, live.Interfaces)
	}
	if f.live.write != "" {
		if w.Record, err = capture.NewRecorder(f.live.recording(live)); err != nil {
			return usage(err)
		}
	}
	if err := f.live.settled(f.partial != "" || f.report != ""); err != nil {
		return err
	}
	a := explain.New(v.opt)
	if v.news {
		w.Tick = showNews(a)
	}
	defer context.AfterFunc(ctx, func() { _ = live.Stop() })()
	if f.live.duration > 0 {
		defer time.AfterFunc(f.live.duration, func() { _ = live.Stop() }).Stop()
	}
	debug.SetGCPercent(v.garbage())
	fmt.Fprintln(os.Stderr, term.Escape(f.live.greeting()))
	broken := a.ReadAll(source)
	sum, err := a.Summary()
	if err != nil {
		return err
	}
	w.Finish(sum)
	if kernel != nil && kernel.Lost() > 0 {
		sum.Warn("%d records of the kernel's came faster than they were read, and were lost: connections may be without its reasons", kernel.Lost())
	}
	for _, what := range sum.Warnings {
		if !said[what] { // as it happened
			warn(what)
		}
	}
	if err := errors.Join(v.close(sum), out.finish(ctx, a, sum)); err != nil || broken == nil {
		return err
	}
	return &exitError{code: exitFailed} // what there is to say is among the warnings
}

// askKernel opens the kernel's reasons for the views that show them.
func (v *view) askKernel(mode string) (*reasons.Source, error) {
	if !v.kernel {
		return nil, nil
	}
	s, err := openReasons(mode)
	if s != nil {
		v.opt.Kernel = s.Of
	}
	return s, err
}

// names are what is captured from, for a page and a partial: the files that keep it, or the
// interface.
func (f *liveFlags) names() []string {
	if f.write != "" {
		return []string{f.write}
	}
	return []string{"-i " + f.iface}
}

// showNews prints what there is to say of a capture under way.
func showNews(a *explain.Analysis) func(time.Time) {
	var news explain.News
	return func(time.Time) {
		// A failed write is noticed at the next line, or at the end.
		_ = explain.WriteNews(os.Stdout, news.Of(a.Findings()))
	}
}

// recording is where to keep the packets.
func (f *liveFlags) recording(live *capture.Live) capture.RecordConfig {
	return capture.RecordConfig{Path: f.write, Size: int64(f.size), Files: f.files, Interfaces: live.Interfaces}
}

// greeting says that the capture has begun.
func (f *liveFlags) greeting() string {
	on := "on " + f.iface
	if f.iface == capture.AnyInterface {
		on = "on all interfaces"
	}
	if f.netns != "" {
		on += " of " + f.netns
	}
	if f.filter != "" {
		on += ", filter " + f.filter
	}
	until := "Ctrl-C"
	if f.duration > 0 {
		until = fmt.Sprintf("%v have passed or Ctrl-C", f.duration)
	}
	return "lastack: capturing " + on + " until " + until
}

// liveError sorts out what is wrong with the command line from what is wrong with the machine.
func liveError(err error) error {
	if lacking(err) || errors.Is(err, context.Canceled) {
		return err
	}
	return usage(err)
}

// byteSize is a number of bytes as a flag: 65536, 64K, 100M, 2G.
type byteSize int64

func (s *byteSize) String() string {
	for i, unit := range "GMK" {
		if one := int64(1) << (30 - 10*i); int64(*s) >= one && int64(*s)%one == 0 {
			return strconv.FormatInt(int64(*s)/one, 10) + string(unit)
		}
	}
	return strconv.FormatInt(int64(*s), 10)
}

// Set parses it.
func (s *byteSize) Set(text string) error {
	digits := strings.TrimRight(text, "KMG")
	shift := map[string]int{"": 0, "K": 10, "M": 20, "G": 30}
	by, known := shift[strings.TrimPrefix(text, digits)]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !known || n < 0 || n > math.MaxInt64>>by {
		return fmt.Errorf("%q is no size such as 64K, 100M or 2G", text)
	}
	*s = byteSize(n << by)
	return nil
}

// Type is for the help.
func (s *byteSize) Type() string { return "size" }
