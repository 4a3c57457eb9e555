package app

import (
	"errors"
	"io"
	"testing"
	"time"
)

// BenchmarkCloseAfterEOF measures, for the kinds that close at once, the time
// from the client's FIN to the server's as the client sees it. It must stay far
// below the 40 ms of a delayed acknowledgment.
func BenchmarkCloseAfterEOF(b *testing.B) {
	for _, kind := range []string{"echo", "discard", "http"} {
		b.Run(kind, func(b *testing.B) {
			l := newLab(b, "1="+kind)
			var total, most time.Duration
			one := make([]byte, 1)
			for b.Loop() {
				c, _ := l.dial()
				start := time.Now()
				if err := c.CloseWrite(); err != nil {
					b.Fatal(err)
				}
				if _, err := c.Read(one); !errors.Is(err, io.EOF) {
					b.Fatal(err)
				}
				d := time.Since(start)
				total, most = total+d, max(most, d)
				c.Close()
			}
			b.ReportMetric(float64(total.Microseconds())/float64(b.N), "us/close")
			b.ReportMetric(float64(most.Microseconds()), "us/longest-close")
		})
	}
}
