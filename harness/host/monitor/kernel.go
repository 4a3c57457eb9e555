package monitor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"lastack/harness/lab"
	"lastack/harness/lab/sockstat"

	"golang.org/x/sys/unix"
)

// kernelLife is how long Linux keeps TIME_WAIT: TCP_TIMEWAIT_LEN, a constant.
const kernelLife = 60 * time.Second

// defaultReuseDelay is for kernels that have no net.ipv4.tcp_tw_reuse_delay.
const defaultReuseDelay = time.Second

// Kernel is the kernel's TCP in the network namespace of the process. The zero
// value works.
type Kernel struct {
	owners owners
}

// Name says so.
func (k *Kernel) Name() string { return "the kernel" }

// Look lists every socket over inet_diag, which needs no privilege.
func (k *Kernel) Look(context.Context) (*Sample, error) {
	policy, err := kernelPolicy()
	if err != nil {
		return nil, err
	}
	all, err := lab.Sockets(unix.AF_UNSPEC)
	if err != nil {
		return nil, err
	}
	s := &Sample{States: make(map[string]int)}
	ports := sockstat.NewPorts(policy)
	var held []uint32
	for _, wanted := range []bool{true, false} { // listeners first
		for i := range all {
			if (all[i].State == "LISTEN") != wanted {
				continue
			}
			t := &all[i]
			ports.Add(t)
			s.States[t.State]++
			if t.State == "CLOSE_WAIT" {
				held = append(held, t.Inode)
			}
		}
	}
	s.Destinations = ports.Busiest(busiest)
	for i, owner := range k.owners.find(held) {
		s.CloseWait = append(s.CloseWait, Held{ID: strconv.Itoa(int(held[i])), Owner: owner})
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
