package claims

import (
	"fmt"
	"strings"

	"lastack/harness/teardown"
)

// timeWait are the claims about what TIME_WAIT is for and how long it lasts.
var timeWait = []Claim{
	{
		Number: 24, Source: "N, A", Expect: No, Tries: []string{"time-wait-60s"},
		Text:  "TIME_WAIT (2MSL) lasts 2 minutes.",
		Truth: "On Linux it lasts a minute.",
		judge: func(s *seen) Finding {
			lasted := s.lasted("time-wait-60s")
			return whether(lasted > 118 && lasted < 125, "TIME_WAIT lasted %.1f s", lasted)
		},
	},
	{
		Number: 25, Source: "N, A", Expect: InPart, Tries: []string{"time-wait-60s"},
		Text:  "MSL is 30 s to 2 min; TIME_WAIT (2MSL) lasts 60 s on Linux.",
		Truth: "60.0 to 62.0 s, by a timer wheel; no MSL stands behind it.",
		judge: func(s *seen) Finding {
			// The 60 s are the part that one measurement can confirm.
			lasted := s.lasted("time-wait-60s")
			return graded(false, lasted > 59.9 && lasted < 62.5, "TIME_WAIT lasted %.1f s", lasted)
		},
	},
	{
		Number: 26, Source: "N, A", Expect: Holds, Tries: []string{"last-ack-lost", "last-ack-lost-server-first"},
		Also:  []string{"time-wait-restart", "time-wait-restart-60s"},
		Text:  "If the last ACK is lost, the peer's FIN comes again, is acknowledged, and 2MSL starts again.",
		Truth: "The FIN comes again after 0.207 s, is acknowledged at once, and restarts the timer.",
		judge: lastACKLost,
	},
	{
		Number: 27, Source: "N, A", Expect: InPart, Tries: []string{"time-wait-none", "fin-after-fin-wait-2"},
		Text:  "Without TIME_WAIT the peer sees a broken connection.",
		Truth: "A FIN that comes again gets RST; otherwise the peer sees nothing.",
		judge: func(s *seen) Finding {
			none, gone := s.wire("time-wait-none"), s.wire("fin-after-fin-wait-2")
			vanished := s.client("time-wait-none") == "CLOSED"
			broken := none.ResetBy != teardown.None || none.LateReset
			rst := gone.ResetBy == teardown.Client
			return graded(vanished && broken && rst, vanished && (broken || rst),
				"%s; %s", pick(broken, "without it a close ends in RST", "without it a close looks whole"),
				pick(rst, "a FIN after the end gets RST", "a FIN after the end gets none"))
		},
	},
	{
		Number: 28, Source: "N, A", Expect: Holds, Tries: []string{"old-data-let-in", "old-data-kept-out"},
		Text:  "Without TIME_WAIT old segments could corrupt a new connection on the same ports.",
		Truth: "They do with TIME_WAIT disabled and overlapping sequence numbers.",
		judge: func(s *seen) Finding {
			// The server answers with what it took for the new client's data.
			echo, refused := s.last("old-data-let-in"), s.last("old-data-kept-out")
			return whether(strings.Contains(echo, "OLD"), "without TIME_WAIT the server answered %q; with it old data got %s",
				echo, refused)
		},
	},
	{
		Number: 29, Source: "N, A", Expect: No, Tries: []string{"port-exhaustion"},
		Text:  "10,000 connections a second for 60 s make 600,000 TIME_WAIT.",
		Truth: "On one client the ports to one destination bound them, 28,232 by default.",
		judge: func(s *seen) Finding {
			n, failed := s.tally("port-exhaustion")
			tw := s.results["port-exhaustion"].TimeWaitClient
			return whether(tw == n+failed, "of %d connections %d left TIME_WAIT, %d found no port",
				n+failed, tw, failed)
		},
	},
	{
		Number: 39, Source: "N, A", Expect: No, Tries: []string{"time-wait-60s", "fin-wait-2-orphan"},
		Text:  "tcp_fin_timeout=30 shortens TIME_WAIT.",
		Truth: "It bounds an orphan's FIN_WAIT_2 and nothing else.",
		judge: func(s *seen) Finding {
			// time-wait-60s sets it to 5 s, fin-wait-2-orphan to 1 s.
			lasted := s.lasted("time-wait-60s")
			return whether(lasted < 30, "at 5 s TIME_WAIT lasted %.1f s; at 1 s FIN_WAIT_2 %.1f s",
				lasted, s.lasted("fin-wait-2-orphan"))
		},
	},
	{
		Number: 40, Source: "N, A", Expect: Holds,
		Tries: []string{"time-wait-none", "time-wait-limit", "half-close-time-wait-first"},
		Text:  "tcp_max_tw_buckets bounds the number of TIME_WAIT.",
		Truth: "Past it the socket vanishes without TIME_WAIT, and its protection.",
		judge: func(s *seen) Finding {
			with, without := s.results["time-wait-none"].TimeWaitClient, s.results["half-close-time-wait-first"].TimeWaitClient
			three := s.results["time-wait-limit"]
			return whether(with == 0 && three.TimeWaitClient < three.Connections && without > 0,
				"limit 0: %d in TIME_WAIT, the socket is %s; 3: %d of %d; default: %d",
				with, s.client("time-wait-none"), three.TimeWaitClient, three.Connections, without)
		},
	},
}

// lastACKLost wants the FIN again and its answer, whichever side closed first,
// and where TIME_WAIT was waited for, that it lasted its whole time from there.
func lastACKLost(s *seen) Finding {
	whole, some, when := true, false, [2]string{}
	for i, name := range []string{"last-ack-lost", "last-ack-lost-server-first"} {
		r := s.wire(name)
		again, answer := finAgain(r)
		ok := again != nil && answer != nil && again.From != r.ActiveCloser &&
			s.results[name].TimeWaitClient+s.results[name].TimeWaitServer == 1
		whole, some, when[i] = whole && ok, some || ok, at(again)
	}
	restart := "restart not waited for"
	for _, name := range []string{"time-wait-restart", "time-wait-restart-60s"} {
		if s.has(name) {
			lasted := s.lasted(name)
			restart = fmt.Sprintf("%.1f s from there", lasted)
			whole = whole && lasted >= wholeTime[name]
		}
	}
	return graded(whole, some, "FIN again at %s and %s; %s", when[0], when[1], restart)
}

// wholeTime is how long TIME_WAIT lasts where it is restarted, in seconds.
var wholeTime = map[string]float64{"time-wait-restart": 1, "time-wait-restart-60s": 59.9}

// at is the time of a segment, if there is one.
func at(l *teardown.Line) string {
	if l == nil {
		return "no time"
	}
	return fmt.Sprintf("%.1f ms", millis(l.TimeUS))
}
