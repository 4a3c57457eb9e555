package sockstat

import (
	"net/netip"
)

func sock(state, local, remote string) Socket {
	s := Socket{State: state, Local: netip.MustParseAddrPort(local)}
	if remote != "" {
		s.Remote = netip.MustParseAddrPort(remote)
	}
	return s
}

// host is a host with a socket of most kinds.
func host() []Socket {
	all := []Socket{
		sock("LISTEN", "[::]:80", ""),
		sock("LISTEN", "[::]:81", ""),
		sock("LISTEN", "0.0.0.0:8001", ""),
		sock("LISTEN", "[fd77::2]:8002", ""),
		sock("ESTABLISHED", "10.77.0.2:80", "10.77.0.1:42076"),
		sock("CLOSE_WAIT", "10.77.0.2:8004", "10.77.0.1:50320"),
		sock("ESTABLISHED", "[fd77::2]:80", "[fd77::1]:42078"),
		sock("SYN_RECEIVED", "10.77.0.2:80", "10.77.0.1:42090"),
		sock("FIN_WAIT_2", "10.77.0.2:32768", "10.77.0.1:443"),
		sock("TIME_WAIT", "10.77.0.2:80", "10.77.0.1:42080"),
		sock("TIME_WAIT", "[fd77::2]:80", "[fd77::1]:42082"),
	}
	all[0].SendQ, all[1].SendQ, all[1].V6Only = 4096, 4096, true
	all[4].RecvQ, all[4].Timestamps = 65536, true
	all[5].RecvQ = 6
	all[9].Timer, all[9].TimerLeftMS = "timewait", 58_240
	all[10].Timer, all[10].TimerLeftMS = "timewait", 1_500
	return all
}
