package claims

import (
	"fmt"
	"strings"

	"lastack/harness/experiment"
	"lastack/harness/teardown"
)

// seen is all that was measured on one subject. Those that judge a claim ask it
// for the experiments that the claim tries, which are there with a report of
// their connection; has tells about the others.
type seen struct {
	results map[string]*experiment.Result
	// settings are defaults by name. The subject does not have what is missing.
	settings map[string]string
}

func (s *seen) has(name string) bool {
	r := s.results[name]
	return r != nil && r.Verdict != experiment.Skipped && r.Report != nil
}

// wire is how the experiment's connection went; of several, the first.
func (s *seen) wire(name string) *teardown.Report { return s.results[name].Report }

// kind is how it closed.
func (s *seen) kind(name string) teardown.Kind { return s.wire(name).Close }

// client and server are the states of the sockets afterwards.
func (s *seen) client(name string) string { return s.results[name].States.Client }
func (s *seen) server(name string) string { return s.results[name].States.Server }

// ack is the time from the first FIN to its ACK, in ms.
func (s *seen) ack(name string) float64 { return millis(s.wire(name).AckDelayUS) }

// lasted is how long the state lasted that the experiment is about, in seconds.
func (s *seen) lasted(name string) float64 { return s.results[name].LastedMS / 1000 }

// prints is what the experiment's i-th check printed; empty if it never ran.
func (s *seen) prints(name string, i int) string {
	if p := s.results[name].Prints; i < len(p) {
		return p[i]
	}
	return ""
}

// errno is what the first failing step of the experiment's client failed with.
func (s *seen) errno(name string) string {
	if e := s.results[name].Errors; len(e) > 0 {
		return e[0].Errno
	}
	return ""
}

// got is what the i-th crafted segment got whose answer was waited for; "no
// answer" if it did not come to that.
func (s *seen) got(name string, i int) string {
	a := s.results[name].Answers
	if i < 0 || i >= len(a) {
		return "no answer"
	}
	return a[i].Got
}

// last is what the last of them got.
func (s *seen) last(name string) string { return s.got(name, len(s.results[name].Answers)-1) }

// answer is when the server's first data came on the latest connection, in ms after
// the SYN.
func (s *seen) answer(name string) float64 { return s.results[name].Opened.AnswerMS }

// inSYNACK is how much data the SYN+ACK of the latest connection carried.
func (s *seen) inSYNACK(name string) int {
	all := s.results[name].All
	for _, l := range all[len(all)-1].Opening {
		if l.Flags == "SYN+ACK" {
			return l.Len
		}
	}
	return 0
}

// about reports whether a time in ms is the one that was claimed, within a third of
// a round trip of 100 ms.
func about(ms, claimed float64) bool { return ms > claimed-33 && ms < claimed+33 }

// tally is what became of an experiment that connects again and again.
func (s *seen) tally(name string) (connected, failed int) {
	r := s.results[name]
	return r.Connections, r.Failures
}

// own are the segments of the close as they would be without loss.
func own(r *teardown.Report) (lines []*teardown.Line) {
	all := teardown.Undisturbed(r.Segments)
	for i := range all {
		if l := &all[i]; l.Elided == nil {
			lines = append(lines, l)
		}
	}
	return lines
}

// flights counts how often the direction changes, and one: the one-way trips
// that the close takes.
func flights(r *teardown.Report) (n int) {
	var from teardown.Who
	for _, l := range own(r) {
		if l.From != from {
			n++
		}
		from = l.From
	}
	return n
}

// fin is the n-th segment with a FIN, n from 1, or nil.
func fin(r *teardown.Report, n int) *teardown.Line {
	for _, l := range own(r) {
		if !hasFIN(l) {
			continue
		}
		if n--; n == 0 {
			return l
		}
	}
	return nil
}

// finAgain is the first FIN that was sent again, and the other side's segment
// that comes next; either may be nil.
func finAgain(r *teardown.Report) (again, answer *teardown.Line) {
	for i := range r.Segments {
		switch l := &r.Segments[i]; {
		case !l.Arrived():
		case again == nil && l.Again && hasFIN(l):
			again = l
		case again != nil && l.From != again.From:
			return again, l
		}
	}
	return again, nil
}

// carrier is the segment that acknowledges the first FIN, or nil.
func carrier(r *teardown.Report) *teardown.Line {
	for _, l := range own(r) {
		if l.Carries != "" {
			return l
		}
	}
	return nil
}

func hasFIN(l *teardown.Line) bool { return strings.HasPrefix(l.Flags, "FIN") }

// of is the state of the side that sent l, once it had.
func of(l *teardown.Line) string {
	if l.From == teardown.Client {
		return l.States[0]
	}
	return l.States[1]
}

func millis(us int64) float64 { return float64(us) / 1000 }

// whether is a finding without half measures.
func whether(ok bool, evidence string, args ...any) Finding {
	return graded(ok, ok, evidence, args...)
}

// graded is a finding about a claim that may hold as a whole or in some part.
func graded(whole, some bool, evidence string, args ...any) Finding {
	f := Finding{Mark: No, Evidence: fmt.Sprintf(evidence, args...)}
	switch {
	case whole:
		f.Mark = Holds
	case some:
		f.Mark = InPart
	}
	return f
}
