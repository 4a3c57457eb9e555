package claims

import "lastack/harness/teardown"

// segments are the claims about closing in three segments or four.
var segments = []Claim{
	{
		Number: 17, Source: "A", Expect: InPart, Tries: []string{"http-short", "http-connection-close"},
		Text:  "A short HTTP connection closes in 3 segments, client first.",
		Truth: "With Content-Length it does; with Connection: close the server is usually first.",
		judge: func(s *seen) Finding {
			length, token := s.wire("http-short"), s.wire("http-connection-close")
			as := func(r *teardown.Report) bool {
				return r.Close == teardown.ThreeWay && r.ActiveCloser == teardown.Client
			}
			return graded(as(length) && as(token), as(length) || as(token),
				"curl: %s, %s first; Connection: close: %s, %s",
				length.Close, length.ActiveCloser, token.Close, token.ActiveCloser)
		},
	},
	{
		Number: 18, Source: "A", Expect: No, Tries: []string{"three-way", "four-way-slow-closer", "half-close-data"},
		Text:  "A close takes 3 segments if and only if the passive side has no data left.",
		Truth: "It takes 3 if close() is called before the delayed ACK runs out.",
		judge: func(s *seen) Finding {
			soon, late, data := s.wire("three-way"), s.wire("four-way-slow-closer"), s.wire("half-close-data")
			return whether(soon.Close == teardown.ThreeWay && late.Close == teardown.ThreeWay && data.Close != teardown.ThreeWay,
				"no data left: %s if closed at %s, %s at %s", soon.Close, at(fin(soon, 2)), late.Close, at(fin(late, 2)))
		},
	},
	{
		Number: 19, Source: "A", Expect: InPart,
		Tries: []string{"four-way-slow-closer", "slow-closer-300", "close-wait-end"},
		Also:  []string{"slow-closer-silent"},
		Text:  `The ACK of a FIN is delayed by "usually 40 ms".`,
		Truth: "By 40 to 44 ms after earlier data, 0 to 8 ms on a connection that never received any.",
		judge: usually40,
	},
	{
		Number: 20, Source: "A", Expect: No, Tries: []string{"slow-closer-300"},
		Text:  `"Wait 40 ms, no data, so FIN and ACK are merged."`,
		Truth: "At 40 ms a pure ACK goes out; a FIN comes from the application alone.",
		judge: func(s *seen) Finding {
			r := s.wire("slow-closer-300")
			ack, f := carrier(r), fin(r, 2)
			if ack == nil || f == nil {
				return whether(false, "ACK at %s, FIN at %s", at(ack), at(f))
			}
			if !hasFIN(ack) {
				return whether(false, "%s alone at %s, %s at %s", ack.Flags, at(ack), f.Flags, at(f))
			}
			// Merged, but when the application closed, is half of it.
			const soon = 100
			return graded(millis(ack.TimeUS) < soon, true, "merged: %s at %s", ack.Flags, at(ack))
		},
	},
	{
		Number: 21, Source: "A", Expect: Holds, Tries: []string{"three-way", "four-way-slow-closer"},
		Text:  "An ACK that travels with a FIN saves segments.",
		Truth: "It saves one.",
		judge: func(s *seen) Finding {
			few, many := len(own(s.wire("three-way"))), len(own(s.wire("four-way-slow-closer")))
			return whether(few < many, "%d segments with the ACK on the FIN, %d without", few, many)
		},
	},
	{
		Number: 22, Source: "A", Expect: No, Tries: []string{"three-way", "four-way-slow-closer"},
		Text:  "A close in three segments saves a round trip over one in four.",
		Truth: "It saves one segment: ACK and FIN travel in the same direction.",
		judge: func(s *seen) Finding {
			three, four := s.wire("three-way"), s.wire("four-way-slow-closer")
			return whether(flights(three) < flights(four), "%d segments in %d one-way trips, %d segments in %d",
				len(own(three)), flights(three), len(own(four)), flights(four))
		},
	},
	{
		Number: 23, Source: "A", Expect: InPart, Tries: []string{"keep-alive-push"},
		Text:  "A server that still sends on a keep-alive connection closes in 4 segments.",
		Truth: "4 segments and the data.",
		judge: func(s *seen) Finding {
			r := s.wire("keep-alive-push")
			n := len(own(r))
			four := r.Close == teardown.FourWay
			return graded(four && n == 4, four, "%s in %d segments, %d bytes among them", r.Close, n, r.HalfCloseBytes)
		},
	},
}

// usually40 goes by the soonest of three ACKs: a busy machine makes an ACK late
// and never early. Linux's timer begins and ends with a tick, each of 10 ms at
// most.
func usually40(s *seen) Finding {
	const least, most = 39, 60
	soonest := s.ack("four-way-slow-closer")
	for _, name := range []string{"slow-closer-300", "close-wait-end"} {
		soonest = min(soonest, s.ack(name))
	}
	near := least <= soonest && soonest <= most
	if !s.has("slow-closer-silent") {
		return whether(near, "%.1f ms after earlier data", soonest)
	}
	silent := s.ack("slow-closer-silent")
	return graded(near && silent >= least, near, "%.1f ms after earlier data, %.1f ms without any", soonest, silent)
}
