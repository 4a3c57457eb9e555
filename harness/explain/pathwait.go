package explain

import (
	"time"

	"lastack/stack/segment"
)

// waiting holds what was seen of one direction in one capture and not yet in the
// other, of each capture in the order of time.
type waiting struct {
	sender int   // the capture at the sender's end
	slack  int64 // how much earlier than that one the other may have an item; negative means any
	side   [2][]item
	latest int64 // A's time of the latest item that was found
	pieces []item
}

// begin is for a direction of which nothing waits; slack is that of waiting.
func (w *waiting) begin(sender int, slack int64) {
	w.sender, w.slack, w.latest = sender, slack, 0
}

// An item that is not found in the other capture in that time counts as missing there.
const (
	waitAtMost = 10 * time.Second // after it was due
	waitBehind = time.Second      // after a later segment of the same direction was found
)

// The bounds of what waits; past them the oldest counts as missing at once.
const (
	maxWaitingOne = 16_384  // of one direction in one capture
	maxWaitingAll = 400_000 // of all: 26 MB
)

// found is an item that both captures have.
type found struct{ a, b *item }

// take holds an item of one capture against what waits of the other; what is left of it
// waits. each is called for everything that was found.
func (w *waiting) take(from int, i item, each func(found)) {
	pieces := append(w.pieces[:0], i)
	for len(pieces) > 0 {
		i := pieces[len(pieces)-1]
		pieces = pieces[:len(pieces)-1]
		n := w.best(1-from, &i)
		if n < 0 {
			w.side[from] = append(w.side[from], i)
			continue
		}
		other := w.side[1-from][n]
		w.latest = max(w.latest, i.at, other.at)
		if from == 0 {
			each(found{&i, &other})
		} else {
			each(found{&other, &i})
		}
		if i.kind != itemData {
			w.remove(1-from, n)
			continue
		}
		pieces = w.cut(from, n, &i, pieces)
	}
	w.pieces = pieces
}

// fewMore is how many items are looked at for a better one than the first that fits.
const fewMore = 64

// best is the waiting item that is most surely this one, -1 if there is none.
func (w *waiting) best(side int, i *item) int {
	at, score, sure := -1, 0, i.sure()
	list := w.side[side]
	for n := range list {
		if s := i.like(&list[n]); s > score && w.causal(side, &list[n], i) {
			at, score = n, s
		}
		if at >= 0 && (score >= sure || n-at >= fewMore) {
			break
		}
	}
	return at
}

// causal reports whether an item that waits in one capture can be what the other has now:
// nothing arrives before it is sent. An arrival from a first transmission that the
// sender's capture does not have is not taken for the second.
func (w *waiting) causal(side int, waits, i *item) bool {
	if w.slack < 0 {
		return true
	}
	if side == w.sender {
		return waits.at <= i.at+w.slack
	}
	return i.at <= waits.at+w.slack
}

// cut takes the bytes that an item has in common with waiting item n out of both. The
// rest of the item is added to pieces.
func (w *waiting) cut(from, n int, i *item, pieces []item) []item {
	other := w.side[1-from][n]
	start, end := i.seq.Max(other.seq), i.end
	if other.end.Less(end) {
		end = other.end
	}
	before, behind := other.split(start, end)
	switch left, right := before.seq.Less(before.end), behind.seq.Less(behind.end); {
	case left && right:
		w.side[1-from][n] = before
		w.insert(1-from, n+1, behind)
	case left:
		w.side[1-from][n] = before
	case right:
		w.side[1-from][n] = behind
	default:
		w.remove(1-from, n)
	}
	before, behind = i.split(start, end)
	for _, rest := range []item{behind, before} {
		if rest.seq.Less(rest.end) {
			pieces = append(pieces, rest)
		}
	}
	return pieces
}

// split is what an item has before start and behind end.
func (i *item) split(start, end segment.Seq) (before, behind item) {
	before, behind = *i, *i
	before.end, behind.seq = start, end
	before.part, behind.part = true, true
	before.rides = false // the FIN is behind the data
	return before, behind
}

func (w *waiting) remove(side, n int) {
	list := w.side[side]
	if n < len(list)/2 {
		copy(list[1:], list[:n])
		w.side[side] = list[1:] // append moves the rest when it has to
		return
	}
	w.side[side] = append(list[:n], list[n+1:]...)
}

func (w *waiting) insert(side, n int, i item) {
	list := append(w.side[side], item{})
	copy(list[n+1:], list[n:])
	list[n] = i
	w.side[side] = list
}

// expire gives up what waits for too long at a time, the oldest that are more than
// keep included, and calls each with it.
func (w *waiting) expire(now int64, keep int, each func(side int, i *item)) (gone int) {
	for side := range w.side {
		for len(w.side[side]) > 0 {
			i := &w.side[side][0]
			late := i.at+int64(waitAtMost) < now || i.at+int64(waitBehind) < w.latest
			if !late && len(w.side[side]) <= keep {
				break
			}
			each(side, i)
			w.side[side] = w.side[side][1:]
			gone++
		}
	}
	return gone
}

// segments is in how many segments an item travels, where offloading shows them as one.
// Of MSS the options are to be taken off (RFC 6691).
func (i *item) segments(mss int) int {
	if i.kind != itemData {
		if i.rides {
			return 0
		}
		return 1
	}
	const timestamps = 12
	if i.options&optTimestamps != 0 {
		mss -= timestamps
	}
	mss = max(mss, 1)
	n := max((i.bytes()+mss-1)/mss, 1)
	if i.rides {
		n--
	}
	return n
}

// bytes is how much data an item has.
func (i *item) bytes() int {
	if i.kind != itemData {
		return 0
	}
	return i.end.Diff(i.seq)
}

func (w *waiting) len() int { return len(w.side[0]) + len(w.side[1]) }
