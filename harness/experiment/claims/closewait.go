package claims

import (
	"strings"

	"lastack/harness/experiment/programs"
)

// tooMany is what a program says that got EMFILE.
const tooMany = "Too many open files"

// closeWait are the claims about sockets that nobody closes.
var closeWait = []Claim{
	{
		Number: 10, Source: "N", Expect: Holds, Tries: []string{"close-wait-many"},
		Text:  "CLOSE_WAIT piles up where a server never closes its sockets.",
		Truth: "Each connection leaves a socket in CLOSE_WAIT behind.",
		judge: func(s *seen) Finding {
			const name = "close-wait-many"
			n, _ := s.tally(name)
			return whether(n > 1 && s.server(name) == "CLOSE_WAIT",
				"%d connections: server's sockets %s, client's %s", n, s.server(name), s.client(name))
		},
	},
	{
		Number: 11, Source: "N", Expect: Holds, Tries: []string{"close-wait-emfile"},
		Text:  "A pile-up of CLOSE_WAIT reaches the limit on sockets.",
		Truth: "It reaches the limit on descriptors: accept() fails with EMFILE.",
		judge: func(s *seen) Finding {
			const name = "close-wait-emfile"
			said := s.results[name].ServerSaid
			return whether(strings.Contains(said, tooMany) && s.server(name) == "CLOSE_WAIT",
				"all %s; 12 descriptors: %s", s.server(name), said)
		},
	},
	{
		Number: 12, Source: "N", Expect: No, Tries: []string{"close-wait-leak", "close-wait-end"},
		Text:  `Many CLOSE_WAIT: "CLOSE_WAIT is configured too long".`,
		Truth: "CLOSE_WAIT has no timer and no sysctl: the application's close() ends it.",
		judge: func(s *seen) Finding {
			leak := s.server("close-wait-leak")
			l := fin(s.wire("close-wait-end"), 2)
			if l == nil {
				return whether(leak != "CLOSE_WAIT", "left alone %s; close() did not end it", leak)
			}
			return whether(leak != "CLOSE_WAIT", "left alone still %s; else close() ended it at %.0f ms",
				leak, millis(l.TimeUS))
		},
	},
	{
		Number: 13, Source: "N", Expect: InPart, Programs: []programs.Trial{programs.Leaks, programs.Database},
		Text:  "CLOSE_WAIT comes of an exception path that never closes, or an uncommitted transaction.",
		Truth: "Nobody closed the socket; whether a transaction is open makes no difference.",
		judge: exceptions,
	},
	{
		Number: 14, Source: "N", Expect: No, Tries: []string{"close-wait-idle", "close-wait-who"},
		Text:  "Sockets that leak in CLOSE_WAIT are found with top (load above CPU), perf, flame graphs.",
		Truth: `Idle sockets cost no CPU time; "ss -tanp" names the process.`,
		judge: func(s *seen) Finding {
			// None of the three says anything about time that top shows as idle.
			const idle = 100 // ms of a second
			cpu, n := s.results["close-wait-idle"].CPUMS, s.results["close-wait-idle"].Connections
			return whether(cpu >= idle, "%d sockets took %.1f ms of CPU in a second; ss -p named the owner of %s of %d",
				n, cpu, s.prints("close-wait-who", 0), s.results["close-wait-who"].Connections)
		},
	},
	{
		Number: 15, Source: "N", Expect: InPart, Tries: []string{"netstat-time-wait"},
		Text:  "netstat shows the count of TIME_WAIT, searched for in lower case.",
		Truth: "netstat prints states in upper case.",
		judge: func(s *seen) Finding {
			there, upper, lower := s.grep("netstat-time-wait")
			return graded(lower == there, upper == there, "%s counted in lower case, %s in upper, of %s", lower, upper, there)
		},
	},
	{
		Number: 16, Source: "N", Expect: Holds, Tries: []string{"fin-ack-lost"},
		Text:  "If the ACK of the first FIN is lost, the closer sends its FIN again.",
		Truth: "Again after 0.208 s, then at intervals that double.",
		judge: func(s *seen) Finding {
			again, answer := finAgain(s.wire("fin-ack-lost"))
			if again == nil {
				return whether(false, "the FIN did not come again")
			}
			return whether(again.From == s.wire("fin-ack-lost").ActiveCloser, "%s again by the %s at %s, answered at %s",
				again.Flags, again.From, at(again), at(answer))
		},
	},
}
