package explain

import (
	"fmt"
	"strings"

	"lastack/harness/teardown"
)

// Line is a connection in one line, for who watches them close:
//
//	12:30:20.194  17  10.77.0.1:42076 > 10.77.0.2:80  three-way, client first, ACK after 0.15 ms
//
// What the kernel says comes last: "; server nginx (812): TCP_ABORT_ON_CLOSE".
func (c *Connection) Line() string {
	end := c.Start.Add(micros(c.DurationUS)).UTC()
	parts := []string{string(c.Close)}
	switch c.ActiveCloser {
	case teardown.Client, teardown.Server:
		parts = append(parts, string(c.ActiveCloser)+" first")
	}
	if c.ResetBy != teardown.None {
		parts = append(parts, "RST from "+string(c.ResetBy))
	}
	if c.ResetCause != "" && c.Close != teardown.Refused {
		parts = append(parts, string(c.ResetCause))
	}
	if c.AckDelayUS >= 0 {
		parts = append(parts, "ACK after "+long(micros(c.AckDelayUS)))
	}
	if c.FINRetransmissions > 0 {
		parts = append(parts, count(c.FINRetransmissions, "FIN")+" again")
	}
	return fmt.Sprintf("%s  %d  %s > %s  %s", end.Format("15:04:05.000"), c.N, c.Client, c.Server, strings.Join(parts, ", ")) + c.kernelLine()
}
