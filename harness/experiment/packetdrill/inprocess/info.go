package inprocess

import (
	"time"

	"lastack/harness/experiment/packetdrill"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// states are Linux's numbers of TCP states.
var states = map[tcp.EndpointState]int64{
	tcp.StateEstablished: 1, tcp.StateSynSent: 2, tcp.StateConnecting: 2, tcp.StateSynRecv: 3,
	tcp.StateFinWait1: 4, tcp.StateFinWait2: 5, tcp.StateTimeWait: 6, tcp.StateCloseWait: 8,
	tcp.StateLastAck: 9, tcp.StateListen: 10, tcp.StateClosing: 11,
}

const stateClosed = 7

// Bits of tcpi_options.
const optTimestamps, optSACK, optSynData = 1, 2, 32

// info is struct tcp_info, as far as netstack tells.
func info(k *socket) *packetdrill.Result {
	var o tcpip.TCPInfoOption
	if err := k.raw.Endpoint.GetSockOpt(&o); err != nil {
		return outcome(err)
	}
	state, ok := states[tcp.EndpointState(k.raw.Endpoint.State())]
	if !ok {
		state = stateClosed
	}
	microseconds := func(d time.Duration) int64 { return int64(d / time.Microsecond) }
	fields := map[string]int64{
		"tcpi_state": state, "tcpi_ca_state": int64(o.CcState), "tcpi_rto": microseconds(o.RTO),
		"tcpi_rtt": microseconds(o.RTT), "tcpi_rttvar": microseconds(o.RTTVar),
		"tcpi_snd_ssthresh": int64(o.SndSsthresh), "tcpi_snd_cwnd": int64(o.SndCwnd),
		"tcpi_options": options(k),
	}
	unacknowledged(k, fields)
	r := value(0)
	r.Value = &packetdrill.OptValue{Info: fields}
	return r
}

// unacknowledged fills in what is in flight and what was sent again, where that is known in
// segments: nothing, or the FIN alone, of whose copies netstack does not know.
func unacknowledged(k *socket, fields map[string]int64) {
	n, finSent, ok := k.raw.InFlight()
	if !ok {
		return
	}
	if n == 0 || n == 1 && finSent {
		fields["tcpi_unacked"] = int64(n)
	}
	if stats, ok := k.raw.Endpoint.Stats().(*tcp.Stats); ok && !finSent {
		fields["tcpi_total_retrans"] = int64(stats.SendErrors.Retransmits.Value())
	}
}

// options are those of tcpi_options that are known: window scaling and ECN are not.
func options(k *socket) (bits int64) {
	if ep, ok := k.raw.Endpoint.(*tcp.Endpoint); ok {
		ep.LockUser()
		if ep.SendTSOk {
			bits |= optTimestamps
		}
		if ep.SACKPermitted {
			bits |= optSACK
		}
		ep.UnlockUser()
	}
	if k.raw.FastOpened() > 0 {
		bits |= optSynData
	}
	return bits
}

// States implements packetdrill.Lister.
func (s *Subject) States() ([]string, error) {
	var all []string
	for _, k := range s.host.Sockets() {
		all = append(all, k.State)
	}
	for _, k := range s.sockets {
		if k.raw.State() == closed { // which the host does not list
			all = append(all, closed)
		}
	}
	return all, nil
}

const closed = "CLOSED"
