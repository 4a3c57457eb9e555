package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"lastack/harness/app"
	"lastack/harness/lab"
	"lastack/stack"
	"lastack/stack/closepath"
	"lastack/stack/impair"
	"lastack/stack/link"
	"lastack/tun"
)

// Config describes a wire. NearAddr, FarAddr and Subject are required; the zero
// value of everything else works.
type Config struct {
	// Subject is what stands at the far end.
	Subject Subject
	// NearAddr is the near kernel's address, with the prefix that is on the wire;
	// FarAddr is the subject's.
	NearAddr netip.Prefix
	FarAddr  netip.Addr
	// Apart gives the near end a network namespace of its own; otherwise it is in
	// the current one.
	Apart bool
	// NearIn puts the near end into a network namespace that is there already, in place
	// of the current one. It stays the caller's.
	NearIn *lab.Namespace
	// Link is the name of the near interface; empty lets the kernel choose one.
	// FarLink is that of the far one, if the subject is a kernel; empty is Link.
	Link, FarLink string
	// MTU in bytes; 0 is 1500. Offload leaves segmentation and checksums to the
	// interfaces, so that what crosses them does not look as on a wire.
	MTU     int
	Offload bool
	// NearSettings and FarSettings set what is a sysctl for a kernel and a tunable for lastack, by
	// name, before anything is served.
	NearSettings, FarSettings map[string]string
	// Impairments are the rules by which the wire is bad, in which the subject is
	// the host; Seed is for the random ones. Tap sees the segments, and what the
	// rules do to them, beside the subject. Only Kernel and Lastack obey them.
	Impairments []impair.Rule
	Seed        uint64
	Tap         closepath.Tap
	// Join carries packets between the near interface and the subject's device in
	// place of a cable. Nil is nothing in between.
	Join Join
}

// Join begins to carry packets between two devices, until the Closer that it
// returns is closed. It owns both devices, on an error too.
type Join func(near, far link.Device) (io.Closer, error)

// Subject is what stands at the far end of a wire: a TCP stack, or a program that
// brings its own.
type Subject interface {
	// Raise brings the subject up and links it to w's near end. It ends everything that
	// it begins through w.AtEnd and w.Go, on an error too. The Server is nil if the
	// subject serves by itself.
	Raise(w *Wire) (Server, error)
}

// SettingError says which setting of a Config could not be made.
type SettingError struct {
	Name string
	// Near: the setting is the near kernel's.
	Near bool
	Err  error
}

// Error is that of the side that refused the setting.
func (e *SettingError) Error() string { return e.Err.Error() }

// Unwrap gives the error of the side that refused the setting.
func (e *SettingError) Unwrap() error { return e.Err }

// Wire is a wire that is up. Make it with Raise; who raises it closes it.
type Wire struct {
	Config Config
	// Near is the kernel at the near end.
	Near Side
	// Far is the subject; nil if that serves by itself.
	Far Server
	// Host is the subject if it is lastack, else nil.
	Host *stack.Host

	near   *lab.Namespace // nil is the current one
	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	mu     sync.Mutex
	failed []error // of tasks
	ends   []func() error
	close  func() error
}

// Raise brings up what the Config describes. Nothing stays of it on an error.
// Servers end when ctx does; the rest ends with Close.
func Raise(ctx context.Context, cfg Config) (_ *Wire, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	w := &Wire{Config: cfg}
	w.ctx, w.cancel = context.WithCancel(ctx)
	w.close = sync.OnceValue(w.end)
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	w.near = cfg.NearIn
	if cfg.Apart {
		if w.near, err = lab.NewNamespace(); err != nil {
			return nil, err
		}
		w.AtEnd(w.near.Close)
	}
	w.Near = &kernel{ns: w.near, at: cfg.NearAddr.Addr()}
	if w.Far, err = cfg.Subject.Raise(w); err != nil {
		return nil, err
	}
	if err := set(w.Far, cfg.FarSettings, false); err != nil {
		return nil, err
	}
	return w, set(w.Near, cfg.NearSettings, true)
}

// Validate reports what is missing in the Config.
func (c *Config) Validate() error {
	switch {
	case c.Subject == nil:
		return errors.New("wire: Config.Subject is nil; give Kernel, Lastack or GVisor")
	case c.Apart && c.NearIn != nil:
		return errors.New("wire: Config has both Apart and NearIn; the near end is in one namespace, give one of them")
	case !c.NearAddr.IsValid() || !c.FarAddr.IsValid() || !c.NearAddr.Contains(c.FarAddr):
		return fmt.Errorf("wire: Config.NearAddr is %s and Config.FarAddr %s; give the far end an address in the near end's prefix", c.NearAddr, c.FarAddr)
	}
	return nil
}

// set makes the settings of one side, in the order of their names.
func set(at Server, settings map[string]string, near bool) error {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		side, ok := at.(Side)
		if !ok {
			return &SettingError{name, near, fmt.Errorf("wire: setting %s: the subject has no settings: %w", name, errors.ErrUnsupported)}
		}
		if err := side.Set(name, settings[name]); err != nil {
			return &SettingError{name, near, err}
		}
	}
	return nil
}

// Serve starts servers on either side. They end with the wire.
func (w *Wire) Serve(on Server, specs ...app.Spec) error {
	for _, spec := range specs {
		a, err := app.New(spec, app.Config{})
		if err != nil {
			return err
		}
		l, err := on.Listen(spec.Port)
		if err != nil {
			return fmt.Errorf("listening for %s: %w", spec.Kind, err)
		}
		w.Go(func() error { return a.Serve(w.ctx, l) })
	}
	return nil
}

// Context ends when the wire begins to.
func (w *Wire) Context() context.Context { return w.ctx }

// Go calls f, which ends with Context. Close waits for f, and returns its error
// among others.
func (w *Wire) Go(f func() error) {
	w.tasks.Go(func() {
		if err := f(); err != nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.failed = append(w.failed, err)
		}
	})
}

// AtEnd makes Close call f, once all that was started by Go is over: what was
// given latest first.
func (w *Wire) AtEnd(f func() error) { w.ends = append(w.ends, f) }

// Close ends all that Raise, Serve and Go began; what it could not end ends with
// the lab. Calls after the first return the first one's error.
func (w *Wire) Close() error { return w.close() }

func (w *Wire) end() error {
	w.cancel()
	w.tasks.Wait()
	errs := w.failed
	for _, f := range slices.Backward(w.ends) {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// Device opens the near interface, as a TUN, and returns the device of the
// subject's end: the TUN itself, or what Join carries packets to. The caller owns it.
func (w *Wire) Device() (link.Device, error) {
	near, err := w.open(w.near, w.Config.Link, w.Config.NearAddr)
	if err != nil || w.Config.Join == nil {
		return near, err
	}
	mine, subjects := newCable()
	return subjects, w.join(near, mine)
}

func (w *Wire) join(near, far link.Device) error {
	joint, err := w.Config.Join(near, far)
	if err != nil {
		return err
	}
	w.AtEnd(joint.Close)
	return nil
}

// open opens a TUN in a namespace; nil is the current one.
func (w *Wire) open(ns *lab.Namespace, name string, addr netip.Prefix) (dev tun.Device, err error) {
	err = within(ns, func() error {
		dev, err = tun.Open(tun.Config{Name: name, MTU: w.Config.MTU, Addrs: []netip.Prefix{addr}, Offload: w.Config.Offload})
		return err
	})
	return dev, err
}

// within runs f in a namespace; nil is the current one.
func within(ns *lab.Namespace, f func() error) error {
	if ns == nil {
		return f()
	}
	return ns.Do(f)
}
