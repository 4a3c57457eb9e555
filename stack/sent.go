package stack

import (
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// sent counts what an endpoint has taken over from its application, in bytes: netstack does
// not tell, and the close path wants to know which data are the last.
type sent struct {
	// mu is held while the endpoint takes data over, so that who has shut it sees all of them
	// counted.
	mu sync.Mutex
	n  uint64
}

// write is the endpoint's Write. It does not wait.
func (s *sent) write(ep tcpip.Endpoint, p tcpip.Payloader, opts tcpip.WriteOptions) (int64, tcpip.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := ep.Write(p, opts)
	s.n += uint64(max(n, 0))
	return n, err
}

func (s *sent) total() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}
