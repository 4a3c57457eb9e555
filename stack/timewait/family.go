package timewait

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"lastack/stack/segment"
)

// shardCount spreads the records over locks, and bounds what the memory of one
// shard, and so its growth, can be.
const (
	shardCount = 1 << shardBits
	shardBits  = 6
)

// family is the table for the tuples of one IP version.
type family[K key] struct {
	seed   maphash.Seed
	n      atomic.Int64
	shards [shardCount]shard[K]
}

func (f *family[K]) init(seed maphash.Seed) {
	f.seed = seed
	for i := range f.shards {
		f.shards[i].seed = seed
		f.shards[i].due.Store(int64(never))
	}
}

// shard is where a key belongs, and the key's hash inside.
func (f *family[K]) shard(k *K) (*shard[K], uint32) {
	h := maphash.Comparable(f.seed, *k)
	return &f.shards[h>>(64-shardBits)], uint32(h)
}

func (f *family[K]) add(k K, s state, now time.Duration) {
	sh, hash := f.shard(&k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.put(&k, hash, s, now) {
		f.n.Add(1)
	}
}

func (f *family[K]) arrive(k K, seg *segment.Segment, now time.Duration, ru *Rules) (Verdict, Record) {
	sh, hash := f.shard(&k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	i := sh.find(&k, hash)
	if i == 0 {
		return Unknown, Record{}
	}
	s := sh.slots.at(i)
	v, restart := s.judge(seg, millis(now), ru)
	if restart {
		sh.restart(i, ru.Life, now)
	}
	r := s.record(k.tuple(), now)
	if v == Killed {
		sh.drop(i, hash)
		f.n.Add(-1)
	}
	return v, r
}

// get finds a record, and takes it out if asked to.
func (f *family[K]) get(k K, now time.Duration, remove bool) (Record, bool) {
	sh, hash := f.shard(&k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	i := sh.find(&k, hash)
	if i == 0 {
		return Record{}, false
	}
	r := sh.slots.at(i).record(k.tuple(), now)
	if remove {
		sh.drop(i, hash)
		f.n.Add(-1)
	}
	return r, true
}

// expire calls gone for each record whose time is over, and counts them.
func (f *family[K]) expire(now time.Duration, gone func(segment.Tuple)) (total int) {
	if f.n.Load() == 0 {
		return 0
	}
	var batch [64]K
	for i := range f.shards {
		sh := &f.shards[i]
		for sh.due.Load() <= int64(now) {
			n := sh.reap(now, batch[:])
			f.n.Add(-int64(n))
			total += n
			for j := range n {
				if gone != nil {
					gone(batch[j].tuple())
				}
			}
		}
	}
	return total
}

// next is the least due of all shards.
func (f *family[K]) next() time.Duration {
	due := int64(never)
	if f.n.Load() == 0 {
		return never
	}
	for i := range f.shards {
		due = min(due, f.shards[i].due.Load())
	}
	return time.Duration(due)
}

// each calls do for each record, and reports whether it always returned true.
func (f *family[K]) each(now time.Duration, do func(*Record) bool) bool {
	var records []Record
	for i := range f.shards {
		records = f.shards[i].snapshot(records[:0], now)
		for j := range records {
			if !do(&records[j]) {
				return false
			}
		}
	}
	return true
}

func (f *family[K]) bytes() (total int) {
	for i := range f.shards {
		total += f.shards[i].bytes()
	}
	return total
}
