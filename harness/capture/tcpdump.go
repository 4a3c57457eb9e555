package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

// UnavailableError says that tcpdump cannot be the witness on this machine, or
// in this namespace. A caller with an alternative uses Live and says so.
type UnavailableError struct {
	// What names the missing thing, in a clause.
	What string
	// Mend is what to do about it.
	Mend string
	// Err is the cause: exec.ErrNotFound, os.ErrPermission, ...
	Err error
}

// Error says what is missing and how to fix it.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("capture: tcpdump cannot be used: %s (%s): %v", e.What, e.Mend, e.Err)
}

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// TcpdumpConfig adjusts a capture by tcpdump. The zero value captures whole IP
// packets with the tcpdump found in PATH.
type TcpdumpConfig struct {
	// Path of the program. Empty means "tcpdump", searched in PATH.
	Path string
	// Filter is an expression of pcap-filter(7). Empty means every packet.
	Filter string
	// SnapLen is how many bytes of each packet are kept, link header
	// included. 0 means 262144.
	SnapLen int
	// Buffer is the size of the kernel's ring buffer in bytes, from which
	// tcpdump takes a frame of up to 64 KiB for each packet. 0 means 32 MiB.
	Buffer int
}

// Tcpdump is a running tcpdump, as a witness that shares no code with Live.
// Its packets are queued in memory until Next takes them, so that tcpdump
// never waits for the caller: it is for experiments, not for long recordings.
//
// Next is for one goroutine at a time; Stop and Close may be called from any.
type Tcpdump struct {
	iface    string
	loopback bool
	cmd      *exec.Cmd
	stderr   *transcript
	arrived  chan struct{} // a packet was queued; holds one token
	pumped   chan struct{} // closed when standard output has ended
	exited   func() error  // waits for the process, once

	mu       sync.Mutex
	more     sync.Cond // on mu: the queue grew or ended
	queue    []Packet
	packets  int   // queued so far
	records  int   // read by the time the pump ended, other protocols than IP included
	readErr  error // why the pump ended
	stopping bool
}

// StartTcpdump starts tcpdump on the named interface of the calling thread's
// network namespace, and returns when it listens: later packets are captured.
// ctx bounds the start only. Where tcpdump is missing or cannot give up root's
// privileges the error is an *UnavailableError.
//
// If this process dies, tcpdump ends at the next packet, with its pipe broken.
func StartTcpdump(ctx context.Context, iface string, c TcpdumpConfig) (*Tcpdump, error) {
	dev, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, fmt.Errorf("capture: tcpdump on %s: no such interface in this network namespace (ip link lists them): %w", iface, err)
	}
	path := c.Path
	if path == "" {
		path = "tcpdump"
	}
	t := &Tcpdump{
		iface:    iface,
		loopback: dev.Flags&net.FlagLoopback != 0,
		cmd:      exec.Command(path, c.args(iface)...),
		stderr:   newTranscript("listening on"),
		arrived:  make(chan struct{}, 1),
		pumped:   make(chan struct{}),
	}
	t.more.L = &t.mu
	if err := t.start(); err != nil {
		return nil, err
	}
	select {
	case <-t.stderr.seen:
		return t, nil
	case <-t.stderr.ended:
		<-t.pumped
		err := t.exited()
		return nil, t.explain(err)
	case <-ctx.Done():
		t.Close()
		return nil, fmt.Errorf("capture: tcpdump on %s did not begin to listen: %w", iface, context.Cause(ctx))
	}
}

func (c TcpdumpConfig) args(iface string) []string {
	buffer := c.Buffer
	if buffer == 0 {
		buffer = defaultBuffer
	}
	args := []string{
		"-i", iface, "-n", "-p", "-w", "-", "-U", "--immediate-mode",
		"--time-stamp-precision=nano",
		"-s", strconv.Itoa(c.SnapLen), "-B", strconv.Itoa(max(buffer>>10, 1)),
	}
	if os.Geteuid() == 0 {
		// Otherwise it becomes user "tcpdump", for whom a private directory
		// or a namespace may be closed.
		args = append(args, "-Z", "root")
	}
	if c.Filter != "" {
		args = append(args, "--", c.Filter)
	}
	return args
}

