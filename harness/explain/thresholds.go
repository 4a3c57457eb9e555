package explain

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"lastack/harness/teardown"
)

// The thresholds of findings. Thresholds lists them, and the tests try each at both of
// its sides.
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
	AnswerWithin = teardown.AnswerWithin
	// AgainAfter is the same for one that was sent again meanwhile, and how long a sender
	// has to heed that its segments do not fit the path.
	AgainAfter = 900 * time.Millisecond
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
	// LeapAfter is how far the time may leap in one file before that is a gap, too.
	LeapAfter = 24 * time.Hour
)

// threshold is one of them: what is called so, and from where on.
type threshold struct {
	What string `json:"what"`
	From string `json:"from"`
}

// thresholds are what verdicts and findings go by, in words.
func thresholds() []threshold {
	return []threshold{
		{"CLOSE_WAIT that leaks", LeakAfter.String() + " of silence"},
		{"SYN without answer", fmt.Sprintf("%v if it was sent again, else %v", AgainAfter, AnswerWithin)},
		{"path MTU not heeded", AgainAfter.String()},
		{"client that gave up", fmt.Sprintf("%v for which an answer was due", teardown.GaveUpAfter)},
		{"idle limit", fmt.Sprintf("%v of silence on %d connections to a server, alike", teardown.IdleFrom, alike)},
		{"", fmt.Sprintf("within %d%%, and half of those there; or one silent", 100/alikeWithin)},
		{"", "not if most reset it at their own turn, and were as old"},
		{"", limitsInWords()},
		{"FIN_WAIT_2 that expired", teardown.GoneAfter.String()},
		{"", "or 60, 120 or 240 s, if its side then sent a RST"},
		{"state that was gone", teardown.GoneAfter.String() + " since its side had sent something"},
		{"time-out", fmt.Sprintf("%v of trying in vain", teardown.TriesFor)},
		{"sent in vain", fmt.Sprintf("%d copies in a row, at least %v apart", teardown.InVainFrom, teardown.TimerLeast)},
		{"delayed ACK that ran out", fmt.Sprintf("%v beyond a known round trip", teardown.ExpiresFrom)},
		{"stale connection", fmt.Sprintf("%v of silence before a request", StaleAfter)},
		{"half-open connection", fmt.Sprintf("%v of quiet before the RST", QuietAfter)},
		{"goodbye", fmt.Sprintf("up to %d bytes before a FIN", teardown.GoodbyeUpTo)},
		{"aborts; lost FINs", fmt.Sprintf("%d%%; %d%% of the connections to a server", AbortsFrom, LostFrom)},
		{"forecast of ports", fmt.Sprintf("%d in TIME_WAIT that settle at %d%% of the range", EnoughToForecast, WorthwhilePorts)},
		{"sockets in TIME_WAIT", number(ManyRecords) + " at a server"},
		{"one-sided capture", fmt.Sprintf("%d%% of its connections", OneSidedFrom)},
		{"gap", fmt.Sprintf("%.0f s between files, %.0f h in one", GapAfter.Seconds(), LeapAfter.Hours())},
	}
}

// Thresholds are what verdicts and findings go by, for the help.
func Thresholds() string {
	var b strings.Builder
	b.WriteString("Thresholds, from which on something is called so:\n")
	for _, r := range thresholds() {
		fmt.Fprintf(&b, "\n  %-24s %s", r.What, r.From)
	}
	return b.String()
}

func limitsInWords() string {
	var short []string
	for _, l := range teardown.Limits() {
		short = append(short, strconv.Itoa(int(l.Seconds())))
	}
	half := len(short) / 2
	return "for " + strings.Join(short[:half], ", ") + ",\n" + strings.Repeat(" ", 27) + strings.Join(short[half:], ", ") + " s"
}
