package explain

import (
	"time"

	"lastack/harness/teardown"
)

// Timeline counts connections by when they ended, or were last seen.
type Timeline struct {
	// Begin is that of the first of the Slots, which are Width apart.
	Begin   time.Time `json:"begin"`
	WidthUS int64     `json:"width_us"`
	Slots   []Slot    `json:"slots"`
}

// Slot counts by kind of close; it has none that did not occur.
type Slot map[teardown.Kind]int

// timeline is a Timeline as it is counted. Each width is a multiple of the one before, so
// that the slots of two can be made the same, and which width there is in the end hangs on
// the first and the last time alone.
type timeline struct {
	width int // an index of slotWidths
	slots map[int64]*[nKinds]int
	low   int64
	high  int64
}

// maxSlots bounds the slots from the first to the last.
const maxSlots = 240

const nKinds = 8

// slotWidths has an end that leaves no time out: those of all years from 1 to 9999.
var slotWidths = func() []time.Duration {
	const day = 24 * time.Hour
	return []time.Duration{
		time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, 5 * time.Second, 15 * time.Second,
		time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, day, 7 * day, 28 * day, 364 * day, 3640 * day, 36400 * day,
	}
}()

// kindIndex is a kind's place among Kinds.
var kindIndex = func() map[teardown.Kind]int {
	m := map[teardown.Kind]int{}
	for i, k := range Kinds() {
		m[k] = i
	}
	return m
}()

// slotOf is the slot of a time; those before 1970 have negative ones.
func slotOf(t time.Time, width time.Duration) int64 {
	if width < time.Second {
		return t.Unix()*int64(time.Second/width) + int64(t.Nanosecond())/int64(width)
	}
	return floored(t.Unix(), int64(width/time.Second))
}

func floored(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func (t *timeline) add(at time.Time, kind teardown.Kind) {
	var one [nKinds]int
	one[kindIndex[kind]] = 1
	t.addSlot(slotOf(at, slotWidths[t.width]), &one)
}

// addSlot adds to a slot of the present width.
func (t *timeline) addSlot(slot int64, n *[nKinds]int) {
	if t.slots == nil {
		t.slots, t.low, t.high = map[int64]*[nKinds]int{}, slot, slot
	}
	t.low, t.high = min(t.low, slot), max(t.high, slot)
	for t.high-t.low >= maxSlots && t.width < len(slotWidths)-1 {
		slot = t.widen(slot)
	}
	s := t.slots[slot]
	if s == nil {
		s = new([nKinds]int)
		t.slots[slot] = s
	}
	for i := range s {
		s[i] += n[i]
	}
}

// widen makes the slots as wide as the next width; it returns where slot is then.
func (t *timeline) widen(slot int64) int64 {
	by := int64(slotWidths[t.width+1] / slotWidths[t.width])
	old := t.slots
	t.width, t.slots = t.width+1, map[int64]*[nKinds]int{}
	t.low, t.high = floored(t.low, by), floored(t.high, by)
	for k, n := range old {
		s := t.slots[floored(k, by)]
		if s == nil {
			t.slots[floored(k, by)] = n
			continue
		}
		for i := range s {
			s[i] += n[i]
		}
	}
	return floored(slot, by)
}

func (t *timeline) merge(o *timeline) {
	if o.slots == nil {
		return
	}
	if t.slots == nil {
		t.slots, t.low, t.high, t.width = map[int64]*[nKinds]int{}, o.low, o.high, o.width
	}
	for t.width < o.width {
		t.widen(t.low)
	}
	for k, n := range o.slots {
		by := int64(slotWidths[t.width] / slotWidths[o.width])
		t.addSlot(floored(k, by), n)
	}
}

// list is the Timeline, nil where nothing ended.
func (t *timeline) list() *Timeline {
	if len(t.slots) == 0 {
		return nil
	}
	width := slotWidths[t.width]
	var begin time.Time
	if width < time.Second {
		per := int64(time.Second / width)
		begin = time.Unix(floored(t.low, per), (t.low-floored(t.low, per)*per)*int64(width))
	} else {
		begin = time.Unix(t.low*int64(width/time.Second), 0)
	}
	begin = later(begin, time.Time{}) // no other year can be written down
	out := &Timeline{Begin: begin.UTC(), WidthUS: width.Microseconds(), Slots: make([]Slot, t.high-t.low+1)}
	for i := range out.Slots {
		out.Slots[i] = Slot{}
	}
	kinds := Kinds()
	for k, of := range t.slots {
		for i, n := range of {
			if n > 0 {
				out.Slots[k-t.low][kinds[i]] = n
			}
		}
	}
	return out
}
