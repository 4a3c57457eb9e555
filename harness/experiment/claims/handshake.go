package claims

import "lastack/harness/teardown"

// handshake are the claims about the states of both sides.
var handshake = []Claim{
	{
		Number: 1, Source: "N, A", Expect: Holds, Tries: []string{"three-way"},
		Text:  "Whoever sends the first FIN is in FIN_WAIT_1.",
		Truth: "On the wire the FIN is always FIN+ACK.",
		judge: func(s *seen) Finding {
			l := fin(s.wire("three-way"), 1)
			if l == nil {
				return whether(false, "there was no FIN")
			}
			return whether(of(l) == "FIN_WAIT_1", "the %s sent %s, by which it is in %s", l.From, l.Flags, of(l))
		},
	},
	{
		Number: 2, Source: "N, A", Expect: InPart,
		Tries: []string{"close-wait-leak", "half-close-data", "data-after-close"},
		Text:  "The peer acknowledges the first FIN and enters CLOSE_WAIT; the closer can still receive.",
		Truth: "The closer can receive after shutdown(SHUT_WR) only; after close() data is answered with RST.",
		judge: stillReceives,
	},
	{
		Number: 3, Source: "N, A", Expect: Holds, Tries: []string{"fin-wait-2-half-close"},
		Text:  "The closer enters FIN_WAIT_2 when its FIN is acknowledged.",
		Truth: "In a close of three segments nobody ever sees it there.",
		judge: func(s *seen) Finding {
			const name = "fin-wait-2-half-close"
			return whether(s.wire(name).AckDelayUS >= 0 && s.client(name) == "FIN_WAIT_2",
				"ACK after %.1f ms, the closer's socket is %s", s.ack(name), s.client(name))
		},
	},
	{
		Number: 4, Source: "N, A", Expect: Holds, Tries: []string{"close-wait-end"},
		Text:  "The peer is in LAST_ACK once it has sent its own FIN.",
		Truth: "The peer stays in LAST_ACK until its FIN is acknowledged.",
		judge: func(s *seen) Finding {
			l := fin(s.wire("close-wait-end"), 2)
			if l == nil {
				return whether(false, "the peer sent no FIN")
			}
			return whether(of(l) == "LAST_ACK", "its %s at %.0f ms, by which it is in %s", l.Flags, millis(l.TimeUS), of(l))
		},
	},
	{
		Number: 5, Source: "N, A", Expect: Holds, Tries: []string{"three-way", "server-first"},
		Text:  "The closer acknowledges the peer's FIN and enters TIME_WAIT; the peer is CLOSED.",
		Truth: "So it is, whichever side closes first.",
		judge: func(s *seen) Finding {
			return whether(s.client("three-way") == "TIME_WAIT" && s.server("three-way") == "CLOSED" &&
				s.server("server-first") == "TIME_WAIT" && s.client("server-first") == "CLOSED",
				"client first: %s, %s; server first: %s, %s",
				s.client("three-way"), s.server("three-way"), s.server("server-first"), s.client("server-first"))
		},
	},
	{
		Number: 6, Source: "N, A", Expect: InPart, Tries: []string{"four-way-slow-closer", "three-way", "simultaneous", "unread-data"},
		Text:  "A close passes FIN_WAIT_1, FIN_WAIT_2, TIME_WAIT on one side and CLOSE_WAIT, LAST_ACK on the other.",
		Truth: "That leaves out CLOSING, RST, and the way from FIN_WAIT_1 straight to TIME_WAIT.",
		judge: asDrawn,
	},
	{
		Number: 7, Source: "N, A", Expect: InPart, Tries: []string{"time-wait-60s"},
		Text:  "MSL is the longest life of a segment, so 2MSL is one segment and its reply.",
		Truth: "Linux keeps TIME_WAIT for a constant 60 s; it has no MSL.",
		judge: func(s *seen) Finding {
			// A FIN and its answer, with the application between them, are
			// never shorter than the round trip.
			lasted, trip := s.lasted("time-wait-60s"), s.ack("time-wait-60s")/1000
			const generous = 10
			return graded(lasted <= generous*trip, lasted > 0,
				"TIME_WAIT lasted %.1f s, a FIN and its answer %.2f ms", lasted, trip*1000)
		},
	},
	{
		Number: 8, Source: "N, A", Expect: InPart, Tries: []string{"three-way"},
		Also:  []string{"time-wait-unheard", "time-wait-unheard-60s"},
		Text:  "No FIN within 2MSL of TIME_WAIT means that the last ACK arrived.",
		Truth: "That is so where nothing is lost; 2MSL is only a timer.",
		judge: timerOnly,
	},
	{
		Number: 9, Source: "N, A", Expect: InPart, Tries: []string{"half-close-data", "four-way-slow-closer"},
		Text:  "The peer's ACK and FIN are separate because it may have unsent data.",
		Truth: "They are separate, too, when the peer only closes later than the delayed ACK.",
		judge: func(s *seen) Finding {
			data, none := s.wire("half-close-data"), s.wire("four-way-slow-closer")
			with := data.Close == teardown.FourWay && data.HalfCloseBytes > 0
			without := none.Close == teardown.FourWay && none.HalfCloseBytes == 0
			return graded(with && !without, with, "%s with %d bytes unsent, %s with %d",
				data.Close, data.HalfCloseBytes, none.Close, none.HalfCloseBytes)
		},
	},
}

