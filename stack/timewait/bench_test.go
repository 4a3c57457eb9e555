package timewait

import (
	"runtime"
	"testing"
	"time"
)

// crowd is claim 29 of the notes: 10,000 connections a second for 60 seconds.
const crowd = 600_000

// fill adds n records, ten in each millisecond.
func fill(tab *Table, version, n int) {
	for i := range n {
		now := time.Duration(i) * 100 * time.Microsecond
		tab.Add(recordOf(tupleOf(version, i), true, now), life, now)
	}
}

func BenchmarkAdd(b *testing.B) {
	for name, version := range map[string]int{"IPv4": 4, "IPv6": 6} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			tab, r := New(nil), recordOf(tupleOf(version, 0), true, 0)
			for i := 0; b.Loop(); i++ {
				if i%crowd == 0 {
					tab = New(nil)
				}
				now := time.Duration(i%crowd) * 100 * time.Microsecond
				r.Dst.Port, r.Dst.Addr[12] = uint16(i), byte(i>>16)
				tab.Add(r, life, now)
			}
		})
	}
}

// BenchmarkExpire takes records out a millisecond at a time, as they came.
func BenchmarkExpire(b *testing.B) {
	b.ReportAllocs()
	tab, now := New(nil), time.Duration(0)
	for expired := 0; b.Loop(); {
		if expired > 0 { // an operation is one record
			expired--
			continue
		}
		if tab.Len() == 0 {
			b.StopTimer()
			fill(tab, 4, crowd)
			now = life
			b.StartTimer()
		}
		for expired == 0 {
			now += time.Millisecond
			expired = tab.Expire(now)
		}
	}
}

func BenchmarkArrive(b *testing.B) {
	tab := New(nil)
	fill(tab, 4, crowd)
	ru := &Rules{Life: life, RateLimit: limit}
	for name, port := range map[string]uint16{"known": 80, "unknown": 81} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			s := from(tupleOf(4, 0), fin|ack, -1, 0)
			s.Dst.Port = port
			for i := 0; b.Loop(); i++ {
				n := i % crowd
				s.Src.Port, s.Src.Addr[15] = uint16(n), byte(n>>16)
				tab.Arrive(s, time.Minute, ru)
			}
		})
	}
	b.Run("empty", func(b *testing.B) {
		s, none := from(tupleOf(4, 0), fin|ack, -1, 0), New(nil)
		for b.Loop() {
			none.Arrive(s, time.Minute, ru)
		}
	})
}

// BenchmarkCollect is a garbage collection with the table full.
func BenchmarkCollect(b *testing.B) {
	tab := New(nil)
	fill(tab, 4, crowd)
	b.ReportMetric(float64(tab.Bytes())/crowd, "B/record")
	for b.Loop() {
		runtime.GC()
	}
	runtime.KeepAlive(tab)
}
