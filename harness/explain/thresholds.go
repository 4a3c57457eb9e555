package explain

import (
	"fmt"
	"time"

	"lastack/harness/teardown"
)

// The thresholds of findings. Thresholds tells of them, and the tests hold each at both
// of its sides.
const (
	// LeakAfter is how long a half-closed connection has to be silent to be taken for
	// forgotten by its application.
	LeakAfter = time.Second
	// StaleAfter is how long a connection was idle before its end for data after that
	// to be another request, and not the rest of something.
	StaleAfter = time.Second
	// QuietAfter is how long a connection was quiet before a RST that did not know it,
	// for a restart or a forgetful device to be worth a sentence.
	QuietAfter = time.Second
	// AnswerWithin is how long a SYN waits that is not sent again, to be unanswered.
	AnswerWithin = 3 * time.Second
	// AbortsFrom and LostFrom are shares of the connections to a server, in percent.
	AbortsFrom = 5
	LostFrom   = 1
	// EnoughToForecast is how many connections in TIME_WAIT a forecast of ports needs,
	// and WorthwhilePorts the percent of the ports that it has to come to.
	EnoughToForecast = 50
	WorthwhilePorts  = 10
	// ManyRecords is how many sockets in TIME_WAIT a server is made to hold before it
	// is worth a sentence: net.ipv4.tcp_max_tw_buckets is 4,096 to 262,144, by memory.
	ManyRecords = 65_536
	// OneSidedFrom is the share of connections, in percent, of which a capture has one
	// direction alone for that to be said of the capture.
	OneSidedFrom = 10
	// GapAfter is how much later than everything before it a file begins that is no
	// part of the same capture.
	GapAfter = time.Minute
)

// Thresholds are what verdicts and findings go by, in words.
func Thresholds() string {
	return fmt.Sprintf(`Thresholds. CLOSE_WAIT is a leak where a connection is silent in it for %s. A SYN is
unanswered once it was sent again, or after %s. A client gave up if an answer had been
due for %s. A RST after %s of silence may be an idle limit: %d connections to one
server that are alike within %d%%, and half of those there, show one; a silence of 30,
60, 75, 90, 100, 120, 180, 240, 300 or 350 s, or 10, 15, 20, 30, 60 or 120 min does alone.
FIN_WAIT_2 may be gone after %s. Trying in vain takes %s to be a time-out. A request
%s after the server's FIN is a stale connection; a RST from a side that no longer knew
the connection counts from %s of quiet. Aborts count from %d%% of the connections to a
server, lost FINs from %d%%. Ports are forecast from %d connections in TIME_WAIT toward
one server that settle at %d%% of the range, sockets at a server from %s. A capture
with one direction alone of %d%% of its connections is one-sided. A file that begins %s
after all others ended is a capture of its own.`,
		long(LeakAfter), long(AnswerWithin), long(teardown.GaveUpAfter), long(teardown.IdleFrom), alike, 100/alikeWithin,
		long(teardown.GoneAfter), long(teardown.TriesFor), long(StaleAfter), long(QuietAfter), AbortsFrom, LostFrom,
		EnoughToForecast, WorthwhilePorts, number(ManyRecords), OneSidedFrom, long(GapAfter))
}
