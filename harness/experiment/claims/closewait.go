package claims

import "strings"

// tooMany is what a program says that got EMFILE.
const tooMany = "Too many open files"

// closeWait are the claims about sockets that nobody closes.
var closeWait = []Claim{
	{
		Number: 10, Source: "N", Expect: Holds, Tries: []string{"close-wait-many"},
		Text:  "CLOSE_WAIT piles up where the passive side never closes.",
		Truth: "Each connection leaves a socket behind.",
		judge: func(s *seen) Finding {
			const name = "close-wait-many"
			n, _ := s.tally(name)
			return whether(n > 1 && s.server(name) == "CLOSE_WAIT",
				"%d connections: server's sockets %s, client's %s", n, s.server(name), s.client(name))
		},
	},
	{
		Number: 11, Source: "N", Expect: Holds, Tries: []string{"close-wait-emfile"},
		Text:  "The pile-up reaches the socket limit.",
		Truth: "accept() fails with EMFILE.",
		judge: func(s *seen) Finding {
			const name = "close-wait-emfile"
			said := s.results[name].ServerSaid
			return whether(strings.Contains(said, tooMany) && s.server(name) == "CLOSE_WAIT",
				"all %s; 12 descriptors: %s", s.server(name), said)
		},
	},
	{
		Number: 12, Source: "N", Expect: No, Tries: []string{"close-wait-leak", "close-wait-end"},
		Text:  `Cause: "CLOSE_WAIT is configured too long".`,
		Truth: "There is no timer and no sysctl: the application's close() ends it.",
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
		Number: 13, Source: "N", Expect: NotTried,
		Text:  "Cause: an exception path that never closes, an uncommitted transaction.",
		Truth: "A cause of that kind is in the application.",
		Needs: "no experiment: it is about applications, and TCP does not show it",
	},
	{
		Number: 14, Source: "N", Expect: No, Tries: []string{"close-wait-idle", "close-wait-who"},
		Text:  "Diagnose it with top (load above CPU), perf, flame graph.",
		Truth: `Idle sockets cost nothing; "ss -tanp" names the process.`,
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
		Text:  "Watch the count with netstat, in lower case.",
		Truth: "It prints states in upper case.",
		judge: func(s *seen) Finding {
			there, upper, lower := s.grep("netstat-time-wait")
			return graded(lower == there, upper == there, "%s counted in lower case, %s in upper, of %s", lower, upper, there)
		},
	},
	{
		Number: 16, Source: "N", Expect: Holds, Tries: []string{"fin-ack-lost"},
		Text:  "The ACK of the FIN is lost: the closer sends its FIN again.",
		Truth: "Again after 0.208 s, then doubling.",
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
