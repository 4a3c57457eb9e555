package explain

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"lastack/harness/capture"
	"lastack/harness/teardown"
)

// Summary is what an Analysis comes to.
type Summary struct {
	// Findings are sentences a person can act on, the most important first,
	// at most ten.
	Findings []Finding `json:"findings"`
	// Groups count the connections by server and kind of close, the worst
	// kinds first.
	Groups []Group `json:"groups"`
	// Warnings say where the verdicts may be incomplete.
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
	// NotIP are records of a file that carry no IP packet, that were cut before
	// its header, or whose kind of link is not read.
	NotIP int `json:"not_ip"`
	// Skipped says what NotTCP and NotIP were, the most frequent kinds first.
	Skipped []capture.Kind `json:"skipped"`
	// Tunnelled counts segments that were taken out of tunnels, and ICMPErrors
	// the ICMP errors that quote a TCP segment, which are among NotTCP.
	Tunnelled  int `json:"tunnelled"`
	ICMPErrors int `json:"icmp_errors"`
	// Live tells that the packets came from an interface, of which Dropped more were
	// lost by the kernel.
	Live    bool `json:"live,omitempty"`
	Dropped int  `json:"dropped"`
	// Incomplete counts connections of which something was acknowledged that
	// the capture does not have.
	Incomplete int `json:"incomplete"`
	// GivenUp counts connections that were taken for over, unfinished, to
	// bound memory.
	GivenUp int `json:"given_up"`
	// OneSided counts connections that went on and of which the capture has one direction
	// alone.
	OneSided int `json:"one_sided"`
	// Causes counts the connections that pass the Filter and did not end in order, by why.
	Causes map[teardown.Cause]int `json:"causes,omitempty"`
	// KernelResets are the RSTs of this machine's kernel for connections that Options.Closed
	// was called with, by the kernel's reason, the most frequent first.
	KernelResets []KernelReset `json:"kernel_resets,omitempty"`
	// FastOpen counts connections that tried TCP Fast Open, by what became of it.
	FastOpen map[teardown.FastOpen]int `json:"fast_open,omitempty"`

	// Timeline is when connections ended; nil where there is none.
	Timeline *Timeline `json:"timeline,omitempty"`

	// Parts is how many were merged; 0 for the Summary of one run.
	Parts int `json:"parts,omitempty"`

	gaps    int             // between captures
	covered time.Duration   // without the gaps
	records capture.Skipped // what NotIP counts, and frames with several packets
	told    []string        // the Warnings that do not come of counts
}

func (s *Summary) because(c teardown.Cause) {
	if c == teardown.CauseNone {
		return
	}
	if s.Causes == nil {
		s.Causes = map[teardown.Cause]int{}
	}
	s.Causes[c]++
}

// oneSided reports whether so many connections have one direction alone that this is
// how the capture was made: half of a SPAN port, or an asymmetric route.
func (s *Summary) oneSided() bool {
	return s.OneSided > 0 && s.OneSided*100 >= s.Connections*OneSidedFrom
}

// Warn adds a warning.
func (s *Summary) Warn(format string, args ...any) {
	s.told = append(s.told, fmt.Sprintf(format, args...))
	s.warning(format, args...)
}

// warning adds one that comes of what was counted.
func (s *Summary) warning(format string, args ...any) {
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
	s.Tunnelled += st.Tunnelled
	s.ICMPErrors += st.ICMPErrors
	s.Packets += st.Segments - st.Reassembled + st.Fragments + st.Duplicates + st.NotTCP + st.Truncated + st.Malformed
}

// SkippedRecords takes over what a file's reader has passed over.
func (s *Summary) SkippedRecords(n capture.Skipped, kinds []capture.Kind) {
	s.NotIP += n.Total()
	s.Packets += n.Total()
	s.skip(kinds)
	s.records.NonIP += n.NonIP
	s.records.Short += n.Short
	s.records.UnknownLink += n.UnknownLink
	s.records.Aggregates += n.Aggregates
	s.records.Leaps += n.Leaps
	s.warnSkipped(n)
}

// warnSkipped says what of the records was passed over.
func (s *Summary) warnSkipped(n capture.Skipped) {
	if n.Short > 0 {
		s.warning("%s cut before the IP header: capture with a snap length of at least 128 (tcpdump -s 128)", were(n.Short, "packet"))
	}
	if n.UnknownLink > 0 {
		s.warning("%s left out, as their kind of link is not read here", were(n.UnknownLink, "packet"))
	}
	if n.Aggregates > 0 {
		s.warning("%s of 802.11 carried several packets, of which the first was read: capture on the wire instead", were(n.Aggregates, "frame"))
	}
	if n.Leaps > 0 {
		s.warning("%s stamped over 24 h off those around, and counted at the time of the one before", were(n.Leaps, "packet"))
	}
}

