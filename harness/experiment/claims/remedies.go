package claims

import (
	"lastack/harness/experiment/programs"
	"lastack/harness/teardown"
)

// remedies are the claims about what helps against TIME_WAIT.
var remedies = []Claim{
	{
		Number: 41, Source: "N, A", Expect: Holds, Tries: []string{"ports-wider-range", "port-exhaustion"},
		Text:  "A wider ip_local_port_range gives more ports.",
		Truth: "10000 to 65000 are 55,001 ports.",
		judge: func(s *seen) Finding {
			wide, wideFailed := s.tally("ports-wider-range")
			narrow, narrowFailed := s.tally("port-exhaustion")
			return graded(wide > narrow && wideFailed == 0, wide > narrow,
				"%d connections and %d failures with 10 ports, %d and %d with 20", narrow, narrowFailed, wide, wideFailed)
		},
	},
	{
		Number: 42, Source: "N, A", Expect: Holds, Tries: []string{"server-first", "ports-server-first"},
		Text:  "If the server closes first, TIME_WAIT is at the server.",
		Truth: "It is, and a new SYN ends it; a server spends no ports.",
		judge: func(s *seen) Finding {
			one := s.results["server-first"]
			n, failed := s.tally("ports-server-first")
			lands := one.TimeWaitServer > 0 && one.TimeWaitClient == 0
			return graded(lands && failed == 0, lands, "TIME_WAIT: server %d, client %d; with 10 ports %d of %d failed",
				one.TimeWaitServer, one.TimeWaitClient, failed, n+failed)
		},
	},
	{
		Number: 43, Source: "N, A", Expect: Holds, Tries: []string{"http-keep-alive", "http-without-keep-alive", "http-pool"},
		Text:  "Keep-alive connections and pools avoid TIME_WAIT.",
		Truth: "However many requests, one connection leaves one TIME_WAIT.",
		judge: func(s *seen) Finding {
			kept, short := s.results["http-keep-alive"], s.results["http-without-keep-alive"]
			pool := s.results["http-pool"].TimeWaitClient
			whole := kept.TimeWaitClient < short.TimeWaitClient && pool < short.TimeWaitClient
			return graded(whole, kept.TimeWaitClient < short.TimeWaitClient || pool < short.TimeWaitClient,
				"TIME_WAIT of 10 requests %d, kept alive %d; 12 by a pool %d",
				short.TimeWaitClient, kept.TimeWaitClient, pool)
		},
	},
	{
		Number: 44, Source: "N, A", Expect: Holds, Tries: []string{"http-keep-alive", "http-without-keep-alive"},
		Text:  "One HTTP client that is used again makes fewer connections than one per request.",
		Truth: "One connection carries all requests.",
		judge: func(s *seen) Finding {
			kept, short := s.results["http-keep-alive"], s.results["http-without-keep-alive"]
			return whether(kept.Connections < short.Connections,
				"10 requests took %d connections one way, %d the other", short.Connections, kept.Connections)
		},
	},
	{
		Number: 45, Source: "N, A", Expect: InPart, Programs: []programs.Trial{programs.Pools},
		Text:  "A pool of connections should have 200 in all, 20 a route, and keep them for 60 s.",
		Truth: "20 a route leave no TIME_WAIT under load; 60 s want a server that keeps connections longer, and a pool that looks.",
		judge: figures,
	},
}

// others are the claims about Fast Open, half-close and keep-alive.
var others = []Claim{
	{
		Number: 46, Source: "A", Expect: No, Tries: []string{"fast-open-plain", "fast-open-second"},
		Text:  "At a round trip of 100 ms a request takes 300 ms, with Fast Open 200 ms.",
		Truth: "It takes 201 ms, with Fast Open 101 ms.",
		judge: func(s *seen) Finding {
			plain, fast := s.answer("fast-open-plain"), s.answer("fast-open-second")
			slow, quick := about(plain, 300), about(fast, 200)
			return graded(slow && quick, slow || quick,
				"the answer came after %.0f ms, with Fast Open after %.0f ms", plain, fast)
		},
	},
	{
		Number: 47, Source: "A", Expect: InPart, Tries: []string{"fast-open-first", "fast-open-second"},
		Text:  "The Fast Open SYN carries cookie and data; the SYN-ACK carries the response.",
		Truth: "The first connection only fetches the cookie; the response follows the SYN-ACK.",
		judge: func(s *seen) Finding {
			first, second := s.results["fast-open-first"].Opened, s.results["fast-open-second"].Opened
			carried, response := second.SYNBytes > 0 && second.SYNACKs > 0, s.inSYNACK("fast-open-second")
			return graded(first.SYNBytes > 0 && carried && response > 0, carried,
				"bytes in the SYN: first %d, then %d; in the SYN-ACK: %d",
				first.SYNBytes, second.SYNBytes, response)
		},
	},
	{
		Number: 48, Source: "A", Expect: Holds, Tries: []string{"half-close-data", "half-close-time-wait-first"},
		Text:  "After shutdownOutput (a half-close) one can keep reading.",
		Truth: "The peer's data arrives, and its FIN ends it.",
		judge: func(s *seen) Finding {
			r := s.wire("half-close-data")
			whole := r.HalfCloseBytes > 0 && r.ResetBy == teardown.None
			end := s.client("half-close-time-wait-first")
			return graded(whole && end == "TIME_WAIT", whole,
				"%d bytes came after the FIN; with the peer's own: %s", r.HalfCloseBytes, end)
		},
	},
	{
		Number: 49, Source: "A", Expect: Holds, Tries: []string{"http-1-0", "http-keep-alive"},
		Text:  "An HTTP server may not support keep-alive.",
		Truth: "HTTP/1.0 has no keep-alive: the server closes after its answer.",
		judge: func(s *seen) Finding {
			old, kept := s.wire("http-1-0"), s.results["http-keep-alive"]
			return whether(old.ActiveCloser == teardown.Server && kept.Connections == 1,
				"HTTP/1.0: the %s closed; HTTP/1.1: 10 requests, connections: %d", old.ActiveCloser, kept.Connections)
		},
	},
}
