package timewait

import (
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// never is a time at which nothing is due.
const never = time.Duration(math.MaxInt64)

// shard is a table of its own for a part of the keys, behind a lock.
type shard[K key] struct {
	seed maphash.Seed
	// due is when reap has something to do, for readers without the lock.
	due atomic.Int64

	mu    sync.Mutex
	n     int
	slots pool[K]
	index index[K]
	wheel *wheel[K] // nil while the shard is empty
}

// hash is the half of a key's hash that the index uses.
func (sh *shard[K]) hash(k *K) uint32 { return uint32(maphash.Comparable(sh.seed, *k)) }

// put adds or replaces a record, and reports whether it is one more. sh.mu is
// held, here and below where a hash is handed in.
func (sh *shard[K]) put(k *K, hash uint32, s state, now time.Duration) bool {
	if sh.wheel == nil {
		sh.wheel = newWheel[K](now)
	}
	if sh.index.full() {
		sh.index.rebuild(&sh.slots, sh.n, sh.hash)
	}
	i, place := sh.index.find(&sh.slots, k, hash)
	added := i == 0
	if added {
		i = sh.slots.alloc()
		sh.slots.at(i).key = *k
		sh.n++
		sh.index.insert(place, hash, i)
	} else {
		sh.wheel.remove(&sh.slots, i)
	}
	slot := sh.slots.at(i)
	slot.state = s
	sh.wheel.add(&sh.slots, i)
	if !added || slot.next == 0 { // else others in its place of the wheel were published
		sh.publish()
	}
	return added
}

// find returns the slot of a key, or 0.
func (sh *shard[K]) find(k *K, hash uint32) uint32 {
	i, _ := sh.index.find(&sh.slots, k, hash)
	return i
}

// restart gives slot i a new deadline.
func (sh *shard[K]) restart(i uint32, life, now time.Duration) {
	sh.wheel.remove(&sh.slots, i)
	sh.slots.at(i).deadline = deadlineAfter(life, now)
	sh.wheel.add(&sh.slots, i)
	sh.publish()
}

// drop takes slot i out. With the last one the shard gives its memory back.
func (sh *shard[K]) drop(i, hash uint32) {
	sh.wheel.remove(&sh.slots, i)
	sh.discard(i, hash)
	sh.publish()
}

// discard is drop for a slot that the wheel has let go of.
func (sh *shard[K]) discard(i, hash uint32) {
	sh.index.remove(hash, i)
	sh.slots.release(i)
	if sh.n--; sh.n == 0 {
		sh.slots, sh.index, sh.wheel = pool[K]{}, index[K]{}, nil
	}
}

// publish sets due by the wheel.
func (sh *shard[K]) publish() {
	due := never
	if sh.wheel != nil {
		if t, any := sh.wheel.next(); any {
			due = time.Duration(t) * tick
		}
	}
	sh.due.Store(int64(due))
}

// reap takes out records whose time is over and returns their keys in out, at
// most as many as it has room for, so that the lock is never held for long.
func (sh *shard[K]) reap(now time.Duration, out []K) (n int) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for n < len(out) && sh.wheel != nil {
		i := sh.wheel.pop(&sh.slots, int64(now/tick))
		if i == 0 {
			break
		}
		out[n] = sh.slots.at(i).key
		sh.discard(i, sh.hash(&out[n]))
		n++
	}
	sh.publish()
	return n
}

// snapshot appends the shard's records to out.
func (sh *shard[K]) snapshot(out []Record, now time.Duration) []Record {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for i := range sh.slots.top {
		if s := sh.slots.at(i); s.has(used) {
			out = append(out, s.record(s.key.tuple(), now))
		}
	}
	return out
}

// bytes is what the shard holds beside itself.
func (sh *shard[K]) bytes() int {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	n := sh.slots.bytes() + sh.index.bytes()
	if sh.wheel != nil {
		n += int(unsafe.Sizeof(*sh.wheel))
	}
	return n
}
