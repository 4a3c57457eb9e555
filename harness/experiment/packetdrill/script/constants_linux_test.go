package script

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestErrnos holds the errors against those of the system.
func TestErrnos(t *testing.T) {
	if unix.EAGAIN != 11 || unix.ENOSYS != 38 {
		t.Skip("this processor has numbers of errors of its own")
	}
	seen := 0
	for n := range unix.Errno(200) {
		name := unix.ErrnoName(n)
		if name == "" {
			continue
		}
		seen++
		if v, ok := linuxErrnos[name]; !ok || v != int64(n) {
			t.Errorf("%s is %d, want %d", name, v, n)
		}
	}
	if seen < 100 {
		t.Errorf("the system has names for %d errors only", seen)
	}
}

// TestConstants holds a sample of the constants against those that Go has of them.
func TestConstants(t *testing.T) {
	if unix.SO_ERROR != 4 {
		t.Skip("this processor has constants of its own")
	}
	for name, want := range map[string]int64{
		"AF_INET6": unix.AF_INET6, "SOCK_DGRAM": unix.SOCK_DGRAM, "IPPROTO_IPV6": unix.IPPROTO_IPV6, "SOL_TCP": unix.SOL_TCP,
		"SO_LINGER": unix.SO_LINGER, "SO_RCVBUF": unix.SO_RCVBUF, "SO_ZEROCOPY": unix.SO_ZEROCOPY, "SO_TIMESTAMPING": unix.SO_TIMESTAMPING,
		"TCP_DEFER_ACCEPT": unix.TCP_DEFER_ACCEPT, "TCP_LINGER2": unix.TCP_LINGER2, "TCP_FASTOPEN_CONNECT": unix.TCP_FASTOPEN_CONNECT,
		"TCP_USER_TIMEOUT": unix.TCP_USER_TIMEOUT, "TCP_NOTSENT_LOWAT": unix.TCP_NOTSENT_LOWAT, "TCP_INQ": unix.TCP_INQ,
		"IP_TOS": unix.IP_TOS, "IPV6_TCLASS": unix.IPV6_TCLASS, "IPV6_RECVERR": unix.IPV6_RECVERR, "MSG_FASTOPEN": unix.MSG_FASTOPEN,
		"MSG_ERRQUEUE": unix.MSG_ERRQUEUE, "O_NONBLOCK": unix.O_NONBLOCK, "F_GETFL": unix.F_GETFL, "EPOLLET": unix.EPOLLET,
		"POLLRDHUP": unix.POLLRDHUP, "SHUT_RDWR": unix.SHUT_RDWR, "SIOCINQ": unix.SIOCINQ, "TCP_TIME_WAIT": unix.BPF_TCP_TIME_WAIT,
		"CAP_NET_ADMIN": unix.CAP_NET_ADMIN, "SOF_TIMESTAMPING_TX_ACK": unix.SOF_TIMESTAMPING_TX_ACK, "SPLICE_F_MORE": unix.SPLICE_F_MORE,
		"SCM_TIMESTAMPING": unix.SCM_TIMESTAMPING, "IP_PMTUDISC_DONT": unix.IP_PMTUDISC_DONT,
	} {
		if c, ok := Constant(name); !ok || !c.Linux || c.Value != want {
			t.Errorf("%s is %d, want %d", name, c.Value, want)
		}
	}
	if c, ok := Constant("TCP_RACK_PACE_ALWAYS"); !ok || c.Linux {
		t.Error("a name of FreeBSD's is not known as such")
	}
}
