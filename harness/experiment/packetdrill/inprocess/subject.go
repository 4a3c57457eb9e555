package inprocess

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/packet"
	"lastack/stack"
	"lastack/stack/closepath"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// Config says what a Subject is made of. Addresses are required.
type Config struct {
	Addresses packetdrill.Addresses
	// Virtual: time passes only while a method waits, and at once.
	Virtual bool
	// Tunables are the host's; nil stands for the defaults.
	Tunables *tunable.Set
	// Tap sees what closepath.Config.Tap does.
	Tap closepath.Tap
}

// Subject is a lastack host with sockets. It implements packetdrill.Subject.
type Subject struct {
	host    *stack.Host
	device  *device
	clock   *clock // nil in real time
	start   time.Time
	sockets map[int]*socket
	polls   map[int]*epoll
	nextFD  int
	pending *pending
}

var _ packetdrill.Subject = (*Subject)(nil)

// New makes a host with both its local addresses.
func New(cfg Config) (*Subject, error) {
	s := &Subject{sockets: map[int]*socket{}, polls: map[int]*epoll{}, nextFD: 3, start: time.Now()}
	var used tcpip.Clock
	if cfg.Virtual {
		s.clock = &clock{}
		used = s.clock
	}
	s.device = newDevice(cfg.Addresses.MTU, s.Now)
	host, err := oneWorker(stack.Config{
		Device: s.device, Clock: used, Tunables: cfg.Tunables, Tap: cfg.Tap,
		Addrs: []netip.Addr{cfg.Addresses.Local4, cfg.Addresses.Local6},
	})
	if err != nil {
		return nil, err
	}
	s.host = host
	return s, nil
}

// processors guards GOMAXPROCS.
var processors sync.Mutex

// oneWorker makes a host whose netstack has one worker, as Drain wants it: it has as many
// as there are processors to use while it is made.
func oneWorker(cfg stack.Config) (*stack.Host, error) {
	processors.Lock()
	defer processors.Unlock()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	return stack.New(cfg)
}

// Name implements packetdrill.Subject.
func (s *Subject) Name() string {
	if s.Virtual() {
		return "lastack, virtual time"
	}
	return "lastack, real time"
}

// Virtual implements packetdrill.Subject.
func (s *Subject) Virtual() bool { return s.clock != nil }

// Now implements packetdrill.Subject.
func (s *Subject) Now() time.Duration {
	if s.clock != nil {
		return s.clock.elapsed()
	}
	return time.Since(s.start)
}

// Sleep implements packetdrill.Subject.
func (s *Subject) Sleep(ctx context.Context, until time.Duration) error {
	err := s.wait(ctx, until, func() bool { return false })
	if errors.Is(err, packetdrill.ErrQuiet) {
		return nil
	}
	return err
}

// Inject implements packetdrill.Subject.
func (s *Subject) Inject(p []byte) error {
	s.device.inject(packet.Cut(p, s.device.mtu)...)
	return s.rest()
}

// Packet implements packetdrill.Subject.
func (s *Subject) Packet(ctx context.Context, until time.Duration) (packetdrill.Packet, error) {
	if err := s.wait(ctx, until, func() bool { return s.device.waiting() > 0 }); err != nil {
		return packetdrill.Packet{}, err
	}
	p, ok, err := s.device.take()
	if err == nil && !ok {
		err = packetdrill.ErrQuiet
	}
	return p, err
}

// Sysctl implements packetdrill.Subject.
func (s *Subject) Sysctl(name, value string) error {
	if _, err := tunable.Find(name); err != nil {
		return fmt.Errorf("%w: %w", packetdrill.ErrNoSysctl, err)
	}
	if n, err := strconv.ParseInt(value, 0, 64); err == nil {
		value = strconv.FormatInt(n, 10) // as the kernel reads 0x1
	}
	if err := s.host.Tunables().Set(name, value); err != nil {
		return err
	}
	return s.rest()
}

// Promote hands each light connection (lastack.light) to netstack, whatever it has come to,
// and returns how many.
func (s *Subject) Promote() (int, error) {
	n := s.host.Promote()
	return n, s.rest()
}

// Close implements packetdrill.Subject.
func (s *Subject) Close() error {
	for _, k := range s.sockets {
		k.raw.Close()
	}
	return s.host.Close()
}
