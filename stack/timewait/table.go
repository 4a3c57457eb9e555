package timewait

import (
	"time"

	"lastack/stack/segment"
)

// Table holds the connections in TIME_WAIT. Make it with New. All methods may be
// called at any time from any goroutine.
type Table struct{ gone func(segment.Tuple) }

// New makes an empty table. gone, if it is not nil, is called, without locks,
// for each record that expired or was killed, but not for one that was removed
// or replaced.
func New(gone func(segment.Tuple)) *Table { return &Table{gone: gone} }

// Add puts a record in for the time life, in place of one of the same tuple.
func (t *Table) Add(r *Record, life, now time.Duration) {}

// Arrive has the rules judge a segment from the peer.
func (t *Table) Arrive(s *segment.Segment, now time.Duration, ru *Rules) (Verdict, Record) {
	return Unknown, Record{}
}

// Get finds the record of a tuple, whose Src is the host.
func (t *Table) Get(tuple segment.Tuple, now time.Duration) (Record, bool) { return Record{}, false }

// Remove takes the record of a tuple out.
func (t *Table) Remove(tuple segment.Tuple, now time.Duration) (Record, bool) { return Record{}, false }

// Expire takes out the records whose time is over, and counts them.
func (t *Table) Expire(now time.Duration) int { return 0 }

// Next is when Expire has something to do.
func (t *Table) Next(now time.Duration) (at time.Duration, any bool) { return 0, false }

// Len counts the records.
func (t *Table) Len() int { return 0 }

// Each calls f for each record until it returns false.
func (t *Table) Each(now time.Duration, f func(*Record) bool) {}

// Bytes is the memory the table holds.
func (t *Table) Bytes() int { return 0 }
