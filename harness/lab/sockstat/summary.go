package sockstat

import (
	"cmp"
	"fmt"
	"io"
	"math"

	"lastack/harness/term/paragraph"
)

// Summary counts sockets. Its JSON is that of the control API.
type Summary struct {
	// States has a number for each state in which there is a socket.
	States map[string]int `json:"states"`
	// Orphaned counts connections that have sent their FIN and are not through.
	Orphaned int `json:"orphaned"`
	// IPv4 and IPv6 count sockets by family, TIME_WAIT apart.
	IPv4 int `json:"ipv4"`
	IPv6 int `json:"ipv6"`
}

// Total is the number of sockets, TIME_WAIT included.
func (s *Summary) Total() int {
	n := 0
	for _, c := range s.States {
		n += c
	}
	return n
}

// Write prints the summary as "ss -s" does, for TCP alone. There as here "estab"
// includes CLOSE_WAIT, and "closed" TIME_WAIT. Columns is how wide the terminal is; 0 for a
// file or pipe.
func (s *Summary) Write(w io.Writer, columns int) error {
	tw := s.States["TIME_WAIT"]
	live := s.IPv4 + s.IPv6
	tcp := fmt.Sprintf("%d (estab %d, closed %d, orphaned %d, timewait %d)",
		s.Total(), s.States["ESTABLISHED"]+s.States["CLOSE_WAIT"], s.States["CLOSED"]+tw, s.Orphaned, tw)
	_, err := fmt.Fprintf(w, `Total: %d
%s
Transport Total     IP        IPv6
TCP	  %-9d %-9d %-9d
`, live, paragraph.Hanging(tcp, "TCP:   ", cmp.Or(columns, math.MaxInt)), live, s.IPv4, s.IPv6)
	return err
}