// timerOnly looks at a peer that is still in LAST_ACK when TIME_WAIT is over.
func timerOnly(s *seen) Finding {
	const quick, slow = "time-wait-unheard", "time-wait-unheard-60s"
	name := quick
	switch {
	case s.has(slow):
		name = slow
	case !s.has(quick):
		return Finding{NotTried, slow + ": it takes a minute of TIME_WAIT; run it with --slow"}
	}
	// In a sound close nobody hears of a FIN again, and the peer is CLOSED.
	sound := s.server("three-way") == "CLOSED" && s.wire("three-way").FINRetransmissions == 0
	return graded(sound && s.server(name) == "CLOSED", sound, "TIME_WAIT over, peer: %s if sound; if %d FINs are lost, %s",
		s.server("three-way"), s.wire(name).FINRetransmissions, s.server(name))
}

// stillReceives tells shutdown from close, which the claim does not.
func stillReceives(s *seen) Finding {
	half, closed := s.wire("half-close-data"), s.wire("data-after-close")
	waits := s.server("close-wait-leak") == "CLOSE_WAIT"
	took := half.HalfCloseBytes > 0 && half.ResetBy == teardown.None
	reset := closed.ResetBy == closed.ActiveCloser
	after := "too"
	if reset {
		after = "RST"
	}
	return graded(waits && took && !reset, waits && took, "%s; after shutdown() %d bytes taken, after close() %s",
		s.server("close-wait-leak"), half.HalfCloseBytes, after)
}

// asDrawn looks for closes that the diagram has no line for.
func asDrawn(s *seen) Finding {
	drawn := passes(s.wire("four-way-slow-closer"), "FIN_WAIT_2")
	skips := !passes(s.wire("three-way"), "FIN_WAIT_2")
	crossed := passes(s.wire("simultaneous"), "CLOSING")
	rst := s.kind("unread-data") == teardown.Reset
	return graded(drawn && !skips && !crossed && !rst, drawn, "%s; %s; crossed FINs %s; unread data %s",
		pick(drawn, "4 as drawn", "4 not as drawn"), pick(skips, "3 skip FIN_WAIT_2", "3 skip none"),
		pick(crossed, "CLOSING", "no CLOSING"), pick(rst, "RST", "no RST"))
}

// passes reports whether a side was in the state after some segment.
func passes(r *teardown.Report, state string) bool {
	for _, l := range own(r) {
		if l.States[0] == state || l.States[1] == state {
			return true
		}
	}
	return false
}

func pick(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}
