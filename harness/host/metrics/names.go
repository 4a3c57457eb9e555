package metrics

import "github.com/prometheus/client_golang/prometheus"

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("lastack_"+name, help, labels, nil)
}

// netns is the network namespace; it is empty for the one of the exporter.
const netns = "netns"

// The metrics. promtool's linter goes through them in a test.
var (
	lookSuccess = desc("look_success", "Whether the latest look at the sockets succeeded and is recent.", netns)
	lookTime    = desc("look_timestamp_seconds", "When the latest look at the sockets was taken, in seconds since 1970.", netns)
	lookTook    = desc("look_duration_seconds", "How long the latest look at the sockets took.", netns)
	leftOut     = desc("namespaces_left_out", "Network namespaces that are not looked at because there are too many.")

	sockets  = desc("sockets", "TCP sockets by state, as RFC 9293 names it.", netns, "state")
	orphaned = desc("orphaned_sockets", "TCP sockets that no process holds any more, TIME_WAIT apart.", netns)

	portsUsed   = desc("ports_used", "Local ports that cannot be used for another connection to the destination; those to all others together are \"other\".", portLabels...)
	portsRange  = desc("ports_range", "Local ports that there are for connections to the destination.", portLabels...)
	portsWaits  = desc("ports_time_wait", "Connections to the destination in TIME_WAIT, including those whose port may be used again.", portLabels...)
	portsRate   = desc("ports_taken_per_second", "Connections to the destination that lately came into TIME_WAIT, or came to stay, a second.", portLabels...)
	portsSettle = desc("ports_used_settled", "Local ports that will be in use at this rate once as many leave TIME_WAIT as come into it; it may be above lastack_ports_range.", portLabels...)
	portsEnd    = desc("ports_exhaustion_seconds", "Time until no local port is left for the destination at this rate; +Inf if that does not come within a week.", portLabels...)

	closeWait       = desc("close_wait", "Connections in CLOSE_WAIT by the process that ought to close them. A process without any has no series.", netns, "process")
	closeWaitAge    = desc("close_wait_age_seconds", "For how long each connection in CLOSE_WAIT has been seen. It describes those of now, so its counts go down too.", netns, "process")
	closeWaitOldest = desc("close_wait_oldest_seconds", "For how long the oldest connection in CLOSE_WAIT has been seen.", netns, "process")
	closeWaitGrowth = desc("close_wait_growth", "How many more connections in CLOSE_WAIT there are than an hour ago, as far as remembered; absent for the first ten minutes.", netns, "process")

	tcpEvents = desc("tcp_events_total", "Counters of TCP by nstat's names. What a kernel does not count is absent.", netns, "event")
)

var portLabels = []string{netns, "source", "destination"}

// events are the counters of nstat that tell about closing TCP. Kernels have not all of them.
var events = []string{
	"TcpActiveOpens", "TcpPassiveOpens", "TcpAttemptFails", "TcpEstabResets", "TcpOutRsts", "TcpRetransSegs",
	"TcpExtTW", "TcpExtTWRecycled", "TcpExtTWKilled", "TcpExtTCPTimeWaitOverflow", "TcpExtTCPTimeWaitCookies",
	"TcpExtPAWSActive", "TcpExtPAWSEstab", "TcpExtPAWSOldAck", "TcpExtPAWSTimewait", "TcpExtTCPACKSkippedTimeWait",
	"TcpExtTCPACKSkippedFinWait2", "TcpExtTCPChallengeACK", "TcpExtTCPSYNChallenge",
	"TcpExtListenOverflows", "TcpExtListenDrops", "TcpExtTCPReqQFullDoCookies", "TcpExtTCPReqQFullDrop",
	"TcpExtTCPAbortOnData", "TcpExtTCPAbortOnClose", "TcpExtTCPAbortOnMemory", "TcpExtTCPAbortOnTimeout",
	"TcpExtTCPAbortOnLinger", "TcpExtTCPAbortFailed", "TcpExtTCPOrphanQueued", "TcpExtTCPSpuriousRTOs",
}
