// Package timewait is the table of connections in TIME_WAIT, and the rules by
// which it answers what still arrives for them.
//
// A connection in TIME_WAIT has nothing left to do but to send its last ACK again (RFC
// 9293 3.10.7.4), to let a new connection take its place when that is safe (RFC 6191),
// not to be killed by an old RST if so configured (RFC 1337), and to tell old from new by
// timestamps (RFC 7323 5). That needs some fifty bytes, not a socket. The rules, in
// rules.go, are those of Linux's tcp_timewait_state_process.
//
//	Table
//	  IPv4, IPv6 ---- 64 shards each, by the hash of the 4-tuple; a lock each
//	                    |
//	    +---------------+-------------------+
//	    |               |                   |
//	  index           pool                wheel
//	  a hash table,   slots of 52 or      level 0: 512 ticks of 4 ms
//	  4 bytes an      76 bytes, in        level 1: 256 blocks of 2.048 s
//	  entry           slabs of 128          |
//	    +---- uint32 -->|<---- uint32 ------+
//
// Slots know each other by number, not by pointer: the garbage collector has
// nothing to scan. To grow, the pool adds a slab and copies nothing. The index of
// a shard doubles at once, when it is filled to 7/8: that is the slowest an
// insertion can be, about 0.3 ms at 600,000 records in all and 1.3 ms at 2 million.
// A shard whose last record goes gives its memory back. At 600,000 records an
// IPv4 one takes about 60 bytes, all told.
//
// The package keeps no clock and no timer, and sends nothing. Its owner says
// what time it is, on any monotonic clock, calls Expire when Next says so, and
// acts on verdicts:
//
//	tab := timewait.New(gone)
//	tab.Add(&rec, life, now)
//	switch verdict, rec := tab.Arrive(seg, now, &rules); verdict {
//	case timewait.Reply: // send an ACK: seq rec.SndNxt, ack rec.RcvNxt
//	}
package timewait
