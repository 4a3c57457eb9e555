package monitor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"lastack/harness/lab"
	"lastack/harness/lab/sockstat"
)

// kernelLife is how long Linux keeps TIME_WAIT: TCP_TIMEWAIT_LEN, a constant.
const kernelLife = 60 * time.Second

// defaultReuseDelay is for kernels that have no net.ipv4.tcp_tw_reuse_delay.
const defaultReuseDelay = time.Second

// Kernel is the kernel's TCP in a network namespace. The zero value is that of the process.
type Kernel struct {
	// Namespace to look into, as lab.OpenNamespace takes it, which needs CAP_SYS_ADMIN; ""
	// is that of the process.
	Namespace string
	// Inode of the Namespace: another is an error. 0 is any.
	Inode uint64
	// Top is how many destinations a look brings back; 0 means 10.
	Top int

	owners owners
}

// Name says so.
func (k *Kernel) Name() string {
	if k.Namespace != "" {
		return "the kernel in " + k.Namespace
	}
	return "the kernel"
}

// Look counts every socket over inet_diag, which needs no privilege, and keeps none but those
// in CLOSE_WAIT, of which it keeps MaxHeld.
func (k *Kernel) Look(ctx context.Context) (s *Sample, err error) {
	if k.Namespace == "" {
		s, err = k.look(ctx)
	} else {
		s, err = k.lookInside(ctx)
	}
	if err != nil {
		return nil, err
	}
	inodes := make([]uint32, len(s.CloseWait))
	for i := range s.CloseWait {
		inodes[i] = s.CloseWait[i].inode
	}
	for i, owner := range k.owners.find(ctx, inodes) {
		s.CloseWait[i].Owner = owner
	}
	return s, nil
}

func (k *Kernel) lookInside(ctx context.Context) (s *Sample, err error) {
	ns, err := lab.OpenNamespace(k.Namespace)
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	if inode, err := ns.Inode(); err != nil || k.Inode != 0 && inode != k.Inode {
		return nil, errors.Join(err, fmt.Errorf("monitor: the network namespace %s is another now", k.Namespace))
	}
	err = ns.Do(func() (err error) {
		s, err = k.look(ctx)
		return err
	})
	return s, err
}

// look is Look in the namespace of the thread, without the owners.
func (k *Kernel) look(ctx context.Context) (*Sample, error) {
	policy, err := kernelPolicy()
	if err != nil {
		return nil, err
	}
	s := &Sample{States: make(map[string]int)}
	ports := sockstat.NewPorts(policy)
	err = lab.EachSocket(ctx, func(t *lab.Socket) {
		ports.Add(t)
		s.States[t.State]++
		if t.State == "CLOSE_WAIT" {
			s.hold(Held{ID: strconv.FormatUint(t.Cookie, 36), inode: t.Inode})
		}
	})
	if err != nil {
		return nil, err
	}
	top := cmp.Or(k.Top, busiest)
	s.Destinations, s.Rest = ports.Busiest(top), ports.Rest(top)
	// What cannot be read is left out.
	s.Counters, _ = lab.Counters()
	if n, err := lab.Orphans(); err == nil {
		s.Orphans = &n
	}
	return s, nil
}

// kernelPolicy reads how the kernel gives ports out in this namespace.
func kernelPolicy() (sockstat.Policy, error) {
	p := sockstat.Policy{Life: kernelLife}
	text, err := lab.ReadSysctl("net.ipv4.ip_local_port_range")
	if err != nil {
		return p, err
	}
	if _, err := fmt.Sscan(text, &p.Lo, &p.Hi); err != nil {
		return p, fmt.Errorf("monitor: net.ipv4.ip_local_port_range is %q, not two ports: %w", text, err)
	}
	if text, err = lab.ReadSysctl("net.ipv4.ip_local_reserved_ports"); err != nil {
		return p, err
	}
	if p.Reserved, err = reserved(text, p.Lo, p.Hi); err != nil {
		return p, err
	}
	reuse, err := readNumber("net.ipv4.tcp_tw_reuse", 0)
	if err != nil {
		return p, err
	}
	stamps, err := readNumber("net.ipv4.tcp_timestamps", 1)
	if err != nil {
		return p, err
	}
	if stamps != 0 { // without timestamps there is no reuse
		p.Reuse = reuse
	}
	delay, err := readNumber("net.ipv4.tcp_tw_reuse_delay", int(defaultReuseDelay.Milliseconds()))
	p.ReuseAfter = time.Duration(delay) * time.Millisecond
	return p, err
}

// reserved counts the ports from lo to hi in a list such as "8080,9148-9150".
func reserved(list string, lo, hi uint16) (int, error) {
	n := 0
	for part := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		if part == "" {
			continue
		}
		first, last, several := strings.Cut(part, "-")
		if !several {
			last = first
		}
		a, errA := strconv.ParseUint(first, 10, 16)
		b, errB := strconv.ParseUint(last, 10, 16)
		if err := errors.Join(errA, errB); err != nil {
			return 0, fmt.Errorf("monitor: net.ipv4.ip_local_reserved_ports has %q, which is no range of ports: %w", part, err)
		}
		n += max(0, int(min(b, uint64(hi)))-int(max(a, uint64(lo)))+1)
	}
	return n, nil
}

// readNumber reads a tunable, which an older kernel may not have.
func readNumber(key string, otherwise int) (int, error) {
	text, err := lab.ReadSysctl(key)
	if errors.Is(err, fs.ErrNotExist) {
		return otherwise, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 0, fmt.Errorf("monitor: %s is %q, not a number: %w", key, text, err)
	}
	return n, nil
}