// skip adds to Skipped, which stays sorted.
func (s *Summary) skip(kinds []capture.Kind) {
	for _, k := range kinds {
		i := slices.IndexFunc(s.Skipped, func(o capture.Kind) bool { return o.Name == k.Name })
		if i < 0 {
			s.Skipped = append(s.Skipped, k)
			continue
		}
		s.Skipped[i].Packets += k.Packets
	}
	slices.SortFunc(s.Skipped, func(a, b capture.Kind) int {
		return cmp.Or(cmp.Compare(b.Packets, a.Packets), cmp.Compare(a.Name, b.Name))
	})
}

// see extends the time that was covered, and counts what is not whole.
func (s *Summary) see(e *ended) {
	if e.detail.MissingBytes > 0 {
		s.Incomplete++
	}
	if e.detail.OneSided != teardown.None && e.conn.WentOn() {
		s.OneSided++
	}
	if f := e.report.FastOpen; f != "" {
		if s.FastOpen == nil {
			s.FastOpen = map[teardown.FastOpen]int{}
		}
		s.FastOpen[f]++
	}
	if e.report.Start.IsZero() { // it has no times
		return
	}
	if s.Begin.IsZero() || e.report.Start.Before(s.Begin) {
		s.Begin = e.report.Start.UTC()
	}
	if end := e.report.Start.Add(e.duration()); end.After(s.End) {
		s.End = end.UTC()
	}
}

// warn says what was left out.
func (s *Summary) warn(v *evidence) {
	if s.Truncated > 0 {
		s.warning("%s cut before the end of the TCP header: capture with a snap length of at least 128 (tcpdump -s 128)", were(s.Truncated, "packet"))
	}
	if s.Partial > 0 {
		s.warning("%s IP fragments of which the capture does not have the last: bytes are missing from their counts; capture without a filter on ports", were(s.Partial, "segment"))
	}
	if s.Malformed > 0 {
		s.warning("%s malformed, and left out", were(s.Malformed, "packet"))
	}
	if s.Incomplete > 0 {
		s.warning("%s missing something that was acknowledged, perhaps a FIN: the capture lost packets (raise tcpdump -B, lower -s), and their verdicts go by what is there", were(s.Incomplete, "connection"))
	}
	if s.oneSided() {
		s.warning("%s of %s one direction alone in the capture (an asymmetric route, or half of a SPAN port): nothing is said of what the missing side did, and no finding is about it", number(s.OneSided), ofThem(s.Connections))
	}
	if s.gaps > 0 {
		s.warning("%s: connections from before one are not followed behind it", there(s.gaps, "gap", len(v.views) < maxViews))
	}
	if s.GivenUp > 0 {
		s.warning("%s given up unfinished, as about %s were open at once, which is the most that are followed; their later segments count as connections of their own", were(s.GivenUp, "connection"), number(maxOpen))
	}
	if n := v.groups.overflowed; n > 0 {
		s.warning("%s of more than %s groups counted together as other servers", were(n, "connection"), number(maxGroups))
	}
	if v.early > 0 {
		s.warning("%s judged by what had been seen so far, as so many lack the handshake or were reset in silence that not all can wait for the end", were(v.early, "connection"))
	}
	if v.roles.full {
		s.warning("there are so many hosts and ports that who is the server is a guess where no SYN was captured")
	}
	if v.findings.lost() {
		s.warning("there are so many servers and clients that the findings are about the busiest")
	}
}

// merge adds the counts of another capture.
func (s *Summary) merge(o *Summary) {
	for _, of := range [][2]*int{
		{&s.Packets, &o.Packets}, {&s.Connections, &o.Connections}, {&s.Matching, &o.Matching},
		{&s.Duplicates, &o.Duplicates}, {&s.NotTCP, &o.NotTCP}, {&s.Truncated, &o.Truncated},
		{&s.Malformed, &o.Malformed}, {&s.Fragments, &o.Fragments}, {&s.Partial, &o.Partial},
		{&s.NotIP, &o.NotIP}, {&s.Dropped, &o.Dropped}, {&s.Tunnelled, &o.Tunnelled}, {&s.ICMPErrors, &o.ICMPErrors},
		{&s.Incomplete, &o.Incomplete}, {&s.GivenUp, &o.GivenUp}, {&s.OneSided, &o.OneSided},
		{&s.records.NonIP, &o.records.NonIP}, {&s.records.Short, &o.records.Short},
		{&s.records.UnknownLink, &o.records.UnknownLink}, {&s.records.Aggregates, &o.records.Aggregates},
		{&s.records.Leaps, &o.records.Leaps},
	} {
		*of[0] += *of[1]
	}
	s.Live = s.Live || o.Live
	s.told = append(s.told, o.told...)
	s.skip(o.Skipped)
	s.Causes, s.FastOpen = sums(s.Causes, o.Causes), sums(s.FastOpen, o.FastOpen)
	if s.Begin.IsZero() || !o.Begin.IsZero() && o.Begin.Before(s.Begin) {
		s.Begin = o.Begin
	}
	s.End = later(s.End, o.End)
}
