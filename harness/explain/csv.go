package explain

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"
)

// CSV writes one line for each connection, with a header, for spreadsheets and
// databases (RFC 4180). Begin with NewCSV, and end with Flush.
type CSV struct {
	w   *csv.Writer
	row []string
}

// csvColumns are the columns; their names do not change.
var csvColumns = []string{
	"n", "start", "client", "server", "close", "active_closer", "time_wait",
	"duration_us", "client_bytes", "server_bytes", "fin_retransmissions",
	"ack_by", "ack_pace", "ack_delay_us", "half_close_us", "half_close_bytes",
	"reset_by", "reset_cause", "left_open_us", "idle_us", "reason", "rfc",
	"challenged", "ignored", "challenged_resets", "ignored_resets", "cause",
}

// NewCSV begins a table on w.
func NewCSV(w io.Writer) *CSV {
	c := &CSV{w: csv.NewWriter(w)}
	_ = c.w.Write(csvColumns) // Flush tells of errors
	return c
}

// Each writes one connection; it is for Options.Each.
func (c *CSV) Each(k *Connection) error {
	whole := func(n int64) string { return strconv.FormatInt(n, 10) }
	c.row = append(c.row[:0],
		strconv.Itoa(k.N), k.Start.UTC().Format(time.RFC3339Nano), k.Client, k.Server,
		string(k.Close), string(k.ActiveCloser), string(k.TimeWait),
		whole(k.DurationUS), whole(int64(k.ClientBytes)), whole(int64(k.ServerBytes)), strconv.Itoa(k.FINRetransmissions),
		string(k.AckBy), string(k.AckPace), whole(k.AckDelayUS), whole(k.HalfCloseUS), whole(int64(k.HalfCloseBytes)),
		string(k.ResetBy), string(k.ResetCause), whole(k.LeftOpenUS), whole(k.IdleUS), k.Reason, k.RFC,
		strconv.Itoa(k.Challenged), strconv.Itoa(k.Ignored), strconv.Itoa(k.ChallengedResets), strconv.Itoa(k.IgnoredResets), string(k.Cause),
	)
	if err := c.w.Write(c.row); err != nil {
		return fmt.Errorf("writing connection %d as CSV: %w", k.N, err)
	}
	return nil
}

// Flush writes out what is buffered.
func (c *CSV) Flush() error {
	c.w.Flush()
	if err := c.w.Error(); err != nil {
		return fmt.Errorf("writing CSV: %w", err)
	}
	return nil
}