// start runs the program and the goroutines that read its two outputs; they
// end with it.
func (t *Tcpdump) start() error {
	stdout, err := t.cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("capture: tcpdump on %s: %w", t.iface, err)
	}
	stderr, err := t.cmd.StderrPipe()
	if err != nil {
		return fmt.Errorf("capture: tcpdump on %s: %w", t.iface, err)
	}
	if err := t.cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			return &UnavailableError{What: "it is not installed", Mend: "apt install tcpdump", Err: err}
		}
		return fmt.Errorf("capture: tcpdump on %s: start it: %w", t.iface, err)
	}
	t.exited = sync.OnceValue(func() error {
		<-t.pumped
		<-t.stderr.ended
		return t.cmd.Wait()
	})
	go t.stderr.read(stderr)
	go t.pump(stdout)
	return nil
}

// explain makes an error of tcpdump's last words when it ended by itself.
func (t *Tcpdump) explain(err error) error {
	said := t.stderr.text()
	switch {
	case strings.Contains(said, "Couldn't change to"):
		return &UnavailableError{
			What: "it cannot drop privileges inside a user namespace, where only one user exists",
			Mend: "run as root without a user namespace, or record with the packet socket",
			Err:  fmt.Errorf("%w: %s", os.ErrPermission, said),
		}
	case strings.Contains(said, "permission to"), strings.Contains(said, "Operation not permitted"):
		return &UnavailableError{
			What: "it may not capture on " + t.iface,
			Mend: "be root, or use a network namespace of your own",
			Err:  fmt.Errorf("%w: %s", os.ErrPermission, said),
		}
	}
	if err == nil {
		err = errors.New("exit status 0")
	}
	return fmt.Errorf("capture: tcpdump on %s ended by itself: %q: %w", t.iface, said, err)
}

// pump moves packets from the program's output to the queue.
func (t *Tcpdump) pump(stdout io.Reader) {
	defer close(t.pumped)
	r, err := NewReader(stdout)
	for err == nil {
		var p Packet
		if p, err = r.Next(); err == nil {
			t.push(p.Clone())
		}
	}
	t.mu.Lock()
	t.readErr = err
	if r != nil {
		t.records = r.Records()
	}
	t.mu.Unlock()
	t.more.Broadcast()
	// The pipe must be emptied, or the program would hang in writing.
	_, _ = io.Copy(io.Discard, stdout)
}

// push queues a packet and wakes a waiting Next.
func (t *Tcpdump) push(p Packet) {
	t.mu.Lock()
	t.queue = append(t.queue, p)
	t.packets++
	t.mu.Unlock()
	t.more.Broadcast()
	select {
	case t.arrived <- struct{}{}:
	default:
	}
}

// Next waits for a packet and returns it; unlike that of other sources, its
// Data stays valid. After Stop or Close it returns what is queued, then io.EOF. If
// tcpdump ended without having been stopped, the error says what tcpdump said.
func (t *Tcpdump) Next() (Packet, error) {
	t.mu.Lock()
	for len(t.queue) == 0 && t.readErr == nil {
		t.more.Wait()
	}
	if len(t.queue) > 0 {
		defer t.mu.Unlock()
		p := t.queue[0]
		t.queue[0] = Packet{} // lets go of Data
		t.queue = t.queue[1:]
		return p, nil
	}
	readErr, stopping := t.readErr, t.stopping
	t.mu.Unlock()
	switch {
	case errors.Is(readErr, ErrMalformed):
		return Packet{}, fmt.Errorf("capture: read the output of tcpdump on %s: %w", t.iface, readErr)
	case stopping:
		return Packet{}, io.EOF
	}
	return Packet{}, t.explain(t.exited())
}
