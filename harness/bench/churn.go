package bench

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"lastack/harness/lab"
)

// wide gives the clients as many ports as there can be.
func wide() error { return lab.Sysctl("net.ipv4.ip_local_port_range", "1024 65535") }

// exchange is one short connection, to its end.
func exchange(n int, clientFirst bool, buf []byte) error {
	s, err := connect(n)
	if err != nil {
		return err
	}
	return s.exchange(clientFirst, buf)
}

// exchange is what follows the handshake of a short connection.
func (s socket) exchange(clientFirst bool, buf []byte) (err error) {
	if err = s.write(buf); err == nil {
		err = s.readFull(buf)
	}
	if err == nil && clientFirst {
		err = s.closeWrite()
	}
	if err == nil {
		err = s.readEOF()
	}
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	return err
}

// failures counts errors, and keeps the first to report it.
type failures struct {
	n    atomic.Int64
	once sync.Once
}

func (f *failures) add(err error) {
	f.n.Add(1)
	f.once.Do(func() { fmt.Fprintf(os.Stderr, "lastack: bench: the first connection that failed: %v\n", err) })
}

// each has workers make a number of connections, which are numbered.
func each(workers, count int, one func(n int, buf []byte) error, failed *failures) {
	var turn atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			buf := [request]byte{}
			for n := int(turn.Add(1)) - 1; n < count; n = int(turn.Add(1)) - 1 {
				if err := one(n, buf[:]); err != nil {
					failed.add(err)
				}
			}
		})
	}
	wg.Wait()
}

// churn connects as fast as it can, for some windows.
func churn(r *run) (sample, error) {
	if err := wide(); err != nil {
		return nil, err
	}
	blocking(r.Workers)
	made := make([]atomic.Int64, r.Windows)
	var turn atomic.Int64
	var failed failures
	var wg sync.WaitGroup
	begin := time.Now()
	for range r.Workers {
		wg.Go(func() {
			buf := make([]byte, request)
			for {
				window := int(time.Since(begin) / r.Window)
				if window >= r.Windows {
					return
				}
				if err := exchange(int(turn.Add(1)), r.ClientFirst, buf); err != nil {
					failed.add(err)
					continue
				}
				made[window].Add(1)
			}
		})
	}
	wg.Wait()
	total := 0.0
	for i := range made {
		total += float64(made[i].Load())
	}
	s := sample{
		"made": total, "rate": total / (float64(r.Windows) * r.Window.Seconds()),
		"failures": float64(failed.n.Load()),
	}
	if first := made[0].Load(); first > 0 {
		s["last_first"] = float64(made[len(made)-1].Load()) / float64(first)
	}
	return s, nil
}
