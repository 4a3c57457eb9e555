package explain

import (
	"fmt"
	"time"

	"lastack/harness/capture"
)

// Summary is what an Analysis comes to.
type Summary struct {
	// Findings are sentences a person can act on, the most important first,
	// at most ten.
	Findings []Finding `json:"findings"`
	// Groups count the connections by server and kind of close, the worst
	// kinds first.
	Groups []Group `json:"groups"`
	// Warnings say what the verdicts may lack.
	Warnings []string `json:"warnings"`

	// Packets are those that were read, and Connections those found in them, of
	// which Matching pass the Filter.
	Packets     int `json:"packets"`
	Connections int `json:"-"`
	Matching    int `json:"-"`
	// Begin and End are the times of the first and the last segment.
	Begin time.Time `json:"begin"`
	End   time.Time `json:"end"`
	// Packets that were left out: copies captured at another place, other
	// protocols, cut before the end of the TCP header, nonsense; and fragments
	// of IP, of which Partial are segments whose last one is not there.
	Duplicates int `json:"duplicates"`
	NotTCP     int `json:"not_tcp"`
	Truncated  int `json:"truncated"`
	Malformed  int `json:"malformed"`
	Fragments  int `json:"fragments"`
	Partial    int `json:"partial"`
	// Incomplete counts connections of which something was acknowledged that
	// the capture does not have.
	Incomplete int `json:"incomplete"`
	// GivenUp counts connections that were taken for over, unfinished, to
	// bound memory.
	GivenUp int `json:"given_up"`
}

// Warn adds a warning.
func (s *Summary) Warn(format string, args ...any) {
	s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...))
}

// count takes over what became of the packets.
func (s *Summary) count(st capture.SegmentStats) {
	s.Duplicates += st.Duplicates
	s.NotTCP += st.NotTCP
	s.Truncated += st.Truncated
	s.Malformed += st.Malformed
	s.Fragments += st.Fragments
	s.Partial += st.Partial
	s.Packets += st.Segments - st.Reassembled + st.Fragments + st.Duplicates + st.NotTCP + st.Truncated + st.Malformed
}

// see extends the time that was covered, and counts what is not whole.
func (s *Summary) see(e *ended) {
	if e.detail.MissingBytes > 0 {
		s.Incomplete++
	}
	if s.Begin.IsZero() || e.report.Start.Before(s.Begin) {
		s.Begin = e.report.Start
	}
	if end := e.report.Start.Add(e.duration()); end.After(s.End) {
		s.End = end
	}
}

// warn says what was left out.
func (s *Summary) warn(groups int, tallies bool) {
	if s.Truncated > 0 {
		s.Warn("%s cut before the end of the TCP header: capture with a snap length of at least 128 (tcpdump -s 128)", were(s.Truncated, "packet"))
	}
	if s.Partial > 0 {
		s.Warn("%s IP fragments of which the capture lacks the last: bytes are missing from their counts; capture without a filter on ports", were(s.Partial, "segment"))
	}
	if s.Malformed > 0 {
		s.Warn("%s malformed, and left out", were(s.Malformed, "packet"))
	}
	if s.Incomplete > 0 {
		s.Warn("%s missing something that was acknowledged, perhaps a FIN: the capture lost packets (raise tcpdump -B, lower -s), and their verdicts go by what is there", were(s.Incomplete, "connection"))
	}
	if s.GivenUp > 0 {
		s.Warn("%s given up unfinished, as more than %s were open at once; their later segments count as connections of their own", were(s.GivenUp, "connection"), number(maxOpen))
	}
	if groups > 0 {
		s.Warn("%s of more than %s groups counted together as other servers", were(groups, "connection"), number(maxGroups))
	}
	if tallies {
		s.Warn("there are so many servers and clients that the findings are about the busiest")
	}
}
