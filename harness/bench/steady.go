package bench

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// echo sends requests over one connection, each after the answer to the one before.
func echo(r *run) (sample, error) {
	s, err := connect(0)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, request)
	var times []time.Duration
	for begin := time.Now(); time.Since(begin) < r.Window; {
		start := time.Now()
		if err := s.write(buf); err != nil {
			return nil, err
		}
		if err := s.readFull(buf); err != nil {
			return nil, err
		}
		times = append(times, time.Since(start))
	}
	p50, p99 := percentiles(times)
	return sample{"p50_us": micros(p50), "p99_us": micros(p99), "failures": 0}, s.close()
}

// closing makes connections one after the other, and measures from the client's FIN
// to the server's.
func closing(r *run) (sample, error) {
	buf := make([]byte, request)
	var times []time.Duration
	for begin := time.Now(); time.Since(begin) < r.Window; {
		took, err := closeOnce(len(times), buf)
		if err != nil {
			return nil, err
		}
		times = append(times, took)
	}
	p50, p99 := percentiles(times)
	return sample{"p50_us": micros(p50), "p99_us": micros(p99), "failures": 0}, nil
}

func closeOnce(n int, buf []byte) (time.Duration, error) {
	s, err := connect(n)
	if err != nil {
		return 0, err
	}
	defer func() { _ = s.close() }() // there is nothing left that could fail
	if err := s.write(buf); err != nil {
		return 0, err
	}
	if err := s.readFull(buf); err != nil {
		return 0, err
	}
	start := time.Now()
	if err := s.closeWrite(); err != nil {
		return 0, err
	}
	err = s.readEOF()
	return time.Since(start), err
}

// idle opens connections, exchanges a request over each, and leaves them open.
func idle(r *run) (sample, error) {
	if err := wide(); err != nil {
		return nil, err
	}
	if err := moreFiles(); err != nil {
		return nil, err
	}
	buf := make([]byte, request)
	var open []socket
	hold := func(count int) error {
		for range count {
			s, err := connect(len(open))
			if err != nil {
				return fmt.Errorf("connection %d: %w", len(open)+1, err)
			}
			open = append(open, s)
			if err := s.write(buf); err != nil {
				return err
			}
			if err := s.readFull(buf); err != nil {
				return err
			}
		}
		return pause()
	}
	if err := hold(r.Count / 10); err != nil { // so that pools have their size
		return nil, err
	}
	if err := hold(r.Count); err != nil {
		return nil, err
	}
	return sample{"held": float64(r.Count), "failures": 0}, nil // which ends them all
}

// bulk sends or receives as much as it can over one connection.
func bulk(r *run) (sample, error) {
	c, err := net.Dial("tcp", netip.AddrPortFrom(serverAddr, firstPort).String())
	if err != nil {
		return nil, err
	}
	move := c.Read
	if !r.FromHost {
		move = c.Write
	}
	buf := bytes.Repeat([]byte("lastack\n"), block/8)
	total, begin := 0, time.Now()
	if err := c.SetDeadline(begin.Add(r.Window + callTimeout*time.Second)); err != nil {
		return nil, err
	}
	for time.Since(begin) < r.Window {
		n, err := move(buf)
		if err != nil {
			return nil, fmt.Errorf("after %d bytes: %w", total, err)
		}
		total += n
	}
	took := time.Since(begin)
	return sample{"bytes": float64(total), "gbit": float64(total) * 8 / 1e9 / took.Seconds(), "failures": 0}, c.Close()
}
