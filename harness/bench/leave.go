package bench

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// leave makes connections that leave TIME_WAIT on the server, and nothing else.
func leave(r *run) (sample, error) {
	if err := wide(); err != nil {
		return nil, err
	}
	blocking(r.Workers)
	var failed failures
	short := func(n int, buf []byte) error { return exchange(n, r.ClientFirst, buf) }
	each(r.Workers, r.Count/10, short, &failed) // so that pools and tables have their size
	if err := pause(); err != nil {
		return nil, err
	}
	each(r.Workers, r.Count, short, &failed)
	if err := pause(); err != nil {
		return nil, err
	}
	return sample{"held": float64(r.Count), "failures": float64(failed.n.Load())}, nil
}

// standing finds out how fast the clients get on before and after so many
// connections have come to stand in TIME_WAIT. Those have 4-tuples of their own:
// where the kernel picks the ports, many would come back.
func standing(r *run) (sample, error) {
	if err := moreAddrs((r.Count + portsEach - 1) / portsEach); err != nil {
		return nil, err
	}
	before, err := churn(r)
	if err != nil {
		return nil, err
	}
	if err := pause(); err != nil {
		return nil, err
	}
	var failed failures
	each(r.Workers, r.Count, func(n int, buf []byte) error {
		s, err := connectFrom(&unix.SockaddrInet4{Addr: clientAddr(n / portsEach), Port: 1024 + n%portsEach}, firstPort)
		if err != nil {
			return err
		}
		return s.exchange(r.ClientFirst, buf)
	}, &failed)
	if err := pause(); err != nil {
		return nil, err
	}
	s, err := churn(r)
	if err != nil {
		return nil, err
	}
	s["failures"] += before["failures"] + float64(failed.n.Load())
	s["last_first"] = 0
	if before["rate"] > 0 {
		s["last_first"] = s["rate"] / before["rate"]
	}
	return s, nil
}

// portsEach is how many connections come from each of the addresses that a client has
// beside its own.
const portsEach = 60_000

// clientAddr is the i-th of them.
func clientAddr(i int) [4]byte {
	a := kernelAddr.Addr().As4()
	a[3] = byte(10 + i)
	return a
}

// moreAddrs gives the clients' link so many.
func moreAddrs(count int) error {
	l, err := netlink.LinkByName(linkName)
	if err != nil {
		return fmt.Errorf("bench: finding %s: %w", linkName, err)
	}
	for i := range count {
		p := netip.PrefixFrom(netip.AddrFrom4(clientAddr(i)), kernelAddr.Bits())
		addr, err := netlink.ParseAddr(p.String())
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(l, addr); err != nil {
			return fmt.Errorf("bench: giving %s the address %s: %w", linkName, p, err)
		}
	}
	return nil
}
